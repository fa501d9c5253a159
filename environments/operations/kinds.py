"""What the engine must know of a kind of operation, told by the app that owns the kind.

The engine is generic: an app registers its kinds when it is ready, and workers hang the steps on them.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from environments.operations.states import ClaimMode

if TYPE_CHECKING:
    from environments.operations.models import Operation


@dataclass(frozen=True)
class ApprovalNeed:
    """What a plan needs before it may run: the yes of `count` people. `rule` names what decided that; `nothing` is the
    sentence with which the operation ends at once, because its plan changes nothing.

    `terms` are kept on the operation as `approval_terms`, for the kind's own `authorize`; the engine reads none of
    them. `remind_after` None: nobody is reminded.
    """

    count: int
    plan_hash: str
    rule: str = ""
    nothing: str = ""
    expires_after: timedelta = timedelta(days=7)
    remind_after: timedelta | None = timedelta(days=1)
    terms: dict[str, Any] = field(default_factory=dict)


def _nothing(_operation: "Operation") -> None:
    """The default for a kind whose subject is always fit, or is moved by no start or end."""


def _own_scope(operation: "Operation") -> list[str]:
    """The default for a kind that works in regions of one account."""
    return operation.scopes


@dataclass(frozen=True)
class Kind:
    """One kind of operation.

    authorize(actor, verb, operation) raises Forbidden when the actor may not; verbs are view, approve,
    reject, cancel, force-cancel, retry, skip, shorten-notice, extend-time, prioritise.
    approval(operation) says what the finished plan needs. check(operation) raises Conflict when the subject is in
    no state for it any more: asked at a start, a retry and a resume. on_start and on_end run inside the transaction
    that starts or ends the operation, so the subject moves with it. scopes(operation) are those that a pause of an
    account or a region is compared with: "account/region", or "account/" for what is not of one region. can_replan:
    whether its plan may be made anew, also after a failure; on_replan takes back what on_start moved.
    """

    name: str
    title: str
    claim_mode: ClaimMode
    authorize: Callable[[Any, str, "Operation"], None]
    approval: Callable[["Operation"], ApprovalNeed]
    check: Callable[["Operation"], None] = _nothing
    on_start: Callable[["Operation"], None] = _nothing
    on_end: Callable[["Operation"], None] = _nothing
    scopes: Callable[["Operation"], list[str]] = _own_scope
    can_replan: bool = False
    on_replan: Callable[["Operation"], None] = _nothing


_kinds: dict[str, Kind] = {}


def kind_register(kind: Kind) -> None:
    """Make a kind known. Registering one name twice is a mistake in the code."""
    if _kinds.get(kind.name, kind) is not kind:
        raise ValueError(f"Two kinds are named {kind.name}.")
    _kinds[kind.name] = kind


def kind_get(name: str) -> Kind:
    """The registered kind of that name; KeyError if no app has registered it."""
    return _kinds[name]


def kind_names() -> list[str]:
    """The names of all registered kinds, sorted."""
    return sorted(_kinds)
