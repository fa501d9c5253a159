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
SEERS = {ADMINISTRATOR, LEAD, AUDITOR}

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
NEW_APPLICATION = {"name": "orders", "team": "shop", "account": "sandbox-1"}
NEW_WEBHOOK = {"name": "ci", "team": "shop", "groups": ["failed"], "url": "https://ci.example.org/hook"}
NEW_CHAT = {"name": "room", "team": "shop", "groups": ["failed"], "address": "slack://TokenA/TokenB/TokenC"}
PREFERENCES = {"groups": {"drift": {"mail": False}}}
EXPIRY = {"tier": "staging", "default_days": 7, "maximum_days": None, "approves_teardown": False}
TEAM_LIMIT = {"team": "shop", "max_environments": 9}
SOON = (timezone.now() + timedelta(hours=1)).isoformat()
APPROVE, REJECT = {"hash": factories.HASH}, {"comment": "No."}
FORGET = {"confirm": "shop", "reason": "The account was given away."}
FINDING = 1_000_017
ACCEPT = {"findings": [FINDING], "why": "Meant.", "until": f"{timezone.now():%Y-%m-%d}"}
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
    Deed("add an application", "application.add", "POST applications/", NEW_APPLICATION, 202, ASKERS, ADMIN),
    Deed(
        "change an application",
        "application.update",
        "POST applications/till/update/",
        {"changes": {"branch": "trunk"}},
        202,
        ASKERS,
        ADMIN,
    ),
    Deed(
        "remove an application",
        "application.remove",
        "POST applications/till/remove/",
        {"confirm": "till"},
        202,
        LEADS,
        ADMIN,
    ),
    Deed(
        "deploy",
        "environment.deploy",
        "POST environments/shop/deploy/",
        {"application": "till", "commit": "c0ffee"},
        202,
        ASKERS,
        ADMIN,
    ),
    Deed(
        "promote",
        "environment.deploy",
        "POST environments/shop/promote/",
        {"source": "ahead"},
        202,
        ASKERS,
        ADMIN,
    ),
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
    Deed(
        "extend",
        "environment.extend",
        "POST environments/shop/extend/",
        {"hours": 24},
        200,
        LEADS,
        ADMIN,
    ),
    Deed("set an expiry rule", "expiry.change", "POST expiry-rules/", EXPIRY, 202, ADMIN, ADMIN),
    Deed("set a team's limit", "limit.change", "POST team-limits/", TEAM_LIMIT, 202, ADMIN, ADMIN),
    Deed("remove a team's limit", "limit.change", "DELETE team-limits/{limited}/", None, 202, ADMIN, ADMIN),
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
    Deed("replan", "operation.retry", "POST operations/{planned}/replan/", {}, 200, LEADS, ADMIN),
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
    Deed("export", "environment.export", "POST environments/shop/export/", {}, 200, ASKERS, ADMIN),
    Deed("read it anew", "environment.resync", "POST environments/shop/resync/", {}, 202, ASKERS, ADMIN),
    Deed("forget", "environment.forget", "POST environments/shop/forget/", FORGET, 200, ADMIN, ADMIN),
    Deed(
        "look for drift",
        "environment.drift-check",
        "POST environments/shop/drift-check/",
        {},
        202,
        ASKERS,
        ADMIN,
    ),
    Deed(
        "accept drift",
        "environment.drift-accept",
        "POST environments/shop/drift-accept/",
        ACCEPT,
        200,
        LEADS,
        ADMIN,
    ),
    Deed(
        "reopen drift",
        "environment.drift-accept",
        "POST environments/shop/drift-reopen/",
        {"findings": [FINDING]},
        200,
        LEADS,
        ADMIN,
    ),
    Deed(
        "fix drift",
        "environment.drift-fix",
        "POST environments/shop/drift-fix/",
        {"stacks": ["app"]},
        202,
        LEADS,
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
    Deed("update its baseline", "account.change", "POST accounts/sandbox-1/update/", {}, 202, ADMIN, ADMIN),
    Deed(
        "make it live",
        "account.change",
        "POST accounts/planned/canary/",
        {"team": "shop"},
        202,
        ADMIN,
        ADMIN,
    ),
    Deed(
        "change it",
        "account.change",
        "POST accounts/sandbox-1/change/",
        {"regions": ["eu-west-1", "us-east-1"]},
        202,
        ADMIN,
        ADMIN,
    ),
    Deed("make default", "release.change", "POST releases/{older}/make-default/", {}, 202, ADMIN, ADMIN),
    Deed("withdraw a release", "release.change", "POST releases/{older}/withdraw/", {}, 202, ADMIN, ADMIN),
    Deed("restore a release", "release.change", "POST releases/{withdrawn}/restore/", {}, 202, ADMIN, ADMIN),
    Deed("propose a rule", "rule.change", "POST rules/", {"name": "Two of us"}, 202, ADMIN, ADMIN),
    Deed("change a rule", "rule.change", "POST rules/{rule}/change/", {"approvals": 2}, 202, ADMIN, ADMIN),
    Deed("delete a rule", "rule.change", "DELETE rules/{rule}/", None, 202, ADMIN, ADMIN),
    Deed("order the rules", "rule.change", "POST rules/order/", {"ids": "{rules}"}, 202, ADMIN, ADMIN),
    Deed("try a rule", "rule.view", "POST rules/try/", {"approvals": 2}, 200, EVERYONE, EVERYONE),
    Deed(
        "approve a proposal",
        "proposal.decide",
        "POST proposals/{proposal}/approve/",
        {"digest": "{digest}"},
        200,
        APPROVERS,
        APPROVERS,
    ),
    Deed(
        "reject a proposal",
        "proposal.decide",
        "POST proposals/{proposal}/reject/",
        REJECT,
        200,
        APPROVERS,
        APPROVERS,
    ),
    # Only who proposed it takes it back, and here that is somebody else.
    Deed(
        "withdraw a proposal",
        "proposal.view",
        "POST proposals/{proposal}/withdraw/",
        {},
        200,
        set(),
        set(),
    ),
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
    *(
        Deed(name, "channel.change", line, body, success, LEADS, ADMIN)
        for name, line, body, success in (
            ("make a webhook", "POST webhooks/", NEW_WEBHOOK, 201),
            ("change a webhook", "POST webhooks/{webhook}/update/", {"name": "ci", "groups": ["done"]}, 200),
            ("rotate a webhook", "POST webhooks/{webhook}/rotate/", {}, 200),
            ("disable a webhook", "POST webhooks/{webhook}/disable/", {}, 200),
            ("enable a webhook", "POST webhooks/{disabled}/enable/", {}, 200),
            ("test a webhook", "POST webhooks/{webhook}/test/", {}, 202),
            ("remove a webhook", "DELETE webhooks/{webhook}/", None, 204),
            ("make a chat", "POST chats/", NEW_CHAT, 201),
            ("change a chat", "POST chats/{chat}/update/", {"name": "room", "groups": ["done"]}, 200),
            ("disable a chat", "POST chats/{chat}/disable/", {}, 200),
            ("enable a chat", "POST chats/{chat}/enable/", {}, 200),
            ("test a chat", "POST chats/{chat}/test/", {}, 202),
            ("remove a chat", "DELETE chats/{chat}/", None, 204),
            ("redeliver", "POST deliveries/{delivery}/redeliver/", {}, 200),
        )
    ),
    Deed(
        "make a webhook for everything",
        "channel.change",
        "POST webhooks/",
        {**NEW_WEBHOOK, "team": None},
        201,
        ADMIN,
        ADMIN,
    ),
    *(
        Deed(name, "notification.own", line, body, success, EVERYONE, EVERYONE)
        for name, line, body, success in (
            ("choose notifications", "POST notifications/preferences/", PREFERENCES, 200),
            ("mark notifications read", "POST notifications/read/", {}, 200),
            ("try one's mail", "POST notifications/mail-test/", {}, 202),
            ("see one's preferences", "GET notifications/preferences/", None, 200),
        )
    ),
    *(
        Deed(f"read {resource}", "channel.view", f"GET {resource}/", None, 200, SEERS, SEERS)
        for resource in ("webhooks", "chats", "deliveries")
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
            "applications": "application.view",
            "applications/till/versions": "application.view",
            "blueprints": "release.view",
            "releases": "release.view",
            "environments": "environment.view",
            "environments/shop/resources": "environment.view",
            "environments/shop/drift": "environment.view",
            "environments/shop/drift-checks": "environment.view",
            "environments/shop/revisions": "environment.view",
            "environments/shop/diff": "environment.view",
            "plans": "operation.view",
            "operations": "operation.view",
            "operations/{planned}/events": "operation.view",
            "rules": "rule.view",
            "proposals": "proposal.view",
            "pauses": "rule.view",
            "limits": "rule.view",
            "expiry-rules": "rule.view",
            "team-limits": "rule.view",
            "teams": "team.view",
            "people": "person.view",
            "tokens": "token.own",
            "notifications": "notification.own",
        }.items()
    ),
]

ONLY_PAGES = {
    "person.change": "people are taken in and changed on the portal's pages, where a password can be typed",
    "health.view": "the health page; machines ask /healthz, /readyz and /metrics",
    "sandbox.change": "faults are set on the sandbox's own page, and by its control path",
}
"""Rights that the API has nothing for, and why."""
