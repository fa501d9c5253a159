"""EventBridge: rules with targets, and the delivery of events to SQS queues."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.world import World


def emit(
    world: World,
    account: str,
    region: str,
    source: str,
    detail_type: str,
    detail: dict[str, Any],
    resources: list[str],
) -> None:
    """Put an event on the default bus of an account and region."""
