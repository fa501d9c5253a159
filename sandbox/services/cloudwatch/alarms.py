"""Alarms by their API: made, evaluated (evaluation.py), set, with their history."""

from __future__ import annotations

from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import operation, resource_type
from sandbox.resource_types import ResourceType, tag_list, tags_from
from sandbox.services._listing import page
from sandbox.services.cloudwatch import evaluation, expressions
from sandbox.services.cloudwatch.evaluation import ALARM, COMPOSITE
from sandbox.services.cloudwatch.metrics import key_of
from sandbox.store import Record


@resource_type(ALARM)
class Alarm(ResourceType):
    """A metric alarm: INSUFFICIENT_DATA until its metric has points."""

    def arn_for(self, ctx: Context, id: str, properties: dict[str, Any]) -> str:
        return ctx.arn("cloudwatch", f"alarm:{id}")

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        queries = list(properties.get("Metrics") or ())
        if bool(queries) == bool(properties.get("MetricName")):
            raise AwsError("ValidationError", "Either MetricName or Metrics must be given", 400)
        if queries and sum(1 for q in queries if q.get("ReturnData", True)) != 1:
            raise AwsError(
                "ValidationError", "Exactly one element of the metrics list should return data.", 400
            )
        expressions.check(queries)

    def check_update(self, ctx: Context, record: Record, properties: dict[str, Any]) -> None:
        self.check_create(ctx, properties)

    def created(self, ctx: Context, record: Record) -> None:
        record.attributes = {"Arn": record.arn}
        record.data["alarm"] = {
            "StateValue": "INSUFFICIENT_DATA",
            "StateReason": "Unchecked: Initial alarm creation",
            "StateUpdatedTimestamp": ctx.now,
        }
        evaluation.look(ctx, record)
        evaluation.begin(ctx.world)

    def updated(self, ctx: Context, record: Record, before: dict[str, Any]) -> None:
        evaluation.write_history(ctx, record, "ConfigurationUpdate", f'Alarm "{record.id}" updated', {})
        evaluation.look(ctx, record)

    def deleted(self, ctx: Context, record: Record) -> None:
        ctx.store.drop_log(evaluation.history_of(record))


def _alarms(ctx: Context, kind: str = ALARM) -> list[Record]:
    return ctx.store.list(ctx.account, ctx.region, kind)


def _both(ctx: Context) -> list[Record]:
    return [*_alarms(ctx), *_alarms(ctx, COMPOSITE)]


def _named(ctx: Context, name: str) -> Record | None:
    return next((r for r in _both(ctx) if r.id == name), None)


def _shape(record: Record) -> dict[str, Any]:
    given = {k: v for k, v in record.properties.items() if k not in ("AlarmName", "Tags")}
    return {
        "ActionsEnabled": True,
        "OKActions": [],
        "AlarmActions": [],
        "InsufficientDataActions": [],
        **({"Dimensions": []} if record.type == ALARM else {}),
        **given,
        "AlarmName": record.id,
        "AlarmArn": record.arn,
        "AlarmConfigurationUpdatedTimestamp": record.updated_at,
        **record.data["alarm"],
    }


@operation("cloudwatch", "PutMetricAlarm")
def put_metric_alarm(ctx: Context, params: dict[str, Any]) -> None:
    properties = {n: v for n, v in params.items() if n != "Tags"}
    record = ctx.store.get(ctx.account, ctx.region, ALARM, params["AlarmName"])
    if record is None:
        ctx.world.create(ctx, ALARM, properties, tags=tags_from(params.get("Tags")), at_once=True)
    else:
        ctx.world.update(ctx, record, properties, at_once=True)


_KINDS = {ALARM: "MetricAlarm", COMPOSITE: "CompositeAlarm"}


