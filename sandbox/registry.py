"""Where handlers are entered: service operations and resource types."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from sandbox.context import Context
    from sandbox.resource_types import ResourceType
    from sandbox.world import World

Answer = dict[str, Any] | None
Operation = Callable[["Context", dict[str, Any]], Answer | Awaitable[Answer]]
F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")

OPERATIONS: dict[tuple[str, str], Operation] = {}
TYPES: dict[str, ResourceType] = {}
STARTERS: list[Callable[[World], None]] = []
RESETTERS: list[Callable[[World], None]] = []


def operation(service: str, *names: str) -> Callable[[F], F]:
    """Enter a function as the handler of operations of a service (botocore's service name: "rds", "elbv2").

    The function takes (ctx, params): params is the parsed input with botocore's member names; it returns the
    output in the same form (None: empty) or raises AwsError. It may be `async` where it has to wait.
    """

    def enter(function: F) -> F:
        for name in names:
            if (service, name) in OPERATIONS:
                raise RuntimeError(f"{service}.{name} has two handlers")
            OPERATIONS[service, name] = function
        return function

    return enter


def resource_type(*names: str) -> Callable[[type[T]], type[T]]:
    """Enter a ResourceType subclass as the handler of CloudFormation types (replaces the generic one)."""

    def enter(cls: type[T]) -> type[T]:
        for name in names:
            TYPES[name] = cls(name)  # type: ignore[call-arg, assignment]
        return cls

    return enter


def on_start(function: F) -> F:
    """Enter a function that is called with the World once the event loop runs (to take work up again)."""
    STARTERS.append(function)
    return function


def on_reset(function: F) -> F:
    """Enter a function that is called with the World after a reset (to end what is not in the store)."""
    RESETTERS.append(function)
    return function


def load() -> None:
    """Import every module of sandbox.services, so that their handlers are entered."""
    package = importlib.import_module("sandbox.services")
    for module in pkgutil.walk_packages(package.__path__, "sandbox.services."):
        importlib.import_module(module.name)
