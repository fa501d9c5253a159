"""Health checks, and the tags of zones and health checks."""

from __future__ import annotations

import uuid
from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import operation, resource_type
from sandbox.resource_types import ResourceType, tag_list, tags_from
from sandbox.services._listing import page
from sandbox.services.route53 import names, probes, status
from sandbox.services.route53.zones import need as need_zone
from sandbox.store import GLOBAL, Record

ENDPOINTS = ("HTTP", "HTTPS", "HTTP_STR_MATCH", "HTTPS_STR_MATCH", "TCP")
CHECKERS = ("us-east-1", "eu-west-1", "ap-southeast-1")
"""Regions of the checkers that are shown; AWS has eight. Here all see the same."""
NEEDED = {
    "HTTP_STR_MATCH": ("SearchString",),
    "HTTPS_STR_MATCH": ("SearchString",),
    "CALCULATED": ("ChildHealthChecks", "HealthThreshold"),
    "CLOUDWATCH_METRIC": ("AlarmIdentifier",),
    "RECOVERY_CONTROL": ("RoutingControlArn",),
}
"""What each type needs (API reference, HealthCheckConfig)."""


@resource_type(names.HEALTH_CHECK)
class HealthCheck(ResourceType):
    """A health check."""

    def identify(self, ctx: Context, properties: dict[str, Any], hint: str) -> str:
        return str(uuid.uuid4())

    def arn_for(self, ctx: Context, id: str, properties: dict[str, Any]) -> str:
        return f"arn:aws:route53:::healthcheck/{id}"

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        check(ctx, properties["HealthCheckConfig"])

    def check_update(self, ctx: Context, record: Record, properties: dict[str, Any]) -> None:
        check(ctx, properties["HealthCheckConfig"])

    def created(self, ctx: Context, record: Record) -> None:
        record.attributes = {"HealthCheckId": record.id}
        record.data.setdefault("caller_reference", str(uuid.uuid4()))
        record.data["version"] = 1
        probes.begin(ctx.world)

    def updated(self, ctx: Context, record: Record, before: dict[str, Any]) -> None:
        record.data["version"] += 1


def check(ctx: Context, config: dict[str, Any]) -> None:
    """Refuse what a type of health check needs and has not. Raises AwsError InvalidInput."""
    kind = config.get("Type")
    missing = [n for n in NEEDED.get(str(kind), ()) if config.get(n) in (None, "", [])]
    if kind in ENDPOINTS and not config.get("FullyQualifiedDomainName") and not config.get("IPAddress"):
        missing.append("FullyQualifiedDomainName or IPAddress")
    if missing:
        raise AwsError("InvalidInput", f"A {kind} health check needs {', '.join(missing)}.", 400)
    for child in config.get("ChildHealthChecks") or ():
        _need(ctx, child)


def _need(ctx: Context, id: str) -> Record:
    record = ctx.store.get(ctx.account, GLOBAL, names.HEALTH_CHECK, id)
    if record is None:
        raise AwsError("NoSuchHealthCheck", f"No health check exists with the specified ID: {id}", 404)
    return record


def _shape(record: Record) -> dict[str, Any]:
    return {
        "Id": record.id,
        "CallerReference": record.data["caller_reference"],
        "HealthCheckConfig": record.properties["HealthCheckConfig"],
        "HealthCheckVersion": record.data["version"],
    }


