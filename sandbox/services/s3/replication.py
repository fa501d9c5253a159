"""Replication of new objects to buckets of other regions, after a while (S3 user guide, "Replicating objects").

An object's data has `replication`: {"status", "rule", "since"} while and after it is replicated; a replica's status is
REPLICA. What existed before the rule, replicas themselves and deletions of versions are not replicated; the first two
a job copies that is asked to (batch.py).
"""

from __future__ import annotations

from typing import Any

from sandbox.application.dark import held_back
from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.iam import services, sight
from sandbox.iam.service_roles import acting, need
from sandbox.registry import on_start
from sandbox.services.cloudwatch import put_metric_data
from sandbox.services.kms import keys
from sandbox.services.s3.state import OBJECT, bucket_find, version_add, version_remove, versioning
from sandbox.store import Record
from sandbox.world import World

SERVICE = "s3.amazonaws.com"
TIMED = "Sandbox::S3::Replication"
"""The name of its duration in the settings: seconds of AWS until an object is there."""
AGAIN_S = 1.0
"""While the other region is dark or far behind, S3 tries again; AWS tells no figure."""


def delay_s(world: World) -> float:
    """Seconds until an object that is put now is replicated."""
    return world.duration(TIMED, "create") * float(world.settings["speed"])


def rules_of(bucket: Record) -> list[dict[str, Any]]:
    """Enabled rules, the highest priority first."""
    rules = (bucket.properties.get("ReplicationConfiguration") or {}).get("Rules") or ()
    enabled = [r for r in rules if r.get("Status") == "Enabled"]
    return sorted(enabled, key=lambda r: -int(r.get("Priority") or 0))


def _covers(rule: dict[str, Any], key: str, tags: dict[str, str]) -> bool:
    chosen = rule.get("Filter") or {"Prefix": rule.get("Prefix", "")}
    both = chosen.get("And") or {}
    prefix = both.get("Prefix") or chosen.get("Prefix") or ""
    wanted = both.get("TagFilters") or ([chosen["TagFilter"]] if chosen.get("TagFilter") else [])
    return key.startswith(prefix) and all(tags.get(t["Key"]) == t["Value"] for t in wanted)


def _rule_for(bucket: Record, record: Record) -> dict[str, Any] | None:
    for rule in rules_of(bucket):
        if not _covers(rule, record.data["key"], record.tags):
            continue
        if record.data["marker"]:
            # Only rules without tags can replicate delete markers (user guide).
            wanted = (rule.get("DeleteMarkerReplication") or {}).get("Status") == "Enabled"
            return rule if wanted else None
        if record.data["kept"].get("ServerSideEncryption", "").startswith("aws:kms"):
            source = (rule.get("SourceSelectionCriteria") or {}).get("SseKmsEncryptedObjects") or {}
            if source.get("Status") != "Enabled":
                return None
        return rule
    return None


def covered(bucket: Record, record: Record) -> bool:
    """Whether the bucket's rules replicate this version or delete marker."""
    return versioning(bucket) == "Enabled" and _rule_for(bucket, record) is not None


def begin(ctx: Context, bucket: Record, record: Record) -> bool:
    """A version or delete marker was written, or a job wants it copied: replicate it later. False: no rule does."""
    rule = _rule_for(bucket, record)
    if rule is None or versioning(bucket) != "Enabled":
        return False
    record.data["replication"] = {
        "status": "PENDING",
        "rule": rule.get("Id", ""),
        "role": bucket.properties["ReplicationConfiguration"]["Role"],
        "to": rule["Destination"],
        "since": ctx.now,
    }
    ctx.store.put(record)
    _arm(ctx.world, record, ctx.now + delay_s(ctx.world))
    return True


def _arm(world: World, record: Record, when: float) -> None:
    world.scheduler.at(when, lambda: _carry_out(world, record))


def _carry_out(world: World, record: Record) -> None:
    if world.store.get(*record.key) is not record:
        return  # deleted meanwhile
    held = record.data["replication"]
    target = bucket_find(world, held["to"]["Bucket"].rpartition(":")[2])
    places = ((r.account, r.region) for r in (record, target) if r is not None)
    if target is not None and held_back(world, "s3", float(held["since"]), *places):
        _arm(world, record, world.scheduler.now() + AGAIN_S)
        return
    held["status"] = "COMPLETED" if target is not None and _copy(world, record, target) else "FAILED"
    world.store.put(record)
    _measure(world, record)


def _copy(world: World, record: Record, target: Record) -> bool:
    """Make the replica; False where S3 cannot (versioning off, a role that may not, a key that cannot be used)."""
    if versioning(target) != "Enabled":
        return False
    there = world.context(target.account, target.region)
    # Of several versions the newest one stays so, whichever comes first: `n` is the order in which they were made.
    data = {k: v for k, v in record.data.items() if k not in ("bucket", "key", "blob", "replication")}
    try:
        kept = _reencrypted(world, record, there)
        if world.settings["enforce_iam"]:
            _require_role(world, record, target, str(kept.get("SSEKMSKeyId") or ""))
    except AwsError:
        return False
    if not record.data["marker"]:
        blob = f"s3-replica-{record.data['version']}-{target.id}"
        world.store.put_blob(blob, world.store.blob(record.data["blob"]))
        data.update(blob=blob, kept=kept)
    data["replication"] = {"status": "REPLICA"}
    version_remove(there, target, record.data["key"], record.data["version"])
    version_add(there, target, record.data["key"], data, dict(record.tags))
    return True


