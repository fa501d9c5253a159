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


def environment_runtime_record(*, environment: Environment, facts: dict[str, Any]) -> None:
    """Keep what runs (see Environment.runtime), as it was just seen. An observation, so nothing of it is audited."""
    environment.runtime = {name: facts.get(name) for name in FACTS}
    environment.runtime_at = timezone.now()
    environment.save(update_fields=["runtime", "runtime_at"])


def runtime_shown(environment: Environment) -> dict[str, Any] | None:
    """What runs, in the page's words: {"version", "platform", "instances", "database", "capacity", "active_region",
    "at"}, each None where it is not known; "placeholder" is the version that every environment begins with. None
    altogether before anything has been seen.
    """
    facts = environment.runtime
    if not facts:
        return None
    return {
        "version": facts["version_label"] or "placeholder",
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
