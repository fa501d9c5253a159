"""The engine's loop on a workflow of its own: graph, waits, faults, cancel, pause, leases."""

import dataclasses
import itertools
from datetime import timedelta

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from django.utils import timezone

from environments.errors import Conflict
from environments.operations import control, pauses
from environments.operations.kinds import ApprovalNeed, Kind, kind_register
from environments.operations.leases import LeaseLost, lease_take
from environments.operations.models import Claim, Operation
from environments.operations.opening import operation_open
from environments.operations.selectors import operations_due
from environments.operations.states import ClaimMode, OperationStatus
from environments.people.models import PortalRole, Team, User
from workers.runner import advance
from workers.workflow import (
    Done,
    StepFailed,
    StepSpec,
    Wait,
    Workflow,
    workflow_get,
    workflow_register,
)

pytestmark = pytest.mark.django_db(transaction=True)
S = OperationStatus

KIND = Kind(
    name="runner-test",
    title="Running",
    claim_mode=ClaimMode.CHANGE,
    authorize=lambda actor, verb, operation: None,
    approval=lambda operation: ApprovalNeed(count=0, plan_hash="h" * 64, rule="Tests need none"),
)
kind_register(KIND)


class Script:
    """What the steps do: per function, the outcomes in turn; the last one is repeated."""

    def __init__(self):
        self.outcomes, self.calls = {}, []

    def __call__(self, name):
        def run(context):
            self.calls.append(name)
            turns = self.outcomes.get(name)
            outcome = Done("ok") if turns is None else next(turns)
            if isinstance(outcome, BaseException):
                raise outcome
            return outcome(context) if callable(outcome) else outcome

        return run

    def set(self, name, *outcomes):
        self.outcomes[name] = itertools.chain(outcomes, itertools.repeat(outcomes[-1]))


@pytest.fixture
def script():
    script = Script()
    workflow_register(
        Workflow(
            kind="runner-test",
            plan=[StepSpec("look", "Look", "look")],
            execute=lambda operation: [
                StepSpec("network", "Network", "network"),
                StepSpec("data", "Data", "data", needs=["network"]),
                StepSpec("storage", "Storage", "storage", needs=["network"]),
                StepSpec("app", "App", "app", needs=["data", "storage"]),
            ],
            functions={name: script(name) for name in ("look", "network", "data", "storage", "app")},
            cancels={"data": script("stop-data")},
            succeeded=lambda operation: "All there.",
        )
    )
    return script


@pytest.fixture
def ada():
    return User.objects.create(username="ada", portal_role=PortalRole.ADMINISTRATOR)


@pytest.fixture
def operation(ada):
    team = Team.objects.create(name="Shop", slug="shop")
    return operation_open(kind="runner-test", subject=team, scope="1/eu", actor=ada)


def now_due(operation):
    operation.steps.update(wake_at=timezone.now())
    Operation.objects.filter(pk=operation.pk).update(wake_at=timezone.now())


def run(operation, times=1):
    for _ in range(times):
        now_due(operation)
        advance(operation.pk)
    operation.refresh_from_db()
    return operation


def statuses(operation):
    return dict(operation.steps.values_list("key", "status"))


def test_one_look_runs_all_that_can_run(operation, script):
    run(operation)
    assert (operation.status, operation.sentence) == (S.SUCCEEDED, "All there.")
    assert script.calls[0:2] == ["look", "network"] and script.calls[-1] == "app"
    assert operation.lease_token is None and not Claim.objects.exists()
    numbers = list(operation.events.values_list("number", flat=True))
    assert numbers == list(range(1, len(numbers) + 1)) and operation.event_count == len(numbers)


def test_independent_steps_go_on_while_one_waits(operation, script):
    script.set("data", Wait("creating", seconds=60))
    advance(operation.pk)
    operation.refresh_from_db()
    assert statuses(operation) == {
        "look": "succeeded",
        "network": "succeeded",
        "data": "waiting",
        "storage": "succeeded",
        "app": "pending",
    }
    assert operation.sentence == "Data: creating" and operation.lease_token is None
    assert timedelta(seconds=50) < operation.wake_at - timezone.now() < timedelta(seconds=61)


