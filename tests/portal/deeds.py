"""The pages' table of deeds: what each posts, whom it works for, which right it asks for, and what it is done to."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.utils import timezone

from environments.lifecycle.models import Environment, SandboxView, TeamLimit
from environments.operations.models import Operation, OperationLimit, Pause
from environments.people.models import ApiToken, PortalRole, User
from portal.pages.faults import SCRIPT
from tests import factories

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


def environment(status: str = "active", **fields: Any) -> Callable[[Any, Any], int]:
    """An environment of the world's team, asked for by `asker`."""

    def make(world: Any, asker: Any) -> int:
        return factories.environment_make(
            "web",
            team=world.team,
            owner=asker,
            account=world.account,
            release=world.release,
            status=status,
            **fields,
        ).pk

    return make


def grown(world: Any, asker: Any) -> int:
    """An environment that was smaller in its revision 1."""
    pk = environment()(world, asker)
    row = world.account.environments.get(pk=pk)
    factories.revision_make(row)
    factories.revision_make(row, spec=row.spec | {"size": "medium"})
    row.spec = row.spec | {"size": "medium"}
    row.save(update_fields=["spec"])
    return pk


def behind(world: Any, asker: Any) -> int:
    """An environment of a release that is no longer the default one."""
    world.release.is_default = False
    world.release.save(update_fields=["is_default"])
    newest = factories.release_make(is_default=True)
    assert newest.blueprint_id == world.release.blueprint_id
    return environment()(world, asker)


def application(status: str = "ready") -> Callable[[Any, Any], int]:
    """An application of the world's team."""
    return lambda world, asker: (
        factories.application_make(
            "shop", team=world.team, owner=asker, account=world.account, release=world.release, status=status
        ).pk
    )


VERSION_ID = 1_000_019


def deployable(world: Any, asker: Any) -> int:
    """An environment, and a version that it does not run yet: VERSION_ID."""
    pk = environment()(world, asker)
    till = factories.application_make(
        "till", team=world.team, owner=asker, account=world.account, release=world.release
    )
    factories.version_make(till, pk=VERSION_ID)
    return pk


def operation(status: str, **fields: Any) -> Callable[[Any, Any], int]:
    """An operation on such an environment; one that waits for approval has a plan."""

    def make(world: Any, asker: Any) -> int:
        on = environment("active" if fields.get("kind") == "teardown" else "provisioning")(world, asker)
        subject = world.account.environments.get(pk=on)
        row = factories.operation_make(
            subject, status=status, requested_by=asker, **{"phase": "execute", **fields}
        )
        if status == "awaiting-approval":
            _plan(row)
        return row.pk

    return make


def broken(world: Any, asker: Any) -> int:
    """The environment of an operation that failed."""
    made = Operation.objects.get(pk=operation("failed")(world, asker))
    return int(made.subject_id)


def canary(world: Any, asker: Any) -> int:
    """A canary of the account, which waits for approval."""
    row = factories.operation_make(
        world.account, kind="canary", status="awaiting-approval", phase="execute", requested_by=asker
    )
    _plan(row)
    return row.pk


def _plan(row: Operation) -> None:
    factories.plan_make(row)
    Operation.objects.filter(pk=row.pk).update(approvals_needed=1)


def account(world: Any, asker: Any) -> int:
    return world.account.pk


def account_of_plans(world: Any, asker: Any) -> int:
    world.account.mode = "plan-only"
    world.account.save(update_fields=["mode"])
    return world.account.pk


def older_release(world: Any, asker: Any) -> int:
    return factories.release_make("0.9.0").pk


def withdrawn_release(world: Any, asker: Any) -> int:
    return factories.release_make("0.8.0", is_withdrawn=True).pk


def a_rule(world: Any, asker: Any) -> int:
    factories.rule_make("The one before", position=50)
    return factories.rule_make("Development goes", position=51).pk


def a_proposal(world: Any, asker: Any) -> int:
    """That a person become an auditor, proposed by `asker`, who has been made an administrator meanwhile or was one."""
    if asker.portal_role == R.TEAM_LEAD and asker.pk not in {person.pk for person in world.people.values()}:
        User.objects.filter(pk=asker.pk).update(portal_role=R.ADMINISTRATOR)
    return factories.proposal_make(factories.person_make(R.ENGINEER), by=asker).pk


def somebody(world: Any, asker: Any) -> int:
    return factories.person_make(R.ENGINEER, teams=[world.team]).pk


def token(world: Any, asker: Any) -> str:
    row, _ = ApiToken.objects.create(user=asker, name="nightly", scopes=["read"], expiry=timedelta(days=1))
    return str(row.pk)


def channel(**fields: Any) -> Callable[[Any, Any], int]:
    """A webhook of the world's team."""
    return lambda world, asker: factories.channel_make(world.team, **fields).pk


