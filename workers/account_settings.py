"""Settings of an account that no CloudFormation type has: looked at first, and changed where they are weaker.

Which they are to be is the release's own data. A plan shows them like a stack's changes.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from environments.lifecycle.models import Account
from workers.account_stacks import deploys, release_of
from workers.aws import backup, costs, ec2, iam
from workers.aws.session import Session
from workers.changes import NEVER, Change
from workers.context import READER, StepContext
from workers.workflow import Done, Outcome, StepFailed

Values = dict[str, Any]
Before = Values
After = Values


def settings_seen(ctx: StepContext, region: str) -> dict[str, Any]:
    """The settings' part of a plan of this operation, in the form of a stack's (see planning.stack_plan)."""
    account: Account = ctx.subject
    wanted = release_of(ctx.operation).account_settings
    session = ctx.session(account, region, READER)
    changes = [
        _change(name, before, after)
        for name, (before, after) in _looked_at(
            session, wanted, is_home=region == account.home_region
        ).items()
        if before != after
    ]
    return {
        "key": f"settings-{region}",
        "name": "Account settings",
        "region": region,
        "action": "update" if changes else "none",
        "template_hash": "",
        "changes": changes,
        "touched": [],
    }


def settings(ctx: StepContext) -> Outcome:
    """Bring the settings of a region, and at home those of the account, to what the release wants."""
    if not deploys(ctx):
        return Done("Not changed: the account is plan-only.")
    account: Account = ctx.subject
    region = ctx.step.region
    wanted = release_of(ctx.operation).account_settings
    session = ctx.session(account, region)
    done = []
    for name, (before, after) in _looked_at(session, wanted, is_home=region == account.home_region).items():
        if before != after:
            _put(session, name, before, after)
            ctx.event("setting.changed", f"{TITLES[name]} in {region}: {_words(before)} -> {_words(after)}")
            done.append(TITLES[name])
    return Done(f"Changed: {', '.join(done)}." if done else "All settings are what they should be.")


TITLES = {
    "password_policy": "Password policy",
    "disk_encryption": "Disk encryption by default",
    "backup_services": "Services that AWS Backup backs up",
    "cost_tags": "Cost-allocation tags",
}


def _looked_at(
    session: Session, wanted: Mapping[str, Any], *, is_home: bool
) -> dict[str, tuple[Before, After]]:
    """Each setting as it is and as it is to be. Never weaker than it is."""
    found: dict[str, tuple[Before, After]] = {}
    if wanted.get("disk_encryption"):
        found["disk_encryption"] = ({"enabled": ec2.disk_encryption(session)}, {"enabled": True})
    if wanted.get("backup_services"):
        seen: Values = dict(backup.services(session, wanted["backup_services"]))
        found["backup_services"] = (seen, dict.fromkeys(seen, True))
    if is_home and wanted.get("password_policy"):
        before = iam.password_policy(session)
        found["password_policy"] = (before, _stronger(before, wanted["password_policy"]))
    if is_home and wanted.get("cost_tags"):
        tags = _tags(session, wanted["cost_tags"])
        # Of a tag that billing has not seen yet nothing can be said: the next update finds it.
        found["cost_tags"] = (tags, dict.fromkeys(tags, costs.ACTIVE))
    return found


def _tags(session: Session, names: Sequence[str]) -> Values:
    """Status of each tag that the account may decide on."""
    try:
        return dict(costs.cost_tags(session, names))
    except (costs.NotThePayer, costs.CostExplorerOff):
        return {}


def _stronger(one: Mapping[str, Any], other: Mapping[str, Any]) -> Values:
    """Of two password policies the stricter one, member by member: longer, and with more rules."""
    both = {**other, **one}
    return {name: max(value, other.get(name, value)) for name, value in both.items()}


def _put(session: Session, name: str, before: Before, after: After) -> None:
    if name == "disk_encryption":
        ec2.disk_encryption_enable(session)
    elif name == "backup_services":
        backup.services_enable(session, after)
    elif name == "password_policy":
        iam.password_policy_put(session, after)
    else:
        refused = costs.cost_tags_activate(session, [tag for tag in after if after[tag] != before[tag]])
        if refused:
            raise StepFailed(
                f"Billing did not take the cost-allocation tags: {'; '.join(refused)}",
                resource=", ".join(after),
                reason=refused[0],
                remedy="Activate them in the payer account's billing console, then retry.",
            )


def _change(name: str, before: Before, after: After) -> Change:
    return {
        "logical_id": TITLES[name],
        "type": "setting",
        "action": "modified",
        "detail": "",
        "may_replace": False,
        "stateful": False,
        "properties": [
            {
                "path": key,
                "before": _words(before.get(key)),
                "after": _words(after.get(key)),
                "replaces": NEVER,
            }
            for key in sorted({*before, *after})
            if before.get(key) != after.get(key)
        ],
    }


def _words(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)
