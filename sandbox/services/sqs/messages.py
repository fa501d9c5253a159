"""Messages: kept in order per queue, seen again after their visibility timeout, moved on after too many receipts."""

from __future__ import annotations

import asyncio
import hashlib
import json
import uuid
from typing import TYPE_CHECKING, Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import operation
from sandbox.services.sqs.queues import ATTRIBUTES, DEFAULTS, queue_get, text_of
from sandbox.store import Record

if TYPE_CHECKING:
    from sandbox.world import World

MESSAGE = "Sandbox::SQS::Message"
MAX_BYTES = 1_048_576  # SQS quotas: 1 MiB a message since August 2025


class _Line:
    """The messages of one queue by id, oldest first, and who waits for one."""

    def __init__(self) -> None:
        self.messages: dict[str, Record] = {}
        self.arrived = asyncio.Event()


def _lines(world: World) -> dict[str, _Line]:
    lines: dict[str, _Line] | None = world.memory.get("sqs")
    if lines is None:
        lines = world.memory["sqs"] = {}
        for record in sorted(
            world.store.everywhere(MESSAGE), key=lambda r: (r.created_at, int(r.data["seq"]))
        ):
            lines.setdefault(record.data["queue"], _Line()).messages[record.id] = record
    return lines


def _line(world: World, queue: Record) -> _Line:
    return _lines(world).setdefault(queue.id, _Line())


def counts(ctx: Context, queue: Record) -> dict[str, str]:
    """The ApproximateNumberOf… attributes."""
    messages = list(_line(ctx.world, queue).messages.values())
    hidden = [m for m in messages if m.data["visible_at"] > ctx.now]
    delayed = sum(1 for m in hidden if not m.data["receipts"])
    return {
        "ApproximateNumberOfMessages": str(len(messages) - len(hidden)),
        "ApproximateNumberOfMessagesNotVisible": str(len(hidden) - delayed),
        "ApproximateNumberOfMessagesDelayed": str(delayed),
    }


def send(
    world: World, queue: Record, body: str, attributes: dict[str, Any] | None = None, delay: float = 0
) -> Record:
    """Put a message into a queue."""
    now = world.scheduler.now()
    line = _line(world, queue)
    world.memory["sqs seq"] = seq = world.memory.get("sqs seq", 0) + 1
    data = {
        "queue": queue.id,
        "seq": seq,
        "body": body,
        "attributes": attributes or {},
        "visible_at": now + delay,
        "receipts": 0,
        "handle": None,
        "first": None,
    }
    record = Record(queue.account, queue.region, MESSAGE, str(uuid.uuid4()), created_at=now, data=data)
    line.messages[record.id] = record
    world.store.put(record)
    line.arrived.set()
    return record


def _md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


def _sent(ctx: Context, queue: Record, params: dict[str, Any]) -> dict[str, Any]:
    body = params["MessageBody"]
    if not body:
        raise AwsError("MissingParameter", "The request must contain the parameter MessageBody.", 400)
    if len(body.encode()) > MAX_BYTES:
        raise AwsError(
            "InvalidParameterValue",
            f"One or more parameters are invalid. Reason: Message must be shorter than {MAX_BYTES} bytes.",
            400,
        )
    attributes = {
        k: {n: v for n, v in a.items() if isinstance(v, str)}
        for k, a in (params.get("MessageAttributes") or {}).items()
    }
    delay = params.get("DelaySeconds")
    record = send(
        ctx.world,
        queue,
        body,
        attributes,
        queue.properties.get("DelaySeconds", 0) if delay is None else delay,
    )
    return {"MessageId": record.id, "MD5OfMessageBody": _md5(body)}


