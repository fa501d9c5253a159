"""The app "baseline": what exists once per account and region.

Three stacks. In each region `switchyard-baseline`: the way events reach the portal, Access Analyzer, the registry. In
the home region `switchyard-account`: costs and who reads them; and `switchyard-guard`, which is made once and which the
portal cannot change afterwards: the trail, the locked buckets, the groups of people. What has no CloudFormation type is
done by steps that look first (workers/account_settings.py).
"""

from __future__ import annotations

import aws_cdk as cdk

from blueprint_cdk.baseline.account import AccountStack
from blueprint_cdk.baseline.events import EventsStack
from blueprint_cdk.baseline.guard import GuardStack
from blueprint_cdk.baseline.region import Images, OutsideAccess
from blueprint_cdk.baseline_spec import BaselineSpec


def compose(app: cdk.App, spec: BaselineSpec, *, release: str) -> None:
    """Adds the baseline's stacks for one account and region to `app`."""
    region = EventsStack(app, spec)
    OutsideAccess(region, "OutsideAccess")
    Images(region, "Images", account_id=spec.account_id, others=spec.others)
    changing: list[tuple[cdk.Stack, str]] = [(region, "events")]
    if spec.is_home:
        changing.append((AccountStack(app, spec), "account"))
        # No tag of the release: a tag that moves would change what nobody may change.
        cdk.Tags.of(GuardStack(app, spec)).add("switchyard:baseline", "guard")
    for stack, key in changing:
        cdk.Tags.of(stack).add("switchyard:baseline", key)
        cdk.Tags.of(stack).add("switchyard:release", release)
