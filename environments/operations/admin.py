"""Lists of operations and of the audit: read-only for everybody, superusers too."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from unfold.contrib.filters.admin import ChoicesDropdownFilter, DropdownFilter
from unfold.decorators import display
from unfold.paginator import InfinitePaginator

from environments.admin_base import ReadOnlyAdmin
from environments.display import kind_word, pill, span_words, when
from environments.operations.kinds import kind_names
from environments.operations.models import AuditEntry, Operation
from environments.operations.selectors import operations_list


class KindFilter(DropdownFilter):
    """By kind, as people call it."""

    title = "kind"
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        return [(name, kind_word(name)) for name in kind_names()]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queryset.filter(kind=self.value()) if self.value() else queryset


@admin.register(Operation)
class OperationAdmin(ReadOnlyAdmin):
    """The list of operations, newest first."""

    view_verb = "operation.view"
    page_name = "operation"
    list_display = ["what", "how_it_is", "who", "asked", "took"]
    list_filter = [("status", ChoicesDropdownFilter), KindFilter]
    search_fields = ["subject_label", "id", "requested_by__username"]
    search_help_text = "Search environment, account, person"
    ordering = ["-id"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Operation]:
        return operations_list()

    @display(description="Operation", ordering="id")
    def what(self, row: Operation) -> SafeString:
        return format_html(
            '<b>{} {}</b><span class="sy-said">{}</span>',
            kind_word(row.kind),
            row.subject_label,
            f"operation {row.pk}",
        )

    @display(description="Status", ordering="status")
    def how_it_is(self, row: Operation) -> SafeString:
        # Named `state` it would be the row's own field: the engine's JSON.
        return format_html(
            '{}<span class="sy-said wide">{}</span>', pill(row.status), Truncator(row.sentence).words(30)
        )

    @display(description="Asked by", ordering="requested_by__username")
    def who(self, row: Operation) -> str:
        return str(row.requested_by or "Switchyard")

    @display(description="Asked", ordering="requested_at")
    def asked(self, row: Operation) -> SafeString | str:
        return when(row.requested_at)

    @display(description="Took")
    def took(self, row: Operation) -> str:
        return span_words(row.ended_at - row.started_at) if row.started_at and row.ended_at else "–"


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    """Who did what, from where. Searched by its indexes; never counted whole."""

    view_verb = "audit.view"
    list_title = "Audit"
    list_display = ["when_it_was", "who", "what", "about", "door", "change"]
    list_display_links = ["when_it_was"]
    search_fields = ["actor_name", "action", "subject", "origin"]
    search_help_text = "Search person, act, subject, address"
    ordering = ["-id"]
    date_hierarchy = None
    paginator = InfinitePaginator
    change_form_after_template = "portal/parts/audit_after.html"
    fields = ["at", "actor_name", "action", "subject", "origin", "before", "after", "previous_hash", "hash"]
    readonly_fields = fields

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """One entry, with the API call that shows it."""
        context = {**(extra_context or {}), "api_path": f"audit/{object_id}/"}
        return super().change_view(request, object_id, form_url, context)

    @display(description="When", ordering="id")
    def when_it_was(self, row: AuditEntry) -> SafeString | str:
        return when(row.at)

    @display(description="Who")
    def who(self, row: AuditEntry) -> str:
        return row.actor_name

    @display(description="What")
    def what(self, row: AuditEntry) -> str:
        return row.action

    @display(description="Subject")
    def about(self, row: AuditEntry) -> str:
        return row.subject

    @display(description="From")
    def door(self, row: AuditEntry) -> str:
        return row.origin or "–"

    @display(description="Change")
    def change(self, row: AuditEntry) -> SafeString | str:
        told = row.after if row.after is not None else row.before
        if not told:
            return ""
        words = ", ".join(
            f"{key.replace('_', ' ')}: {_words(value)}" for key, value in told.items() if key != "spec"
        )
        return format_html('<span class="sy-said">{}</span>', Truncator(words).chars(160))


def _words(value: object) -> str:
    """A value as a person would write it."""
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "–" if value is None else str(value)
