"""Where the role SwitchyardGuard may do what it needs: CloudFormation makes the stack switchyard-guard with it, once.

It may also delete what it makes, for a creation that fails leaves nothing behind. Nobody can use it afterwards: the
deployer may give it to that one stack only, and may not touch that stack once it is there (portal.py).
"""

from __future__ import annotations

from blueprint_cdk.access.needs import policies
from blueprint_cdk.access.scopes import Scope
from blueprint_cdk.access.statements import LOCKED, arn, iam

GUARD_SCOPES = {
    "SwitchyardGuard": (
        Scope("LockedBuckets", "s3", "*", LOCKED),
        Scope("Trail", "cloudtrail", "*", arn("cloudtrail", "trail/switchyard")),
        Scope("TrailsLook", "cloudtrail", "DescribeTrails"),
        Scope("Groups", "iam", "*Group *GroupPolicy *GroupPolicies", iam("group/switchyard-*")),
        Scope(
            "PolicyOfGroups",
            "iam",
            "*Policy *PolicyVersion *PolicyVersions *EntitiesForPolicy",
            iam("policy/switchyard-*"),
        ),
    ),
}

GUARD = policies("guard", GUARD_SCOPES)
