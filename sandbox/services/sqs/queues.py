"""Queues and their policies."""

from __future__ import annotations

import json
from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import operation, resource_type
from sandbox.resource_types import ResourceType
from sandbox.store import Record

QUEUE, POLICY = "AWS::SQS::Queue", "AWS::SQS::QueuePolicy"
# attribute of the API -> property of CloudFormation
ATTRIBUTES = {
    "VisibilityTimeout": "VisibilityTimeout",
    "MessageRetentionPeriod": "MessageRetentionPeriod",
    "DelaySeconds": "DelaySeconds",
    "MaximumMessageSize": "MaximumMessageSize",
    "ReceiveMessageWaitTimeSeconds": "ReceiveMessageWaitTimeSeconds",
    "KmsMasterKeyId": "KmsMasterKeyId",
    "KmsDataKeyReusePeriodSeconds": "KmsDataKeyReusePeriodSeconds",
    "SqsManagedSseEnabled": "SqsManagedSseEnabled",
    "RedrivePolicy": "RedrivePolicy",
    "RedriveAllowPolicy": "RedriveAllowPolicy",
    "FifoQueue": "FifoQueue",
    "ContentBasedDeduplication": "ContentBasedDeduplication",
}
DEFAULTS = {
    "VisibilityTimeout": 30,
    "MessageRetentionPeriod": 345600,
    "DelaySeconds": 0,
    "MaximumMessageSize": 1048576,
    "ReceiveMessageWaitTimeSeconds": 0,
}
_JSON = ("RedrivePolicy", "RedriveAllowPolicy")


def url_of(ctx: Context, name: str, account: str = "") -> str:
    return f"https://sqs.{ctx.region}.amazonaws.com/{account or ctx.account}/{name}"


@resource_type(QUEUE)
class Queue(ResourceType):
    """A queue; its id is its URL. data: policy (a document or None), seq (a counter for messages)."""

    def identify(self, ctx: Context, properties: dict[str, Any], hint: str) -> str:
        return url_of(ctx, str(properties.get("QueueName") or self.new_name(hint, "QueueName")))

    def arn_for(self, ctx: Context, id: str, properties: dict[str, Any]) -> str:
        return ctx.arn("sqs", id.rpartition("/")[2])

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        name = properties.get("QueueName")
        if name and ctx.store.get(ctx.account, ctx.region, QUEUE, url_of(ctx, name)):
            raise AwsError("QueueNameExists", f"A queue already exists with the same name: {name}", 400)

    def created(self, ctx: Context, record: Record) -> None:
        record.data.update(policy=None)
        name = record.id.rpartition("/")[2]
        record.attributes = {"Arn": record.arn, "QueueName": name, "QueueUrl": record.id}

    def deleted(self, ctx: Context, record: Record) -> bool | None:
        for message in ctx.store.list(record.account, record.region, "Sandbox::SQS::Message"):
            if message.data["queue"] == record.id:
                ctx.store.remove(message)
        ctx.world.memory.get("sqs", {}).pop(record.id, None)
        return None


@resource_type(POLICY)
class QueuePolicy(ResourceType):
    """A policy on one or several queues."""

    def arn_for(self, ctx: Context, id: str, properties: dict[str, Any]) -> str:
        return ""

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        for url in properties["Queues"]:
            queue_get(ctx, url)

    def created(self, ctx: Context, record: Record) -> None:
        self._put(ctx, record.properties["Queues"], record.properties["PolicyDocument"])

    def updated(self, ctx: Context, record: Record, before: dict[str, Any]) -> None:
        gone = set(before["Queues"]) - set(record.properties["Queues"])
        self._put(ctx, sorted(gone), None)
        self.created(ctx, record)

    def deleting(self, ctx: Context, record: Record) -> None:
        self._put(ctx, record.properties["Queues"], None)

    @staticmethod
    def _put(ctx: Context, urls: list[str], document: Any) -> None:
        for url in urls:
            queue = queue_find(ctx, url)
            if queue is not None:
                queue.data["policy"] = document
                ctx.store.put(queue)


