import { util } from '@aws-appsync/utils';

export function request(ctx) {
  const { id, _version } = ctx.args;
  return {
    operation: 'DeleteItem',
    key: util.dynamodb.toMapValues({ owner: ctx.identity.sub, id }),
    // The change is noted below its owner, which is where Query.syncItems looks for it.
    customPartitionKey: 'owner',
    _version,
  };
}

export function response(ctx) {
  // With the item as it is now: the device decides with it, and asks again.
  if (ctx.error) util.error(ctx.error.message, ctx.error.type, ctx.result);
  return ctx.result;
}
