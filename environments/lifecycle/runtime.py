"""Keeping what runs in an environment, as workers saw it last: for pages and the API, and for plans to begin with."""

from typing import Any

from django.utils import timezone

from environments.lifecycle.models import Environment

FACTS = (
    "version_label",
    "platform_arn",
    "min_instances",
    "max_instances",
    "aurora_mysql_version",
    "db_min_acu",
    "db_max_acu",
    "maintenance",
)


def environment_runtime_record(
    *, environment: Environment, facts: dict[str, Any], other: dict[str, Any] | None = None
) -> None:
    """Keep what runs (see Environment.runtime), as it was just seen; `other` is what runs in the other region, None
    without one. An observation, so nothing of it is audited.
    """
    seen: dict[str, Any] = {name: facts.get(name) for name in FACTS}
    if other is not None:
        seen["other"] = {"version_label": other.get("version_label")}
    environment.runtime = seen
    environment.runtime_at = timezone.now()
    environment.save(update_fields=["runtime", "runtime_at"])


def environment_version_record(*, environment: Environment, region: str, label: str | None) -> None:
    """Keep which version a region has come to run, None for the placeholder, before all else of it is seen again."""
    runtime = environment.runtime or dict.fromkeys(FACTS)
    if region == environment.home_region:
        runtime = {**runtime, "version_label": label}
    else:
        runtime = {**runtime, "other": {"version_label": label}}
    environment.runtime = runtime
    environment.runtime_at = timezone.now()
    environment.save(update_fields=["runtime", "runtime_at"])


def labels_running(environment: Environment) -> dict[str, str | None]:
    """The version's label by region, home first, as workers saw it last; None for the placeholder. A region of which
    nothing was seen is left out.
    """
    facts = environment.runtime or {}
    found = {environment.home_region: facts["version_label"]} if "version_label" in facts else {}
    if environment.other_region and "other" in facts:
        found[environment.other_region] = facts["other"]["version_label"]
    return found


def runtime_shown(environment: Environment) -> dict[str, Any] | None:
    """What runs, in the page's words: {"version", "version_in_other_region", "platform", "instances", "database",
    "capacity", "active_region", "at"}, each None where it is not known; "placeholder" is the version that every
    environment begins with. None altogether before anything has been seen.
    """
    facts = environment.runtime
    if not facts:
        return None
    labels = labels_running(environment)
    there = environment.other_region in labels
    return {
        "version": facts["version_label"] or "placeholder",
        "version_in_other_region": (labels[environment.other_region] or "placeholder") if there else None,
        "platform": _platform(facts["platform_arn"]),
        "instances": _range(facts["min_instances"], facts["max_instances"]),
        "database": facts["aurora_mysql_version"],
        "capacity": _range(facts["db_min_acu"], facts["db_max_acu"]),
        "active_region": environment.active_region,
        "at": environment.runtime_at,
    }


def _platform(arn: str | None) -> str | None:
    """ "…:platform/Docker running on 64bit Amazon Linux 2023/4.7.1" as "Docker running on … 2023, 4.7.1"."""
    return arn.partition("platform/")[2].replace("/", ", ") if arn else None


def _range(low: float | None, high: float | None) -> str | None:
    return None if low is None or high is None else f"{low:g} to {high:g}"
