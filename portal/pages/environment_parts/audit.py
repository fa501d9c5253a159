"""Who did what to it, from where."""

from typing import Any

from django.core.paginator import Paginator

from environments.lifecycle.selectors import environment_audit
from environments.people.rights import may
from portal.pages.environment_parts.base import Look, Part

ROWS = 50


def _audit(look: Look) -> dict[str, Any]:
    entries = environment_audit(look.environment)
    return {"entries": Paginator(entries, ROWS).get_page(look.request.GET.get("p"))}


PARTS = (
    Part(
        "tab",
        "audit",
        "portal/environment/audit.html",
        position=90,
        title="Audit",
        shown=lambda look: may(look.user, "audit.view"),
        context=_audit,
    ),
)
