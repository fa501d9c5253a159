"""A cluster's states over time: stops, failing over, endpoints, events, restore windows, shared snapshots, proxies."""

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from devtools.sandbox import Sandbox
from tests.sandbox.support import refused

ACCOUNT, FRIEND = "210000000042", "210000000043"
ENGINE = {"Engine": "aurora-mysql", "EngineVersion": "8.0.mysql_aurora.3.10.0"}
LOGIN = {"MasterUsername": "swadmin", "MasterUserPassword": "correct-horse"}
STATE = "InvalidDBClusterStateFault"


@pytest.fixture(scope="module")
def rds(sandbox: Sandbox) -> Any:
    return sandbox.client("rds", sandbox.account(ACCOUNT))


@pytest.fixture(scope="module")
def kms(sandbox: Sandbox) -> Any:
    return sandbox.client("kms", sandbox.account(ACCOUNT))


@pytest.fixture
def cluster(rds: Any, request: pytest.FixtureRequest) -> str:
    """A cluster with a writer <id>-1 and a reader <id>-2."""
    id = request.node.name.removeprefix("test_").replace("_", "-")[:40].split("[")[0].strip("-")
    rds.create_db_cluster(DBClusterIdentifier=id, **ENGINE, **LOGIN)
    for number in (1, 2):
        rds.create_db_instance(
            DBInstanceIdentifier=f"{id}-{number}",
            DBClusterIdentifier=id,
            Engine="aurora-mysql",
            DBInstanceClass="db.r7g.large",
        )
    return str(id)


def described(rds: Any, id: str) -> dict[str, Any]:
    found: dict[str, Any] = rds.describe_db_clusters(DBClusterIdentifier=id)["DBClusters"][0]
    return found


def until(rds: Any, id: str, status: str) -> None:
    deadline = time.monotonic() + 15
    while (found := described(rds, id)["Status"]) != status:
        assert time.monotonic() < deadline, found
        time.sleep(0.05)


def writer(rds: Any, id: str) -> str:
    [found] = [m for m in described(rds, id)["DBClusterMembers"] if m["IsClusterWriter"]]
    return str(found["DBInstanceIdentifier"])


def slow(sandbox: Sandbox, seconds: float) -> None:
    sandbox.settings(speed=1, durations={"AWS::RDS::DBCluster": {"update": seconds}})


def messages(rds: Any, id: str) -> list[str]:
    found = rds.describe_events(SourceType="db-cluster", SourceIdentifier=id)["Events"]
    return [e["Message"] for e in found]


def test_stopped_cluster_is_started_again(rds: Any, sandbox: Sandbox, cluster: str) -> None:
    assert refused(rds.start_db_cluster, DBClusterIdentifier=cluster)[0] == STATE
    slow(sandbox, 1.0)
    assert rds.stop_db_cluster(DBClusterIdentifier=cluster)["DBCluster"]["Status"] == "stopping"
    until(rds, cluster, "stopped")
    stopped = described(rds, cluster)
    days = (stopped["AutomaticRestartTime"] - datetime.now(UTC)).total_seconds() / 86400
    assert 6.9 < days <= 7
    [first] = rds.describe_db_instances(DBInstanceIdentifier=f"{cluster}-1")["DBInstances"]
    assert first["DBInstanceStatus"] == "stopped"
    for call, params in (
        (rds.stop_db_cluster, {}),
        (rds.modify_db_cluster, {"Port": 3307}),
        (rds.failover_db_cluster, {}),
        (rds.delete_db_cluster, {"SkipFinalSnapshot": True}),
        (rds.create_db_cluster_snapshot, {"DBClusterSnapshotIdentifier": "of-a-stopped-one"}),
    ):
        assert refused(call, DBClusterIdentifier=cluster, **params)[0] == STATE
    assert rds.start_db_cluster(DBClusterIdentifier=cluster)["DBCluster"]["Status"] == "starting"
    until(rds, cluster, "available")
    assert "AutomaticRestartTime" not in described(rds, cluster)
    assert messages(rds, cluster)[-2:] == ["DB cluster stopped.", "DB cluster started."]


