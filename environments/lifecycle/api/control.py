"""What people do to an environment as a whole, besides changing it: pausing it, and the ways out of the portal."""

from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from environments.lifecycle.api.shapes import EnvironmentDetailSerializer
from environments.lifecycle.export import CONTENT_TYPE, environment_export
from environments.lifecycle.forget import environment_forget
from environments.lifecycle.pauses import environment_pause, environment_pause_lift
from environments.lifecycle.resync import environment_resync
from environments.operations.api.shapes import OperationSerializer, accepted
from environments.people.api.control import PauseSerializer
from environments.rest.fields import Text
from environments.rest.serializers import Input, Nothing
from environments.rest.views import Resource

NAME_OR_ID = OpenApiParameter(
    "environment",
    {"type": "string", "pattern": "^[a-z0-9-]{1,20}$"},
    OpenApiParameter.PATH,
    description="Its name while it lives, or its id, also when it is gone.",
)


class ReasonInput(Input):
    """Why; everybody sees it."""

    reason = Text(max_length=500, help_text="What others have to wait for.")


class ForgetInput(Input):
    """Leaving the portal's care, for good."""

    confirm = Text(max_length=40, help_text="The environment's name, typed.")
    reason = Text(max_length=500, help_text="Kept with what stays behind, and in the audit.")


class EnvironmentControl(Resource):
    """Verbs of the environment's resource: those of whoever holds it back, or has to do without the portal."""

    control_inputs: dict[str, Any] = {
        "pause": ReasonInput,
        "lift_pause": Nothing,
        "export": Nothing,
        "resync": Nothing,
        "forget": ForgetInput,
    }
    control_serializers: dict[str, Any] = {"pause": PauseSerializer, "forget": EnvironmentDetailSerializer}

    @extend_schema(
        summary="Let nothing start, go on or expire in it",
        parameters=[NAME_OR_ID],
        request=ReasonInput,
        responses={200: PauseSerializer},
    )
    @action(detail=True, methods=["post"])
    def pause(self, request: Request, environment: str) -> Response:
        row = self.get_object()
        return self.show(environment_pause(environment=row, **self.said(), actor=self.person))

    @extend_schema(summary="Lift its pause", parameters=[NAME_OR_ID], request=Nothing, responses={204: None})
    @action(detail=True, methods=["post"], url_path="lift-pause")
    def lift_pause(self, request: Request, environment: str) -> Response:
        self.said()
        environment_pause_lift(environment=self.get_object(), actor=self.person)
        return Response(status=204)

    @extend_schema(
        summary="A zip of its deployed assembly, with plain CDK commands",
        parameters=[NAME_OR_ID],
        request=Nothing,
        responses={(200, CONTENT_TYPE): OpenApiTypes.BINARY},
    )
    @action(detail=True, methods=["post"])
    def export(self, request: Request, environment: str) -> HttpResponse:
        self.said()
        made = environment_export(environment=self.get_object(), actor=self.person)
        headers = {"Content-Disposition": f'attachment; filename="{made.name}"', "Cache-Control": "no-store"}
        return HttpResponse(made.content, content_type=CONTENT_TYPE, headers=headers)

    @extend_schema(
        summary="Read it anew from AWS, after something was put right by hand",
        parameters=[NAME_OR_ID],
        request=Nothing,
        responses={202: OperationSerializer},
    )
    @action(detail=True, methods=["post"])
    def resync(self, request: Request, environment: str) -> Response:
        self.said()
        return accepted(environment_resync(environment=self.get_object(), actor=self.person), request)

    @extend_schema(
        summary="Have the portal forget it, without touching AWS",
        parameters=[NAME_OR_ID],
        request=ForgetInput,
        responses={200: EnvironmentDetailSerializer},
    )
    @action(detail=True, methods=["post"])
    def forget(self, request: Request, environment: str) -> Response:
        row = environment_forget(environment=self.get_object(), **self.said(), actor=self.person)
        return self.show(self.get_queryset().get(pk=row.pk))
