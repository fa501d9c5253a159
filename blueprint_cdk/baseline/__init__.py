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
    before = [OutsideAccess(region, "OutsideAccess"), *region.made]
    Images(region, "Images", account_id=spec.account_id, others=spec.others).come_after(before)
    cdk.Tags.of(region).add("switchyard:baseline", "events")
    cdk.Tags.of(region).add("switchyard:release", release)
    if spec.is_home:
        # No tag of the release: a cost monitor's tags are create-only, so one that moves would replace it
        # (docs/decisions/0274-costs-are-the-payers.md).
        cdk.Tags.of(AccountStack(app, spec)).add("switchyard:baseline", "account")
        # Nor here: it would change what nobody may change.
        cdk.Tags.of(GuardStack(app, spec)).add("switchyard:baseline", "guard")
