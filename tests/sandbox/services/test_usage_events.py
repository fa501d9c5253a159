"""Usage events: put into a stream, delivered as Parquet, asked about with SQL; all with the rights of who does it."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest

from devtools.processes import free_port
from devtools.sandbox import Keys, Sandbox
from sandbox import parquet
from tests.sandbox.support import Stacks, refused
from tests.sandbox.types import engagement
from tests.sandbox.types.engagement import (
    DATABASE,
    RESOURCES,
    STREAM,
    WORKGROUP,
)
from tests.sandbox.types.support import wanted_by

ACCOUNT = "210000000016"
EVENTS, RESULTS = (
    name.replace(engagement.ACCOUNT, ACCOUNT) for name in (engagement.EVENTS, engagement.RESULTS)
)
ENOUGH_S = 15.0
USERS = [
    {
        "name": "opened",
        "happened_at": "2026-11-28T10:00:00Z",
        "user_sub": "u1",
        "count": 1,
        "properties": {"a": "b"},
    },
    {"name": "booked", "happened_at": 1795860000, "user_sub": "u2", "count": 2},
    {"name": "opened", "USER_SUB": "u1", "properties": {"n": 5}, "unknown": True},
    {"name": "opened"},
]


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """One of its own: these tests put its clock forward by days."""
    process = Sandbox(tmp_path_factory.mktemp("usage") / "state", free_port())
    process.start()
    process.settings(speed=0, enforce_iam=True)
    yield process
    process.stop()


@pytest.fixture(scope="module")
def aws(sandbox: Sandbox, keys: Keys, stacks: Stacks) -> Callable[[str], Any]:
    """Clients of an account that has a stream, a table and a workgroup."""
    names = ("Stream", "Query", "Results")
    wanted = {n: r for name in names for n, r in wanted_by(RESOURCES, name).items()}
    body = json.dumps({"Resources": engagement.of_account(wanted, ACCOUNT)})
    stack = stacks.create("usage-events", body)
    assert stack["StackStatus"] == "CREATE_COMPLETE", stacks.events("usage-events")
    return lambda service: sandbox.client(service, keys)


def put(aws: Callable[[str], Any], *events: Any) -> None:
    records = [{"Data": e if isinstance(e, bytes) else json.dumps(e).encode()} for e in events]
    answer = aws("firehose").put_record_batch(DeliveryStreamName=STREAM, Records=records)
    assert answer["FailedPutCount"] == 0 and len(answer["RequestResponses"]) == len(events)


def soon(look: Callable[[], Any]) -> Any:
    until = time.monotonic() + ENOUGH_S
    while time.monotonic() < until:
        found = look()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError("It did not come in time.")


def keys_below(aws: Callable[[str], Any], prefix: str) -> list[str]:
    found = aws("s3").list_objects_v2(Bucket=EVENTS, Prefix=prefix)
    return [entry["Key"] for entry in found.get("Contents", ())]


def ask(aws: Callable[[str], Any], sql: str, **more: Any) -> dict[str, Any]:
    """The query's execution once it is over."""
    athena = aws("athena")
    id = athena.start_query_execution(
        QueryString=sql, WorkGroup=WORKGROUP, QueryExecutionContext={"Database": DATABASE}, **more
    )["QueryExecutionId"]

    def over() -> Any:
        run = athena.get_query_execution(QueryExecutionId=id)["QueryExecution"]
        return run if run["Status"]["State"] not in ("QUEUED", "RUNNING") else None

    return dict(soon(over))


def rows(aws: Callable[[str], Any], sql: str, **more: Any) -> list[list[str]]:
    run = ask(aws, sql, **more)
    assert run["Status"]["State"] == "SUCCEEDED", run["Status"]
    found = aws("athena").get_query_results(QueryExecutionId=run["QueryExecutionId"])["ResultSet"]["Rows"]
    return [[cell.get("VarCharValue", "") for cell in row["Data"]] for row in found]


@pytest.fixture(scope="module")
def delivered(aws: Callable[[str], Any]) -> list[str]:
    """Keys of the objects that the events came to."""
    put(aws, *USERS)
    return list(soon(lambda: keys_below(aws, "events/")))


def test_events_come_as_parquet_below_the_day_of_their_arrival(
    aws: Callable[[str], Any], delivered: list[str]
) -> None:
    day = time.strftime("%Y-%m-%d", time.gmtime())
    assert all(key.startswith(f"events/day={day}/{STREAM}-1-{day}-") for key in delivered)
    assert all(key.endswith(".parquet") for key in delivered)
    body = aws("s3").get_object(Bucket=EVENTS, Key=delivered[0])["Body"].read()
    assert body[:4] == body[-4:] == b"PAR1"