@operation("cloudwatch", "DescribeAlarms")
def describe_alarms(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    """Composite alarms are shown when AlarmTypes asks for them, as in AWS."""
    kinds = params.get("AlarmTypes") or ["MetricAlarm"]
    asked = [r for r in _both(ctx) if _KINDS[r.type] in kinds]
    records = sorted(asked, key=lambda r: r.id)
    if params.get("AlarmNames"):
        records = [r for r in records if r.id in params["AlarmNames"]]
    if params.get("AlarmNamePrefix"):
        records = [r for r in records if r.id.startswith(params["AlarmNamePrefix"])]
    if params.get("StateValue"):
        records = [r for r in records if r.data["alarm"]["StateValue"] == params["StateValue"]]
    some, token = page(records, params.get("MaxRecords"), params.get("NextToken"), most=100)
    answer = {
        "MetricAlarms": [_shape(r) for r in some if r.type == ALARM],
        "CompositeAlarms": [_shape(r) for r in some if r.type == COMPOSITE],
    }
    return {**answer, **({"NextToken": token} if token else {})}


@operation("cloudwatch", "SetAlarmState")
def set_alarm_state(ctx: Context, params: dict[str, Any]) -> None:
    record = _named(ctx, params["AlarmName"])
    if record is None:
        raise AwsError("ResourceNotFound", "Alarm does not exist", 404)
    evaluation.change(ctx, record, params["StateValue"], params["StateReason"], params.get("StateReasonData"))


@operation("cloudwatch", "DescribeAlarmsForMetric")
def describe_alarms_for_metric(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    key = key_of(params["Namespace"], params["MetricName"], params.get("Dimensions"))
    return {"MetricAlarms": [_shape(r) for r in _alarms(ctx) if evaluation.watches(r, key)]}


@operation("cloudwatch", "DescribeAlarmHistory")
def describe_alarm_history(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    """Newest first, unless ScanBy says TimestampAscending."""
    asked = [r for r in _both(ctx) if params.get("AlarmName") in (None, r.id)]
    rows = [row for record in asked for row in ctx.store.log(evaluation.history_of(record))]
    rows = [r for r in rows if params.get("HistoryItemType") in (None, r["HistoryItemType"])]
    down = params.get("ScanBy", "TimestampDescending") == "TimestampDescending"
    rows.sort(key=lambda r: float(r["Timestamp"]), reverse=down)
    some, token = page(rows, params.get("MaxRecords"), params.get("NextToken"), most=100)
    return {"AlarmHistoryItems": some, **({"NextToken": token} if token else {})}


@operation("cloudwatch", "EnableAlarmActions", "DisableAlarmActions")
def switch_alarm_actions(ctx: Context, params: dict[str, Any]) -> None:
    enabled = ctx.operation == "EnableAlarmActions"
    for record in _both(ctx):
        if record.id in params["AlarmNames"]:
            ctx.world.update(ctx, record, {**record.properties, "ActionsEnabled": enabled}, at_once=True)


@operation("cloudwatch", "DeleteAlarms")
def delete_alarms(ctx: Context, params: dict[str, Any]) -> None:
    records = [_named(ctx, name) for name in params["AlarmNames"]]
    if any(r is None for r in records) and len(records) == 1:
        raise AwsError("ResourceNotFound", f"{params['AlarmNames'][0]} does not exist", 404)
    for record in records:
        if record is not None:
            ctx.world.delete(ctx, record, at_once=True)


def _by_arn(ctx: Context, arn: str) -> Record:
    record = ctx.store.by_arn(arn)
    if record is None or record.account != ctx.account or record.type not in _KINDS:
        raise AwsError("ResourceNotFoundException", "Unknown", 404)
    return record


@operation("cloudwatch", "ListTagsForResource")
def list_tags(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    return {"Tags": tag_list(_by_arn(ctx, params["ResourceARN"]).tags)}


@operation("cloudwatch", "TagResource")
def tag_resource(ctx: Context, params: dict[str, Any]) -> None:
    record = _by_arn(ctx, params["ResourceARN"])
    record.tags.update(tags_from(params["Tags"]))
    ctx.store.put(record)


@operation("cloudwatch", "UntagResource")
def untag_resource(ctx: Context, params: dict[str, Any]) -> None:
    record = _by_arn(ctx, params["ResourceARN"])
    for key in params["TagKeys"]:
        record.tags.pop(key, None)
    ctx.store.put(record)
