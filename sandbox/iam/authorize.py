"""The decision on each request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.context import Context
    from sandbox.store import Record
    from sandbox.wire.protocol import Asked


def authorize(ctx: Context, asked: Asked) -> None:
    """Raise AwsError (AccessDenied in AWS's words) unless the principal may do this."""


def permit_type(
    ctx: Context, type_name: str, action: str, properties: dict[str, Any], record: Record | None = None
) -> None:
    """Raise AwsError unless the principal for which CloudFormation acts may create, update or delete the type."""
