"""Asking for an environment's end, and what the ends of operations do to it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from environments.errors import Conflict, Forbidden, InvalidFields
from environments.lifecycle.environments import environment_request, environment_withdraw
from environments.lifecycle.models import ApprovalRule, Environment
from environments.lifecycle.plans import approval_need, plan_hash, plan_store
from environments.lifecycle.states import ENVIRONMENT_MOVES, EnvironmentStatus
from environments.lifecycle.teardown import IRREVERSIBLE, environment_teardown
from environments.lifecycle.update import environment_update
from environments.operations.control import operation_cancel, operation_retry
from environments.operations.models import Operation, Stack
from environments.operations.moves import operation_end, operation_start_planning
from environments.operations.starting import operation_try_start
from environments.operations.states import OperationStatus

pytestmark = pytest.mark.django_db
COPIES = {"database": True, "uploads": False, "logs": False}
S, E = OperationStatus, EnvironmentStatus


@pytest.fixture
def provision(asked):
    return environment_request(**asked)


@pytest.fixture
def active(provision):
    Operation.objects.update(status=S.SUCCEEDED)
    Environment.objects.update(status=E.ACTIVE)
    return Environment.objects.get()


def test_teardown_says_which_copies_are_kept(active, lead):
    operation = environment_teardown(environment=active, confirm="orders", copies=COPIES, actor=lead)
    assert operation.parameters["copies"] == COPIES and operation.not_before is None
    assert operation.claim_mode == "end"


BAD = [
    ({"confirm": "order"}, "confirm", "Type orders"),
    ({"copies": {"database": True}}, "copies", "the uploaded files"),
    ({"copies": {"database": True, "uploads": "yes", "logs": False}}, "copies", "kept (true) or not (false)"),
    ({"copies": COPIES | {"attic": True}}, "copies", "attic is no store"),
]


@pytest.mark.parametrize(("change", "field", "words"), BAD)
def test_bad_input_is_told_at_its_field(active, lead, change, field, words):
    with pytest.raises(InvalidFields) as refusal:
        environment_teardown(
            **{"environment": active, "confirm": "orders", "copies": COPIES, "actor": lead} | change
        )
    assert words in refusal.value.errors[field]
    assert not Operation.objects.filter(kind="teardown").exists()


def test_protected_ones_refuse(active, lead):
    Environment.objects.update(is_protected=True)
    with pytest.raises(Conflict, match="is protected"):
        environment_teardown(environment=active, confirm="orders", copies=COPIES, actor=lead)


def test_prod_goes_after_seven_days_of_notice_that_can_be_undone(active, lead):
    Environment.objects.update(tier="prod")
    operation = environment_teardown(environment=active, confirm="orders", copies=COPIES, actor=lead)
    assert operation.not_before - timezone.now() > timedelta(days=6, hours=23)
    Operation.objects.filter(pk=operation.pk).update(status=S.QUEUED)
    operation.refresh_from_db()
    assert operation_try_start(operation) is False
    operation_cancel(operation_id=operation.pk, actor=lead)
    assert Environment.objects.get().status == E.ACTIVE


def test_an_engineer_cannot_tear_down(active, people):
    with pytest.raises(Forbidden):
        environment_teardown(environment=active, confirm="orders", copies=COPIES, actor=people["engineer"])


def test_a_request_that_never_came_up_has_nothing_to_tear_down(provision, lead):
    with pytest.raises(Conflict, match="nothing to tear down"):
        environment_teardown(environment=provision.subject, confirm="orders", copies=COPIES, actor=lead)


def begin(operation):
    Operation.objects.filter(pk=operation.pk).update(status=S.QUEUED)
    operation.refresh_from_db()
    assert operation_try_start(operation)


def test_a_provision_moves_its_environment_along(provision):
    begin(provision)
    assert Environment.objects.get().status == E.PROVISIONING
    provision.state = {"addresses": {"Address": "https://orders.dev.example.org"}}
    operation_end(provision, S.SUCCEEDED, sentence="Active.")
    environment = Environment.objects.get()
    assert environment.status == E.ACTIVE
    assert environment.addresses == {"Address": "https://orders.dev.example.org"}


@pytest.mark.parametrize("status", [S.FAILED, S.ERRORED])
def test_a_failed_first_deployment_is_broken_and_can_be_retried(provision, status):
    begin(provision)
    operation_end(provision, status, sentence="No.")
    assert Environment.objects.get().status == E.BROKEN
    begin(provision)
    assert Environment.objects.get().status == E.PROVISIONING


@pytest.mark.parametrize(
    ("stack_status", "becomes"), [("CREATE_COMPLETE", E.BROKEN), ("DELETE_COMPLETE", E.WITHDRAWN)]
)
def test_a_cancelled_deployment_is_broken_only_if_something_is_left(provision, stack_status, becomes):
    Stack.objects.create(
        subject=provision.subject, account_id="1", region="eu", key="network", name="n", status=stack_status
    )
    begin(provision)
    Operation.objects.update(status=S.CANCELLING)
    provision.refresh_from_db()
    operation_end(provision, S.CANCELLED, sentence="Cancelled.")
    assert Environment.objects.get().status == becomes


def test_a_rejected_request_is_withdrawn(provision):
    Operation.objects.update(status=S.AWAITING_APPROVAL)
    provision.refresh_from_db()
    operation_end(provision, S.REJECTED, sentence="No.")
    assert Environment.objects.get().status == E.WITHDRAWN
    assert Environment.objects.get().gone_at is not None


def test_a_teardown_ends_it_and_frees_the_name(active, lead, asked):
    operation = environment_teardown(environment=active, confirm="orders", copies=COPIES, actor=lead)
    begin(operation)
    assert Environment.objects.get().status == E.TEARING_DOWN
    Operation.objects.update(state={**operation.state, IRREVERSIBLE: True})
    operation.refresh_from_db()
    operation_end(operation, S.FAILED, sentence="Left over: 1.")
    assert Environment.objects.get().status == E.TEARING_DOWN
    begin(operation)
    operation_end(operation, S.SUCCEEDED, sentence="Gone.")
    assert Environment.objects.get().status == E.TORN_DOWN
    assert environment_request(**asked).subject.cidr == active.cidr


@pytest.mark.parametrize("end", [S.FAILED, S.ERRORED, S.CANCELLED])
def test_a_teardown_that_ends_before_anything_irreversible_leaves_it_as_it_was(active, lead, end):
    operation = environment_teardown(environment=active, confirm="orders", copies=COPIES, actor=lead)
    begin(operation)
    Operation.objects.update(status=S.CANCELLING if end == S.CANCELLED else S.RUNNING)
    operation.refresh_from_db()
    operation_end(operation, end, sentence="orders was protected meanwhile.")
    assert Environment.objects.get().status == E.ACTIVE


def test_what_failed_is_not_retried_on_an_environment_that_has_moved_on(provision, lead):
    """Its planning failed, the request was withdrawn: nothing may bring it back."""
    Operation.objects.update(status=S.PLANNING)
    provision.refresh_from_db()
    operation_end(provision, S.FAILED, sentence="No facts.")
    environment_withdraw(environment=Environment.objects.get(), actor=lead)
    with pytest.raises(Conflict, match="orders is withdrawn: nothing is left to provision"):
        operation_retry(operation_id=provision.pk, actor=lead)
    assert Operation.objects.get().status == S.FAILED


def test_an_update_is_not_retried_once_its_environment_is_torn_down(active, lead):
    update = environment_update(environment=active, changes={"log_retention_days": 7}, actor=lead)
    Operation.objects.filter(pk=update.pk).update(status=S.FAILED, phase="execute", ended_at=timezone.now())
    Environment.objects.update(status=E.TORN_DOWN)
    with pytest.raises(Conflict, match="torn-down"):
        operation_retry(operation_id=update.pk, actor=lead)


def plan_for(operation, cost="100.00"):
    return plan_store(operation, document={"stacks": []}, hashed={"spec": 1}, cost={"total": cost})


def test_small_cheap_dev_is_approved_by_rule_and_everything_else_by_a_person(provision, asked):
    plan_for(provision)
    need = approval_need(provision)
    assert need.count == 0 and "no approval" in need.rule
    plan_for(provision, "401.00")
    provision.refresh_from_db()
    assert approval_need(provision).count == 1
    for change in ({"name": "cart", "size": "medium"}, {"name": "billing", "tier": "staging"}):
        other = environment_request(**asked | change)
        plan_for(other)
        assert approval_need(other).count == 1


def test_a_disabled_rule_approves_nothing(provision):
    ApprovalRule.objects.update(is_enabled=False)
    plan_for(provision)
    assert approval_need(provision).count == 1


def test_the_hash_knows_content_and_not_order():
    assert (
        plan_hash({"a": 1, "b": [1, 2]})
        == plan_hash({"b": [1, 2], "a": 1})
        != plan_hash({"a": 1, "b": [2, 1]})
    )


def test_planning_failure_leaves_a_request_that_can_be_retried(provision):
    operation_start_planning(provision)
    operation_end(provision, S.FAILED, sentence="No facts.")
    assert Environment.objects.get().status == E.REQUESTED


def test_every_status_has_a_row_of_moves():
    assert set(ENVIRONMENT_MOVES) == set(EnvironmentStatus.values)
