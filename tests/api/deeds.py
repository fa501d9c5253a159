"""The API's table of deeds: what each sends, whom it works for, and which right it asks for."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils import timezone

from environments.people.models import PortalRole
from tests.api import factories

ADMINISTRATOR, APPROVER, LEAD, ENGINEER, AUDITOR = PortalRole.values
EVERYONE = set(PortalRole.values)
ADMIN = {ADMINISTRATOR}
APPROVERS = {ADMINISTRATOR, APPROVER}
LEADS = {ADMINISTRATOR, LEAD}
ASKERS = {ADMINISTRATOR, LEAD, ENGINEER}

NEW_ACCOUNT = {
    "name": "second",
    "account_id": "222233334444",
    "mode": "sandbox",
    "regions": ["eu-west-1"],
    "zone_name": "second.example.org",
}
TEARDOWN = {"confirm": "shop", "copies": {"database": False, "uploads": False, "logs": False}}
REQUEST = {
    "name": "orders",
    "team": "shop",
    "tier": "dev",
    "size": "small",
    "account": "sandbox-1",
    "home_region": "eu-west-1",
}
SOON = (timezone.now() + timedelta(hours=1)).isoformat()
APPROVE, REJECT = {"hash": factories.HASH}, {"comment": "No."}
WHY = {"reason": "A look."}
SKIP = WHY | {"step": "look"}
SHORTEN = {"not_before": SOON, "reason": "Agreed."}


@dataclass(frozen=True)
class Deed:
    """One row: method and path, body, status when it works, and which roles it works for: on things of their own
    team, and on another team's. Everybody else is answered `refused`."""

    name: str
    right: str
    line: str
    body: Any
    success: int
    own: set[str]
    others: set[str]
    refused: int = 403


