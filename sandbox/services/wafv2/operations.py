"""The operations of WAF."""

from __future__ import annotations

from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import operation
from sandbox.resource_types import tag_list, tags_from
from sandbox.services._listing import page
from sandbox.services.wafv2.types import ACL, ASSOCIATION, IP_SET, LOGGING, all_of, missing
from sandbox.store import Record

RESOURCE_TYPES = {
    "APPLICATION_LOAD_BALANCER": ":loadbalancer/app/",
    "API_GATEWAY": ":/restapis/",
    "APPSYNC": ":appsync:",
    "COGNITO_USER_POOL": ":userpool/",
}


def _find(ctx: Context, type_name: str, params: dict[str, Any]) -> Record:
    if params.get("ARN"):
        record = ctx.store.by_arn(params["ARN"])
        if record is None or record.account != ctx.account:
            raise missing()
        return record
    record = ctx.store.get(
        ctx.account, ctx.region, type_name, f"{params.get('Name')}|{params.get('Id')}|{params.get('Scope')}"
    )
    if record is None:
        raise missing()
    return record


def _locked(ctx: Context, type_name: str, params: dict[str, Any]) -> Record:
    record = _find(ctx, type_name, params)
    if record.data["lock"] != params["LockToken"]:
        raise AwsError(
            "WAFOptimisticLockException",
            "AWS WAF couldn’t save your changes because someone changed the resource after you started to edit it. "
            "Reapply your changes.",
            400,
        )
    return record


def _summary(record: Record) -> dict[str, Any]:
    name, key, _ = record.id.split("|")
    return {
        "Name": name,
        "Id": key,
        "Description": record.properties.get("Description", ""),
        "LockToken": record.data["lock"],
        "ARN": record.arn,
    }


def _body(record: Record) -> dict[str, Any]:
    left_out = ("Scope", "Name")
    shape = {k: _in_api_words(v) for k, v in record.properties.items() if k not in left_out}
    name, key, _ = record.id.split("|")
    shape |= {"Name": name, "Id": key, "ARN": record.arn}
    if record.type == ACL:
        shape |= {
            "Capacity": record.attributes["Capacity"],
            "LabelNamespace": record.attributes["LabelNamespace"],
            "ManagedByFirewallManager": False,
        }
        shape.setdefault("Rules", [])
    return shape


def _in_api_words(value: Any) -> Any:
    """CloudFormation writes `Arn` where the API writes `ARN` (references to sets and groups)."""
    if isinstance(value, dict):
        return {("ARN" if k == "Arn" else k): _in_api_words(v) for k, v in value.items()}
    return [_in_api_words(v) for v in value] if isinstance(value, list) else value


def _listed(ctx: Context, type_name: str, params: dict[str, Any], key: str) -> dict[str, Any]:
    records = [r for r in all_of(ctx, type_name) if r.id.endswith(f"|{params['Scope']}")]
    some, token = page(
        records, params.get("Limit"), params.get("NextMarker"), most=100, code="WAFInvalidParameterException"
    )
    return {key: [_summary(r) for r in some], **({"NextMarker": token} if token else {})}


