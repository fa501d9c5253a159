"""Comparing any two of: an environment now, at a revision or at a moment, another environment, a release.

Specs, releases and prices are compared from rows. Templates lie in the artifact store, which may be S3, and a
release's have to be made: both are a worker's, which keeps the result (Comparison).
"""

import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from environments.errors import InvalidFields
from environments.lifecycle.costs import cost_estimate
from environments.lifecycle.models import Comparison, Environment, Release, Revision
from environments.lifecycle.reference import sizes_of
from environments.lifecycle.states import GONE
from environments.operations.queue import ring

TASK = "workers.compare"
ASK_AGAIN = timedelta(seconds=20)
"""A message that was lost is sent anew by the next who looks."""
TRY_AGAIN = timedelta(minutes=10)
"""What could not be made may be made later: a release's lock may have been installed."""

IDENTITY = (
    "name",
    "suffix",
    "account_id",
    "cidr",
    "other_region",
    "other_cidr",
    "domain",
    "zone_id",
    "zone_name",
    "home_region",
    "team",
    "owner",
    "permissions_boundary_arn",
)
"""Fields of a spec that say which environment it is. Between two environments they differ always, and so do the
names made from them: templates are compared with these told apart."""


@dataclass(frozen=True)
class Side:
    """One of two things compared."""

    label: str
    release: Release
    spec: dict[str, Any] = field(default_factory=dict)
    environment: Environment | None = None
    revision: Revision | None = None
    size: str = ""

    @property
    def templates(self) -> dict[str, Any]:
        """Where a worker finds its templates: see Comparison."""
        if self.revision is None:
            return {"release": self.release.pk, "size": self.size}
        stacks = {
            key: {"assembly": row["assembly"], "name": row["name"]}
            for key, row in self.revision.stacks.items()
        }
        return {"stacks": stacks, "as": {}, "by": self.release.pk}


def side_of_environment(text: str, environment: Environment) -> Side:
    """A side from its text, as addresses have it: "" or "now", a revision's number, a moment (ISO 8601), each of
    `environment`, or of another one as name@now, name@3, name@2026-11-28T12:00Z.

    Raises InvalidFields, at no field: who asks knows which.
    """
    name, at, when = text.strip().partition("@")
    if at or _is_name(name):
        environment, when = _environment(name), when
    else:
        when = name
    revision = _revision(environment, when.strip())
    label = f"{environment.name}, revision {revision.number}"
    return Side(label, revision.release, revision.spec, environment, revision)


def _is_name(text: str) -> bool:
    return text[:1].isalpha() and text != "now"


def _environment(name: str) -> Environment:
    rows = Environment.objects.filter(name=name)
    # The one that lives; else the newest that had the name.
    found = rows.exclude(status__in=GONE).first() or rows.order_by("-id").first()
    if found is None:
        raise InvalidFields({"": f"There is no environment {name[:40]}."})
    return found


def _revision(environment: Environment, when: str) -> Revision:
    rows = environment.revisions.select_related("release").order_by("-number")
    if when in ("", "now"):
        found = rows.first()
        missing = f"{environment.name} has no history yet: nothing was deployed."
    elif when.isdecimal() and len(when) < 9:
        found = rows.filter(number=int(when)).first()
        missing = f"{environment.name} has no revision {when}."
    else:
        moment = _moment(when)
        found = rows.filter(made_at__lte=moment).first()
        missing = f"Nothing of {environment.name} was deployed by {moment:%d %b %Y, %H:%M %Z}."
    if found is None:
        raise InvalidFields({"": missing})
    return found


def _moment(text: str) -> datetime:
    try:
        day = parse_date(text) if len(text) == len("2026-11-28") else None
        # A plus in an address is read as a space.
        moment = parse_datetime(text.replace(" ", "+"))
    except ValueError:
        day = moment = None
    if day is not None:
        # A day is meant to its end.
        moment = datetime(day.year, day.month, day.day, 23, 59, 59)
    if moment is None:
        raise InvalidFields(
            {
                "": f"{text[:40]} is no revision, moment or environment: say now, 3, 2026-11-28T12:00Z or name@3."
            }
        )
    return moment if timezone.is_aware(moment) else timezone.make_aware(moment)


def side_of_release(version: str, release: Release, size: str) -> Side:
    """Another release of the same blueprint by its version, or this one for "". Raises InvalidFields at no field."""
    found = release if not version else release.blueprint.releases.filter(version=version).first()
    if found is None:
        raise InvalidFields({"": f"There is no release {version[:40]} of {release.blueprint.name}."})
    sizes = sizes_of(found)
    if size not in sizes:
        raise InvalidFields({"size": f"Release {found.version} has no size {size[:20]}: {', '.join(sizes)}."})
    return Side(f"{found} ({size})", found, size=size)


