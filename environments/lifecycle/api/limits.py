"""How long environments live, and what teams may have, in the API."""

from decimal import Decimal
from typing import Any

import django_filters
from django.db.models import QuerySet
from django.utils.functional import cached_property
from drf_spectacular.utils import extend_schema, extend_schema_field, extend_schema_view
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from environments.lifecycle.api.named import team_named
from environments.lifecycle.expiry import MOST_DAYS
from environments.lifecycle.limits import Usage, team_usage
from environments.lifecycle.models import ExpiryRule, TeamLimit
from environments.lifecycle.policies import (
    expiry_rule_propose,
    team_limit_propose,
    team_limit_remove_propose,
)
from environments.lifecycle.states import AtLimit, Tier
from environments.people.api.proposals import PROPOSED, proposed
from environments.people.models import Team
from environments.rest.fields import Flag, Text, Whole, shown_by
from environments.rest.serializers import Input
from environments.rest.views import ReadOnlyResource

MOST_COST = Decimal("999999999.99")


class ExpiryRuleSerializer(serializers.ModelSerializer):
    """How long a tier's environments live, in days from the request of each."""

    class Meta:
        model = ExpiryRule
        fields = ["id", "tier", "default_days", "maximum_days", "approves_teardown"]
        read_only_fields = fields


class ExpiryRuleInput(Input):
    """A tier's rule. Where there is a maximum, each environment of the tier has an expiry."""

    tier = serializers.ChoiceField(Tier.choices)
    default_days = Whole(
        min_value=1,
        max_value=MOST_DAYS,
        allow_null=True,
        help_text="When a request names none; null: it gets none.",
    )
    maximum_days = Whole(
        min_value=1,
        max_value=MOST_DAYS,
        allow_null=True,
        help_text="As far as its owner extends it alone; null: no maximum.",
    )
    approves_teardown = Flag(help_text="Whether what has expired is torn down without a person's approval.")
    reason = Text(required=False, allow_blank=True, default="")


class ExpiryRuleFilters(django_filters.FilterSet):
    tier = django_filters.ChoiceFilter(choices=Tier.choices)

    class Meta:
        model = ExpiryRule
        fields: list[str] = []


@extend_schema_view(
    list=extend_schema(summary="How long environments live, by tier"),
    retrieve=extend_schema(summary="One tier's rule"),
)
class ExpiryRuleViewSet(ReadOnlyResource):
    """Default and longest life of each tier's environments."""

    noun = "expiry rule"
    view_right = "rule.view"
    queryset = ExpiryRule.objects.all()
    serializer_class = ExpiryRuleSerializer
    inputs = {"create": ExpiryRuleInput}
    scopes = {"create": "administer"}
    lookup_field = "tier"
    lookup_value_regex = r"[a-z]{1,10}"
    filterset_class = ExpiryRuleFilters
    search_fields = ["tier"]
    ordering_fields = ["id", "tier", "default_days", "maximum_days"]

    @extend_schema(summary="Propose another rule for a tier", request=ExpiryRuleInput, responses=PROPOSED)
    def create(self, request: Request) -> Response:
        return proposed(expiry_rule_propose(**self.said(), actor=self.person), request)


class UsageSerializer(serializers.Serializer):
    """What a team has, requests that wait and updates under way included."""

    environments = serializers.IntegerField()
    requested = serializers.IntegerField(help_text="Of these, asked for and not begun.")
    monthly_cost = serializers.DecimalField(
        max_digits=14, decimal_places=2, help_text="USD a month by estimate; bills come a day late."
    )
    is_reached = serializers.BooleanField(help_text="Whether nothing more fits.")


class TeamLimitSerializer(serializers.ModelSerializer):
    """What a team may have, and what it has."""

    team = shown_by("slug")
    usage = serializers.SerializerMethodField()

    class Meta:
        model = TeamLimit
        fields = ["team", "max_environments", "max_monthly_cost", "at_limit", "reached_at", "usage"]
        read_only_fields = fields

    @extend_schema_field(UsageSerializer)
    def get_usage(self, limit: TeamLimit) -> Any:
        return UsageSerializer(self._usages[limit.team_id]).data

    @cached_property
    def _usages(self) -> dict[int, Usage]:
        """Of all teams that are shown: one serializer shows each row of a page, so that they are asked for once."""
        shown = self.root.instance
        rows = shown if isinstance(shown, list) else [shown]
        teams = Team.objects.filter(pk__in=[row.team_id for row in rows if row is not None])
        return {usage.team.pk: usage for usage in team_usage(teams)}


class TeamLimitInput(Input):
    """A team's limit: of the number, the cost, or both."""

    team = team_named()
    max_environments = Whole(
        min_value=0,
        max_value=10_000,
        allow_null=True,
        required=False,
        default=None,
        help_text="null: any number.",
    )
    max_monthly_cost = serializers.DecimalField(
        max_digits=11,
        decimal_places=2,
        min_value=Decimal(0),
        max_value=MOST_COST,
        allow_null=True,
        required=False,
        default=None,
        help_text="USD a month by estimate; null: no cap.",
    )
    at_limit = serializers.ChoiceField(
        AtLimit.choices,
        required=False,
        default=AtLimit.STOP_NEW,
        help_text="What happens when it is reached.",
    )


class TeamLimitFilters(django_filters.FilterSet):
    team = django_filters.CharFilter("team__slug")
    at_limit = django_filters.ChoiceFilter(choices=AtLimit.choices)

    class Meta:
        model = TeamLimit
        fields: list[str] = []


@extend_schema_view(
    list=extend_schema(summary="What teams may have, and what they have"),
    retrieve=extend_schema(summary="One team's limit"),
)
class TeamLimitViewSet(ReadOnlyResource):
    """Limits of teams: number of environments, and cost a month by estimate."""

    noun = "limit of team"
    view_right = "rule.view"
    queryset = TeamLimit.objects.select_related("team")
    serializer_class = TeamLimitSerializer
    inputs = {"create": TeamLimitInput}
    scopes = {"create": "administer", "destroy": "administer"}
    lookup_field = "team__slug"
    lookup_url_kwarg = "team"
    lookup_value_regex = r"[a-zA-Z0-9_-]{1,60}"
    filterset_class = TeamLimitFilters
    search_fields = ["team__slug", "team__name"]
    ordering_fields = ["team__slug", "max_environments", "max_monthly_cost"]

    def get_queryset(self) -> QuerySet[TeamLimit]:
        return super().get_queryset().order_by("team__slug")

    @extend_schema(summary="Propose a team's limit", request=TeamLimitInput, responses=PROPOSED)
    def create(self, request: Request) -> Response:
        return proposed(team_limit_propose(**self.said(), actor=self.person), request)

    @extend_schema(summary="Propose that a team's limit go", responses=PROPOSED)
    def destroy(self, request: Request, team: str) -> Response:
        return proposed(team_limit_remove_propose(team=self.get_object().team, actor=self.person), request)
