"""What can be told: each topic that is written anywhere, the group that people choose by, and its words.

A test reads the code for topics and fails when one is not in this table.
"""

from dataclasses import dataclass
from datetime import timedelta

from django.db import models


class Group(models.TextChoices):
    """What a person, a team's chat or a webhook asks for."""

    WAITING = "waiting", "Waiting for me"
    HANDLED = "handled", "Handled"
    FAILED = "failed", "Failed"
    DONE = "done", "Done"
    EXPIRING = "expiring", "Expiring and limits"
    DRIFT = "drift", "Drift"


GROUP_WORDS = {
    Group.WAITING: "A plan or a change that I may approve and did not ask for myself, and its reminder.",
    Group.HANDLED: "Somebody decided on what waited for me, or on what I asked for; or nobody did in time.",
    Group.FAILED: "An operation of mine or of my team failed or does not move; a channel was disabled.",
    Group.DONE: "What I asked for has succeeded, or was cancelled.",
    Group.EXPIRING: "An environment of mine or of my team expires, or a limit of the team is reached.",
    Group.DRIFT: "An environment of mine or of my team is not as it was deployed.",
}

GATHERED = {
    Group.WAITING: timedelta(0),
    Group.HANDLED: timedelta(seconds=30),
    Group.FAILED: timedelta(0),
    Group.DONE: timedelta(seconds=30),
    Group.EXPIRING: timedelta(seconds=30),
    Group.DRIFT: timedelta(minutes=5),
}
"""How long mails and chat messages of a group wait for others of the same topic, which then go as one."""


@dataclass(frozen=True)
class Topic:
    """One topic: its group, how a subject line ends, and what the reader can do next."""

    group: Group
    title: str
    step: str = ""


PLAN = "Read the plan, then approve or reject it."
LOOK = "Look at it; retry goes on where it stopped."

TOPICS: dict[str, Topic] = {
    "operation.awaiting-approval": Topic(Group.WAITING, "waits for approval", PLAN),
    "operation.approval-due": Topic(Group.WAITING, "still waits for approval", PLAN),
    "proposal.waiting": Topic(Group.WAITING, "waits for a second person", "Read it, then agree or refuse."),
    "operation.handled": Topic(Group.HANDLED, "was handled", "Nothing is left for you to do."),
    "proposal.handled": Topic(Group.HANDLED, "was handled", "Nothing is left for you to do."),
    "operation.rejected": Topic(Group.HANDLED, "was rejected", "Change what was asked for, and ask again."),
    "operation.expired": Topic(Group.HANDLED, "was not approved in time", "Ask again if it is still wanted."),
    "operation.failed": Topic(Group.FAILED, "failed", LOOK),
    "operation.errored": Topic(Group.FAILED, "met a mistake of the portal's", LOOK),
    "operation.stuck": Topic(
        Group.FAILED, "does not move", "Look at what it waits for; cancel it if need be."
    ),
    "channel.disabled": Topic(
        Group.FAILED, "was disabled", "Mend the receiver, send a test, enable it again."
    ),
    "operation.succeeded": Topic(Group.DONE, "succeeded"),
    "operation.cancelled": Topic(Group.DONE, "was cancelled"),
    "environment.expiring": Topic(Group.EXPIRING, "expires soon", "Extend it, or let it be torn down."),
    "environment.expired": Topic(Group.EXPIRING, "has expired", "It is torn down with a last copy."),
    "limit.reached": Topic(Group.EXPIRING, "has reached a limit", "Tear down what is not needed any more."),
    "environment.drifted": Topic(
        Group.DRIFT, "has drifted", "Accept what was changed, with a reason, or put it back."
    ),
}


def topics_of(groups: list[str]) -> list[str]:
    """The topics of these groups, sorted: what a webhook is sent as its `type`."""
    return sorted(name for name, topic in TOPICS.items() if topic.group in groups)
