"""Snapshots and their keys, restores and clones."""

import json
from typing import Any

import pytest

from devtools.sandbox import OFTEN
from tests.sandbox.services.rds.support import ENGINE, LOGIN, Client, cluster, described, instance
from tests.sandbox.support import Stacks, refused, template

ACCOUNT = "210000000091"


def test_automated_snapshot_goes_with_its_cluster(rds: Any) -> None:
    cluster(rds, "daily")
    answer = rds.describe_db_cluster_snapshots(DBClusterIdentifier="daily", SnapshotType="automated")
    [automated] = answer["DBClusterSnapshots"]
    id = automated["DBClusterSnapshotIdentifier"]
    assert id.startswith("rds:daily-")
    refusal = refused(rds.delete_db_cluster_snapshot, DBClusterSnapshotIdentifier=id)
    assert refusal[0] == "InvalidDBClusterSnapshotStateFault"
    rds.delete_db_cluster(DBClusterIdentifier="daily", SkipFinalSnapshot=True)
    assert rds.describe_db_cluster_snapshots(DBClusterIdentifier="daily")["DBClusterSnapshots"] == []


def test_retained_backup_restores_a_deleted_cluster(rds: Any) -> None:
    resource = cluster(rds, "kept", DatabaseName="app")["DbClusterResourceId"]
    rds.delete_db_cluster(DBClusterIdentifier="kept", SkipFinalSnapshot=True, DeleteAutomatedBackups=False)
    answer = rds.describe_db_cluster_automated_backups(DbClusterResourceId=resource)
    assert [b["Status"] for b in answer["DBClusterAutomatedBackups"]] == ["retained"]
    restored = rds.restore_db_cluster_to_point_in_time(
        DBClusterIdentifier="kept-again", SourceDbClusterResourceId=resource, UseLatestRestorableTime=True
    )["DBCluster"]
    assert restored["DatabaseName"] == "app"


def test_restored_cluster_has_its_sources_user_and_no_instances(rds: Any) -> None:
    cluster(rds, "source", DatabaseName="app")
    instance(rds, "source-1", "source")
    rds.create_db_cluster_snapshot(DBClusterIdentifier="source", DBClusterSnapshotIdentifier="source-copy")
    params = {
        "DBClusterIdentifier": "restored",
        "SnapshotIdentifier": "source-copy",
        "Engine": "aurora-mysql",
    }
    rds.restore_db_cluster_from_snapshot(**params)
    restored = described(rds, "restored")
    assert (restored["MasterUsername"], restored["DatabaseName"]) == ("swadmin", "app")
    assert (restored["EngineVersion"], restored["DBClusterMembers"]) == (ENGINE["EngineVersion"], [])
    params["DBClusterIdentifier"], params["Engine"] = "other", "aurora-postgresql"
    assert refused(rds.restore_db_cluster_from_snapshot, **params)[0] == "InvalidParameterCombination"


def test_stack_restores_a_snapshot_with_a_new_password_and_its_old_user(client: Client, rds: Any) -> None:
    cluster(rds, "before")
    rds.create_db_cluster_snapshot(DBClusterIdentifier="before", DBClusterSnapshotIdentifier="before-copy")
    restored = {
        "Type": "AWS::RDS::DBCluster",
        "Properties": {
            "DBClusterIdentifier": "after",
            "Engine": "aurora-mysql",
            "SnapshotIdentifier": "before-copy",
            "MasterUserPassword": "another-password",
        },
    }
    Stacks(client("cloudformation")).create("restores", template(Cluster=restored))
    assert described(rds, "after")["MasterUsername"] == LOGIN["MasterUsername"]


def test_clone_shares_its_sources_group_and_has_no_instances(rds: Any) -> None:
    source = cluster(rds, "cow")
    clone = rds.restore_db_cluster_to_point_in_time(
        DBClusterIdentifier="cow-clone",
        SourceDBClusterIdentifier="cow",
        RestoreType="copy-on-write",
        UseLatestRestorableTime=True,
    )["DBCluster"]
    assert clone["CloneGroupId"] == source["CloneGroupId"]
    assert (clone["DBClusterMembers"], clone["MasterUsername"]) == ([], "swadmin")
    params = {"DBClusterIdentifier": "cow-2", "SourceDBClusterIdentifier": "cow"}
    assert refused(rds.restore_db_cluster_to_point_in_time, **params)[0] == "InvalidParameterCombination"


