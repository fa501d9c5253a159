"""Tearing an environment down: what must hold, what is asked, and how long the notice runs."""

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from environments.errors import Conflict, InvalidFields
from environments.lifecycle.models import Environment
from environments.lifecycle.stacks import regions_there, scopes_of
from environments.lifecycle.states import EnvironmentStatus, Tier
from environments.lifecycle.stores import copies_problem, stores_of
from environments.operations.models import Operation
from environments.operations.opening import operation_open
from environments.people.models import User
from environments.people.rights import require

PROD_NOTICE = timedelta(days=7)

# Key of a teardown's shared state: true from the first step on that nobody could take back.
IRREVERSIBLE = "irreversible"

# Parameters of a teardown that an expiry opened: that expiry in ISO 8601, and the rule by which nobody has to approve.
EXPIRED, RULE = "expired_at", "rule"

MAY_TEAR_DOWN = frozenset(
    {
        EnvironmentStatus.ACTIVE,
        EnvironmentStatus.STOPPED,
        EnvironmentStatus.BROKEN,
        EnvironmentStatus.TEARING_DOWN,
    }
)


def environment_teardown(
    *, environment: Environment, confirm: str, copies: dict[str, bool], reason: str = "", actor: User
) -> Operation:
    """Ask for an environment's end; answers the `teardown` operation.

    `confirm` is the environment's name, typed; `copies` says per store whether a last copy is kept. Prod
    begins after 7 days of notice. Raises Forbidden, InvalidFields, Conflict (protected, wrong status).
    """
    require(actor, "environment.teardown", team=environment.team)
    with transaction.atomic():
        environment = Environment.objects.select_for_update().get(pk=environment.pk)
        if environment.is_protected:
            raise Conflict(f"{environment.name} is protected. Turn its protection off first.")
        if environment.status not in MAY_TEAR_DOWN:
            raise Conflict(f"{environment.name} is {environment.status}: there is nothing to tear down.")
        problems = _problems(environment, confirm, copies)
        if problems:
            raise InvalidFields(problems)
        return _open(
            environment, {store.key: copies[store.key] for store in stores_of(environment)}, reason, actor
        )


def environment_teardown_expired(*, environment: Environment, rule: str) -> Operation:
    """The portal asks for the end of what has expired, with a last copy of every store that one can be kept of. The
    caller holds its row.

    With a `rule`, its sentence, no person approves it; else as every teardown of its tier. Raises Conflict.
    """
    reason = f"It expired on {environment.expires_at:%d %b %Y %H:%M} UTC."
    expired_at = environment.expires_at.isoformat() if environment.expires_at else ""
    more = {EXPIRED: expired_at} | ({RULE: rule} if rule else {})
    copies = {store.key: store.can_keep for store in stores_of(environment)}
    return _open(environment, copies, reason, None, **more)


def _open(
    environment: Environment, copies: dict[str, bool], reason: str, actor: User | None, **more: str
) -> Operation:
    notice = PROD_NOTICE if environment.tier == Tier.PROD else None
    return operation_open(
        kind="teardown",
        subject=environment,
        **scopes_of(environment.account, regions_there(environment)),
        parameters={"copies": copies, "reason": reason, **more},
        not_before=timezone.now() + notice if notice else None,
        actor=actor,
    )


def _problems(environment: Environment, confirm: str, copies: dict[str, bool]) -> dict[str, str]:
    problems = {}
    if confirm != environment.name:
        problems["confirm"] = f"Type {environment.name} to confirm that this environment goes."
    if problem := copies_problem(environment, copies):
        problems["copies"] = problem
    return problems
