"""Secrets as records: versions, replicas in other regions, deletion with a recovery window."""

from __future__ import annotations

import base64
import uuid
from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import on_start, resource_type
from sandbox.resource_types import ResourceType, random_name
from sandbox.services.kms import keys
from sandbox.services.secretsmanager import passwords
from sandbox.services.secretsmanager.names import DAY_S, DEFAULT_KEY, TYPE, by_name, name_of, refuse_bad_key
from sandbox.services.secretsmanager.replicas import drop_replica, replicas, replicate, spread
from sandbox.store import Record
from sandbox.world import World

CURRENT, PREVIOUS = "AWSCURRENT", "AWSPREVIOUS"


@resource_type(TYPE)
class Secret(ResourceType):
    """A secret. Its id is its ARN; values are in data["versions"], a replica has data["primary"] (an ARN)."""

    state_ready = "available"

    def identify(self, ctx: Context, properties: dict[str, Any], hint: str) -> str:
        name = properties.get("Name") or f"{hint.rpartition('-')[2] or 'Secret'}-{random_name(12)}"
        return ctx.arn("secretsmanager", f"secret:{name}-{random_name(6)}")

    def arn_for(self, ctx: Context, id: str, properties: dict[str, Any]) -> str:
        return id

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        if properties.get("Name"):
            refuse_taken(ctx, properties["Name"])
        if "SecretString" in properties and "GenerateSecretString" in properties:
            text = "You can't specify both GenerateSecretString and SecretString in the same secret."
            raise AwsError("InvalidRequestException", text)
        refuse_bad_key(ctx, properties.get("KmsKeyId"))

    def created(self, ctx: Context, record: Record) -> None:
        record.data.setdefault("versions", {})
        record.data["Name"] = name_of(record.id)
        value = _declared(record.properties)
        if value is not None:
            add_version(ctx, record, {"SecretString": value})
        for replica in record.properties.get("ReplicaRegions", ()):
            replicate(ctx, record, replica["Region"], replica.get("KmsKeyId"))

    def check_update(self, ctx: Context, record: Record, properties: dict[str, Any]) -> None:
        refuse_deleted(record)
        refuse_bad_key(ctx, properties.get("KmsKeyId"))

    def updated(self, ctx: Context, record: Record, before: dict[str, Any]) -> None:
        wanted = record.properties
        changed = any(wanted.get(n) != before.get(n) for n in ("SecretString", "GenerateSecretString"))
        value = _declared(wanted) if changed else None
        if value is not None:
            add_version(ctx, record, {"SecretString": value})
        new = {r["Region"]: r.get("KmsKeyId") for r in wanted.get("ReplicaRegions", ())}
        old = {r["Region"] for r in before.get("ReplicaRegions", ())}
        for region in old - set(new):
            drop_replica(ctx.world, record, region)
        for region in set(new) - old:
            replicate(ctx, record, region, new[region])
        spread(ctx.world, record)

    def deleting(self, ctx: Context, record: Record) -> None:
        """CloudFormation deletes without a recovery window (documentation of its DeletionPolicy attribute)."""
        for replica in replicas(ctx.world, record):
            ctx.store.remove(replica)


def _declared(properties: dict[str, Any]) -> str | None:
    if "GenerateSecretString" in properties:
        return passwords.secret_string(properties["GenerateSecretString"])
    return properties.get("SecretString")


