"""The API on tables, their indexes, replicas, streams and tags."""

from __future__ import annotations

from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import operation
from sandbox.resource_types import tag_list, tags_from
from sandbox.services.dynamodb import content, replicas
from sandbox.services.dynamodb.tables import TABLE, find
from sandbox.store import Record

CREATE = (
    "TableName",
    "AttributeDefinitions",
    "KeySchema",
    "LocalSecondaryIndexes",
    "GlobalSecondaryIndexes",
    "BillingMode",
    "ProvisionedThroughput",
    "TableClass",
    "DeletionProtectionEnabled",
)


def _size(items: list[dict[str, Any]]) -> int:
    return sum(len(str(i)) for i in items)


def shape(ctx: Context, record: Record) -> dict[str, Any]:
    """TableDescription."""
    given, items = record.properties, content.everything(ctx.world, record)
    throughput = {
        "ReadCapacityUnits": 0,
        "WriteCapacityUnits": 0,
        **(given.get("ProvisionedThroughput") or {}),
    }
    answer: dict[str, Any] = {
        "TableName": record.id,
        "TableArn": record.arn,
        "TableId": record.data["id"],
        "TableStatus": record.state,
        "CreationDateTime": record.created_at,
        "AttributeDefinitions": given["AttributeDefinitions"],
        "KeySchema": given["KeySchema"],
        "ProvisionedThroughput": {**throughput, "NumberOfDecreasesToday": 0},
        "ItemCount": len(items),
        "TableSizeBytes": _size(items),
        "DeletionProtectionEnabled": bool(given.get("DeletionProtectionEnabled")),
    }
    if given.get("BillingMode") == "PAY_PER_REQUEST":
        answer["BillingModeSummary"] = {"BillingMode": "PAY_PER_REQUEST"}
    for kind in ("GlobalSecondaryIndexes", "LocalSecondaryIndexes"):
        found = [_index(record, kind, i, items) for i in given.get(kind) or ()]
        if found:
            answer[kind] = found
    if "stream" in record.data:
        view = given["StreamSpecification"].get("StreamViewType", "NEW_AND_OLD_IMAGES")
        answer["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": view}
        answer["LatestStreamArn"] = record.attributes["StreamArn"]
        answer["LatestStreamLabel"] = record.data["stream"]
    encryption = given.get("SSESpecification") or {}
    if encryption.get("SSEEnabled"):
        named = encryption.get("KMSMasterKeyId")
        answer["SSEDescription"] = {
            "Status": "ENABLED",
            "SSEType": "KMS",
            **({"KMSMasterKeyArn": named} if named else {}),
        }
    if "group" in record.data:
        answer["GlobalTableVersion"] = "2019.11.21"
        answer["Replicas"] = [replicas.shape(t) for t in replicas.others(ctx.world, record)]
    if given.get("TableClass"):
        answer["TableClassSummary"] = {"TableClass": given["TableClass"]}
    return answer


def _index(record: Record, kind: str, index: dict[str, Any], items: list[dict[str, Any]]) -> dict[str, Any]:
    keys = [k["AttributeName"] for k in index["KeySchema"]]
    held = [i for i in items if all(k in i for k in keys)]
    answer = {
        **index,
        "IndexArn": f"{record.arn}/index/{index['IndexName']}",
        "ItemCount": len(held),
        "IndexSizeBytes": _size(held),
    }
    if kind == "GlobalSecondaryIndexes":
        answer["IndexStatus"] = "CREATING" if record.state == "CREATING" else "ACTIVE"
        answer.setdefault("ProvisionedThroughput", {"ReadCapacityUnits": 0, "WriteCapacityUnits": 0})
    return answer


def _stream(given: dict[str, Any] | None) -> dict[str, Any]:
    """CloudFormation's StreamSpecification; {} where the stream is off."""
    if not given or not given.get("StreamEnabled"):
        return {}
    return {"StreamSpecification": {"StreamViewType": given.get("StreamViewType", "NEW_AND_OLD_IMAGES")}}


def _encryption(given: dict[str, Any] | None) -> dict[str, Any]:
    """CloudFormation's SSESpecification; {} where the request has none."""
    if not given:
        return {}
    kept = {n: given[n] for n in ("SSEType", "KMSMasterKeyId") if given.get(n)}
    return {"SSESpecification": {"SSEEnabled": bool(given.get("Enabled")), **kept}}


