"""When a secret is rotated: recorded and told; the sandbox calls no Lambda function."""

from __future__ import annotations

import re
from typing import Any

from sandbox.errors import AwsError
from sandbox.services.secretsmanager.names import DAY_S
from sandbox.store import Record


def check(rules: dict[str, Any]) -> None:
    """Refuse rules that say two things or nothing usable. Raises InvalidParameterException."""
    days, expression = rules.get("AutomaticallyAfterDays"), rules.get("ScheduleExpression")
    if days is not None and expression:
        text = "You can't specify both AutomaticallyAfterDays and ScheduleExpression."
        raise AwsError("InvalidParameterException", text)
    if expression and not re.fullmatch(r"rate\(\d+ (hours?|days?)\)|cron\(.+\)", expression):
        raise AwsError("InvalidParameterException", f"Invalid ScheduleExpression {expression}")


def _period_s(rules: dict[str, Any]) -> float | None:
    if rules.get("AutomaticallyAfterDays"):
        return float(rules["AutomaticallyAfterDays"]) * DAY_S
    rate = re.fullmatch(r"rate\((\d+) (hour|day)s?\)", str(rules.get("ScheduleExpression", "")))
    return int(rate[1]) * (DAY_S if rate[2] == "day" else 3600.0) if rate else None


def shown(record: Record) -> dict[str, Any]:
    """DescribeSecret's members. (NextRotationDate of a cron expression is left out.)"""
    rotation = record.data["rotation"]
    answer = {n: rotation[n] for n in ("RotationLambdaARN", "RotationRules") if n in rotation}
    period = _period_s(rotation.get("RotationRules") or {})
    if period is not None:
        answer["NextRotationDate"] = float(rotation.get("since", record.created_at)) + period
    return {"RotationEnabled": True, **answer}
