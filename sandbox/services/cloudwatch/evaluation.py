"""How an alarm's state follows its metric.

Source: CloudWatch user guide, "Evaluating an alarm" and "Configuring how CloudWatch alarms treat missing data". Periods
are real seconds whatever the sandbox's speed; the period that is under way counts once it has a point.
"""

from __future__ import annotations

import json
import operator
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sandbox.context import Context
from sandbox.registry import on_start
from sandbox.services import events, sns
from sandbox.services.cloudwatch import expressions, metrics
from sandbox.services.cloudwatch.metrics import Key, key_of
from sandbox.store import Record

if TYPE_CHECKING:
    from sandbox.world import World

ALARM = "AWS::CloudWatch::Alarm"
COMPOSITE = "AWS::CloudWatch::CompositeAlarm"
ON_CHANGE: list[Callable[[Context, Record], None]] = []
"""Called with an alarm that has another state: composite alarms look at it."""
TICK_S = 10.0
COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}
ACTIONS = {"OK": "OKActions", "ALARM": "AlarmActions", "INSUFFICIENT_DATA": "InsufficientDataActions"}


def metric_of(alarm: Record) -> Key | None:
    """The alarm's metric; None for one of an expression."""
    given = alarm.properties
    if not given.get("MetricName"):
        return None
    return key_of(str(given["Namespace"]), str(given["MetricName"]), given.get("Dimensions"))


def _queries(alarm: Record) -> list[dict[str, Any]]:
    return list(alarm.properties.get("Metrics") or ())


def watches(alarm: Record, key: Key) -> bool:
    """Whether the alarm looks at the metric."""
    own = metric_of(alarm)
    return own == key if own is not None else expressions.watches(_queries(alarm), key)


def period_of(alarm: Record) -> int:
    """Seconds of one of its periods; an expression's is that of its metrics."""
    periods = [
        query.get("Period") or (query.get("MetricStat") or {}).get("Period") for query in _queries(alarm)
    ]
    return int(alarm.properties.get("Period") or next((p for p in periods if p), 60))


def history_of(alarm: Record) -> str:
    """The log stream of its history."""
    return f"cloudwatch/alarm/{alarm.arn}"


@on_start
def begin(world: World) -> None:
    """Look at alarms every ten seconds, as long as there is one."""
    if not world.memory.get("alarms watched") and any(True for _ in world.store.everywhere(ALARM)):
        world.memory["alarms watched"] = True
        world.scheduler.at(world.scheduler.now() + TICK_S, lambda: _tick(world))


def _tick(world: World) -> None:
    world.memory["alarms watched"] = False
    for alarm in world.store.everywhere(ALARM):
        # What was set by hand stays until the next evaluation, a period later (SetAlarmState).
        since = world.scheduler.now() - float(alarm.data["alarm"]["StateUpdatedTimestamp"])
        if since >= period_of(alarm):
            look(world.context(alarm.account, alarm.region), alarm)
    begin(world)


def point_came(ctx: Context, key: Key) -> None:
    """A metric has a new point."""
    for alarm in ctx.store.list(ctx.account, ctx.region, ALARM):
        if watches(alarm, key):
            look(ctx, alarm)


metrics.ON_PUT.append(point_came)


def look(ctx: Context, alarm: Record) -> None:
    """Evaluate an alarm and change its state where that is another one now."""
    found = _evaluated(ctx, alarm)
    before = alarm.data["alarm"]["StateValue"]
    if found is not None and found[0] != before:
        change(ctx, alarm, *found)


def _series(ctx: Context, alarm: Record, start: float, end: float) -> tuple[str, dict[float, float]]:
    """(statistic, values by period) of what an alarm looks at: its metric, or the query that returns data."""
    given, key, period = alarm.properties, metric_of(alarm), period_of(alarm)
    if key is not None:
        statistic = str(given.get("Statistic") or given.get("ExtendedStatistic") or "Average")
        return statistic, dict(metrics.series(ctx, key, statistic, period, start, end))
    queries = _queries(alarm)
    [asked] = [q for q in queries if q.get("ReturnData", True)]
    made = expressions.evaluate(ctx, queries, period, start, end)
    return str(asked.get("Expression") or asked["MetricStat"]["Stat"]), made[asked["Id"]]