def test_stopped_cluster_is_restored_to_before_its_stop(rds: Any, cluster: str) -> None:
    rds.stop_db_cluster(DBClusterIdentifier=cluster)
    rds.restore_db_cluster_to_point_in_time(
        DBClusterIdentifier=f"{cluster}-copy"[:60],
        SourceDBClusterIdentifier=cluster,
        UseLatestRestorableTime=True,
    )


def test_member_of_a_global_database_is_not_stopped_beside_others(rds: Any, sandbox: Sandbox) -> None:
    made = rds.create_db_cluster(DBClusterIdentifier="stop-home", **ENGINE, **LOGIN)["DBCluster"]
    rds.create_global_cluster(GlobalClusterIdentifier="stops", SourceDBClusterIdentifier=made["DBClusterArn"])
    other = sandbox.client("rds", sandbox.account(ACCOUNT), "eu-central-1")
    other.create_db_cluster(
        DBClusterIdentifier="stop-other", Engine="aurora-mysql", GlobalClusterIdentifier="stops"
    )
    assert refused(rds.stop_db_cluster, DBClusterIdentifier="stop-home") == (
        STATE,
        "You can only stop and start a cluster that's part of an Aurora global database if it's the only cluster in "
        "the global database.",
    )


def test_reader_becomes_the_writer(rds: Any, sandbox: Sandbox, cluster: str) -> None:
    assert writer(rds, cluster) == f"{cluster}-1"
    slow(sandbox, 1.0)
    answer = rds.failover_db_cluster(DBClusterIdentifier=cluster, TargetDBInstanceIdentifier=f"{cluster}-2")
    assert answer["DBCluster"]["Status"] == "failing-over"
    assert refused(rds.failover_db_cluster, DBClusterIdentifier=cluster)[0] == STATE
    until(rds, cluster, "available")
    assert writer(rds, cluster) == f"{cluster}-2"
    assert messages(rds, cluster)[-2:] == [
        f"Started cross AZ failover to DB instance: {cluster}-2",
        f"Completed failover to DB instance: {cluster}-2",
    ]


def test_failover_needs_a_reader(rds: Any, cluster: str) -> None:
    params = {"DBClusterIdentifier": cluster, "TargetDBInstanceIdentifier": f"{cluster}-1"}
    assert refused(rds.failover_db_cluster, **params)[0] == "InvalidDBInstanceState"
    rds.delete_db_instance(DBInstanceIdentifier=f"{cluster}-2")
    assert refused(rds.failover_db_cluster, DBClusterIdentifier=cluster)[0] == STATE
    params["TargetDBInstanceIdentifier"] = "nobody"
    assert refused(rds.failover_db_cluster, **params)[0] == "DBInstanceNotFound"


def test_custom_endpoints(rds: Any, cluster: str) -> None:
    made = rds.create_db_cluster_endpoint(
        DBClusterIdentifier=cluster,
        DBClusterEndpointIdentifier="reports",
        EndpointType="READER",
        StaticMembers=[f"{cluster}-2"],
    )
    assert made["Endpoint"].startswith("reports.cluster-custom-c")
    assert (made["EndpointType"], made["CustomEndpointType"]) == ("CUSTOM", "READER")
    assert described(rds, cluster)["CustomEndpoints"] == [made["Endpoint"]]
    answer = rds.describe_db_cluster_endpoints(DBClusterIdentifier=cluster)["DBClusterEndpoints"]
    assert [e["EndpointType"] for e in answer] == ["WRITER", "READER", "CUSTOM"]
    assert (
        refused(
            rds.create_db_cluster_endpoint,
            DBClusterIdentifier=cluster,
            DBClusterEndpointIdentifier="reports",
            EndpointType="ANY",
        )[0]
        == "DBClusterEndpointAlreadyExistsFault"
    )
    changed = rds.modify_db_cluster_endpoint(
        DBClusterEndpointIdentifier="reports", ExcludedMembers=[f"{cluster}-1"]
    )
    assert (changed["StaticMembers"], changed["ExcludedMembers"]) == ([], [f"{cluster}-1"])
    rds.delete_db_cluster_endpoint(DBClusterEndpointIdentifier="reports")
    assert (
        refused(rds.delete_db_cluster_endpoint, DBClusterEndpointIdentifier="reports")[0]
        == "DBClusterEndpointNotFoundFault"
    )


