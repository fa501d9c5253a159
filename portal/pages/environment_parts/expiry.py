"""When the environment expires: a tag that counts down, the button that extends it, and taking that back."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from environments.lifecycle.expired import expiry_teardown
from environments.lifecycle.states import EnvironmentStatus
from environments.people.rights import may
from portal.pages.environment_parts.base import Look, Part
from portal.pages.extend import undo_of

SOON = timedelta(days=2)


def _has_expiry(look: Look) -> bool:
    return look.environment.expires_at is not None and not look.environment.is_gone


def _may_extend(look: Look) -> bool:
    row = look.environment
    can = not (row.is_gone or row.is_canary or row.status == EnvironmentStatus.TEARING_DOWN)
    return can and may(look.user, "environment.extend", team=row.team, owner_id=row.owner_id)


def _tag(look: Look) -> dict[str, Any]:
    """`tone` and `icon` by how near it is; a word stands beside them always."""
    row, now = look.environment, timezone.now()
    assert row.expires_at is not None
    has_expired, is_soon = row.expires_at <= now, row.expires_at <= now + SOON
    if row.is_protected:
        return {"tone": "grey", "icon": "timer_pause", "has_expired": has_expired}
    tone = "red" if has_expired else "amber" if is_soon else "grey"
    return {"tone": tone, "icon": "timer_off" if has_expired else "timer", "has_expired": has_expired}


def _has_expired(look: Look) -> bool:
    row = look.environment
    return _has_expiry(look) and bool(row.expires_at and row.expires_at <= timezone.now())


def _undo(look: Look) -> dict[str, Any]:
    return {"undo": undo_of(look.request, look.environment)}


PARTS = (
    Part("tag", "expiry", "portal/environment/expiry_tag.html", position=10, shown=_has_expiry, context=_tag),
    Part(
        "note",
        "expired",
        "portal/environment/expired_note.html",
        shown=_has_expired,
        context=lambda look: {
            "teardown": expiry_teardown(look.environment),
            "may_extend": _may_extend(look),
        },
    ),
    Part(
        "note",
        "extended",
        "portal/environment/extended_note.html",
        shown=lambda look: _may_extend(look) and undo_of(look.request, look.environment) is not None,
        context=_undo,
    ),
    Part("act", "extend", "portal/environment/act_extend.html", position=25, shown=_may_extend),
)
