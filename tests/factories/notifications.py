"""Channels and deliveries."""

from typing import Any

from environments.notifications.models import Channel, Delivery
from environments.people.models import Team


def channel_make(team: Team | None, **fields: Any) -> Channel:
    """A webhook; a team's, or of everything."""
    return Channel.objects.create(
        **{
            "kind": "webhook",
            "name": "ci",
            "team": team,
            "groups": ["failed"],
            "url": "https://ci.example.org/hook",
            "masked": "https://ci.example.org/…",
        }
        | fields
    )


def delivery_make(channel: Channel, **fields: Any) -> Delivery:
    """A delivery to a channel."""
    return Delivery.objects.create(
        **{"medium": channel.kind, "topic": "operation.failed", "channel": channel} | fields
    )
