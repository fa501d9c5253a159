"""One verb on many environments: each by its own service, each told apart, and a preview that changes nothing."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from environments.errors import Conflict, DomainError
from environments.lifecycle.environments import environment_protect, environment_withdraw
from environments.lifecycle.expiry import when_words
from environments.lifecycle.extend import environment_extend_hours
from environments.lifecycle.models import Environment
from environments.lifecycle.selectors import release_default
from environments.lifecycle.update import environment_update
from environments.operations.control import operation_retry
from environments.operations.models import Operation
from environments.people.models import User

MOST = 100
"""Environments at once: each is a transaction of its own, within one request."""


@dataclass(frozen=True)
class Outcome:
    """What became of one environment, or would: done, nothing to do, or refused with the service's sentence."""

    environment: Environment
    result: str
    sentence: str


DONE, IDLE, REFUSED = "done", "idle", "refused"


@dataclass(frozen=True)
class Verb:
    """`title` as a button says it, `done` what is then so; `idle` tells why there is nothing to do, if there is not;
    `told` what came of it, where that differs from one environment to the next."""

    title: str
    done: str
    act: Callable[[Environment, User], Any]
    idle: Callable[[Environment], str] = lambda _environment: ""
    told: Callable[[Any], str] = lambda _result: ""


def _retry(environment: Environment, actor: User) -> Operation:
    newest = environment.operations.order_by("-id").first()
    if newest is None:
        raise Conflict(f"Nothing was done with {environment.name} yet.")
    return operation_retry(operation_id=newest.pk, actor=actor)


def _extend(days: int) -> Verb:
    """So many days more; beyond what one person may give, each waits for approval by itself."""
    words = "1 day" if days == 1 else f"{days} days"
    return Verb(
        f"Extend by {words}",
        f"{words} more",
        lambda row, actor: environment_extend_hours(environment=row, hours=24 * days, actor=actor),
        lambda row: "It never expires." if row.expires_at is None else "",
        lambda done: (
            "waits for another person's approval, for it is beyond its maximum"
            if done.operation
            else f"expires {when_words(done.environment.expires_at)}"
        ),
    )


def _upgrade(environment: Environment, actor: User) -> Operation:
    return environment_update(environment=environment, changes={}, release=release_default(), actor=actor)


def _upgrade_idle(environment: Environment) -> str:
    newest = release_default()
    if newest is None or newest.blueprint_id != environment.release.blueprint_id:
        return "Its blueprint has no default release."
    return f"It is of release {newest.version} already." if newest.pk == environment.release_id else ""


VERBS: dict[str, Verb] = {
    "protect": Verb(
        "Protect against teardown",
        "protected",
        lambda row, actor: environment_protect(environment=row, is_protected=True, actor=actor),
        lambda row: "It is protected already." if row.is_protected else "",
    ),
    "unprotect": Verb(
        "Turn protection off",
        "no longer protected",
        lambda row, actor: environment_protect(environment=row, is_protected=False, actor=actor),
        lambda row: "" if row.is_protected else "It is not protected.",
    ),
    "extend-day": _extend(1),
    "extend-week": _extend(7),
    "retry": Verb("Retry what failed", "goes on at the step that failed", _retry),
    "upgrade": Verb(
        "Bring to the default release",
        "a plan is made; nothing is touched before it is approved",
        _upgrade,
        _upgrade_idle,
    ),
    "withdraw": Verb(
        "Withdraw the request",
        "withdrawn; its name is free again",
        lambda row, actor: environment_withdraw(environment=row, actor=actor),
    ),
}


def environments_bulk(
    *, verb: str, environments: Iterable[Environment], actor: User, is_preview: bool
) -> list[Outcome]:
    """Do it to each, one after the other; a refusal of one keeps no other from it. KeyError for an unknown verb.

    A preview goes the same way and takes each step back, so it tells what the services say and no guess of it.
    """
    definition = VERBS[verb]
    return [_one(definition, row, actor, is_preview) for row in environments]


def _one(verb: Verb, environment: Environment, actor: User, is_preview: bool) -> Outcome:
    idle = verb.idle(environment)
    if idle:
        return Outcome(environment, IDLE, idle)
    try:
        with transaction.atomic():
            result = verb.act(environment, actor)
            # What was to be sent on commit, messages to workers above all, goes with it.
            transaction.set_rollback(is_preview)
    except DomainError as error:
        return Outcome(environment, REFUSED, error.message)
    return Outcome(environment, DONE, verb.told(result) or verb.done)
