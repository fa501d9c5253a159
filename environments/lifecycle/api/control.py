"""What people do to an environment as a whole, besides changing it: pausing it."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from environments.lifecycle.pauses import environment_pause, environment_pause_lift
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


class EnvironmentControl(Resource):
    """Verbs of the environment's resource: those of whoever holds it back."""

    control_inputs: dict[str, Any] = {"pause": ReasonInput, "lift_pause": Nothing}
    control_serializers: dict[str, Any] = {"pause": PauseSerializer}

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
