"""Comparing what the database says with what is in AWS. Reads only."""

from collections import defaultdict
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError
from django.contrib.contenttypes.models import ContentType
from django.db.models import Q, QuerySet
from django.utils import timezone

from environments.lifecycle.models import Account, Application, Environment, Release
from environments.lifecycle.stacks import stacks_of
from environments.lifecycle.states import APPLICATION_GONE, GONE, ApplicationStatus, EnvironmentStatus
from environments.notes import note_write
from environments.operations.models import Operation, Stack
from environments.operations.states import OPEN
from workers.aws import cloudformation
from workers.aws.cloudformation import DEAD, GOOD, StackState
from workers.aws.session import NoEndpoint
from workers.names import stack_name
from workers.observer import reader_session

NOTE = "reconcile"
E = EnvironmentStatus
OWN_STACKS = ("CDKToolkit-swyard", "switchyard-")
"""Beginnings of the names of what an account has once per region."""
UNDER_WAY = frozenset({E.PROVISIONING, E.BROKEN, E.TEARING_DOWN, E.RECOVERING})


@dataclass(frozen=True)
class Difference:
    """One thing that differs: what, how, and what to do."""

    subject: str
    what: str
    remedy: str


def reconcile() -> list[Difference]:
    """All differences of all accounts; one listing of stacks per account and region."""
    found: list[Difference] = []
    for account in Account.objects.order_by("name"):
        for region in account.regions:
            try:
                stacks = list(cloudformation.stacks_all(reader_session(account, region)))
            except (BotoCoreError, ClientError, NoEndpoint) as error:
                found.append(
                    Difference(
                        f"{account} {region}", f"could not be looked at: {error}", "Look at it yourself."
                    )
                )
                continue
            alive = [stack for stack in stacks if stack.status != "DELETE_COMPLETE"]
            found += _region(account, region, alive)
            found += _account_operations(account, region, alive)
    note_write(NOTE, {"at": timezone.now().isoformat(), "differences": [vars(row) for row in found]})
    return found


def _region(account: Account, region: str, stacks: list[StackState]) -> list[Difference]:
    """One pass over environments and stacks, of applications, and four queries, however many there are."""
    by_name = {stack.name: stack for stack in stacks}
    releases = {release.pk: release for release in Release.objects.all()}
    environments = Environment.objects.filter(
        Q(home_region=region) | Q(other_region=region) | Q(stacks__region=region), account=account
    ).distinct()
    operations = _operations_open(environments)
    beside = _stacks_beside(environments, region)
    found: list[Difference] = []
    told = environments.only("name", "suffix", "status", "release_id", "forgotten_at", "spec", "home_region")
    for environment in told.iterator():
        stacks_here = [
            stack
            for stack in stacks_of(releases[environment.release_id], environment.spec)
            if stack.region == region
        ]
        names = [stack_name(environment, stack.key) for stack in stacks_here]
        # Also what an operation has added that has not come to its end.
        known = [*names, *(name for name in beside.get(environment.pk, ()) if name not in names)]
        there = [by_name.pop(name) for name in known if name in by_name]
        if region == environment.home_region or names or there:
            found += _environment(environment, names, there, operations.get(environment.pk, []))
    found += _applications(account, region, by_name)
    for stack in by_name.values():
        if stack.name.startswith("sy-"):
            found.append(
                Difference(
                    f"stack {stack.name}",
                    f"is {stack.status} in {account} {region}, and no environment or application here knows it",
                    "It was made after the backup: take it over by hand, or delete it in AWS.",
                )
            )
    return found


def _applications(account: Account, region: str, by_name: dict[str, StackState]) -> list[Difference]:
    """Applications beside their stacks, which are taken out of `by_name`. What an operation is at is its own to see."""
    found: list[Difference] = []
    rows = Application.objects.filter(account=account, region=region)
    moving = set(rows.filter(operations__status__in=OPEN).values_list("pk", flat=True))
    for application in rows.only("name", "suffix", "status").order_by("pk"):
        stack = by_name.pop(application.stack_name, None)
        if application.pk in moving:
            continue
        stands = stack is not None and (stack.status in GOOD or "ROLLBACK_COMPLETE" in stack.status)
        subject = f"application {application}"
        if application.status == ApplicationStatus.READY and not stands:
            found.append(
                Difference(
                    subject,
                    f"is ready here, but AWS has not: {application.stack_name}",
                    "It was changed or removed after the backup: remove it here, and add it again.",
                )
            )
        elif application.status in APPLICATION_GONE and stack is not None:
            found.append(
                Difference(
                    subject,
                    f"is {application.status} here, but AWS has: {stack.name} ({stack.status})",
                    "It was begun after the backup: delete the stack in AWS.",
                )
            )
    return found


