"""What people do to an operation that stopped, waits or takes long: verbs of its page, each with a reason."""

import re
from typing import Any

from django.http import HttpRequest

from environments.operations.control import operation_extend_time, operation_skip
from environments.operations.models import Operation, Step
from environments.operations.places import HIGHEST, operation_prioritise
from environments.operations.states import STEP_LIVE, StepStatus
from environments.people.models import User

NUMBER = re.compile(r"-?[0-9]{1,4}")


def skip(request: HttpRequest, pk: int, user: User) -> str:
    """Leave a failed step out."""
    operation_skip(
        operation_id=pk,
        step_key=request.POST.get("step", ""),
        reason=request.POST.get("reason", ""),
        actor=user,
    )
    return "The step was skipped: it goes on with what comes after it."


def extend_time(request: HttpRequest, pk: int, user: User) -> str:
    """Give a step more time."""
    operation_extend_time(
        operation_id=pk,
        step_key=request.POST.get("step", ""),
        minutes=whole(request.POST.get("minutes", "")),
        reason=request.POST.get("reason", ""),
        actor=user,
    )
    return "The step has more time."


def prioritise(request: HttpRequest, pk: int, user: User) -> str:
    """Let it go before or after others."""
    text = request.POST.get("priority", "").strip()
    operation_prioritise(
        operation_id=pk,
        # No number is refused with the service's own sentence.
        priority=int(text) if NUMBER.fullmatch(text) else HIGHEST + 1,
        reason=request.POST.get("reason", ""),
        actor=user,
    )
    return f"Operation {pk} has another place in the queue."


VERBS = {"skip": skip, "extend-time": extend_time, "prioritise": prioritise}


def choices(operation: Operation, steps: list[Step]) -> dict[str, Any]:
    """What the forms of these verbs offer: the steps that can be skipped, and those that can have more time."""
    current = [step for step in steps if step.phase == operation.phase]
    unfinished = STEP_LIVE | {StepStatus.PENDING}
    return {
        "skippable": [step for step in current if step.status == StepStatus.FAILED and step.may_skip]
        if operation.can_retry
        else [],
        "extendable": [step for step in current if step.status in unfinished]
        if not operation.is_ended
        else [],
    }


def whole(text: str) -> int:
    """A number that was typed; 0, which every service refuses with its own sentence, when it is none."""
    text = text.strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 7 else 0
