"""Keys as records: what makes them, what names them, and when they may be used."""

from __future__ import annotations

import base64
import json
import os
import uuid
from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import on_start, resource_type
from sandbox.resource_types import ResourceType
from sandbox.services.kms import multi_region
from sandbox.services.kms.multi_region import KEY, REPLICA
from sandbox.store import Record
from sandbox.world import World

ALIAS = "AWS::KMS::Alias"
DAY_S = 86400
WAITING = ("PendingDeletion", "PendingReplicaDeletion")


def default_policy(account: str) -> dict[str, Any]:
    """The policy that KMS gives a key that is made without one."""
    statement = {
        "Sid": "Enable IAM User Permissions",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
        "Action": "kms:*",
        "Resource": "*",
    }
    return {"Version": "2012-10-17", "Id": "key-default-1", "Statement": [statement]}


class AnyKey(ResourceType):
    """What keys and replicas have in common. The record's state is KMS's key state."""

    state_creating = "Creating"
    state_updating = "Updating"
    state_deleting = "PendingDeletion"
    state_ready = "Enabled"

    def arn_for(self, ctx: Context, id: str, properties: dict[str, Any]) -> str:
        return ctx.arn("kms", f"key/{id}")

    def created(self, ctx: Context, record: Record) -> None:
        record.properties.setdefault("KeyPolicy", default_policy(ctx.account))
        record.attributes = {"Arn": record.arn, "KeyId": record.id}

    def ready(self, ctx: Context, record: Record, action: str) -> None:
        record.state = "Enabled" if record.properties.get("Enabled", True) else "Disabled"

    def check_update(self, ctx: Context, record: Record, properties: dict[str, Any]) -> None:
        refuse_waiting(record)

    def check_delete(self, ctx: Context, record: Record) -> None:
        refuse_waiting(record)

    def deleting(self, ctx: Context, record: Record) -> None:
        schedule(ctx, record, int(record.properties.get("PendingWindowInDays", 30)))

    def deleted(self, ctx: Context, record: Record) -> bool:
        """The key stays until its deletion date."""
        return True


@resource_type(KEY)
class Key(AnyKey):
    """A key of the account; multi-Region ones may have replicas."""

    def identify(self, ctx: Context, properties: dict[str, Any], hint: str) -> str:
        return f"mrk-{uuid.uuid4().hex}" if properties.get("MultiRegion") else str(uuid.uuid4())

    def created(self, ctx: Context, record: Record) -> None:
        super().created(ctx, record)
        record.data.setdefault("material", base64.b64encode(os.urandom(32)).decode())
        record.data.setdefault("manager", "CUSTOMER")

    def check_update(self, ctx: Context, record: Record, properties: dict[str, Any]) -> None:
        super().check_update(ctx, record, properties)
        for name in ("MultiRegion", "KeySpec", "KeyUsage", "Origin"):
            if (properties.get(name) or None) != (record.properties.get(name) or None):
                raise AwsError(
                    "ValidationException", f"You cannot change the {name} property of an existing KMS key."
                )


@resource_type(REPLICA)
class ReplicaKey(AnyKey):
    """A replica, in this region, of a multi-Region primary key: the same id and material."""

    def identify(self, ctx: Context, properties: dict[str, Any], hint: str) -> str:
        return str(properties["PrimaryKeyArn"]).rpartition("/")[2]

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        arn = str(properties["PrimaryKeyArn"])
        primary = ctx.store.by_arn(arn)
        if primary is None or primary.type not in (KEY, REPLICA):
            raise AwsError("NotFoundException", f"Key '{arn}' does not exist")
        if not multi_region.is_primary(primary) or not primary.id.startswith("mrk-"):
            raise AwsError("UnsupportedOperationException", f"{arn} is not a multi-region primary key.")
        refuse_unusable(primary)
        if by_id(ctx, primary.id) is not None:
            raise AwsError(
                "AlreadyExistsException", f"Key {ctx.arn('kms', f'key/{primary.id}')} already exists."
            )

    def created(self, ctx: Context, record: Record) -> None:
        super().created(ctx, record)
        primary = ctx.store.by_arn(record.properties["PrimaryKeyArn"])
        assert primary is not None  # check_create saw it in this very call
        record.data.update(
            material=primary.data["material"],
            old=list(primary.data.get("old", ())),
            rotations=list(primary.data.get("rotations", ())),
            manager="CUSTOMER",
        )


