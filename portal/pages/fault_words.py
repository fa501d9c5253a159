"""Faults, orders and entries of the sandbox's log in words."""

from datetime import datetime, timedelta
from typing import Any

from environments.display import span_words
from environments.lifecycle.fault_checks import sandbox_accounts
from environments.lifecycle.fault_kinds import KINDS, SERVICES
from environments.lifecycle.models import SandboxOrder

EVENTS = {
    "set": ("Set", "add_circle", "grey"),
    "begun": ("Begun", "bolt", "amber"),
    "touched": ("Struck", "flash_on", "blue"),
    "ended": ("Ended", "check_circle", "green"),
    "cancelled": ("Cancelled", "cancel", "grey"),
}
SERVICE_WORDS = dict(SERVICES)
TOLD_ELSEWHERE = ("service", "operation", "type", "stack", "count")


def order_words(order: SandboxOrder) -> str:
    """What an order does."""
    verb, body = SandboxOrder.Verb, order.body
    if order.verb == verb.END_ALL:
        return "Ending all faults"
    if order.verb == verb.END_SCRIPT:
        return f"Ending {order.fault_id}"
    if order.verb == verb.ADVANCE:
        return f"Putting the clock forward by {span_words(timedelta(seconds=body['advance_s']))}"
    if order.verb == verb.SCRIPT:
        many = len(body["faults"])
        return f"Setting the script {body.get('name', '')}".rstrip() + f": {many} fault{'s' * (many != 1)}"
    name = fault_name(body)
    return f"Setting: {name}" if order.verb == verb.SET else f"Ending {order.fault_id}: {name}"


def fault_name(body: dict[str, Any]) -> str:
    """Its kind, and whom it meets."""
    kind = KINDS.get(body.get("kind", ""))
    return ", ".join([kind.label if kind else str(body.get("kind", "")), where(body)])


def where(body: dict[str, Any]) -> str:
    """Whom a fault meets: region, service, operation, type, stack, account."""
    names = {account.account_id: account.name for account in sandbox_accounts()}
    parts = [
        _words(body.get("region"), {}, "every region"),
        _words(body.get("service"), SERVICE_WORDS, ""),
        *(_words(body.get(name), {}, "") for name in ("operation", "type", "stack")),
        _words(body.get("account"), names, ""),
    ]
    return ", ".join(part for part in parts if part)


def _words(value: Any, table: dict[str, str], none: str) -> str:
    if value in (None, ""):
        return none
    values = value if isinstance(value, list) else [value]
    return " and ".join(table.get(str(one), str(one)) for one in values)


def times(body: dict[str, Any]) -> str:
    """When it begins and how long it lasts."""
    begins = f"after {span_words(timedelta(seconds=body['after_s']))}" if body.get("after_s") else "at once"
    return f"{begins}, for {span_words(timedelta(seconds=body['for_s']))}" if body.get("for_s") else begins


def detail(body: dict[str, Any]) -> dict[str, Any]:
    """What else it says, by label."""
    kind = KINDS.get(body["kind"])
    return {
        field.label: dict(field.choices).get(str(body[field.name]), body[field.name])
        for field in (kind.fields if kind else ())
        if field.name in body and field.name not in TOLD_ELSEWHERE
    }


def drafted(body: dict[str, Any]) -> dict[str, Any]:
    """A row of a script that is still being put together."""
    return {"name": fault_name(body), "times": times(body), "detail": detail(body)}


def planted(fault: dict[str, Any]) -> dict[str, Any]:
    """A row of what is planted."""
    body = fault["body"]
    kind = KINDS.get(body["kind"])
    return {
        "id": fault["id"],
        "label": kind.label if kind else body["kind"],
        "icon": kind.icon if kind else "bolt",
        "where": where(body),
        "detail": detail(body),
        "active": fault["state"] == "active",
        "begins": datetime.fromisoformat(fault["begins_at"]),
        "ends": datetime.fromisoformat(fault["ends_at"]) if fault["ends_at"] else None,
        "touched": fault["touched"],
        "left": fault["left"],
        "script": fault["script"],
    }


def told(entry: dict[str, Any]) -> dict[str, Any]:
    """A row of the log."""
    word, icon, tone = EVENTS.get(entry["event"], (entry["event"], "bolt", "grey"))
    kind = KINDS.get(entry["kind"])
    if entry["event"] == "set":
        text = where(entry["body"])
    elif entry["event"] == "touched":
        named = (
            str(entry[name])
            for name in ("service", "operation", "type", "action", "resource", "region")
            if entry.get(name)
        )
        text = " ".join(named)
    else:
        text = str(entry.get("why", ""))
    return {
        "at": datetime.fromisoformat(entry["at"]),
        "word": word,
        "icon": icon,
        "tone": tone,
        "fault": entry["fault"],
        "label": kind.label if kind else entry["kind"],
        "text": text,
    }
