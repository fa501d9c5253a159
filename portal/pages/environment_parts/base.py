"""Parts of the environment page, and finding them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, Literal

from django.http import HttpRequest

from environments.lifecycle.models import Environment
from environments.operations.models import Operation
from environments.people.models import User

Place = Literal["tab", "tag", "note", "act", "card"]
"""Where a part goes: a tab of its own; a tag beside the status; a sentence below the one on top; a button in the
header; a card at the overview's side."""


@dataclass(frozen=True)
class Look:
    """One look at the page: whose, at what, and the environment's newest operations (the latest first)."""

    request: HttpRequest
    user: User
    environment: Environment
    operations: list[Operation]
    rights: dict[str, bool]

    @property
    def latest(self) -> Operation | None:
        """The newest operation, if there was one."""
        return next(iter(self.operations), None)


def _always(_look: Look) -> bool:
    return True


def _nothing(_look: Look) -> dict[str, Any]:
    return {}


@dataclass(frozen=True)
class Part:
    """A piece of the page: see the package. Lower positions come first; `key` is unique within its place."""

    place: Place
    key: str
    template: str
    position: int = 50
    title: str = ""
    shown: Callable[[Look], bool] = _always
    context: Callable[[Look], dict[str, Any]] = _nothing


@dataclass(frozen=True)
class Shown:
    """A part that this viewer gets, with what its template is given."""

    part: Part
    context: dict[str, Any] = field(default_factory=dict)


@lru_cache(maxsize=1)
def all_parts() -> tuple[Part, ...]:
    """Of every module beside this one, in the order of their positions."""
    package = __package__ or ""
    names = [module.name for module in iter_modules(import_module(package).__path__) if module.name != "base"]
    found = [part for name in names for part in import_module(f"{package}.{name}").PARTS]
    if len({(part.place, part.key) for part in found}) != len(found):
        raise ValueError("Two parts of the environment page have the same place and key.")
    return tuple(sorted(found, key=lambda part: (part.position, part.key)))


def parts_of(look: Look) -> dict[str, list[Shown]]:
    """By place, those that this viewer gets: of tabs the context of the open one only (?tab=, else the first)."""
    shown = [part for part in all_parts() if part.shown(look)]
    tabs = [part for part in shown if part.place == "tab"]
    wanted = look.request.GET.get("tab", "")
    open_tab = next((part for part in tabs if part.key == wanted), tabs[0])
    found: dict[str, list[Shown]] = {
        "tab": [Shown(part) for part in tabs],
        "open": [Shown(open_tab, open_tab.context(look))],
    }
    for place in ("tag", "note", "act"):
        found[place] = [Shown(part, part.context(look)) for part in shown if part.place == place]
    cards = [part for part in shown if part.place == "card"] if open_tab.key == "overview" else []
    found["card"] = [Shown(part, part.context(look)) for part in cards]
    return found
