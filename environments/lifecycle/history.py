"""The history of an environment: a revision per state that it was brought to, and going back to one."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from environments.errors import Conflict, InvalidFields
from environments.lifecycle.costs import cost_estimate
from environments.lifecycle.models import Account, Environment, Release, Revision
from environments.lifecycle.standby import standby_problems
from environments.lifecycle.states import EnvironmentStatus
from environments.lifecycle.update import fields_changeable, update_open
from environments.operations.models import Decision, Operation
from environments.operations.states import OperationStatus, Phase, StepStatus
from environments.people.models import User
from environments.people.rights import require

Outcome = Revision.Outcome


def revision_keep(operation: Operation, environment: Environment) -> Revision | None:
    """Write down what an operation brought the environment to; call it as the operation ends, in its transaction.

    Answers the revision, or None when the operation changed nothing: it ended before its first stack, or deployed
    what was there. One that failed between two stacks leaves a `partial` revision, which its retry replaces.
    """
    newest = environment.revisions.order_by("-number").first()
    outcome = Outcome.DEPLOYED if operation.status == OperationStatus.SUCCEEDED else Outcome.PARTIAL
    stacks = _stacks(operation, outcome, newest)
    asked = operation.parameters
    fields = {
        "outcome": outcome,
        "operation": operation,
        "kind": operation.kind,
        "release_id": asked.get("release_id", environment.release_id),
        "spec": asked.get("spec", environment.spec),
        "facts_version": operation.state.get("facts_version"),
        "assembly": operation.state.get("assembly", ""),
        "stacks": stacks,
        "back_to_id": asked.get("revision_id"),
        "requested_by_id": operation.requested_by_id,
        "made_at": operation.ended_at,
    }
    if newest is not None and _is_same(newest, fields):
        return None
    if outcome == Outcome.PARTIAL and (newest is None or stacks == newest.stacks):
        return None
    release = Release.objects.get(pk=fields["release_id"])
    fields["monthly_cost"] = cost_estimate(release.costs, fields["spec"])["total"]
    if newest is not None and not newest.is_deployed and newest.operation_id == operation.pk:
        Revision.objects.filter(pk=newest.pk).update(**fields)
        newest.refresh_from_db()
        return newest
    return Revision.objects.create(
        environment=environment, number=newest.number + 1 if newest else 1, **fields
    )


def _is_same(revision: Revision, fields: dict[str, Any]) -> bool:
    told = ("outcome", "release_id", "spec", "stacks")
    return all(getattr(revision, name) == fields[name] for name in told)


def _stacks(operation: Operation, outcome: str, before: Revision | None) -> dict[str, Any]:
    """Per stack what is deployed now: all of the plan's, or those that the operation came to before it failed."""
    plan = getattr(operation, "plan", None)
    planned = plan.document["stacks"] if plan is not None else []
    rows = [row for row in planned if row["action"] != "delete"]
    gone: set[str] = set()
    if outcome == Outcome.PARTIAL:
        done = operation.steps.filter(phase=Phase.EXECUTE, status=StepStatus.SUCCEEDED)
        reached = set(done.values_list("key", flat=True))
        rows = [row for row in rows if row["key"] in reached and row["action"] != "none"]
        gone = {key.removeprefix("delete-") for key in reached if key.startswith("delete-")}
    assembly = operation.state.get("assembly", "")
    found = {
        row["key"]: {
            "name": row["name"],
            "region": row["region"],
            "hash": row["template_hash"],
            "assembly": assembly,
        }
        for row in rows
    }
    if outcome == Outcome.PARTIAL and before is not None:
        return {key: row for key, row in {**before.stacks, **found}.items() if key not in gone}
    return found


def revisions_list(environment: Environment) -> QuerySet[Revision]:
    """Its revisions, newest first, with who asked and approved."""
    rows = environment.revisions.select_related("release", "operation", "requested_by", "back_to")
    return rows.defer("release__description").prefetch_related("operation__decisions__decided_by")


