"""The canary: what leads an account from plan-only to live.

The smallest environment is built in it, changed, and torn down again, by the same operations as any other.
"""

import secrets

from django.db import transaction

from environments.errors import Conflict, InvalidFields
from environments.lifecycle.environments import environment_request
from environments.lifecycle.models import Account, Environment, Release
from environments.lifecycle.selectors import release_default
from environments.lifecycle.states import GONE, AccountMode, AccountStatus, Tier
from environments.operations.audit import audit_record
from environments.operations.models import Operation
from environments.operations.opening import operation_open
from environments.operations.states import OPEN
from environments.people.models import Team, User
from environments.people.rights import require

SMALLEST = "small"


def account_canary(*, account: Account, team: Team, actor: User) -> Operation:
    """Ask for the canary of a plan-only account; answers the `canary` operation. `team` owns the environment.

    Another person approves it. When it has passed, the account is live. Raises Forbidden, Conflict.
    """
    require(actor, "account.change")
    with transaction.atomic():
        account = Account.objects.select_for_update().get(pk=account.pk)
        problem = canary_problem(account)
        if problem:
            raise Conflict(problem)
        return operation_open(kind="canary", subject=account, parameters={"team": team.slug}, actor=actor)


def canary_problem(account: Account) -> str:
    """Why no canary can begin in the account now, in a sentence; empty when one can."""
    if account.mode != AccountMode.PLAN_ONLY:
        return f"A canary is for plan-only accounts; {account.name} is {account.mode}."
    if account.status != AccountStatus.READY:
        return f"{account.name} is {account.status}: its adding has to succeed first."
    left = canary_living(account)
    if left is not None:
        return f"{left.name}, the environment of an earlier canary, is still there: tear it down first."
    return ""


def canary_living(account: Account) -> Environment | None:
    """The environment of a canary that is not gone, if there is one."""
    return account.environments.filter(is_canary=True).exclude(status__in=GONE).first()


def canary_open(account: Account) -> bool:
    """Whether a canary of the account has begun and not ended."""
    return Operation.objects.filter(
        kind="canary", subject_type__model="account", subject_id=account.pk, status__in=OPEN
    ).exists()


def canary_request(operation: Operation) -> Operation:
    """Ask for the canary's environment, in the name of who asked for the canary. Raises DomainError."""
    account = Account.objects.get(pk=operation.subject_id)
    release = _release()
    if operation.requested_by is None:
        raise Conflict("The person who asked for the canary is gone: cancel it, and ask again.")
    return environment_request(
        name=f"canary-{secrets.token_hex(3)}",
        team=Team.objects.get(slug=operation.parameters["team"]),
        tier=Tier.DEV,
        size=SMALLEST,
        account=account,
        home_region=account.regions[0],
        release=release,
        is_canary=True,
        actor=operation.requested_by,
    )


def account_live(account: Account, operation: Operation) -> None:
    """The canary has passed: from now on what is approved is carried out in this account."""
    account.mode = AccountMode.LIVE
    account.save(update_fields=["mode"])
    audit_record(
        "account.live",
        account,
        actor=None,
        before={"mode": AccountMode.PLAN_ONLY.value},
        after={"mode": AccountMode.LIVE.value, "operation": operation.pk},
    )


def _release() -> Release:
    release = release_default()
    if release is None:
        raise InvalidFields({"release": "No release is registered."})
    return release
