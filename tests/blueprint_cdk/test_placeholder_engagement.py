"""The placeholder's usage events and notifications, as a real process on the local AWS: from an event to a message."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from blueprint_cdk.constructs.analytics import COLUMNS, queries
from blueprint_cdk.placeholder.app import notifications
from blueprint_cdk.placeholder.app.aws import Unavailable
from blueprint_cdk.placeholder.app.orders import BadOrder, Orders, order_of
from blueprint_cdk.placeholder.app.usage import event_of
from devtools.sandbox import Keys, Sandbox
from sandbox import parquet
from tests.blueprint_cdk.test_placeholder import Running, start, stop
from tests.sandbox.types.engagement import (
    DATABASE,
    RESOURCES,
    STREAM,
    WORKGROUP,
    columns,
    domain_of,
    of_account,
)
from tests.sandbox.types.support import Aws, OneStack, Resources, ref, wanted_by

ACCOUNT = "210000000015"
TABLE = "devices"
DOMAIN = domain_of(ACCOUNT)
ENOUGH_S = 30.0


def resources() -> Resources:
    """A stream, a table with the blueprint's columns and queries; a push application, a domain, devices, a queue."""
    names = ("Stream", "Workgroup", "Results", "Google", "Mails", "Dkim1", "Dkim2", "Dkim3", "Bounces")
    wanted = {name: row for one in names for name, row in wanted_by(RESOURCES, one).items()}
    copied: Resources = json.loads(json.dumps(wanted))
    described = copied["Table"]["Properties"]["TableInput"]["StorageDescriptor"]
    described["Columns"] = columns(**{name: kind for name, kind, _ in COLUMNS})
    for query in queries():
        copied[query.name.title().replace("-", "")] = {
            "Type": "AWS::Athena::NamedQuery",
            "Properties": {
                "Name": query.name,
                "Database": ref("Database"),
                "WorkGroup": ref("Workgroup"),
                "QueryString": query.text,
            },
        }
    copied["Devices"] = {
        "Type": "AWS::DynamoDB::GlobalTable",
        "Properties": {
            "TableName": TABLE,
            "AttributeDefinitions": [
                {"AttributeName": name, "AttributeType": "S"} for name in ("user_sub", "token")
            ],
            "KeySchema": [
                {"AttributeName": "user_sub", "KeyType": "HASH"},
                {"AttributeName": "token", "KeyType": "RANGE"},
            ],
            "BillingMode": "PAY_PER_REQUEST",
            "Replicas": [{"Region": "eu-west-1"}],
        },
    }
    copied["Orders"] = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "orders"}}
    return of_account(copied, ACCOUNT)


@pytest.fixture(scope="module")
def keys(sandbox: Sandbox) -> Keys:
    return sandbox.account(ACCOUNT)


@pytest.fixture(scope="module")
def aws(sandbox: Sandbox, keys: Keys) -> Aws:
    return Aws(sandbox, keys)


@pytest.fixture(scope="module")
def ids(aws: Aws) -> dict[str, str]:
    return OneStack(aws, "placeholder").create(resources())


@pytest.fixture(scope="module")
def settings(sandbox: Sandbox, keys: Keys, ids: dict[str, str]) -> dict[str, str]:
    """What the application is told."""
    return {
        "AWS_ENDPOINT_URL": sandbox.url,
        "AWS_ACCESS_KEY_ID": keys.access_key_id,
        "AWS_SECRET_ACCESS_KEY": keys.secret_access_key,
        "AWS_REGION": "eu-west-1",
        "EVENTS_STREAM": STREAM,
        "ATHENA_WORKGROUP": WORKGROUP,
        "DEVICES_TABLE": TABLE,
        "ORDERS_QUEUE": ids["Orders"],
        "PUSH_APPLICATION_ID": ids["Push"],
        "MAIL_DOMAIN": DOMAIN,
        "MAIL_CONFIGURATION_SET": "types",
    }


