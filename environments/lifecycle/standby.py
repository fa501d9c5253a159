"""The standby of an environment: which region, how much stands there, and its address range.

Home is fixed for life. The other region and its range are free while no standby is there and nothing is left of one.
"""

import ipaddress
from collections.abc import Mapping
from typing import Any

from environments.lifecycle import validation
from environments.lifecycle.models import Account, Environment, Release
from environments.lifecycle.stacks import NO_STANDBY, stack_rows_alive

FIELDS = ("standby", "other_region", "other_cidr")


def standbys_of(release: Release) -> list[str]:
    """The kinds of standby that a release can build besides none; none of a release that builds one region only."""
    rule = release.schema.get("properties", {}).get("standby", {})
    if "$ref" in rule:
        rule = release.schema.get("$defs", {}).get(rule["$ref"].rsplit("/", 1)[-1], {})
    return [kind for kind in rule.get("enum", ()) if kind != NO_STANDBY]


def standby_spec(
    release: Release, account: Account, *, standby: str, other_region: str, other_cidr: str, cidr: str
) -> dict[str, Any]:
    """The fields of a spec that tell of a standby, as the release knows them. An empty range takes the account's next
    free /16. Call under the account's lock.
    """
    if standby != NO_STANDBY and not other_cidr and _is_range(cidr):
        other_cidr = validation.cidr_free(account, besides=[cidr])
    wanted = standby != NO_STANDBY
    told = {
        "standby": standby,
        "other_region": (other_region or None) if wanted else None,
        "other_cidr": (other_cidr or None) if wanted else None,
    }
    known = release.schema.get("properties", {})
    return {name: value for name, value in told.items() if name in known or name != "other_cidr"}


def standby_problems(
    spec: Mapping[str, Any], *, account: Account, release: Release, environment: Environment | None = None
) -> dict[str, str]:
    """What is wrong with a spec's standby, by field. `environment` is the one whose spec this is to be, if it is
    there.
    """
    standby, cidr = str(spec.get("standby") or NO_STANDBY), spec.get("other_cidr")
    if standby == NO_STANDBY:
        return _active_elsewhere(environment)
    kinds = standbys_of(release)
    if standby not in kinds:
        can = f"Choose one of: none, {', '.join(kinds)}." if kinds else "It builds one region only."
        return {"standby": f"Release {release.version} has no standby {standby}. {can}"}
    found = {
        "other_region": _region_problem(spec, account, release, environment),
        "other_cidr": _range_problem(spec, account, release, environment)
        if cidr
        else "No free /16 is left in 10/8.",
    }
    return {field: sentence for field, sentence in found.items() if sentence}


def _active_elsewhere(environment: Environment | None) -> dict[str, str]:
    """A standby that carries the environment cannot be taken away: its database is the one that is written to."""
    if environment is None or environment.active_region in ("", environment.home_region):
        return {}
    return {
        "standby": f"{environment.name} is active in {environment.active_region}: switch back to "
        f"{environment.home_region} before its standby is taken away."
    }


def standby_changes(
    environment: Environment, release: Release, account: Account, changes: Mapping[str, Any]
) -> dict[str, Any]:
    """The changes of an update with all that follows for its standby: one that goes takes region and range with it, one
    that comes gets a range. Call under the account's lock.
    """
    if not set(FIELDS) & set(changes):
        return dict(changes)
    before = environment.spec
    standby = str(changes.get("standby", before.get("standby")) or NO_STANDBY)
    told = standby_spec(
        release,
        account,
        standby=standby,
        other_region=changes.get("other_region") or before.get("other_region") or environment.other_region,
        other_cidr=changes.get("other_cidr") or before.get("other_cidr") or environment.other_cidr or "",
        cidr=environment.cidr,
    )
    return {**changes, **{name: value for name, value in told.items() if value != before.get(name)}}


def standby_reserve(environment: Environment, spec: Mapping[str, Any]) -> None:
    """Keep the other region and its range for a spec that is asked for, so that nobody else is given the range."""
    if spec.get("standby", NO_STANDBY) != NO_STANDBY:
        environment.other_region = spec["other_region"]
        environment.other_cidr = spec["other_cidr"]
        environment.save(update_fields=["other_region", "other_cidr"])


def standby_settle(environment: Environment) -> None:
    """Bring region and range to what is deployed: given back when no standby is there and nothing is left of one."""
    spec = environment.spec
    if environment.standby != NO_STANDBY:
        environment.other_region, environment.other_cidr = spec["other_region"], spec["other_cidr"]
    elif not _left_in_others(environment):
        environment.other_region, environment.other_cidr = "", None
    environment.save(update_fields=["other_region", "other_cidr"])


def _left_in_others(environment: Environment) -> list[str]:
    """Regions besides its home in which it has stacks, or what is left of them."""
    rows = stack_rows_alive(environment).exclude(stack_id="", status="")
    rows = rows.exclude(region=environment.home_region)
    return sorted(set(rows.values_list("region", flat=True)))


def _region_problem(
    spec: Mapping[str, Any], account: Account, release: Release, environment: Environment | None
) -> str:
    region = spec.get("other_region")
    if not region:
        return "Name the region of the standby."
    if region == spec["home_region"]:
        return f"{region} is its home: a standby stands in another region."
    problem = validation.region_problem(region, account, release)
    if problem:
        return problem
    if not account.baseline.get(region):
        return f"The baseline of account {account.name} is not in place in {region}. Add the account again first."
    there = _left_in_others(environment) if environment is not None else []
    if environment is not None and there and region not in there:
        return f"{environment.name} has its standby in {there[0]}: remove that first, then add another one."
    return ""


def _range_problem(
    spec: Mapping[str, Any], account: Account, release: Release, environment: Environment | None
) -> str:
    cidr = spec["other_cidr"]
    if environment is not None and environment.standby != NO_STANDBY:
        old = environment.spec["other_cidr"]
        return "" if cidr == old else f"The standby has {old}, which is fixed while it is there."
    problem = validation.cidr_problem(cidr, account, release, field="other_cidr", besides=environment)
    if problem or not _is_range(spec["cidr"]):
        return problem
    if ipaddress.IPv4Network(cidr).overlaps(ipaddress.IPv4Network(spec["cidr"])):
        return f"{cidr} overlaps with {spec['cidr']}, its range at home. Choose another range, or leave it empty."
    return ""


def _is_range(text: str) -> bool:
    try:
        ipaddress.IPv4Network(text)
    except ValueError:
        return False
    return True
