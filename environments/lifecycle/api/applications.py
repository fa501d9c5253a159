"""Applications and their versions in the API."""

from typing import Any

import django_filters
from django.db.models import Count, Q, QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from environments.errors import Invalid
from environments.lifecycle.api.named import account_named, owner_named, release_named, team_named
from environments.lifecycle.application_update import application_update
from environments.lifecycle.applications import application_add, application_remove
from environments.lifecycle.models import Application, Version
from environments.lifecycle.selectors import release_default
from environments.lifecycle.states import APPLICATION_GONE, ApplicationStatus
from environments.operations.api.shapes import OperationSerializer, accepted
from environments.rest.fields import Text, shown_by
from environments.rest.filters import YesNo
from environments.rest.serializers import Input
from environments.rest.views import ReadOnlyResource


class ApplicationSerializer(serializers.ModelSerializer):
    """A team's own application."""

    url = serializers.SerializerMethodField()
    team = shown_by("slug")
    owner = shown_by("username")
    account = shown_by("name")
    release = shown_by("version")
    # Its name is also that of an attribute of fields, which the metaclass sees to.
    source = serializers.CharField(  # type: ignore[assignment]
        source="spec.source", read_only=True, help_text="codecommit or github."
    )
    branch = serializers.CharField(source="spec.branch", read_only=True)
    versions = serializers.IntegerField(
        source="living", read_only=True, help_text="How many its registry has."
    )

    class Meta:
        model = Application
        fields = [
            "id",
            "url",
            "name",
            "full_name",
            "team",
            "owner",
            "account",
            "region",
            "release",
            "status",
            "status_since",
            "source",
            "branch",
            "monthly_cost",
            "versions",
            "versions_seen_at",
            "created_at",
            "gone_at",
        ]
        read_only_fields = fields

    def get_url(self, application: Application) -> str:
        key = application.pk if application.is_gone else application.name
        return reverse("application-detail", args=[key], request=self.context.get("request"))


class LeftBehindSerializer(serializers.Serializer):
    """Something that stays in AWS after the removal."""

    type = serializers.CharField()
    id = serializers.CharField()


class ApplicationDetailSerializer(ApplicationSerializer):
    """An application with what its stack answers, and what stays when it is gone."""

    spec = serializers.DictField(read_only=True, help_text="All that the blueprint is told about it.")
    outputs = serializers.DictField(
        child=serializers.CharField(),
        read_only=True,
        help_text="RepositoryUrl, PipelineName, RegistryUri, ArtifactsBucket, FindingsTopicArn …",
    )
    left_behind = LeftBehindSerializer(many=True, read_only=True)

    class Meta(ApplicationSerializer.Meta):
        fields = [*ApplicationSerializer.Meta.fields, "spec", "outputs", "left_behind"]
        read_only_fields = fields


class VersionSerializer(serializers.ModelSerializer):
    """An image that passed the pipeline and a person's approval."""

    class Meta:
        model = Version
        fields = ["id", "commit", "digest", "pushed_at", "gone_at"]
        read_only_fields = fields


class ApplicationInput(Input):
    """An application to take in."""

    name = Text(max_length=200, help_text="3 to 20 lower-case letters, digits and single hyphens.")
    team = team_named()
    account = account_named()
    owner = owner_named()
    release = release_named("A version; left out, the default release.")
    source = Text(  # type: ignore[assignment]
        max_length=20, required=False, help_text="codecommit (the default) or github."
    )
    github_repository = Text(
        max_length=200, required=False, allow_blank=True, help_text="owner/name, with the source github."
    )
    branch = Text(max_length=200, required=False, help_text="main, unless said otherwise.")
    blocks_from = Text(
        max_length=20,
        required=False,
        help_text="The least severe finding that blocks a version: critical, high (the default) or medium.",
    )
    findings_email = Text(
        max_length=254, required=False, allow_blank=True, help_text="Who gets findings by mail."
    )


class ChangeInput(Input):
    """Other values of its spec, another release, or both."""

    changes = serializers.DictField(
        child=serializers.JSONField(),
        required=False,
        default=dict,
        help_text='Fields that the release marks as changeable: {"branch": "trunk", "blocks_from": "critical"}.',
    )
    release = release_named("A version to bring it to; left out, the application's own.")