def test_first_looks_come_quickly_and_then_ever_later(operation, script):
    script.set("network", Wait("creating"))
    for seconds in (0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30, 30):
        wait, before = timedelta(seconds=seconds), timezone.now()
        run(operation)
        assert before + wait <= operation.steps.get(key="network").wake_at <= timezone.now() + wait


def test_progress_is_shown_and_full_when_the_step_is_done(operation, script):
    script.set("data", Wait("creating", seconds=60, done=3, total=13), Done("ok"))
    run(operation)
    step = operation.steps.get(key="data")
    assert (step.progress_done, step.progress_total) == (3, 13)
    run(operation)
    step.refresh_from_db()
    assert (step.progress_done, step.progress_total) == (13, 13)


def test_state_of_a_done_step_is_shared(operation, script):
    script.set("network", Done("ok", state={"vpc": "vpc-1"}))
    assert run(operation).state == {"vpc": "vpc-1"}


def test_a_lasting_no_fails_with_sentence_and_retry_resumes_there(operation, script, ada):
    script.set(
        "data", StepFailed("The cluster name is taken.", resource="Cluster", remedy="Rename."), Done("ok")
    )
    run(operation)
    assert operation.status == S.FAILED
    assert operation.sentence == "Data: The cluster name is taken."
    assert operation.failure["step"] == "data" and operation.failure["resource"] == "Cluster"
    assert not Claim.objects.exists()
    control.operation_retry(operation_id=operation.pk, actor=ada)
    run(operation)
    assert operation.status == S.SUCCEEDED
    assert script.calls.count("network") == 1 and script.calls.count("data") == 2


def test_our_own_mistake_is_errored_and_says_where_to_look(operation, script):
    script.set("data", KeyError("oops"))
    run(operation)
    assert operation.status == S.ERRORED
    assert "Switchyard made a mistake here (KeyError, reference" in operation.sentence


def aws_error(code, message="Rate exceeded", status=400):
    response = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(response, "CreateStack")


PASSING = [
    aws_error("Throttling"),
    aws_error("InternalFailure", status=500),
    aws_error("ExpiredToken", status=403),
    aws_error("RequestExpired", "Request has expired."),
    aws_error("ConditionalRequestConflict", status=409),
    aws_error("OperationAborted", status=409),
    EndpointConnectionError(endpoint_url="http://aws"),
]


@pytest.mark.parametrize("fault", PASSING, ids=lambda fault: type(fault).__name__ + str(fault)[-30:])
def test_passing_faults_wait_say_so_and_go_on(operation, script, fault):
    script.set("network", fault, fault, Done("ok"))
    run(operation)
    assert operation.status == S.WAITING and "next try is in" in operation.sentence
    assert operation.steps.get(key="network").faults == 1
    run(operation, 2)
    assert operation.status == S.SUCCEEDED


def test_a_missing_permission_fails_and_names_action_and_resource(operation, script):
    message = (
        "User: arn:aws:sts::1:assumed-role/R/S is not authorized to perform: rds:CreateDBCluster on resource:"
        " arn:aws:rds:eu:1:cluster:x because no identity-based policy allows it"
    )
    script.set("network", aws_error("AccessDenied", message, 403))
    run(operation)
    assert operation.status == S.FAILED
    assert "may not call rds:CreateDBCluster on arn:aws:rds:eu:1:cluster:x" in operation.sentence
    assert "deploy its current template" in operation.failure["remedy"]


def test_a_step_over_its_time_limit_fails(operation, script):
    script.set("network", Wait("creating"))
    run(operation)
    operation.steps.filter(key="network").update(started_at=timezone.now() - timedelta(hours=2))
    run(operation)
    assert operation.status == S.FAILED and "longer than its limit of 60 min" in operation.sentence


