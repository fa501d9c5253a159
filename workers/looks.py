"""Looking at one stack from a step: its row, and when the step asks AWS itself rather than wait to be told."""

from datetime import timedelta

from django.utils import timezone

from environments.lifecycle.models import Account
from environments.operations.models import Stack
from workers.aws import cloudformation
from workers.aws.cloudformation import StackState
from workers.aws.session import Session
from workers.context import StepContext
from workers.observer import dark_since, is_watched
from workers.rows import stack_seen
from workers.workflow import Wait

STALE = timedelta(seconds=60)
UNWATCHED_S = 5.0
"""Longest wait between two looks in a region that nobody observes (its queue is not there yet)."""


def stack_row(ctx: StepContext, account: Account, region: str, key: str, name: str) -> Stack:
    """The row of a stack of the operation's subject."""
    row, _ = Stack.objects.get_or_create(
        account_id=account.account_id,
        region=region,
        name=name,
        defaults={
            "key": key,
            "subject_type_id": ctx.operation.subject_type_id,
            "subject_id": ctx.operation.subject_id,
            "operation_id": ctx.operation.pk,
        },
    )
    if row.operation_id != ctx.operation.pk:
        row.operation_id = ctx.operation.pk
        row.save(update_fields=["operation"])
    return row


def look_at(ctx: StepContext, session: Session, row: Stack) -> StackState | None:
    """Ask AWS about one stack, and keep what it says."""
    found = cloudformation.stack_find(session, row.stack_id or row.name)
    stack_seen(row.pk, found)
    row.refresh_from_db()
    return found


def looks_itself(ctx: StepContext, account: Account, region: str, row: Stack) -> bool:
    """Whether the step asks AWS itself now: nobody else does, or nobody has told anything for long."""
    if not is_observed(ctx, account, region):
        return True
    return row.seen_at is None or timezone.now() - row.seen_at > STALE


def is_observed(ctx: StepContext, account: Account, region: str) -> bool:
    """Whether events come: the region has its queue, and somebody drains it now."""
    has_queue = bool(ctx.operation.scope and account.baseline.get(region, {}).get("queue_url"))
    return has_queue and is_watched(f"{account.account_id}/{region}")


def unwatched_s(ctx: StepContext) -> float:
    """Seconds to the next look in a region that nobody observes."""
    return float(min(UNWATCHED_S, 0.1 * 2 ** min(ctx.step.looks - 1, 8)))


def unanswered(ctx: StepContext, region: str) -> Wait | None:
    """What a step that waits for a stack says while its region answers nobody; None when it answers.

    Progress stays what it was: nobody can tell what goes on there.
    """
    account_id = ctx.operation.scope.split("/")[0]
    since = dark_since(f"{account_id}/{region}") if account_id else None
    if since is None:
        return None
    return Wait(
        f"AWS in {region} could not be reached since {since:%H:%M} UTC. What it had begun goes on there; this looks"
        " again as soon as it answers.",
        waits_for="dark",
    )