@pytest.fixture(scope="module")
def placeholder(tmp_path_factory: pytest.TempPathFactory, settings: dict[str, str]) -> Iterator[Running]:
    running = start(tmp_path_factory.mktemp("data"), **settings)
    yield running
    assert stop(running) == 0


def soon(look: Callable[[], Any]) -> Any:
    until = time.monotonic() + ENOUGH_S
    while time.monotonic() < until:
        found = look()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError("It did not come in time.")


def events_in(aws: Aws) -> int:
    """How many events the table has."""
    athena = aws("athena")
    id = athena.start_query_execution(
        QueryString="SELECT count(*) AS n FROM events",
        QueryExecutionContext={"Database": DATABASE},
        WorkGroup=WORKGROUP,
    )["QueryExecutionId"]
    soon(
        lambda: (
            athena.get_query_execution(QueryExecutionId=id)["QueryExecution"]["Status"]["State"]
            == "SUCCEEDED"
        )
    )
    rows = athena.get_query_results(QueryExecutionId=id)["ResultSet"]["Rows"]
    return int(rows[1]["Data"][0]["VarCharValue"])


def ordered(aws: Aws, ids: dict[str, str], placeholder: Running, **order: Any) -> dict[str, Any]:
    """An order's note, once it is finished."""
    told = {"title": "New", "body": "Somebody answered.", **order}
    sent = aws("sqs").send_message(QueueUrl=ids["Orders"], MessageBody=json.dumps(told))

    def finished() -> Any:
        status, body = placeholder.ask("GET", f"/orders/{sent['MessageId']}")
        note = json.loads(body)
        return note if status == 200 and note["state"] == "finished" else None

    return dict(soon(finished))


def messages(sandbox: Sandbox, kind: str) -> list[dict[str, Any]]:
    found = sandbox.control("GET", "sent", account=ACCOUNT, region="eu-west-1")
    return [message for message in found if message["kind"] == kind]


def sent_calls(sandbox: Sandbox) -> int:
    """How often SendMessages was called, by whomever."""
    counts = sandbox.control("GET", "requests/counts", after=0)["by_operation"]
    return sum(count for call, count in counts.items() if call.endswith(".SendMessages"))


def device(aws: Aws, user: str, token: str, channel: str = "GCM") -> None:
    item = {"user_sub": {"S": user}, "token": {"S": token}, "channel": {"S": channel}}
    aws("dynamodb").put_item(TableName=TABLE, Item=item)


@pytest.fixture(scope="module")
def used(placeholder: Running, aws: Aws) -> None:
    """Three users have used the application; the page was opened once too."""
    events = [{"name": "opened", "user_sub": f"user-{n}", "platform": "ios"} for n in (1, 2, 3)]
    status, body = placeholder.ask("POST", "/events", json.dumps(events).encode())
    assert (status, json.loads(body)) == (202, {"taken": 3})
    assert placeholder.ask("GET", "/")[0] == 200
    soon(lambda: events_in(aws) == 4)


@pytest.mark.usefixtures("used")
def test_a_dry_run_counts_and_sends_nothing(
    aws: Aws, ids: dict[str, str], placeholder: Running, sandbox: Sandbox
) -> None:
    device(aws, "user-1", "phone-1")
    device(aws, "user-1", "tablet-1")
    device(aws, "user-2", "gone-2")
    before = len(messages(sandbox, "push"))
    note = ordered(aws, ids, placeholder, segment="active-7-days", dry_run=True)
    assert (note["people"], note["devices"], note.get("sent", 0), note["dry_run"]) == (3, 3, 0, True)
    assert len(messages(sandbox, "push")) == before


