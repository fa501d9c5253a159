"""What events do to rows: doubled, late and disordered ones do no harm."""

import json
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from blueprint_cdk.baseline import events
from environments.lifecycle.models import Account
from environments.operations.kinds import ApprovalNeed, Kind, kind_register
from environments.operations.models import Event, Operation, Resource, Stack, Step
from environments.operations.opening import operation_open
from environments.operations.states import ClaimMode
from environments.people.models import Team, User
from workers import rows
from workers.intake import take_in
from workers.models import Watch
from workers.needs import quiet_groups
from workers.observer import (
    LATE_S,
    SOON_S,
    observe,
    steps_wake,
    watch_end,
    watch_keep,
    watch_take,
)
from workers.rows import status_rank

pytestmark = pytest.mark.django_db(transaction=True)
NAME = "sy-shop-k3x9-data"
ARN = f"arn:aws:cloudformation:eu-west-1:111122223333:stack/{NAME}/0a1b"
BEGAN = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)

kind_register(
    Kind(
        name="observer-test",
        title="Observing",
        claim_mode=ClaimMode.CHANGE,
        authorize=lambda actor, verb, operation: None,
        approval=lambda operation: ApprovalNeed(count=0, plan_hash="h" * 64, rule="Tests need none"),
    )
)


@pytest.fixture
def stack():
    team = Team.objects.create(name="Shop", slug="shop")
    user = User.objects.create(username="ada")
    operation = operation_open(kind="observer-test", subject=team, scope="111122223333/eu-west-1", actor=user)
    return Stack.objects.create(
        subject_type=ContentType.objects.get_for_model(Team),
        subject_id=team.pk,
        account_id="111122223333",
        region="eu-west-1",
        key="data",
        name=NAME,
        stack_id=ARN,
        status="CREATE_IN_PROGRESS",
        last_token="token-1",
        seen_at=timezone.now(),
        operation=operation,
    )


def event(
    status, seconds=0, *, logical_id="", token="token-1", arn=ARN, reason="", kind="AWS::RDS::DBCluster"
):
    detail = {
        "stack-id": arn,
        "status-details": {"status": status, "status-reason": reason},
        "client-request-token": token,
    }
    if logical_id:
        detail |= {"logical-resource-id": logical_id, "physical-resource-id": "id-1", "resource-type": kind}
    return json.dumps({"time": (BEGAN + timedelta(seconds=seconds)).isoformat(), "detail": detail})


def take(*bodies):
    take_in("111122223333", "eu-west-1", bodies)


def lines():
    return list(
        Event.objects.exclude(kind="operation.requested").order_by("number").values_list("text", flat=True)
    )


def test_resources_and_lines_are_written_in_the_order_of_things(stack):
    take(
        event("CREATE_COMPLETE", 60, logical_id="Cluster"),
        event("CREATE_IN_PROGRESS", 0, logical_id="Cluster"),
    )
    row = Resource.objects.get()
    assert (row.status, row.type, row.physical_id) == ("CREATE_COMPLETE", "AWS::RDS::DBCluster", "id-1")
    assert (row.ended_at - row.started_at) == timedelta(seconds=60)
    assert lines() == [
        "AWS::RDS::DBCluster Cluster: CREATE_IN_PROGRESS",
        "AWS::RDS::DBCluster Cluster: CREATE_COMPLETE",
    ]
    assert Event.objects.filter(step_key="data", kind="resource.create-complete").exists()


def test_doubled_and_late_events_change_nothing(stack):
    take(event("CREATE_COMPLETE", 60, logical_id="Cluster"))
    take(
        event("CREATE_COMPLETE", 60, logical_id="Cluster"),
        event("CREATE_IN_PROGRESS", 0, logical_id="Cluster"),
    )
    assert Resource.objects.get().status == "CREATE_COMPLETE" and len(lines()) == 1


def test_within_one_second_the_further_status_wins(stack):
    take(event("CREATE_COMPLETE", 0, logical_id="Cluster"))
    take(event("CREATE_IN_PROGRESS", 0, logical_id="Cluster"))
    assert Resource.objects.get().status == "CREATE_COMPLETE"
    take(event("DELETE_IN_PROGRESS", 0, logical_id="Cluster"))
    assert Resource.objects.get().status == "DELETE_IN_PROGRESS"


def test_a_stack_goes_forward_whatever_the_clock_of_its_events(stack):
    """AWS tells whole seconds: an event can seem older than our own last look."""
    take(event("CREATE_COMPLETE", -3600))
    stack.refresh_from_db()
    assert stack.status == "CREATE_COMPLETE"
    take(event("CREATE_IN_PROGRESS", 3600))
    stack.refresh_from_db()
    assert stack.status == "CREATE_COMPLETE"


