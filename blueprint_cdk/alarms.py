"""Alarms as typed rows of data/alarms.json: what is watched, from which value on, and whether users notice."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from blueprint_cdk.data import load
from blueprint_cdk.sizes import Size, SizeName

COMPARISONS = {
    ">": "GreaterThanThreshold",
    ">=": "GreaterThanOrEqualToThreshold",
    "<": "LessThanThreshold",
    "<=": "LessThanOrEqualToThreshold",
}


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Watched(_Row):
    """A metric; values of its dimensions may name places: {load_balancer}, {cluster} …"""

    id: str
    namespace: str
    name: str
    dimensions: dict[str, str]
    statistic: str


class AlarmRow(_Row):
    """One alarm. `symptom`: users notice, so it is part of the environment's health; other alarms tell of a cause or of
    what will be one. `expression`: metric math over `metrics`, or without them a Metrics Insights query: the way to a
    metric whose dimension AWS generates, for alarms may not search. Thresholds are in the metric's own unit, one for
    all sizes or one for each.
    """

    key: str
    tier: Literal[
        "load balancer",
        "firewall",
        "application",
        "database",
        "storage",
        "usage events",
        "notifications",
        "users",
    ]
    signal: Literal["latency", "traffic", "errors", "saturation"]
    symptom: bool
    when: Literal[
        "always",
        "serverless",
        "provisioned",
        "readers",
        "standby",
        "proxy",
        "analytics",
        "notifications",
        "canary",
    ] = "always"
    title: str
    why: str
    metrics: tuple[Watched, ...] = ()
    expression: str = ""
    compare: Literal[">", ">=", "<", "<="]
    threshold: float | dict[SizeName, float]
    period_s: int
    periods: int
    datapoints: int
    missing: Literal["breaching", "notBreaching", "ignore", "missing"]

    def limit(self, size: SizeName) -> float:
        """The threshold in an environment of a size."""
        return self.threshold[size] if isinstance(self.threshold, dict) else self.threshold

    def applies(self, size: Size, features: frozenset[str]) -> bool:
        """Whether an environment has what is watched; `features` are parts that may be off."""
        serverless = size.db_min_acu is not None
        return {
            "always": True,
            "serverless": serverless,
            "provisioned": not serverless,
            "readers": size.db_readers > 0,
        }.get(self.when, self.when in features)


def alarm_rows() -> list[AlarmRow]:
    """All rows, in the order of the file."""
    return [AlarmRow.model_validate(row) for row in load("alarms")]
