"""What was asked for, newest first; and retrying the last one."""

from portal.pages.environment_parts.base import Part

PARTS = (
    Part("tab", "operations", "portal/environment/operations.html", position=20, title="Operations"),
    Part(
        "act",
        "retry",
        "portal/environment/act_retry.html",
        position=0,
        shown=lambda look: look.rights["may_retry"],
    ),
)
