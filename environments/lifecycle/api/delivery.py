"""Verbs that put a version of an application on an environment."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from environments.lifecycle.api.control import NAME_OR_ID
from environments.lifecycle.deploy import environment_deploy, environment_promote, version_of
from environments.lifecycle.models import Environment
from environments.lifecycle.states import GONE
from environments.operations.api.shapes import OperationSerializer, accepted
from environments.people.rights import require
from environments.rest.fields import Named, Text
from environments.rest.serializers import Input
from environments.rest.views import Resource


class DeployInput(Input):
    """A version of an application."""

    application = Text(max_length=20, help_text="The application's name.")
    commit = Text(max_length=64, help_text="The version's commit, or so much of it that it is the only one.")


class PromoteInput(Input):
    """Where the version runs that is to run here too."""

    source = Named(  # type: ignore[assignment]
        "environment",
        Environment.objects.exclude(status__in=GONE),
        by="name",
        help_text="The name of another environment of the team, in the same account.",
    )


class EnvironmentDelivery(Resource):
    """Deploy and promote."""

    delivery_inputs: dict[str, Any] = {"deploy": DeployInput, "promote": PromoteInput}

    @extend_schema(
        summary="Put a version of an application on it",
        parameters=[NAME_OR_ID],
        request=DeployInput,
        responses={202: OperationSerializer},
    )
    @action(detail=True, methods=["post"])
    def deploy(self, request: Request, environment: str) -> Response:
        row, said = self.get_object(), self.said()
        # Asked before the version is looked for: who may not is not told which there are.
        require(self.person, "environment.deploy", team=row.team)
        version = version_of(**said)
        return accepted(environment_deploy(environment=row, version=version, actor=self.person), request)

    @extend_schema(
        summary="Put the version on it that runs on another environment",
        parameters=[NAME_OR_ID],
        request=PromoteInput,
        responses={202: OperationSerializer},
    )
    @action(detail=True, methods=["post"])
    def promote(self, request: Request, environment: str) -> Response:
        row = self.get_object()
        return accepted(environment_promote(environment=row, **self.said(), actor=self.person), request)
