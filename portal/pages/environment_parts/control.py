"""The brake of one environment, the banner of whatever pause covers it, and the ways out of the portal."""

from typing import Any

from environments.lifecycle.pauses import environment_covers, environment_pause_of
from environments.lifecycle.resync import MAY_RESYNC
from environments.operations.models import Pause
from environments.operations.states import OPEN
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
    team, free = look.environment.team, look.latest is None or look.latest.status not in OPEN
    return {
        "pause": _pause(look),
        "may_pause": _may_pause(look),
        "may_export": may(look.user, "environment.export", team=team),
        "may_resync": free
        and look.environment.status in MAY_RESYNC
        and may(look.user, "environment.resync", team=team),
        "may_forget": not look.environment.is_gone and may(look.user, "environment.forget"),
        "is_free": free,
    }


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
        context=_control,
    ),
    Part(
        "note",
        "forgotten",
        "portal/environment/forgotten_note.html",
        position=6,
        shown=lambda look: look.environment.forgotten_at is not None,
    ),
)
