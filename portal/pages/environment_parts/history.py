"""What the environment was deployed as, time after time; and the way out of an operation that failed half-way."""

from dataclasses import dataclass
from typing import Any

from django.core.paginator import Paginator

from environments.lifecycle.comparison import Side, spec_differences
from environments.lifecycle.history import (
    revision_approvers,
    revision_current,
    revision_partial,
    revisions_list,
)
from environments.lifecycle.models import Revision
from portal.pages.environment_parts.base import Look, Part

ROWS = 25


@dataclass(frozen=True)
class Entry:
    """One revision as the list shows it: what it changed of the one before, and who approved that."""

    revision: Revision
    before: Revision | None
    fields: list[dict[str, Any]]
    approvers: list[str]
    is_current: bool

    @property
    def cost_change(self) -> Any:
        """USD a month more (or less) than before; None where that is not known."""
        if self.before is None or self.before.monthly_cost is None or self.revision.monthly_cost is None:
            return None
        return self.revision.monthly_cost - self.before.monthly_cost

    @property
    def can_go_back(self) -> bool:
        """Whether a roll-back to it can be asked for; what else may be in the way its page says."""
        return self.revision.is_deployed and not self.is_current


def entries_of(rows: list[Revision], current: Revision | None) -> list[Entry]:
    """Revisions, newest first, each beside the one before it; the last of `rows` is told as the first there is."""
    found = []
    # Beside the last of them stands None; of none nothing is told.
    for row, before in zip(rows, [*rows[1:], None], strict=False):
        fields = []
        if before is not None:
            sides = [Side("", each.release, each.spec) for each in (before, row)]
            fields = spec_differences(*sides)
        found.append(Entry(row, before, fields, revision_approvers(row), row == current))
    return found


def _history(look: Look) -> dict[str, Any]:
    rows = revisions_list(look.environment)
    # Schemas tell the titles of fields that changed.
    pages = Paginator(rows.defer(None), ROWS)
    shown = pages.get_page(look.request.GET.get("p"))
    listed = list(rows.defer(None)[shown.start_index() - 1 : shown.end_index() + 1]) if pages.count else []
    entries = entries_of(listed, revision_current(look.environment))
    return {"entries": entries[:ROWS], "page_of_entries": shown, "revision_count": pages.count}


def _partial(look: Look) -> dict[str, Any]:
    return {"partial": revision_partial(look.environment), "whole": revision_current(look.environment)}


def _is_partial(look: Look) -> bool:
    # Only a failed operation leaves one: no query for all others.
    latest = look.latest
    failed = (
        latest is not None
        and latest.kind != "teardown"
        and latest.status in ("failed", "errored", "cancelled")
    )
    return failed and not look.environment.is_gone and revision_partial(look.environment) is not None


PARTS = (
    Part(
        "tab",
        "history",
        "portal/environment/history.html",
        position=30,
        title="History",
        context=_history,
    ),
    Part(
        "note",
        "partial",
        "portal/environment/partial.html",
        position=10,
        shown=_is_partial,
        context=_partial,
    ),
)