def test_cancel_stops_what_is_under_way_and_begins_nothing(operation, script, ada):
    script.set("data", Wait("creating"))
    script.set("stop-data", Wait("deleting"), Done("deleted"))
    run(operation)
    control.operation_cancel(operation_id=operation.pk, actor=ada)
    run(operation)
    assert operation.status == S.CANCELLING
    run(operation)
    assert operation.status == S.CANCELLED
    assert statuses(operation)["app"] == "cancelled" and "app" not in script.calls


def test_cancel_while_a_worker_is_in_the_middle_is_seen(operation, script, ada):
    script.set(
        "network",
        lambda context: control.operation_cancel(operation_id=operation.pk, actor=ada) and Done("ok"),
    )
    run(operation)
    assert operation.status == S.CANCELLED
    assert "data" not in script.calls


def test_pause_of_everything_holds_every_operation(operation, script, ada):
    pauses.pause_set(reason="incident", actor=ada)
    run(operation)
    assert operation.status == S.PENDING and script.calls == []
    pauses.pause_lift(actor=ada)
    assert run(operation).status == S.SUCCEEDED


def test_a_pause_is_honoured_between_two_steps_that_are_ready(operation, script, ada):
    script.set("data", lambda context: pauses.pause_set(reason="incident", actor=ada) and Done("ok"))
    run(operation)
    assert statuses(operation)["data"] == "succeeded" and "storage" not in script.calls
    pauses.pause_lift(actor=ada)
    assert run(operation).status == S.SUCCEEDED


def test_a_paused_operation_that_had_begun_is_stopped_step_by_step_when_cancelled(operation, script, ada):
    script.set("data", Wait("creating"))
    script.set("stop-data", Done("deleted"))
    run(operation)
    kind_register(recovery := Kind(**{**KIND.__dict__, "name": "runner-recover", "claim_mode": "recover"}))
    workflow_register(
        Workflow(
            recovery.name,
            [StepSpec("look", "Look", "look")],
            lambda o: [StepSpec("flip", "Flip", "flip")],
            {"look": script("look"), "flip": script("flip")},
        )
    )
    script.set("flip", Wait("flipping"), Done("ok"))
    second = operation_open(kind=recovery.name, subject=operation.subject, scope="1/eu", actor=ada)
    run(second)
    operation.refresh_from_db()
    assert (second.status, operation.status) == (S.RUNNING, S.PAUSED)
    with pytest.raises(Conflict, match=f"Operation {second.pk}"):
        control.operation_cancel(operation_id=operation.pk, actor=ada)
    assert run(second).status == S.SUCCEEDED
    control.operation_cancel(operation_id=operation.pk, actor=ada)
    run(operation)
    assert operation.status == S.CANCELLED and "stop-data" in script.calls


def guarded(script, **fields):
    """A kind of its own on the same steps."""
    kind = Kind(**{**KIND.__dict__, "name": f"guarded-{'-'.join(fields)}", **fields})
    kind_register(kind)
    workflow_register(
        Workflow(
            kind.name,
            [StepSpec("look", "Look", "look")],
            lambda operation: [StepSpec("network", "Network", "network")],
            {"look": script("look"), "network": script("network")},
        )
    )
    return kind


def refuse_gone(operation):
    if operation.subject.name == "Gone":
        raise Conflict("The team is gone.")


def test_what_cannot_begin_any_more_fails_with_a_sentence(script, ada):
    kind = guarded(script, check=refuse_gone)
    gone = Team.objects.create(name="Gone", slug="gone")
    operation = run(operation_open(kind=kind.name, subject=gone, actor=ada))
    assert (operation.status, operation.sentence) == (S.FAILED, "It cannot begin: The team is gone.")
    assert "network" not in script.calls and not Claim.objects.exists()
    with pytest.raises(Conflict, match="The team is gone"):
        control.operation_retry(operation_id=operation.pk, actor=ada)


