"""Usage events on their way to Data Firehose: taken at once, sent in batches by a thread beside the requests.

An event that cannot be sent is tried again; what is too much is dropped and counted. No request waits for any of it.
"""

from __future__ import annotations

import json
import queue
import threading
import time
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from .aws import Unavailable, asked, client

TEXTS = ("event_id", "name", "happened_at", "user_sub", "session_id", "platform")
LONGEST_TEXT, MOST_PROPERTIES = 200, 20
BATCH, HELD, TRIES = 500, 10_000, 5
PAUSE_S = 1.0


class BadEvent(Exception):
    """What was sent is no event; the text says why."""


def event_of(given: Any) -> dict[str, Any]:
    """An event with what is missing filled in. Raises BadEvent."""
    if not isinstance(given, dict) or not given.get("name"):
        raise BadEvent("An event is an object with a name.")
    texts = {key: given[key] for key in TEXTS if given.get(key) is not None}
    properties = given.get("properties") or {}
    if set(given) - {*TEXTS, "properties"}:
        raise BadEvent(f"An event has {', '.join(TEXTS)} and properties.")
    if not isinstance(properties, dict) or len(properties) > MOST_PROPERTIES:
        raise BadEvent(f"Properties are an object of at most {MOST_PROPERTIES} texts.")
    for key, value in {**texts, **properties}.items():
        if not isinstance(value, str) or len(value) > LONGEST_TEXT or len(key) > LONGEST_TEXT:
            raise BadEvent(f"{key[:40]} is no text of at most {LONGEST_TEXT} characters.")
    happened_at = _moment(texts["happened_at"]) if "happened_at" in texts else datetime.now(UTC)
    return {
        "event_id": str(uuid.uuid4()),
        **texts,
        "happened_at": happened_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "properties": properties,
    }


def _moment(text: str) -> datetime:
    """A time in UTC: the table's timestamps know no zones, and Firehose takes none but Z. Raises BadEvent."""
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as problem:
        raise BadEvent("happened_at is a time as 2026-11-28T10:00:00Z.") from problem


class Usage:
    """The way out for events; without EVENTS_STREAM there is none."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment, self._stream = environment, environment.get("EVENTS_STREAM", "")
        self._held: queue.Queue[tuple[int, bytes]] = queue.Queue(HELD)
        self._over = threading.Event()
        self.dropped = 0
        self._thread = threading.Thread(target=self._run, name="usage", daemon=True)
        if self._stream:
            self._thread.start()

    @property
    def on(self) -> bool:
        """Whether this environment takes events."""
        return bool(self._stream)

    def take(self, event: Mapping[str, Any]) -> bool:
        """Whether there was room for the event (of `event_of`)."""
        try:
            self._held.put_nowait((0, json.dumps(event).encode()))
        except queue.Full:
            self.dropped += 1
            return False
        return True

    def close(self) -> None:
        """Send what is held, and end; an end that takes longer than an instance's does is cut off."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    def _run(self) -> None:
        firehose: Any = None
        while not (self._over.is_set() and self._held.empty()):
            batch = self._batch()
            if not batch:
                continue
            try:
                firehose = firehose or client("firehose", self._environment)
                left = _send(firehose, self._stream, batch)
            except Unavailable as problem:
                print(f"usage events wait: {problem}", flush=True)
                left = batch
            self._again(left)

    def _batch(self) -> list[tuple[int, bytes]]:
        """The next events: as soon as there is one, those of a moment together."""
        try:
            found = [self._held.get(timeout=PAUSE_S)]
        except queue.Empty:
            return []
        if not self._over.is_set():
            self._over.wait(PAUSE_S / 4)
        while len(found) < BATCH:
            try:
                found.append(self._held.get_nowait())
            except queue.Empty:
                break
        return found

    def _again(self, left: list[tuple[int, bytes]]) -> None:
        for tries, data in left:
            if tries + 1 >= TRIES or self._over.is_set():
                self.dropped += 1
                continue
            try:
                self._held.put_nowait((tries + 1, data))
            except queue.Full:
                self.dropped += 1
        if left:
            time.sleep(PAUSE_S)


def _send(firehose: Any, stream: str, batch: list[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
    """What of the batch Firehose did not take."""
    records = [{"Data": data} for _, data in batch]
    answer = asked(
        "usage events", lambda: firehose.put_record_batch(DeliveryStreamName=stream, Records=records)
    )
    if not answer["FailedPutCount"]:
        return []
    told = zip(batch, answer["RequestResponses"], strict=True)
    return [one for one, response in told if response.get("ErrorCode")]
