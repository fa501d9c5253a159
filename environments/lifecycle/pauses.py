"""Pausing one environment, or an account or a region of it: who may, and what that is called."""

from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import transaction

from environments.errors import Conflict, Invalid
from environments.lifecycle.models import Account, Environment
from environments.operations.models import Pause
from environments.operations.pauses import pause_covering, pause_lift, pause_set, subject_word
from environments.people.models import User
from environments.people.rights import require


def environment_pause(*, environment: Environment, reason: str, actor: User) -> Pause:
    """Let nothing start, go on or expire in this environment until it is lifted. What AWS has begun goes on.

    Raises Forbidden, Invalid (no reason), Conflict (it is gone).
    """
    require(actor, "environment.pause", team=environment.team)
    with transaction.atomic():
        row = Environment.objects.select_for_update().get(pk=environment.pk)
        if row.is_gone:
            raise Conflict(f"{row.name} is {row.status}: nothing is left to pause.")
        return pause_set(
            covers=environment_covers(row), label=f"environment {row.name}", reason=reason, actor=actor
        )


def environment_pause_lift(*, environment: Environment, actor: User) -> None:
    """Let it go on. Raises Forbidden, Conflict (it is not paused by itself)."""
    require(actor, "environment.pause", team=environment.team)
    pause_lift(covers=environment_covers(environment), actor=actor)


def environment_covers(environment: Environment) -> str:
    """How a pause names this environment."""
    return subject_word(ContentType.objects.get_for_model(Environment), environment.pk)


def environment_pause_of(environment: Environment) -> Pause | None:
    """The widest pause that covers the environment: its own, a region's, its account's, or that of everything."""
    return pause_covering(*environment.scopes, subject=environment)


def account_pause(*, account: Account, region: str = "", reason: str, actor: User) -> Pause:
    """Pause all of an account, its own operations too, or one region of it.

    Raises Forbidden, Invalid (no reason, or a region that it does not use).
    """
    require(actor, "pause.change")
    covers = account_covers(account, region)
    label = f"{account.name} in {region}" if region else f"account {account.name}"
    return pause_set(covers=covers, label=label, reason=reason, actor=actor)


def account_pause_lift(*, account: Account, region: str = "", actor: User) -> None:
    """Let it go on. Raises Forbidden, Invalid, Conflict (it is not paused)."""
    require(actor, "pause.change")
    pause_lift(covers=account_covers(account, region), actor=actor)


def account_covers(account: Account, region: str = "") -> str:
    """How a pause names an account, or one region of it. Raises Invalid for a region that it does not use."""
    if region and region not in account.regions:
        raise Invalid(
            f"Account {account.name} does not use {region}. It uses: {', '.join(account.regions)}.",
            field="region",
        )
    return f"{account.account_id}/{region}"


def account_pauses(account: Account) -> list[Pause]:
    """The pauses that cover the account or a region of it, the widest first."""
    words: list[Any] = [Pause.EVERYTHING, account_covers(account)]
    words += [account_covers(account, region) for region in account.regions]
    rows = Pause.objects.filter(covers__in=words).select_related("set_by")
    return sorted(rows, key=lambda pause: words.index(pause.covers))
