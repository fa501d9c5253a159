"""What each role of an account needs, and its policies: needs put into scopes.

Needed is what the flows were recorded to ask for, its dependent actions, what the handlers of the stacks' types
document (data/calls.json, written by `make calls`), and the table BESIDE; less the table LEFT_OUT.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from blueprint_cdk.access.beside import BESIDE
from blueprint_cdk.access.left_out import LEFT_OUT
from blueprint_cdk.access.scopes import Scope
from blueprint_cdk.access.statements import Statement
from blueprint_cdk.data import load

HANDLERS = ("create", "read", "update", "delete")
"""A stack never calls a type's list handler: it knows what it has made."""


class Unscoped(Exception):
    """A role needs what no scope speaks of; the message is for whoever added the call."""


def needs(role: str) -> dict[str, str]:
    """Actions that the role (reader, deployer, bootstrap, execution) needs, each with why."""
    calls = load("calls")
    recorded = calls["roles"][role]
    why: dict[str, str] = {}
    for type_name, handlers in calls["handlers"].get(role, {}).items():
        for handler in HANDLERS:
            why |= dict.fromkeys(handlers.get(handler, ()), f"{handler} handler of {type_name}")
    for action, call in recorded.items():
        why |= dict.fromkeys(call["needs"], f"dependent action of {action}")
    why = {action: reason for action, reason in why.items() if not left_out(role, action)}
    why |= {action: row.reason for row in BESIDE if row.role == role for action in row.listed()}
    return why | dict.fromkeys(recorded, "recorded")


def left_out(role: str, action: str) -> bool:
    """Whether a documented permission is for something that the role's stacks never make."""
    return any(row.holds(role, action) for row in LEFT_OUT)


def policies(
    role: str, scopes: Mapping[str, Sequence[Scope]], *, has: Iterable[Statement] = ()
) -> dict[str, list[Statement]]:
    """Statements of the role's policies, by policy; an action is in each statement whose scope speaks of it.

    has: statements that the role has by another policy. Raises Unscoped.
    """
    wanted = needs(role)
    elsewhere = {action for row in has for action in row["Action"]}
    every = [scope for rows in scopes.values() for scope in rows]
    for action in sorted(wanted):
        if action not in elsewhere and not any(scope.holds(action) for scope in every):
            raise Unscoped(
                f"The {role} role needs {action} ({wanted[action]}), and no scope says where it may do that: "
                "name it in a scope of blueprint_cdk/access, or in LEFT_OUT with the reason."
            )
    made: dict[str, list[Statement]] = {}
    for name, rows in scopes.items():
        found = [(scope, [action for action in sorted(wanted) if scope.holds(action)]) for scope in rows]
        made[name] = [scope.statement(actions) for scope, actions in found if actions]
    return made