class RemoveInput(Input):
    """That an application goes."""

    confirm = Text(max_length=200, help_text="Its name.")
    reason = Text(required=False, allow_blank=True, default="")


class ApplicationFilters(django_filters.FilterSet):
    """Without ?gone= and ?status=, applications that are gone are left out. ?status= may be given several times."""

    status = django_filters.MultipleChoiceFilter(choices=ApplicationStatus.choices)
    gone = YesNo(method="by_gone", label="true: those that are gone.")
    team = django_filters.CharFilter("team__slug", label="The team's slug.")
    account = django_filters.CharFilter("account__name")

    class Meta:
        model = Application
        fields: list[str] = []

    def by_gone(self, rows: QuerySet[Application], _name: str, value: bool) -> QuerySet[Application]:
        return (
            rows.filter(status__in=APPLICATION_GONE) if value else rows.exclude(status__in=APPLICATION_GONE)
        )

    def filter_queryset(self, queryset: QuerySet[Application]) -> QuerySet[Application]:
        rows = super().filter_queryset(queryset)
        asked = self.form.cleaned_data
        chosen = asked["status"] or asked["gone"] is not None
        return rows if chosen else rows.exclude(status__in=APPLICATION_GONE)


@extend_schema_view(
    list=extend_schema(summary="Applications"),
    retrieve=extend_schema(summary="One application"),
)
class ApplicationViewSet(ReadOnlyResource):
    """Applications of teams. One that is gone is reached by its id."""

    noun = "application"
    view_right = "application.view"
    queryset = (
        Application.objects.select_related("team", "owner", "account", "release")
        .defer("release__description")
        .annotate(living=Count("versions", filter=Q(versions__gone_at__isnull=True)))
        .order_by("name", "-id")
    )
    serializer_class = ApplicationSerializer
    serializers = {"retrieve": ApplicationDetailSerializer, "versions": VersionSerializer}
    inputs = {"create": ApplicationInput, "change": ChangeInput, "remove": RemoveInput}
    scopes = dict.fromkeys(("create", "change", "remove"), "operate")
    list_actions = {"list"}
    parameters = {"versions": {"page", "page_size"}}
    lookup_field = "name"
    lookup_value_regex = r"[a-z0-9-]{1,60}"
    filterset_class = ApplicationFilters
    search_fields = ["name", "suffix"]
    ordering_fields = ["name", "status", "created_at", "monthly_cost"]

    def get_object(self) -> Application:
        asked = self.kwargs["name"]
        rows: QuerySet[Application] = self.get_queryset()
        if asked.isdecimal():
            found = rows.filter(pk=int(asked)).first() if len(asked) < 19 else None
        else:
            found = rows.exclude(status__in=APPLICATION_GONE).filter(name=asked).first()
        if found is None:
            raise NotFound(
                f"There is no application {asked}. One that is gone is reached by its id: see ?gone=true."
            )
        self.check_object_permissions(self.request, found)
        return found

    @extend_schema(
        summary="Take an application in", request=ApplicationInput, responses={202: OperationSerializer}
    )
    def create(self, request: Request) -> Response:
        said: dict[str, Any] = self.said()
        release = said.pop("release", None) or release_default()
        if release is None:
            raise Invalid("No release is registered.", field="release")
        return accepted(application_add(**said, release=release, actor=self.person), request)

    @extend_schema(
        summary="Change its branch, its gate, who is told, or its release",
        operation_id="applications_update",
        request=ChangeInput,
        responses={202: OperationSerializer},
    )
    @action(detail=True, methods=["post"], url_path="update", url_name="update")
    def change(self, request: Request, name: str) -> Response:
        application = self.get_object()
        return accepted(
            application_update(application=application, **self.said(), actor=self.person), request
        )

    @extend_schema(
        summary="Remove it; its code and images stay",
        request=RemoveInput,
        responses={202: OperationSerializer},
    )
    @action(detail=True, methods=["post"])
    def remove(self, request: Request, name: str) -> Response:
        application = self.get_object()
        return accepted(
            application_remove(application=application, **self.said(), actor=self.person), request
        )

    @extend_schema(summary="Its versions, newest first", responses=VersionSerializer(many=True))
    @action(detail=True, methods=["get"], filterset_class=None, search_fields=[])
    def versions(self, request: Request, name: str) -> Response:
        return self.show_list(self.get_object().versions.all(), VersionSerializer)
