"""By what the list of environments is filtered."""

from datetime import timedelta
from typing import ClassVar

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.contrib.filters.admin import (
    DropdownFilter,
)

from environments.display import CITIES, place
from environments.lifecycle.models import Account, Release
from environments.lifecycle.states import GONE, EnvironmentStatus
from environments.lifecycle.views import VIEW, VIEWS
from environments.people.models import User


class HomeRegionFilter(DropdownFilter):
    """By region, of home or standby; regions that accounts use."""

    title = "region"
    parameter_name = "region"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        used = {region for regions in Account.objects.values_list("regions", flat=True) for region in regions}
        return [(region, place(region)) for region in sorted(used or CITIES)]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        region = self.value()
        return queryset.filter(Q(home_region=region) | Q(other_region=region)) if region else queryset


class ReleaseFilter(DropdownFilter):
    """By release; one query for all names, which the related filter would not do."""

    title = "release"
    parameter_name = "release"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        return [(str(row.pk), str(row)) for row in Release.objects.select_related("blueprint")]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        key = self.value() or ""
        return queryset.filter(release=key) if key.isdecimal() and len(key) < 18 else queryset


class StatusFilter(DropdownFilter):
    """By status; without a choice, those that are not gone."""

    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        return [("everything", "Everything, gone ones too"), *EnvironmentStatus.choices]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        if self.value() in EnvironmentStatus.values:
            return queryset.filter(status=self.value())
        if self.value() == "everything" or request.GET.get("q"):
            return queryset
        return queryset.exclude(status__in=GONE)


class ExpiryFilter(DropdownFilter):
    """By how soon it expires."""

    title = "expiry"
    parameter_name = "expires"
    within: ClassVar = {"day": timedelta(days=1), "week": timedelta(days=7), "month": timedelta(days=30)}

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        return [
            ("past", "Has expired"),
            ("day", "Within a day"),
            ("week", "Within 7 days"),
            ("month", "Within 30 days"),
            ("never", "Never"),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        now, chosen = timezone.now(), self.value()
        if chosen == "never":
            return queryset.filter(expires_at__isnull=True)
        if chosen == "past":
            return queryset.filter(expires_at__lte=now)
        span = self.within.get(chosen or "")
        return queryset.filter(expires_at__gt=now, expires_at__lte=now + span) if span else queryset


class ViewFilter(DropdownFilter):
    """The views that come ready (environments/lifecycle/views.py)."""

    title = "view"
    parameter_name = VIEW

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        return [(key, view.title) for key, view in VIEWS.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        view = VIEWS.get(self.value() or "")
        if view is None or not isinstance(request.user, User):
            return queryset
        return queryset.filter(view.holds(request.user))
