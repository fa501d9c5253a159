"""How templates show statuses, times, money and places (environments.display)."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django import template
from django.template import Context
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.safestring import SafeString

from environments import display

if TYPE_CHECKING:
    from portal.pages.environment_parts import Shown

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


@register.filter
def told(value: Any) -> str:
    """A value of a spec or a setting as people read it: yes, no, – for none; lists with long items line by line."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        words = [str(item) for item in value]
        return ("\n" if any(len(word) > 20 for word in words) else ", ").join(words) or "none"
    return "–" if value is None or value == "" else str(value)


@register.simple_tag
def lasted(begin: datetime | None, end: datetime | None = None) -> str:
    """How long something took, or takes so far."""
    if begin is None:
        return "–"
    return display.span_words((end or timezone.now()) - begin)


@register.filter
def moment(text: str | None) -> datetime | None:
    """A moment that data carries as ISO text; None for none."""
    return parse_datetime(text) if text else None


@register.filter
def get(mapping: dict[str, Any] | None, key: str) -> Any:
    """A value of a mapping by a key that is itself a value."""
    return (mapping or {}).get(key, "")


@register.simple_tag(takes_context=True)
def show_part(context: Context, shown: "Shown") -> SafeString:
    """A part of the environment page, with what it is given beside what the page has."""
    assert context.template is not None
    part = context.template.engine.get_template(shown.part.template)
    with context.push(**shown.context):
        return part.render(context)
