"""From records that were taken to objects in the bucket: after the buffer's time, converted, under the prefix.

At least once and in order of arrival; with the rights of the stream's role, which are asked each time. What cannot be
written is tried again, and the stream's log says why. Source: Firehose developer guide, "Configure destination
settings", "Custom prefixes for Amazon S3 objects", "Convert input record format", "Monitor with CloudWatch Logs".
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sandbox import parquet
from sandbox.application.dark import darkness
from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.iam.service_roles import acting, need
from sandbox.registry import on_start
from sandbox.services import glue
from sandbox.services.logs import put_log_events
from sandbox.services.s3.objects import store_object
from sandbox.services.s3.state import bucket_get
from sandbox.store import Record
from sandbox.world import World

STREAM = "AWS::KinesisFirehose::DeliveryStream"
AGAIN_S = 5.0
"""Between two tries; AWS tells no figure, only that it tries for 24 hours."""
DEFAULT_BUFFER_S = 300
_EXPRESSION = re.compile(r"!\{([a-z-]+):([^}]*)\}")
_LETTERS = {"yyyy": "%Y", "MM": "%m", "dd": "%d", "HH": "%H", "mm": "%M", "ss": "%S"}
"""What of Java's DateTimeFormatter prefixes are written with."""


@dataclass(frozen=True)
class Taken:
    """A record as it was put, and when."""

    at: float
    data: bytes


@dataclass(frozen=True)
class Refused:
    """A record that could not be converted."""

    taken: Taken
    code: str
    message: str


def queue(stream: Record) -> str:
    """The name of the log of what was taken and not yet written."""
    return f"firehose:{stream.arn}"


def forget(world: World, stream: Record) -> None:
    """The stream is gone, and with it what it held."""
    world.store.drop_log(queue(stream))


def arm(world: World, stream: Record) -> None:
    """Write when the buffer's time is over, unless that is coming anyway."""
    armed: set[str] = world.memory.setdefault("firehose armed", set())
    if stream.arn in armed:
        return
    armed.add(stream.arn)
    hints = _target(stream).get("BufferingHints") or {}
    seconds = float(hints.get("IntervalInSeconds") or DEFAULT_BUFFER_S) * float(world.settings["speed"])
    _at(world, stream, world.scheduler.now() + seconds)


def _at(world: World, stream: Record, when: float) -> None:
    def begin() -> None:
        world.spawn(_write(world, stream))

    world.scheduler.at(when, begin)


async def _write(world: World, stream: Record) -> None:
    if world.store.get(*stream.key) is not stream:
        return
    entries = list(world.store.log(queue(stream)))
    taken = [Taken(float(e["at"]), base64.b64decode(e["data"])) for e in entries]
    if taken:
        try:
            await _deliver(world, stream, taken)
        except AwsError as problem:
            _say(world, stream, problem)
            _at(world, stream, world.scheduler.now() + AGAIN_S)
            return
    later = list(world.store.log(queue(stream)))[len(entries) :]
    world.store.drop_log(queue(stream))
    for entry in later:
        world.store.append(queue(stream), entry)
    world.memory["firehose armed"].discard(stream.arn)
    if later:
        arm(world, stream)


async def _deliver(world: World, stream: Record, taken: list[Taken]) -> None:
    if any(darkness(world, stream.account, stream.region, name) for name in ("firehose", "s3")):
        raise AwsError("ServiceUnavailable", "The region does not answer.", 503)
    target = _target(stream)
    ctx = acting(world, target["RoleARN"], stream.region, stream.id)
    format_ = target.get("DataFormatConversionConfiguration") or {}
    if not format_.get("Enabled"):
        _put(ctx, stream, taken, b"".join(one.data for one in taken), "")
        return
    schema = format_["SchemaConfiguration"]
    database, name = schema["DatabaseName"], schema["TableName"]
    need(ctx, "glue:GetTableVersions", *glue.arns(ctx, database, name))
    table = glue.table_find(ctx, database, name)
    if table is None:
        raise AwsError("DataFormatConversion.InvalidSchema", f"There is no table {database}.{name}.", 400)
    columns = glue.columns_of(table)
    rows, refused = converted(columns, taken)
    good = [one for one, _ in rows]
    if rows:
        body = await asyncio.to_thread(parquet.written, columns, [row for _, row in rows])
        _put(ctx, stream, good, body, ".parquet")
    if refused:
        lines = "".join(json.dumps(_told(one)) + "\n" for one in refused).encode()
        _put(ctx, stream, [one.taken for one in refused], lines, "", error="format-conversion-failed")


