import { util } from '@aws-appsync/utils';

export function request(ctx) {
  const { id, value, _version } = ctx.args;
  return {
    operation: 'PutItem',
    key: util.dynamodb.toMapValues({ owner: ctx.identity.sub, id }),
    // AppSync has made a map of AWSJSON by now: what two devices changed in different fields is merged.
    attributeValues: util.dynamodb.toMapValues({ value }),
    // The change is noted below its owner, which is where Query.syncItems looks for it.
    customPartitionKey: 'owner',
    _version,
  };
}

export function response(ctx) {
  if (ctx.error) util.error(ctx.error.message, ctx.error.type, ctx.result);
  return ctx.result;
}
