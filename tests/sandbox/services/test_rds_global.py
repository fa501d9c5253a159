"""Aurora global databases: from a source, joined, detached, deleted; what each wrong state refuses."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from devtools.sandbox import OFTEN, Sandbox
from tests.sandbox.support import Stacks, refused, template

ACCOUNT = "210000000041"
ENGINE = {"Engine": "aurora-mysql", "EngineVersion": "8.0.mysql_aurora.3.10.0"}
LOGIN = {"MasterUsername": "swadmin", "MasterUserPassword": "correct-horse"}
HOME, OTHER = "eu-west-1", "eu-central-1"
GLOBAL_IN_USE = "This cluster is a part of a global cluster, please remove it from globalcluster first"
Rds = Callable[[str], Any]


@pytest.fixture(scope="module")
def rds(sandbox: Sandbox) -> Rds:
    keys = sandbox.account(ACCOUNT)
    return lambda region: sandbox.client("rds", keys, region)


def home(rds: Rds, id: str, **more: Any) -> str:
    params = {**ENGINE, **LOGIN, **more}
    made = rds(HOME).create_db_cluster(DBClusterIdentifier=id, **params)["DBCluster"]
    return str(made["DBClusterArn"])


def joined(rds: Rds, id: str, group: str, **more: Any) -> str:
    params = {"Engine": "aurora-mysql", "GlobalClusterIdentifier": group, **more}
    made = rds(OTHER).create_db_cluster(DBClusterIdentifier=id, **params)["DBCluster"]
    return str(made["DBClusterArn"])


def described(rds: Rds, group: str) -> dict[str, Any]:
    answer = rds(OTHER).describe_global_clusters(GlobalClusterIdentifier=group)
    found: dict[str, Any] = answer["GlobalClusters"][0]
    return found


def add(rds: Any, id: str, cluster: str, size: str = "db.r7g.large") -> None:
    rds.create_db_instance(
        DBInstanceIdentifier=id, DBClusterIdentifier=cluster, Engine="aurora-mysql", DBInstanceClass=size
    )


@pytest.fixture(scope="module")
def joinable(rds: Rds) -> str:
    """A global cluster that nobody has joined."""
    source = home(rds, "joinable")
    rds(HOME).create_global_cluster(GlobalClusterIdentifier="join", SourceDBClusterIdentifier=source)
    return "join"


def test_source_becomes_the_primary_and_another_region_joins(rds: Rds) -> None:
    source = home(rds, "adopted", DatabaseName="app")
    made = rds(HOME).create_global_cluster(GlobalClusterIdentifier="Adopts", SourceDBClusterIdentifier=source)
    group = made["GlobalCluster"]
    assert (group["GlobalClusterIdentifier"], group["Status"]) == ("adopts", "available")
    assert group["GlobalClusterArn"] == f"arn:aws:rds::{ACCOUNT}:global-cluster:adopts"
    assert (group["EngineVersion"], group["DatabaseName"]) == (ENGINE["EngineVersion"], "app")
    follower = joined(rds, "follower", "adopts")
    members = described(rds, "adopts")["GlobalClusterMembers"]
    assert [(m["DBClusterArn"], m["IsWriter"]) for m in members] == [(source, True), (follower, False)]
    assert (members[0]["Readers"], members[1]["SynchronizationStatus"]) == ([follower], "connected")
    second = rds(OTHER).describe_db_clusters(DBClusterIdentifier="follower")["DBClusters"][0]
    assert (second["MasterUsername"], second["DatabaseName"]) == ("swadmin", "app")
    assert (second["GlobalClusterIdentifier"], second["EngineVersion"]) == ("adopts", ENGINE["EngineVersion"])


def test_secondary_cluster_has_no_writer(rds: Rds) -> None:
    source = home(rds, "leads")
    rds(HOME).create_global_cluster(GlobalClusterIdentifier="roles", SourceDBClusterIdentifier=source)
    joined(rds, "follows", "roles")
    add(rds(HOME), "leads-1", "leads")
    add(rds(OTHER), "follows-1", "follows")
    first = rds(HOME).describe_db_clusters(DBClusterIdentifier="leads")["DBClusters"][0]
    second = rds(OTHER).describe_db_clusters(DBClusterIdentifier="follows")["DBClusters"][0]
    assert [m["IsClusterWriter"] for m in first["DBClusterMembers"]] == [True]
    assert [m["IsClusterWriter"] for m in second["DBClusterMembers"]] == [False]
    endpoints = rds(OTHER).describe_db_cluster_endpoints(DBClusterIdentifier="follows")["DBClusterEndpoints"]
    assert {e["EndpointType"]: e["Status"] for e in endpoints} == {
        "WRITER": "inactive",
        "READER": "available",
    }


@pytest.mark.parametrize(
    ("given", "code", "text"),
    [
        (
            {"MasterUsername": "swadmin"},
            "InvalidParameterCombination",
            "Cannot specify user name for cross region replication cluster",
        ),
        (
            {"MasterUserPassword": "correct-horse"},
            "InvalidParameterCombination",
            "Cannot specify password for cross region replication cluster",
        ),
        (
            {"DatabaseName": "app"},
            "InvalidParameterCombination",
            "Cannot specify database name for cross region replication cluster",
        ),
        ({"GlobalClusterIdentifier": "nowhere"}, "GlobalClusterNotFoundFault", "nowhere"),
        ({"Engine": "aurora-postgresql"}, "InvalidParameterCombination", "does not match"),
        ({"EngineVersion": "8.0.mysql_aurora.3.12.0"}, "InvalidParameterCombination", "does not match"),
        ({"ManageMasterUserPassword": True}, "InvalidParameterCombination", "not supported"),
        ({"DBClusterIdentifier": "joinable"}, "InvalidParameterValue", "different identifiers"),
    ],
    ids=str,
)
def test_joining_is_refused(rds: Rds, joinable: str, given: dict[str, Any], code: str, text: str) -> None:
    params = {
        "DBClusterIdentifier": "refused",
        "Engine": "aurora-mysql",
        "GlobalClusterIdentifier": joinable,
        **given,
    }
    refusal = refused(rds(OTHER).create_db_cluster, **params)
    assert refusal[0] == code
    assert text in refusal[1]


def test_second_member_of_a_region_is_refused(rds: Rds) -> None:
    source = home(rds, "one-a-region")
    rds(HOME).create_global_cluster(GlobalClusterIdentifier="regions", SourceDBClusterIdentifier=source)
    params = {"Engine": "aurora-mysql", "GlobalClusterIdentifier": "regions"}
    refusal = refused(rds(HOME).create_db_cluster, DBClusterIdentifier="second-here", **params)
    assert refusal[0] == "InvalidGlobalClusterStateFault"


def test_encrypted_secondary_needs_a_key_of_its_region(rds: Rds, sandbox: Sandbox) -> None:
    source = home(rds, "sealed", StorageEncrypted=True)
    rds(HOME).create_global_cluster(GlobalClusterIdentifier="sealed-all", SourceDBClusterIdentifier=source)
    assert refused(
        rds(OTHER).create_db_cluster,
        DBClusterIdentifier="sealed-too",
        Engine="aurora-mysql",
        GlobalClusterIdentifier="sealed-all",
    ) == (
        "InvalidParameterCombination",
        "For encrypted cross-region replica, kmsKeyId should be explicitly specified",
    )
    key = sandbox.client("kms", sandbox.account(ACCOUNT), OTHER).create_key()["KeyMetadata"]["Arn"]
    joined(rds, "sealed-too", "sealed-all", KmsKeyId=key)
    second = rds(OTHER).describe_db_clusters(DBClusterIdentifier="sealed-too")["DBClusters"][0]
    assert (second["StorageEncrypted"], second["KmsKeyId"]) == (True, key)


@pytest.mark.parametrize(
    ("name", "make", "given", "code"),
    [
        ("managed", {"ManageMasterUserPassword": True}, {}, "InvalidDBClusterStateFault"),
        ("engine", {}, {"Engine": "aurora-mysql"}, "InvalidParameterCombination"),
        ("named", {}, {"DatabaseName": "app"}, "InvalidParameterCombination"),
        ("wrong", {}, {"SourceDBClusterIdentifier": "src-wrong"}, "InvalidParameterValue"),
    ],
)
def test_source_is_refused(
    rds: Rds, name: str, make: dict[str, Any], given: dict[str, Any], code: str
) -> None:
    login = {"MasterUsername": "swadmin"} if make else LOGIN
    made = rds(HOME).create_db_cluster(DBClusterIdentifier=f"src-{name}", **{**ENGINE, **login, **make})
    params = {
        "GlobalClusterIdentifier": f"of-{name}",
        "SourceDBClusterIdentifier": made["DBCluster"]["DBClusterArn"],
        **given,
    }
    assert refused(rds(HOME).create_global_cluster, **params)[0] == code


def test_burstable_instances_are_no_part_of_a_global_database(rds: Rds) -> None:
    source = home(rds, "small")
    add(rds(HOME), "small-1", "small", "db.t4g.medium")
    params = {"GlobalClusterIdentifier": "smalls", "SourceDBClusterIdentifier": source}
    assert refused(rds(HOME).create_global_cluster, **params)[0] == "InvalidDBClusterStateFault"
    rds(HOME).delete_db_instance(DBInstanceIdentifier="small-1")
    rds(HOME).create_global_cluster(**params)
    code, text = refused(
        rds(HOME).create_db_instance,
        DBInstanceIdentifier="small-2",
        DBClusterIdentifier="small",
        Engine="aurora-mysql",
        DBInstanceClass="db.t4g.medium",
    )
    assert (code, "DBInstanceClass=db.t4g.medium" in text) == ("InvalidParameterCombination", True)


def test_members_leave_in_order_and_stand_alone(rds: Rds) -> None:
    source = home(rds, "first-out")
    rds(HOME).create_global_cluster(GlobalClusterIdentifier="ends", SourceDBClusterIdentifier=source)
    follower = joined(rds, "last-in", "ends")
    add(rds(HOME), "first-out-1", "first-out")
    delete = {"SkipFinalSnapshot": True}
    assert refused(rds(HOME).delete_db_cluster, DBClusterIdentifier="first-out", **delete) == (
        "InvalidGlobalClusterStateFault",
        "Unable to delete cluster that is a primary member of global cluster while there are other global cluster "
        "members",
    )
    assert refused(rds(OTHER).delete_db_cluster, DBClusterIdentifier="last-in", **delete) == (
        "InvalidDBClusterStateFault",
        GLOBAL_IN_USE,
    )
    assert refused(rds(HOME).delete_db_instance, DBInstanceIdentifier="first-out-1") == (
        "InvalidDBClusterStateFault",
        "Cannot delete the last instance of the master cluster. Delete the replica cluster before deleting the last "
        "master cluster instance.",
    )
    remove = rds(HOME).remove_from_global_cluster
    named = {"GlobalClusterIdentifier": "ends"}
    assert refused(remove, DbClusterIdentifier=source, **named)[0] == "InvalidGlobalClusterStateFault"
    assert refused(remove, DbClusterIdentifier="last-in", **named)[0] == "InvalidParameterValue"
    assert refused(rds(HOME).delete_global_cluster, **named) == (
        "InvalidGlobalClusterStateFault",
        f"Global Cluster arn:aws:rds::{ACCOUNT}:global-cluster:ends is not empty",
    )
    remove(DbClusterIdentifier=follower, **named)
    code, text = refused(remove, DbClusterIdentifier=follower, **named)
    assert (code, "is not found in global cluster" in text) == ("InvalidParameterValue", True)
    alone = rds(OTHER).describe_db_clusters(DBClusterIdentifier="last-in")["DBClusters"][0]
    assert "GlobalClusterIdentifier" not in alone
    add(rds(OTHER), "last-in-1", "last-in")
    alone = rds(OTHER).describe_db_clusters(DBClusterIdentifier="last-in")["DBClusters"][0]
    assert [m["IsClusterWriter"] for m in alone["DBClusterMembers"]] == [True]
    remove(DbClusterIdentifier=source, **named)
    rds(HOME).delete_global_cluster(**named)
    assert refused(rds(HOME).describe_global_clusters, **named)[0] == "GlobalClusterNotFoundFault"


def test_leaving_cluster_is_promoting_for_a_while(rds: Rds, sandbox: Sandbox) -> None:
    source = home(rds, "slow-home")
    rds(HOME).create_global_cluster(GlobalClusterIdentifier="slow", SourceDBClusterIdentifier=source)
    follower = joined(rds, "slow-other", "slow")
    sandbox.settings(speed=1, durations={"AWS::RDS::DBCluster": {"update": 5}})
    rds(HOME).remove_from_global_cluster(GlobalClusterIdentifier="slow", DbClusterIdentifier=follower)
    second = rds(OTHER).describe_db_clusters(DBClusterIdentifier="slow-other")["DBClusters"][0]
    assert second["Status"] == "promoting"
    assert len(described(rds, "slow")["GlobalClusterMembers"]) == 2
    code, _ = refused(
        rds(OTHER).delete_db_cluster, DBClusterIdentifier="slow-other", FinalDBSnapshotIdentifier="slow-last"
    )
    assert code == "InvalidDBClusterStateFault"
    waiter = rds(OTHER).get_waiter("db_cluster_available")
    waiter.wait(DBClusterIdentifier="slow-other", WaiterConfig=OFTEN)
    assert [m["DBClusterArn"] for m in described(rds, "slow")["GlobalClusterMembers"]] == [source]


def test_protected_global_cluster_is_not_deleted(rds: Rds) -> None:
    params = {"GlobalClusterIdentifier": "guarded", "Engine": "aurora-mysql", "DeletionProtection": True}
    rds(HOME).create_global_cluster(**params)
    named = {"GlobalClusterIdentifier": "guarded"}
    assert refused(rds(HOME).delete_global_cluster, **named)[0] == "InvalidParameterCombination"
    rds(HOME).modify_global_cluster(DeletionProtection=False, **named)
    rds(HOME).delete_global_cluster(**named)


def test_cluster_of_an_empty_global_cluster_is_its_primary(rds: Rds) -> None:
    rds(HOME).create_global_cluster(GlobalClusterIdentifier="empty", **ENGINE)
    first = home(rds, "fills", GlobalClusterIdentifier="empty")
    assert [(m["DBClusterArn"], m["IsWriter"]) for m in described(rds, "empty")["GlobalClusterMembers"]] == [
        (first, True)
    ]


def test_stacks_adopt_join_and_let_go(rds: Rds, sandbox: Sandbox) -> None:
    """The home cluster never mentions the global one; the standby's stack adopts it and lets it go again."""
    keys = sandbox.account(ACCOUNT)
    near, far = (Stacks(sandbox.client("cloudformation", keys, r)) for r in (HOME, OTHER))
    source = home(rds, "cfn-home")
    adopting = template(
        {"Address": {"Value": {"Fn::GetAtt": ["All", "GlobalEndpoint.Address"]}}},
        All={
            "Type": "AWS::RDS::GlobalCluster",
            "Properties": {"GlobalClusterIdentifier": "cfn-all", "SourceDBClusterIdentifier": source},
        },
    )
    stack = near.create("adopts", adopting)
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert stack["Outputs"][0]["OutputValue"].startswith("cfn-all.global-")
    joining = template(
        Second={
            "Type": "AWS::RDS::DBCluster",
            "Properties": {
                "DBClusterIdentifier": "cfn-other",
                "Engine": "aurora-mysql",
                "GlobalClusterIdentifier": "cfn-all",
            },
        }
    )
    assert far.create("joins", joining)["StackStatus"] == "CREATE_COMPLETE"
    assert near.delete("adopts")["StackStatus"] == "DELETE_FAILED"
    assert far.delete("joins")["StackStatus"] == "DELETE_COMPLETE"
    assert near.delete("adopts")["StackStatus"] == "DELETE_COMPLETE"
    kept = rds(HOME).describe_db_clusters(DBClusterIdentifier="cfn-home")["DBClusters"][0]
    assert (kept["Status"], kept.get("GlobalClusterIdentifier")) == ("available", None)