def test_events_of_another_life_of_the_stack_are_not_ours(stack):
    other = ARN.replace("0a1b", "ffff")
    take(
        event("ROLLBACK_COMPLETE", 10, arn=other, token="older"),
        event("CREATE_FAILED", 10, arn=other, logical_id="X"),
    )
    stack.refresh_from_db()
    assert (stack.stack_id, stack.status) == (ARN, "CREATE_IN_PROGRESS")
    assert not Resource.objects.exists() and lines() == []


def test_events_that_come_before_the_answer_of_the_call_find_the_row_by_token(stack):
    Stack.objects.update(stack_id="", status="")
    take(event("CREATE_IN_PROGRESS", 0), event("CREATE_IN_PROGRESS", 1, logical_id="Cluster"))
    stack.refresh_from_db()
    assert (stack.stack_id, stack.status) == (ARN, "CREATE_IN_PROGRESS") and Resource.objects.count() == 1


@pytest.mark.parametrize(
    "body", ["", "[]", "{}", '{"detail": {}}', '{"time": "x", "detail": {"stack-id": "a"}}']
)
def test_what_is_no_event_is_dropped(stack, body):
    take(body, event("CREATE_COMPLETE", 60, logical_id="Cluster"))
    assert Resource.objects.count() == 1


def test_a_stack_at_rest_wakes_the_step_that_waits_for_it(stack):
    Operation.objects.update(status="running", wake_at=timezone.now() + timedelta(seconds=30))
    step = Step.objects.create(
        operation=stack.operation,
        key="data",
        title="Database",
        phase="execute",
        position=0,
        status="waiting",
        waits_for="aws",
        wake_at=timezone.now() + timedelta(seconds=30),
        parameters={"stack_name": NAME},
    )
    steps_wake("111122223333/eu-west-1")
    step.refresh_from_db()
    assert step.wake_at > timezone.now() + timedelta(seconds=20)
    take(event("CREATE_COMPLETE"))
    steps_wake("111122223333/eu-west-1")
    step.refresh_from_db()
    assert step.wake_at <= timezone.now() and Operation.objects.get().wake_at <= timezone.now()


def test_one_observer_at_a_time(db):
    first = watch_take("1/eu")
    assert first and watch_take("1/eu") is None and watch_keep("1/eu", first)
    watch_end("1/eu", first)
    second = watch_take("1/eu")
    assert second and not watch_keep("1/eu", first)


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("", "CREATE_IN_PROGRESS"),
        ("CREATE_IN_PROGRESS", "CREATE_COMPLETE"),
        ("CREATE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS"),
        ("ROLLBACK_IN_PROGRESS", "ROLLBACK_COMPLETE"),
        ("UPDATE_IN_PROGRESS", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"),
        ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_COMPLETE"),
        ("UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS"),
        ("UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"),
        ("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE"),
        ("CREATE_COMPLETE", "DELETE_IN_PROGRESS"),
        ("DELETE_IN_PROGRESS", "DELETE_FAILED"),
    ],
)
def test_statuses_have_an_order_within_one_operation(earlier, later):
    assert status_rank(later) > status_rank(earlier)


def test_silence_makes_the_observer_patient_and_its_end_ends_it(stack, sandbox):
    """Calls per hour of a long deployment stay few; none after the last operation has ended."""
    account = Account.objects.create(
        name="one",
        account_id="111122223333",
        mode="sandbox",
        is_on_sandbox=True,
        regions=["eu-west-1"],
        zone_name="a.example.org",
    )
    Operation.objects.update(status="running")
    scope = "111122223333/eu-west-1"
    token = watch_take(scope)
    assert observe(account, "eu-west-1", token) == SOON_S
    Watch.objects.update(observed_at=timezone.now() - timedelta(seconds=20))
    assert observe(account, "eu-west-1", token) == pytest.approx(2.0, abs=0.2)
    Watch.objects.update(observed_at=timezone.now() - timedelta(seconds=10_000))
    assert observe(account, "eu-west-1", token) == LATE_S
    Operation.objects.update(status="succeeded")
    assert observe(account, "eu-west-1", token) is None


