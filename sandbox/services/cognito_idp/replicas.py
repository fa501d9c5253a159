"""Replicas of a pool in another region: what makes them, their status, and their own settings under CloudFormation."""

from __future__ import annotations

from typing import Any

from sandbox.application.dark import darkness
from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import operation, resource_type
from sandbox.resource_types import ResourceType
from sandbox.services._listing import page
from sandbox.services.cognito_idp import replication
from sandbox.services.cognito_idp.names import (
    ATTACHMENT,
    POOL,
    REPLICA,
    SERVICE,
    invalid,
    not_found,
    part_id,
    pool_get,
)
from sandbox.services.cognito_idp.secondary import COPY_OF, STATUS, is_secondary, not_enabled
from sandbox.services.kms import keys
from sandbox.store import Record


@resource_type(REPLICA)
class UserPoolReplica(ResourceType):
    """A replica. Its state is Cognito's: CREATING, INACTIVE, ACTIVE, DELETING. Its tags: what the copy began with."""

    state_creating = "CREATING"
    state_deleting = "DELETING"
    state_ready = "INACTIVE"

    def identify(self, ctx: Context, properties: dict[str, Any], hint: str) -> str:
        return part_id(properties["UserPoolId"], properties["RegionName"])

    def arn_for(self, ctx: Context, id: str, properties: dict[str, Any]) -> str:
        return ""

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        pool = pool_get(ctx, properties["UserPoolId"], "CreateUserPoolReplica")
        region = str(properties["RegionName"])
        replication.refuse_unfit(pool.properties)
        if region == pool.region:
            raise invalid("A replica must be in another region than the user pool.")
        if replication.replicas(ctx.world, pool.account, pool.id):
            raise AwsError("LimitExceededException", "A user pool can have at most one replica.")
        key = str(pool.properties["KeyConfiguration"]["KmsKeyArn"]).replace(f":{pool.region}:", f":{region}:")
        try:
            keys.usable(ctx.world.context(ctx.account, region), key)
        except AwsError as problem:
            raise invalid(f"The KMS key is not available in {region}: {problem.message}") from problem

    def ready(self, ctx: Context, record: Record, action: str) -> None:
        """The copy is there once both regions are."""
        if action == "update":
            there = _copy(ctx, record)
            record.state = str(there.data[STATUS]) if there is not None else self.state_ready
            ctx.store.put(record)
            return
        regions = (record.region, str(record.properties["RegionName"]))
        if any(darkness(ctx.world, record.account, region, SERVICE) for region in regions):
            ctx.world.postpone(ctx, record, action, replication.AGAIN_S)
            return
        replication.fill(ctx.world, record, record.tags)

    def updated(self, ctx: Context, record: Record, before: dict[str, Any]) -> None:
        """Only tags change: those of the stack go on the copy, whose others stay."""
        there = _copy(ctx, record)
        if there is not None:
            there.tags = {**there.tags, **record.tags}
            ctx.store.put(there)

    def check_delete(self, ctx: Context, record: Record) -> None:
        pool_get(ctx, record.properties["UserPoolId"], "DeleteUserPoolReplica")
        if record.state != "INACTIVE":
            raise invalid(f"The replica is {record.state}: only an INACTIVE one can be deleted.")

    def deleted(self, ctx: Context, record: Record) -> None:
        replication.empty(ctx.world, record)


def _copy(ctx: Context, replica: Record) -> Record | None:
    """The pool as the replica's region has it; None while it is being made."""
    return ctx.store.get(
        replica.account, replica.properties["RegionName"], POOL, replica.properties["UserPoolId"]
    )


def _activate(ctx: Context, replica: Record, status: str) -> None:
    """Set a replica ACTIVE or INACTIVE; from either region, as the other one may be out of reach."""
    copy = _copy(ctx, replica)
    if copy is None or replica.state not in ("ACTIVE", "INACTIVE"):
        raise invalid(f"The replica is {replica.state}: its status cannot be changed now.")
    copy.data[STATUS] = replica.state = status
    for record in (copy, replica):
        ctx.store.put(record)


