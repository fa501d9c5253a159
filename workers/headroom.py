"""Whether AWS's quotas leave room for a plan: read, counted, and the places taken."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from botocore.exceptions import ClientError
from django.utils import timezone

from environments.lifecycle.models import Account, QuotaSnapshot
from environments.lifecycle.quotas import (
    MAX_AGE,
    REFUSES_AGE,
    RESERVED,
    Need,
    lacking,
    needs_filled,
    pending_of,
    scope_lock,
    snapshot_find,
    snapshot_keep,
)
from environments.operations.models import Operation
from workers.aws.faults import error_code
from workers.aws.quotas import COUNTERS, limits_of
from workers.aws.session import Session
from workers.context import READER, StepContext
from workers.workflow import StepFailed

DENIED = frozenset(
    {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "NoSuchResourceException"}
)


def headroom(
    ctx: StepContext, account: Account, region: str, quotas: Sequence[dict[str, Any]], needs: Sequence[Need]
) -> list[Need]:
    """The needs with what is used, pending and allowed; all other open plans count. Raises StepFailed.

    Asks nothing of AWS when nothing is added, or a snapshot is fresh enough.
    """
    if not needs:
        return []
    found: list[Need] = []
    for max_age in (MAX_AGE, REFUSES_AGE):
        snapshot = _snapshot(ctx, account, region, quotas, max_age)
        pending = pending_of(ctx.operation, region, snapshot.taken_at, reserved_only=False)
        found = [
            {**need, "counted_at": snapshot.taken_at.isoformat()}
            for need in needs_filled(needs, snapshot, pending)
        ]
        if not lacking(found):
            return found
    raise refusal(lacking(found), account, region)


def places_take(
    ctx: StepContext, account: Account, quotas: Sequence[dict[str, Any]], needs: Sequence[Need]
) -> None:
    """Just before anything is made: take the places, of all regions at once, one operation after the other. Raises
    StepFailed.

    Only what runs and has its places counts here: of two plans for the last place the first to begin has it.
    """
    if not needs:
        return
    by_region: dict[str, list[Need]] = {}
    for need in needs:
        by_region.setdefault(need.get("region") or ctx.operation.scope.split("/")[1], []).append(need)
    missing: dict[str, list[Need]] = {}
    for max_age in (MAX_AGE, REFUSES_AGE):
        snapshots = {region: _snapshot(ctx, account, region, quotas, max_age) for region in by_region}
        with ctx.fenced() as operation:
            scope_lock(operation)
            missing = {
                region: lacking(_filled(operation, region, by_region[region], snapshot))
                for region, snapshot in snapshots.items()
            }
            if not any(missing.values()):
                operation.state = {**operation.state, RESERVED: True}
                operation.save(update_fields=["state"])
                ctx.operation.state = operation.state
                return
    region = next(region for region, rows in missing.items() if rows)
    raise refusal(missing[region], account, region)


def _filled(operation: Operation, region: str, needs: Sequence[Need], snapshot: QuotaSnapshot) -> list[Need]:
    pending = pending_of(operation, region, snapshot.taken_at, reserved_only=True)
    return needs_filled(needs, snapshot, pending)


def _snapshot(
    ctx: StepContext, account: Account, region: str, quotas: Sequence[dict[str, Any]], max_age: timedelta
) -> QuotaSnapshot:
    known = snapshot_find(account, region, max_age)
    if known is not None and all(quota["key"] in known.quotas for quota in quotas):
        return known
    began = timezone.now()
    session = ctx.session(account, region, READER)
    return snapshot_keep(account, region, quotas_read(session, quotas), began)


def quotas_read(session: Session, quotas: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """{key: {"used", "limit"}}; None for what the role may not see (an older role template)."""
    limits: dict[tuple[str, bool], dict[str, float] | None] = {}
    found = {}
    for quota in quotas:
        key, world_wide = quota["key"], quota["scope"] == "account"
        place = (quota["service"], world_wide)
        if place not in limits:
            limits[place] = _allowed(lambda place=place: limits_of(session, place[0], world_wide=place[1]))
        told = limits[place]
        used = _allowed(lambda key=key: COUNTERS[key](session)) if key in COUNTERS else None
        # Service Quotas lists what was applied; of what it does not, AWS's default holds.
        limit = told.get(quota["code"], quota.get("default")) if told is not None else None
        found[key] = {"used": used, "limit": limit}
    return found


def _allowed(ask: Any) -> Any:
    """The answer, or None where the role may not ask."""
    try:
        return ask()
    except ClientError as error:
        if error_code(error) in DENIED:
            return None
        raise


def refusal(missing: Sequence[Need], account: Account, region: str) -> StepFailed:
    """One sentence with the numbers, and where more is asked for."""
    first = missing[0]
    where = f"account {account.account_id}" + ("" if first["scope"] == "account" else f" in {region}")
    pending = f", {first['pending']} more are planned or just made by others" if first["pending"] else ""
    others = f" So it is with {', '.join(need['name'] for need in missing[1:])}." if missing[1:] else ""
    return StepFailed(
        f"{first['name']}: {where} may have {first['limit']:.0f}; {first['used']} are there{pending}, and this needs"
        f" {first['need']}.{others}",
        resource=first["key"],
        reason="quota",
        remedy=f"Ask AWS for more at {first['link']}, or tear down what is not needed; then retry.",
        quotas=list(missing),
    )


def unknown_sentences(needs: Sequence[Need]) -> list[str]:
    """What to tell as a risk of quotas that could not be read."""
    names = [need["name"] for need in needs if not need["known"]]
    if not names:
        return []
    return [
        f"Whether the account has room for it is not known of: {', '.join(names)}. Deploy its role template once more,"
        " so that quotas can be read."
    ]