@resource_type(ALIAS)
class Alias(ResourceType):
    """Another name of a key."""

    state_ready = "available"

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        name = properties["AliasName"]
        if not name.startswith("alias/") or name.startswith("alias/aws/"):
            problem = "must start with 'alias/' and not with 'alias/aws/'"
            raise AwsError("InvalidAliasNameException", f"Alias {name} {problem}")
        if ctx.store.get(ctx.account, ctx.region, ALIAS, name):
            arn = ctx.arn("kms", name)
            raise AwsError("AlreadyExistsException", f"An alias with the name {arn} already exists")
        refuse_waiting(find(ctx, properties["TargetKeyId"], aliases=False))

    def created(self, ctx: Context, record: Record) -> None:
        record.data["key"] = find(ctx, record.properties["TargetKeyId"], aliases=False).id

    def check_update(self, ctx: Context, record: Record, properties: dict[str, Any]) -> None:
        refuse_waiting(find(ctx, properties["TargetKeyId"], aliases=False))

    def updated(self, ctx: Context, record: Record, before: dict[str, Any]) -> None:
        self.created(ctx, record)


def by_id(ctx: Context, id: str, account: str | None = None) -> Record | None:
    """The key or replica of that id in this region."""
    account = account or ctx.account
    return ctx.store.get(account, ctx.region, KEY, id) or ctx.store.get(account, ctx.region, REPLICA, id)


def anywhere(ctx: Context, id: str) -> Record | None:
    """A key of this region, the account's own or another's: a ciphertext does not tell whose its key is."""
    own = by_id(ctx, id)
    if own is not None:
        return own
    records = (r for name in (KEY, REPLICA) for r in ctx.store.everywhere(name))
    return next((r for r in records if r.id == id and r.region == ctx.region), None)


def find(ctx: Context, name: str, aliases: bool = True) -> Record:
    """The key that an id, ARN, alias name or alias ARN means. Raises NotFoundException."""
    plain, account = name, ctx.account
    if name.startswith("arn:"):
        parts = name.split(":", 5)
        if len(parts) < 6 or parts[2] != "kms":
            raise AwsError("InvalidArnException", f"Invalid arn {name}")
        if parts[3] != ctx.region:
            raise AwsError("NotFoundException", f"Invalid arn {parts[3]}")
        account, plain = parts[4], parts[5]
    if plain.startswith("alias/"):
        alias = ctx.store.get(account, ctx.region, ALIAS, plain)
        record = by_id(ctx, alias.data["key"], account) if alias and aliases else None
        if record is None and aliases and plain.startswith("alias/aws/") and account == ctx.account:
            record = aws_managed(ctx, plain)
        if record is None:
            arn = ctx.arn("kms", plain, account=account)
            raise AwsError("NotFoundException", f"Alias {arn} is not found.")
        return record
    record = by_id(ctx, plain.removeprefix("key/"), account)
    if record is None:
        arn = ctx.arn("kms", f"key/{plain.removeprefix('key/')}", account=account)
        raise AwsError("NotFoundException", f"Key '{arn}' does not exist")
    return record


def usable(ctx: Context, name: str) -> Record:
    """The key, if a service may encrypt and decrypt with it now.

    Raises NotFoundException, DisabledException or KMSInvalidStateException in KMS's words.
    """
    record = find(ctx, name)
    refuse_unusable(record)
    return record


