"""What the admin's lists share: rights come from the table of rights, and rows are read there, not written.

Every change goes through a service; superusers bypass none.
"""

from typing import Any

from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.text import capfirst
from unfold.admin import ModelAdmin


class ReadOnlyAdmin(ModelAdmin):
    """A list whose rows lead to a page of ours. `view_verb` is the right to see it at all."""

    view_verb = ""
    page_name = ""
    list_title = ""
    """In the browser's tab; empty: the plural of what it lists."""
    actions: Any = None
    list_per_page = 25
    list_filter_submit = True
    list_fullwidth = True
    show_full_result_count = False
    # "How things are" above the list; a template fills it.
    list_before_template = "portal/parts/list_before.html"
    list_after_template = "portal/parts/list_after.html"

    def _may(self, request: HttpRequest, verb: str) -> bool:
        from environments.people.models import User
        from environments.people.rights import may

        return isinstance(request.user, User) and may(request.user, verb)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self._may(request, self.view_verb)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The list, under the name of what it lists: Django's "Select … to view" names nothing in a browser's tab."""
        title = self.list_title or capfirst(self.opts.verbose_name_plural)
        return super().changelist_view(request, {"title": title, **(extra_context or {})})

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The row's own page, where there is one."""
        if not self.page_name:
            return super().change_view(request, object_id, form_url, extra_context)
        return HttpResponseRedirect(reverse(f"admin:{self.page_name}", args=[object_id]))
