"""The API on versions and their staging labels, on rotation, and on many values at once."""

from __future__ import annotations

import json
import uuid
from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import operation
from sandbox.services.secretsmanager import replicas, rotation, secrets
from sandbox.services.secretsmanager.names import TYPE
from sandbox.services.secretsmanager.operations import matches, named, primary

MOST_AT_ONCE = 20


@operation("secretsmanager", "UpdateSecretVersionStage")
def update_version_stage(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record, stage = primary(ctx, params), params["VersionStage"]
    versions: dict[str, Any] = record.data["versions"]
    source, target = params.get("RemoveFromVersionId"), params.get("MoveToVersionId")
    for id in (source, target):
        if id and id not in versions:
            text = f"Secrets Manager can't find the specified secret value for VersionId: {id}"
            raise AwsError("ResourceNotFoundException", text)
    holder = next((i for i, v in versions.items() if stage in v["stages"]), None)
    _refuse(stage, holder, source, target)
    if target != holder:
        secrets.detach(versions, stage)
    if target and stage not in versions[target]["stages"]:
        # A version that becomes current is no longer the previous one.
        kept = [s for s in versions[target]["stages"] if stage != secrets.CURRENT or s != secrets.PREVIOUS]
        versions[target]["stages"] = [*kept, stage]
    record.data["changed"] = ctx.now
    ctx.store.put(record)
    replicas.spread(ctx.world, record)
    return named(record)


def _refuse(stage: str, holder: str | None, source: str | None, target: str | None) -> None:
    """Labels are moved from the version that has them (API reference, UpdateSecretVersionStage)."""
    text = ""
    if holder is None or holder == target:
        return
    if source is None:
        text = (
            f"The parameter RemoveFromVersionId can't be empty. Staging label {stage} is currently attached to version "
            f"{holder}, so you must explicitly reference that version in RemoveFromVersionId."
        )
    elif source != holder:
        text = (
            f"When you move staging label {stage}, if you specify RemoveFromVersionId, it must be set to the version "
            f"that currently has the staging label {stage}."
        )
    elif stage == secrets.CURRENT and target is None:
        text = f"You can't remove staging label {stage} without moving it to another version."
    if text:
        raise AwsError("InvalidParameterException", text)


@operation("secretsmanager", "BatchGetSecretValue")
def batch_get_secret_value(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    ids, filters = params.get("SecretIdList"), params.get("Filters")
    if bool(ids) == bool(filters):
        text = "Either Filters or SecretIdList must be provided, but not both."
        raise AwsError("InvalidParameterException", text)
    if filters:
        records = ctx.store.list(ctx.account, ctx.region, TYPE)
        ids = [r.id for r in records if all(matches(r, rule) for rule in filters)]
    if len(ids or ()) > MOST_AT_ONCE and not filters:
        raise AwsError("InvalidParameterException", f"At most {MOST_AT_ONCE} secrets can be asked for.")
    start = int(params.get("NextToken") or 0)
    end = start + min(int(params.get("MaxResults") or MOST_AT_ONCE), MOST_AT_ONCE)
    values, errors = [], []
    for id in (ids or [])[start:end]:
        try:
            values.append(secrets.value_of(ctx, secrets.find(ctx, id)))
        except AwsError as problem:
            errors.append({"SecretId": id, "ErrorCode": problem.code, "Message": problem.message})
    more = {"NextToken": str(end)} if end < len(ids or ()) else {}
    return {"SecretValues": values, "Errors": errors, **more}


@operation("secretsmanager", "RotateSecret")
def rotate_secret(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    """Record the schedule. A rotation itself is the function's work, and none runs here."""
    record = primary(ctx, params)
    held = record.data.get("rotation") or {}
    names = ("RotationLambdaARN", "RotationRules")
    wanted = {**held, **{n: params[n] for n in names if params.get(n)}}
    if not wanted.get("RotationLambdaARN"):
        text = "No Lambda rotation function ARN is associated with this secret."
        raise AwsError("InvalidRequestException", text)
    rotation.check(wanted.get("RotationRules") or {})
    record.data["rotation"] = {**wanted, "since": ctx.now}
    ctx.store.put(record)
    return named(record, VersionId=params.get("ClientRequestToken") or str(uuid.uuid4()))


@operation("secretsmanager", "CancelRotateSecret")
def cancel_rotate_secret(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = primary(ctx, params)
    record.data.pop("rotation", None)
    ctx.store.put(record)
    return named(record)


@operation("secretsmanager", "ValidateResourcePolicy")
def validate_resource_policy(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    """Whether the text is a policy, and public by its principal."""
    try:
        statements = json.loads(params["ResourcePolicy"])["Statement"]
    except (ValueError, KeyError, TypeError) as problem:
        text = "This resource policy contains invalid Json"
        raise AwsError("MalformedPolicyDocumentException", text) from problem
    public = [
        s
        for s in (statements if isinstance(statements, list) else [statements])
        if s.get("Effect") == "Allow" and s.get("Principal") in ("*", {"AWS": "*"}) and not s.get("Condition")
    ]
    problem_text = "The resource policy grants broad access to the secret."
    errors = [{"CheckName": "BroadAccess", "ErrorMessage": problem_text}] if public else []
    return {"PolicyValidationPassed": not public, "ValidationErrors": errors}