def converted(
    columns: list[tuple[str, str]], taken: list[Taken]
) -> tuple[list[tuple[Taken, list[Any]]], list[Refused]]:
    """Rows of the table, with their records, and records that are no rows."""
    rows: list[tuple[Taken, list[Any]]] = []
    refused: list[Refused] = []
    for one in taken:
        try:
            record = json.loads(one.data)
            if not isinstance(record, dict):
                raise ValueError("it is no JSON object")
            folded = {key.lower(): value for key, value in record.items()}
            rows.append((one, [parquet.value_of(column, folded.get(column[0])) for column in columns]))
        except parquet.NotOfType as problem:
            refused.append(Refused(one, "DataFormatConversion.MalformedData", str(problem)))
        except ValueError as problem:
            refused.append(
                Refused(one, "DataFormatConversion.ParseError", f"The record is no JSON: {problem}")
            )
    return rows, refused


def _told(refused: Refused) -> dict[str, Any]:
    return {
        "attemptsMade": 1,
        "arrivalTimestamp": int(refused.taken.at * 1000),
        "errorCode": refused.code,
        "errorMessage": refused.message,
        "rawData": base64.b64encode(refused.taken.data).decode("ascii"),
    }


def _put(ctx: Context, stream: Record, taken: list[Taken], body: bytes, ending: str, error: str = "") -> None:
    target = _target(stream)
    bucket = bucket_get(ctx, target["BucketARN"].rpartition(":")[2])
    first = min(one.at for one in taken)
    prefix = target.get("ErrorOutputPrefix") if error else target.get("Prefix")
    stamp = datetime.fromtimestamp(first, UTC).strftime("%Y-%m-%d-%H-%M-%S")
    key = f"{expanded(prefix or '', first, error)}{stream.id}-1-{stamp}-{uuid.uuid4()}{ending}"
    need(ctx, "s3:PutObject", f"{bucket.arn}/{key}")
    more: dict[str, Any] = {"ContentType": "application/octet-stream"}
    used = ((target.get("EncryptionConfiguration") or {}).get("KMSEncryptionConfig") or {}).get(
        "AWSKMSKeyARN"
    )
    if used:
        need(ctx, "kms:GenerateDataKey", used, via="s3")
        more |= {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": used}
    store_object(ctx, bucket, key, body, more)


def expanded(prefix: str, at: float, error: str = "") -> str:
    """A custom prefix with its expressions evaluated, in UTC."""

    def one(found: re.Match[str]) -> str:
        space, value = found[1], found[2]
        if space == "timestamp":
            pattern = re.sub("|".join(_LETTERS), lambda m: _LETTERS[m[0]], value)
            return datetime.fromtimestamp(at, UTC).strftime(pattern)
        if value == "error-output-type":
            return error
        if value == "random-string":
            return uuid.uuid4().hex[:11]
        raise AwsError("InvalidArgumentException", f"Prefixes with {found[0]} are not supported.", 400)

    return _EXPRESSION.sub(one, prefix)


def _target(stream: Record) -> dict[str, Any]:
    return dict(stream.properties.get("ExtendedS3DestinationConfiguration") or {})


def _say(world: World, stream: Record, problem: AwsError) -> None:
    """A line in the stream's log, where it has one that its role may write to."""
    options = _target(stream).get("CloudWatchLoggingOptions") or {}
    if not options.get("Enabled"):
        return
    message = {
        "deliveryStreamARN": stream.arn,
        "destination": _target(stream)["BucketARN"],
        "errorCode": problem.code,
        "errorMessage": problem.message,
    }
    group, name = options["LogGroupName"], options["LogStreamName"]
    try:
        ctx = acting(world, _target(stream)["RoleARN"], stream.region, stream.id)
        need(ctx, "logs:PutLogEvents", ctx.arn("logs", f"log-group:{group}:log-stream:{name}"))
        events = [{"timestamp": int(ctx.now * 1000), "message": json.dumps(message)}]
        put_log_events(ctx, {"logGroupName": group, "logStreamName": name, "logEvents": events})
    except AwsError:
        # In AWS too nobody hears of a delivery whose role may not write the log either.
        return


@on_start
def take_up(world: World) -> None:
    """Carry on with what was taken when the process ended."""
    for stream in world.store.everywhere(STREAM):
        if world.store.log(queue(stream)):
            arm(world, stream)
