"""What the environment is told, and the buttons that change that, its protection, or its being there at all."""

from portal.pages.environment_parts.base import Part

PARTS = (
    Part("tab", "settings", "portal/environment/settings.html", position=80, title="Settings"),
    Part(
        "act",
        "protect",
        "portal/environment/act_protect.html",
        position=10,
        shown=lambda look: look.rights["may_protect"],
    ),
    Part(
        "act",
        "withdraw",
        "portal/environment/act_withdraw.html",
        position=20,
        shown=lambda look: look.rights["may_withdraw"],
    ),
    Part(
        "act",
        "update",
        "portal/environment/act_update.html",
        position=30,
        shown=lambda look: look.rights["may_update"],
    ),
    Part(
        "act",
        "teardown",
        "portal/environment/act_teardown.html",
        position=90,
        shown=lambda look: look.rights["may_teardown"],
    ),
)
