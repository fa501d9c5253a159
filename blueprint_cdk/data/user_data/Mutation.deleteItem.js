import { util } from '@aws-appsync/utils';

export function request(ctx) {
  const { id, _version } = ctx.args;
  return {
    operation: 'DeleteItem',
    key: util.dynamodb.toMapValues({ owner: ctx.identity.sub, id }),
    _version,
  };
}

export function response(ctx) {
  const kept = ctx.result;
  const told = kept ? { ...kept, value: JSON.stringify(kept.value) } : null;
  // With the item as it is now: the device decides with it, and asks again.
  if (ctx.error) util.error(ctx.error.message, ctx.error.type, told);
  return told;
}