@operation("wafv2", "CreateWebACL")
def create_web_acl(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    properties = {n: v for n, v in params.items() if n != "Tags"}
    record = ctx.world.create(ctx, ACL, properties, tags=tags_from(params.get("Tags")), at_once=True)
    return {"Summary": _summary(record)}


@operation("wafv2", "GetWebACL")
def get_web_acl(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = _find(ctx, ACL, params)
    return {"WebACL": _body(record), "LockToken": record.data["lock"]}


@operation("wafv2", "ListWebACLs")
def list_web_acls(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    return _listed(ctx, ACL, params, "WebACLs")


@operation("wafv2", "UpdateWebACL")
def update_web_acl(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = _locked(ctx, ACL, params)
    ctx.world.update(
        ctx, record, {n: v for n, v in params.items() if n not in ("Id", "LockToken")}, at_once=True
    )
    return {"NextLockToken": record.data["lock"]}


@operation("wafv2", "DeleteWebACL")
def delete_web_acl(ctx: Context, params: dict[str, Any]) -> None:
    ctx.world.delete(ctx, _locked(ctx, ACL, params), at_once=True)


@operation("wafv2", "AssociateWebACL")
def associate_web_acl(ctx: Context, params: dict[str, Any]) -> None:
    if ctx.store.get(ctx.account, ctx.region, ASSOCIATION, f"{params['ResourceArn']}|{params['WebACLArn']}"):
        return
    properties = {n: params[n] for n in ("WebACLArn", "ResourceArn")}
    ctx.world.create(ctx, ASSOCIATION, properties, at_once=True)


@operation("wafv2", "DisassociateWebACL")
def disassociate_web_acl(ctx: Context, params: dict[str, Any]) -> None:
    for association in all_of(ctx, ASSOCIATION):
        if association.properties["ResourceArn"] == params["ResourceArn"]:
            ctx.world.delete(ctx, association, at_once=True)


@operation("wafv2", "GetWebACLForResource")
def get_web_acl_for_resource(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    for association in all_of(ctx, ASSOCIATION):
        acl = ctx.store.by_arn(association.properties["WebACLArn"])
        if association.properties["ResourceArn"] == params["ResourceArn"] and acl is not None:
            return {"WebACL": _body(acl)}
    return {}


@operation("wafv2", "ListResourcesForWebACL")
def list_resources_for_web_acl(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = _find(ctx, ACL, {"ARN": params["WebACLArn"]})
    part = RESOURCE_TYPES.get(params.get("ResourceType", "APPLICATION_LOAD_BALANCER"), "\0")
    arns = [
        a.properties["ResourceArn"]
        for a in all_of(ctx, ASSOCIATION)
        if a.properties["WebACLArn"] == record.arn
    ]
    return {"ResourceArns": [arn for arn in arns if part in arn]}


@operation("wafv2", "PutLoggingConfiguration")
def put_logging_configuration(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    given = params["LoggingConfiguration"]
    record = ctx.store.get(ctx.account, ctx.region, LOGGING, given["ResourceArn"])
    if record is None:
        record = ctx.world.create(ctx, LOGGING, given, at_once=True)
    else:
        ctx.world.update(ctx, record, given, at_once=True)
    return {"LoggingConfiguration": record.properties}


@operation("wafv2", "GetLoggingConfiguration")
def get_logging_configuration(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = ctx.store.get(ctx.account, ctx.region, LOGGING, params["ResourceArn"])
    if record is None:
        raise missing()
    return {"LoggingConfiguration": {**record.properties, "ManagedByFirewallManager": False}}


@operation("wafv2", "ListLoggingConfigurations")
def list_logging_configurations(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    return {"LoggingConfigurations": [r.properties for r in all_of(ctx, LOGGING)]}


@operation("wafv2", "DeleteLoggingConfiguration")
def delete_logging_configuration(ctx: Context, params: dict[str, Any]) -> None:
    record = ctx.store.get(ctx.account, ctx.region, LOGGING, params["ResourceArn"])
    if record is None:
        raise missing()
    ctx.world.delete(ctx, record, at_once=True)


@operation("wafv2", "ListIPSets")
def list_ip_sets(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    return _listed(ctx, IP_SET, params, "IPSets")


@operation("wafv2", "GetIPSet")
def get_ip_set(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = _find(ctx, IP_SET, params)
    return {"IPSet": _body(record), "LockToken": record.data["lock"]}


@operation("wafv2", "ListTagsForResource")
def list_tags(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = _find(ctx, ACL, {"ARN": params["ResourceARN"]})
    return {"TagInfoForResource": {"ResourceARN": record.arn, "TagList": tag_list(record.tags)}}


@operation("wafv2", "TagResource")
def tag_resource(ctx: Context, params: dict[str, Any]) -> None:
    record = _find(ctx, ACL, {"ARN": params["ResourceARN"]})
    record.tags.update(tags_from(params["Tags"]))
    ctx.store.put(record)


@operation("wafv2", "UntagResource")
def untag_resource(ctx: Context, params: dict[str, Any]) -> None:
    record = _find(ctx, ACL, {"ARN": params["ResourceARN"]})
    for key in params["TagKeys"]:
        record.tags.pop(key, None)
    ctx.store.put(record)