@pytest.mark.usefixtures("used")
def test_a_segment_gets_the_message_and_devices_that_are_gone_are_forgotten(
    aws: Aws, ids: dict[str, str], placeholder: Running, sandbox: Sandbox
) -> None:
    device(aws, "user-1", "phone-1")
    device(aws, "user-2", "gone-2")
    device(aws, "user-4", "phone-4")
    before = len(messages(sandbox, "push"))
    note = ordered(aws, ids, placeholder, segment="everyone")
    assert (note["people"], note["gone"], note.get("failed", 0)) == (3, 1, 0)
    new = messages(sandbox, "push")[before:]
    assert note["sent"] == len(new) > 0
    assert "phone-1" in {one["token"] for one in new} and "phone-4" not in {one["token"] for one in new}
    assert {one["message"]["Title"] for one in new} == {"New"}
    left = aws("dynamodb").query(
        TableName=TABLE,
        KeyConditionExpression="user_sub = :u",
        ExpressionAttributeValues={":u": {"S": "user-2"}},
    )
    assert left["Items"] == []


def test_a_hundred_addresses_go_in_a_call(
    aws: Aws, ids: dict[str, str], placeholder: Running, sandbox: Sandbox
) -> None:
    for number in range(230):
        device(aws, f"many-{number // 2:03d}", f"many-phone-{number:03d}")
    before = sent_calls(sandbox)
    users = [f"many-{number:03d}" for number in range(115)]
    note = ordered(aws, ids, placeholder, users=users)
    assert (note["people"], note["devices"], note["sent"]) == (115, 230, 230)
    assert sent_calls(sandbox) - before == 3


