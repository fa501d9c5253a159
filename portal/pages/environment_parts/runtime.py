"""What runs now: what moves beside the templates."""

from environments.lifecycle.deploy import version_running
from environments.lifecycle.runtime import runtime_shown
from portal.pages.environment_parts.base import Part

PARTS = (
    Part(
        "card",
        "runtime",
        "portal/environment/runtime.html",
        position=15,
        shown=lambda look: look.environment.runtime_at is not None and not look.environment.is_gone,
        context=lambda look: {
            "runs": runtime_shown(look.environment),
            "version": version_running(look.environment),
        },
    ),
)