@operation("dynamodb", "CreateTable")
def create_table(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    properties = {n: params[n] for n in CREATE if params.get(n) is not None}
    properties.update(_stream(params.get("StreamSpecification")))
    properties.update(_encryption(params.get("SSESpecification")))
    record = ctx.world.create(ctx, TABLE, properties, tags=tags_from(params.get("Tags")))
    return {"TableDescription": shape(ctx, record)}


@operation("dynamodb", "DescribeTable")
def describe_table(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    return {"Table": shape(ctx, find(ctx, params["TableName"]))}


@operation("dynamodb", "ListTables")
def list_tables(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    names = sorted(r.id for r in ctx.store.list(ctx.account, ctx.region, TABLE))
    start, size = params.get("ExclusiveStartTableName") or "", int(params.get("Limit") or 100)
    names = [n for n in names if n > start]
    more = {"LastEvaluatedTableName": names[size - 1]} if len(names) > size else {}
    return {"TableNames": names[:size], **more}


@operation("dynamodb", "UpdateTable")
def update_table(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = find(ctx, params["TableName"])
    if params.get("ReplicaUpdates"):
        replicas.update(ctx, record, params["ReplicaUpdates"])
        return {"TableDescription": shape(ctx, record)}
    names = (
        "BillingMode",
        "ProvisionedThroughput",
        "TableClass",
        "DeletionProtectionEnabled",
    )
    changes = {n: params[n] for n in names if params.get(n) is not None}
    properties = {**record.properties, **changes, **_encryption(params.get("SSESpecification"))}
    if changes.get("BillingMode") == "PAY_PER_REQUEST":
        properties.pop("ProvisionedThroughput", None)
    if params.get("StreamSpecification"):
        properties.pop("StreamSpecification", None)
        properties.update(_stream(params["StreamSpecification"]))
    if params.get("GlobalSecondaryIndexUpdates"):
        _change_indexes(properties, params)
    light = set(params) <= {"TableName", "DeletionProtectionEnabled"}
    ctx.world.update(ctx, record, properties, at_once=light)
    replicas.agree(ctx, record)
    return {"TableDescription": shape(ctx, record)}


def _change_indexes(properties: dict[str, Any], params: dict[str, Any]) -> None:
    """Carry GlobalSecondaryIndexUpdates into the properties; attributes that no key uses any more go."""
    found = {i["IndexName"]: i for i in properties.get("GlobalSecondaryIndexes") or ()}
    for change in params["GlobalSecondaryIndexUpdates"]:
        for kind, wanted in change.items():
            name = wanted["IndexName"]
            if kind != "Create" and name not in found:
                text = f"Requested resource not found: Table index not found: {name}"
                raise AwsError("ResourceNotFoundException", text)
            if kind == "Delete":
                del found[name]
            else:
                found[name] = {**found.get(name, {}), **wanted}
    properties["GlobalSecondaryIndexes"] = list(found.values())
    every = [*found.values(), *(properties.get("LocalSecondaryIndexes") or ()), properties]
    used = {k["AttributeName"] for i in every for k in i["KeySchema"]}
    defined = {d["AttributeName"]: d for d in properties["AttributeDefinitions"]}
    defined.update({d["AttributeName"]: d for d in params.get("AttributeDefinitions") or ()})
    properties["AttributeDefinitions"] = [d for n, d in defined.items() if n in used]


@operation("dynamodb", "DeleteTable")
def delete_table(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = find(ctx, params["TableName"])
    ctx.world.delete(ctx, record)
    return {"TableDescription": shape(ctx, record)}


def _tagged(ctx: Context, params: dict[str, Any]) -> Record:
    record = ctx.store.by_arn(params["ResourceArn"])
    if record is None or record.type != TABLE or record.account != ctx.account:
        text = f"Requested resource not found: ResourcArn: {params['ResourceArn']} not found"
        raise AwsError("ResourceNotFoundException", text)
    return record


@operation("dynamodb", "ListTagsOfResource")
def list_tags(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    return {"Tags": tag_list(_tagged(ctx, params).tags)}


@operation("dynamodb", "TagResource")
def tag_resource(ctx: Context, params: dict[str, Any]) -> None:
    record = _tagged(ctx, params)
    record.tags.update(tags_from(params["Tags"]))
    ctx.store.put(record)


@operation("dynamodb", "UntagResource")
def untag_resource(ctx: Context, params: dict[str, Any]) -> None:
    record = _tagged(ctx, params)
    for name in params["TagKeys"]:
        record.tags.pop(name, None)
    ctx.store.put(record)
