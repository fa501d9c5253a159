"""The kinds of operations on applications: rights, approval, and what start and end move."""

from typing import Any, cast

from environments.errors import Conflict
from environments.lifecycle.application_update import application_spec_keep, update_problem
from environments.lifecycle.applications import application_move, remove_problem
from environments.lifecycle.models import Application
from environments.lifecycle.states import ApplicationStatus
from environments.lifecycle.teardown import IRREVERSIBLE
from environments.operations.kinds import ApprovalNeed, Kind
from environments.operations.models import Operation
from environments.operations.states import ClaimMode, OperationStatus
from environments.people.rights import require

S = OperationStatus


def _authorize(actor: Any, verb: str, operation: Operation) -> None:
    application = cast(Application, operation.subject)
    require(actor, f"operation.{verb}", team=application.team, owner_id=operation.requested_by_id)


def _one_other(operation: Operation) -> ApprovalNeed:
    """One other person who may approve for the team."""
    return ApprovalNeed(count=1, plan_hash=operation.plan.hash)


def _update_need(operation: Operation) -> ApprovalNeed:
    """One other person, unless the stack is as it should be already."""
    if operation.plan.is_empty:
        nothing = f"Nothing to change in {operation.subject}."
        return ApprovalNeed(count=0, plan_hash=operation.plan.hash, nothing=nothing)
    return _one_other(operation)


def _add_end(operation: Operation) -> None:
    application = _locked(operation)
    if operation.status == S.SUCCEEDED:
        application_move(application, ApplicationStatus.READY, outputs=operation.state.get("outputs", {}))
    elif application.status in (ApplicationStatus.ADDING, ApplicationStatus.BROKEN):
        there = application.stacks.exclude(status__in=["", "DELETE_COMPLETE"]).exists()
        ended = operation.status in (S.REJECTED, S.EXPIRED, S.CANCELLED)
        given_up = ended and not there
        application_move(application, ApplicationStatus.WITHDRAWN if given_up else ApplicationStatus.BROKEN)


def _add_check(operation: Operation) -> None:
    application = cast(Application, operation.subject)
    if application.status not in (ApplicationStatus.ADDING, ApplicationStatus.BROKEN):
        raise Conflict(f"{application.name} is {application.status}: nothing is left to add.")


def _update_check(operation: Operation) -> None:
    if problem := update_problem(cast(Application, operation.subject)):
        raise Conflict(problem)


def _update_end(operation: Operation) -> None:
    if operation.status == S.SUCCEEDED:
        application_spec_keep(_locked(operation), operation)


def _remove_check(operation: Operation) -> None:
    application = cast(Application, operation.subject)
    if application.status != ApplicationStatus.REMOVING and (problem := remove_problem(application)):
        raise Conflict(problem)


def _remove_start(operation: Operation) -> None:
    application = _locked(operation)
    if application.status != ApplicationStatus.REMOVING:
        operation.state = {**operation.state, "status_before": application.status}
        operation.save(update_fields=["state"])
    application_move(application, ApplicationStatus.REMOVING)


def _remove_end(operation: Operation) -> None:
    application = _locked(operation)
    if operation.status == S.SUCCEEDED:
        left = operation.state.get("left_behind", [])
        application_move(application, ApplicationStatus.GONE, outputs={}, left_behind=left)
    elif "status_before" in operation.state and not operation.state.get(IRREVERSIBLE):
        application_move(application, operation.state["status_before"])
    elif application.status == ApplicationStatus.REMOVING:
        application_move(application, ApplicationStatus.BROKEN)


def _locked(operation: Operation) -> Application:
    return Application.objects.select_for_update().get(pk=operation.subject_id)


APPLICATION_KINDS = (
    Kind(
        name="application-add",
        title="Adding",
        claim_mode=ClaimMode.CHANGE,
        authorize=_authorize,
        approval=_one_other,
        check=_add_check,
        on_end=_add_end,
    ),
    Kind(
        name="application-update",
        title="Change",
        claim_mode=ClaimMode.CHANGE,
        authorize=_authorize,
        approval=_update_need,
        check=_update_check,
        on_end=_update_end,
    ),
    Kind(
        name="application-remove",
        title="Removal",
        claim_mode=ClaimMode.END,
        authorize=_authorize,
        approval=_one_other,
        check=_remove_check,
        on_start=_remove_start,
        on_end=_remove_end,
    ),
)
