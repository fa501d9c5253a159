"""Adding and removing applications, and what workers report of their registries."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from environments.errors import Conflict, InvalidFields
from environments.lifecycle.costs import cost_estimate
from environments.lifecycle.models import Account, Application, Environment, Release, Version
from environments.lifecycle.naming import suffix_make
from environments.lifecycle.stacks import scopes_of
from environments.lifecycle.states import (
    APPLICATION_GONE,
    APPLICATION_MOVES,
    ApplicationStatus,
)
from environments.lifecycle.validation import (
    account_problem,
    name_problem,
    owner_problem,
    schema_problems,
)
from environments.operations.audit import audit_record
from environments.operations.models import Operation
from environments.operations.opening import operation_open
from environments.people.models import Team, User
from environments.people.rights import require

A = ApplicationStatus
SOURCES = {"codecommit": "CodeCommit", "github": "GitHub"}
MAY_REMOVE = frozenset({A.READY, A.BROKEN})


@dataclass(frozen=True)
class Found:
    """A version as the registry has it."""

    commit: str
    digest: str
    pushed_at: datetime


def application_add(
    *,
    name: str,
    team: Team,
    account: Account,
    release: Release,
    source: str = "codecommit",
    github_repository: str = "",
    branch: str = "main",
    blocks_from: str = "high",
    findings_email: str = "",
    owner: User | None = None,
    actor: User,
) -> Operation:
    """Take an application in; answers the `application-add` operation, whose subject it is.

    `owner` is somebody of the team, or the actor. Raises Forbidden, InvalidFields (a sentence per field).
    """
    require(actor, "application.add", team=team)
    with transaction.atomic():
        # Names are settled one request after the other, under the account's row.
        account = Account.objects.select_for_update().get(pk=account.pk)
        spec: dict[str, Any] = {
            "name": name,
            "suffix": _suffix(account, name),
            "team": team.slug,
            "owner": (owner or actor).username,
            "account_id": account.account_id,
            "region": account.home_region,
            "source": source,
            "github_repository": github_repository or None,
            "branch": branch,
            "blocks_from": blocks_from,
            "findings_email": findings_email,
            "permissions_boundary_arn": account.boundary_arn,
        }
        problems = _problems(spec, account, release)
        if wrong := owner_problem(owner, team, actor):
            problems["owner"] = wrong
        if problems:
            raise InvalidFields(problems)
        application = Application.objects.create(
            name=name,
            suffix=spec["suffix"],
            team=team,
            owner=owner or actor,
            account=account,
            release=release,
            region=spec["region"],
            spec=spec,
            monthly_cost=Decimal(application_cost(release, spec)["total"]),
        )
        return operation_open(
            kind="application-add",
            subject=application,
            **scopes_of(account, [application.region]),
            parameters={"spec": spec},
            actor=actor,
        )


def application_remove(*, application: Application, confirm: str, reason: str = "", actor: User) -> Operation:
    """Ask for an application's end; answers the `application-remove` operation.

    `confirm` is its name, typed. Its code, images, artifacts and key stay in AWS: the operation names them. Raises
    Forbidden, InvalidFields, Conflict (nothing to remove).
    """
    require(actor, "application.remove", team=application.team)
    with transaction.atomic():
        application = Application.objects.select_for_update().get(pk=application.pk)
        if problem := remove_problem(application):
            raise Conflict(problem)
        if confirm != application.name:
            raise InvalidFields(
                {"confirm": f"Type {application.name} to confirm that this application goes."}
            )
        return operation_open(
            kind="application-remove",
            subject=application,
            **scopes_of(application.account, [application.region]),
            parameters={"reason": reason},
            actor=actor,
        )


def remove_problem(application: Application) -> str:
    """Why it cannot be removed now, in a sentence; empty when it can."""
    if application.status in MAY_REMOVE:
        return ""
    return f"{application.name} is {application.status}: there is nothing to remove."


def application_cost(release: Release, spec: dict[str, Any]) -> dict[str, Any]:
    """The estimate of an application's stack (see cost_estimate)."""
    costs: dict[str, Any] = delivery_of(release)["costs"]
    return cost_estimate(costs, {"home_region": spec["region"]})


def delivery_of(release: Release) -> dict[str, Any]:
    """What the release says of applications: names, costs, schema, stacks; empty for one that delivers none."""
    told: dict[str, Any] = release.description.get("application", {})
    return told


def application_move(application: Application, status: str, **fields: Any) -> None:
    """Change its status by the table of moves, saving only what changes."""
    if status != application.status:
        if status not in APPLICATION_MOVES[application.status]:
            raise Conflict(f"{application.name} cannot go from {application.status} to {status}.")
        now = timezone.now()
        fields |= {"status": status, "status_since": now}
        if status in APPLICATION_GONE:
            fields["gone_at"] = now
    for name, value in fields.items():
        setattr(application, name, value)
    if fields:
        application.save(update_fields=list(fields))


def applications_delivering() -> QuerySet[Application]:
    """Applications whose registries are there to be looked at."""
    return Application.objects.filter(status=A.READY).select_related("account").order_by("pk")


def versions_record(application: Application, found: Sequence[Found]) -> int:
    """Keep what the registry has now; answers how many versions are new. One that it has no longer stays, as gone."""
    with transaction.atomic():
        row = Application.objects.select_for_update().get(pk=application.pk)
        known = set(row.versions.values_list("commit", flat=True))
        new = [version for version in found if version.commit not in known]
        # One that was deleted and released again may have another digest.
        Version.objects.bulk_create(
            [
                Version(
                    application=row, commit=version.commit, digest=version.digest, pushed_at=version.pushed_at
                )
                for version in found
            ],
            update_conflicts=True,
            unique_fields=["application", "commit"],
            update_fields=["digest", "pushed_at", "gone_at"],
        )
        there = {version.commit for version in found}
        row.versions.filter(gone_at__isnull=True).exclude(commit__in=there).update(gone_at=timezone.now())
        row.versions_seen_at = timezone.now()
        row.save(update_fields=["versions_seen_at"])
        for version in new:
            audit_record(
                "version.released",
                row,
                actor=None,
                after={"commit": version.commit, "digest": version.digest},
            )
    return len(new)


def _suffix(account: Account, name: str) -> str:
    """One that no application of the name has had, and with which no environment's names begin as this one's do."""
    while True:
        suffix = suffix_make()
        taken = Application.objects.filter(account=account, name=name, suffix=suffix).exists()
        if not taken and not Environment.objects.filter(name=f"app-{name}", suffix=suffix).exists():
            return suffix


def _problems(spec: dict[str, Any], account: Account, release: Release) -> dict[str, str]:
    """A sentence per field."""
    delivery = delivery_of(release)
    if not delivery:
        return {"release": f"Release {release.version} delivers no applications. Choose a newer one."}
    problems = {
        field: sentence
        for field, sentence in schema_problems(delivery["schema"], spec).items()
        if field in ("name", "source", "github_repository", "branch", "blocks_from", "findings_email")
    }
    if problem := name_problem(spec["name"]):
        problems["name"] = problem
    elif other := Application.objects.exclude(status__in=APPLICATION_GONE).filter(name=spec["name"]).first():
        problems["name"] = (
            f"There is an application {other.name} already ({other.status}). Choose another name."
        )
    if problem := account_problem(account):
        problems["account"] = problem
    if spec["source"] == "github" and not spec["github_repository"]:
        problems["github_repository"] = "Name the repository on GitHub, as owner/name."
    if spec["source"] == "codecommit" and spec["github_repository"]:
        problems["github_repository"] = "A repository on GitHub goes with the source github alone."
    return problems
