"""What was sent to people: push messages and e-mail, kept for tests to look at. Nothing leaves the machine."""

from __future__ import annotations

from typing import Any

from sandbox.context import Context
from sandbox.world import World


def _log(account: str, region: str) -> str:
    return f"sent:{account}:{region}"


def note(ctx: Context, kind: str, **what: Any) -> None:
    """Keep a message. kind: push or email."""
    ctx.store.append(_log(ctx.account, ctx.region), {"kind": kind, "at": ctx.now, **what})


def listed(world: World, account: str, region: str) -> list[dict[str, Any]]:
    """All messages of an account and region, oldest first."""
    return list(world.store.log(_log(account, region)))