@operation("route53", "CreateHealthCheck")
def create_health_check(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    for other in ctx.store.list(ctx.account, GLOBAL, names.HEALTH_CHECK):
        if other.data["caller_reference"] == params["CallerReference"]:
            raise AwsError(
                "HealthCheckAlreadyExists",
                "A health check has already been created with the specified caller reference.",
                409,
            )
    record = ctx.world.create(
        ctx,
        names.HEALTH_CHECK,
        {"HealthCheckConfig": params["HealthCheckConfig"]},
        data={"caller_reference": params["CallerReference"]},
        at_once=True,
    )
    location = f"https://route53.amazonaws.com/2013-04-01/healthcheck/{record.id}"
    return {"HealthCheck": _shape(record), "Location": location}


@operation("route53", "GetHealthCheck")
def get_health_check(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    return {"HealthCheck": _shape(_need(ctx, params["HealthCheckId"]))}


@operation("route53", "ListHealthChecks")
def list_health_checks(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    records = ctx.store.list(ctx.account, GLOBAL, names.HEALTH_CHECK)
    most = min(int(params.get("MaxItems") or 100), 100)
    some, token = page(records, most, params.get("Marker"), most=100, code="InvalidInput")
    answer = {"HealthChecks": [_shape(r) for r in some], "IsTruncated": bool(token), "MaxItems": str(most)}
    return {**answer, "Marker": params.get("Marker") or "", **({"NextMarker": token} if token else {})}


@operation("route53", "UpdateHealthCheck")
def update_health_check(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = _need(ctx, params["HealthCheckId"])
    outside = ("HealthCheckId", "HealthCheckVersion", "ResetElements")
    changes = {n: v for n, v in params.items() if n not in outside}
    config = {**record.properties["HealthCheckConfig"], **changes}
    ctx.world.update(ctx, record, {**record.properties, "HealthCheckConfig": config}, at_once=True)
    return {"HealthCheck": _shape(record)}


@operation("route53", "GetHealthCheckStatus")
def get_health_check_status(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    """What the checkers last saw; not for calculated ones (API reference, GetHealthCheckStatus)."""
    record = _need(ctx, params["HealthCheckId"])
    if status.config_of(record)["Type"] == "CALCULATED":
        text = "The status of a calculated health check cannot be got: it has no checkers of its own."
        raise AwsError("InvalidInput", text, 400)
    good = status.healthy(ctx.world, ctx.account, record.id)
    said = record.data.get("said") or ("Success: healthy" if good else "Failure: unhealthy")
    return {"HealthCheckObservations": [_observation(ctx, record, region, said) for region in CHECKERS]}


@operation("route53", "GetHealthCheckLastFailureReason")
def get_last_failure_reason(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = _need(ctx, params["HealthCheckId"])
    said = record.data.get("failed", "")
    rows = [_observation(ctx, record, region, said) for region in CHECKERS] if said else []
    return {"HealthCheckObservations": rows}


def _observation(ctx: Context, record: Record, region: str, said: str) -> dict[str, Any]:
    report = {"Status": said, "CheckedTime": record.data.get("checked", record.updated_at)}
    return {"Region": region, "IPAddress": "127.0.0.1", "StatusReport": report}


@operation("route53", "DeleteHealthCheck")
def delete_health_check(ctx: Context, params: dict[str, Any]) -> None:
    ctx.world.delete(ctx, _need(ctx, params["HealthCheckId"]), at_once=True)


# -- tags


def _tagged(ctx: Context, kind: str, id: str) -> Record:
    return need_zone(ctx, id) if kind == "hostedzone" else _need(ctx, id)


@operation("route53", "ChangeTagsForResource")
def change_tags(ctx: Context, params: dict[str, Any]) -> None:
    record = _tagged(ctx, params["ResourceType"], params["ResourceId"])
    record.tags.update(tags_from(params.get("AddTags")))
    for key in params.get("RemoveTagKeys") or ():
        record.tags.pop(key, None)
    ctx.store.put(record)


def _tag_set(record: Record, kind: str) -> dict[str, Any]:
    return {"ResourceType": kind, "ResourceId": record.id, "Tags": tag_list(record.tags)}


@operation("route53", "ListTagsForResource")
def list_tags(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    kind = params["ResourceType"]
    return {"ResourceTagSet": _tag_set(_tagged(ctx, kind, params["ResourceId"]), kind)}


@operation("route53", "ListTagsForResources")
def list_tags_of_many(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    kind = params["ResourceType"]
    return {"ResourceTagSets": [_tag_set(_tagged(ctx, kind, id), kind) for id in params["ResourceIds"]]}
