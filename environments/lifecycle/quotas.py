"""Room in an account: what a plan adds to each of AWS's quotas, beside what is used and what others will add."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Q
from django.utils import timezone

from environments.lifecycle.models import Account, Plan, QuotaSnapshot
from environments.lifecycle.stacks import regions_of
from environments.operations.models import Operation, Step
from environments.operations.states import HOLDING, OPEN, STEP_DONE

MAX_AGE = timedelta(minutes=10)
"""A snapshot that is older is read again; one that would refuse is read again when it is older than REFUSES_AGE."""
REFUSES_AGE = timedelta(seconds=15)
RESERVED = "quotas_reserved"
"""In an operation's state, once it has its places: it is counted by whoever comes after."""

Need = dict[str, Any]
"""{"key", "name", "scope", "region", "need", "stacks": {stack key: of it}, "used", "pending", "limit", "link",
"known"}. What an account has once ("scope": "account") is counted in the home region."""


def needs_by_region(
    quotas: Sequence[Mapping[str, Any]],
    stacks: Iterable[Mapping[str, Any]],
    before: Mapping[str, Any] | None,
    spec: Mapping[str, Any],
) -> dict[str, list[Need]]:
    """What a plan's stacks add to a release's quotas, by region; `before` is the spec that is deployed, None for none.

    A standby needs room for the whole size: it has to grow to it when it becomes active.
    """
    rows = list(stacks)
    home, *others = regions_of(spec)
    sizes = dict.fromkeys(regions_of(before), before["size"]) if before else {}
    found = {}
    for region in (home, *others):
        own = [quota for quota in quotas if quota["scope"] == "region"]
        needs = needs_of(own, [r for r in rows if r["region"] == region], sizes.get(region), spec["size"])
        if region == home:
            once = [quota for quota in quotas if quota["scope"] != "region"]
            needs += needs_of(once, rows, sizes.get(home), spec["size"])
        found[region] = [{**need, "region": region} for need in needs]
    return found


def needs_of(
    quotas: Iterable[Mapping[str, Any]],
    stacks: Iterable[Mapping[str, Any]],
    size_before: str | None,
    size: str,
) -> list[Need]:
    """What a plan's stacks add to a release's quotas; those that it adds nothing to are left out.

    What is replaced counts once more, since the old one goes last; what is removed is free only afterwards.
    """
    found = []
    rows = list(stacks)
    for quota in quotas:
        per_stack = {row["key"]: _added(quota, row) for row in rows}
        per_stack = {key: count for key, count in per_stack.items() if count}
        need = sum(per_stack.values())
        if quota.get("per") == "zone" and need:
            # The blueprint puts at most one into each zone.
            per_stack, need = dict.fromkeys(per_stack, 1), 1
        by_size = quota.get("by_size", {})
        need += max(0, by_size.get(size, 0) - by_size.get(size_before or "", 0))
        if need:
            found.append(
                {
                    "key": quota["key"],
                    "name": quota["name"],
                    "scope": quota["scope"],
                    "need": need,
                    "stacks": per_stack,
                }
            )
    return found


def _added(quota: Mapping[str, Any], row: Mapping[str, Any]) -> int:
    adds = quota["adds"]
    count = adds.get("stack", 0) if row["action"] == "create" else 0
    return int(
        count
        + sum(
            adds.get(change["type"], 0)
            for change in row["changes"]
            if change["action"] in ("added", "replaced")
        )
    )


def needs_filled(needs: Iterable[Need], snapshot: QuotaSnapshot, pending: Mapping[str, int]) -> list[Need]:
    """Each need with used, pending, limit and where more is asked for; `known` is false where AWS did not tell."""
    return [
        {
            **need,
            "used": snapshot.quotas.get(need["key"], {}).get("used"),
            "limit": snapshot.quotas.get(need["key"], {}).get("limit"),
            "pending": pending.get(need["key"], 0),
            "link": link_of(need["key"], "us-east-1" if need["scope"] == "account" else snapshot.region),
            "known": is_known(need["key"], snapshot),
        }
        for need in needs
    ]


def is_known(key: str, snapshot: QuotaSnapshot) -> bool:
    """Whether both the limit and the use of a quota are known."""
    row = snapshot.quotas.get(key, {})
    return row.get("used") is not None and row.get("limit") is not None


def lacking(needs: Iterable[Need]) -> list[Need]:
    """The needs that do not fit."""
    return [
        need
        for need in needs
        if need["known"] and need["used"] + need["pending"] + need["need"] > need["limit"]
    ]


def link_of(key: str, region: str) -> str:
    """The page of Service Quotas where an increase is asked for."""
    service, code = key.split("/")
    return f"https://{region}.console.aws.amazon.com/servicequotas/home/services/{service}/quotas/{code}"


def pending_of(
    operation: Operation, region: str, taken_at: datetime, *, reserved_only: bool
) -> dict[str, int]:
    """What other operations add to quotas of the account in a region, by key, besides what a snapshot of then has
    counted: what they will make, and what those have made that ended since.

    `reserved_only`: those alone that have their places; else all that are planned and open as well.
    """
    account = operation.scope.split("/")[0]
    going_on = Q(operation__status__in=HOLDING if reserved_only else OPEN)
    ended_since = Q(operation__ended_at__gte=taken_at, operation__started_at__isnull=False)
    others = Plan.objects.filter(going_on | ended_since, operation__scope__startswith=f"{account}/").exclude(
        operation_id=operation.pk
    )
    if reserved_only:
        others = others.filter(**{f"operation__state__{RESERVED}": True})
    rows = list(others.values_list("operation_id", "operation__scope", "document__quotas"))
    done = _done_before(taken_at, [pk for pk, _, _ in rows])
    found: dict[str, int] = {}
    for pk, scope, needs in rows:
        for need in needs or []:
            if need["scope"] == "region" and need.get("region", scope.split("/")[1]) != region:
                continue
            there = sum(count for key, count in need["stacks"].items() if (pk, key) in done)
            found[need["key"]] = found.get(need["key"], 0) + max(0, need["need"] - there)
    return found


def _done_before(moment: datetime, operations: Collection[int]) -> set[tuple[int, str]]:
    """(operation, stack's step) of what stood when a snapshot was taken."""
    return set(
        Step.objects.filter(
            operation_id__in=operations, status__in=STEP_DONE, ended_at__lte=moment
        ).values_list("operation_id", "key")
    )


def scope_lock(operation: Operation) -> None:
    """Until the transaction ends, nobody else takes places in the account."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(726003, hashtext(%s))", [operation.scope.split("/")[0]])


def snapshot_find(account: Account, region: str, max_age: timedelta) -> QuotaSnapshot | None:
    """The snapshot of a region that is not older than that."""
    return QuotaSnapshot.objects.filter(
        account=account, region=region, taken_at__gte=timezone.now() - max_age
    ).first()


def snapshot_keep(
    account: Account, region: str, quotas: dict[str, dict[str, Any]], taken_at: datetime
) -> QuotaSnapshot:
    """Keep what was counted: {key: {"used", "limit"}}; taken_at is when counting began."""
    row, _ = QuotaSnapshot.objects.update_or_create(
        account=account, region=region, defaults={"quotas": quotas, "taken_at": taken_at}
    )
    return row