def test_how_far_an_order_has_come_is_noted_though_nobody_has_a_device(
    aws: Aws, settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or the queue would give it to another instance while this one looks for devices."""
    for name in ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, settings[name])
    monkeypatch.setattr(notifications, "MOST_USERS", 10)
    device(aws, "rare-25", "rare-phone")
    users = [f"rare-{number}" for number in range(40)]
    owned = {"rare-phone": ("rare-25", "GCM")}
    sender = notifications.Notifications(settings)
    assert list(notifications.batches(sender, users)) == [(10, {}), (20, {}), (30, owned)]
    assert list(notifications.batches(sender, users, 30)) == []
    assert list(notifications.batches(sender, users, 24)) == [(34, owned)]


def test_an_order_waits_for_its_segment_as_long_as_a_query_may_take(
    aws: Aws, ids: dict[str, str], settings: dict[str, str], monkeypatch: pytest.MonkeyPatch, used: None
) -> None:
    """Athena answers when it can; nobody else is to begin the order meanwhile, which would send it twice."""
    for name in ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, settings[name])
    sqs = aws("sqs")
    own = sqs.create_queue(QueueName="orders-slow", Attributes={"VisibilityTimeout": "1"})["QueueUrl"]
    sqs.send_message(QueueUrl=own, MessageBody="{}")
    [message] = sqs.receive_message(QueueUrl=own)["Messages"]
    sender = notifications.Notifications(settings)
    # Without the thread, which would take the order itself.
    orders = Orders({**settings, "ORDERS_QUEUE": ""}, sender)
    orders._queue = own
    order = {"title": "t", "body": "b", "segment": "nobody-knows-it"}
    with pytest.raises(Unavailable, match="there is no query"):
        orders.carry_out(message["MessageId"], order, message["ReceiptHandle"])
    time.sleep(1.2)
    assert "Messages" not in sqs.receive_message(QueueUrl=own)


def test_an_order_that_comes_again_carries_on_where_it_was(
    aws: Aws, ids: dict[str, str], placeholder: Running, sandbox: Sandbox
) -> None:
    device(aws, "first", "phone-first")
    device(aws, "second", "phone-second")
    told = {"title": "Once", "body": "and not twice", "users": ["first", "second"]}
    sent = aws("sqs").send_message(QueueUrl=ids["Orders"], MessageBody=json.dumps(told), DelaySeconds=3)
    half = {"state": "working", "through": 1, "sent": 1, "devices": 1}
    aws("dynamodb").put_item(
        TableName=TABLE,
        Item={
            "user_sub": {"S": f"order#{sent['MessageId']}"},
            "token": {"S": "note"},
            "told": {"S": json.dumps(half)},
        },
    )

    def finished() -> bool:
        note = json.loads(placeholder.ask("GET", f"/orders/{sent['MessageId']}")[1])
        return note["state"] == "finished" and note["sent"] == 2

    soon(finished)
    new = [one["token"] for one in messages(sandbox, "push") if one["message"]["Title"] == "Once"]
    assert new == ["phone-second"]


def test_mails_go_to_one_person_each(
    aws: Aws, ids: dict[str, str], placeholder: Running, sandbox: Sandbox
) -> None:
    note = ordered(aws, ids, placeholder, mails=["ann@example.com", "bob@example.com"])
    assert note["sent"] == 2
    assert [one["to"] for one in messages(sandbox, "email")] == [["ann@example.com"], ["bob@example.com"]]
    assert {one["sender"] for one in messages(sandbox, "email")} == {f"notifications@{DOMAIN}"}


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        ("no json", "JSON"),
        ('{"title": "t"}', "a title and a body"),
        ('{"title": "t", "body": "b"}', "one of them"),
        ('{"title": "t", "body": "b", "users": ["u"], "segment": "s"}', "one of them"),
        ('{"title": "t", "body": "b", "users": "u"}', "no list"),
        ('{"title": "t", "body": "b", "segment": "s", "dry_run": "yes"}', "true or false"),
    ],
)
def test_what_is_no_order_says_why(order: str, reason: str) -> None:
    with pytest.raises(BadOrder, match=reason):
        order_of(order)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("2026-11-28T10:00:00Z", "2026-11-28T10:00:00.000Z"),
        ("2026-11-28T12:00:00.5+02:00", "2026-11-28T10:00:00.500Z"),
        ("2026-11-28T10:00:00", "2026-11-28T10:00:00.000Z"),
        ("2026-11-28", "2026-11-28T00:00:00.000Z"),
    ],
)
def test_times_are_told_in_the_one_form_that_firehose_takes(given: str, kept: str) -> None:
    assert event_of({"name": "opened", "happened_at": given})["happened_at"] == kept
    assert parquet.value_of(("happened_at", "timestamp"), kept)


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (b"no json", "JSON"),
        (b'{"user_sub": "u"}', "with a name"),
        (b'{"name": "opened", "colour": "red"}', "An event has"),
        (b'{"name": "opened", "user_sub": 5}', "user_sub is no text"),
        (b'{"name": "opened", "happened_at": "yesterday"}', "happened_at is a time"),
        (b"[" + b'{"name": "opened"},' * 100 + b'{"name": "opened"}]', "At most 100"),
    ],
)
def test_what_is_no_event_is_refused(placeholder: Running, event: bytes, reason: str) -> None:
    status, body = placeholder.ask("POST", "/events", event)
    assert status == 400 and reason in json.loads(body)["error"]


def test_an_order_that_nobody_knows_is_not_found(placeholder: Running) -> None:
    assert placeholder.ask("GET", "/orders/none")[0] == 404


def test_without_analytics_and_notifications_there_is_neither(tmp_path: Any) -> None:
    running = start(tmp_path)
    assert running.ask("POST", "/events", b'{"name": "opened"}')[0] == 404
    assert running.ask("GET", "/orders/none")[0] == 404
    assert stop(running) == 0


def test_events_wait_for_a_stream_that_does_not_answer(
    tmp_path: Any, settings: dict[str, str], sandbox: Sandbox, aws: Aws
) -> None:
    before = events_in(aws)
    fault = sandbox.fault("error", service="firehose", code="ServiceUnavailableException", account=ACCOUNT)
    running = start(tmp_path, **settings)
    assert running.ask("POST", "/events", b'{"name": "opened"}')[0] == 202
    time.sleep(1.5)
    assert events_in(aws) == before
    sandbox.control("DELETE", f"faults/{fault}")
    soon(lambda: events_in(aws) == before + 1)
    assert stop(running) == 0
