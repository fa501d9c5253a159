"""Audit, pauses and limits in the API: the engine's rows behind the portal's rights."""

import re

import django_filters
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from environments.operations.limits import limit_remove, limit_set
from environments.operations.models import AuditEntry, OperationLimit, Pause
from environments.operations.pauses import pause_lift, pause_set
from environments.people.rights import require
from environments.rest.fields import Text, Whole, shown_by
from environments.rest.filters import Moment
from environments.rest.serializers import Input
from environments.rest.views import ReadOnlyResource

SCOPE = re.compile(r"\d{12}/[a-z]{2}(-[a-z]+)+-\d")
ACCOUNT = re.compile(r"\d{12}/")


class AuditEntrySerializer(serializers.ModelSerializer):
    """One audited act; `hash` covers the row and its predecessor's hash."""

    actor = serializers.CharField(source="actor_name", read_only=True)
    before = serializers.DictField(read_only=True, allow_null=True)
    after = serializers.DictField(read_only=True, allow_null=True)

    class Meta:
        model = AuditEntry
        fields = [
            "id",
            "at",
            "actor",
            "action",
            "subject",
            "origin",
            "before",
            "after",
            "previous_hash",
            "hash",
        ]
        read_only_fields = fields


class AuditFilters(django_filters.FilterSet):
    actor = django_filters.CharFilter("actor_name")
    action = django_filters.CharFilter()
    subject = django_filters.CharFilter(
        label="As type:name; an environment by its full name, environment:shop-k3x9."
    )
    at_after = Moment("at", "gte")
    at_before = Moment("at", "lt")

    class Meta:
        model = AuditEntry
        fields: list[str] = []


@extend_schema_view(
    list=extend_schema(summary="The audit, newest first"),
    retrieve=extend_schema(summary="One audited act"),
)
class AuditViewSet(ReadOnlyResource):
    """Who did what, from where, before and after. For administrators and auditors."""

    noun = "audit entry"
    view_right = "audit.view"
    queryset = AuditEntry.objects.all()
    serializer_class = AuditEntrySerializer
    lookup_value_regex = r"[0-9]{1,18}"
    filterset_class = AuditFilters
    search_fields = ["actor_name", "action", "subject"]
    ordering_fields = ["id", "at"]


class PauseSerializer(serializers.ModelSerializer):
    """What no worker moves at present."""

    set_by = shown_by("username", allow_null=True)

    class Meta:
        model = Pause
        fields = ["id", "covers", "label", "reason", "since", "set_by"]
        read_only_fields = fields


class PauseInput(Input):
    """Stop workers from moving everything, an account, or one region of it."""

    covers = Text(
        max_length=60,
        default=Pause.EVERYTHING,
        help_text='"everything", "111122223333/" for an account, "111122223333/eu-west-1" for one region.',
    )
    reason = Text(help_text="What others have to wait for.")

    def validate_covers(self, covers: str) -> str:
        if covers != Pause.EVERYTHING and not ACCOUNT.fullmatch(covers) and not SCOPE.fullmatch(covers):
            raise serializers.ValidationError(
                f'{covers} covers nothing. Write "everything", an account id with a slash, or account/region.'
            )
        return covers


class PauseFilters(django_filters.FilterSet):
    covers = django_filters.CharFilter()

    class Meta:
        model = Pause
        fields: list[str] = []


@extend_schema_view(
    list=extend_schema(summary="What is paused"),
    retrieve=extend_schema(summary="One pause"),
)
class PauseViewSet(ReadOnlyResource):
    """Brakes: while a pause is there, no worker starts or moves what it covers."""

    noun = "pause"
    view_right = "rule.view"
    queryset = Pause.objects.select_related("set_by").order_by("id")
    serializer_class = PauseSerializer
    inputs = {"create": PauseInput}
    scopes = {"create": "administer", "destroy": "administer"}
    lookup_value_regex = r"[0-9]{1,18}"
    filterset_class = PauseFilters
    search_fields = ["covers", "reason"]
    ordering_fields = ["id", "covers", "since"]

    @extend_schema(summary="Pause", request=PauseInput, responses={201: PauseSerializer})
    def create(self, request: Request) -> Response:
        require(self.person, "pause.change")
        return self.created(pause_set(**self.said(), actor=self.person))

    @extend_schema(summary="Lift a pause", responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        require(self.person, "pause.change")
        pause_lift(covers=self.get_object().covers, actor=self.person)
        return Response(status=status.HTTP_204_NO_CONTENT)


class LimitSerializer(serializers.ModelSerializer):
    """How many operations may run at once in a scope."""

    class Meta:
        model = OperationLimit
        fields = ["id", "scope", "max_running"]
        read_only_fields = fields


class LimitInput(Input):
    """A limit for a scope that has none yet, or another figure for one that has."""

    scope = Text(max_length=60, help_text='"*" for every scope without its own, or account id/region.')
    max_running = Whole(min_value=1, max_value=1000)

    def validate_scope(self, scope: str) -> str:
        if scope != "*" and not SCOPE.fullmatch(scope):
            raise serializers.ValidationError(f'{scope} is no scope. Write "*", or 111122223333/eu-west-1.')
        return scope


class LimitFilters(django_filters.FilterSet):
    scope = django_filters.CharFilter()

    class Meta:
        model = OperationLimit
        fields: list[str] = []


@extend_schema_view(
    list=extend_schema(summary="How many operations may run side by side"),
    retrieve=extend_schema(summary="One limit"),
)
class LimitViewSet(ReadOnlyResource):
    """Limits per account and region."""

    noun = "limit"
    view_right = "rule.view"
    queryset = OperationLimit.objects.order_by("scope")
    serializer_class = LimitSerializer
    inputs = {"create": LimitInput}
    scopes = {"create": "administer", "destroy": "administer"}
    lookup_value_regex = r"[0-9]{1,18}"
    filterset_class = LimitFilters
    search_fields = ["scope"]
    ordering_fields = ["scope", "max_running", "id"]

    @extend_schema(summary="Set a scope's limit", request=LimitInput, responses={201: LimitSerializer})
    def create(self, request: Request) -> Response:
        require(self.person, "limit.change")
        return self.created(limit_set(**self.said(), actor=self.person))

    @extend_schema(summary="Remove a scope's own limit", responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        require(self.person, "limit.change")
        limit_remove(limit=self.get_object(), actor=self.person)
        return Response(status=status.HTTP_204_NO_CONTENT)