def test_moment_of_a_restore_is_within_the_window(rds: Any, cluster: str) -> None:
    found = described(rds, cluster)
    earliest, latest = found["EarliestRestorableTime"], found["LatestRestorableTime"]
    assert earliest <= latest <= datetime.now(UTC)
    restore = rds.restore_db_cluster_to_point_in_time
    params = {"DBClusterIdentifier": f"{cluster}-then"[:60], "SourceDBClusterIdentifier": cluster}
    for wrong in (earliest - timedelta(minutes=1), datetime.now(UTC) + timedelta(hours=1)):
        assert refused(restore, RestoreToTime=wrong, **params)[0] == "InvalidParameterValue"
    for both in (
        {"RestoreToTime": latest, "UseLatestRestorableTime": True},
        {"RestoreToTime": latest, "RestoreType": "copy-on-write"},
        {},
    ):
        assert refused(restore, **both, **params)[0] == "InvalidParameterCombination"
    assert restore(RestoreToTime=latest, **params)["DBCluster"]["Engine"] == "aurora-mysql"


def test_latest_restorable_time_lags_five_minutes(rds: Any, sandbox: Sandbox, cluster: str) -> None:
    sandbox.settings(speed=1)
    found = described(rds, cluster)
    # The cluster is younger than the five minutes.
    assert found["LatestRestorableTime"] == found["ClusterCreateTime"]


def test_clone_shares_its_sources_group_and_a_full_copy_does_not(rds: Any, cluster: str) -> None:
    groups = {}
    for kind in ("copy-on-write", "full-copy"):
        rds.restore_db_cluster_to_point_in_time(
            DBClusterIdentifier=f"by-{kind}",
            SourceDBClusterIdentifier=cluster,
            RestoreType=kind,
            UseLatestRestorableTime=True,
        )
        groups[kind] = described(rds, f"by-{kind}")["CloneGroupId"]
    own = described(rds, cluster)["CloneGroupId"]
    assert (groups["copy-on-write"] == own, groups["full-copy"] == own) == (True, False)


def test_shared_snapshot_is_restored_by_the_other_account(rds: Any, kms: Any, sandbox: Sandbox) -> None:
    friend = sandbox.client("rds", sandbox.account(FRIEND))
    key = kms.create_key()["KeyMetadata"]
    rds.create_db_cluster(
        DBClusterIdentifier="lent", StorageEncrypted=True, KmsKeyId=key["Arn"], **ENGINE, **LOGIN
    )
    made = rds.create_db_cluster_snapshot(DBClusterIdentifier="lent", DBClusterSnapshotIdentifier="lent-copy")
    arn = made["DBClusterSnapshot"]["DBClusterSnapshotArn"]
    take = {"DBClusterIdentifier": "borrowed", "SnapshotIdentifier": arn, "Engine": "aurora-mysql"}
    restore = friend.restore_db_cluster_from_snapshot
    assert refused(restore, **take)[0] == "DBClusterSnapshotNotFoundFault"
    share = {"DBClusterSnapshotIdentifier": "lent-copy", "AttributeName": "restore"}
    rds.modify_db_cluster_snapshot_attribute(ValuesToAdd=[FRIEND], **share)
    [shared] = friend.describe_db_cluster_snapshots(SnapshotType="shared")["DBClusterSnapshots"]
    assert shared["DBClusterSnapshotArn"] == arn
    assert refused(restore, **take)[0] == "KMSKeyNotAccessibleFault"
    policy = json.loads(kms.get_key_policy(KeyId=key["KeyId"], PolicyName="default")["Policy"])
    lent = {"AWS": f"arn:aws:iam::{FRIEND}:root"}
    policy["Statement"].append({"Effect": "Allow", "Principal": lent, "Action": "kms:*", "Resource": "*"})
    kms.put_key_policy(KeyId=key["KeyId"], PolicyName="default", Policy=json.dumps(policy))
    assert restore(**take)["DBCluster"]["MasterUsername"] == "swadmin"
    rds.modify_db_cluster_snapshot_attribute(ValuesToRemove=[FRIEND], **share)
    assert friend.describe_db_cluster_snapshots(SnapshotType="shared")["DBClusterSnapshots"] == []


