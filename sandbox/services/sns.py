"""SNS: topics that AWS's services put messages into, and queues that get them. A mail is never sent from here.

Source: SNS developer guide, "Parsing message formats" (the envelope), "Key management" (a service needs the topic's
key; EventBridge names no source), "Fanout to Amazon SQS queues" (the queue's policy); EventBridge user guide, "Using
resource-based policies" (no conditions in a topic's policy).
"""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.iam import services
from sandbox.registry import operation, resource_type
from sandbox.schema_types import SchemaType
from sandbox.services._listing import page
from sandbox.services.kms import keys
from sandbox.services.sqs.messages import send
from sandbox.store import Record

TOPIC = "AWS::SNS::Topic"
TOPIC_POLICY = "AWS::SNS::TopicPolicy"
SUBSCRIPTION = "AWS::SNS::Subscription"
SNS, EVENTS = "sns.amazonaws.com", "events.amazonaws.com"


@resource_type(TOPIC)
class Topic(SchemaType):
    """A topic; its id is its ARN. data: policy (a document; None: its owner alone)."""

    def identify(self, ctx: Context, properties: dict[str, Any], hint: str) -> str:
        return ctx.arn("sns", str(properties.get("TopicName") or self.new_name(hint, "TopicName")))

    def arn_for(self, ctx: Context, id: str, properties: dict[str, Any]) -> str:
        return id

    def created(self, ctx: Context, record: Record) -> None:
        record.attributes = {"TopicArn": record.id, "TopicName": record.id.rpartition(":")[2]}
        record.data["policy"] = None
        self._subscribe(ctx, record, [])

    def updated(self, ctx: Context, record: Record, before: dict[str, Any]) -> None:
        self._subscribe(ctx, record, list(before.get("Subscription") or ()))

    @staticmethod
    def _subscribe(ctx: Context, topic: Record, before: list[dict[str, Any]]) -> None:
        """Subscriptions that the template names come, and those that it named go."""
        now = list(topic.properties.get("Subscription") or ())
        for row in _subscriptions(ctx, topic.id):
            mine = {n: row.properties[n] for n in ("Endpoint", "Protocol")}
            if mine in before and mine not in now:
                ctx.store.remove(row)
        for given in now:
            if given not in before:
                properties = {**given, "TopicArn": topic.id}
                ctx.world.create(ctx, SUBSCRIPTION, properties, at_once=True)

    def deleted(self, ctx: Context, record: Record) -> None:
        for subscription in _subscriptions(ctx, record.id):
            if not subscription.stack:
                ctx.store.remove(subscription)


@resource_type(TOPIC_POLICY)
class TopicPolicy(SchemaType):
    """A policy on one or several topics."""

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        for arn in properties["Topics"]:
            _need(ctx, arn)

    def created(self, ctx: Context, record: Record) -> None:
        super().created(ctx, record)
        self._put(ctx, record.properties["Topics"], record.properties["PolicyDocument"])

    def updated(self, ctx: Context, record: Record, before: dict[str, Any]) -> None:
        self._put(ctx, before["Topics"], None)
        self._put(ctx, record.properties["Topics"], record.properties["PolicyDocument"])

    def deleting(self, ctx: Context, record: Record) -> None:
        self._put(ctx, record.properties["Topics"], None)

    @staticmethod
    def _put(ctx: Context, arns: list[str], document: Any) -> None:
        for arn in arns:
            topic = ctx.store.get(ctx.account, ctx.region, TOPIC, arn)
            if topic is not None:
                topic.data["policy"] = json.loads(document) if isinstance(document, str) else document
                ctx.store.put(topic)


@resource_type(SUBSCRIPTION)
class Subscription(SchemaType):
    """A subscription; its id is its ARN. One of a mail address waits for its owner to confirm it."""

    def identify(self, ctx: Context, properties: dict[str, Any], hint: str) -> str:
        return f"{properties['TopicArn']}:{uuid.uuid4()}"

    def arn_for(self, ctx: Context, id: str, properties: dict[str, Any]) -> str:
        return id

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        _need(ctx, properties["TopicArn"])

    def created(self, ctx: Context, record: Record) -> None:
        record.attributes = {"Arn": record.id}
        record.data["confirmed"] = record.properties["Protocol"] not in ("email", "email-json")


def put(ctx: Context, arn: str, subject: str, message: str, service: str, source_arn: str) -> str:
    """A service puts a message into a topic. Answers why it may not, or nothing."""
    topic = ctx.store.get(ctx.account, ctx.region, TOPIC, arn)
    if topic is None:
        return f"The topic {arn} does not exist"
    told = {"aws:SourceArn": source_arn, "aws:SourceAccount": ctx.account}
    source = {} if service == EVENTS else told
    if not services.may(ctx.world, topic.data.get("policy"), service, "sns:Publish", arn, source):
        return f"The policy of {arn} does not let {service} publish"
    key = topic.properties.get("KmsMasterKeyId")
    if key and not _may_encrypt(ctx, str(key), service, source):
        return f"The policy of the key {key} does not let {service} use it"
    _spread(ctx, topic, subject, message)
    return ""


