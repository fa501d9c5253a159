"""Which stacks an environment has: those of its release whose conditions its spec fulfils, each in its region.

A release's rows (blueprint_cdk/data/stacks.json) have "region": "home" or "other", and "when" where a stack does not
always exist: {"standby": ["pilot-light", "warm"]}, {"modules": ["identity"]}, {"tier": ["prod"]}. Rows of older
releases have no "when" and are all there.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from django.db.models import QuerySet

from environments.lifecycle.models import Account, Environment, Release
from environments.lifecycle.when import holds
from environments.operations.models import Stack

HOME, OTHER = "home", "other"
NO_STANDBY = "none"
GONE = "DELETE_COMPLETE"


@dataclass(frozen=True)
class StackOf:
    """One stack of one environment. `region` is AWS's name; `needs` are the keys of those it needs and that exist;
    `wants` of all that it would need, whether they exist or not.

    `parameters` are values that only AWS knows, each as stack.Output. With `joins` it is deployed once more, joined to
    the other region, when those stacks stand; `joined_to` are those of its row, whether the spec joins it or not. With
    `copies`, what was in its buckets before is copied then: the output with a bucket's name, and the one with the ARN
    of the role that S3 does it with.
    """

    key: str
    title: str
    region: str
    is_home: bool
    needs: tuple[str, ...]
    wants: tuple[str, ...]
    outputs: tuple[str, ...]
    types: tuple[str, ...]
    is_stateful: bool
    parameters: Mapping[str, str] = field(default_factory=dict)
    joins: tuple[str, ...] = ()
    joined_to: tuple[str, ...] = ()
    copies: Mapping[str, str] = field(default_factory=dict)

    def output(self, name: str) -> str:
        """What the stack calls an output: those of the other region begin with Other."""
        return name if self.is_home else f"Other{name}"


def stack_exists(row: Mapping[str, Any], spec: Mapping[str, Any]) -> bool:
    """Whether a spec has the stack of a release's row: all that "when" names holds."""
    when = row.get("when") or {}
    unknown = set(when) - {"standby", "modules", "tier"}
    if unknown:
        raise ValueError(
            f"Stack {row['key']} exists when {', '.join(sorted(unknown))}: nobody knows that here."
        )
    return holds(
        when, {**spec, "standby": spec.get("standby", NO_STANDBY), "modules": spec.get("modules") or []}
    )


def stacks_of(release: Release, spec: Mapping[str, Any]) -> list[StackOf]:
    """The stacks of this release that this spec has, in the release's order."""
    return _made([row for row in release.stacks if stack_exists(row, spec)], spec)


def stacks_there(environment: Environment) -> list[StackOf]:
    """What there may be of it in AWS: what its spec has, and besides what an operation made that did not come to its
    end, in the region where that was.
    """
    found = {stack.key: stack for stack in stacks_of(environment.release, environment.spec)}
    beside = {row.key: row for row in stack_rows_alive(environment).order_by("pk") if row.key not in found}
    told = _told(environment, list(beside)) if beside else {}
    every = [
        *found.values(),
        *(replace(_made([told[key]], environment.spec)[0], region=row.region) for key, row in beside.items()),
    ]
    keys = {stack.key for stack in every}
    return [replace(stack, needs=tuple(need for need in stack.wants if need in keys)) for stack in every]


def stacks_missing(environment: Environment) -> list[StackOf]:
    """What its spec has and AWS has no longer, as last seen: somebody deleted it outside the portal."""
    gone = set(environment.stacks.filter(status=GONE).values_list("key", flat=True))
    return [
        stack
        for stack in (stacks_of(environment.release, environment.spec) if gone else ())
        if stack.key in gone
    ]


def stack_rows_alive(environment: Environment) -> "QuerySet[Stack]":
    """The rows of its stacks that are there, or may be, as last seen."""
    rows: QuerySet[Stack] = environment.stacks.exclude(status=GONE)
    return rows