def test_what_is_not_shared(rds: Any) -> None:
    rds.create_db_cluster(DBClusterIdentifier="private", StorageEncrypted=True, **ENGINE, **LOGIN)
    rds.create_db_cluster_snapshot(DBClusterIdentifier="private", DBClusterSnapshotIdentifier="private-1")
    share = {"DBClusterSnapshotIdentifier": "private-1", "AttributeName": "restore"}
    code = "InvalidDBClusterSnapshotStateFault"
    modify = rds.modify_db_cluster_snapshot_attribute
    assert refused(modify, ValuesToAdd=[FRIEND], **share)[0] == code  # the AWS managed key
    assert refused(modify, ValuesToAdd=["all"], **share)[0] == code
    [automated] = rds.describe_db_cluster_snapshots(DBClusterIdentifier="private", SnapshotType="automated")[
        "DBClusterSnapshots"
    ]
    share["DBClusterSnapshotIdentifier"] = automated["DBClusterSnapshotIdentifier"]
    assert refused(modify, ValuesToAdd=[FRIEND], **share)[0] == code


def test_snapshot_of_a_key_that_waits_for_deletion_is_unreadable(rds: Any, kms: Any) -> None:
    key = kms.create_key()["KeyMetadata"]["Arn"]
    rds.create_db_cluster(
        DBClusterIdentifier="locked", StorageEncrypted=True, KmsKeyId=key, **ENGINE, **LOGIN
    )
    rds.create_db_cluster_snapshot(DBClusterIdentifier="locked", DBClusterSnapshotIdentifier="locked-1")
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    restore = {
        "DBClusterIdentifier": "unlocked",
        "SnapshotIdentifier": "locked-1",
        "Engine": "aurora-mysql",
    }
    copy = {
        "SourceDBClusterSnapshotIdentifier": "locked-1",
        "TargetDBClusterSnapshotIdentifier": "locked-2",
    }
    assert refused(rds.restore_db_cluster_from_snapshot, **restore)[0] == "KMSKeyNotAccessibleFault"
    assert refused(rds.copy_db_cluster_snapshot, **copy)[0] == "KMSKeyNotAccessibleFault"
    kms.cancel_key_deletion(KeyId=key)
    kms.enable_key(KeyId=key)
    rds.restore_db_cluster_from_snapshot(**restore)


def test_events_are_told_by_source_and_category(rds: Any, cluster: str) -> None:
    assert messages(rds, cluster) == ["DB cluster created"]
    rds.delete_db_instance(DBInstanceIdentifier=f"{cluster}-2")
    found = rds.describe_events(
        SourceType="db-instance", SourceIdentifier=f"{cluster}-2", EventCategories=["deletion"]
    )["Events"]
    assert [e["Message"] for e in found] == ["DB instance deleted"]
    code = refused(rds.describe_events, SourceIdentifier=cluster)[0]
    assert code == "InvalidParameterCombination"


def test_default_parameter_group_is_there_and_stays_as_it_is(rds: Any, cluster: str) -> None:
    found = rds.describe_db_cluster_parameter_groups()["DBClusterParameterGroups"]
    assert "default.aurora-mysql8.0" in [g["DBClusterParameterGroupName"] for g in found]
    change = {"ParameterName": "time_zone", "ParameterValue": "UTC", "ApplyMethod": "immediate"}
    modify = rds.modify_db_cluster_parameter_group
    name = {"DBClusterParameterGroupName": "default.aurora-mysql8.0"}
    assert refused(modify, Parameters=[change], **name)[0] == "InvalidDBParameterGroupState"
    rds.copy_db_cluster_parameter_group(
        SourceDBClusterParameterGroupIdentifier="default.aurora-mysql8.0",
        TargetDBClusterParameterGroupIdentifier="mine",
        TargetDBClusterParameterGroupDescription="mine",
    )
    modify(DBClusterParameterGroupName="mine", Parameters=[change])
    rds.modify_db_cluster(DBClusterIdentifier=cluster, DBClusterParameterGroupName="mine")
    assert described(rds, cluster)["DBClusterParameterGroup"] == "mine"


