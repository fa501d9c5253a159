"""The pages' table of deeds: what each posts, whom it works for, which right it asks for, and what it is done to."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.utils import timezone

from environments.people.models import PortalRole
from portal.pages.faults import SCRIPT
from tests.portal.posted import (
    ACCEPT,
    APPROVE,
    FINDING,
    FORGET,
    LIMIT,
    MANY,
    NEW_ACCOUNT,
    NEW_APPLICATION,
    NEW_PERSON,
    NEW_WEBHOOK,
    REJECT,
    REQUEST,
    RULE,
    SHORTEN,
    SKIP,
    SOON,
    TEAM_LIMIT,
    TEARDOWN,
    TIER_RULE,
    WHY,
)
from tests.portal.things import (
    VERSION_ID,
    a_fault,
    a_limit,
    a_pause,
    a_pause_of_account,
    a_pause_of_environment,
    a_proposal,
    a_rule,
    a_team_limit,
    accepted,
    account,
    account_of_plans,
    application,
    behind,
    broken,
    canary,
    channel,
    delivery,
    deployable,
    drifted,
    environment,
    exported,
    grown,
    older_release,
    operation,
    somebody,
    token,
    with_step,
    withdrawn_release,
)

R = PortalRole
ALL = frozenset(R.values)
ADMIN = frozenset({R.ADMINISTRATOR})
REQUESTERS = frozenset({R.ADMINISTRATOR, R.TEAM_LEAD, R.ENGINEER})
LEADS = frozenset({R.ADMINISTRATOR, R.TEAM_LEAD})
APPROVERS = frozenset({R.ADMINISTRATOR, R.APPROVER})

Data = dict[str, Any]


@dataclass(frozen=True)
class Deed:
    """One row: the address (and the verb in it), what is posted, and which roles it works for: on things of their
    own team, on another team's, and on what they asked for themselves without being in its team. `session` is what
    the person has begun on another page."""

    route: str
    right: str
    own: frozenset[str]
    others: frozenset[str]
    data: Data = field(default_factory=dict)
    verb: str = ""
    subject: "Callable[[Any, Any], int | str] | None" = None
    mine: frozenset[str] | None = None
    session: Data = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.route} {self.verb}".strip()


WAITS = operation("awaiting-approval")
NOTICED = operation("queued", kind="teardown", not_before=timezone.now() + timedelta(days=7))

# Own things: an engineer may stop and retry what they asked for, a lead what is their team's.
MINE = ADMIN | {R.ENGINEER}

DEEDS = [
    Deed("environment-new", "environment.request", REQUESTERS, ADMIN, REQUEST),
    Deed(
        "environment-protect", "environment.protect", LEADS, ADMIN, {"is_protected": "on"}, "", environment()
    ),
    Deed("environment-bulk", "environment.protect", LEADS, ADMIN, MANY, "protect", environment()),
    Deed(
        "environment-bulk",
        "environment.protect",
        LEADS,
        ADMIN,
        MANY,
        "unprotect",
        environment(is_protected=True),
    ),
    Deed(
        "environment-bulk", "operation.cancel", LEADS, ADMIN, MANY, "withdraw", environment("requested"), MINE
    ),
    Deed("environment-bulk", "environment.request", REQUESTERS, ADMIN, MANY, "upgrade", behind),
    Deed("environment-bulk", "operation.retry", LEADS, ADMIN, MANY, "retry", broken, MINE),
    Deed(
        "environment-update", "environment.request", REQUESTERS, ADMIN, {"size": "medium"}, "", environment()
    ),
    Deed("application-new", "application.add", REQUESTERS, ADMIN, NEW_APPLICATION),
    Deed(
        "application-update",
        "application.update",
        REQUESTERS,
        ADMIN,
        {"branch": "trunk", "blocks_from": "high", "findings_email": ""},
        "",
        application(),
    ),
    Deed("application-remove", "application.remove", LEADS, ADMIN, {"confirm": "shop"}, "", application()),
    Deed(
        "environment-deploy",
        "environment.deploy",
        REQUESTERS,
        ADMIN,
        {"chosen": f"version-{VERSION_ID}"},
        "",
        deployable,
    ),
    Deed("environment-pause", "environment.pause", LEADS, ADMIN, WHY, "", environment()),
    Deed("environment-pause-lift", "environment.pause", LEADS, ADMIN, {}, "", a_pause_of_environment),
    Deed("environment-rollback", "environment.request", REQUESTERS, ADMIN, {}, "1", grown),
    Deed("environment-extend", "environment.extend", LEADS, ADMIN, {"until": SOON}, "", environment(), MINE),
    Deed(
        "environment-bulk",
        "environment.extend",
        LEADS,
        ADMIN,
        MANY,
        "extend-day",
        environment(expires_at=timezone.now() + timedelta(days=1)),
        MINE,
    ),
    Deed(
        "environment-bulk",
        "environment.extend",
        LEADS,
        ADMIN,
        MANY,
        "extend-week",
        environment(expires_at=timezone.now() + timedelta(days=1)),
        MINE,
    ),
    Deed("environment-export", "environment.export", REQUESTERS, ADMIN, {}, "", exported),
    Deed("environment-resync", "environment.resync", REQUESTERS, ADMIN, {}, "", environment("broken")),
    Deed("environment-forget", "environment.forget", ADMIN, ADMIN, FORGET, "", environment("broken")),
    Deed("environment-drift", "environment.drift-check", REQUESTERS, ADMIN, {}, "check", environment()),
    Deed("environment-drift", "environment.drift-accept", LEADS, ADMIN, ACCEPT, "accept", drifted),
    Deed("environment-drift", "environment.drift-accept", LEADS, ADMIN, FINDING, "reopen", accepted),
    Deed("environment-drift", "environment.drift-fix", LEADS, ADMIN, {"stack": "app"}, "fix", drifted),
    Deed("environment-teardown", "environment.teardown", LEADS, ADMIN, TEARDOWN, "", environment()),
    Deed(
        "environment-withdraw",
        "operation.cancel",
        LEADS,
        ADMIN,
        subject=environment("requested"),
        mine=MINE,
    ),
    Deed("operation-act", "operation.approve", APPROVERS | LEADS, APPROVERS, APPROVE, "approve", WAITS),
    Deed("operation-act", "operation.reject", APPROVERS | LEADS, APPROVERS, REJECT, "reject", WAITS),
    Deed("operation-act", "operation.cancel", LEADS, ADMIN, {}, "cancel", operation("running"), MINE),
    Deed("operation-act", "operation.retry", LEADS, ADMIN, {}, "retry", operation("failed"), MINE),
    Deed("operation-act", "operation.retry", LEADS, ADMIN, {}, "replan", WAITS, MINE),
    Deed(
        "operation-act",
        "operation.retry",
        LEADS,
        ADMIN,
        {},
        "resume",
        operation("paused"),
        MINE,
    ),
    Deed(
        "operation-act",
        "operation.force-cancel",
        ADMIN,
        ADMIN,
        {},
        "force-cancel",
        operation("cancelling"),
        ADMIN,
    ),
    Deed(
        "operation-act", "operation.shorten-notice", ADMIN, ADMIN, SHORTEN, "shorten-notice", NOTICED, ADMIN
    ),
    Deed("operation-act", "operation.skip", LEADS, ADMIN, SKIP, "skip", with_step("failed", "failed")),
    Deed(
        "operation-act",
        "operation.extend-time",
        ADMIN,
        ADMIN,
        SKIP | {"minutes": "5"},
        "extend-time",
        with_step("running", "waiting"),
    ),
    Deed(
        "operation-act",
        "operation.prioritise",
        ADMIN,
        ADMIN,
        WHY | {"priority": "5"},
        "prioritise",
        operation("queued"),
    ),
    Deed("operation-act", "account.approve", APPROVERS, APPROVERS, APPROVE, "approve", canary),
    Deed("operation-act", "account.approve", APPROVERS, APPROVERS, REJECT, "reject", canary),
    Deed("account-new", "account.add", ADMIN, ADMIN, NEW_ACCOUNT),
    Deed("account-add-again", "account.change", ADMIN, ADMIN, subject=account),
    Deed("account-update", "account.change", ADMIN, ADMIN, subject=account),
    Deed("account-pause", "pause.change", ADMIN, ADMIN, WHY, subject=account),
    Deed("account-pause-lift", "pause.change", ADMIN, ADMIN, subject=a_pause_of_account),
    Deed("account-canary", "account.change", ADMIN, ADMIN, {"team": "{team}"}, "", account_of_plans),
    Deed("release-act", "release.change", ADMIN, ADMIN, {}, "make-default", older_release),
    Deed("release-act", "release.change", ADMIN, ADMIN, {}, "withdraw", older_release),
    Deed("release-act", "release.change", ADMIN, ADMIN, {}, "restore", withdrawn_release),
    Deed(
        "account-change", "account.change", ADMIN, ADMIN, {"regions": ["eu-west-1", "us-east-1"]}, "", account
    ),
    Deed("rule-new", "rule.change", ADMIN, ADMIN, RULE),
    Deed("rule", "rule.change", ADMIN, ADMIN, RULE, "", a_rule),
    *(
        Deed("rule-act", "rule.change", ADMIN, ADMIN, {}, verb, a_rule)
        for verb in ("up", "disable", "delete")
    ),
    Deed(
        "proposal-act", "proposal.decide", APPROVERS, APPROVERS, {"digest": "{digest}"}, "approve", a_proposal
    ),
    Deed("proposal-act", "proposal.decide", APPROVERS, APPROVERS, REJECT, "reject", a_proposal),
    # One's own only; whoever proposed it was an administrator then.
    Deed("proposal-act", "", frozenset(), frozenset(), {}, "withdraw", a_proposal, ALL),
    Deed("team-new", "team.change", ADMIN, ADMIN, {"name": "Payments"}),
    Deed("person-new", "person.change", ADMIN, ADMIN, NEW_PERSON),
    Deed(
        "person",
        "person.change",
        ADMIN,
        ADMIN,
        {"portal_role": "auditor", "is_active": "on"},
        "",
        somebody,
    ),
    Deed("person-reset-totp", "person.change", ADMIN, ADMIN, {"reason": "Seen in person."}, "", somebody),
    Deed("administration-pause", "pause.change", ADMIN, ADMIN, WHY),
    Deed("administration-limit-drop", "limit.change", ADMIN, ADMIN, LIMIT, "", a_limit),
    Deed("administration-lift", "pause.change", ADMIN, ADMIN, subject=a_pause),
    Deed("administration-limit", "limit.change", ADMIN, ADMIN, {"scope": "*", "max_running": "7"}),
    Deed("policies-rule", "expiry.change", ADMIN, ADMIN, TIER_RULE),
    Deed("policies-limit", "limit.change", ADMIN, ADMIN, TEAM_LIMIT),
    Deed("policies-unlimit", "limit.change", ADMIN, ADMIN, TEAM_LIMIT, "", a_team_limit),
    Deed("sandbox-faults", "sandbox.change", ADMIN, ADMIN, {"kind": "dark"}),
    Deed("sandbox-faults-end", "sandbox.change", ADMIN, ADMIN, {"fault": "fault-1"}, "", a_fault),
    Deed("sandbox-faults-end-all", "sandbox.change", ADMIN, ADMIN),
    Deed(
        "sandbox-faults-script",
        "sandbox.change",
        ADMIN,
        ADMIN,
        {"name": "A bad day"},
        session={SCRIPT: [{"kind": "dark"}]},
    ),
    Deed("sandbox-faults-script-end", "sandbox.change", ADMIN, ADMIN, {"script": "script-1"}, "", a_fault),
    Deed("sandbox-clock", "sandbox.change", ADMIN, ADMIN, {"forward": "5", "unit": "hours"}),
    Deed("token-new", "token.own", ALL, ALL, {"name": "nightly", "scopes": "read", "days": "30"}),
    Deed("token-revoke", "token.revoke-any", ADMIN, ADMIN, subject=token, mine=ALL),
    Deed("notification-preferences", "notification.own", ALL, ALL, {"chosen": ["failed.mail"]}),
    Deed("notification-test", "notification.own", ALL, ALL),
    Deed("channel-new", "channel.change", LEADS, ADMIN, NEW_WEBHOOK),
    Deed("channel", "channel.change", LEADS, ADMIN, {"name": "other", "groups": ["done"]}, "", channel()),
    Deed("channel-act", "channel.change", LEADS, ADMIN, {}, "test", channel()),
    Deed("channel-act", "channel.change", LEADS, ADMIN, {}, "rotate", channel()),
    Deed("channel-act", "channel.change", LEADS, ADMIN, {}, "disable", channel()),
    Deed("channel-act", "channel.change", LEADS, ADMIN, {}, "enable", channel(is_enabled=False)),
    Deed("channel-act", "channel.change", LEADS, ADMIN, {}, "remove", channel()),
    Deed("delivery-redeliver", "channel.change", LEADS, ADMIN, {}, "", delivery),
    # One's own page asks for no right: whoever is signed in has it.
    Deed("profile", "", ALL, ALL, {"time_zone": "Europe/Dublin"}),
]

UNAUDITED = {
    "notifications-read": ("notification.own", ALL),
    "environment-new-preview": ("environment.request", REQUESTERS),
    "administration-compare": ("pause.change", ADMIN),
    "sandbox-faults-script-drop": ("sandbox.change", ADMIN),
}
"""Posts that change no row: their right, and whom they answer. What they answer anybody else is 403."""

ONLY_API: dict[str, str] = {}
"""Rights that the pages have nothing for, and why."""