@operation("sqs", "SendMessage")
def send_message(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    return _sent(ctx, queue_get(ctx, params["QueueUrl"]), params)


@operation("sqs", "SendMessageBatch")
def send_message_batch(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    queue = queue_get(ctx, params["QueueUrl"])
    _check_batch(params["Entries"])
    return {"Successful": [{"Id": e["Id"], **_sent(ctx, queue, e)} for e in params["Entries"]], "Failed": []}


def _check_batch(entries: list[dict[str, Any]]) -> None:
    if not entries:
        raise AwsError("EmptyBatchRequest", "There should be at least one entry in the request.", 400)
    if len(entries) > 10:
        raise AwsError(
            "TooManyEntriesInBatchRequest",
            f"Maximum number of entries per request are 10. You have sent {len(entries)}.",
            400,
        )
    if len({e["Id"] for e in entries}) < len(entries):
        raise AwsError(
            "BatchEntryIdsNotDistinct", "Two or more batch entries in the request have the same Id.", 400
        )


@operation("sqs", "ReceiveMessage")
async def receive_message(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    queue = queue_get(ctx, params["QueueUrl"])
    wait = params.get("WaitTimeSeconds")
    until = ctx.now + float(
        queue.properties.get("ReceiveMessageWaitTimeSeconds", 0) if wait is None else wait
    )
    while True:
        found = _take(ctx, queue, params)
        if found or ctx.now >= until:
            return {"Messages": found} if found else {}
        line = _line(ctx.world, queue)
        line.arrived.clear()
        later = [m.data["visible_at"] for m in line.messages.values()]
        pause = max(0.005, min([until, *later]) - ctx.now)
        try:
            await asyncio.wait_for(line.arrived.wait(), pause)
        except TimeoutError:
            continue


def _take(ctx: Context, queue: Record, params: dict[str, Any]) -> list[dict[str, Any]]:
    most = int(params.get("MaxNumberOfMessages") or 1)
    hide = params.get("VisibilityTimeout")
    seconds = float(
        queue.properties.get("VisibilityTimeout", DEFAULTS["VisibilityTimeout"]) if hide is None else hide
    )
    kept = float(queue.properties.get("MessageRetentionPeriod", DEFAULTS["MessageRetentionPeriod"]))
    taken: list[dict[str, Any]] = []
    for message in list(_line(ctx.world, queue).messages.values()):
        if len(taken) >= most:
            break
        if message.created_at + kept < ctx.now:
            _drop(ctx, queue, message)
            continue
        if message.data["visible_at"] > ctx.now or _given_up(ctx, queue, message):
            continue
        message.data["receipts"] += 1
        message.data["first"] = message.data["first"] or ctx.now
        message.data["visible_at"] = ctx.now + seconds
        message.data["handle"] = f"{message.id}#{uuid.uuid4()}"
        ctx.store.put(message)
        taken.append(_shape(ctx, message, params))
    return taken


def _given_up(ctx: Context, queue: Record, message: Record) -> bool:
    """Move a message that was received too often to the dead-letter queue."""
    policy = queue.properties.get("RedrivePolicy") or {}
    policy = json.loads(policy) if isinstance(policy, str) else policy
    target = ctx.store.by_arn(policy.get("deadLetterTargetArn", ""))
    if target is None or message.data["receipts"] < int(policy.get("maxReceiveCount", 10)):
        return False
    send(ctx.world, target, message.data["body"], message.data["attributes"])
    _drop(ctx, queue, message)
    return True


def _shape(ctx: Context, message: Record, params: dict[str, Any]) -> dict[str, Any]:
    system = {
        "SenderId": message.account,
        "SentTimestamp": str(int(message.created_at * 1000)),
        "ApproximateReceiveCount": str(message.data["receipts"]),
        "ApproximateFirstReceiveTimestamp": str(int(message.data["first"] * 1000)),
    }
    asked = [*(params.get("AttributeNames") or ()), *(params.get("MessageSystemAttributeNames") or ())]
    shown = {k: v for k, v in system.items() if "All" in asked or k in asked}
    return {
        "MessageId": message.id,
        "ReceiptHandle": message.data["handle"],
        "MD5OfBody": _md5(message.data["body"]),
        "Body": message.data["body"],
        "Attributes": shown or None,
        "MessageAttributes": message.data["attributes"] if params.get("MessageAttributeNames") else None,
    }


def _drop(ctx: Context, queue: Record, message: Record) -> None:
    _line(ctx.world, queue).messages.pop(message.id, None)
    ctx.store.remove(message)


def _by_handle(ctx: Context, queue: Record, handle: str) -> Record | None:
    return _line(ctx.world, queue).messages.get(handle.partition("#")[0])


@operation("sqs", "DeleteMessage")
def delete_message(ctx: Context, params: dict[str, Any]) -> None:
    queue = queue_get(ctx, params["QueueUrl"])
    if "#" not in params["ReceiptHandle"]:
        raise AwsError(
            "ReceiptHandleIsInvalid",
            f'The input receipt handle "{params["ReceiptHandle"]}" is not a valid receipt handle.',
            400,
        )
    message = _by_handle(ctx, queue, params["ReceiptHandle"])
    if message is not None and message.data["handle"] == params["ReceiptHandle"]:
        _drop(ctx, queue, message)


@operation("sqs", "DeleteMessageBatch")
def delete_message_batch(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    _check_batch(params["Entries"])
    done, failed = [], []
    for entry in params["Entries"]:
        try:
            delete_message(ctx, {"QueueUrl": params["QueueUrl"], "ReceiptHandle": entry["ReceiptHandle"]})
            done.append({"Id": entry["Id"]})
        except AwsError as problem:
            failed.append(
                {"Id": entry["Id"], "SenderFault": True, "Code": problem.code, "Message": problem.message}
            )
    return {"Successful": done, "Failed": failed}


@operation("sqs", "ChangeMessageVisibility")
def change_message_visibility(ctx: Context, params: dict[str, Any]) -> None:
    queue = queue_get(ctx, params["QueueUrl"])
    message = _by_handle(ctx, queue, params["ReceiptHandle"])
    if message is None:
        raise AwsError("MessageNotInflight", "The specified message is not in flight.", 400)
    message.data["visible_at"] = ctx.now + int(params["VisibilityTimeout"])
    ctx.store.put(message)
    _line(ctx.world, queue).arrived.set()


@operation("sqs", "PurgeQueue")
def purge_queue(ctx: Context, params: dict[str, Any]) -> None:
    queue = queue_get(ctx, params["QueueUrl"])
    for message in list(_line(ctx.world, queue).messages.values()):
        _drop(ctx, queue, message)


@operation("sqs", "GetQueueAttributes")
def get_queue_attributes(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = queue_get(ctx, params["QueueUrl"])
    everything = {
        **{k: text_of(record.properties.get(p, DEFAULTS.get(k))) for k, p in ATTRIBUTES.items()
           if record.properties.get(p, DEFAULTS.get(k)) is not None},
        "QueueArn": record.arn,
        "CreatedTimestamp": str(int(record.created_at)),
        "LastModifiedTimestamp": str(int(record.updated_at)),
        **counts(ctx, record),
    }  # fmt: skip
    everything.setdefault("SqsManagedSseEnabled", "true")
    if record.data["policy"]:
        everything["Policy"] = json.dumps(record.data["policy"])
    asked = params.get("AttributeNames") or []
    return {"Attributes": {k: v for k, v in everything.items() if "All" in asked or k in asked}}