def test_lag_of_a_secondary_cluster_is_a_metric(rds: Rds, sandbox: Sandbox) -> None:
    source = home(rds, "ahead")
    rds(HOME).create_global_cluster(GlobalClusterIdentifier="measured", SourceDBClusterIdentifier=source)
    joined(rds, "behind", "measured")
    now = datetime.now(UTC)
    answer = sandbox.client("cloudwatch", sandbox.account(ACCOUNT), OTHER).get_metric_statistics(
        Namespace="AWS/RDS",
        MetricName="AuroraGlobalDBReplicationLag",
        Dimensions=[{"Name": "DBClusterIdentifier", "Value": "behind"}],
        StartTime=now - timedelta(hours=1),
        EndTime=now + timedelta(hours=1),
        Period=3600,
        Statistics=["Maximum"],
    )
    assert [p["Maximum"] for p in answer["Datapoints"]] == [200.0]


def test_planted_lag_shows_in_the_metric_at_once(rds: Rds, sandbox: Sandbox) -> None:
    source = home(rds, "far-ahead")
    rds(HOME).create_global_cluster(GlobalClusterIdentifier="lagging", SourceDBClusterIdentifier=source)
    joined(rds, "lags-behind", "lagging")
    sandbox.fault("lag", account=ACCOUNT, region=OTHER, service="rds", seconds=90, growth=1)
    now = datetime.now(UTC)
    answer = sandbox.client("cloudwatch", sandbox.account(ACCOUNT), OTHER).get_metric_statistics(
        Namespace="AWS/RDS",
        MetricName="AuroraGlobalDBReplicationLag",
        Dimensions=[{"Name": "DBClusterIdentifier", "Value": "lags-behind"}],
        StartTime=now - timedelta(hours=1),
        EndTime=now + timedelta(hours=1),
        Period=3600,
        Statistics=["Maximum"],
    )
    assert [90_000 <= p["Maximum"] < 100_000 for p in answer["Datapoints"]] == [True]