def queue_find(ctx: Context, url: str) -> Record | None:
    """By URL (any host), another account's too, or by name."""
    rest, _, name = url.rstrip("/").rpartition("/")
    account = rest.rpartition("/")[2]
    account = account if account.isdigit() else ctx.account
    return ctx.store.get(account, ctx.region, QUEUE, url_of(ctx, name, account))


def queue_get(ctx: Context, url: str) -> Record:
    """By URL (any host) or name. Raises QueueDoesNotExist."""
    record = queue_find(ctx, url)
    if record is None or record.pending == "delete":
        raise AwsError("QueueDoesNotExist", "The specified queue does not exist.", 400)
    return record


def _properties(attributes: dict[str, str]) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    for name, value in attributes.items():
        if name not in ATTRIBUTES:
            if name == "Policy":
                continue
            raise AwsError("InvalidAttributeName", f"Unknown Attribute {name}.", 400)
        if name in _JSON:
            properties[name] = json.loads(value)
        elif value in ("true", "false"):
            properties[name] = value == "true"
        else:
            properties[name] = int(value) if value.isdigit() else value
    return properties


def text_of(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value) if isinstance(value, dict) else str(value)


@operation("sqs", "CreateQueue")
def create_queue(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    attributes = params.get("Attributes") or {}
    properties = {"QueueName": params["QueueName"], **_properties(attributes)}
    existing = queue_find(ctx, params["QueueName"])
    if existing is not None:
        if existing.pending == "delete":
            raise AwsError(
                "QueueDeletedRecently", "You must wait 60 seconds after deleting a queue before you can create "
                "another with the same name.", 400)  # fmt: skip
        if all(
            existing.properties.get(k, DEFAULTS.get(k)) == v
            for k, v in properties.items()
            if k != "QueueName"
        ):
            return {"QueueUrl": existing.id}
        raise AwsError(
            "QueueNameExists",
            "A queue already exists with the same name and a different value for attribute",
            400,
        )
    record = ctx.world.create(ctx, QUEUE, properties, tags=dict(params.get("tags") or {}), at_once=True)
    if attributes.get("Policy"):
        record.data["policy"] = json.loads(attributes["Policy"])
    return {"QueueUrl": record.id}


@operation("sqs", "GetQueueUrl")
def get_queue_url(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    owner = params.get("QueueOwnerAWSAccountId") or ctx.account
    return {"QueueUrl": queue_get(ctx, url_of(ctx, params["QueueName"], owner)).id}


@operation("sqs", "ListQueues")
def list_queues(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    prefix = params.get("QueueNamePrefix") or ""
    records = ctx.store.list(ctx.account, ctx.region, QUEUE)
    return {"QueueUrls": [r.id for r in records if r.id.rpartition("/")[2].startswith(prefix)]}


@operation("sqs", "SetQueueAttributes")
def set_queue_attributes(ctx: Context, params: dict[str, Any]) -> None:
    record = queue_get(ctx, params["QueueUrl"])
    given = params["Attributes"]
    ctx.world.update(ctx, record, {**record.properties, **_properties(given)}, at_once=True)
    if "Policy" in given:
        record.data["policy"] = json.loads(given["Policy"]) if given["Policy"] else None


@operation("sqs", "DeleteQueue")
def delete_queue(ctx: Context, params: dict[str, Any]) -> None:
    record = queue_get(ctx, params["QueueUrl"])
    ctx.world.delete(ctx, record)


@operation("sqs", "ListQueueTags")
def list_queue_tags(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    return {"Tags": dict(queue_get(ctx, params["QueueUrl"]).tags)}


@operation("sqs", "TagQueue")
def tag_queue(ctx: Context, params: dict[str, Any]) -> None:
    record = queue_get(ctx, params["QueueUrl"])
    record.tags.update(params["Tags"])
    ctx.store.put(record)


@operation("sqs", "UntagQueue")
def untag_queue(ctx: Context, params: dict[str, Any]) -> None:
    record = queue_get(ctx, params["QueueUrl"])
    for key in params["TagKeys"]:
        record.tags.pop(key, None)
    ctx.store.put(record)
