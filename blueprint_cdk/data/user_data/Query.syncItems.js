import { util } from '@aws-appsync/utils';

export function request(ctx) {
  const { lastSync, limit, nextToken } = ctx.args;
  const owner = ctx.identity.sub;
  return {
    operation: 'Sync',
    // Both tables are queried at the owner's partition, never scanned.
    basePartitionKey: owner,
    // That nothing depends on how AppSync composes the delta table's partitions.
    filter: {
      expression: '#owner = :owner',
      expressionNames: { '#owner': 'owner' },
      expressionValues: util.dynamodb.toMapValues({ ':owner': owner }),
    },
    lastSync,
    limit: limit > 0 && limit < 500 ? limit : 100,
    nextToken,
  };
}

export function response(ctx) {
  if (ctx.error) util.error(ctx.error.message, ctx.error.type);
  return ctx.result;
}