def _find(ctx: Context, pool: Record, region: str) -> Record:
    for replica in replication.replicas(ctx.world, pool.account, pool.id):
        if replica.properties["RegionName"] == region:
            return replica
    raise not_found(f"User pool {pool.id} has no replica in {region}.")


def _shape(replica: Record) -> dict[str, Any]:
    """UserPoolReplicaType of a secondary."""
    region = replica.properties["RegionName"]
    return {
        "RegionName": region,
        "Status": replica.state,
        "Role": "SECONDARY",
        "UserPoolArn": f"arn:aws:cognito-idp:{region}:{replica.account}:userpool/{replica.properties['UserPoolId']}",
    }


def _primary_shape(pool: Record) -> dict[str, Any]:
    home = str(pool.data.get(COPY_OF, pool.region))
    arn = pool.arn.replace(f":{pool.region}:", f":{home}:", 1)
    return {"RegionName": home, "Status": "ACTIVE", "Role": "PRIMARY", "UserPoolArn": arn}


@operation("cognito-idp", "CreateUserPoolReplica")
def create_user_pool_replica(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    properties = {n: params[n] for n in ("UserPoolId", "RegionName")}
    return {
        "UserPoolReplica": _shape(ctx.world.create(ctx, REPLICA, properties, tags=params.get("UserPoolTags")))
    }


@operation("cognito-idp", "UpdateUserPoolReplica")
def update_user_pool_replica(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    replica = _find(ctx, pool_get(ctx, params["UserPoolId"]), params["RegionName"])
    _activate(ctx, replica, params["Status"])
    return {"UserPoolReplica": _shape(replica)}


@operation("cognito-idp", "DeleteUserPoolReplica")
def delete_user_pool_replica(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    pool = pool_get(ctx, params["UserPoolId"])
    if is_secondary(pool):
        raise not_enabled("DeleteUserPoolReplica must be called from the primary region.")
    replica = _find(ctx, pool, params["RegionName"])
    return {"UserPoolReplica": _shape(ctx.world.delete(ctx, replica))}


@operation("cognito-idp", "ListUserPoolReplicas")
def list_user_pool_replicas(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    pool = pool_get(ctx, params["UserPoolId"])
    shapes = [
        _primary_shape(pool),
        *(_shape(r) for r in replication.replicas(ctx.world, pool.account, pool.id)),
    ]
    shown, following = page(shapes, None, params.get("NextToken"), code="InvalidParameterException")
    return {"UserPoolReplicas": shown, "NextToken": following}


@resource_type(ATTACHMENT)
class RegionalConfiguration(ResourceType):
    """A replica's own settings, in a stack of its region: status, mail, texts, triggers, tags.

    Without it the replica is INACTIVE and has none of them."""

    def identify(self, ctx: Context, properties: dict[str, Any], hint: str) -> str:
        return str(properties["UserPoolId"])

    def arn_for(self, ctx: Context, id: str, properties: dict[str, Any]) -> str:
        return ""

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        pool = pool_get(ctx, properties["UserPoolId"], "UpdateUserPool")
        if not is_secondary(pool):
            raise invalid(f"User pool {pool.id} is not a replica in {ctx.region}.")

    def created(self, ctx: Context, record: Record) -> None:
        self._apply(ctx, record)

    def updated(self, ctx: Context, record: Record, before: dict[str, Any]) -> None:
        self._apply(ctx, record)

    def _apply(self, ctx: Context, record: Record) -> None:
        pool = pool_get(ctx, record.id, "UpdateUserPool")
        for name in replication.REGIONAL:
            if name in record.properties:
                pool.properties[name] = record.properties[name]
            else:
                pool.properties.pop(name, None)
        pool.tags = {**pool.tags, **record.tags}
        ctx.store.put(pool)
        status = record.properties.get("Status")
        if status:
            _activate(ctx, _find(ctx, pool, pool.region), status)

    def deleted(self, ctx: Context, record: Record) -> None:
        pool = ctx.store.get(record.account, record.region, POOL, record.id)
        if pool is None:
            return
        for name in replication.REGIONAL:
            pool.properties.pop(name, None)
        pool.tags = {k: v for k, v in pool.tags.items() if k not in record.tags}
        ctx.store.put(pool)
        _activate(ctx, _find(ctx, pool, pool.region), "INACTIVE")