def test_handled_messages_are_deleted_by_the_ten_and_the_rest_at_the_end(account, sandbox, keys):
    sqs = sandbox.client("sqs", keys)
    queue_url = account.baseline["eu-west-1"]["queue_url"]
    token = watch_take(f"{account.account_id}/eu-west-1")
    while observe(account, "eu-west-1", token) is not None:
        pass  # what the account's own adding has left

    def hidden():
        # An earlier test may have been handed some that it never deleted.
        left = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["All"])["Attributes"]
        assert left["ApproximateNumberOfMessages"] == "0"
        return left["ApproximateNumberOfMessagesNotVisible"]

    before = hidden()
    for number in range(23):
        body = event("CREATE_COMPLETE", 60, logical_id=f"Rule{number}")
        sqs.send_message(QueueUrl=queue_url, MessageBody=body)
    begun = sandbox.control("GET", "requests/counts")["last"]

    def calls():
        counted = sandbox.control("GET", "requests/counts", after=begun)["by_operation"]
        return counted.get("sqs.ReceiveMessage", 0), counted.get("sqs.DeleteMessageBatch", 0)

    assert observe(account, "eu-west-1", token) is not None
    assert calls() == (3, 2) and len(Watch.objects.get().handled) == 3
    assert observe(account, "eu-west-1", token) is None
    assert calls() == (4, 3) and Watch.objects.get().handled == []
    assert hidden() == before


def test_quiet_types_are_those_that_the_baselines_rule_leaves_out():
    assert rows.QUIET == events.QUIET


def test_quiet_resources_count_once_what_they_wait_for_is_there(stack):
    template = {
        "Resources": {
            "Vpc": {"Type": "AWS::EC2::VPC"},
            "Table": {"Type": "AWS::EC2::RouteTable", "Properties": {"VpcId": {"Ref": "Vpc"}}},
            "Nat": {"Type": "AWS::EC2::NatGateway", "DependsOn": ["Vpc"]},
            "Route": {
                "Type": "AWS::EC2::Route",
                "Properties": {
                    "RouteTableId": {"Ref": "Table"},
                    "NatGatewayId": {"Fn::GetAtt": ["Nat", "NatGatewayId"]},
                    "Text": {"Fn::Sub": "${AWS::Region} ${Vpc.Id}"},
                },
            },
        }
    }
    groups = quiet_groups(template)
    assert groups == [(["Nat", "Vpc"], 1), (["Vpc"], 1)]
    step = Step.objects.create(
        operation=stack.operation,
        key="data",
        title="Database",
        phase="execute",
        position=0,
        status="waiting",
        progress_total=4,
        parameters={"stack_name": NAME},
        state={"quiet": groups},
    )

    def done():
        step.refresh_from_db()
        return step.progress_done

    take(event("CREATE_COMPLETE", 1, logical_id="Vpc", kind="AWS::EC2::VPC"))
    assert done() == 2
    take(event("CREATE_IN_PROGRESS", 2, logical_id="Nat", kind="AWS::EC2::NatGateway"))
    assert done() == 2
    take(event("CREATE_COMPLETE", 3, logical_id="Nat", kind="AWS::EC2::NatGateway"))
    assert done() == 4


def test_a_deleted_stack_holds_nothing_but_what_was_to_stay(stack):
    take(
        event("CREATE_COMPLETE", 1, logical_id="Table", kind="AWS::EC2::RouteTable"),
        event("DELETE_SKIPPED", 2, logical_id="Bucket", kind="AWS::S3::Bucket"),
    )
    take(event("DELETE_COMPLETE", 3))
    assert dict(Resource.objects.values_list("logical_id", "status")) == {
        "Table": "DELETE_COMPLETE",
        "Bucket": "DELETE_SKIPPED",
    }


def test_a_listing_and_events_of_the_same_resources_wait_for_each_other(stack):
    """Both lock the stack's row and write the rows of its resources: in one order, or PostgreSQL ends one of them."""
    listed = {
        "LogicalResourceId": "Cluster",
        "ResourceType": "AWS::RDS::DBCluster",
        "ResourceStatus": "CREATE_COMPLETE",
    }
    failures = []

    def fill():
        try:
            rows.resources_fill(stack.pk, [listed])
        except DatabaseError as error:
            failures.append(error)
        finally:
            connection.close()

    listing = threading.Thread(target=fill)
    with transaction.atomic():
        Stack.objects.select_for_update().get(pk=stack.pk)
        listing.start()
        deadline = time.monotonic() + 10
        while not waiting_for_a_lock():
            assert time.monotonic() < deadline and listing.is_alive(), failures
            time.sleep(0.02)
        take(event("CREATE_IN_PROGRESS", 0, logical_id="Cluster"))
    listing.join(10)
    assert not listing.is_alive() and failures == []
    assert Resource.objects.get().status == "CREATE_COMPLETE"


def waiting_for_a_lock():
    """Whether somebody in this database waits for what another one holds."""
    query = (
        "SELECT EXISTS (SELECT 1 FROM pg_locks JOIN pg_stat_activity USING (pid) "
        "WHERE NOT granted AND datname = current_database())"
    )
    with connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchone()[0]