def _may_encrypt(ctx: Context, id: str, service: str, source: dict[str, str]) -> bool:
    key = keys.by_id(ctx, id.rpartition("/")[2])
    if key is None:
        return False
    document = json.loads(keys.policy_text(key))
    return all(
        services.may(ctx.world, document, service, f"kms:{action}", key.arn, source)
        for action in ("GenerateDataKey", "Decrypt")
    )


def _spread(ctx: Context, topic: Record, subject: str, message: str) -> str:
    """A message to all subscribers; answers its id."""
    envelope = {
        "Type": "Notification",
        "MessageId": str(uuid.uuid4()),
        "TopicArn": topic.id,
        "Subject": subject,
        "Message": message,
        "Timestamp": datetime.fromtimestamp(ctx.now, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z",
    }
    for subscription in _subscriptions(ctx, topic.id):
        to = str(subscription.properties["Endpoint"])
        queue = ctx.store.by_arn(to) if subscription.properties["Protocol"] == "sqs" else None
        if queue is not None and services.may(
            ctx.world, queue.data.get("policy"), SNS, "sqs:SendMessage", to, {"aws:SourceArn": topic.id}
        ):
            raw = subscription.properties.get("RawMessageDelivery")
            send(ctx.world, queue, message if raw else json.dumps(envelope))
    return envelope["MessageId"]


def _need(ctx: Context, arn: str) -> Record:
    record = ctx.store.get(ctx.account, ctx.region, TOPIC, arn)
    if record is None:
        raise AwsError("NotFound", "Topic does not exist", 404)
    return record


def _subscriptions(ctx: Context, topic: str) -> list[Record]:
    records = ctx.store.list(ctx.account, ctx.region, SUBSCRIPTION)
    return [r for r in records if r.properties["TopicArn"] == topic]


@operation("sns", "ListTopics")
def list_topics(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    records = ctx.store.list(ctx.account, ctx.region, TOPIC)
    some, token = page(records, None, params.get("NextToken"), most=100)
    return {"Topics": [{"TopicArn": r.id} for r in some], **({"NextToken": token} if token else {})}


@operation("sns", "GetTopicAttributes")
def get_topic_attributes(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    topic = _need(ctx, params["TopicArn"])
    found = _subscriptions(ctx, topic.id)
    confirmed = sum(1 for r in found if r.data["confirmed"])
    attributes = {
        "TopicArn": topic.id,
        "Owner": topic.account,
        "DisplayName": str(topic.properties.get("DisplayName") or ""),
        "Policy": json.dumps(topic.data.get("policy") or {}),
        "SubscriptionsConfirmed": str(confirmed),
        "SubscriptionsPending": str(len(found) - confirmed),
    }
    if topic.properties.get("KmsMasterKeyId"):
        attributes["KmsMasterKeyId"] = str(topic.properties["KmsMasterKeyId"])
    return {"Attributes": attributes}


@operation("sns", "ListSubscriptionsByTopic")
def list_subscriptions_by_topic(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    rows = [
        {
            "SubscriptionArn": r.id if r.data["confirmed"] else "PendingConfirmation",
            "Owner": r.account,
            "Protocol": r.properties["Protocol"],
            "Endpoint": r.properties["Endpoint"],
            "TopicArn": r.properties["TopicArn"],
        }
        for r in _subscriptions(ctx, _need(ctx, params["TopicArn"]).id)
    ]
    some, token = page(rows, None, params.get("NextToken"), most=100)
    return {"Subscriptions": some, **({"NextToken": token} if token else {})}


@operation("sns", "Subscribe")
def subscribe(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    names = ("TopicArn", "Protocol", "Endpoint")
    properties: dict[str, Any] = {n: params[n] for n in names if n in params}
    record = ctx.world.create(ctx, SUBSCRIPTION, properties, at_once=True)
    return {"SubscriptionArn": record.id if record.data["confirmed"] else "pending confirmation"}


@operation("sns", "Unsubscribe")
def unsubscribe(ctx: Context, params: dict[str, Any]) -> None:
    record = ctx.store.get(ctx.account, ctx.region, SUBSCRIPTION, params["SubscriptionArn"])
    if record is not None:
        ctx.world.delete(ctx, record, at_once=True)


@operation("sns", "Publish")
def publish(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    topic = _need(ctx, str(params.get("TopicArn") or params.get("TargetArn") or ""))
    return {"MessageId": _spread(ctx, topic, str(params.get("Subject") or ""), str(params["Message"]))}
