"""Notifications: who is in a segment, on which devices, and the messages to them.

A segment is a named query of the environment's Athena workgroup, `segment-<name>`, whose first column is the users.
Devices are in a table by user: {user_sub, token, channel, seen_at, expires_at}. Push messages go out by End User
Messaging, at most 100 addresses to a call; e-mail by SES.
"""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cached_property, partial
from typing import Any

from .aws import Unavailable, asked, client

MOST_ADDRESSES = 100
MOST_USERS = 500
"""After how many users a batch ends whatever is in it: few of them may have a device."""
QUERY_WITHIN_S = 300
TRIES = 3
DEVICE_DAYS = 180
AGAIN = {"THROTTLED", "TEMPORARY_FAILURE", "TIMEOUT", "UNKNOWN_FAILURE"}
"""What may succeed at another try (Pinpoint API reference, MessageResult)."""
GONE = 410
"""The status of a token that Apple or Google no longer know."""

Device = tuple[str, str]
"""Token and channel (APNS, APNS_SANDBOX, GCM)."""


class Notifications:
    """What the environment can send, and to whom; each part where its variable is set."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._table = environment.get("DEVICES_TABLE", "")

    @property
    def on(self) -> bool:
        """Whether this environment sends notifications."""
        return bool(self._table)

    @cached_property
    def _athena(self) -> Any:
        return client("athena", self._environment)

    @cached_property
    def _dynamodb(self) -> Any:
        return client("dynamodb", self._environment)

    @cached_property
    def _pinpoint(self) -> Any:
        return client("pinpoint", self._environment)

    @cached_property
    def _ses(self) -> Any:
        return client("sesv2", self._environment)

    # -- devices

    def register(self, user: str, token: str, channel: str) -> None:
        """Note a user's device; noted again each time the application is opened on it."""
        now = datetime.now(UTC)
        item = {
            "user_sub": {"S": user},
            "token": {"S": token},
            "channel": {"S": channel},
            "seen_at": {"S": now.isoformat(timespec="seconds")},
            "expires_at": {"N": str(int(now.timestamp()) + DEVICE_DAYS * 86400)},
        }
        asked("devices", lambda: self._dynamodb.put_item(TableName=self._table, Item=item))

    def devices(self, user: str) -> list[Device]:
        """A user's devices."""
        pages = self._dynamodb.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="user_sub = :user",
            ExpressionAttributeValues={":user": {"S": user}},
        )
        rows = asked("devices", lambda: [row for page in pages for row in page["Items"]])
        return [(row["token"]["S"], row["channel"]["S"]) for row in rows]

    def forget(self, user: str, token: str) -> None:
        """A device that takes nothing any more."""
        key = {"user_sub": {"S": user}, "token": {"S": token}}
        asked("devices", lambda: self._dynamodb.delete_item(TableName=self._table, Key=key))

    # -- segments

    def segment(self, name: str, order: str) -> list[str]:
        """The users of a segment, in order. The same order gets the same answer again. Raises Unavailable."""
        group = self._environment.get("ATHENA_WORKGROUP", "")
        if not group:
            raise Unavailable("segments: this environment has no analytics")
        query = self._named_query(group, f"segment-{name}")
        started = asked(
            "segments",
            lambda: self._athena.start_query_execution(
                QueryString=query["QueryString"],
                QueryExecutionContext={"Database": query["Database"]},
                WorkGroup=group,
                ClientRequestToken=hashlib.sha256(f"{order} {name}".encode()).hexdigest(),
            ),
        )
        id = started["QueryExecutionId"]
        self._wait(id)
        pages = self._athena.get_paginator("get_query_results").paginate(QueryExecutionId=id)
        rows = asked("segments", lambda: [row for page in pages for row in page["ResultSet"]["Rows"]])
        # The first row holds the columns' names.
        return [str(row["Data"][0]["VarCharValue"]) for row in rows[1:]]

    def _named_query(self, group: str, name: str) -> dict[str, Any]:
        pages = self._athena.get_paginator("list_named_queries").paginate(WorkGroup=group)
        ids = asked("segments", lambda: [id for page in pages for id in page["NamedQueryIds"]])
        for start in range(0, len(ids), 50):
            part = ids[start : start + 50]
            found = asked("segments", partial(self._athena.batch_get_named_query, NamedQueryIds=part))
            for query in found["NamedQueries"]:
                if query["Name"] == name:
                    return dict(query)
        raise Unavailable(f"segments: there is no query {name}")

    def _wait(self, id: str) -> None:
        until, pause = time.monotonic() + QUERY_WITHIN_S, 0.1
        while time.monotonic() < until:
            run = asked("segments", lambda: self._athena.get_query_execution(QueryExecutionId=id))
            status = run["QueryExecution"]["Status"]
            if status["State"] == "SUCCEEDED":
                return
            if status["State"] in ("FAILED", "CANCELLED"):
                raise Unavailable(f"segments: {status.get('StateChangeReason', status['State'])}")
            time.sleep(pause)
            pause = min(pause * 2, 2.0)
        raise Unavailable(f"segments: query {id} has no answer after {QUERY_WITHIN_S} s")

    # -- messages

    def push(self, title: str, body: str, owners: Mapping[str, tuple[str, str]]) -> Counter[str]:
        """Send to at most 100 devices ({token: (user, channel)}); answers how many were sent, failed and gone.

        What may succeed later is tried again; devices that are gone are forgotten.
        """
        told: Counter[str] = Counter()
        left = dict(owners)
        for attempt in range(TRIES):
            result = self._sent(title, body, left)
            for token, one in result.items():
                if one["DeliveryStatus"] == "SUCCESSFUL":
                    told["sent"] += 1
                elif one.get("StatusCode") == GONE:
                    told["gone"] += 1
                    self.forget(left[token][0], token)
                elif one["DeliveryStatus"] not in AGAIN or attempt + 1 == TRIES:
                    told["failed"] += 1
            left = {t: left[t] for t, one in result.items() if one["DeliveryStatus"] in AGAIN}
            if not left:
                break
            time.sleep(0.5 * 2**attempt)
        return told

    def _sent(self, title: str, body: str, owners: Mapping[str, tuple[str, str]]) -> dict[str, Any]:
        request = {
            "Addresses": {token: {"ChannelType": channel} for token, (_, channel) in owners.items()},
            "MessageConfiguration": {
                "DefaultPushNotificationMessage": {"Action": "OPEN_APP", "Title": title, "Body": body}
            },
        }
        application = self._environment.get("PUSH_APPLICATION_ID", "")
        if not application:
            raise Unavailable("push: this region has none")
        answer = asked(
            "push",
            lambda: self._pinpoint.send_messages(ApplicationId=application, MessageRequest=request),
        )
        return dict(answer["MessageResponse"]["Result"])

    def mail(self, to: str, title: str, body: str) -> None:
        """One e-mail, to one person: no recipient sees another."""
        sender = f"notifications@{self._environment['MAIL_DOMAIN']}"
        content = {"Subject": {"Data": title}, "Body": {"Text": {"Data": body}}}
        asked(
            "mail",
            lambda: self._ses.send_email(
                FromEmailAddress=sender,
                Destination={"ToAddresses": [to]},
                Content={"Simple": content},
                ConfigurationSetName=self._environment["MAIL_CONFIGURATION_SET"],
            ),
        )


def batches(
    notifications: Notifications, users: list[str], begin: int = 0
) -> Iterator[tuple[int, dict[str, tuple[str, str]]]]:
    """Devices of the users from `begin` on, at most 100 at a time, with how many users are through after it.

    A batch may be empty, which tells only how far it has come.
    """
    batch: dict[str, tuple[str, str]] = {}
    told = begin
    for number, user in enumerate(users[begin:], begin):
        found = notifications.devices(user)
        if (batch and len(batch) + len(found) > MOST_ADDRESSES) or number - told == MOST_USERS:
            yield number, batch
            batch, told = {}, number
        for token, channel in found:
            if len(batch) == MOST_ADDRESSES:
                # One user with more devices than a call takes: this user is through with the last of them.
                yield number, batch
                batch = {}
            batch[token] = (user, channel)
    if batch:
        yield len(users), batch
