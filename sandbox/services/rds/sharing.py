"""Who else may restore a cluster snapshot, and how many there may be."""

from __future__ import annotations

import re
from typing import Any

from sandbox import quotas
from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import operation
from sandbox.services.kms import keys
from sandbox.services.rds.common import SNAPSHOT, find
from sandbox.services.rds.origins import shared_with
from sandbox.store import Record

MOST_ACCOUNTS = 20
"""Aurora user guide, "Sharing a DB cluster snapshot"."""


def refuse_too_many(ctx: Context) -> None:
    """Refuse one manual snapshot more than the quota."""
    records = ctx.store.list(ctx.account, ctx.region, SNAPSHOT)
    most = quotas.value(ctx.world, ctx.account, ctx.region, quotas.SNAPSHOTS)
    if sum(1 for r in records if r.data["kind"] == "manual") >= most:
        text = f"The request would exceed the quota of {most:.0f} manual DB cluster snapshots."
        raise AwsError("SnapshotQuotaExceeded", text)


def shared(ctx: Context, params: dict[str, Any]) -> list[Record]:
    """Other accounts' snapshots in this region that this account may restore."""
    public = params.get("IncludePublic") or params.get("SnapshotType") == "public"
    records = (r for r in ctx.store.everywhere(SNAPSHOT) if r.region == ctx.region)
    return [
        r for r in records if shared_with(r, ctx.account) and (public or "all" not in r.data["shared_with"])
    ]


def _attributes(record: Record) -> dict[str, Any]:
    values = record.data.get("shared_with", [])
    return {
        "DBClusterSnapshotAttributesResult": {
            "DBClusterSnapshotIdentifier": record.id,
            "DBClusterSnapshotAttributes": [{"AttributeName": "restore", "AttributeValues": values}],
        }
    }


@operation("rds", "DescribeDBClusterSnapshotAttributes")
def describe_snapshot_attributes(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    return _attributes(find(ctx, SNAPSHOT, params["DBClusterSnapshotIdentifier"]))


@operation("rds", "ModifyDBClusterSnapshotAttribute")
def modify_snapshot_attribute(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = find(ctx, SNAPSHOT, params["DBClusterSnapshotIdentifier"])
    if params["AttributeName"] != "restore":
        raise AwsError("InvalidParameterValue", f"Invalid attribute name: {params['AttributeName']}")
    add = set(params.get("ValuesToAdd") or ())
    for value in add:
        if value != "all" and not re.fullmatch(r"\d{12}", value):
            raise AwsError("InvalidParameterValue", f"Invalid account id: {value}")
    _refuse(ctx, record, add)
    wanted = (set(record.data.get("shared_with", ())) | add) - set(params.get("ValuesToRemove") or ())
    if len(wanted) > MOST_ACCOUNTS:
        text = f"A snapshot can be shared with {MOST_ACCOUNTS} accounts at most."
        raise AwsError("SharedSnapshotQuotaExceeded", text)
    record.data["shared_with"] = sorted(wanted)
    ctx.store.put(record)
    return _attributes(record)


def _refuse(ctx: Context, record: Record, add: set[str]) -> None:
    """What cannot be shared: automated snapshots, those under the AWS managed key, encrypted ones with everybody."""
    problem = ""
    if record.data["kind"] != "manual":
        problem = "Only manual snapshots can be shared."
    elif record.state != "available":
        problem = f"The snapshot {record.id} is not in the available state."
    elif add and record.data["StorageEncrypted"]:
        key = keys.find(ctx, record.data["KmsKeyArn"])
        if "all" in add:
            problem = "An encrypted snapshot can't be shared as public."
        elif key.data["manager"] == "AWS":
            problem = "A snapshot that is encrypted with the default KMS key can't be shared."
    if problem:
        raise AwsError("InvalidDBClusterSnapshotStateFault", problem)
