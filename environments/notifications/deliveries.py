"""Deliveries between attempts: which are due, who sends them, how an attempt went, and when the next one is.

At least once: a worker claims a delivery for a while, sends, and writes down how it went under its claim. One that
dies in between leaves the claim to pass, and another sends again, under the same id.
"""

import random
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from environments.notifications.models import Channel, Delivery
from environments.operations.notices import notice_write

log = structlog.get_logger(__name__)

# Seconds from a failed attempt to the next: Standard Webhooks' own schedule, three days long.
SCHEDULE_S = (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
JITTER = 0.2
LONGEST_RETRY_AFTER = timedelta(days=1)
# In a row: how long nothing at all is sent to a channel after its n-th failed attempt.
HOLD_S = (5, 15, 60, 300, 600)
DISABLED_AFTER = timedelta(days=3)

AT_ONCE = 20
"""Deliveries under way in all workers together: telling people never takes the workers from operations."""
AT_ONCE_PER_CHANNEL = 5

DELIVER = "workers.deliver"
OPEN = Delivery.OPEN


@dataclass(frozen=True)
class Outcome:
    """How an attempt went. `lasting`: trying again is of no use. `gone`: the receiver wants nothing any more (410)."""

    is_delivered: bool
    sentence: str
    duration_ms: int = 0
    code: int | None = None
    text: str = ""
    retry_after_s: float | None = None
    lasting: bool = False
    gone: bool = False


def due(now: datetime) -> QuerySet[Delivery]:
    """Open deliveries that a worker should send now, oldest first. Tests do not wait for a channel on hold."""
    free = Q(claim_until__isnull=True) | Q(claim_until__lt=now)
    held = Channel.objects.filter(pk=OuterRef("channel_id"), hold_until__gt=now)
    return (
        Delivery.objects.filter(free, status__in=OPEN, next_try_at__lte=now)
        .exclude(Exists(held), is_test=False)
        .order_by("next_try_at", "id")
    )


def deliveries_claim(now: datetime | None = None, *, tests_only: bool = False) -> list[Delivery]:
    """Take what is due, as far as there is room; nobody else sends it until the claim passes.

    A channel that fails is tried with one delivery at a time.
    """
    now = now or timezone.now()
    token = uuid.uuid4()
    with transaction.atomic():
        under_way = Delivery.objects.filter(status__in=OPEN, claim_until__gt=now).count()
        rows = list(
            (due(now).filter(is_test=True) if tests_only else due(now))
            .select_for_update(of=("self",), skip_locked=True)
            .select_related("channel", "person")[: max(0, AT_ONCE - under_way)]
        )
        taken: list[Delivery] = []
        per_channel: dict[int, int] = {}
        for row in rows:
            if row.channel is not None:
                most = 1 if row.channel.failing_since else AT_ONCE_PER_CHANNEL
                per_channel[row.channel.pk] = per_channel.get(row.channel.pk, 0) + 1
                if per_channel[row.channel.pk] > most and not row.is_test:
                    continue
            row.claim_token = token
            taken.append(row)
        until = now + timedelta(seconds=settings.NOTIFY_CLAIM_S)
        Delivery.objects.filter(pk__in=[row.pk for row in taken]).update(claim_token=token, claim_until=until)
    return taken


def delivery_settle(delivery: Delivery, outcome: Outcome) -> None:
    """Write down how the attempt went, and when the next one is. Nothing, when the claim has passed to another."""
    now = timezone.now()
    with transaction.atomic():
        # The channel before its deliveries: who disables it locks in this order too.
        channel = channel_locked(delivery)
        row = (
            Delivery.objects.select_for_update(of=("self",))
            .filter(pk=delivery.pk, claim_token=delivery.claim_token)
            .first()
        )
        if row is None:
            log.info("delivery.claim-lost", delivery=delivery.pk)
            return
        row.attempts += 1
        row.tried_at, row.duration_ms = now, outcome.duration_ms
        row.sentence, row.response_code = outcome.sentence[:300], outcome.code
        # PostgreSQL keeps no NUL.
        row.response_text = outcome.text.replace("\x00", "")[:500]
        row.claim_token = row.claim_until = None
        is_over = outcome.is_delivered or row.is_test or (channel is not None and not channel.is_enabled)
        row.next_try_at = None if is_over else _next_try(row, outcome, now)
        if outcome.is_delivered:
            row.status = Delivery.Status.DELIVERED
        else:
            row.status = Delivery.Status.FAILED if row.next_try_at else Delivery.Status.ABANDONED
        row.save()
        if channel is not None and not row.is_test:
            _channel_seen(channel, outcome, now)


def channel_locked(delivery: Delivery) -> Channel | None:
    """The channel of a delivery, locked until the transaction ends; None for a mail."""
    if delivery.channel_id is None:
        return None
    return Channel.objects.select_for_update().filter(pk=delivery.channel_id).first()


def _next_try(row: Delivery, outcome: Outcome, now: datetime) -> datetime | None:
    """When to try again, with jitter; None when that is over."""
    if outcome.lasting or outcome.gone or row.attempts > len(SCHEDULE_S):
        return None
    wait = timedelta(seconds=SCHEDULE_S[row.attempts - 1] * (1 + random.uniform(0, JITTER)))
    if outcome.retry_after_s is not None:
        wait = max(wait, min(timedelta(seconds=outcome.retry_after_s), LONGEST_RETRY_AFTER))
    return now + wait


def _channel_seen(channel: Channel, outcome: Outcome, now: datetime) -> None:
    """Count failures in a row, leave a failing channel alone for a while, and disable one that fails for days."""
    if outcome.is_delivered:
        if channel.failures or channel.hold_until:
            channel.failures, channel.failing_since, channel.hold_until = 0, None, None
            channel.save(update_fields=["failures", "failing_since", "hold_until"])
        return
    channel.failures += 1
    channel.failing_since = channel.failing_since or now
    hold_s: float = HOLD_S[min(channel.failures, len(HOLD_S)) - 1]
    if outcome.retry_after_s is not None:
        hold_s = max(hold_s, min(outcome.retry_after_s, LONGEST_RETRY_AFTER.total_seconds()))
    channel.hold_until = now + timedelta(seconds=hold_s)
    channel.save(update_fields=["failures", "failing_since", "hold_until"])
    if outcome.gone:
        channel_disable(channel, f"The receiver answered 410: {outcome.sentence}")
    elif channel.is_enabled and channel.failing_since <= now - DISABLED_AFTER:
        channel_disable(channel, f"Every attempt of three days failed. The last one: {outcome.sentence}")


def channel_disable(channel: Channel, why: str) -> None:
    """Send nothing there any more, give up what is open, and tell its owner. The caller has it locked."""
    if not channel.is_enabled:
        return
    channel.is_enabled, channel.disabled_why = False, why[:300]
    channel.save(update_fields=["is_enabled", "disabled_why"])
    deliveries_give_up(channel, "The channel was disabled.")
    notice_write(
        "channel.disabled", channel, f"{channel.get_kind_display()} {channel.name} was disabled. {why}"
    )


def deliveries_give_up(channel: Channel, sentence: str) -> None:
    """Give up what is open for a channel, but tests and what is under way at this moment."""
    now = timezone.now()
    waiting = Delivery.objects.filter(channel=channel, status__in=OPEN, is_test=False)
    waiting.exclude(claim_until__gt=now).update(
        status=Delivery.Status.ABANDONED, next_try_at=None, sentence=sentence
    )


def deliveries_are_due(now: datetime | None = None) -> bool:
    """Whether a worker has something to send."""
    return due(now or timezone.now()).exists()
