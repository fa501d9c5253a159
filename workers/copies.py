"""Last copies before a teardown, and what they hold back: keys and snapshots that nobody wants go after the stacks.

A last copy of uploads or access logs is the bucket itself: it stays, private, with all versions, when its stack goes.
Copying terabytes to another place would cost more and prove less. The database's last copy is a snapshot. Snapshot and
uploads are encrypted with the environment's data key, so the key stays as long as one of them is kept.
"""

from typing import Any

from django.utils import timezone

from environments.lifecycle.models import Environment
from environments.lifecycle.stacks import regions_known
from environments.lifecycle.states import Tier
from environments.lifecycle.stores import Store, stores_beside
from workers.aws import backup, cloudformation, kms, rds, s3
from workers.aws.session import Session
from workers.context import READER, StepContext
from workers.names import names_of
from workers.workflow import Done, Outcome, StepFailed, Wait

KEY_DAYS = {Tier.DEV: 7, Tier.STAGING: 14, Tier.PROD: 30}
"""How long a key waits for its deletion; KMS allows 7 to 30 days."""
KEY_GOES = frozenset({"PendingDeletion", kms.PENDING_REPLICAS})
KEY_TYPES = ("AWS::KMS::Key", "AWS::KMS::ReplicaKey")
VAULT = "AWS::Backup::BackupVault"
KEPT_OTHERS = "kept_others"
"""In a teardown's state: buckets of other stores that stay, and vaults, by name."""


def copy_database(ctx: StepContext) -> Outcome:
    """A last snapshot, waited for until it can be restored."""
    environment: Environment = ctx.subject
    cluster = names_of(environment)["db-cluster"]
    if not ctx.operation.parameters["copies"]["database"]:
        return Done("No copy: that was said explicitly.")
    name = _snapshot_name(ctx, environment)
    session = ctx.session(environment.account, environment.home_region)
    found = rds.snapshot_find(session, name)
    if found is None:
        if rds.cluster_find(session, cluster) is None:
            return Done("There is no cluster to copy.")
        ctx.remember(snapshot=name)
        rds.snapshot_create(session, name, cluster, _copy_tags(environment))
        return Wait(f"Snapshot {name} begins.", seconds=0.5)
    if found["Status"] == "failed":
        raise StepFailed(f"Snapshot {name} failed.", resource=name, remedy="Delete it in AWS, then retry.")
    if found["Status"] != "available":
        return Wait(f"Snapshot {name}: {found.get('PercentProgress', 0)} %.")
    return Done(f"Snapshot {name} is kept.", {"snapshot": name})


def copy_uploads(ctx: StepContext) -> Outcome:
    """Of the uploads the bucket itself is the copy."""
    return _keep_bucket(ctx, "uploads", "uploads-bucket")


def copy_logs(ctx: StepContext) -> Outcome:
    """Of the access logs too. It is encrypted with S3's own key."""
    return _keep_bucket(ctx, "logs", "logs-bucket")


def copy_others(ctx: StepContext) -> Outcome:
    """Of the stores of modules and of the standby's region, and of backups: buckets and vaults that are wanted stay."""
    environment: Environment = ctx.subject
    kept: dict[str, dict[str, Any]] = {}
    for store in stores_beside(environment):
        if not (ctx.operation.parameters["copies"].get(store.key) and store.can_keep):
            continue
        session = ctx.session(environment.account, store.region, READER)
        size = _bytes_held(session, store)
        if size is not None:
            kept[store.physical_id] = {
                "store": store.what,
                "bytes": size,
                "region": store.region,
                "type": store.type,
            }
    told = f"Kept with all that is in it: {', '.join(sorted(kept))}." if kept else "There is none to keep."
    return Done(told, {KEPT_OTHERS: kept} if kept else {})


def _bytes_held(session: Session, store: Store) -> int | None:
    """How much is in a bucket or a vault; None where nothing is, or it is not there."""
    if store.type == VAULT:
        points = backup.points_count(session, store.physical_id)
        return points["bytes"] if points and points["count"] else None
    if not s3.bucket_exists(session, store.physical_id):
        return None
    size = s3.bucket_size(session, store.physical_id)
    return size["bytes"] if size["versions"] else None


