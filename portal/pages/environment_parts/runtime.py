"""What runs now: what moves beside the templates."""

from environments.lifecycle.deploy import label_words, version_running
from environments.lifecycle.models import Environment
from environments.lifecycle.runtime import labels_running, runtime_shown
from portal.pages.environment_parts.base import Part


def differing(environment: Environment) -> str:
    """What runs in the other region, in words, where that is another version than at home; else empty."""
    labels = labels_running(environment)
    if len(set(labels.values())) < 2:
        return ""
    return label_words(labels[environment.other_region])


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
            "differing": differing(look.environment),
        },
    ),
)
