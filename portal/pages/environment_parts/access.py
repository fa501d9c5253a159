"""What people may do in the environment's AWS: its AWS roles, and the commands that take and use them."""

from typing import Any

from environments.access.roles import aws_roles
from portal.pages.environment_parts.base import Look, Part


def _is_there(look: Look) -> bool:
    return not look.environment.is_gone


def _access(look: Look) -> dict[str, Any]:
    return {"aws_roles": aws_roles(look.environment, look.user)}


PARTS = (
    Part(
        "tab",
        "access",
        "portal/environment/access.html",
        position=70,
        title="Access",
        shown=_is_there,
        context=_access,
    ),
)
