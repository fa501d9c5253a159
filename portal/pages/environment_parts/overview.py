"""The overview: the picture lit by CloudFormation's last word, what happened, addresses and facts."""

from typing import Any

from environments.lifecycle.models import TeardownReport
from environments.lifecycle.states import EnvironmentStatus
from environments.operations.states import OperationStatus
from portal.pages.environment_parts.base import Look, Part
from portal.pages.operation import stacks_of
from portal.pages.picture import picture_of

WITH_REPORT = (EnvironmentStatus.TEARING_DOWN, EnvironmentStatus.TORN_DOWN)


def _overview(look: Look) -> dict[str, Any]:
    places = picture_of(look.environment, stacks_of(look.environment))
    return {"places": places, "report": _report(look)}


def _report(look: Look) -> TeardownReport | None:
    if look.environment.status not in WITH_REPORT:
        return None
    return look.environment.teardown_reports.filter(operation__status=OperationStatus.SUCCEEDED).first()


PARTS = (
    Part(
        "tab",
        "overview",
        "portal/environment/overview.html",
        position=0,
        title="Overview",
        context=_overview,
    ),
    Part("card", "addresses", "portal/environment/addresses.html", position=10),
    Part("card", "facts", "portal/environment/facts.html", position=20),
)