def aws_managed(ctx: Context, alias: str) -> Record:
    """The AWS managed key of a service (`alias/aws/rds`): made when it is first used, as AWS does."""
    record = Record(
        ctx.account,
        ctx.region,
        KEY,
        str(uuid.uuid4()),
        properties={"KeyPolicy": default_policy(ctx.account), "EnableKeyRotation": True},
        state="Enabled",
        created_at=ctx.now,
        updated_at=ctx.now,
        data={"material": base64.b64encode(os.urandom(32)).decode(), "manager": "AWS"},
    )
    service = alias.removeprefix("alias/aws/")
    record.properties["Description"] = (
        f"Default key that protects my {service.upper()} data when no other is defined"
    )
    record.arn = ctx.arn("kms", f"key/{record.id}")
    record.attributes = {"Arn": record.arn, "KeyId": record.id}
    ctx.store.put(record)
    ctx.store.put(
        Record(
            ctx.account,
            ctx.region,
            ALIAS,
            alias,
            properties={"AliasName": alias, "TargetKeyId": record.id},
            arn=ctx.arn("kms", alias),
            created_at=ctx.now,
            updated_at=ctx.now,
            data={"key": record.id},
        )
    )
    return record


def admits(record: Record, account: str) -> bool:
    """Whether the key's policy names another account (or its root), so that it may use the key at all."""
    if account == record.account:
        return True
    for statement in json.loads(policy_text(record)).get("Statement", ()):
        named = statement.get("Principal", {})
        named = named.get("AWS", ()) if isinstance(named, dict) else named
        names = {named} if isinstance(named, str) else set(named)
        if statement.get("Effect") == "Allow" and names & {"*", account, f"arn:aws:iam::{account}:root"}:
            return True
    return False


def refuse_waiting(record: Record) -> None:
    if record.state in WAITING:
        raise AwsError("KMSInvalidStateException", f"{record.arn} is pending deletion.")


def refuse_unusable(record: Record) -> None:
    refuse_waiting(record)
    if record.state == "Disabled":
        raise AwsError("DisabledException", f"{record.arn} is disabled.")


def schedule(ctx: Context, record: Record, days: int) -> None:
    """Begin the waiting period (a primary's begins when its last replica is gone)."""
    record.data["window"] = days
    if multi_region.replicas(ctx.world, record) and multi_region.is_primary(record):
        record.state = "PendingReplicaDeletion"
    else:
        record.state = "PendingDeletion"
        record.data["deletion_date"] = ctx.now + days * DAY_S
        _arm(ctx.world, record)
    ctx.store.put(record)


def cancel(ctx: Context, record: Record) -> None:
    """End the waiting period; the key is disabled, as KMS leaves it."""
    record.data.pop("window", None)
    record.data.pop("deletion_date", None)
    record.state = "Disabled"
    record.properties["Enabled"] = False
    record.pending = record.ready_at = None
    ctx.store.put(record)


def _arm(world: World, record: Record) -> None:
    date = float(record.data["deletion_date"])
    world.scheduler.at(date, lambda: _destroy(world, record, date))


def _destroy(world: World, record: Record, date: float) -> None:
    if world.store.get(*record.key) is not record or record.data.get("deletion_date") != date:
        return  # cancelled, or scheduled anew
    for alias in world.store.list(record.account, record.region, ALIAS):
        if alias.data["key"] == record.id:
            world.store.remove(alias)
    first = multi_region.primary_of(world, record)
    world.store.remove(record)
    if first is not record and first.state == "PendingReplicaDeletion":
        schedule(world.context(first.account, first.region), first, int(first.data["window"]))


@on_start
def take_up(world: World) -> None:
    """Arm the deletion dates again after a restart."""
    for name in (KEY, REPLICA):
        for record in world.store.everywhere(name):
            if "deletion_date" in record.data:
                _arm(world, record)


def policy_text(record: Record) -> str:
    policy = record.properties.get("KeyPolicy") or default_policy(record.account)
    return policy if isinstance(policy, str) else json.dumps(policy)