def _evaluated(ctx: Context, alarm: Record) -> tuple[str, str, str] | None:
    """(state, reason, reason data); None: it stays as it is."""
    given = alarm.properties
    period, count = period_of(alarm), int(given["EvaluationPeriods"])
    end = (ctx.now // period + 1) * period
    statistic, found = _series(ctx, alarm, end - period * (count + 1), end)
    # The period that is under way is not waited for, and not missed.
    last = end - period if end - period in found else end - 2 * period
    points = [found.get(last - period * n) for n in range(count)]
    breaching = _breaches(alarm, points)
    if breaching is None:
        return None
    known = [p for p in points if p is not None]
    data = json.dumps({"version": "1.0", "statistic": statistic, "period": period, "recentDatapoints": known,
                       "threshold": float(given["Threshold"])})  # fmt: skip
    if breaching == "missing":
        text = f"Insufficient Data: {count} datapoints were unknown."
        return "INSUFFICIENT_DATA", text, data
    state = "ALARM" if breaching == "yes" else "OK"
    listed = ", ".join(str(p) for p in known) or "missing"
    crossed = "was" if state == "ALARM" else "was not"
    text = f"Threshold Crossed: {len(known)} datapoint(s) [{listed}] {crossed} breaching the threshold "
    return state, f"{text}({float(given['Threshold'])}).", data


def _breaches(alarm: Record, points: list[float | None]) -> str | None:
    """yes, no, missing; None: keep the state."""
    given = alarm.properties
    compare, threshold = COMPARISONS[str(given["ComparisonOperator"])], float(given["Threshold"])
    needed = int(given.get("DatapointsToAlarm") or given["EvaluationPeriods"])
    missing = str(given.get("TreatMissingData") or "missing")
    known = [compare(p, threshold) for p in points if p is not None]
    if sum(known) >= needed:
        return "yes"
    if len(known) - sum(known) > len(points) - needed:
        return "no"
    if missing == "ignore":
        return None
    if missing in ("breaching", "notBreaching"):
        filled = sum(known) + (len(points) - len(known) if missing == "breaching" else 0)
        return "yes" if filled >= needed else "no"
    if not known:
        return "missing"
    return "yes" if all(known) else "no"


def change(ctx: Context, alarm: Record, state: str, reason: str, data: str | None = None) -> None:
    """Give an alarm a state: history, event, actions."""
    before = alarm.data["alarm"]
    alarm.data["alarm"] = {
        "StateValue": state,
        "StateReason": reason,
        **({"StateReasonData": data} if data else {}),
        "StateUpdatedTimestamp": ctx.now,
    }
    ctx.store.put(alarm)
    if before["StateValue"] == state:
        return
    was, now = _state(before), _state(alarm.data["alarm"])
    text = f"Alarm updated from {before['StateValue']} to {state}"
    write_history(ctx, alarm, "StateUpdate", text, {"oldState": was, "newState": now})
    detail = {
        "alarmName": alarm.id,
        "state": now,
        "previousState": was,
        "configuration": _configuration(alarm),
    }
    events.emit(
        ctx.world,
        ctx.account,
        ctx.region,
        "aws.cloudwatch",
        "CloudWatch Alarm State Change",
        detail,
        [alarm.arn],
    )
    if alarm.properties.get("ActionsEnabled", True):
        for action in alarm.properties.get(ACTIONS[state]) or ():
            _act(ctx, alarm, action, was, now)
    for follow in ON_CHANGE:
        follow(ctx, alarm)


def _act(ctx: Context, alarm: Record, action: str, was: dict[str, Any], now: dict[str, Any]) -> None:
    """Take an action: a message to a topic. No other service takes any."""
    if ":sns:" not in action:
        text, done = f"The sandbox has no service that takes the action {action}", "Failed"
    else:
        message = {
            "AlarmName": alarm.id,
            "AlarmDescription": alarm.properties.get("AlarmDescription"),
            "AWSAccountId": ctx.account,
            "NewStateValue": now["value"],
            "NewStateReason": now["reason"],
            "StateChangeTime": now["timestamp"],
            "Region": ctx.region,
            "AlarmArn": alarm.arn,
            "OldStateValue": was["value"],
        }
        subject = f'{now["value"]}: "{alarm.id}" in {ctx.region}'[:100]
        refused = sns.put(ctx, action, subject, json.dumps(message), "cloudwatch.amazonaws.com", alarm.arn)
        done = "Failed" if refused else "Succeeded"
        text = f"Failed to execute action {action}" if refused else f"Successfully executed action {action}"
    data = {"actionState": done, "notificationResource": action}
    write_history(ctx, alarm, "Action", text, data)


def _state(alarm: dict[str, Any]) -> dict[str, Any]:
    stamp = datetime.fromtimestamp(float(alarm["StateUpdatedTimestamp"]), UTC)
    moment = stamp.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"
    return {"value": alarm["StateValue"], "reason": alarm["StateReason"], "timestamp": moment}


def _configuration(alarm: Record) -> dict[str, Any]:
    given = alarm.properties
    if alarm.type == COMPOSITE:
        return {"description": given.get("AlarmDescription", ""), "alarmRule": given["AlarmRule"]}
    by = {d["Name"]: d["Value"] for d in given.get("Dimensions") or ()}
    metric = {"namespace": given.get("Namespace"), "name": given.get("MetricName"), "dimensions": by}
    stat = {"metric": metric, "period": given.get("Period"), "stat": given.get("Statistic")}
    return {"description": given.get("AlarmDescription", ""), "metrics": [{"id": "m1", "metricStat": stat}]}


def write_history(ctx: Context, alarm: Record, kind: str, summary: str, data: dict[str, Any]) -> None:
    entry = {
        "AlarmName": alarm.id,
        "AlarmType": "CompositeAlarm" if alarm.type == COMPOSITE else "MetricAlarm",
        "Timestamp": ctx.now,
        "HistoryItemType": kind,
        "HistorySummary": summary,
        "HistoryData": json.dumps({"version": "1.0", **data}),
    }
    ctx.store.append(history_of(alarm), entry)
