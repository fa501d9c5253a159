"""One timeline of everything: requests, approvals, steps and stacks, revisions, and the audit for who may see it."""

from typing import Any

from django.utils.dateparse import parse_datetime

from environments.lifecycle.timeline import KINDS, environment_timeline
from environments.people.rights import may
from portal.pages.environment_parts.base import Look, Part


def _timeline(look: Look) -> dict[str, Any]:
    known = [kind for kind in KINDS if kind != "audit" or may(look.user, "audit.view")]
    chosen = [kind for kind in look.request.GET.getlist("kind") if kind in known]
    entries, has_older = environment_timeline(
        look.environment, kinds=chosen or known, before=_moment(look.request.GET.get("before", ""))
    )
    return {
        "entries": entries,
        "kinds": [(kind, KINDS[kind], kind in chosen) for kind in known],
        "words": KINDS,
        "filter": "".join(f"&kind={kind}" for kind in chosen),
        "older": entries[-1].at.isoformat() if has_older else "",
        "is_first": not look.request.GET.get("before"),
    }


def _moment(text: str) -> Any:
    try:
        # A plus in an address is read as a space.
        return parse_datetime(text.replace(" ", "+"))
    except ValueError:
        return None


PARTS = (
    Part(
        "tab",
        "timeline",
        "portal/environment/timeline.html",
        position=25,
        title="Timeline",
        context=_timeline,
    ),
)
