"""Blueprints and releases in the API."""

from typing import Any

import django_filters
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from environments.lifecycle.api.history import ReleaseDiffSerializer, ReleaseHistoryActions
from environments.lifecycle.models import Blueprint, Release
from environments.lifecycle.settings import release_propose
from environments.lifecycle.states import GONE
from environments.people.api.proposals import PROPOSED, proposed
from environments.rest.fields import Text, shown_by
from environments.rest.filters import YesNo
from environments.rest.serializers import Input
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


class ProposeInput(Input):
    """Why, for who decides about it and for the audit."""

    reason = Text(required=False, allow_blank=True, default="")


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
    serializers = {"retrieve": ReleaseDetailSerializer, "diff": ReleaseDiffSerializer}
    parameters = {"diff": {"to", "size", "wait"}}
    inputs = dict.fromkeys(("make_default", "withdraw", "restore"), ProposeInput)
    scopes = dict.fromkeys(("make_default", "withdraw", "restore"), "administer")
    lookup_value_regex = r"[0-9]{1,18}"
    filterset_class = ReleaseFilters
    search_fields = ["version", "blueprint__name"]
    ordering_fields = ["id", "version", "registered_at"]

    def get_queryset(self) -> QuerySet[Release]:
        rows = super().get_queryset()
        return rows.defer("description") if self.action == "list" else rows

    @extend_schema(summary="Propose to offer this release first", request=ProposeInput, responses=PROPOSED)
    @action(detail=True, methods=["post"], url_path="make-default")
    def make_default(self, request: Request, pk: str) -> Response:
        return self._propose("make-default")

    @extend_schema(
        summary="Propose to make no new environments from it", request=ProposeInput, responses=PROPOSED
    )
    @action(detail=True, methods=["post"])
    def withdraw(self, request: Request, pk: str) -> Response:
        return self._propose("withdraw")

    @extend_schema(summary="Propose to offer it again", request=ProposeInput, responses=PROPOSED)
    @action(detail=True, methods=["post"])
    def restore(self, request: Request, pk: str) -> Response:
        return self._propose("restore")

    def _propose(self, verb: str) -> Response:
        said = self.said()
        return proposed(
            release_propose(release=self.get_object(), verb=verb, **said, actor=self.person), self.request
        )
