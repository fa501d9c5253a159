"""The log of deliveries: who sees what of it, sending again, and forgetting what is old."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from environments.errors import Conflict, Forbidden
from environments.notifications.deliveries import DELIVER, channel_locked
from environments.notifications.models import Channel, Delivery
from environments.operations.audit import audit_record
from environments.operations.models import Notice
from environments.operations.queue import ring
from environments.people.models import PortalRole, User
from environments.people.rights import RIGHTS, Reach, require

KEPT = timedelta(days=30)
NOTICES_KEPT = timedelta(days=180)
FORGOTTEN_AT_ONCE = 5_000


def delivery_redeliver(*, delivery: Delivery, actor: User) -> Delivery:
    """Send it again, now and under the same id; its schedule begins anew. Raises Forbidden, Conflict."""
    channel = delivery.channel
    if channel is None or channel.person_id is not None:
        if actor.pk not in (delivery.person_id, channel.person_id if channel else None):
            raise Forbidden("Only the person it is for can have it sent again.")
    else:
        require(actor, "channel.change", team=channel.team)
    if delivery.is_test:
        raise Conflict("Send another test instead.")
    with transaction.atomic():
        channel = channel_locked(delivery)
        row = Delivery.objects.select_for_update(of=("self",)).get(pk=delivery.pk)
        if row.is_open:
            raise Conflict("It has not been given up: it is tried again by itself.")
        if channel is not None:
            if not channel.is_enabled:
                raise Conflict("The channel is disabled: enable it first.")
            Channel.objects.filter(pk=channel.pk).update(hold_until=None)
        row.status, row.attempts, row.next_try_at = Delivery.Status.PENDING, 0, timezone.now()
        row.save(update_fields=["status", "attempts", "next_try_at"])
        transaction.on_commit(lambda: ring(DELIVER))
        audit_record("delivery.redelivered", f"delivery:{row.pk}", actor=actor, after={"topic": row.topic})
    return row


def deliveries_seen_by(user: User) -> QuerySet[Delivery]:
    """The deliveries that a person may see: all of them for administrators and auditors; else those of one's teams'
    channels; and one's own."""
    rows = Delivery.objects.select_related("channel__team", "person").defer(
        "channel__address", "channel__secret", "channel__old_secret"
    )
    reach = RIGHTS["channel.view"].get(PortalRole(user.portal_role))
    if reach is Reach.ALL:
        return rows
    own = Q(person=user) | Q(channel__person=user)
    if reach is Reach.TEAM:
        own |= Q(channel__team__in=user.teams.values("pk"))
    return rows.filter(own)


def notifications_forget(now: datetime | None = None) -> int:
    """Drop deliveries that were over a month ago, and notices (with inbox entries) that were told half a year ago."""
    now = now or timezone.now()
    old = Delivery.objects.filter(created_at__lt=now - KEPT).exclude(status__in=Delivery.OPEN)
    dropped = Delivery.objects.filter(pk__in=old.order_by("id").values("pk")[:FORGOTTEN_AT_ONCE]).delete()[0]
    told = Notice.objects.filter(told_at__lt=now - NOTICES_KEPT).order_by("id").values("pk")
    return dropped + Notice.objects.filter(pk__in=told[:FORGOTTEN_AT_ONCE]).delete()[0]