@pytest.mark.parametrize("moment", ["on_start", "on_end"])
def test_our_own_mistake_at_a_start_or_an_end_is_errored_and_not_tried_for_ever(script, ada, moment):
    def mistake(_operation):
        raise RuntimeError("oops")

    kind = guarded(script, **{moment: mistake})
    team = Team.objects.create(name="Shop", slug="shop")
    operation = run(operation_open(kind=kind.name, subject=team, actor=ada), 2)
    assert operation.status == S.ERRORED and "RuntimeError" in operation.sentence
    assert operation.pk not in operations_due() and not Claim.objects.exists()


def test_a_mistake_before_the_first_step_is_errored_and_can_be_retried(script, ada):
    kind = guarded(script)
    good = workflow_get(kind.name)
    workflow_register(dataclasses.replace(good, plan=[StepSpec("look", None, "look")]))
    team = Team.objects.create(name="Shop", slug="shop")
    operation = run(operation_open(kind=kind.name, subject=team, actor=ada), 2)
    assert operation.status == S.ERRORED and script.calls == []
    workflow_register(good)
    control.operation_retry(operation_id=operation.pk, actor=ada)
    assert run(operation).status == S.SUCCEEDED


def test_a_second_worker_finds_the_lease_taken(operation, script):
    lease = lease_take(operation.pk, worker="other")
    advance(operation.pk)
    assert script.calls == []
    lease.release(wake_at=None)
    assert run(operation).status == S.SUCCEEDED


def test_a_late_worker_writes_nothing(operation, script):
    """Its lease passes in the middle of a step; another one finishes; the late one's outcome is dropped."""
    late = []

    def slow(context):
        if not late:
            late.append(context)
            Operation.objects.filter(pk=operation.pk).update(
                lease_until=timezone.now() - timedelta(seconds=1)
            )
            now_due(operation)
            advance(operation.pk)
            with pytest.raises(LeaseLost):
                context.remember(late=True)
            with pytest.raises(LeaseLost):
                context._before_call("cloudformation", "CreateStack")
            return Done("from the late one", state={"late": True})
        return Done("in time", state={"late": False})

    script.set("network", slow)
    run(operation)
    assert operation.status == S.SUCCEEDED and operation.state == {"late": False}
    assert operation.events.filter(step_key="network", kind="step.succeeded").count() == 1


def test_doubled_message_runs_nothing_twice(operation, script):
    run(operation, 3)
    assert all(script.calls.count(name) == 1 for name in set(script.calls))


def test_a_queued_operation_says_who_blocks_it_and_is_woken_at_the_end(operation, script, ada):
    script.set("data", Wait("creating", seconds=60), Done("ok"))
    run(operation)
    kind_register(other := Kind(**{**KIND.__dict__, "name": "runner-test-2"}))
    workflow_register(
        Workflow(other.name, [StepSpec("look", "Look", "look")], lambda o: [], {"look": script("look")})
    )
    second = operation_open(kind=other.name, subject=operation.subject, scope="1/eu", actor=ada)
    advance(second.pk)
    second.refresh_from_db()
    assert second.status == S.QUEUED and second.blocked_by_id == operation.pk
    assert second.sentence.startswith(f"Queued: blocked by operation {operation.pk} (runner-test, running)")
    run(operation)
    assert run(second).status == S.SUCCEEDED


def test_a_broker_that_is_down_only_delays(operation, script, ada, valkey):
    """The request is recorded at once; the tick starts it later."""
    valkey.stop()
    try:
        began = timezone.now()
        other = Team.objects.create(name="Platform", slug="platform")
        second = operation_open(kind="runner-test", subject=other, scope="1/eu", actor=ada)
        assert timezone.now() - began < timedelta(seconds=3)
    finally:
        valkey.start()
    assert second.status == S.PENDING and second.pk in operations_due()
    assert run(second).status == S.SUCCEEDED
