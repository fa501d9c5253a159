"""How templates show statuses, times, money and places (environments.display), and the API beside a page."""

import json
from datetime import datetime, timedelta
from typing import Any

from django import template
from django.conf import settings
from django.utils import timezone

from environments import display

register = template.Library()

register.simple_tag(display.pill)
register.filter("when", display.when)
register.filter("place", display.place)
register.filter("kind_word", display.kind_word)


@register.filter
def money(amount: Any, period: str = "month") -> str:
    """USD 412.50 / month; `period` empty leaves the amount alone."""
    return display.money(amount, period)


@register.filter
def tone(status: str) -> str:
    """The colour's name of a status: blue, amber, green, red, grey."""
    return display.look_of(status).tone


@register.filter
def icon(status: str) -> str:
    """The symbol's name of a status."""
    return display.look_of(status).icon


@register.filter
def word(status: str) -> str:
    """The word of a status."""
    return display.look_of(status).word


@register.simple_tag
def lasted(begin: datetime | None, end: datetime | None = None) -> str:
    """How long something took, or takes so far."""
    if begin is None:
        return "–"
    return display.span_words((end or timezone.now()) - begin)


@register.filter
def seconds(amount: float | timedelta | None) -> str:
    """A number of seconds as people say it."""
    if amount is None:
        return "–"
    return display.span_words(amount if isinstance(amount, timedelta) else timedelta(seconds=amount))


@register.filter
def get(mapping: dict[str, Any] | None, key: str) -> Any:
    """A value of a mapping by a key that is itself a value."""
    return (mapping or {}).get(key, "")


@register.filter
def pretty(value: Any) -> str:
    """JSON for people."""
    return json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True, default=str)


@register.inclusion_tag("portal/parts/api.html")
def api_call(method: str, path: str, body: Any = None, note: str = "") -> dict[str, Any]:
    """The "as API call" panel. `path` below /api/v1/."""
    lines = [f"curl -X {method}" if method != "GET" else "curl"]
    lines[0] += ' -H "Authorization: Bearer $TOKEN"'
    if body is not None:
        lines[0] += " \\"
        lines.append('  -H "Content-Type: application/json" \\')
        lines.append(f"  -d '{json.dumps(body, default=str)}' \\")
        lines.append(f"  {settings.PUBLIC_URL}/api/v1/{path}")
    else:
        lines[0] += " \\"
        lines.append(f"  {settings.PUBLIC_URL}/api/v1/{path}")
    return {"call": "\n".join(lines), "note": note}
