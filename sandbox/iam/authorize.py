"""The decision on each request."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.context import Context
    from sandbox.wire.protocol import Asked


def authorize(ctx: Context, asked: Asked) -> None:
    """Raise AwsError (AccessDenied in AWS's words) unless the principal may do this."""
