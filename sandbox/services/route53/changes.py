"""Changes: PENDING until they have reached all name servers. The id carries the time, so nothing is stored."""

from __future__ import annotations

import re
import secrets
import string
from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import operation
from sandbox.services.route53.names import RECORD, plain_id

_ALPHABET = string.ascii_uppercase + string.digits
_ID = re.compile(r"C(\d{13})[A-Z0-9]{7}")


def change_info(ctx: Context, comment: str | None = None) -> dict[str, Any]:
    """The ChangeInfo of a change that begins now."""
    tail = "".join(secrets.choice(_ALPHABET) for _ in range(7))
    return _info(ctx, f"C{int(ctx.now * 1000):013d}{tail}", comment)


def _info(ctx: Context, id: str, comment: str | None = None) -> dict[str, Any]:
    match = _ID.fullmatch(id)
    if match is None:
        raise AwsError("NoSuchChange", f"Could not find resource with ID: {id}", 404)
    begun = int(match[1]) / 1000
    takes = ctx.world.duration(RECORD, "create") * float(ctx.world.settings["speed"])
    info: dict[str, Any] = {
        "Id": f"/change/{id}",
        "Status": "INSYNC" if ctx.now >= begun + takes else "PENDING",
        "SubmittedAt": begun,
    }
    return {**info, **({"Comment": comment} if comment else {})}


@operation("route53", "GetChange")
def get_change(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    return {"ChangeInfo": _info(ctx, plain_id(params["Id"]))}
