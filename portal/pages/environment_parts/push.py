"""Push channels: which are on, and where the credentials of each go. No value is shown, for nothing here has any."""

from typing import Any

from environments.lifecycle.naming import names_derive
from portal.pages.environment_parts.base import Look, Part

CHANNELS = (
    ("apns", "Apple", "push-apns-secret", "apple.json"),
    ("apns-sandbox", "Apple, sandbox", "push-apns-secret", "apple.json"),
    ("fcm", "Google", "push-fcm-secret", "service-account.json"),
)
"""Channel, whose it is, the naming rule of its secret, and the file that a person has."""


def _push(look: Look) -> dict[str, Any]:
    environment = look.environment
    derived = names_derive(environment.release.naming, environment.spec)
    names = {row["key"]: row["value"] for row in derived}
    on = environment.spec.get("push") or ()
    return {
        "push_channels": [
            {"key": key, "owner": owner, "secret": names[rule], "file": file, "is_on": key in on}
            for key, owner, rule, file in CHANNELS
        ],
    }


PARTS = (
    Part(
        "card",
        "push",
        "portal/environment/push.html",
        position=30,
        shown=lambda look: (
            "notifications" in (look.environment.spec.get("modules") or ()) and not look.environment.is_gone
        ),
        context=_push,
    ),
)
