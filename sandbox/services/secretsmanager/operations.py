"""The API on secrets."""

from __future__ import annotations

import base64
import json
from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import operation
from sandbox.resource_types import tag_list, tags_from
from sandbox.services.secretsmanager import passwords, replicas, rotation, secrets
from sandbox.services.secretsmanager.names import TYPE
from sandbox.store import Record


def _value(params: dict[str, Any]) -> dict[str, str] | None:
    text, binary = params.get("SecretString"), params.get("SecretBinary")
    if text is not None and binary is not None:
        raise AwsError(
            "InvalidParameterException", "You can't specify both a binary secret value and a string."
        )
    if binary is not None:
        raw = binary.encode() if isinstance(binary, str) else bytes(binary)
        return {"binary": base64.b64encode(raw).decode()}
    return {"SecretString": text} if text is not None else None


def named(record: Record, **more: Any) -> dict[str, Any]:
    """ARN and name, as most answers begin."""
    return {"ARN": record.id, "Name": record.data["Name"], **more}


def shape(ctx: Context, record: Record) -> dict[str, Any]:
    """DescribeSecret's answer."""
    data = record.data
    answer = named(
        record,
        CreatedDate=record.created_at,
        LastChangedDate=data.get("changed") or record.updated_at,
        Tags=tag_list(record.tags),
        VersionIdsToStages={i: v["stages"] for i, v in data["versions"].items() if v["stages"]},
    )
    for name in ("Description", "KmsKeyId", "Type"):
        if record.properties.get(name):
            answer[name] = record.properties[name]
    if "accessed" in data:
        answer["LastAccessedDate"] = data["accessed"]
    if "deletion_date" in data:
        answer["DeletedDate"] = data["deletion_date"]
    if data.get("rotation") is not None:
        answer.update(rotation.shown(record))
    copies = replicas.replication(record)
    if copies:
        answer.update(PrimaryRegion=record.region, ReplicationStatus=copies)
    elif "primary" in data:
        answer["PrimaryRegion"] = data["primary"].split(":")[3]
    return answer


