"""Lists of environments, accounts and releases; each row leads to its page."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.contrib.contenttypes.models import ContentType
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import (
    ChoicesDropdownFilter,
    RelatedDropdownFilter,
)
from unfold.decorators import display

from environments.admin_base import ReadOnlyAdmin
from environments.display import kind_word, look_of, money, pill, place, when
from environments.lifecycle.admin_filters import (
    ExpiryFilter,
    HomeRegionFilter,
    ReleaseFilter,
    StatusFilter,
    ViewFilter,
)
from environments.lifecycle.applications import SOURCES
from environments.lifecycle.bulk import MOST, VERBS
from environments.lifecycle.models import Account, Application, Environment, Release
from environments.lifecycle.selectors import environments_list
from environments.lifecycle.states import GONE
from environments.operations.models import Operation
from environments.operations.states import RETRYABLE

LOCK = SafeString(
    ' <span class="material-symbols-outlined sy-lock" title="Protected against teardown">lock</span>'
)


def _bulk(verb: str) -> Callable[..., HttpResponse]:
    """An action of the list: it leads to the preview, which posts."""

    def lead(_admin: Any, request: HttpRequest, queryset: QuerySet[Environment]) -> HttpResponse:
        ids = list(queryset.values_list("pk", flat=True)[: MOST + 1])
        if len(ids) > MOST:
            messages.error(request, f"These are more than {MOST} environments: narrow the list first.")
            return HttpResponseRedirect(request.get_full_path())
        query = urlencode({"ids": ",".join(map(str, ids))})
        return HttpResponseRedirect(f"{reverse('admin:environment-bulk', args=[verb])}?{query}")

    lead.__name__ = f"bulk_{verb}"
    return admin.action(description=f"{VERBS[verb].title} …")(lead)


@admin.register(Environment)
class EnvironmentAdmin(ReadOnlyAdmin):
    """The list of environments."""

    view_verb = "environment.view"
    page_name = "environment"
    actions = [_bulk(verb) for verb in VERBS]
    list_display = [
        "name_and_team",
        "state",
        "tier_and_size",
        "where",
        "pinned",
        "drift",
        "cost",
        "expires",
        "since",
    ]
    list_filter = [
        ViewFilter,
        StatusFilter,
        ("team", RelatedDropdownFilter),
        ("tier", ChoicesDropdownFilter),
        ("account", RelatedDropdownFilter),
        HomeRegionFilter,
        ReleaseFilter,
        ExpiryFilter,
    ]
    search_fields = [
        "name",
        "suffix",
        "team__name",
        "owner__username",
        "account__name",
        "account__account_id",
    ]
    search_help_text = "Search name, team, owner, account"
    ordering = ["name", "-id"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Environment]:
        newest = Operation.objects.filter(
            subject_type=ContentType.objects.get_for_model(Environment), subject_id=OuterRef("pk")
        ).order_by("-id")
        return environments_list().annotate(
            newest_kind=Subquery(newest.values("kind")[:1]),
            newest_status=Subquery(newest.values("status")[:1]),
        )

    @display(description="Name", ordering="name")
    def name_and_team(self, row: Environment) -> SafeString:
        return format_html(
            '<b>{}</b>{}<span class="sy-said">{}</span>',
            row.name,
            LOCK if row.is_protected else "",
            row.team.name,
        )

    @display(description="Status", ordering="status")
    def state(self, row: Environment) -> SafeString:
        told = getattr(row, "open_operation_sentence", "") or ""
        failed = getattr(row, "newest_status", "")
        if failed in RETRYABLE:
            told = f"{kind_word(getattr(row, 'newest_kind', ''))} {look_of(failed).word.lower()}"
        return format_html('{}<span class="sy-said wide">{}</span>', pill(row.status), told[:140])

    @display(description="Tier", ordering="tier")
    def tier_and_size(self, row: Environment) -> SafeString:
        return format_html('{}<span class="sy-said">{}</span>', row.get_tier_display(), row.size)

    @display(description="Where", ordering="home_region")
    def where(self, row: Environment) -> SafeString:
        other = f" · standby in {place(row.other_region)}" if row.other_region else ""
        return format_html(
            '{}<span class="sy-said">{}{}</span>',
            place(row.active_region or row.home_region),
            row.account.name,
            other,
        )

    @display(description="Release", ordering="release")
    def pinned(self, row: Environment) -> SafeString:
        note = "" if row.release.is_default else '<span class="sy-said">behind</span>'
        return format_html("{}{}", row.release.version, SafeString(note))

    @display(description="Drift", ordering="drift_since")
    def drift(self, row: Environment) -> SafeString | str:
        if row.drift_since is None:
            return SafeString('<span class="soft">none</span>') if row.drift_checked_at else "–"
        return format_html('{} since<span class="sy-said">{}</span>', row.drift_count, when(row.drift_since))

    @display(description="USD / month", ordering="monthly_cost")
    def cost(self, row: Environment) -> SafeString:
        return format_html(
            '<span class="sy-nowrap">{}</span>', money(row.monthly_cost, "").replace("USD ", "")
        )

    @display(description="Expires", ordering="expires_at")
    def expires(self, row: Environment) -> SafeString | str:
        if row.expires_at is None or row.is_gone:
            return "–"
        note = SafeString('<span class="sy-said">suspended</span>' if row.is_protected else "")
        return format_html("{}{}", when(row.expires_at), note)

    @display(description="Since", ordering="status_since")
    def since(self, row: Environment) -> SafeString | str:
        return when(row.status_since)


@admin.register(Account)
class AccountAdmin(ReadOnlyAdmin):
    """The list of accounts."""

    view_verb = "account.view"
    page_name = "account"
    list_display = ["called", "number", "state", "how", "where", "living"]
    list_filter = [("mode", ChoicesDropdownFilter), ("status", ChoicesDropdownFilter)]
    search_fields = ["name", "account_id", "zone_name"]
    search_help_text = "Search name, account id, zone"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Account]:
        return (
            super()
            .get_queryset(request)
            .annotate(living_count=Count("environments", filter=~Q(environments__status__in=GONE)))
        )

    @display(description="Name", ordering="name")
    def called(self, row: Account) -> str:
        return row.name

    @display(description="Account id", ordering="account_id")
    def number(self, row: Account) -> str:
        return row.account_id

    @display(description="Status", ordering="status")
    def state(self, row: Account) -> SafeString:
        return pill(row.status)

    @display(description="Mode", ordering="mode")
    def how(self, row: Account) -> str:
        return "LIVE" if row.mode == "live" else row.get_mode_display()

    @display(description="Regions")
    def where(self, row: Account) -> str:
        return ", ".join(place(region) for region in row.regions)

    @display(description="Environments", ordering="living_count")
    def living(self, row: Account) -> int:
        return int(getattr(row, "living_count", 0))


@admin.register(Application)
class ApplicationAdmin(ReadOnlyAdmin):
    """The list of applications."""

    view_verb = "application.view"
    page_name = "application"
    list_display = ["called", "state", "whose", "where", "from_where", "versions_count"]
    list_filter = [("status", ChoicesDropdownFilter), ("team", RelatedDropdownFilter)]
    search_fields = ["name", "suffix", "team__name"]
    search_help_text = "Search name, team"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Application]:
        rows = super().get_queryset(request).select_related("team", "account")
        return rows.annotate(living_count=Count("versions", filter=Q(versions__gone_at__isnull=True)))

    @display(description="Name", ordering="name")
    def called(self, row: Application) -> str:
        return row.name

    @display(description="Status", ordering="status")
    def state(self, row: Application) -> SafeString:
        return pill(row.status)

    @display(description="Team", ordering="team__name")
    def whose(self, row: Application) -> str:
        return str(row.team)

    @display(description="Account", ordering="account__name")
    def where(self, row: Application) -> str:
        return f"{row.account} · {place(row.region)}"

    @display(description="Source")
    def from_where(self, row: Application) -> str:
        return SOURCES.get(str(row.spec.get("source")), "")

    @display(description="Versions", ordering="living_count")
    def versions_count(self, row: Application) -> int:
        return int(getattr(row, "living_count", 0))


@admin.register(Release)
class ReleaseAdmin(ReadOnlyAdmin):
    """The list of releases."""

    view_verb = "release.view"
    page_name = "release"
    list_display = ["title", "offered", "used", "lock", "since"]
    search_fields = ["version", "digest"]
    search_help_text = "Search version, digest"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Release]:
        return (
            super()
            .get_queryset(request)
            .select_related("blueprint")
            .annotate(living_count=Count("environments", filter=~Q(environments__status__in=GONE)))
        )

    @display(description="Release", ordering="version")
    def title(self, row: Release) -> str:
        return str(row)

    @display(description="Offered")
    def offered(self, row: Release) -> SafeString:
        if row.is_withdrawn:
            return pill("withdrawn")
        return pill("active", "Default") if row.is_default else pill("stopped", "On request")

    @display(description="Used by", ordering="living_count")
    def used(self, row: Release) -> SafeString:
        address = reverse("admin:lifecycle_environment_changelist")
        return format_html(
            '<a href="{}?release={}&status=everything">{} environments</a>',
            address,
            row.pk,
            getattr(row, "living_count", 0),
        )

    @display(description="CDK")
    def lock(self, row: Release) -> str:
        return str(row.description.get("lock", {}).get("aws-cdk-lib", "–"))

    @display(description="Registered", ordering="registered_at")
    def since(self, row: Release) -> SafeString | str:
        return when(row.registered_at)
