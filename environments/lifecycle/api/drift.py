"""Drift in the API: asking for a look, what was found, accepting it, having it put back."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from environments.lifecycle.api.control import NAME_OR_ID
from environments.lifecycle.drift import drift_accept, drift_check_ask, drift_reopen
from environments.lifecycle.drift_fix import environment_drift_fix
from environments.lifecycle.models import DriftCheck, DriftFinding
from environments.lifecycle.models.drift import FINDING_LIVE, FindingStatus
from environments.operations.api.shapes import OperationSerializer, accepted
from environments.rest.fields import Text, shown_by
from environments.rest.serializers import Input, Nothing
from environments.rest.views import Resource

MOST = 500
STATUS = OpenApiParameter(
    "status",
    str,
    enum=[*FindingStatus.values, "live"],
    description="live (the default): open and accepted ones.",
)


class DriftCheckSerializer(serializers.ModelSerializer):
    """One look at what an environment really is."""

    asked_by = shown_by("username")

    class Meta:
        model = DriftCheck
        fields = [
            "id",
            "status",
            "sentence",
            "night",
            "asked_by",
            "asked_at",
            "started_at",
            "ended_at",
            "found",
            "new",
        ]
        read_only_fields = fields


class DriftFindingSerializer(serializers.ModelSerializer):
    """One property that is not what the template says; of a deleted resource `property` is empty."""

    property = serializers.CharField(source="property_path")
    accepted_by = shown_by("username")

    class Meta:
        model = DriftFinding
        fields = [
            "id",
            "status",
            "region",
            "stack",
            "logical_id",
            "physical_id",
            "type",
            "property",
            "expected",
            "actual",
            "first_seen",
            "last_seen",
            "ended_at",
            "accepted_by",
            "accepted_at",
            "accepted_until",
            "accepted_why",
            "fixed_by",
        ]
        read_only_fields = fields


def _ids(**options: Any) -> serializers.ListField:
    child = serializers.IntegerField(min_value=1, max_value=2**62)
    return serializers.ListField(child=child, max_length=MOST, help_text="Ids of findings.", **options)


class AcceptInput(Input):
    """Living with findings until a day."""

    findings = _ids(allow_empty=False)
    why = Text(max_length=500, help_text="Who reads it later will ask.")
    until = serializers.DateField(help_text="The last day on which it is accepted (UTC), within a year.")


class ReopenInput(Input):
    """Findings whose acceptance is taken back."""

    findings = _ids(allow_empty=False)


class FixInput(Input):
    """What is put back. AWS puts a stack back as a whole: findings stand for their stacks."""

    stacks = serializers.ListField(
        child=Text(max_length=40),
        required=False,
        default=list,
        max_length=50,
        help_text="Keys: app, storage.",
    )
    findings = _ids(required=False, default=list)


class EnvironmentDrift(Resource):
    """Verbs of the environment's resource about its drift."""

    drift_inputs: dict[str, Any] = {
        "drift_check": Nothing,
        "drift_accept": AcceptInput,
        "drift_reopen": ReopenInput,
        "drift_fix": FixInput,
    }
    drift_serializers: dict[str, Any] = {
        "drift": DriftFindingSerializer,
        "drift_accept": DriftFindingSerializer,
        "drift_reopen": DriftFindingSerializer,
        "drift_check": DriftCheckSerializer,
        "drift_checks": DriftCheckSerializer,
    }
    drift_parameters = {"drift": {"page", "page_size", "status"}, "drift_checks": {"page", "page_size"}}

    @extend_schema(
        summary="What has drifted",
        parameters=[NAME_OR_ID, STATUS],
        responses=DriftFindingSerializer(many=True),
        filters=False,
    )
    @action(detail=True)
    def drift(self, request: Request, environment: str) -> Response:
        asked = request.query_params.get("status", "live")
        if asked not in (*FindingStatus.values, "live"):
            known = ", ".join([*FindingStatus.values, "live"])
            raise ValidationError({"status": f"{asked[:40]} is not a status. Choose one of: {known}."})
        wanted = FINDING_LIVE if asked == "live" else (asked,)
        rows = self.get_object().drift_findings.filter(status__in=wanted).select_related("accepted_by")
        return self.show_list(
            rows.order_by("stack", "logical_id", "property_path", "id"), DriftFindingSerializer
        )

    @extend_schema(
        summary="The looks at it, newest first",
        parameters=[NAME_OR_ID],
        responses=DriftCheckSerializer(many=True),
        filters=False,
    )
    @action(detail=True, url_path="drift-checks")
    def drift_checks(self, request: Request, environment: str) -> Response:
        rows = self.get_object().drift_checks.select_related("asked_by").order_by("-id")
        return self.show_list(rows, DriftCheckSerializer)

    @extend_schema(
        summary="Look for drift now",
        parameters=[NAME_OR_ID],
        request=Nothing,
        responses={202: DriftCheckSerializer},
    )
    @action(detail=True, methods=["post"], url_path="drift-check")
    def drift_check(self, request: Request, environment: str) -> Response:
        self.said()
        return self.show(drift_check_ask(environment=self.get_object(), actor=self.person), status=202)

    @extend_schema(
        summary="Live with findings until a day",
        parameters=[NAME_OR_ID],
        request=AcceptInput,
        responses={200: DriftFindingSerializer(many=True)},
    )
    @action(detail=True, methods=["post"], url_path="drift-accept", pagination_class=None)
    def drift_accept(self, request: Request, environment: str) -> Response:
        rows = drift_accept(environment=self.get_object(), **self.said(), actor=self.person)
        return self._findings(rows)

    @extend_schema(
        summary="Take an acceptance back",
        parameters=[NAME_OR_ID],
        request=ReopenInput,
        responses={200: DriftFindingSerializer(many=True)},
    )
    @action(detail=True, methods=["post"], url_path="drift-reopen", pagination_class=None)
    def drift_reopen(self, request: Request, environment: str) -> Response:
        rows = drift_reopen(environment=self.get_object(), **self.said(), actor=self.person)
        return self._findings(rows)

    @extend_schema(
        summary="Have it put back",
        parameters=[NAME_OR_ID],
        request=FixInput,
        responses={202: OperationSerializer},
    )
    @action(detail=True, methods=["post"], url_path="drift-fix")
    def drift_fix(self, request: Request, environment: str) -> Response:
        row = self.get_object()
        return accepted(environment_drift_fix(environment=row, **self.said(), actor=self.person), request)

    def _findings(self, rows: list[DriftFinding]) -> Response:
        context = self.get_serializer_context()
        return Response(DriftFindingSerializer(rows, many=True, context=context).data)
