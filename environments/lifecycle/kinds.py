"""The kinds of operations on environments and accounts: rights, approval, and what start and end move."""

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any, cast

from environments.errors import Conflict
from environments.lifecycle.accounts import account_move
from environments.lifecycle.application_kinds import APPLICATION_KINDS
from environments.lifecycle.baseline import update_problem
from environments.lifecycle.canary import account_live
from environments.lifecycle.environments import environment_move
from environments.lifecycle.expired import expiry_teardown_check, expiry_unexpired_require
from environments.lifecycle.extend import extension_check, extension_give
from environments.lifecycle.history import revision_keep
from environments.lifecycle.models import Account, Environment
from environments.lifecycle.plans import approval_need
from environments.lifecycle.resync import MAY_RESYNC, environment_resynced
from environments.lifecycle.resync import RULE as RESYNC_RULE
from environments.lifecycle.standby import standby_settle
from environments.lifecycle.states import AccountMode, AccountStatus, EnvironmentStatus
from environments.lifecycle.teardown import IRREVERSIBLE, MAY_TEAR_DOWN, RULE
from environments.lifecycle.terms import terms_require
from environments.lifecycle.update import environment_spec_keep
from environments.operations.kinds import ApprovalNeed, Kind, kind_register
from environments.operations.models import Operation
from environments.operations.states import ClaimMode, OperationStatus
from environments.people.rights import others_who_may, require

NOBODY_ELSE = "There is nobody else who could approve it"
E = EnvironmentStatus
S = OperationStatus


def _environment_authorize(actor: Any, verb: str, operation: Operation) -> None:
    environment = cast(Environment, operation.subject)
    require(actor, f"operation.{verb}", team=environment.team, owner_id=operation.requested_by_id)
    if verb == "approve" and actor is not None:
        terms_require(operation, actor)


def _account_authorize(actor: Any, verb: str, operation: Operation) -> None:
    require(actor, "account.approve" if verb in ("approve", "reject") else "account.change")


def _account_approval(operation: Operation) -> ApprovalNeed:
    """Another person's, unless nothing changes in an account that is ready, or there is nobody else."""
    account = cast(Account, operation.subject)
    if operation.plan.is_empty and account.status == AccountStatus.READY:
        return ApprovalNeed(count=0, plan_hash=operation.plan.hash, rule="Nothing changes in the account")
    return _second_person(operation)


def _second_person(operation: Operation) -> ApprovalNeed:
    """One other person who may approve for accounts. Where there is none, as on the first day, it goes on without."""
    besides = [operation.requested_by_id] if operation.requested_by_id else []
    if others_who_may("account.approve", besides=besides).exists():
        return ApprovalNeed(count=1, plan_hash=operation.plan.hash)
    return ApprovalNeed(count=0, plan_hash=operation.plan.hash, rule=NOBODY_ELSE)


def _provision_start(operation: Operation) -> None:
    environment_move(_locked(operation), E.PROVISIONING)


def _provision_end(operation: Operation) -> None:
    environment = _locked(operation)
    if operation.status == S.SUCCEEDED:
        addresses = operation.state.get("addresses", {})
        environment_move(environment, E.ACTIVE, addresses=addresses, active_region=environment.home_region)
        revision_keep(operation, environment)
    elif operation.status in (S.REJECTED, S.EXPIRED, S.CANCELLED) and environment.status == E.REQUESTED:
        environment_move(environment, E.WITHDRAWN)
    elif environment.status == E.PROVISIONING:
        nothing_left = operation.status == S.CANCELLED and not _has_stacks(environment)
        environment_move(environment, E.WITHDRAWN if nothing_left else E.BROKEN)


def _provision_replan(operation: Operation) -> None:
    """What its start moved is taken back; what has stacks is what a provision that failed leaves."""
    environment = _locked(operation)
    if environment.status == E.PROVISIONING:
        environment_move(environment, E.BROKEN if _has_stacks(environment) else E.REQUESTED)


def _teardown_start(operation: Operation) -> None:
    environment = _locked(operation)
    if environment.status != E.TEARING_DOWN:
        operation.state = {**operation.state, "status_before": environment.status}
        operation.save(update_fields=["state"])
    environment_move(environment, E.TEARING_DOWN)


def _teardown_end(operation: Operation) -> None:
    if operation.status == S.SUCCEEDED:
        environment_move(_locked(operation), E.TORN_DOWN, addresses={})
    elif "status_before" in operation.state and not operation.state.get(IRREVERSIBLE):
        environment_move(_locked(operation), operation.state["status_before"])


def _while(*statuses: str) -> Callable[[Operation], None]:
    """The check of a kind that goes on only while its environment has one of these statuses."""
    return lambda operation: _require_status(operation, statuses)


def _require_status(operation: Operation, statuses: Collection[str]) -> None:
    environment = cast(Environment, operation.subject)
    if environment.status not in statuses:
        raise Conflict(f"{environment.name} is {environment.status}: nothing is left to {operation.kind}.")


def _whole_account(operation: Operation) -> list[str]:
    """What an account's own operations are paused with: the account, whatever its regions."""
    account = cast(Account | None, operation.subject)
    return [f"{account.account_id}/"] if account else []


def _provision_check(operation: Operation) -> None:
    _require_status(operation, (E.REQUESTED, E.PROVISIONING, E.BROKEN))
    expiry_unexpired_require(operation)


def _teardown_check(operation: Operation) -> None:
    _require_status(operation, MAY_TEAR_DOWN)
    expiry_teardown_check(operation)


