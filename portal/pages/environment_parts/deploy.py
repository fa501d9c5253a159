"""Putting a version on the environment: the button, for what is active and for those who may."""

from environments.lifecycle.states import EnvironmentStatus
from environments.people.rights import may
from portal.pages.environment_parts.base import Look, Part


def _may_deploy(look: Look) -> bool:
    row = look.environment
    return row.status == EnvironmentStatus.ACTIVE and may(look.user, "environment.deploy", team=row.team)


PARTS = (Part("act", "deploy", "portal/environment/act_deploy.html", position=15, shown=_may_deploy),)
