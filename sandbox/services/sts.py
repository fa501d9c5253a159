"""STS: who am I, and sessions of roles."""

from __future__ import annotations

from typing import Any

from sandbox.context import Context
from sandbox.registry import operation


@operation("sts", "GetCallerIdentity")
def get_caller_identity(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    return {"UserId": ctx.principal.user_id, "Account": ctx.account, "Arn": ctx.principal.arn}
