"""From the outbox to people and channels: who is told of what, in batches, by a constant number of queries.

A notice is addressed in the transaction that marks it as told, so a worker that dies in the middle leaves it untold,
and two workers never address the same one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from environments.notifications.audience import Facts, channels_for, concerned, facts_gather
from environments.notifications.models import Channel, Delivery, Entry, Medium, Preference
from environments.notifications.preferences import Matrix, matrix_default
from environments.notifications.topics import GATHERED, TOPICS
from environments.operations.models import Notice

log = structlog.get_logger(__name__)

BATCH = 200
AT_MOST = 50
"""Notices in one mail or chat message; more begin another."""


@dataclass
class Draft:
    """One message that is to be sent: to a person by mail, or to a channel."""

    medium: str
    topic: str
    person_id: int | None = None
    channel_id: int | None = None
    notices: list[Notice] = field(default_factory=list)

    @property
    def target(self) -> tuple[str, str, int | None, int | None]:
        return self.medium, self.topic, self.person_id, self.channel_id


def notices_address(*, limit: int = BATCH) -> int:
    """Address the oldest untold notices; answers how many. None is left when that is less than `limit`."""
    now = timezone.now()
    with transaction.atomic():
        untold = Notice.objects.select_for_update(of=("self",), skip_locked=True).filter(told_at__isnull=True)
        notices = list(untold.select_related("operation").order_by("id")[:limit])
        if notices:
            known = [notice for notice in notices if _is_known(notice)]
            facts = facts_gather(known)
            told = [(notice, concerned(notice, facts)) for notice in known]
            Entry.objects.bulk_create(
                [Entry(person_id=person, notice=notice) for notice, people in told for person in people],
                ignore_conflicts=True,
            )
            # What has lain for long (a first start, an outage) is in the inbox, and no burst of mails.
            fresh = now - timedelta(hours=settings.NOTIFY_STALE_HOURS)
            _deliver([row for row in told if row[0].at >= fresh], facts, now)
            Notice.objects.filter(pk__in=[notice.pk for notice in notices]).update(told_at=now)
    return len(notices)


def _is_known(notice: Notice) -> bool:
    if notice.topic in TOPICS:
        return True
    log.error("notice.topic-unknown", topic=notice.topic, notice=notice.pk)
    return False


def _deliver(told: Sequence[tuple[Notice, set[int]]], facts: Facts, now: datetime) -> None:
    """Write the deliveries, or let notices join messages that still gather."""
    drafts = _drafts(told, facts)
    _join_gathering(drafts, now)
    left = [draft for draft in drafts if draft.notices]
    rows = Delivery.objects.bulk_create(
        Delivery(
            medium=draft.medium,
            topic=draft.topic,
            person_id=draft.person_id,
            channel_id=draft.channel_id,
            next_try_at=now if draft.medium == Medium.WEBHOOK else now + GATHERED[TOPICS[draft.topic].group],
        )
        for draft in left
    )
    _attach((row.pk, draft.notices) for row, draft in zip(rows, left, strict=True))


def _drafts(told: Sequence[tuple[Notice, set[int]]], facts: Facts) -> list[Draft]:
    wanted = _wanted({person for _, people in told for person in people}, facts)
    channels = list(Channel.objects.filter(is_enabled=True).defer("address", "secret", "old_secret"))
    own = {channel.person_id: channel for channel in channels if channel.person_id is not None}
    drafts: list[Draft] = []
    gathering: dict[tuple[str, str, int | None, int | None], Draft] = {}

    def add(notice: Notice, draft: Draft) -> None:
        """Webhooks are told of each notice by itself; mails and chats of several at once."""
        if draft.medium != Medium.WEBHOOK:
            begun = gathering.get(draft.target)
            if begun is not None and len(begun.notices) < AT_MOST:
                begun.notices.append(notice)
                return
            gathering[draft.target] = draft
        draft.notices.append(notice)
        drafts.append(draft)

    for notice, people in told:
        group = TOPICS[notice.topic].group
        for person in sorted(people):
            ways = wanted[person][group]
            if ways[Medium.MAIL] and settings.MAIL_IS_ON and facts.people[person].email:
                add(notice, Draft(Medium.MAIL, notice.topic, person_id=person))
            if ways[Medium.CHAT] and person in own:
                add(notice, Draft(Medium.CHAT, notice.topic, channel_id=own[person].pk))
        for channel in channels_for(notice, facts, channels):
            add(notice, Draft(channel.kind, notice.topic, channel_id=channel.pk))
    return drafts


def _wanted(people: set[int], facts: Facts) -> dict[int, Matrix]:
    """What each of these people chose, by one query."""
    wanted = {person: matrix_default(facts.people[person].role) for person in people}
    for row in Preference.objects.filter(person__in=people):
        wanted[row.person_id][row.group] = {"mail": row.mail, "chat": row.chat}
    return wanted


def _join_gathering(drafts: Sequence[Draft], now: datetime) -> None:
    """Let notices join messages to the same target that wait for company; drafts that are taken over end empty.

    The lock keeps a sender from taking such a message while something is added to it, and passes over one that a
    sender has in hand.
    """
    gathered = [
        draft for draft in drafts if GATHERED[TOPICS[draft.topic].group] and draft.medium != Medium.WEBHOOK
    ]
    if not gathered:
        return
    people = {draft.person_id for draft in gathered if draft.person_id}
    channels = {draft.channel_id for draft in gathered if draft.channel_id}
    waiting = Delivery.objects.select_for_update(skip_locked=True).filter(
        Q(person__in=people) | Q(channel__in=channels),
        status=Delivery.Status.PENDING,
        attempts=0,
        is_test=False,
        claim_token__isnull=True,
        next_try_at__gt=now,
        topic__in={draft.topic for draft in gathered},
    )
    begun = {(row.medium, row.topic, row.person_id, row.channel_id): row.pk for row in waiting}
    joined = []
    for draft in gathered:
        if draft.target in begun:
            joined.append((begun[draft.target], draft.notices))
            draft.notices = []
    _attach(joined)


def _attach(rows: Iterable[tuple[int, Sequence[Notice]]]) -> None:
    through = Delivery.notices.through
    through.objects.bulk_create(
        [
            through(delivery_id=delivery, notice_id=notice.pk)
            for delivery, notices in rows
            for notice in notices
        ]
    )