def test_proxy_loses_its_writer_with_the_cluster(rds: Any, sandbox: Sandbox, cluster: str) -> None:
    keys = sandbox.account(ACCOUNT)
    ec2, secrets = sandbox.client("ec2", keys), sandbox.client("secretsmanager", keys)
    vpc = ec2.create_vpc(CidrBlock="10.42.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.42.{n}.0/24", AvailabilityZone=f"eu-west-1{z}")["Subnet"][
            "SubnetId"
        ]
        for n, z in enumerate("ab")
    ]
    secret = secrets.create_secret(Name="proxy-login", SecretString=json.dumps({"username": "u"}))["ARN"]
    rds.create_db_proxy(
        DBProxyName="front",
        EngineFamily="MYSQL",
        Auth=[{"SecretArn": secret}],
        RoleArn=f"arn:aws:iam::{ACCOUNT}:role/any",
        VpcSubnetIds=subnets,
    )
    rds.register_db_proxy_targets(DBProxyName="front", DBClusterIdentifiers=[cluster])

    def seen() -> dict[str, tuple[str, str]]:
        found = rds.describe_db_proxy_targets(DBProxyName="front")["Targets"]
        return {
            t["RdsResourceId"]: (t["Role"], t["TargetHealth"]["State"])
            for t in found
            if t["Type"] == "RDS_INSTANCE"
        }

    first, second = f"{cluster}-1", f"{cluster}-2"
    assert seen() == {first: ("READ_WRITE", "AVAILABLE"), second: ("READ_ONLY", "AVAILABLE")}
    rds.failover_db_cluster(DBClusterIdentifier=cluster)
    assert seen() == {first: ("READ_ONLY", "AVAILABLE"), second: ("READ_WRITE", "AVAILABLE")}
    rds.stop_db_cluster(DBClusterIdentifier=cluster)
    assert {health for _, health in seen().values()} == {"UNAVAILABLE"}
    rds.start_db_cluster(DBClusterIdentifier=cluster)
    secrets.delete_secret(SecretId=secret, ForceDeleteWithoutRecovery=True)
    [target] = [
        t
        for t in rds.describe_db_proxy_targets(DBProxyName="front")["Targets"]
        if t["RdsResourceId"] == first
    ]
    assert target["TargetHealth"]["Reason"] == "AUTH_FAILURE"


def test_proxy_of_a_secondary_region_has_no_target_that_writes(rds: Any, sandbox: Sandbox) -> None:
    made = rds.create_db_cluster(DBClusterIdentifier="px-home", **ENGINE, **LOGIN)["DBCluster"]
    rds.create_global_cluster(GlobalClusterIdentifier="px", SourceDBClusterIdentifier=made["DBClusterArn"])
    keys = sandbox.account(ACCOUNT)
    other, ec2 = (sandbox.client(s, keys, "eu-central-1") for s in ("rds", "ec2"))
    other.create_db_cluster(
        DBClusterIdentifier="px-other", Engine="aurora-mysql", GlobalClusterIdentifier="px"
    )
    other.create_db_instance(
        DBInstanceIdentifier="px-other-1",
        DBClusterIdentifier="px-other",
        Engine="aurora-mysql",
        DBInstanceClass="db.r7g.large",
    )
    vpc = ec2.create_vpc(CidrBlock="10.43.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.43.{n}.0/24", AvailabilityZone=f"eu-central-1{z}")[
            "Subnet"
        ]["SubnetId"]
        for n, z in enumerate("ab")
    ]
    other.create_db_proxy(
        DBProxyName="px-front",
        EngineFamily="MYSQL",
        Auth=[],
        RoleArn=f"arn:aws:iam::{ACCOUNT}:role/any",
        VpcSubnetIds=subnets,
    )
    other.register_db_proxy_targets(DBProxyName="px-front", DBClusterIdentifiers=["px-other"])

    def roles() -> list[str]:
        found = other.describe_db_proxy_targets(DBProxyName="px-front")["Targets"]
        return [t["Role"] for t in found if t["Type"] == "RDS_INSTANCE"]

    assert roles() == ["READ_ONLY"]
    arn = other.describe_db_clusters(DBClusterIdentifier="px-other")["DBClusters"][0]["DBClusterArn"]
    rds.remove_from_global_cluster(GlobalClusterIdentifier="px", DbClusterIdentifier=arn)
    assert roles() == ["READ_WRITE"]
