"""Specs for hypothesis, out of the blueprint's own schema: a field that is new to the schema is tried by itself.

Written by hand is only what no schema can say: which values of two fields go together. That is the table `TOGETHER`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Any

import jsonschema
from hypothesis import strategies as st

from blueprint_cdk.data import load
from blueprint_cdk.describe import schema_of
from blueprint_cdk.fields import DOMAIN_MAX, WITHOUT_PUSH
from blueprint_cdk.modules import MODULES
from blueprint_cdk.names import longest_name, naming_rules
from blueprint_cdk.spec import Spec

SCHEMA = schema_of(Spec)
FIELDS: dict[str, dict[str, Any]] = SCHEMA["properties"]
NEEDS = {row["key"]: row["needs"] for row in load("modules")}
REQUIRED = {tier: row["required_modules"] for tier, row in load("tiers").items()}
Strategy = st.SearchStrategy[Any]
Drawn = dict[str, Any]


def of(schema: dict[str, Any]) -> Strategy:
    """Values that a part of the schema allows."""
    if "$ref" in schema:
        return of(SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "anyOf" in schema:
        return st.one_of(*(of(one) for one in schema["anyOf"]))
    if "ranges" in schema:
        return networks(schema["ranges"])
    return BY_TYPE[schema["type"]](schema)


def _text(schema: dict[str, Any]) -> Strategy:
    least, most = schema.get("minLength", 0), schema.get("maxLength", 10_000)
    if "pattern" not in schema:
        return st.sampled_from(schema["examples"])
    found = st.from_regex(schema["pattern"], fullmatch=True).filter(lambda text: least <= len(text) <= most)
    # A pattern with $ also takes a line's end, in Python.
    return found.filter(lambda text: not text.endswith("\n"))


def _list(schema: dict[str, Any]) -> Strategy:
    is_set = bool(schema.get("uniqueItems"))
    return st.lists(of(schema["items"]), max_size=min(schema.get("maxItems", 3), 3), unique=is_set)


def _object(schema: dict[str, Any]) -> Strategy:
    return st.fixed_dictionaries({name: of(part) for name, part in schema["properties"].items()})


BY_TYPE: dict[str, Callable[[dict[str, Any]], Strategy]] = {
    "string": _text,
    "integer": lambda schema: st.integers(schema["minimum"], schema["maximum"]),
    "boolean": lambda schema: st.booleans(),
    "null": lambda schema: st.none(),
    "array": _list,
    "object": _object,
}


@st.composite
def networks(draw: st.DrawFn, ranges: dict[str, Any]) -> str:
    """A network of a size and in a block that are allowed, and not taken."""
    block = ipaddress.IPv4Network(draw(st.sampled_from(ranges["within"])))
    shortest, longest = ranges["prefixes"]
    prefix = draw(st.integers(max(shortest, block.prefixlen), longest))
    number = draw(st.integers(0, 2 ** (prefix - block.prefixlen) - 1))
    found = ipaddress.IPv4Network((int(block.network_address) + number * 2 ** (32 - prefix), prefix))
    taken = [ipaddress.IPv4Network(row["range"]) for row in ranges["taken"]]
    # The next block in the same range, which is never one of those that are taken.
    return "10.0.0.0/16" if any(found.overlaps(one) for one in taken) else str(found)


def _home_region(draw: st.DrawFn, spec: Drawn) -> None:
    """One that has push, where there are notifications."""
    if "notifications" in {*spec.get("modules", ()), *REQUIRED[spec["tier"]]}:
        regions = [name for name in FIELDS["home_region"]["enum"] if name not in WITHOUT_PUSH]
        spec["home_region"] = draw(st.sampled_from(regions))


def _other_region(draw: st.DrawFn, spec: Drawn) -> None:
    """Another one than home; with the standby that needs it."""
    if spec.get("standby", "none") == "none":
        for field in ("other_region", "other_cidr"):
            spec.pop(field, None)
        return
    regions = [name for name in FIELDS["home_region"]["enum"] if name != spec["home_region"]]
    spec["other_region"] = draw(st.sampled_from(regions))
    home = ipaddress.IPv4Network(spec["cidr"])
    apart = networks(FIELDS["cidr"]["ranges"]).filter(
        lambda text: not ipaddress.IPv4Network(text).overlaps(home)
    )
    spec["other_cidr"] = draw(apart)


def _modules(draw: st.DrawFn, spec: Drawn) -> None:
    """With those that they need and that the tier requires, each once."""
    wanted = {*spec.get("modules", ()), *REQUIRED[spec["tier"]]}
    while more := {need for name in wanted for need in NEEDS[name]} - wanted:
        wanted |= more
    spec["modules"] = [name for name in MODULES if name in wanted]


def _engagement(draw: st.DrawFn, spec: Drawn) -> None:
    """Channels and dashboard with their modules only, the dashboard's owner in the same account."""
    if "notifications" not in spec["modules"]:
        spec.pop("push", None)
        spec.pop("sign_in_mail", None)
    if "analytics" not in spec["modules"]:
        spec.pop("dashboard_owner", None)
    if owner := spec.get("dashboard_owner"):
        head, region, _, rest = owner.rsplit(":", 3)
        spec["dashboard_owner"] = f"{head}:{region}:{spec['account_id']}:{rest}"