def test_a_named_query_finds_whom_the_events_name(aws: Callable[[str], Any], delivered: list[str]) -> None:
    athena = aws("athena")
    ids = athena.list_named_queries(WorkGroup=WORKGROUP)["NamedQueryIds"]
    [query] = athena.batch_get_named_query(NamedQueryIds=ids)["NamedQueries"]
    assert (query["Name"], query["Database"], query["WorkGroup"]) == ("everyone", DATABASE, WORKGROUP)
    assert rows(aws, query["QueryString"]) == [["user_sub"], ["u1"], ["u2"]]


def test_values_have_the_types_of_their_columns(aws: Callable[[str], Any], delivered: list[str]) -> None:
    sql = (
        "SELECT happened_at, count + 1 AS more, element_at(properties, 'a') AS a, day FROM events "
        "WHERE count > 0 ORDER BY count"
    )
    day = time.strftime("%Y-%m-%d", time.gmtime())
    assert rows(aws, sql)[1:] == [
        ["2026-11-28 10:00:00.000", "2", "b", day],
        ["2026-11-28 10:00:00.000", "3", "", day],
    ]


def test_days_count_from_the_sandboxs_own_date(
    aws: Callable[[str], Any], delivered: list[str], sandbox: Sandbox
) -> None:
    sql = "SELECT count(*) AS n FROM events WHERE day >= date_format(current_date - interval '7' day, '%Y-%m-%d')"
    assert rows(aws, sql) == [["n"], ["4"]]
    sandbox.control("POST", "clock", {"advance_s": 9 * 86400})
    assert rows(aws, sql) == [["n"], ["0"]]


def test_parameters_stand_for_question_marks(aws: Callable[[str], Any], delivered: list[str]) -> None:
    sql = "SELECT count(*) AS n FROM events WHERE user_sub = ? AND count >= ?"
    assert rows(aws, sql, ExecutionParameters=["'u2'", "2"]) == [["n"], ["1"]]


def test_answers_are_files_where_the_workgroup_says(aws: Callable[[str], Any], delivered: list[str]) -> None:
    own = {"OutputLocation": f"s3://{EVENTS}/mine/"}
    run = ask(aws, "SELECT 1 AS one", ResultConfiguration=own)
    place = run["ResultConfiguration"]["OutputLocation"]
    assert place == f"s3://{RESULTS}/{run['QueryExecutionId']}.csv"
    body = aws("s3").get_object(Bucket=RESULTS, Key=place.rpartition("/")[2])["Body"].read()
    assert body == b'"one"\n"1"\n'


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("SELECT nothing FROM events", "GENERIC_USER_ERROR"),
        ("SELECT * FROM nowhere", "TABLE_NOT_FOUND"),
        ("SELEC 1", "SYNTAX_ERROR"),
        ("DROP TABLE events", "SELECT only"),
        ("SELECT * FROM read_csv('/etc/passwd')", "TABLE_NOT_FOUND"),
        ("SELECT getenv('HOME')", "GENERIC_USER_ERROR"),
    ],
)
def test_what_is_wrong_with_a_query_is_its_reason(
    aws: Callable[[str], Any], delivered: list[str], sql: str, reason: str
) -> None:
    run = ask(aws, sql)
    assert run["Status"]["State"] == "FAILED"
    assert reason in run["Status"]["StateChangeReason"]


def test_a_query_that_would_read_more_than_allowed_is_stopped(
    aws: Callable[[str], Any], delivered: list[str]
) -> None:
    aws("s3").put_object(Bucket=EVENTS, Key="events/day=2026-01-01/large.parquet", Body=b"x" * 10_000_001)
    try:
        run = ask(aws, "SELECT count(*) AS n FROM events")
    finally:
        aws("s3").delete_object(Bucket=EVENTS, Key="events/day=2026-01-01/large.parquet")
    assert (run["Status"]["State"], run["Status"]["StateChangeReason"]) == (
        "FAILED",
        "Bytes scanned limit was exceeded",
    )


