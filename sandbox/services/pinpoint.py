"""AWS End User Messaging Push: applications, their channels, SendMessages. Of Pinpoint's rest nothing is left in AWS.

A token that begins with `gone` is one that Apple or Google no longer know.
Source: Amazon Pinpoint API reference, "Messages"; End User Messaging Push user guide.
"""

from __future__ import annotations

import json
import uuid
from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import operation, resource_type
from sandbox.schema_types import SchemaType
from sandbox.services import sent
from sandbox.store import Record

APPLICATION = "AWS::Pinpoint::App"
CHANNELS = {
    "APNS": "AWS::Pinpoint::APNSChannel",
    "APNS_SANDBOX": "AWS::Pinpoint::APNSSandboxChannel",
    "GCM": "AWS::Pinpoint::GCMChannel",
}
MOST_ADDRESSES = 100
GONE = "gone"


def _bad(message: str) -> AwsError:
    return AwsError("BadRequestException", message, 400, RequestID=str(uuid.uuid4()), Message=message)


@resource_type(APPLICATION)
class Application(SchemaType):
    """An application; its id has 32 hexadecimal digits."""

    def identify(self, ctx: Context, properties: dict[str, Any], hint: str) -> str:
        return uuid.uuid4().hex

    def arn_for(self, ctx: Context, id: str, properties: dict[str, Any]) -> str:
        return ctx.arn("mobiletargeting", f"apps/{id}")

    def deleted(self, ctx: Context, record: Record) -> bool | None:
        for kind in CHANNELS.values():
            for channel in _channels(ctx, record.id, kind):
                ctx.store.remove(channel)
        return None


@resource_type(*CHANNELS.values())
class Channel(SchemaType):
    """A channel: one of its kind in an application, with the credentials of Apple or Google."""

    def identify(self, ctx: Context, properties: dict[str, Any], hint: str) -> str:
        return f"{properties['ApplicationId']}|{self.name.rpartition('::')[2]}"

    def arn_for(self, ctx: Context, id: str, properties: dict[str, Any]) -> str:
        return ""

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        if ctx.store.get(ctx.account, ctx.region, APPLICATION, properties["ApplicationId"]) is None:
            raise AwsError("NotFoundException", "Resource not found", 404)
        self._check(properties)

    def check_update(self, ctx: Context, record: Record, properties: dict[str, Any]) -> None:
        self._check(properties)

    def _check(self, properties: dict[str, Any]) -> None:
        if self.name == CHANNELS["GCM"]:
            try:
                account = json.loads(properties.get("ServiceJson") or "")
            except ValueError as problem:
                raise _bad("ServiceJson is not valid JSON") from problem
            if not isinstance(account, dict) or not account.get("private_key"):
                raise _bad("ServiceJson is no service account's key")
        elif not all(properties.get(name) for name in ("BundleId", "TeamId", "TokenKey", "TokenKeyId")):
            raise _bad("Token authentication needs BundleId, TeamId, TokenKey and TokenKeyId")


def _channels(ctx: Context, application: str, kind: str) -> list[Record]:
    found = ctx.store.list(ctx.account, ctx.region, kind)
    return [record for record in found if record.properties["ApplicationId"] == application]


def _application(ctx: Context, id: str) -> Record:
    record = ctx.store.get(ctx.account, ctx.region, APPLICATION, id)
    if record is None:
        raise AwsError("NotFoundException", "Resource not found", 404)
    return record


@operation("pinpoint", "GetApp")
def get_app(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = _application(ctx, params["ApplicationId"])
    return {"ApplicationResponse": {"Id": record.id, "Arn": record.arn, "Name": record.properties["Name"]}}


@operation("pinpoint", "SendMessages")
def send_messages(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    application = _application(ctx, params["ApplicationId"])
    request = params["MessageRequest"]
    addresses = request.get("Addresses") or {}
    if not 1 <= len(addresses) <= MOST_ADDRESSES:
        raise _bad(f"A request has 1 to {MOST_ADDRESSES} addresses")
    messages = request.get("MessageConfiguration") or {}
    result = {
        token: _send(ctx, application, token, address.get("ChannelType", ""), messages)
        for token, address in addresses.items()
    }
    return {
        "MessageResponse": {
            "ApplicationId": application.id,
            "RequestId": str(uuid.uuid4()),
            "Result": result,
        }
    }


def _send(
    ctx: Context, application: Record, token: str, channel: str, messages: dict[str, Any]
) -> dict[str, Any]:
    kind = CHANNELS.get(channel)
    set_up = [r for r in _channels(ctx, application.id, kind or "") if r.properties.get("Enabled", True)]
    if not set_up:
        return _status("PERMANENT_FAILURE", 400, f"No enabled channel {channel} in the application")
    if token.startswith(GONE):
        return _status("PERMANENT_FAILURE", 410, "The token is not registered any more")
    own = "GCMMessage" if channel == "GCM" else "APNSMessage"
    message = messages.get(own) or messages.get("DefaultPushNotificationMessage")
    if not message:
        return _status("PERMANENT_FAILURE", 400, f"No message for channel {channel}")
    sent.note(ctx, "push", application=application.id, token=token, channel=channel, message=message)
    return {**_status("SUCCESSFUL", 200, "Accepted"), "MessageId": uuid.uuid4().hex}


def _status(status: str, code: int, message: str) -> dict[str, Any]:
    return {"DeliveryStatus": status, "StatusCode": code, "StatusMessage": message}
