import { util } from '@aws-appsync/utils';

export function request(ctx) {
  const { id, value, _version } = ctx.args;
  return {
    operation: 'PutItem',
    key: util.dynamodb.toMapValues({ owner: ctx.identity.sub, id }),
    // As a map, not as text: what two devices changed in different fields is merged.
    attributeValues: util.dynamodb.toMapValues({ value: JSON.parse(value) }),
    _version,
  };
}

export function response(ctx) {
  const kept = ctx.result;
  const told = kept ? { ...kept, value: JSON.stringify(kept.value) } : null;
  if (ctx.error) util.error(ctx.error.message, ctx.error.type, told);
  return told;
}
