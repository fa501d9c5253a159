"""Carrying an administrator's orders to the sandbox, and looking at its faults and clock, by its control API.

The sandbox is another process on a private address, not AWS: no session, no role, plain HTTP.
"""

import http.client
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import structlog
from django.conf import settings

from environments.lifecycle.faults import (
    order_close,
    orders_give_up,
    orders_take,
    view_fail,
    view_record,
)
from environments.lifecycle.models import SandboxOrder

log = structlog.get_logger(__name__)

TIMEOUT_S = 5.0
NEWEST = 40
"""How many entries of the log the page shows."""
OWN = ("id", "state", "left", "begins_at", "ends_at", "script", "touched")


class Refused(Exception):
    """The sandbox understood and will not; its sentence."""


class Unreachable(Exception):
    """There was no answer, or none that means anything."""


def sandbox_round() -> None:
    """Carry what was ordered, then look. Without a sandbox: nothing."""
    if not settings.SANDBOX_URL:
        return
    orders_give_up()
    for order in orders_take():
        _carry(order)
    try:
        view_record(**_look())
    except (Refused, Unreachable) as problem:
        view_fail(f"The sandbox could not be looked at: {problem}")


def _carry(order: SandboxOrder) -> None:
    try:
        fault_id = _carried(order)
    except (Refused, Unreachable) as problem:
        order_close(order, refused=str(problem))
    else:
        order_close(order, fault_id=fault_id)


def _carried(order: SandboxOrder) -> str:
    """Carry it; the id of the fault or script that was made, else "". Raises Refused, Unreachable."""
    verb = SandboxOrder.Verb
    if order.verb in (verb.SET, verb.SCRIPT):
        path = "faults" if order.verb == verb.SET else "faults/scripts"
        return str(_call("POST", path, order.body)["id"])
    if order.verb == verb.ADVANCE:
        _call("POST", "clock", order.body)
    elif order.verb == verb.END_SCRIPT:
        _call("DELETE", f"faults/scripts/{order.fault_id}")
    else:
        _call("DELETE", f"faults/{order.fault_id}" if order.verb == verb.END else "faults")
    return ""


def _look() -> dict[str, Any]:
    ahead_s = float(_call("GET", "clock")["ahead_s"])

    def when(at: float | None) -> str | None:
        return datetime.fromtimestamp(at - ahead_s, UTC).isoformat() if at is not None else None

    faults = [
        {
            **{name: fault[name] for name in OWN},
            "begins_at": when(fault["begins_at"]),
            "ends_at": when(fault["ends_at"]),
            "body": {name: value for name, value in fault.items() if name not in OWN},
        }
        for fault in _call("GET", "faults")
    ]
    entries = [{**entry, "at": when(entry["at"])} for entry in _call("GET", f"faults/log?last={NEWEST}")]
    return {"faults": faults, "log": entries[::-1], "ahead_s": ahead_s}


def _call(method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """The answer's JSON. Raises Refused, Unreachable."""
    address = urlsplit(settings.SANDBOX_URL)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=TIMEOUT_S)
    try:
        payload = json.dumps(body).encode() if body is not None else None
        connection.request(method, f"/_sandbox/{path}", payload)
        answer = connection.getresponse()
        status, content = answer.status, answer.read()
    except (OSError, http.client.HTTPException) as problem:
        raise Unreachable(f"it gave no answer ({problem}).") from problem
    finally:
        connection.close()
    try:
        document = json.loads(content)
    except ValueError as problem:
        raise Unreachable(f"it answered {status} without JSON.") from problem
    if status >= http.HTTPStatus.BAD_REQUEST:
        raise Refused(str(document.get("error", f"It answered {status}.")))
    return document
