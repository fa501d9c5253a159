"""The brake of one environment, and the banner of whatever pause covers it."""

from typing import Any

from environments.lifecycle.pauses import environment_covers, environment_pause_of
from environments.operations.models import Pause
from environments.people.rights import may
from portal.pages.environment_parts.base import Look, Part


def _pause(look: Look) -> Pause | None:
    """Asked for once per look: two parts show it."""
    if not hasattr(look.request, "environment_pause"):
        found = None if look.environment.is_gone else environment_pause_of(look.environment)
        look.request.environment_pause = found  # type: ignore[attr-defined]
    return look.request.environment_pause  # type: ignore[attr-defined]


def _may_pause(look: Look) -> bool:
    return may(look.user, "environment.pause", team=look.environment.team)


def _banner(look: Look) -> dict[str, Any]:
    pause = _pause(look)
    own = pause is not None and pause.covers == environment_covers(look.environment)
    return {"pause": pause, "may_lift": own and _may_pause(look)}


def _control(look: Look) -> dict[str, Any]:
    return {"pause": _pause(look), "may_pause": _may_pause(look)}


PARTS = (
    Part(
        "note",
        "pause",
        "portal/environment/pause_note.html",
        position=5,
        shown=lambda look: _pause(look) is not None,
        context=_banner,
    ),
    Part(
        "tab",
        "control",
        "portal/environment/control.html",
        position=75,
        title="Control",
        shown=lambda look: not look.environment.is_gone,
        context=_control,
    ),
)
