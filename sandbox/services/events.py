"""EventBridge: rules with targets on the default bus, and the delivery of events to SQS queues and SNS topics."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.event_patterns import check, matches
from sandbox.iam import services
from sandbox.registry import operation, resource_type
from sandbox.resource_types import ResourceType, tag_list, tags_from
from sandbox.services import sns
from sandbox.services.sqs.messages import send
from sandbox.store import Record

if TYPE_CHECKING:
    from sandbox.world import World

RULE = "AWS::Events::Rule"


@resource_type(RULE)
class Rule(ResourceType):
    """A rule on the default bus; its id is its name. Targets are in its properties."""

    state_ready = "ENABLED"

    def identify(self, ctx: Context, properties: dict[str, Any], hint: str) -> str:
        return str(properties.get("Name") or self.new_name(hint, "Name"))

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        bus = properties.get("EventBusName", "default")
        if bus.rpartition("/")[2] != "default":
            raise AwsError("ResourceNotFoundException", f"Event bus {bus} does not exist.", 400)
        if not properties.get("EventPattern") and not properties.get("ScheduleExpression"):
            raise AwsError(
                "ValidationException",
                "Parameter(s) EventPattern or ScheduleExpression must be specified.",
                400,
            )
        if properties.get("EventPattern"):
            check(properties["EventPattern"])

    def check_update(self, ctx: Context, record: Record, properties: dict[str, Any]) -> None:
        self.check_create(ctx, properties)

    def created(self, ctx: Context, record: Record) -> None:
        record.attributes = {"Arn": record.arn}

    def check_delete(self, ctx: Context, record: Record) -> None:
        if record.properties.get("Targets") and not ctx.stack:
            raise AwsError("ValidationException", "Rule can't be deleted since it has targets.", 400)


def emit(
    world: World,
    account: str,
    region: str,
    source: str,
    detail_type: str,
    detail: dict[str, Any],
    resources: list[str],
) -> str:
    """Put an event on the default bus of an account and region; answers its id."""
    now = world.scheduler.now()
    event: dict[str, Any] = {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": detail_type,
        "source": source,
        "account": account,
        "time": datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": region,
        "resources": resources,
        "detail": detail,
    }
    for rule in world.store.list(account, region, RULE):
        pattern = rule.properties.get("EventPattern")
        if rule.properties.get("State") == "DISABLED" or not pattern or rule.pending == "delete":
            continue
        if matches(pattern if isinstance(pattern, dict) else json.loads(pattern), event):
            for target in rule.properties.get("Targets") or ():
                _deliver(world, rule, target, event)
    return str(event["id"])


def _deliver(world: World, rule: Record, target: dict[str, Any], event: dict[str, Any]) -> None:
    to = world.store.by_arn(target["Arn"])
    if to is None or not _arrives(world, rule, to, _input(target, event)):
        rule.data["failed_invocations"] = int(rule.data.get("failed_invocations", 0)) + 1


def _arrives(world: World, rule: Record, to: Record, message: str) -> bool:
    """Whether the queue or topic takes the message."""
    if to.type == sns.TOPIC:
        return not sns.put(world.context(to.account, to.region), to.id, "", message, sns.EVENTS, rule.arn)
    if to.type != "AWS::SQS::Queue" or not _may_send(world, to, rule):
        return False
    send(world, to, message)
    return True


def _may_send(world: World, queue: Record, rule: Record) -> bool:
    """Whether the queue's policy lets EventBridge send for this rule (EventBridge user guide, SQS permissions)."""
    keys = {"aws:SourceArn": rule.arn, "aws:SourceAccount": rule.account}
    document = queue.data.get("policy")
    return services.may(world, document, sns.EVENTS, "sqs:SendMessage", queue.arn, keys)


def _at(event: dict[str, Any], path: str) -> Any:
    value: Any = event
    for part in path.removeprefix("$").strip(".").split("."):
        if part:
            value = value.get(part) if isinstance(value, dict) else None
    return value


def _input(target: dict[str, Any], event: dict[str, Any]) -> str:
    if target.get("Input"):
        return str(target["Input"])
    if target.get("InputPath"):
        return json.dumps(_at(event, target["InputPath"]))
    transformer = target.get("InputTransformer")
    if transformer:
        text = str(transformer["InputTemplate"])
        for name, path in (transformer.get("InputPathsMap") or {}).items():
            value = _at(event, path)
            text = text.replace(f"<{name}>", value if isinstance(value, str) else json.dumps(value))
        return text
    return json.dumps(event)


def _get(ctx: Context, name: str) -> Record:
    record = ctx.store.get(ctx.account, ctx.region, RULE, name)
    if record is None:
        raise AwsError("ResourceNotFoundException", f"Rule {name} does not exist on EventBus default.", 400)
    return record