def delivery(world: Any, asker: Any) -> int:
    """One of the team's webhook that was given up."""
    return factories.delivery_make(factories.channel_make(world.team), status="abandoned").pk


def a_pause(world: Any, asker: Any) -> None:
    Pause.objects.create(covers=Pause.EVERYTHING, reason="Storm.")


def a_pause_of_environment(world: Any, asker: Any) -> int:
    pk = environment()(world, asker)
    Pause.objects.create(covers=f"environment/{pk}", reason="Storm.")
    return pk


def a_pause_of_account(world: Any, asker: Any) -> int:
    Pause.objects.create(covers=f"{world.account.account_id}/", reason="Storm.")
    return int(world.account.pk)


def exported(world: Any, asker: Any) -> int:
    made = world.account.environments.get(pk=environment()(world, asker))
    factories.revision_make(made, assembly=factories.assembly_make(made))
    return int(made.pk)


def a_limit(world: Any, asker: Any) -> None:
    OperationLimit.objects.create(scope="111122223333/eu-west-1", max_running=3)


def with_step(status: str, step: str, **fields: Any) -> Callable[[Any, Any], int]:
    """An operation with one step of that status, which may be skipped."""

    def make(world: Any, asker: Any) -> int:
        pk = operation(status, **fields)(world, asker)
        factories.step_make(
            Operation.objects.get(pk=pk), "look", status=step, parameters={"may_skip": "Nobody has looked."}
        )
        return pk

    return make


def a_team_limit(world: Any, asker: Any) -> None:
    TeamLimit.objects.create(team=world.team, max_environments=3)


def a_fault(world: Any, asker: Any) -> None:
    SandboxView.objects.create(faults=[{"id": "fault-1", "body": {"kind": "dark"}, "script": "script-1"}])


FINDING_ID = 1_000_017


def drifted(world: Any, asker: Any) -> int:
    """An environment whose load balancer has drifted; the finding is FINDING_ID."""
    pk = environment()(world, asker)
    factories.drift_make(Environment.objects.get(pk=pk), pk=FINDING_ID)
    return pk


def accepted(world: Any, asker: Any) -> int:
    """The same, accepted by somebody."""
    pk = environment()(world, asker)
    accepting = {"status": "accepted", "accepted_by": asker, "accepted_until": timezone.now().date()}
    factories.drift_make(Environment.objects.get(pk=pk), pk=FINDING_ID, **accepting)
    return pk


REQUEST = {
    "release": "{release}",
    "name": "orders",
    "team": "{team_id}",
    "tier": "dev",
    "size": "small",
    "account": "{account}",
    "home_region": "eu-west-1",
}
NEW_APPLICATION = {"name": "orders", "team": "{team}", "account": "{account}"}
SOON = (timezone.now() + timedelta(days=1)).isoformat()
TIER_RULE = {"tier": "dev", "default_days": "7", "maximum_days": "21", "approves_teardown": "on"}
TEAM_LIMIT = {"team": "{team}", "max_environments": "5", "at_limit": "stop-new"}
MANY = {"ids": "{subject}"}
FINDING = {"findings": [str(FINDING_ID)]}
ACCEPT = {**FINDING, "why": "Meant.", "until": f"{timezone.now():%Y-%m-%d}"}
TEARDOWN = {"confirm": "web", "copy_database": "no", "copy_uploads": "yes", "copy_logs": "no"}
NEW_ACCOUNT = {
    "name": "second",
    "account_id": "222233334444",
    "mode": "sandbox",
    "regions": ["eu-west-1"],
    "zone_name": "second.example.org",
}
NEW_PERSON = {
    "username": "new.person",
    "email": "new@example.org",
    "portal_role": "engineer",
    "password": factories.PASSWORD,
}
NEW_WEBHOOK = {
    "kind": "webhook",
    "name": "ci",
    "team": "{team}",
    "groups": ["failed"],
    "address": "https://ci.example.org/hook",
}
RULE = {"name": "Small changes", "approvals": "1", "expires_after_h": "24", "is_enabled": "on"}
APPROVE, REJECT = {"plan_hash": "a" * 64}, {"comment": "Too large."}
WHY = {"reason": "A look."}
FORGET = {"confirm": "web", "reason": "The account was given away."}
LIMIT = {"scope": "111122223333/eu-west-1"}
SKIP = WHY | {"step": "look"}
WAITS = operation("awaiting-approval")
NOTICED = operation("queued", kind="teardown", not_before=timezone.now() + timedelta(days=7))
SHORTEN = {
    "when": "at",
    "not_before": f"{timezone.now() + timedelta(days=1):%Y-%m-%dT%H:%M}",
    "reason": "Agreed.",
}

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