def revision_approvers(revision: Revision) -> list[str]:
    """Who approved its operation, by user name; or the rule that did. Of `revisions_list`, without a query."""
    operation = revision.operation
    if operation is None:
        return []
    said_yes = [row for row in operation.decisions.all() if row.verdict == Decision.Verdict.APPROVED]
    return [row.decided_by.username for row in said_yes] or list(filter(None, [operation.approval_rule]))


def revision_current(environment: Environment, at: datetime | None = None) -> Revision | None:
    """What was deployed last, at that moment or now; an operation that failed half-way does not count."""
    rows = environment.revisions.select_related("release").filter(outcome=Outcome.DEPLOYED)
    return (rows.filter(made_at__lte=at) if at else rows).order_by("-number").first()


def revision_partial(environment: Environment) -> Revision | None:
    """The newest revision, when an operation failed between two stacks and nothing was deployed since."""
    newest = environment.revisions.select_related("release", "operation").order_by("-number").first()
    return newest if newest is not None and not newest.is_deployed else None


def environment_rollback(*, environment: Environment, revision: int, actor: User) -> Operation:
    """Ask that the environment be brought back to a revision's spec and release; answers the `update` operation.

    It is planned and approved like any update. The current revision may be asked for after an operation that failed
    between two stacks. Raises Forbidden, InvalidFields (no such revision, or a field that no update changes), Conflict.
    """
    require(actor, "environment.request", team=environment.team)
    with transaction.atomic():
        environment = Environment.objects.select_for_update().get(pk=environment.pk)
        if environment.status != EnvironmentStatus.ACTIVE:
            raise Conflict(f"{environment.name} is {environment.status}: only what is active is rolled back.")
        wanted = environment.revisions.select_related("release").filter(number=revision).first()
        if wanted is None:
            raise InvalidFields({"revision": f"{environment.name} has no revision {revision}."})
        problem = rollback_problem(environment, wanted)
        if problem:
            raise InvalidFields({"revision": problem})
        # Its range may be somebody else's by now.
        account = Account.objects.select_for_update().get(pk=environment.account_id)
        wrong = standby_problems(
            wanted.spec, account=account, release=wanted.release, environment=environment
        )
        if wrong:
            raise InvalidFields({"revision": " ".join(wrong.values())})
        current = revision_current(environment)
        if wanted == current and revision_partial(environment) is None:
            raise Conflict(f"{environment.name} is at revision {revision}: there is nothing to go back to.")
        before, after = environment.spec, wanted.spec
        changed = [name for name in {**before, **after} if before.get(name) != after.get(name)]
        return update_open(
            environment,
            wanted.release,
            after,
            changes={name: after.get(name) for name in changed},
            before={name: before.get(name) for name in changed},
            actor=actor,
            more={
                "back_to": wanted.number,
                "revision_id": wanted.pk,
                # For a release whose lock is not installed where it is planned.
                "stored_assembly": wanted.assembly,
            },
        )


def rollback_problem(environment: Environment, revision: Revision) -> str:
    """Why the environment cannot be brought back to the revision; empty when it can."""
    if not revision.is_deployed:
        return f"Revision {revision.number} is what a failed operation left: choose one that was deployed."
    if revision.release.is_withdrawn and revision.release_id != environment.release_id:
        return f"Release {revision.release.version} was withdrawn."
    before, after = environment.spec, revision.spec
    may = fields_changeable(revision.release)
    known = environment.release.schema.get("properties", {}), revision.release.schema.get("properties", {})
    fixed = [
        name
        for name in {**before, **after}
        if before.get(name) != after.get(name)
        and name not in may
        # What only one of the two releases knows comes and goes with it.
        and all(name in fields for fields in known)
    ]
    if fixed:
        return (
            f"Revision {revision.number} has another {', '.join(fixed)}, which no update changes."
            f" What can be changed: {', '.join(may) or 'nothing'}."
        )
    return ""