@operation("secretsmanager", "CreateSecret")
def create_secret(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    properties = {n: params[n] for n in ("Name", "Description", "KmsKeyId") if params.get(n)}
    properties["ReplicaRegions"] = params.get("AddReplicaRegions", [])
    value = _value(params)
    tags = tags_from(params.get("Tags"))
    record = ctx.world.create(ctx, TYPE, properties, tags=tags, at_once=True)
    answer = named(record)
    if value:
        answer["VersionId"] = secrets.add_version(ctx, record, value, params.get("ClientRequestToken"))
    replicas.spread(ctx.world, record)
    return {**answer, "ReplicationStatus": replicas.replication(record)}


@operation("secretsmanager", "DescribeSecret")
def describe_secret(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    return shape(ctx, secrets.find(ctx, params["SecretId"]))


@operation("secretsmanager", "GetSecretValue")
def get_secret_value(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = secrets.find(ctx, params["SecretId"])
    answer = secrets.value_of(ctx, record, params.get("VersionId"), params.get("VersionStage"))
    record.data["accessed"] = ctx.now
    ctx.store.put(record)
    return answer


@operation("secretsmanager", "ListSecretVersionIds")
def list_secret_version_ids(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = secrets.find(ctx, params["SecretId"])
    found = [
        {"VersionId": i, "VersionStages": v["stages"], "CreatedDate": v["created"]}
        for i, v in record.data["versions"].items()
        if v["stages"] or params.get("IncludeDeprecated")
    ]
    return named(record, Versions=found)


def primary(ctx: Context, params: dict[str, Any]) -> Record:
    """The secret that a request may change: neither deleted nor a replica."""
    record = secrets.find(ctx, params["SecretId"])
    secrets.refuse_deleted(record)
    secrets.refuse_replica(record)
    return record


@operation("secretsmanager", "PutSecretValue")
def put_secret_value(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record, value = primary(ctx, params), _value(params)
    if value is None:
        raise AwsError("InvalidRequestException", "You must provide either SecretString or SecretBinary.")
    token, stages = params.get("ClientRequestToken"), params.get("VersionStages")
    id = secrets.add_version(ctx, record, value, token, stages)
    return named(record, VersionId=id, VersionStages=record.data["versions"][id]["stages"])


@operation("secretsmanager", "UpdateSecret")
def update_secret(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record, value = primary(ctx, params), _value(params)
    changes = {n: params[n] for n in ("Description", "KmsKeyId") if params.get(n) is not None}
    if changes:
        ctx.world.update(ctx, record, {**record.properties, **changes}, at_once=True)
    answer = named(record)
    if value:
        answer["VersionId"] = secrets.add_version(ctx, record, value, params.get("ClientRequestToken"))
    return answer


@operation("secretsmanager", "DeleteSecret")
def delete_secret(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    force, days = params.get("ForceDeleteWithoutRecovery"), params.get("RecoveryWindowInDays")
    if force and days is not None:
        text = "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays."
        raise AwsError("InvalidParameterException", text)
    if days is not None and not 7 <= int(days) <= 30:
        text = "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive)."
        raise AwsError("InvalidParameterException", text)
    try:
        record = secrets.find(ctx, params["SecretId"])
    except AwsError:
        if not force:
            raise
        # A forced deletion of what is not there succeeds (API reference).
        id = params["SecretId"]
        arn = id if id.startswith("arn:") else ctx.arn("secretsmanager", f"secret:{id}")
        return {"ARN": arn, "Name": id, "DeletionDate": ctx.now}
    secrets.refuse_replica(record)
    copies = list(record.data.get("replicas", {}))
    if copies:
        text = f"You can't delete secret {record.data['Name']} that still has replica regions [{', '.join(copies)}]"
        raise AwsError("InvalidParameterException", text)
    if force:
        ctx.world.delete(ctx, record, at_once=True)
        return named(record, DeletionDate=ctx.now)
    secrets.refuse_deleted(record)
    return named(record, DeletionDate=secrets.schedule(ctx, record, int(days or 30)))


@operation("secretsmanager", "RestoreSecret")
def restore_secret(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = secrets.find(ctx, params["SecretId"])
    record.data.pop("deletion_date", None)
    ctx.store.put(record)
    return named(record)


def matches(record: Record, rule: dict[str, Any]) -> bool:
    """Whether a secret fits one of ListSecrets' filters."""
    name, values = rule["Key"], rule.get("Values", [])
    texts = {
        "name": [record.data["Name"]],
        "description": [record.properties.get("Description", "")],
        "tag-key": list(record.tags),
        "tag-value": list(record.tags.values()),
        "primary-region": [record.data.get("primary", record.id).split(":")[3]],
        "owning-service": [""],
    }
    texts["all"] = [t for n in ("name", "description", "tag-key", "tag-value") for t in texts[n]]
    for value in values:
        wanted = value.removeprefix("!")
        hit = any(t.startswith(wanted) for t in texts.get(name, []))
        if hit != value.startswith("!"):
            return True
    return False


@operation("secretsmanager", "ListSecrets")
def list_secrets(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    records = [
        r
        for r in ctx.store.list(ctx.account, ctx.region, TYPE)
        if (params.get("IncludePlannedDeletion") or "deletion_date" not in r.data)
        and all(matches(r, rule) for rule in params.get("Filters", ()))
    ]
    if params.get("SortOrder") == "desc":
        records.reverse()
    try:
        start = int(params.get("NextToken") or 0)
    except ValueError as problem:
        raise AwsError("InvalidNextTokenException", "The NextToken value is invalid.") from problem
    end = start + int(params.get("MaxResults") or 100)
    found = []
    for record in records[start:end]:
        entry = shape(ctx, record)
        entry["SecretVersionsToStages"] = entry.pop("VersionIdsToStages")
        entry.pop("ReplicationStatus", None)
        found.append(entry)
    return {"SecretList": found, **({"NextToken": str(end)} if end < len(records) else {})}


@operation("secretsmanager", "GetRandomPassword")
def get_random_password(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    return {"RandomPassword": passwords.generate(params)}


@operation("secretsmanager", "TagResource")
def tag_resource(ctx: Context, params: dict[str, Any]) -> None:
    record = primary(ctx, params)
    record.tags.update(tags_from(params["Tags"]))
    ctx.store.put(record)
    replicas.spread(ctx.world, record)


@operation("secretsmanager", "UntagResource")
def untag_resource(ctx: Context, params: dict[str, Any]) -> None:
    record = primary(ctx, params)
    for name in params["TagKeys"]:
        record.tags.pop(name, None)
    ctx.store.put(record)
    replicas.spread(ctx.world, record)


@operation("secretsmanager", "ReplicateSecretToRegions")
def replicate_secret_to_regions(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = primary(ctx, params)
    for replica in params["AddReplicaRegions"]:
        force = bool(params.get("ForceOverwriteReplicaSecret"))
        replicas.replicate(ctx, record, replica["Region"], replica.get("KmsKeyId"), force)
    return {"ARN": record.id, "ReplicationStatus": replicas.replication(record)}


@operation("secretsmanager", "RemoveRegionsFromReplication")
def remove_regions_from_replication(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = primary(ctx, params)
    for region in params["RemoveReplicaRegions"]:
        replicas.drop_replica(ctx.world, record, region)
    return {"ARN": record.id, "ReplicationStatus": replicas.replication(record)}


@operation("secretsmanager", "StopReplicationToReplica")
def stop_replication_to_replica(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = secrets.find(ctx, params["SecretId"])
    if "primary" not in record.data:
        text = "Operation not permitted on a primary secret. Call must be made in replica secret's region."
        raise AwsError("InvalidRequestException", text)
    replicas.stop(ctx.world, record)
    return {"ARN": record.id}


@operation("secretsmanager", "GetResourcePolicy")
def get_resource_policy(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = secrets.find(ctx, params["SecretId"])
    policy = record.data.get("policy")
    return named(record, **({"ResourcePolicy": policy} if policy else {}))


@operation("secretsmanager", "PutResourcePolicy")
def put_resource_policy(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = primary(ctx, params)
    try:
        json.loads(params["ResourcePolicy"])
    except ValueError as problem:
        text = "This resource policy contains invalid Json"
        raise AwsError("MalformedPolicyDocumentException", text) from problem
    record.data["policy"] = params["ResourcePolicy"]
    replicas.spread(ctx.world, record)
    ctx.store.put(record)
    return named(record)


@operation("secretsmanager", "DeleteResourcePolicy")
def delete_resource_policy(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = primary(ctx, params)
    record.data.pop("policy", None)
    ctx.store.put(record)
    return named(record)