DEEDS = [
    Deed("request", "environment.request", "POST environments/", REQUEST, 202, ASKERS, ADMIN),
    Deed("preview", "environment.request", "POST environments/preview/", REQUEST, 200, ASKERS, ADMIN),
    Deed(
        "protect",
        "environment.protect",
        "POST environments/shop/protect/",
        {"is_protected": True},
        200,
        LEADS,
        ADMIN,
    ),
    Deed(
        "change",
        "environment.request",
        "POST environments/shop/update/",
        {"changes": {"size": "medium"}},
        202,
        ASKERS,
        ADMIN,
    ),
    Deed(
        "roll back",
        "environment.request",
        "POST environments/shop/rollback/",
        {"revision": 1},
        202,
        ASKERS,
        ADMIN,
    ),
    Deed("teardown", "environment.teardown", "POST environments/shop/teardown/", TEARDOWN, 202, LEADS, ADMIN),
    Deed("withdraw", "operation.cancel", "POST environments/asked/withdraw/", {}, 200, LEADS, ADMIN),
    Deed(
        "approve",
        "operation.approve",
        "POST operations/{planned}/approve/",
        APPROVE,
        200,
        APPROVERS | LEADS,
        APPROVERS,
    ),
    Deed(
        "reject",
        "operation.reject",
        "POST operations/{planned}/reject/",
        REJECT,
        200,
        APPROVERS | LEADS,
        APPROVERS,
    ),
    Deed("cancel", "operation.cancel", "POST operations/{planned}/cancel/", {}, 200, LEADS, ADMIN),
    Deed("retry", "operation.retry", "POST operations/{failed}/retry/", {}, 200, LEADS, ADMIN),
    Deed("resume", "operation.retry", "POST operations/{paused}/resume/", {}, 200, LEADS, ADMIN),
    Deed(
        "force-cancel",
        "operation.force-cancel",
        "POST operations/{cancelling}/force-cancel/",
        {},
        200,
        ADMIN,
        ADMIN,
    ),
    Deed(
        "shorten-notice",
        "operation.shorten-notice",
        "POST operations/{noticed}/shorten-notice/",
        SHORTEN,
        200,
        ADMIN,
        ADMIN,
    ),
    Deed("skip", "operation.skip", "POST operations/{failed}/skip/", SKIP, 200, LEADS, ADMIN),
    Deed(
        "extend time",
        "operation.extend-time",
        "POST operations/{cancelling}/extend-time/",
        SKIP | {"minutes": 5},
        200,
        ADMIN,
        ADMIN,
    ),
    Deed(
        "prioritise",
        "operation.prioritise",
        "POST operations/{noticed}/prioritise/",
        WHY | {"priority": 5},
        200,
        ADMIN,
        ADMIN,
    ),
    Deed("pause it", "environment.pause", "POST environments/shop/pause/", WHY, 200, LEADS, ADMIN),
    Deed(
        "lift its pause", "environment.pause", "POST environments/failed/lift-pause/", {}, 204, LEADS, ADMIN
    ),
    Deed("pause an account", "pause.change", "POST accounts/sandbox-1/pause/", WHY, 200, ADMIN, ADMIN),
    Deed(
        "lift an account's pause",
        "pause.change",
        "POST accounts/watched/lift-pause/",
        {},
        204,
        ADMIN,
        ADMIN,
    ),
    Deed(
        "approve a canary",
        "account.approve",
        "POST operations/{canary}/approve/",
        APPROVE,
        200,
        APPROVERS,
        APPROVERS,
    ),
    Deed(
        "reject a canary",
        "account.approve",
        "POST operations/{canary}/reject/",
        REJECT,
        200,
        APPROVERS,
        APPROVERS,
    ),
    Deed("cancel a canary", "account.change", "POST operations/{canary}/cancel/", {}, 200, ADMIN, ADMIN),
    Deed("add an account", "account.add", "POST accounts/", NEW_ACCOUNT, 202, ADMIN, ADMIN),
    Deed("add it again", "account.change", "POST accounts/sandbox-1/add/", {}, 202, ADMIN, ADMIN),
    Deed(
        "make it live",
        "account.change",
        "POST accounts/planned/canary/",
        {"team": "shop"},
        202,
        ADMIN,
        ADMIN,
    ),
    Deed("make default", "release.change", "POST releases/{older}/make-default/", {}, 200, ADMIN, ADMIN),
    Deed("withdraw a release", "release.change", "POST releases/{older}/withdraw/", {}, 200, ADMIN, ADMIN),
    Deed("make a team", "team.change", "POST teams/", {"name": "New"}, 201, ADMIN, ADMIN),
    Deed("pause", "pause.change", "POST pauses/", {"reason": "Storm."}, 201, ADMIN, ADMIN),
    Deed("lift a pause", "pause.change", "DELETE pauses/{pause}/", None, 204, ADMIN, ADMIN),
    Deed("set a limit", "limit.change", "POST limits/", {"scope": "*", "max_running": 5}, 201, ADMIN, ADMIN),
    Deed("remove a limit", "limit.change", "DELETE limits/{limit}/", None, 204, ADMIN, ADMIN),
    Deed(
        "make a token",
        "token.own",
        "POST tokens/",
        {"name": "n", "scopes": ["read"]},
        201,
        EVERYONE,
        EVERYONE,
    ),
    # Somebody else's token is not even seen.
    Deed(
        "revoke anybody's token",
        "token.revoke-any",
        "POST tokens/{token}/revoke/",
        {},
        200,
        ADMIN,
        ADMIN,
        refused=404,
    ),
    Deed(
        "read the audit",
        "audit.view",
        "GET audit/",
        None,
        200,
        {ADMINISTRATOR, AUDITOR},
        {ADMINISTRATOR, AUDITOR},
    ),
    Deed(
        "read its audit",
        "audit.view",
        "GET environments/shop/audit/",
        None,
        200,
        {ADMINISTRATOR, AUDITOR},
        {ADMINISTRATOR, AUDITOR},
    ),
    Deed(
        "compare releases",
        "release.view",
        "GET releases/{older}/diff/?to=0.9.0",
        None,
        200,
        EVERYONE,
        EVERYONE,
    ),
    *(
        Deed(f"read {resource}", right, f"GET {resource}/", None, 200, EVERYONE, EVERYONE)
        for resource, right in {
            "accounts": "account.view",
            "blueprints": "release.view",
            "releases": "release.view",
            "environments": "environment.view",
            "environments/shop/resources": "environment.view",
            "environments/shop/revisions": "environment.view",
            "environments/shop/diff": "environment.view",
            "plans": "operation.view",
            "operations": "operation.view",
            "operations/{planned}/events": "operation.view",
            "rules": "rule.view",
            "pauses": "rule.view",
            "limits": "rule.view",
            "teams": "team.view",
            "people": "person.view",
            "tokens": "token.own",
        }.items()
    ),
]

ONLY_PAGES = {
    "person.change": "people are taken in and changed on the portal's pages, where a password can be typed",
    "health.view": "the health page; machines ask /healthz, /readyz and /metrics",
    "sandbox.change": "faults are set on the sandbox's own page, and by its control path",
}
"""Rights that the API has nothing for, and why."""