def _stacks_beside(environments: QuerySet[Environment], region: str) -> dict[int, list[str]]:
    """Names of the stacks in the region that the portal has seen, by the environment that they are of."""
    rows = Stack.objects.filter(
        subject_type=ContentType.objects.get_for_model(Environment),
        subject_id__in=environments.values("pk"),
        region=region,
    )
    found: dict[int, list[str]] = defaultdict(list)
    for pk, name in rows.exclude(status="DELETE_COMPLETE").values_list("subject_id", "name"):
        found[pk].append(name)
    return found


def _account_operations(account: Account, region: str, stacks: list[StackState]) -> list[Difference]:
    """Open operations on the account itself, beside what it has of its own in the region."""
    own = [f"{stack.name} ({stack.status})" for stack in stacks if stack.name.startswith(OWN_STACKS)]
    rows = Operation.objects.filter(
        subject_type=ContentType.objects.get_for_model(Account), subject_id=account.pk, status__in=OPEN
    )
    return [
        Difference(
            f"operation {row.pk} ({row.kind} of {row.subject_label})",
            f"is {row.status} here; AWS has in {region}: {', '.join(sorted(own)) or 'nothing of the account itself'}",
            "Lift the pause to go on (it looks first), or cancel it.",
        )
        for row in rows.order_by("pk")
    ]


def _operations_open(environments: QuerySet[Environment]) -> dict[int, list[Operation]]:
    """Open operations by the environment that they are about."""
    rows = Operation.objects.filter(
        subject_type=ContentType.objects.get_for_model(Environment),
        subject_id__in=environments.values("pk"),
        status__in=OPEN,
    )
    found: dict[int, list[Operation]] = defaultdict(list)
    for operation in rows.order_by("pk"):
        found[operation.subject_id].append(operation)
    return found


def _environment(
    environment: Environment, names: list[str], there: list[StackState], operations: list[Operation]
) -> list[Difference]:
    found = []
    good = {stack.name for stack in there if stack.status in GOOD or "ROLLBACK_COMPLETE" in stack.status}
    subject = f"environment {environment}"
    if environment.status in (E.ACTIVE, E.STOPPED):
        missing = sorted(set(names) - good)
        if missing:
            found.append(
                Difference(
                    subject,
                    f"is {environment.status} here, but AWS has not: {', '.join(missing)}",
                    "It was changed or torn down after the backup: tear it down here, or request it again.",
                )
            )
    elif environment.status in UNDER_WAY and not operations:
        told = f"{len(good)} of {len(names)} stacks complete" if there else "nothing of it"
        found.append(
            Difference(
                subject,
                f"is {environment.status} here with no operation open; AWS has {told}",
                "Retry its last operation, which looks first, or tear it down.",
            )
        )
    elif environment.status in GONE | {E.REQUESTED} and there and environment.forgotten_at is None:
        told = ", ".join(f"{stack.name} ({stack.status})" for stack in there)
        found.append(
            Difference(
                subject,
                f"is {environment.status} here, but AWS has: {told}",
                "It was begun after the backup: let its operation look (it re-attaches), or delete the stacks.",
            )
        )
    for operation in operations:
        found += _operation(operation, names, there, good)
    return found


def _operation(
    operation: Operation, names: list[str], there: list[StackState], good: set[str]
) -> list[Difference]:
    subject = f"operation {operation.pk} ({operation.kind} of {operation.subject_label})"
    if operation.kind == "provision" and good == set(names):
        what = f"is {operation.status} here, but all its stacks are complete"
        return [Difference(subject, what, "Lift the pause: it looks first, finds them and ends.")]
    if operation.kind == "teardown" and not there:
        what = f"is {operation.status} here, but all its stacks are gone"
        return [Difference(subject, what, "Lift the pause: it looks first, finds nothing and ends.")]
    dead = [stack.name for stack in there if stack.status in DEAD]
    told = f"{len(good)} of {len(names)} stacks complete" + (f", dead: {', '.join(dead)}" if dead else "")
    return [
        Difference(
            subject, f"is {operation.status} here; AWS has {told}", "Lift the pause to go on, or cancel it."
        )
    ]


def told(differences: list[Difference]) -> list[str]:
    """The differences as lines."""
    return [f"{row.subject} {row.what}. {row.remedy}" for row in differences]