def test_archived_objects_are_passed_over(aws: Callable[[str], Any], delivered: list[str]) -> None:
    sql = "SELECT count(*) AS n FROM events"
    before = rows(aws, sql)
    source = {"Bucket": EVENTS, "Key": delivered[0]}
    key = "events/day=2026-02-01/old.parquet"
    aws("s3").copy_object(
        Bucket=EVENTS, Key=key, CopySource=source, StorageClass="GLACIER", MetadataDirective="REPLACE"
    )
    assert rows(aws, sql) == before
    aws("s3").copy_object(Bucket=EVENTS, Key=key, CopySource=source, MetadataDirective="REPLACE")
    assert rows(aws, sql) == [["n"], ["8"]]
    aws("s3").delete_object(Bucket=EVENTS, Key=key)


def test_what_is_no_event_goes_to_the_errors(aws: Callable[[str], Any], delivered: list[str]) -> None:
    before = len(keys_below(aws, "events/"))
    put(aws, b"no json", {"name": "opened", "happened_at": "yesterday"}, {"name": "late", "user_sub": "u3"})
    [key] = soon(lambda: keys_below(aws, "errors/format-conversion-failed/"))
    lines = aws("s3").get_object(Bucket=EVENTS, Key=key)["Body"].read().decode().splitlines()
    assert [json.loads(line)["errorCode"] for line in lines] == [
        "DataFormatConversion.ParseError",
        "DataFormatConversion.MalformedData",
    ]
    assert len(keys_below(aws, "events/")) == before + 1


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-28T10:00:00Z", datetime(2026, 11, 28, 10)),
        ("2026-11-28T10:00:00.123456789Z", datetime(2026, 11, 28, 10, 0, 0, 123456)),
        ("2026-1-8 10:00:00.5", datetime(2026, 1, 8, 10, 0, 0, 500_000)),
        (1795860000, datetime(2026, 11, 28, 10)),
        (1795860000250, datetime(2026, 11, 28, 10, 0, 0, 250_000)),
        ("2026-11-28T12:00:00+02:00", None),
        ("2026-11-28T10:00:00", None),
        ("2026-11-28", None),
    ],
)
def test_times_have_the_forms_that_firehose_takes(text: str | int, moment: datetime | None) -> None:
    if moment:
        assert parquet.value_of(("happened_at", "timestamp"), text) == moment
        return
    with pytest.raises(parquet.NotOfType, match="none of the forms"):
        parquet.value_of(("happened_at", "timestamp"), text)


def test_batches_have_their_limits(aws: Callable[[str], Any]) -> None:
    firehose = aws("firehose")
    many = [{"Data": b"{}"}] * 501
    code, _ = refused(firehose.put_record_batch, DeliveryStreamName=STREAM, Records=many)
    assert code == "InvalidArgumentException"
    large = [{"Data": b" " * (1000 * 1024 + 1)}]
    code, _ = refused(firehose.put_record_batch, DeliveryStreamName=STREAM, Records=large)
    assert code == "InvalidArgumentException"
    code, _ = refused(firehose.put_record, DeliveryStreamName="nowhere", Record={"Data": b"{}"})
    assert code == "ResourceNotFoundException"


def test_what_the_role_may_not_write_waits_and_the_log_says_why(
    aws: Callable[[str], Any], stacks: Stacks, delivered: list[str], sandbox: Sandbox
) -> None:
    iam = aws("iam")
    role = stacks.physical("usage-events")["StreamRole"]
    document = iam.get_role_policy(RoleName=role, PolicyName="own")["PolicyDocument"]
    without = {**document, "Statement": document["Statement"][1:]}
    iam.put_role_policy(RoleName=role, PolicyName="own", PolicyDocument=json.dumps(without))
    before = len(keys_below(aws, "events/"))
    put(aws, {"name": "patient", "user_sub": "u4"})

    def told() -> list[str]:
        found = aws("logs").get_log_events(logGroupName="/types/events", logStreamName="delivery")["events"]
        return [json.loads(e["message"])["errorMessage"] for e in found]

    assert "is not authorized to perform: s3:PutObject" in soon(told)[0]
    assert len(keys_below(aws, "events/")) == before
    iam.put_role_policy(RoleName=role, PolicyName="own", PolicyDocument=json.dumps(document))
    sandbox.control("POST", "clock", {"advance_s": 6})
    assert soon(lambda: len(keys_below(aws, "events/")) == before + 1)


def test_streams_tell_what_they_are(aws: Callable[[str], Any]) -> None:
    firehose = aws("firehose")
    assert firehose.list_delivery_streams()["DeliveryStreamNames"] == [STREAM]
    told = firehose.describe_delivery_stream(DeliveryStreamName=STREAM)["DeliveryStreamDescription"]
    assert (told["DeliveryStreamStatus"], told["DeliveryStreamType"]) == ("ACTIVE", "DirectPut")
