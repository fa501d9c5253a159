import { util } from '@aws-appsync/utils';

export function request(ctx) {
  const { lastSync, limit, nextToken } = ctx.args;
  const owner = ctx.identity.sub;
  return {
    operation: 'Sync',
    // The base table is queried at the owner's partition, never scanned.
    basePartitionKey: owner,
    // The delta table holds changes of all owners.
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
  const items = ctx.result.items.map((item) => ({ ...item, value: JSON.stringify(item.value) }));
  return { ...ctx.result, items };
}
