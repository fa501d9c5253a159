"""Orders to notify people: taken from the environment's queue and worked off by a thread beside the requests.

An order is JSON: {"title", "body"} and either "segment" (a name), "users" (subs) or "mails" (addresses); "dry_run":
true counts and sends nothing. Who may put one there is AWS's to decide (sqs:SendMessage).

A queue delivers at least once, and instances end in the middle of work. So how far an order has come is noted after
each batch: whoever gets it again carries on there, and at most one batch of 100 is sent twice. The note is kept for a
month in the table of devices, under a user that none can be: `order#<id>`.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Mapping
from functools import cached_property, partial
from typing import Any

from .aws import Unavailable, asked, client
from .notifications import QUERY_WITHIN_S, Notifications, batches

WAIT_S, LEASE_S = 10, 120
"""How long the queue is asked at a time, and how long a batch may take before another instance takes the order."""
NOTED_DAYS = 30
COUNTS = ("sent", "failed", "gone", "devices")


class BadOrder(Exception):
    """What was in the queue is no order; the text says why. It is left to the queue of what failed."""


def order_of(text: str) -> dict[str, Any]:
    """The order in a message. Raises BadOrder."""
    try:
        order = json.loads(text)
    except ValueError as problem:
        raise BadOrder("An order is JSON.") from problem
    if not isinstance(order, dict) or not all(isinstance(order.get(k), str) for k in ("title", "body")):
        raise BadOrder("An order has a title and a body.")
    chosen = [key for key in ("segment", "users", "mails") if order.get(key)]
    if len(chosen) != 1:
        raise BadOrder("An order is for a segment, for users or for mails: one of them.")
    wanted = str if chosen == ["segment"] else list
    if not isinstance(order[chosen[0]], wanted):
        raise BadOrder(f"{chosen[0]} is no {'text' if wanted is str else 'list'}.")
    if not isinstance(order.get("dry_run", False), bool):
        raise BadOrder("dry_run is true or false.")
    return order


class Orders:
    """The thread; without ORDERS_QUEUE there is none."""

    def __init__(self, environment: Mapping[str, str], notifications: Notifications) -> None:
        self._environment, self._notifications = environment, notifications
        self._queue, self._table = environment.get("ORDERS_QUEUE", ""), environment.get("DEVICES_TABLE", "")
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="orders", daemon=True)
        if self.on:
            self._thread.start()

    @property
    def on(self) -> bool:
        """Whether this environment takes orders."""
        return bool(self._queue and self._table)

    @cached_property
    def _sqs(self) -> Any:
        return client("sqs", self._environment, read_timeout_s=WAIT_S + 5)

    @cached_property
    def _dynamodb(self) -> Any:
        return client("dynamodb", self._environment)

    def close(self) -> None:
        """No further order is begun; the batch under way ends."""
        self._over.set()

    def _run(self) -> None:
        while not self._over.is_set():
            try:
                self._next()
            except Unavailable as problem:
                print(f"orders wait: {problem}", flush=True)
                self._over.wait(5)

    def _next(self) -> None:
        answer = asked(
            "orders",
            lambda: self._sqs.receive_message(
                QueueUrl=self._queue, MaxNumberOfMessages=1, WaitTimeSeconds=WAIT_S, VisibilityTimeout=LEASE_S
            ),
        )
        for message in answer.get("Messages", ()):
            handle = message["ReceiptHandle"]
            try:
                self.carry_out(message["MessageId"], order_of(message["Body"]), handle)
            except BadOrder as problem:
                print(f"order {message['MessageId']} is none: {problem}", flush=True)
                continue
            asked("orders", partial(self._sqs.delete_message, QueueUrl=self._queue, ReceiptHandle=handle))

    def carry_out(self, id: str, order: Mapping[str, Any], handle: str) -> None:
        """Do what of the order is left to do, and note it."""
        note = self.note(id) or {"state": "working", "through": 0}
        if note["state"] == "finished":
            return
        counts = Counter({key: int(note.get(key, 0)) for key in COUNTS})
        dry = bool(order.get("dry_run"))
        people = self._people(id, order, handle)
        through = int(note["through"])
        if order.get("mails"):
            for number in range(through, len(people)):
                if not dry:
                    self._notifications.mail(people[number], order["title"], order["body"])
                    counts["sent"] += 1
                self._noted(id, handle, "working", number + 1, counts, len(people), dry)
        else:
            for done, devices in batches(self._notifications, people, through):
                counts["devices"] += len(devices)
                if devices and not dry:
                    counts += self._notifications.push(order["title"], order["body"], devices)
                self._noted(id, handle, "working", done, counts, len(people), dry)
        self._noted(id, handle, "finished", len(people), counts, len(people), dry)

    def _people(self, id: str, order: Mapping[str, Any], handle: str) -> list[str]:
        if order.get("segment"):
            # A query may take longer than a batch: nobody else is to begin the order meanwhile.
            self._keep(handle, QUERY_WITHIN_S + LEASE_S)
            return self._notifications.segment(order["segment"], id)
        return [str(one) for one in order.get("users") or order["mails"]]

    def _noted(
        self, id: str, handle: str, state: str, through: int, counts: Counter[str], people: int, dry: bool
    ) -> None:
        told = {"state": state, "through": through, "people": people, "dry_run": dry, **counts}
        item: dict[str, Any] = {
            "user_sub": {"S": f"order#{id}"},
            "token": {"S": "note"},
            "told": {"S": json.dumps(told)},
            "expires_at": {"N": str(int(time.time()) + NOTED_DAYS * 86400)},
        }
        asked("orders", lambda: self._dynamodb.put_item(TableName=self._table, Item=item))
        if state == "finished":
            print(f"order {id}: {json.dumps(told)}", flush=True)
            return
        self._keep(handle, LEASE_S)

    def _keep(self, handle: str, seconds: int) -> None:
        """Have the queue give the order to nobody else for so long."""
        asked(
            "orders",
            lambda: self._sqs.change_message_visibility(
                QueueUrl=self._queue, ReceiptHandle=handle, VisibilityTimeout=seconds
            ),
        )

    def note(self, id: str) -> dict[str, Any] | None:
        """How far an order has come: {"state", "through", "people", "dry_run", "sent", …}; None: nobody knows it."""
        key = {"user_sub": {"S": f"order#{id}"}, "token": {"S": "note"}}
        found = asked(
            "orders", lambda: self._dynamodb.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        ).get("Item")
        return dict(json.loads(found["told"]["S"])) if found else None