def kept_places(state: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Buckets and vaults that the operation with this state keeps, by name: {"store", "bytes"}."""
    found = [(store, state.get(f"kept_{store}")) for store in ("uploads", "logs")]
    core = {kept["bucket"]: {"store": store, "bytes": kept["bytes"]} for store, kept in found if kept}
    others: dict[str, dict[str, Any]] = state.get(KEPT_OTHERS, {})
    return core | others


def vault_kept_in(state: dict[str, Any], region: str) -> bool:
    """Whether the operation with this state keeps a backup vault in the region, with all that is in it."""
    return any(
        kept.get("type") == VAULT and kept["region"] == region for kept in state.get(KEPT_OTHERS, {}).values()
    )


def data_key_needed(state: dict[str, Any], region: str, home: str) -> bool:
    """Whether something that is kept is encrypted with the environment's data key of this region. Its replicas need
    the key at home, of which they are replicas.
    """
    others = {kept["region"] for kept in state.get(KEPT_OTHERS, {}).values()}
    if region == home:
        return bool(state.get("snapshot") or state.get("kept_uploads") or others)
    return region in others


def _keep_bucket(ctx: StepContext, store: str, rule: str) -> Outcome:
    """Say that the store's bucket stays, or that it goes."""
    environment: Environment = ctx.subject
    bucket = names_of(environment)[rule]
    if not ctx.operation.parameters["copies"][store]:
        return Done("No copy: that was said explicitly.")
    session = ctx.session(environment.account, environment.home_region, READER)
    if not s3.bucket_exists(session, bucket):
        return Done("There is no bucket to keep.")
    size = s3.bucket_size(session, bucket)
    if not size["versions"]:
        return Done(f"Bucket {bucket} is empty: there is nothing to keep.")
    return Done(
        f"Bucket {bucket} is kept with all versions.",
        {f"kept_{store}": {"bucket": bucket, "bytes": size["bytes"]}},
    )


def clean(ctx: StepContext) -> Outcome:
    """What stacks leave on purpose and nobody wants: CloudFormation's own snapshots, and keys without a use."""
    environment: Environment = ctx.subject
    told = []
    # Replicas of a key first: it goes when they are gone.
    for region in reversed(regions_known(environment)):
        session = ctx.session(environment.account, region)
        wait = _snapshots_clean(ctx, session, environment)
        if wait is not None:
            return wait
        told.append(_keys_clean(ctx, session, environment))
    return Done(" ".join(dict.fromkeys(told)))


def _snapshots_clean(ctx: StepContext, session: Session, environment: Environment) -> Wait | None:
    kept_snapshot = ctx.operation.state.get("snapshot", "")
    for cluster in clusters_of(environment, session.region):
        for snapshot in rds.snapshots_of(session, cluster):
            name = snapshot["DBClusterSnapshotIdentifier"]
            if name != kept_snapshot and snapshot.get("SnapshotType") == "manual":
                if snapshot["Status"] == "creating":
                    return Wait(f"Snapshot {name} is made by CloudFormation; it is deleted when it is there.")
                if _made_by_us(name, environment):
                    rds.snapshot_delete(session, name)
    return None


def _keys_clean(ctx: StepContext, session: Session, environment: Environment) -> str:
    if data_key_needed(ctx.operation.state, session.region, environment.home_region):
        return "The data key stays: the copies that are kept need it."
    scheduled = 0
    for key_id in keys_left(session, environment):
        state, _ = kms.key_state(session, key_id)
        if state and state not in KEY_GOES:
            kms.key_schedule_deletion(session, key_id, KEY_DAYS[Tier(environment.tier)])
            scheduled += 1
    return f"{scheduled} keys are scheduled for deletion." if scheduled else "No key was left."


def clusters_of(environment: Environment, region: str) -> list[str]:
    """Identifiers of its clusters in a region, also of those that are gone."""
    rows = environment.resources().filter(type="AWS::RDS::DBCluster", stack__region=region)
    seen = [name for name in rows.values_list("physical_id", flat=True) if name]
    core = [names_of(environment)["db-cluster"]] if region == environment.home_region else []
    return list(dict.fromkeys([*core, *seen]))


def keys_left(session: Session, environment: Environment) -> list[str]:
    """Keys that its deleted stacks left on purpose in the session's region."""
    return [
        physical
        for row in environment.stacks.exclude(stack_id="").filter(region=session.region)
        for kind, physical in cloudformation.kept_of(session, row.stack_id)
        if kind in KEY_TYPES
    ]


def _snapshot_name(ctx: StepContext, environment: Environment) -> str:
    return f"sy-{environment.full_name}-final-{ctx.operation.pk}"


def _made_by_us(snapshot: str, environment: Environment) -> bool:
    """CloudFormation names its last snapshot after the stack; a person's own snapshot is left for the report."""
    names = environment.stacks.values_list("name", flat=True)
    return any(snapshot.startswith(f"{name}-snapshot-") for name in names)


def _copy_tags(environment: Environment) -> dict[str, str]:
    return {
        "switchyard:environment": environment.full_name,
        "switchyard:team": environment.team.slug,
        "switchyard:kept": f"last copy of {timezone.now():%Y-%m-%d}",
    }
