"""Lists of people, teams and API tokens; what changes them are the services, behind pages of ours."""

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RelatedDropdownFilter
from unfold.decorators import display

from environments.admin_base import ReadOnlyAdmin
from environments.display import pill, when
from environments.people.models import ApiToken, Team, User


@admin.register(User)
class PersonAdmin(ReadOnlyAdmin):
    """The list of people."""

    view_verb = "person.view"
    page_name = "person"
    list_display = ["person", "role", "in_teams", "signs_in", "last_seen"]
    list_filter = [("portal_role", ChoicesDropdownFilter), ("teams", RelatedDropdownFilter)]
    search_fields = ["username", "first_name", "last_name", "email"]
    search_help_text = "Search name, user name, e-mail"
    ordering = ["username"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).prefetch_related("teams")

    @display(description="Person", ordering="username")
    def person(self, row: User) -> SafeString:
        return format_html('<b>{}</b><span class="sy-said">{}</span>', str(row), row.username)

    @display(description="Role", ordering="portal_role")
    def role(self, row: User) -> str:
        return row.get_portal_role_display()

    @display(description="Teams")
    def in_teams(self, row: User) -> str:
        return ", ".join(team.name for team in row.teams.all()) or "–"

    @display(description="Signs in", ordering="is_active")
    def signs_in(self, row: User) -> SafeString:
        return pill("active", "Yes") if row.is_active else pill("stopped", "No")

    @display(description="Last seen", ordering="last_login")
    def last_seen(self, row: User) -> SafeString | str:
        return when(row.last_login)


@admin.register(Team)
class TeamAdmin(ReadOnlyAdmin):
    """The list of teams."""

    view_verb = "team.view"
    list_display = ["called", "short", "mail", "people", "environments"]
    list_display_links = None
    search_fields = ["name", "slug"]
    search_help_text = "Search name"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Team]:
        return (
            super()
            .get_queryset(request)
            .annotate(
                people_count=Count("members", distinct=True),
                environment_count=Count("environments", distinct=True),
            )
        )

    @display(description="Name", ordering="name")
    def called(self, row: Team) -> str:
        return row.name

    @display(description="Slug", ordering="slug")
    def short(self, row: Team) -> str:
        return row.slug

    @display(description="E-mail", ordering="email")
    def mail(self, row: Team) -> str:
        return row.email

    @display(description="People", ordering="people_count")
    def people(self, row: Team) -> SafeString:
        address = reverse("admin:people_user_changelist")
        return format_html(
            '<a href="{}?teams__id__exact={}">{}</a>', address, row.pk, getattr(row, "people_count", 0)
        )

    @display(description="Environments so far", ordering="environment_count")
    def environments(self, row: Team) -> SafeString:
        address = reverse("admin:lifecycle_environment_changelist")
        return format_html(
            '<a href="{}?team__id__exact={}">{}</a>', address, row.pk, getattr(row, "environment_count", 0)
        )


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin):
    """One's own tokens; everybody's for an administrator. Never the token, and no digest."""

    view_verb = "token.own"
    list_title = "API tokens"
    list_display = ["called", "owner", "state", "opens", "expires", "used", "revoke"]
    list_display_links = None
    search_fields = ["name", "user__username"]
    search_help_text = "Search name, person"

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiToken]:
        tokens = super().get_queryset(request).select_related("user")
        if not self._may(request, "token.revoke-any"):
            tokens = tokens.filter(user=request.user)
        return tokens

    def change_view(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        """Tokens have no page: there is nothing to see but what the list shows."""
        return HttpResponseRedirect(reverse("admin:people_apitoken_changelist"))

    @display(description="Name", ordering="name")
    def called(self, row: ApiToken) -> str:
        return row.name

    @display(description="Person", ordering="user__username")
    def owner(self, row: ApiToken) -> str:
        return str(row.user)

    @display(description="Status")
    def state(self, row: ApiToken) -> SafeString:
        if row.revoked_at:
            return pill("cancelled", "Revoked")
        return pill("active", "Usable") if row.is_usable else pill("expired")

    @display(description="Scopes")
    def opens(self, row: ApiToken) -> str:
        return ", ".join(row.scopes)

    @display(description="Expires", ordering="expiry")
    def expires(self, row: ApiToken) -> SafeString | str:
        return when(row.expiry)

    @display(description="Last used", ordering="last_used_at")
    def used(self, row: ApiToken) -> SafeString | str:
        return when(row.last_used_at)

    @display(description="")
    def revoke(self, row: ApiToken) -> SafeString | str:
        if not row.is_usable:
            return ""
        return format_html(
            '<a class="sy-button danger" href="{}">Revoke …</a>', reverse("admin:token-revoke", args=[row.pk])
        )