def releases_compare(left: Release, right: Release) -> dict[str, Any]:
    """What two releases say of themselves: {"changes": [{"version", "text"}] from the one to the other, "fields",
    "stacks", "prices", "lock", "regions": [{"name", "before", "after"}]}, each with what differs only.
    """
    old, new = left.description, right.description
    fields = [{"name": name, **row} for name, row in _by_name(_fields(left), _fields(right))]
    stacks = [{"name": name, **row} for name, row in _by_name(_stacks(left), _stacks(right))]
    prices = [{"name": name, **row} for name, row in _by_name(_prices(left), _prices(right))]
    lock = [{"name": name, **row} for name, row in _by_name(old.get("lock", {}), new.get("lock", {}))]
    regions = [
        {"name": name, **row}
        for name, row in _by_name(dict.fromkeys(left.regions, "yes"), dict.fromkeys(right.regions, "yes"))
    ]
    return {
        "changes": [row for row in new.get("changes", []) if row not in old.get("changes", [])],
        "fields": fields,
        "stacks": stacks,
        "prices": prices,
        "lock": lock,
        "regions": regions,
    }


def _by_name(old: dict[str, str], new: dict[str, str]) -> list[tuple[str, dict[str, str]]]:
    return [
        (name, {"before": old.get(name, ""), "after": new.get(name, "")})
        for name in {**old, **new}
        if old.get(name) != new.get(name)
    ]


def _fields(release: Release) -> dict[str, str]:
    """A field of the spec in words: what it takes, and whether an update changes it."""
    return {
        name: ", ".join(
            filter(
                None,
                [
                    " | ".join(map(str, rule["enum"])) if "enum" in rule else str(rule.get("type", "")),
                    f"default {rule['default']}" if rule.get("default") not in (None, "") else "",
                    "changeable" if rule.get("changeable") else "",
                ],
            )
        )
        for name, rule in release.schema.get("properties", {}).items()
    }


def _stacks(release: Release) -> dict[str, str]:
    return {
        row["key"]: f"{len(row.get('types', []))} types"
        + (f", after {', '.join(row['needs'])}" if row.get("needs") else "")
        + (", holds data" if row.get("stateful") else "")
        for row in release.stacks
    }


def _prices(release: Release) -> dict[str, str]:
    return {row["label"]: f"{row['unit_price']} / {row['unit']}" for row in release.costs.get("items", [])}


def environments_compare(left: Side, right: Side) -> dict[str, Any]:
    """{"spec": [{"field", "title", "before", "after"}], "release": {"before", "after"}, "cost": {"before", "after",
    "items": [{"label", "before", "after"}]}, "facts": {"before", "after"}}: what differs, from rows alone.
    """
    assert left.revision is not None and right.revision is not None
    return {
        "spec": spec_differences(left, right),
        "release": {"before": left.release.version, "after": right.release.version},
        "cost": costs_compare(
            cost_estimate(left.release.costs, left.spec), cost_estimate(right.release.costs, right.spec)
        ),
        "facts": {"before": left.revision.facts_version, "after": right.revision.facts_version},
    }


def spec_differences(left: Side, right: Side) -> list[dict[str, Any]]:
    """Fields of the spec that differ, with the title that the release's schema gives them."""
    titles = left.release.schema.get("properties", {}) | right.release.schema.get("properties", {})
    return [
        {
            "field": name,
            "title": titles.get(name, {}).get("title", name),
            "before": left.spec.get(name),
            "after": right.spec.get(name),
        }
        for name in {**left.spec, **right.spec}
        if left.spec.get(name) != right.spec.get(name)
    ]


def costs_compare(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """Two estimates item by item; amounts are strings in USD a month."""
    old, new = ({item["key"]: item for item in cost["items"]} for cost in (before, after))
    items = [
        {
            "key": key,
            "label": (new.get(key) or old[key])["label"],
            "before": old.get(key, {}).get("amount", "0"),
            "after": new.get(key, {}).get("amount", "0"),
        }
        for key in {**old, **new}
        if old.get(key, {}).get("amount") != new.get(key, {}).get("amount")
    ]
    difference = Decimal(after["total"]) - Decimal(before["total"])
    return {
        "before": before["total"],
        "after": after["total"],
        "difference": str(difference),
        "items": items,
    }


def comparison_ask(left: Side, right: Side) -> Comparison:
    """The comparison of their templates; a worker is asked for it when nobody has asked before.

    It is kept under what it compares, so asking again, also at the same moment, asks for nothing twice.
    """
    sides = [left.templates, right.templates]
    same = left.environment is not None and left.environment == right.environment
    if not same:
        for side, told in zip((left, right), sides, strict=True):
            if side.revision is not None:
                told["as"] = {name: side.spec[name] for name in IDENTITY if side.spec.get(name)}
    canonical = json.dumps(sides, sort_keys=True, separators=(",", ":"))
    key = hashlib.sha256(canonical.encode()).hexdigest()
    with transaction.atomic():
        row, is_new = Comparison.objects.get_or_create(
            key=key, defaults={"left": sides[0], "right": sides[1]}
        )
        now = timezone.now()
        stale = Q(status="pending", asked_at__lte=now - ASK_AGAIN) | Q(
            status="failed", asked_at__lte=now - TRY_AGAIN
        )
        again = Comparison.objects.filter(stale, pk=row.pk).update(asked_at=now, status="pending")
        if is_new or again:
            row.refresh_from_db()
            transaction.on_commit(lambda: ring(TASK, row.pk))
    return row
