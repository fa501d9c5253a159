"""What Cognito would have mailed or texted: nothing goes out; the control API shows it (GET /_sandbox/cognito)."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from sandbox.store import Record

if TYPE_CHECKING:
    from sandbox.world import World

MEDIA = {"email": "EMAIL", "phone_number": "SMS"}


def code() -> str:
    """A confirmation code: six digits."""
    return f"{secrets.randbelow(1_000_000):06d}"


def _stream(pool: Record) -> str:
    return f"cognito-messages/{pool.account}/{pool.region}/{pool.id}"


def deliver(world: World, pool: Record, user: Record, kind: str, attribute: str, text: str) -> dict[str, str]:
    """Keep a message to the user's address; the CodeDeliveryDetails of it.

    kind: sign-up, forgot-password, verify-attribute, invitation, reset. text: the code, or the temporary password.
    """
    address = str(user.data["attributes"].get(attribute, ""))
    world.store.append(
        _stream(pool),
        {
            "at": world.scheduler.now(),
            "pool": pool.id,
            "region": pool.region,
            "username": user.data["username"],
            "kind": kind,
            "medium": MEDIA[attribute],
            "destination": address,
            "text": text,
        },
    )
    return {"Destination": masked(address), "DeliveryMedium": MEDIA[attribute], "AttributeName": attribute}


def masked(address: str) -> str:
    """An address as CodeDeliveryDetails shows it: a***@e***, +*******9900."""
    name, at, host = address.partition("@")
    if at:
        return f"{name[:1]}***@{host[:1]}***"
    return f"+{'*' * max(0, len(address) - 5)}{address[-4:]}"


def listed(world: World, pool: str, username: str | None) -> list[dict[str, Any]]:
    """The messages of a pool (in all its regions), oldest first; of one user, if named."""
    found = [
        entry
        for record in world.store.everywhere("AWS::Cognito::UserPool")
        if record.id == pool
        for entry in world.store.log(_stream(record))
    ]
    return sorted((e for e in found if username in (None, e["username"])), key=lambda e: e["at"])


def drop(world: World, pool: Record) -> None:
    """Forget a pool's messages."""
    world.store.drop_log(_stream(pool))
