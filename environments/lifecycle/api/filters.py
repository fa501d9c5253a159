"""By what lists of environments in the API are filtered."""

import django_filters
from django.db.models import QuerySet

from environments.lifecycle.models import Environment
from environments.lifecycle.states import GONE, EnvironmentStatus, Tier
from environments.rest.filters import Moment, YesNo


class EnvironmentFilters(django_filters.FilterSet):
    """Without ?gone= and ?status=, environments that are gone are left out. ?status= may be given several times."""

    status = django_filters.MultipleChoiceFilter(choices=EnvironmentStatus.choices)
    gone = YesNo(method="by_gone", label="true: those that are gone.")
    name = django_filters.CharFilter()
    team = django_filters.CharFilter("team__slug", label="The team's slug.")
    account = django_filters.CharFilter("account__name")
    owner = django_filters.CharFilter("owner__username")
    release = django_filters.CharFilter("release__version")
    tier = django_filters.ChoiceFilter(choices=Tier.choices)
    size = django_filters.CharFilter()
    home_region = django_filters.CharFilter()
    other_region = django_filters.CharFilter()
    standby = django_filters.CharFilter("spec__standby", label="none, pilot-light or warm.")
    is_protected = YesNo()
    expires_after = Moment("expires_at", "gte")
    expires_before = Moment("expires_at", "lt")
    drifted = YesNo(
        "drift_since", lookup_expr="isnull", exclude=True, label="true: those with open findings of drift."
    )

    class Meta:
        model = Environment
        fields: list[str] = []

    def by_gone(self, rows: QuerySet[Environment], _name: str, value: bool) -> QuerySet[Environment]:
        return rows.filter(status__in=GONE) if value else rows.exclude(status__in=GONE)

    def filter_queryset(self, queryset: QuerySet[Environment]) -> QuerySet[Environment]:
        rows = super().filter_queryset(queryset)
        asked = self.form.cleaned_data
        return rows if asked["status"] or asked["gone"] is not None else rows.exclude(status__in=GONE)
