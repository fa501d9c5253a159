"""Telling people: the outbox is addressed, and what is due is sent, some at a time.

Threads wait for the network, this thread alone works on rows: contents are made before, outcomes written after.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed

import structlog
from cryptography.fernet import InvalidToken

from environments.notifications.contents import Message, messages_make
from environments.notifications.deliveries import Outcome, deliveries_claim, delivery_settle
from environments.notifications.fanout import BATCH, notices_address
from environments.notifications.models import Delivery, Medium
from environments.operations.pauses import pause_covering
from workers.chats import chat_send
from workers.faultpoints import fault_point
from workers.mails import mails_send
from workers.webhooks import webhook_send

log = structlog.get_logger(__name__)

ROUNDS = 10
"""Batches that one task addresses: it stays short."""

Results = Iterator[tuple[Delivery, Outcome]]


def address() -> int:
    """Address what is in the outbox; answers how many notices. Nothing while everything is paused: a database that
    was restored may hold what was told long ago.
    """
    addressed = 0
    for _ in range(ROUNDS):
        if pause_covering("") is not None:
            break
        count = notices_address()
        addressed += count
        if count < BATCH:
            break
    return addressed


def deliver() -> int:
    """Send what is due, as far as there is room; answers how many deliveries were tried."""
    claimed = deliveries_claim(tests_only=pause_covering("") is not None)
    tried = 0
    for delivery, outcome in _send_all(messages_make(claimed)):
        fault_point(f"deliver.{delivery.medium}.after")
        delivery_settle(delivery, outcome)
        tried += 1
    return tried


def _send_all(messages: Sequence[Message]) -> Results:
    mails = [message for message in messages if message.delivery.medium == Medium.MAIL]
    others = [message for message in messages if message.delivery.medium != Medium.MAIL]
    if not messages:
        return
    with ThreadPoolExecutor(max_workers=len(others) + 1, thread_name_prefix="deliver") as pool:
        waiting: dict[Future[list[tuple[Delivery, Outcome]]], list[Message]] = {
            pool.submit(_one, message): [message] for message in others
        }
        if mails:
            waiting[pool.submit(lambda: list(mails_send(mails)))] = mails
        for done in as_completed(waiting):
            yield from _results(done, waiting[done])


def _one(message: Message) -> list[tuple[Delivery, Outcome]]:
    channel = message.delivery.channel
    assert channel is not None
    send: Callable[..., Outcome] = webhook_send if message.delivery.medium == Medium.WEBHOOK else chat_send
    try:
        return [(message.delivery, send(channel, message))]
    except InvalidToken:
        # The keys of FIELD_ENCRYPTION_KEYS are others than when it was made.
        sentence = "Its secret cannot be read with the keys that are set: make the channel anew."
        return [(message.delivery, Outcome(False, sentence, lasting=True))]


def _results(done: Future[list[tuple[Delivery, Outcome]]], messages: Sequence[Message]) -> Results:
    """What a thread found; a mistake of ours (or of a library) is logged, and tried again by the schedule."""
    error = done.exception()
    if error is None:
        yield from done.result()
        return
    log.error("delivery.errored", deliveries=[message.delivery.pk for message in messages], exc_info=error)
    for message in messages:
        yield message.delivery, Outcome(False, "The portal made a mistake here; it is logged.")
