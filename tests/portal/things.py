"""What the deeds of pages are done to: each function makes one thing of the world's team, asked for by `asker`, and
answers what its address has.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.utils import timezone

from environments.lifecycle.models import Environment, SandboxView, TeamLimit
from environments.operations.models import Operation, OperationLimit, Pause
from environments.people.models import ApiToken, PortalRole, User
from tests import factories


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
    if asker.portal_role == PortalRole.TEAM_LEAD and asker.pk not in {
        person.pk for person in world.people.values()
    }:
        User.objects.filter(pk=asker.pk).update(portal_role=PortalRole.ADMINISTRATOR)
    return factories.proposal_make(factories.person_make(PortalRole.ENGINEER), by=asker).pk


def somebody(world: Any, asker: Any) -> int:
    return factories.person_make(PortalRole.ENGINEER, teams=[world.team]).pk


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
