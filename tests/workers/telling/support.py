"""What the tests of telling people have in common: a webhook, something that happened, and time that passes."""

from datetime import timedelta

from environments.notifications.channels import channel_create
from environments.notifications.fanout import notices_address
from environments.notifications.models import Channel, Delivery
from environments.operations.notices import operation_notice
from tests import factories


def webhook(world, url, groups=("failed",), kind="webhook"):
    """(channel, secret) of the team."""
    made = channel_create(kind=kind, name="ci", team=world.team, groups=groups, address=url, actor=world.lead)
    return made.channel, made.secret


def happen(world, topic="operation.failed", sentence="Data: the cluster has no room.", **fields):
    """An operation that ended, and is addressed."""
    operation = factories.operation_make(
        world.environment, kind="update", status="failed", requested_by=world.lead, **fields
    )
    operation_notice(operation, topic, sentence, data={"step": "data", "remedy": "Raise the quota."})
    notices_address()
    return operation


def in_a_while(**passed):
    """As if so much time had passed."""
    moment = timedelta(**passed)
    for row in Delivery.objects.filter(next_try_at__isnull=False):
        Delivery.objects.filter(pk=row.pk).update(next_try_at=row.next_try_at - moment)
    for row in Channel.objects.filter(hold_until__isnull=False):
        Channel.objects.filter(pk=row.pk).update(hold_until=row.hold_until - moment)
    for row in Channel.objects.filter(failing_since__isnull=False):
        Channel.objects.filter(pk=row.pk).update(failing_since=row.failing_since - moment)


def only():
    return Delivery.objects.get(medium="webhook")