def _teardown_approval(operation: Operation) -> ApprovalNeed:
    """What has expired goes by the rule that its teardown names, which only the portal itself writes there."""
    rule = operation.parameters.get(RULE)
    if rule and operation.requested_by_id is None:
        return ApprovalNeed(count=0, plan_hash=operation.plan.hash, rule=rule)
    return approval_need(operation)


def _extend_approval(operation: Operation) -> ApprovalNeed:
    """As the rules say, and one other person at least: nobody gives their own more than the maximum."""
    need = approval_need(operation)
    return need if need.count else replace(need, count=1, rule="")


def _extend_end(operation: Operation) -> None:
    if operation.status == S.SUCCEEDED:
        extension_give(operation)


def _canary_check(operation: Operation) -> None:
    account = cast(Account, operation.subject)
    if account.mode != AccountMode.PLAN_ONLY:
        raise Conflict(f"A canary is for plan-only accounts; {account.name} is {account.mode}.")


def _account_add_end(operation: Operation) -> None:
    account = cast(Account, operation.subject)
    if operation.status == S.SUCCEEDED:
        account_move(account, AccountStatus.READY)
    elif account.status != AccountStatus.READY:
        account_move(account, AccountStatus.BROKEN)


def _account_update_check(operation: Operation) -> None:
    if problem := update_problem(cast(Account, operation.subject)):
        raise Conflict(problem)


def _account_update_approval(operation: Operation) -> ApprovalNeed:
    if operation.plan.is_empty:
        nothing = f"Nothing to change: the baseline of {operation.subject_label} is what it should be."
        return ApprovalNeed(count=0, plan_hash=operation.plan.hash, nothing=nothing)
    return _second_person(operation)


def _canary_end(operation: Operation) -> None:
    if operation.status == S.SUCCEEDED:
        account_live(cast(Account, operation.subject), operation)


def _update_end(operation: Operation) -> None:
    environment = _locked(operation)
    if operation.status == S.SUCCEEDED:
        environment_spec_keep(environment, operation.parameters)
    standby_settle(environment)
    revision_keep(operation, environment)


def _deploy_end(operation: Operation) -> None:
    revision_keep(operation, _locked(operation))


def _resync_approval(operation: Operation) -> ApprovalNeed:
    return ApprovalNeed(count=0, plan_hash=operation.plan.hash, rule=RESYNC_RULE)


def _resync_end(operation: Operation) -> None:
    if operation.status == S.SUCCEEDED:
        environment_resynced(_locked(operation), operation.state["resynced"])


def _locked(operation: Operation) -> Environment:
    return Environment.objects.select_for_update().get(pk=operation.subject_id)


def _has_stacks(environment: Environment) -> bool:
    return bool(environment.stacks.exclude(status__in=["", "DELETE_COMPLETE"]).exists())


KINDS = (
    Kind(
        name="provision",
        title="Provision",
        claim_mode=ClaimMode.CHANGE,
        authorize=_environment_authorize,
        approval=approval_need,
        check=_provision_check,
        on_start=_provision_start,
        on_end=_provision_end,
        can_replan=True,
        on_replan=_provision_replan,
    ),
    Kind(
        name="teardown",
        title="Teardown",
        claim_mode=ClaimMode.END,
        authorize=_environment_authorize,
        approval=_teardown_approval,
        check=_teardown_check,
        on_start=_teardown_start,
        on_end=_teardown_end,
    ),
    Kind(
        name="update",
        title="Update",
        claim_mode=ClaimMode.CHANGE,
        authorize=_environment_authorize,
        approval=approval_need,
        check=_while(E.ACTIVE),
        on_end=_update_end,
        can_replan=True,
    ),
    Kind(
        name="deploy",
        title="Deployment",
        claim_mode=ClaimMode.CHANGE,
        authorize=_environment_authorize,
        approval=approval_need,
        check=_while(E.ACTIVE),
        on_end=_deploy_end,
        can_replan=True,
    ),
    Kind(
        name="extend",
        title="Extension",
        # A change may go on beside it; an end may not begin.
        claim_mode=ClaimMode.KEEP,
        authorize=_environment_authorize,
        approval=_extend_approval,
        check=extension_check,
        on_end=_extend_end,
    ),
    Kind(
        name="resync",
        title="Resync",
        claim_mode=ClaimMode.CHANGE,
        authorize=_environment_authorize,
        approval=_resync_approval,
        check=_while(*MAY_RESYNC),
        on_end=_resync_end,
    ),
    Kind(
        name="drift-fix",
        title="Drift fix",
        claim_mode=ClaimMode.CHANGE,
        authorize=_environment_authorize,
        approval=approval_need,
        check=_while(E.ACTIVE),
        can_replan=True,
    ),
    Kind(
        name="canary",
        title="Canary",
        claim_mode=ClaimMode.CHANGE,
        authorize=_account_authorize,
        approval=_second_person,
        check=_canary_check,
        on_end=_canary_end,
        scopes=_whole_account,
    ),
    *APPLICATION_KINDS,
    Kind(
        name="account-add",
        title="Adding",
        claim_mode=ClaimMode.CHANGE,
        authorize=_account_authorize,
        approval=_account_approval,
        on_end=_account_add_end,
        scopes=_whole_account,
    ),
    Kind(
        name="account-update",
        title="Update of the baseline",
        claim_mode=ClaimMode.CHANGE,
        authorize=_account_authorize,
        approval=_account_update_approval,
        check=_account_update_check,
        scopes=_whole_account,
    ),
)


def register() -> None:
    """Make the kinds known to the engine."""
    for kind in KINDS:
        kind_register(kind)