def find(ctx: Context, id: str) -> Record:
    """The secret of a name, an ARN or an ARN without its six characters. Raises ResourceNotFoundException."""
    record = (
        ctx.store.get(id.split(":")[4], ctx.region, TYPE, id) if id.startswith("arn:") else by_name(ctx, id)
    )
    if record is None and id.startswith(ctx.arn("secretsmanager", "secret:")):
        record = by_name(ctx, id.split(":secret:", 1)[1])
    if record is None:
        raise AwsError("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
    return record


def refuse_taken(ctx: Context, name: str) -> None:
    """Refuse a name that a secret has, or still blocks."""
    record = by_name(ctx, name)
    if record is None:
        return
    if "deletion_date" in record.data:
        text = (
            "You can't create this secret because a secret with this name is already scheduled for deletion."
        )
        raise AwsError("InvalidRequestException", text)
    raise AwsError(
        "ResourceExistsException", f"The operation failed because the secret {name} already exists."
    )


def refuse_deleted(record: Record) -> None:
    if "deletion_date" in record.data:
        text = "You can't perform this operation on the secret because it was marked for deletion."
        raise AwsError("InvalidRequestException", text)


def refuse_replica(record: Record) -> None:
    if "primary" in record.data:
        text = "Operation not permitted on a replica secret. Call must be made in primary secret's region."
        raise AwsError("InvalidRequestException", text)


def detach(versions: dict[str, Any], stage: str) -> None:
    """Take a staging label off the version that has it; what was AWSCURRENT becomes AWSPREVIOUS."""
    holder = next((v for v in versions.values() if stage in v["stages"]), None)
    if stage == CURRENT and holder is not None:
        for version in versions.values():
            version["stages"] = [s for s in version["stages"] if s != PREVIOUS]
        holder["stages"].append(PREVIOUS)
    if holder is not None:
        holder["stages"] = [s for s in holder["stages"] if s != stage]


def add_version(
    ctx: Context,
    record: Record,
    value: dict[str, str],
    token: str | None = None,
    stages: list[str] | None = None,
) -> str:
    """Store a value ({"SecretString": …} or {"binary": base64}) as a new version and move the staging labels to it."""
    versions: dict[str, Any] = record.data["versions"]
    id = token or str(uuid.uuid4())
    if id in versions:
        if {k: versions[id].get(k) for k in ("SecretString", "binary")} != {
            k: value.get(k) for k in ("SecretString", "binary")
        }:
            text = f"You can't modify the value of version {id}: it already exists."
            raise AwsError("ResourceExistsException", text)
        return id
    wanted = list(stages or [CURRENT])
    for stage in wanted:
        detach(versions, stage)
    versions[id] = {**value, "stages": wanted, "created": ctx.now}
    record.data["changed"] = ctx.now
    ctx.store.put(record)
    spread(ctx.world, record)
    return id


def value_of(
    ctx: Context, record: Record, version: str | None = None, stage: str | None = None
) -> dict[str, Any]:
    """GetSecretValue's answer. Raises what it raises."""
    refuse_deleted(record)
    versions: dict[str, Any] = record.data["versions"]
    if version:
        id = version if version in versions and (not stage or stage in versions[version]["stages"]) else None
        what = f"VersionId: {version}"
    else:
        label = stage or CURRENT
        id = next((i for i, v in versions.items() if label in v["stages"]), None)
        what = f"staging label: {label}"
    if id is None:
        text = f"Secrets Manager can't find the specified secret value for {what}"
        raise AwsError("ResourceNotFoundException", text)
    key = record.properties.get("KmsKeyId")
    if key and key != DEFAULT_KEY:
        try:
            keys.usable(ctx, key)
        except AwsError as problem:
            text = "Secrets Manager can't decrypt the protected secret text using the provided KMS key."
            raise AwsError("DecryptionFailure", f"{text} {problem.message}") from problem
    found = versions[id]
    answer: dict[str, Any] = {
        "ARN": record.id,
        "Name": record.data["Name"],
        "VersionId": id,
        "VersionStages": found["stages"],
        "CreatedDate": found["created"],
    }
    if "binary" in found:
        answer["SecretBinary"] = base64.b64decode(found["binary"])
    else:
        answer["SecretString"] = found["SecretString"]
    return answer


# -- deletion


def schedule(ctx: Context, record: Record, days: int) -> float:
    """Mark the secret for deletion; its deletion date."""
    date = ctx.now + days * DAY_S
    record.data["deletion_date"] = date
    ctx.store.put(record)
    _arm(ctx.world, record)
    return date


def _arm(world: World, record: Record) -> None:
    date = float(record.data["deletion_date"])

    def destroy() -> None:
        if world.store.get(*record.key) is record and record.data.get("deletion_date") == date:
            world.store.remove(record)

    world.scheduler.at(date, destroy)


@on_start
def take_up(world: World) -> None:
    """Arm the deletion dates again after a restart."""
    for record in world.store.everywhere(TYPE):
        if "deletion_date" in record.data:
            _arm(world, record)