@pytest.mark.parametrize("stop", ["schedule_key_deletion", "disable_key"])
def test_snapshot_whose_key_is_not_usable_is_neither_restored_nor_copied(
    rds: Any, client: Client, stop: str
) -> None:
    kms, name = client("kms"), stop.replace("_", "-")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    cluster(rds, name, StorageEncrypted=True, KmsKeyId=key)
    rds.create_db_cluster_snapshot(DBClusterIdentifier=name, DBClusterSnapshotIdentifier=f"{name}-s")
    getattr(kms, stop)(KeyId=key)
    restore = {"DBClusterIdentifier": "r", "SnapshotIdentifier": f"{name}-s", "Engine": "aurora-mysql"}
    copy = {
        "SourceDBClusterSnapshotIdentifier": f"{name}-s",
        "TargetDBClusterSnapshotIdentifier": f"{name}-c",
    }
    other = kms.create_key()["KeyMetadata"]["Arn"]
    assert refused(rds.restore_db_cluster_from_snapshot, **restore)[0] == "KMSKeyNotAccessibleFault"
    assert refused(rds.copy_db_cluster_snapshot, **copy, KmsKeyId=other)[0] == "KMSKeyNotAccessibleFault"
    final = {"DBClusterIdentifier": name, "FinalDBSnapshotIdentifier": f"{name}-final"}
    assert refused(rds.delete_db_cluster, **final)[0] == "KMSKeyNotAccessibleFault"


def test_copy_under_another_key_outlives_the_first_key(rds: Any, client: Client) -> None:
    kms = client("kms")
    first, archive = (kms.create_key()["KeyMetadata"]["Arn"] for _ in range(2))
    cluster(rds, "archived", StorageEncrypted=True, KmsKeyId=first)
    rds.create_db_cluster_snapshot(DBClusterIdentifier="archived", DBClusterSnapshotIdentifier="archived-s")
    copied = rds.copy_db_cluster_snapshot(
        SourceDBClusterSnapshotIdentifier="archived-s",
        TargetDBClusterSnapshotIdentifier="archived-c",
        KmsKeyId=archive,
    )["DBClusterSnapshot"]
    assert copied["KmsKeyId"] == archive
    kms.schedule_key_deletion(KeyId=first)
    rds.restore_db_cluster_from_snapshot(
        DBClusterIdentifier="archived-again", SnapshotIdentifier="archived-c", Engine="aurora-mysql"
    )
    assert described(rds, "archived-again")["KmsKeyId"] == archive


def test_encrypted_copy_to_another_region_needs_a_key_there(rds: Any, client: Client) -> None:
    there = client("rds", "eu-central-1")
    key = client("kms").create_key()["KeyMetadata"]["Arn"]
    cluster(rds, "far", StorageEncrypted=True, KmsKeyId=key)
    made = rds.create_db_cluster_snapshot(DBClusterIdentifier="far", DBClusterSnapshotIdentifier="far-s")
    params = {
        "SourceDBClusterSnapshotIdentifier": made["DBClusterSnapshot"]["DBClusterSnapshotArn"],
        "TargetDBClusterSnapshotIdentifier": "far-s",
        "SourceRegion": "eu-west-1",
    }
    assert refused(there.copy_db_cluster_snapshot, **params)[0] == "InvalidParameterCombination"
    assert refused(there.copy_db_cluster_snapshot, **params, KmsKeyId=key)[0] == "KMSKeyNotAccessibleFault"
    own = client("kms", "eu-central-1").create_key()["KeyMetadata"]["Arn"]
    there.copy_db_cluster_snapshot(**params, KmsKeyId=own)
    [copied] = there.describe_db_cluster_snapshots()["DBClusterSnapshots"]
    assert (copied["KmsKeyId"], copied["SourceDBClusterSnapshotArn"]) == (
        own,
        params["SourceDBClusterSnapshotIdentifier"],
    )


def test_stack_with_deletion_policy_snapshot_leaves_one_that_restores(rds: Any, client: Client) -> None:
    cloudformation = client("cloudformation")
    properties = {"Engine": "aurora-mysql", **LOGIN, "DatabaseName": "app"}
    resource = {"Type": "AWS::RDS::DBCluster", "DeletionPolicy": "Snapshot", "Properties": properties}
    body = json.dumps({"Resources": {"Cluster": resource}})
    cloudformation.create_stack(StackName="copied", TemplateBody=body)
    cloudformation.get_waiter("stack_create_complete").wait(StackName="copied", WaiterConfig=OFTEN)
    cloudformation.delete_stack(StackName="copied")
    cloudformation.get_waiter("stack_delete_complete").wait(StackName="copied", WaiterConfig=OFTEN)
    found = rds.describe_db_cluster_snapshots(SnapshotType="manual")["DBClusterSnapshots"]
    [left] = [s for s in found if s["DBClusterSnapshotIdentifier"].startswith("copied-snapshot-cluster-")]
    rds.restore_db_cluster_from_snapshot(
        DBClusterIdentifier="copied-again",
        SnapshotIdentifier=left["DBClusterSnapshotIdentifier"],
        Engine="aurora-mysql",
    )
    assert described(rds, "copied-again")["DatabaseName"] == "app"
