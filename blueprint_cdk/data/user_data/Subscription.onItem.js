import { extensions, util } from '@aws-appsync/utils';

export function request() {
  return { payload: null };
}

export function response(ctx) {
  // Decided here, from the token: a device is told of its own user's changes only.
  const own = util.transform.toSubscriptionFilter({ owner: { eq: ctx.identity.sub } });
  extensions.setSubscriptionFilter(own);
  return null;
}