def _reencrypted(world: World, record: Record, there: Context) -> dict[str, Any]:
    """What is kept with the replica: an encrypted one is read with its key and encrypted with the destination's."""
    kept = dict(record.data.get("kept") or {})
    to = record.data["replication"]["to"]
    if to.get("StorageClass"):
        kept["StorageClass"] = to["StorageClass"]
    if kept.get("SSEKMSKeyId"):
        keys.usable(world.context(record.account, record.region), kept["SSEKMSKeyId"])
        wanted = (to.get("EncryptionConfiguration") or {}).get("ReplicaKmsKeyID", "alias/aws/s3")
        kept["SSEKMSKeyId"] = keys.usable(there, wanted).arn
    return kept


def _require_role(world: World, record: Record, target: Record, replica_key: str) -> None:
    """The rule's role, which S3 takes without saying for whom, has to be able to read the version and to write it
    there. Under a bucket key there S3 opens that key before it uses it. Raises AccessDenied.
    """
    arn, key = str(record.data["replication"].get("role", "")), record.data["key"]
    role = sight.by_arn(world, arn)
    trust = role.properties.get("AssumeRolePolicyDocument") if role is not None else None
    if not services.may(world, trust, SERVICE, "sts:AssumeRole", arn, {}):
        raise AwsError("AccessDenied", f"S3 cannot assume the role {arn}.", 403)
    here, there = (acting(world, arn, bucket.region, "s3-replication") for bucket in (record, target))
    source = f"arn:aws:s3:::{record.data['bucket']}"
    need(here, "s3:GetReplicationConfiguration", source)
    need(here, "s3:ListBucket", source)
    if record.data["marker"]:
        need(there, "s3:ReplicateDelete", f"arn:aws:s3:::{target.id}/{key}")
        return
    need(here, "s3:GetObjectVersionForReplication", f"{source}/{key}")
    need(there, "s3:ReplicateObject", f"arn:aws:s3:::{target.id}/{key}")
    if replica_key:
        need(here, "kms:Decrypt", record.data["kept"]["SSEKMSKeyId"], via="s3")
        need(there, "kms:Encrypt", replica_key, via="s3")
        if _has_bucket_key(target):
            need(there, "kms:Decrypt", replica_key, via="s3")


def _has_bucket_key(bucket: Record) -> bool:
    rules = (bucket.properties.get("BucketEncryption") or {}).get("ServerSideEncryptionConfiguration") or ()
    return any(rule.get("BucketKeyEnabled") for rule in rules)


def _measure(world: World, record: Record) -> None:
    """The replication metrics of a rule that has them: failures in the source's region, all others in the
    destination's (S3 user guide, "Using S3 Replication metrics").
    """
    held = record.data["replication"]
    if (held["to"].get("Metrics") or {}).get("Status") != "Enabled":
        return
    failed = held["status"] == "FAILED"
    to = held["to"]["Bucket"].rpartition(":")[2]
    target = bucket_find(world, to)
    dimensions = [
        {"Name": "SourceBucket", "Value": record.data["bucket"]},
        {"Name": "DestinationBucket", "Value": to},
        {"Name": "RuleId", "Value": held["rule"]},
    ]
    values = [("OperationsFailedReplication", 1.0 if failed else 0.0, record)]
    if target is not None:
        values.append(("ReplicationLatency", world.scheduler.now() - float(held["since"]), target))
    for name, value, where in values:
        data = {"MetricName": name, "Dimensions": dimensions, "Value": value}
        place = world.context(where.account, where.region)
        put_metric_data(place, {"Namespace": "AWS/S3", "MetricData": [data]})


def status(record: Record) -> str | None:
    """x-amz-replication-status."""
    held = record.data.get("replication")
    return str(held["status"]) if held else None


@on_start
def take_up(world: World) -> None:
    """Carry on with what was pending when the process ended."""
    for record in world.store.everywhere(OBJECT):
        if status(record) == "PENDING":
            _arm(world, record, world.scheduler.now() + delay_s(world))


def check(world: World, properties: dict[str, Any]) -> None:
    """Refuse a bucket's properties whose replication S3 refuses. Raises InvalidRequest."""
    value = properties.get("ReplicationConfiguration") or {}
    if value and (properties.get("VersioningConfiguration") or {}).get("Status") != "Enabled":
        text = "Versioning must be 'Enabled' on the bucket to apply a replication configuration"
        raise AwsError("InvalidRequest", text, 400)
    for rule in value.get("Rules", ()):
        target = bucket_find(world, str(rule["Destination"]["Bucket"]).rpartition(":")[2])
        if target is None:
            raise AwsError("InvalidRequest", "Destination bucket must exist.", 400)
        if versioning(target) != "Enabled":
            raise AwsError("InvalidRequest", "Destination bucket must have versioning enabled.", 400)


def refuse_suspension(bucket: Record) -> None:
    """A bucket that replicates keeps its versioning."""
    if bucket.properties.get("ReplicationConfiguration"):
        raise AwsError(
            "InvalidBucketState",
            "A replication configuration is present on this bucket, so you cannot change the versioning state. To "
            "change the versioning state, first delete the replication configuration.",
            409,
        )
