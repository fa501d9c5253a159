import { util } from '@aws-appsync/utils';

export function request(ctx) {
  const { lastSync, limit, nextToken } = ctx.args;
  return {
    operation: 'Sync',
    // Both tables are queried at the owner's partition, never scanned.
    basePartitionKey: ctx.identity.sub,
    lastSync,
    limit: limit > 0 && limit < 500 ? limit : 100,
    nextToken,
  };
}

export function response(ctx) {
  if (ctx.error) util.error(ctx.error.message, ctx.error.type);
  // Nothing is to depend on how AppSync composes partitions; and no query of DynamoDB takes a filter by its key.
  const items = ctx.result.items.filter((item) => item.owner === ctx.identity.sub);
  return { ...ctx.result, items };
}
