"""The API on keys and aliases."""

from __future__ import annotations

import json
from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.iam.authorize import decided
from sandbox.iam.keys import request_keys
from sandbox.iam.policy import Request
from sandbox.registry import operation
from sandbox.resource_types import tag_list
from sandbox.services.kms import keys, multi_region
from sandbox.services.kms.keys import ALIAS
from sandbox.services.kms.multi_region import KEY, REPLICA
from sandbox.store import Record

ALGORITHM = "SYMMETRIC_DEFAULT"
SIGNING = {"RSA": "RSASSA_PSS_SHA_256", "ECC": "ECDSA_SHA_256"}


def shape(ctx: Context, record: Record) -> dict[str, Any]:
    """KeyMetadata."""
    properties = record.properties
    primary = multi_region.primary_of(ctx.world, record)
    source = multi_region.shared(ctx.world, record)
    spec = source.get("KeySpec", ALGORITHM)
    usage = source.get("KeyUsage", "ENCRYPT_DECRYPT")
    multi = record.id.startswith("mrk-")
    answer: dict[str, Any] = {
        "AWSAccountId": record.account,
        "KeyId": record.id,
        "Arn": record.arn,
        "CreationDate": record.created_at,
        "Enabled": record.state == "Enabled",
        "Description": properties.get("Description", ""),
        "KeyUsage": usage,
        "KeyState": record.state,
        "Origin": source.get("Origin", "AWS_KMS"),
        "KeyManager": record.data["manager"],
        "CustomerMasterKeySpec": spec,
        "KeySpec": spec,
        "MultiRegion": multi,
    }
    if usage == "ENCRYPT_DECRYPT":
        answer["EncryptionAlgorithms"] = [ALGORITHM if spec == ALGORITHM else "RSAES_OAEP_SHA_256"]
    elif usage == "SIGN_VERIFY":
        answer["SigningAlgorithms"] = [SIGNING.get(spec[:3], "ECDSA_SHA_256")]
    if multi:
        copies = multi_region.replicas(ctx.world, record)
        answer["MultiRegionConfiguration"] = {
            "MultiRegionKeyType": "PRIMARY" if record is primary else "REPLICA",
            "PrimaryKey": {"Arn": primary.arn, "Region": primary.region},
            "ReplicaKeys": [{"Arn": r.arn, "Region": r.region} for r in copies],
        }
    if record.state == "PendingDeletion":
        answer["DeletionDate"] = record.data["deletion_date"]
    if record.state == "PendingReplicaDeletion":
        answer["PendingDeletionWindowInDays"] = record.data["window"]
    return answer


def page(items: list[dict[str, Any]], params: dict[str, Any], name: str, limit: int) -> dict[str, Any]:
    """One page of a list; the marker is a position."""
    try:
        start = int(params.get("Marker") or 0)
    except ValueError as problem:
        raise AwsError("InvalidMarkerException", "Invalid marker") from problem
    end = start + int(params.get("Limit") or limit)
    answer: dict[str, Any] = {name: items[start:end], "Truncated": end < len(items)}
    if end < len(items):
        answer["NextMarker"] = str(end)
    return answer


def _policy(text: str | None) -> Any:
    if text is None:
        return None
    try:
        return json.loads(text)
    except ValueError as problem:
        raise AwsError("MalformedPolicyDocumentException", "Policy is not valid JSON") from problem


def _refuse_lockout(ctx: Context, arn: str, params: dict[str, Any], document: Any) -> None:
    """Refuse a key policy under which the caller could not put another one (API reference, PutKeyPolicy)."""
    if params.get("BypassPolicyLockoutSafetyCheck"):
        return
    request = Request("kms:PutKeyPolicy", arn, request_keys(ctx, params))
    if not decided(ctx, ctx.principal, request, document, ctx.account, delegated=True).allowed:
        text = "The new key policy will not allow you to update the key policy in the future."
        raise AwsError("MalformedPolicyDocumentException", text)


def _tags(params: dict[str, Any]) -> dict[str, str]:
    return {t["TagKey"]: t.get("TagValue", "") for t in params.get("Tags", ())}


