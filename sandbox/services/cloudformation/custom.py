"""Custom resources: a request to the SNS topic of the ServiceToken, then the wait for a PUT to its ResponseURL.

CloudFormation user guide, "CloudFormation custom resource request and response reference". Of a topic's subscriptions
those of protocol sqs are served: whoever reads the queue is the provider. Lambda functions are not run: a
ServiceToken that is one fails at once, and says so. ResponseURL is the sandbox's own: PUT /_sandbox/responses/<id>.
"""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sandbox.errors import AwsError
from sandbox.registry import resource_type
from sandbox.resource_types import ResourceType
from sandbox.services.sqs.messages import send
from sandbox.store import Record

if TYPE_CHECKING:
    from sandbox.context import Context
    from sandbox.world import World

DEFAULT_TIMEOUT_S = 3600
MAX_RESPONSE = 4096


def failed(message: str) -> AwsError:
    """A failure that CloudFormation tells in these words, without a handler's around them."""
    return AwsError("CustomResource", message)


@resource_type("AWS::CloudFormation::CustomResource")
class CustomResource(ResourceType):
    """Also every type whose name begins with Custom::."""

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        _queues(ctx.world, str(properties["ServiceToken"]))

    def created(self, ctx: Context, record: Record) -> None:
        _ask(ctx, record, "Create", {})

    def updated(self, ctx: Context, record: Record, before: dict[str, Any]) -> None:
        _ask(ctx, record, "Update", {"OldResourceProperties": before})
        record.data["request"]["before"] = before

    def deleting(self, ctx: Context, record: Record) -> None:
        _ask(ctx, record, "Delete", {})

    def ready(self, ctx: Context, record: Record, action: str) -> None:
        self._answered(ctx, record, action)

    def deleted(self, ctx: Context, record: Record) -> bool | None:
        waits = not self._answered(ctx, record, "delete")
        if waits:
            record.state = self.state_deleting
        return waits

    def duration(self, ctx: Context, record: Record, action: str) -> float:
        return 0.0  # as long as the provider takes: `_answered` waits

    def ref(self, record: Record) -> str:
        return str(record.data.get("physical_id") or record.id)

    def _answered(self, ctx: Context, record: Record, action: str) -> bool:
        """Take the response, or wait on. Raises AwsError: FAILED, unusable, or none in time."""
        request = record.data["request"]
        response = request.pop("response", None)
        if response is not None:
            _take(ctx.world, record, request, response)
            return True
        if ctx.now >= request["until"]:
            raise failed(
                "CloudFormation did not receive a response from your Custom Resource. Please check your logs for "
                f"requestId [{request['id']}]. If you are using the Python cfn-response module, you may need to update "
                "your Lambda function code so that CloudFormation can attach the updated version."
            )
        ctx.world.postpone(ctx, record, action, request["until"] - ctx.now)
        return False


def _queues(world: World, token: str) -> list[tuple[Record, bool]]:
    """Queues that the topic delivers to, and whether raw. Raises AwsError where there is no provider."""
    if ":lambda:" in token:
        raise failed(f"The sandbox runs no Lambda functions: {token} provides no custom resource")
    topic = world.store.by_arn(token)
    if topic is None or topic.type != "AWS::SNS::Topic":
        raise failed(f"There is no SNS topic {token}: nobody provides the custom resource")
    found = []
    for subscription in world.store.list(topic.account, topic.region, "AWS::SNS::Subscription"):
        of = subscription.properties
        if of.get("TopicArn") != token or of.get("Protocol") != "sqs":
            continue
        queue = world.store.by_arn(str(of.get("Endpoint")))
        if queue is not None and queue.type == "AWS::SQS::Queue":
            found.append((queue, bool(of.get("RawMessageDelivery"))))
    if not found:
        raise failed(f"No queue is subscribed to {token}: nobody provides the custom resource")
    return found


def _ask(ctx: Context, record: Record, kind: str, more: dict[str, Any]) -> None:
    properties, world = dict(record.properties), ctx.world
    timeout = float(properties.get("ServiceTimeout") or DEFAULT_TIMEOUT_S)
    id = str(uuid.uuid4())
    record.data["request"] = {"id": id, "until": ctx.now + timeout, "kind": kind}
    world.store.put(record)
    request = {
        "RequestType": kind,
        "ServiceToken": properties["ServiceToken"],
        "ResponseURL": f"{world.base_url}/_sandbox/responses/{id}",
        "StackId": record.stack,
        "RequestId": id,
        "LogicalResourceId": record.logical_id,
        "ResourceType": record.type,
        "ResourceProperties": properties,
        **more,
    }
    if kind != "Create":
        request["PhysicalResourceId"] = world.type(record.type).ref(record)
    body = json.dumps(request)
    for queue, raw in _queues(world, str(properties["ServiceToken"])):
        send(world, queue, body if raw else _notification(ctx, str(properties["ServiceToken"]), body))


def _notification(ctx: Context, topic: str, body: str) -> str:
    at = datetime.fromtimestamp(ctx.now, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return json.dumps(
        {
            "Type": "Notification",
            "MessageId": str(uuid.uuid4()),
            "TopicArn": topic,
            "Subject": "AWS CloudFormation custom resource request",
            "Message": body,
            "Timestamp": at,
        }
    )


def _take(world: World, record: Record, request: dict[str, Any], response: dict[str, Any]) -> None:
    if len(json.dumps(response)) > MAX_RESPONSE:
        raise failed("Response object is too long.")
    physical_id = response.get("PhysicalResourceId")
    if isinstance(physical_id, str) and physical_id and request["kind"] != "Delete":
        if request["kind"] == "Update" and physical_id != record.data["physical_id"]:
            _replaced(
                world, record, request["before"]
            )  # a failed Update too: github.com/aws/aws-cdk/issues/30012
        record.data["physical_id"] = physical_id
    if response.get("Status") != "SUCCESS":
        reason = response.get("Reason") or ""
        raise failed(
            "Received response status [FAILED] from custom resource. Message returned: "
            f"{reason} (RequestId: {request['id']})"
        )
    if not isinstance(physical_id, str) or not physical_id:
        raise failed("Invalid PhysicalResourceId")
    if request["kind"] != "Delete":
        record.attributes = dict(response.get("Data") or {})


def _replaced(world: World, record: Record, before: dict[str, Any]) -> None:
    """Put the resource that an Update has replaced in a record of its own, for the cleanup or the way back to find."""
    old = Record(
        record.account,
        record.region,
        record.type,
        str(uuid.uuid4()),
        properties=before,
        attributes=record.attributes,
        state=CustomResource.state_ready,
        created_at=record.created_at,
        updated_at=record.updated_at,
        stack=record.stack,
        logical_id=record.logical_id,
        data={"physical_id": record.data["physical_id"]},
    )
    record.data["replaced"] = list(world.store.put(old).key)


def respond(world: World, id: str, response: dict[str, Any]) -> bool:
    """A provider's PUT to a ResponseURL. False: nobody waits for it."""
    for record in world.store.all():
        request = record.data.get("request") if record.pending else None
        if not isinstance(request, dict) or request.get("id") != id:
            continue
        named = (response.get("StackId"), response.get("RequestId"), response.get("LogicalResourceId"))
        if named != (record.stack, id, record.logical_id):
            return False  # AWS too goes on waiting for one that names its request
        request["response"] = response
        world.postpone(world.context(record.account, record.region), record, str(record.pending), 0)
        return True
    return False