def stack_with(stacks: Iterable[StackOf], output: str, *, in_region: str = "") -> StackOf | None:
    """The stack that has this output, in a region where that matters; None when none has."""
    return next(
        (stack for stack in stacks if output in stack.outputs and in_region in ("", stack.region)), None
    )


def regions_of(spec: Mapping[str, Any]) -> list[str]:
    """The regions of a spec: its home, then the one of its standby."""
    other = spec.get("other_region") if spec.get("standby", NO_STANDBY) != NO_STANDBY else None
    return [spec["home_region"], other] if other else [spec["home_region"]]


def regions_there(environment: Environment) -> list[str]:
    """The regions in which it has something, or may: its home first."""
    rows = stack_rows_alive(environment).order_by("pk").values_list("region", flat=True)
    return list(dict.fromkeys([*regions_of(environment.spec), *rows]))


def regions_known(environment: Environment) -> list[str]:
    """The regions in which it has something, or ever had: its home first."""
    rows = environment.stacks.order_by("pk").values_list("region", flat=True)
    return list(dict.fromkeys([*regions_of(environment.spec), *rows]))


def scopes_of(account: Account, regions: Iterable[str]) -> dict[str, Any]:
    """What `operation_open` is told of the places that an operation works in: {"scope", "more_scopes"}."""
    scope, *more = (f"{account.account_id}/{region}" for region in regions)
    return {"scope": scope, "more_scopes": more}


def users_of(key: str, *lists: Collection[StackOf]) -> list[str]:
    """Keys of the stacks that would need this one, or are joined to it, in any of the lists; each once."""
    return list(
        dict.fromkeys(
            stack.key for stacks in lists for stack in stacks if key in stack.wants or key in stack.joined_to
        )
    )


def _made(rows: list[Mapping[str, Any]], spec: Mapping[str, Any]) -> list[StackOf]:
    keys = {row["key"] for row in rows}
    return [
        StackOf(
            key=row["key"],
            title=row.get("title", row["key"]),
            region=spec["home_region"] if _is_home(row) else spec.get("other_region") or "",
            is_home=_is_home(row),
            needs=tuple(need for need in row["needs"] if need in keys),
            wants=tuple(row["needs"]),
            outputs=tuple(row.get("outputs", ())),
            types=tuple(row.get("types", ())),
            is_stateful=bool(row.get("stateful")),
            parameters=row.get("parameters", {}),
            joins=_joins(row, spec, keys),
            joined_to=tuple(row.get("joins", {}).get("after", ())),
            copies=row.get("joins", {}).get("copies", {}),
        )
        for row in rows
    ]


def _joins(row: Mapping[str, Any], spec: Mapping[str, Any], keys: Collection[str]) -> tuple[str, ...]:
    told = row.get("joins")
    if not told or not stack_exists({"key": row["key"], **told}, spec):
        return ()
    return tuple(key for key in told["after"] if key in keys)


def _is_home(row: Mapping[str, Any]) -> bool:
    return bool(row.get("region", HOME) == HOME)


def _told(environment: Environment, keys: list[str]) -> dict[str, dict[str, Any]]:
    """The rows of these stacks in its release, else in the newest release that one of its operations had and that
    knows them. Raises LookupError.
    """
    asked = environment.operations.filter(parameters__has_key="release_id").order_by("-pk")
    ids = list(dict.fromkeys(asked.values_list("parameters__release_id", flat=True)))
    releases = Release.objects.in_bulk(ids)
    found: dict[str, dict[str, Any]] = {}
    for release in (environment.release, *(releases[pk] for pk in ids if pk in releases)):
        for row in release.stacks:
            if row["key"] in keys:
                found.setdefault(row["key"], row)
    unknown = [key for key in keys if key not in found]
    if unknown:
        raise LookupError(f"No release of {environment.full_name} knows its stacks {', '.join(unknown)}.")
    return found
