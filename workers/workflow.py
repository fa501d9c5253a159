"""What a workflow is: steps, what they answer, and how they say that something cannot be done.

A step is a plain function of a StepContext. It looks first and changes second, and may be run any number of
times: after a wait, after a passing fault, after a kill. It answers Done or Wait, or raises StepFailed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from environments.operations.models import Operation
    from workers.context import StepContext


@dataclass(frozen=True)
class Done:
    """The step is over. `state` is merged into the operation's shared state in the same transaction."""

    sentence: str
    state: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Wait:
    """Look again: after `seconds`, or soon and then ever later when it is None (0.1, 0.2, 0.4 … 30 s).

    waits_for is "aws", "person" (somebody has to do something), "notice" (a date) or "dark" (a region that does not
    answer). done and total are the
    progress to show.
    """

    sentence: str
    seconds: float | None = None
    waits_for: str = "aws"
    done: int | None = None
    total: int | None = None


@dataclass(frozen=True)
class PlanAgain:
    """What the plan was made from has moved: the operation goes back to its plan, and is approved anew."""

    sentence: str


Outcome = Done | Wait | PlanAgain


class StepFailed(Exception):
    """AWS or a rule said no, for good: `failed`. One sentence, the resource, and what to do. `more` are members of
    the operation's failure that a page makes something of (see Operation.failure).
    """

    def __init__(
        self, sentence: str, *, resource: str = "", reason: str = "", remedy: str = "", **more: Any
    ) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.failure = {"resource": resource, "reason": reason, "remedy": remedy, **more}


class Retryable(Exception):
    """Something passing that botocore has no error for: tried again with backoff within the time limit."""


StepFunction = Callable[["StepContext"], Outcome]


@dataclass(frozen=True)
class StepSpec:
    """One step of a workflow, as it is written into a row. `run` names the function in Workflow.functions.

    `may_skip` says, in a sentence, what is given up when a person skips it after it failed. Empty: it cannot be, for
    a later step needs what it makes, or it guards what nobody could bring back.
    """

    key: str
    title: str
    run: str
    needs: Sequence[str] = ()
    region: str = ""
    time_limit_s: int = 3600
    parameters: dict[str, Any] = field(default_factory=dict)
    may_skip: str = ""


@dataclass(frozen=True)
class Workflow:
    """One verb. `plan` are the steps before approval; `execute(operation)` lists those after it, once the
    plan is there. `cancels` maps a function's name to what stops it when it is under way (default: it
    is dropped at once). `succeeded(operation)` is the sentence of the good end.
    """

    kind: str
    plan: Sequence[StepSpec]
    execute: Callable[["Operation"], Sequence[StepSpec]]
    functions: dict[str, StepFunction]
    cancels: dict[str, StepFunction] = field(default_factory=dict)
    succeeded: Callable[["Operation"], str] = lambda operation: "Done."


_workflows: dict[str, Workflow] = {}


def workflow_register(workflow: Workflow) -> Workflow:
    """Make a workflow known under its kind."""
    _workflows[workflow.kind] = workflow
    return workflow


def workflow_get(kind: str) -> Workflow:
    """The workflow of that kind; KeyError when workers/workflows has none."""
    return _workflows[kind]
