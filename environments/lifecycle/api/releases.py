"""Blueprints, releases and approval rules in the API."""

from typing import Any

import django_filters
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from environments.lifecycle.api.history import ReleaseDiffSerializer, ReleaseHistoryActions
from environments.lifecycle.models import ApprovalRule, Blueprint, Release
from environments.lifecycle.releases import release_make_default, release_withdraw
from environments.lifecycle.states import GONE, Tier
from environments.rest.fields import shown_by
from environments.rest.filters import YesNo
from environments.rest.serializers import Nothing
from environments.rest.views import ReadOnlyResource


class BlueprintSerializer(serializers.ModelSerializer):
    """A CDK app that environments are made from."""

    default_release = serializers.CharField(read_only=True, allow_null=True, source="default_version")

    class Meta:
        model = Blueprint
        fields = ["id", "name", "title", "default_release"]
        read_only_fields = fields


class BlueprintFilters(django_filters.FilterSet):
    name = django_filters.CharFilter()

    class Meta:
        model = Blueprint
        fields: list[str] = []


@extend_schema_view(
    list=extend_schema(summary="Blueprints"),
    retrieve=extend_schema(summary="One blueprint"),
)
class BlueprintViewSet(ReadOnlyResource):
    """What environments are made from."""

    noun = "blueprint"
    view_right = "release.view"
    queryset = Blueprint.objects.annotate(
        default_version=Subquery(
            Release.objects.filter(blueprint=OuterRef("pk"), is_default=True).values("version")[:1]
        )
    )
    serializer_class = BlueprintSerializer
    lookup_field = "name"
    lookup_value_regex = r"[a-z0-9-]{1,60}"
    filterset_class = BlueprintFilters
    search_fields = ["name", "title"]
    ordering_fields = ["name", "title", "id"]


class ReleaseSerializer(serializers.ModelSerializer):
    """One immutable snapshot of a blueprint."""

    blueprint = shown_by("name")
    environments = serializers.IntegerField(source="living", read_only=True)

    class Meta:
        model = Release
        fields = [
            "id",
            "blueprint",
            "version",
            "digest",
            "is_default",
            "is_withdrawn",
            "registered_at",
            "environments",
        ]
        read_only_fields = fields


class ReleaseDetailSerializer(ReleaseSerializer):
    """A release with what its blueprint says of itself."""

    schema = serializers.DictField(read_only=True, help_text="JSON Schema of the spec.")
    naming = serializers.ListField(child=serializers.DictField(), read_only=True)
    costs = serializers.DictField(read_only=True, help_text="Prices, each with its source and date.")
    stacks = serializers.ListField(child=serializers.DictField(), read_only=True)
    regions = serializers.ListField(child=serializers.CharField(), read_only=True)
    lock = serializers.SerializerMethodField(help_text="Versions of what it was made with.")

    class Meta(ReleaseSerializer.Meta):
        fields = [*ReleaseSerializer.Meta.fields, "schema", "naming", "costs", "stacks", "regions", "lock"]
        read_only_fields = fields

    def get_lock(self, release: Release) -> dict[str, Any]:
        return release.description.get("lock", {})


class ReleaseFilters(django_filters.FilterSet):
    blueprint = django_filters.CharFilter("blueprint__name")
    version = django_filters.CharFilter()
    is_default = YesNo()
    is_withdrawn = YesNo()

    class Meta:
        model = Release
        fields: list[str] = []


@extend_schema_view(
    list=extend_schema(summary="Releases, newest first"),
    retrieve=extend_schema(summary="One release"),
)
class ReleaseViewSet(ReleaseHistoryActions, ReadOnlyResource):
    """Versions of blueprints. New ones are registered by a command, from a checkout."""

    noun = "release"
    view_right = "release.view"
    queryset = (
        Release.objects.select_related("blueprint")
        .annotate(living=Count("environments", filter=~Q(environments__status__in=sorted(GONE))))
        .order_by("-registered_at", "-id")
    )
    serializer_class = ReleaseSerializer
    serializers = dict.fromkeys(("retrieve", "make_default", "withdraw"), ReleaseDetailSerializer) | {
        "diff": ReleaseDiffSerializer
    }
    parameters = {"diff": {"to", "size", "wait"}}
    inputs = {"make_default": Nothing, "withdraw": Nothing}
    scopes = {"make_default": "administer", "withdraw": "administer"}
    lookup_value_regex = r"[0-9]{1,18}"
    filterset_class = ReleaseFilters
    search_fields = ["version", "blueprint__name"]
    ordering_fields = ["id", "version", "registered_at"]

    def get_queryset(self) -> QuerySet[Release]:
        rows = super().get_queryset()
        return rows.defer("description") if self.action == "list" else rows

    @extend_schema(
        summary="Offer this release first", request=Nothing, responses={200: ReleaseDetailSerializer}
    )
    @action(detail=True, methods=["post"], url_path="make-default")
    def make_default(self, request: Request, pk: str) -> Response:
        self.said()
        release_make_default(release=self.get_object(), actor=self.person)
        return self.show(self.get_object())

    @extend_schema(
        summary="Make no new environments from it", request=Nothing, responses={200: ReleaseDetailSerializer}
    )
    @action(detail=True, methods=["post"])
    def withdraw(self, request: Request, pk: str) -> Response:
        self.said()
        release_withdraw(release=self.get_object(), actor=self.person)
        return self.show(self.get_object())


class RuleSerializer(serializers.ModelSerializer):
    """Which plans need the yes of how many people."""

    class Meta:
        model = ApprovalRule
        fields = [
            "id",
            "position",
            "name",
            "is_enabled",
            "operation_kinds",
            "tiers",
            "sizes",
            "min_monthly_cost",
            "max_monthly_cost",
            "min_cost_increase",
            "max_cost_increase",
            "risks_needed",
            "risks_covered",
            "approvals",
            "approver_roles",
            "expires_after_h",
            "remind_after_h",
        ]
        read_only_fields = fields


class RuleFilters(django_filters.FilterSet):
    operation_kind = django_filters.CharFilter(
        method="by_kind", label="Rules that speak of this kind of change."
    )
    tier = django_filters.ChoiceFilter(choices=Tier.choices, method="by_tier")
    approvals = django_filters.ChoiceFilter(choices=[("0", "none"), ("1", "one"), ("2", "two")])
    is_enabled = YesNo()

    class Meta:
        model = ApprovalRule
        fields: list[str] = []

    def by_kind(self, rows: QuerySet[ApprovalRule], _name: str, value: str) -> QuerySet[ApprovalRule]:
        return rows.filter(Q(operation_kinds=[]) | Q(operation_kinds__contains=[value]))

    def by_tier(self, rows: QuerySet[ApprovalRule], _name: str, value: str) -> QuerySet[ApprovalRule]:
        return rows.filter(Q(tiers=[]) | Q(tiers__contains=[value]))


@extend_schema_view(
    list=extend_schema(summary="Rules that say how many people approve, in their order"),
    retrieve=extend_schema(summary="One rule"),
)
class RuleViewSet(ReadOnlyResource):
    """How many people a plan needs. The first rule that fits decides; where none does, one other person."""

    noun = "rule"
    view_right = "rule.view"
    queryset = ApprovalRule.objects.all()
    serializer_class = RuleSerializer
    lookup_value_regex = r"[0-9]{1,18}"
    filterset_class = RuleFilters
    search_fields = ["name"]
    ordering_fields = ["position", "name", "approvals", "id"]
