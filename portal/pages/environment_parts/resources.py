"""Stacks and their resources, as last seen."""

from portal.pages.environment_parts.base import Part
from portal.pages.operation import stacks_of

PARTS = (
    Part(
        "tab",
        "resources",
        "portal/environment/resources.html",
        position=10,
        title="Resources",
        context=lambda look: {"stacks": stacks_of(look.environment)},
    ),
)