@operation("kms", "CreateKey")
def create_key(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    names = ("Description", "KeyUsage", "KeySpec", "Origin", "MultiRegion")
    properties = {n: params[n] for n in names if params.get(n) is not None}
    if "CustomerMasterKeySpec" in params:
        properties.setdefault("KeySpec", params["CustomerMasterKeySpec"])
    if params.get("Policy"):
        properties["KeyPolicy"] = _policy(params["Policy"])
        _refuse_lockout(ctx, ctx.arn("kms", "key/*"), params, properties["KeyPolicy"])
    record = ctx.world.create(ctx, KEY, properties, tags=_tags(params), at_once=True)
    return {"KeyMetadata": shape(ctx, record)}


@operation("kms", "ReplicateKey")
def replicate_key(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    primary = keys.find(ctx, params["KeyId"], aliases=False)
    policy = _policy(params.get("Policy")) or keys.default_policy(ctx.account)
    properties = {
        "PrimaryKeyArn": primary.arn,
        "KeyPolicy": policy,
        "Description": params.get("Description", ""),
    }
    there = ctx.world.context(ctx.account, params["ReplicaRegion"], principal=ctx.principal)
    tags = _tags(params)
    record = ctx.world.create(there, REPLICA, properties, tags=tags, at_once=True)
    return {
        "ReplicaKeyMetadata": shape(ctx, record),
        "ReplicaPolicy": keys.policy_text(record),
        "ReplicaTags": tag_list(tags, "TagKey", "TagValue"),
    }


@operation("kms", "UpdatePrimaryRegion")
def update_primary_region(ctx: Context, params: dict[str, Any]) -> None:
    record = keys.find(ctx, params["KeyId"], aliases=False)
    if not record.id.startswith("mrk-") or not multi_region.is_primary(record):
        raise AwsError("UnsupportedOperationException", f"{record.arn} is not a multi-region primary key.")
    region = params["PrimaryRegion"]
    there = ctx.world.context(record.account, region)
    replica = keys.by_id(there, record.id)
    if replica is None or replica is record:
        arn = there.arn("kms", f"key/{record.id}")
        raise AwsError("NotFoundException", f"Key '{arn}' does not exist")
    for key in (record, replica):
        keys.refuse_unusable(key)
    multi_region.move(ctx.world, record, replica)


@operation("kms", "DescribeKey")
def describe_key(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    return {"KeyMetadata": shape(ctx, keys.find(ctx, params["KeyId"]))}


@operation("kms", "ListKeys")
def list_keys(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    records = [r for name in (KEY, REPLICA) for r in ctx.store.list(ctx.account, ctx.region, name)]
    return page([{"KeyId": r.id, "KeyArn": r.arn} for r in records], params, "Keys", 100)


@operation("kms", "ScheduleKeyDeletion")
def schedule_key_deletion(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    days = int(params.get("PendingWindowInDays") or 30)
    if not 7 <= days <= 30:
        text = f"Value '{days}' at 'pendingWindowInDays' failed to satisfy constraint: between 7 and 30"
        raise AwsError("ValidationException", f"1 validation error detected: {text}")
    record = _customers(keys.find(ctx, params["KeyId"], aliases=False))
    keys.refuse_waiting(record)
    keys.schedule(ctx, record, days)
    answer = {"KeyId": record.arn, "KeyState": record.state, "PendingWindowInDays": days}
    if "deletion_date" in record.data:
        answer["DeletionDate"] = record.data["deletion_date"]
    return answer


@operation("kms", "CancelKeyDeletion")
def cancel_key_deletion(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = keys.find(ctx, params["KeyId"], aliases=False)
    if record.state not in keys.WAITING:
        raise AwsError("KMSInvalidStateException", f"{record.arn} is not pending deletion.")
    keys.cancel(ctx, record)
    return {"KeyId": record.arn}


def _customers(record: Record) -> Record:
    if record.data["manager"] == "AWS":
        raise AwsError("UnsupportedOperationException", f"{record.arn} is an AWS managed key.")
    return record


def changeable(ctx: Context, params: dict[str, Any]) -> Record:
    """A customer's key that does not wait for deletion. Refuses as `refuse_waiting` does."""
    record = _customers(keys.find(ctx, params["KeyId"], aliases=False))
    keys.refuse_waiting(record)
    return record


def change(ctx: Context, record: Record, **changes: Any) -> None:
    """Change some of a key's properties."""
    ctx.world.update(ctx, record, {**record.properties, **changes}, at_once=True)


@operation("kms", "EnableKey")
def enable_key(ctx: Context, params: dict[str, Any]) -> None:
    change(ctx, changeable(ctx, params), Enabled=True)


@operation("kms", "DisableKey")
def disable_key(ctx: Context, params: dict[str, Any]) -> None:
    change(ctx, changeable(ctx, params), Enabled=False)


@operation("kms", "UpdateKeyDescription")
def update_key_description(ctx: Context, params: dict[str, Any]) -> None:
    change(ctx, changeable(ctx, params), Description=params["Description"])


@operation("kms", "GetKeyPolicy")
def get_key_policy(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = keys.find(ctx, params["KeyId"], aliases=False)
    return {"Policy": keys.policy_text(record), "PolicyName": "default"}


@operation("kms", "PutKeyPolicy")
def put_key_policy(ctx: Context, params: dict[str, Any]) -> None:
    record, document = changeable(ctx, params), _policy(params["Policy"])
    _refuse_lockout(ctx, record.arn, params, document)
    change(ctx, record, KeyPolicy=document)


@operation("kms", "ListKeyPolicies")
def list_key_policies(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    keys.find(ctx, params["KeyId"], aliases=False)
    return {"PolicyNames": ["default"], "Truncated": False}


@operation("kms", "ListResourceTags")
def list_resource_tags(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = keys.find(ctx, params["KeyId"], aliases=False)
    return page(tag_list(record.tags, "TagKey", "TagValue"), params, "Tags", 50)


@operation("kms", "TagResource")
def tag_resource(ctx: Context, params: dict[str, Any]) -> None:
    record = changeable(ctx, params)
    record.tags.update(_tags(params))
    ctx.store.put(record)


@operation("kms", "UntagResource")
def untag_resource(ctx: Context, params: dict[str, Any]) -> None:
    record = changeable(ctx, params)
    for name in params["TagKeys"]:
        record.tags.pop(name, None)
    ctx.store.put(record)


# -- aliases


@operation("kms", "CreateAlias")
def create_alias(ctx: Context, params: dict[str, Any]) -> None:
    properties = {n: params[n] for n in ("AliasName", "TargetKeyId")}
    ctx.world.create(ctx, ALIAS, properties, at_once=True)


def _alias(ctx: Context, params: dict[str, Any]) -> Record:
    record = ctx.store.get(ctx.account, ctx.region, ALIAS, params["AliasName"])
    if record is None:
        raise AwsError("NotFoundException", f"Alias {ctx.arn('kms', params['AliasName'])} is not found.")
    return record


@operation("kms", "UpdateAlias")
def update_alias(ctx: Context, params: dict[str, Any]) -> None:
    properties = {n: params[n] for n in ("AliasName", "TargetKeyId")}
    ctx.world.update(ctx, _alias(ctx, params), properties, at_once=True)


@operation("kms", "DeleteAlias")
def delete_alias(ctx: Context, params: dict[str, Any]) -> None:
    ctx.world.delete(ctx, _alias(ctx, params), at_once=True)


@operation("kms", "ListAliases")
def list_aliases(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    records = ctx.store.list(ctx.account, ctx.region, ALIAS)
    if params.get("KeyId"):
        wanted = keys.find(ctx, params["KeyId"], aliases=False).id
        records = [r for r in records if r.data["key"] == wanted]
    found = [
        {
            "AliasName": r.id,
            "AliasArn": r.arn,
            "TargetKeyId": r.data["key"],
            "CreationDate": r.created_at,
            "LastUpdatedDate": r.updated_at,
        }
        for r in records
    ]
    return page(found, params, "Aliases", 50)