@operation("events", "PutRule")
def put_rule(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    names = ("Name", "ScheduleExpression", "State", "Description", "RoleArn", "EventBusName")
    properties = {n: params[n] for n in names if params.get(n) is not None}
    if params.get("EventPattern"):
        properties["EventPattern"] = check(params["EventPattern"])
    record = ctx.store.get(ctx.account, ctx.region, RULE, params["Name"])
    if record is None:
        record = ctx.world.create(ctx, RULE, properties, tags=tags_from(params.get("Tags")), at_once=True)
    else:
        kept = {k: v for k, v in record.properties.items() if k == "Targets"}
        ctx.world.update(ctx, record, {**kept, **properties}, at_once=True)
    return {"RuleArn": record.arn}


def _shape(record: Record) -> dict[str, Any]:
    pattern = record.properties.get("EventPattern")
    return {
        "Name": record.id,
        "Arn": record.arn,
        "EventPattern": json.dumps(pattern) if isinstance(pattern, dict) else pattern,
        "ScheduleExpression": record.properties.get("ScheduleExpression"),
        "State": record.properties.get("State", "ENABLED"),
        "Description": record.properties.get("Description"),
        "EventBusName": "default",
    }


@operation("events", "DescribeRule")
def describe_rule(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    return _shape(_get(ctx, params["Name"]))


@operation("events", "ListRules")
def list_rules(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    prefix = params.get("NamePrefix") or ""
    return {
        "Rules": [_shape(r) for r in ctx.store.list(ctx.account, ctx.region, RULE) if r.id.startswith(prefix)]
    }


@operation("events", "DeleteRule")
def delete_rule(ctx: Context, params: dict[str, Any]) -> None:
    record = ctx.store.get(ctx.account, ctx.region, RULE, params["Name"])
    if record is not None:
        ctx.world.delete(ctx, record, at_once=True)


@operation("events", "EnableRule", "DisableRule")
def switch_rule(ctx: Context, params: dict[str, Any]) -> None:
    record = _get(ctx, params["Name"])
    record.properties["State"] = "ENABLED" if ctx.operation == "EnableRule" else "DISABLED"
    ctx.store.put(record)


@operation("events", "PutTargets")
def put_targets(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = _get(ctx, params["Rule"])
    new = {t["Id"]: t for t in params["Targets"]}
    kept = [t for t in record.properties.get("Targets") or () if t["Id"] not in new]
    record.properties["Targets"] = [*kept, *new.values()]
    ctx.store.put(record)
    return {"FailedEntryCount": 0, "FailedEntries": []}


@operation("events", "RemoveTargets")
def remove_targets(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = _get(ctx, params["Rule"])
    record.properties["Targets"] = [
        t for t in record.properties.get("Targets") or () if t["Id"] not in params["Ids"]
    ]
    ctx.store.put(record)
    return {"FailedEntryCount": 0, "FailedEntries": []}


@operation("events", "ListTargetsByRule")
def list_targets_by_rule(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    return {"Targets": _get(ctx, params["Rule"]).properties.get("Targets") or []}


@operation("events", "ListRuleNamesByTarget")
def list_rule_names_by_target(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    rules = ctx.store.list(ctx.account, ctx.region, RULE)
    wanted = params["TargetArn"]
    return {
        "RuleNames": [
            r.id for r in rules if any(t["Arn"] == wanted for t in r.properties.get("Targets") or ())
        ]
    }


@operation("events", "PutEvents")
def put_events(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    answers: list[dict[str, Any]] = []
    for entry in params["Entries"]:
        if str(entry.get("Source", "")).startswith("aws."):
            answers.append(
                {
                    "ErrorCode": "NotAuthorizedForSourceException",
                    "ErrorMessage": "Not authorized for the source.",
                }
            )
            continue
        try:
            detail = json.loads(entry.get("Detail") or "{}")
        except ValueError:
            answers.append({"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."})
            continue
        source, kind = entry.get("Source", ""), entry.get("DetailType", "")
        id = emit(ctx.world, ctx.account, ctx.region, source, kind, detail, entry.get("Resources") or [])
        answers.append({"EventId": id})
    return {"FailedEntryCount": sum("ErrorCode" in a for a in answers), "Entries": answers}


@operation("events", "TestEventPattern")
def test_event_pattern(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    return {"Result": matches(check(params["EventPattern"]), json.loads(params["Event"]))}


@operation("events", "DescribeEventBus")
def describe_event_bus(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    if (params.get("Name") or "default").rpartition("/")[2] != "default":
        raise AwsError("ResourceNotFoundException", f"Event bus {params['Name']} does not exist.", 400)
    return {"Name": "default", "Arn": ctx.arn("events", "event-bus/default")}


@operation("events", "ListEventBuses")
def list_event_buses(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    return {"EventBuses": [describe_event_bus(ctx, {})]}


def _by_arn(ctx: Context, arn: str) -> Record:
    record = ctx.store.by_arn(arn)
    if record is None or record.type != RULE:
        raise AwsError("ResourceNotFoundException", f"Rule {arn} does not exist.", 400)
    return record


@operation("events", "ListTagsForResource")
def list_tags(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    return {"Tags": tag_list(_by_arn(ctx, params["ResourceARN"]).tags)}


@operation("events", "TagResource")
def tag_resource(ctx: Context, params: dict[str, Any]) -> None:
    record = _by_arn(ctx, params["ResourceARN"])
    record.tags.update(tags_from(params["Tags"]))
    ctx.store.put(record)


@operation("events", "UntagResource")
def untag_resource(ctx: Context, params: dict[str, Any]) -> None:
    record = _by_arn(ctx, params["ResourceARN"])
    for key in params["TagKeys"]:
        record.tags.pop(key, None)
    ctx.store.put(record)
