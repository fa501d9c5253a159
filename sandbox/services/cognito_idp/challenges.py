"""Challenges between sign-in's steps: each is a record, good once and for the client's AuthSessionValidity.

data: pool, client, user (a record's id, or None for a user that there is not), name, until, and what its kind needs.
"""

from __future__ import annotations

import secrets
from typing import Any

from sandbox.context import Context
from sandbox.services.cognito_idp.names import CHALLENGE, USER, invalid, not_authorized, of_pool
from sandbox.store import Record

DEFAULT_MINUTES = 3


def begin(ctx: Context, pool: Record, client: Record, user: Record | None, name: str, **data: Any) -> Record:
    """A new challenge; its id is the Session that the client sends back."""
    for old in of_pool(ctx, pool, CHALLENGE):
        if ctx.now >= old.data["until"]:
            ctx.store.remove(old)
    minutes = int(client.properties.get("AuthSessionValidity") or DEFAULT_MINUTES)
    return ctx.store.put(
        Record(
            pool.account,
            pool.region,
            CHALLENGE,
            secrets.token_urlsafe(120),
            created_at=ctx.now,
            data={
                "pool": pool.id,
                "client": client.id,
                "user": user.id if user is not None else None,
                "name": name,
                "until": ctx.now + minutes * 60,
                **data,
            },
        )
    )


def get(ctx: Context, pool: Record, client: Record | None, session: str | None, *names: str) -> Record:
    """The challenge of a Session. Raises NotAuthorizedException in Cognito's words."""
    if not session:
        raise invalid("Missing required parameter Session")
    record = ctx.store.get(pool.account, pool.region, CHALLENGE, session)
    if (
        record is None
        or record.data["name"] not in names
        or (client is not None and record.data["client"] != client.id)
    ):
        raise not_authorized("Invalid session for the user.")
    if ctx.now >= record.data["until"]:
        raise not_authorized("Invalid session for the user, session is expired.")
    return record


def user_of(ctx: Context, record: Record) -> Record:
    """The user that a challenge is put to. Raises NotAuthorizedException if it is gone, or disabled."""
    user = ctx.store.get(record.account, record.region, USER, str(record.data["user"]))
    if user is None:
        raise not_authorized("Invalid session for the user.")
    if not user.data["enabled"]:
        raise not_authorized("User is disabled.")
    return user


def answer(record: Record, **parameters: str) -> dict[str, Any]:
    """What InitiateAuth and RespondToAuthChallenge answer for a challenge."""
    return {
        "ChallengeName": record.data["name"],
        "Session": record.id,
        "ChallengeParameters": parameters,
    }


def by_block(ctx: Context, pool: Record, client: Record, block: str) -> Record:
    """The challenge of SRP's secret block. Raises NotAuthorizedException."""
    for record in of_pool(ctx, pool, CHALLENGE):
        mine = record.data.get("block") == block and record.data["client"] == client.id
        if mine and ctx.now < record.data["until"]:
            return record
    raise not_authorized("Invalid session for the user.")