def _domain(draw: st.DrawFn, spec: Drawn) -> None:
    """Below the zone, with room for a certificate's name."""
    label = draw(st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True))
    spec["zone_name"] = spec["zone_name"][-30:].lstrip("-.")
    if not jsonschema.Draft202012Validator(FIELDS["zone_name"]).is_valid(spec["zone_name"]):
        spec["zone_name"] = "dev.example.com"
    spec["domain"] = draw(st.sampled_from(["", f"{label}.{spec['zone_name']}"]))
    assert len(f"{spec['name']}.{spec['zone_name']}") <= DOMAIN_MAX


def _boundary(draw: st.DrawFn, spec: Drawn) -> None:
    """Of the same account, or AWS's own."""
    if arn := spec.get("permissions_boundary_arn"):
        head, _, tail = arn.partition(":iam::")
        spec["permissions_boundary_arn"] = f"{head}:iam::{spec['account_id']}:{tail.partition(':')[2]}"


def _schedules(draw: st.DrawFn, spec: Drawn) -> None:
    """Each name once, and the fewest instances not above the most."""
    rows = {row["name"]: row for row in spec.get("schedules", ())}
    for row in rows.values():
        row["min_instances"], row["max_instances"] = sorted((row["min_instances"], row["max_instances"]))
    spec["schedules"] = list(rows.values())


def _name(draw: st.DrawFn, spec: Drawn) -> None:
    """As long as the names in both regions leave room, and one that every service accepts."""
    if spec["zone_name"] == spec["name"]:
        spec["name"] = "shop"
    fields = {**{name: row.get("default") for name, row in FIELDS.items()}, **spec}
    limits = [longest_name(fields)[0]]
    if region := spec.get("other_region"):
        limits.append(longest_name({**fields, "region": region, "home_region": region})[0])
    spec["name"] = spec["name"][: min(limits)].rstrip("-")
    fields["name"] = spec["name"]
    if any("{name}" in rule.pattern and rule.problem(fields) for rule in naming_rules()):
        spec["name"] = "shop"


TOGETHER = (_home_region, _other_region, _modules, _engagement, _domain, _boundary, _schedules, _name)


@st.composite
def specs(draw: st.DrawFn) -> Drawn:
    """Specs that the blueprint accepts; what need not be said is left out now and then."""
    required = {name: of(FIELDS[name]) for name in SCHEMA["required"]}
    optional = {name: of(field) for name, field in FIELDS.items() if name not in required}
    spec: Drawn = draw(st.fixed_dictionaries(required, optional=optional))
    for put_together in TOGETHER:
        put_together(draw, spec)
    return spec


ODD: Strategy = st.one_of(
    st.none(),
    st.text(max_size=300),
    st.integers(-(10**9), 10**9),
    st.floats(),
    st.lists(st.text(max_size=3), min_size=1, max_size=3),
    st.dictionaries(st.text(max_size=3), st.none(), min_size=1, max_size=2),
)


def broken(field: str) -> Strategy:
    """Values that the schema refuses for a field, each of them one that nobody could mean: "7" and 7.0 may stand for
    a whole number, and "yes" for true.
    """
    validator = jsonschema.Draft202012Validator({**FIELDS[field], "$defs": SCHEMA["$defs"]})
    kinds = {FIELDS[field].get("type"), *(one.get("type") for one in FIELDS[field].get("anyOf", ()))}
    values = ODD
    if kinds & {"integer", "boolean"}:
        values = st.one_of(
            st.none(), st.text(alphabet="abcghijk ", max_size=9), st.lists(st.none()), st.just({})
        )
    return values.filter(lambda value: not validator.is_valid(value))
