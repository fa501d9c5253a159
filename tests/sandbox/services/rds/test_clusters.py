"""Aurora clusters by their API: states, refusals, deletion, filters, tags, groups."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from devtools.sandbox import OFTEN, Sandbox
from tests.sandbox.services.rds.support import ENGINE, LOGIN, Client, cluster, described, instance
from tests.sandbox.support import refused

ACCOUNT = "210000000015"


def test_cluster_is_creating_then_available_then_gone(rds: Any, sandbox: Sandbox) -> None:
    sandbox.settings(
        speed=1, durations={"AWS::RDS::DBCluster": {"create": 0.3, "update": 0.3, "delete": 0.3}}
    )
    assert cluster(rds, "states")["Status"] == "creating"
    assert (
        refused(rds.modify_db_cluster, DBClusterIdentifier="states", Port=3307)[0]
        == "InvalidDBClusterStateFault"
    )
    rds.get_waiter("db_cluster_available").wait(DBClusterIdentifier="states", WaiterConfig=OFTEN)
    changed = rds.modify_db_cluster(DBClusterIdentifier="states", BackupRetentionPeriod=5)["DBCluster"]
    assert changed["Status"] == "modifying"
    rds.get_waiter("db_cluster_available").wait(DBClusterIdentifier="states", WaiterConfig=OFTEN)
    gone = rds.delete_db_cluster(DBClusterIdentifier="states", SkipFinalSnapshot=True)["DBCluster"]
    assert gone["Status"] == "deleting"
    deadline = time.monotonic() + 10
    while rds.describe_db_clusters()["DBClusters"] and time.monotonic() < deadline:
        time.sleep(0.05)
    assert refused(rds.describe_db_clusters, DBClusterIdentifier="states") == (
        "DBClusterNotFoundFault",
        "DBCluster states not found.",
    )


def test_identifiers_are_lower_case_and_taken_once(rds: Any) -> None:
    assert cluster(rds, "Mixed-Case")["DBClusterIdentifier"] == "mixed-case"
    params = {"DBClusterIdentifier": "MIXED-case", **ENGINE, **LOGIN}
    assert refused(rds.create_db_cluster, **params)[0] == "DBClusterAlreadyExistsFault"
    params["DBClusterIdentifier"] = "two--hyphens"
    code, text = refused(rds.create_db_cluster, **params)
    assert (code, "not a valid identifier" in text) == ("InvalidParameterValue", True)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"EngineVersion": "8.0.mysql_aurora.9.9.9"}, "InvalidParameterCombination"),
        ({"Engine": "oracle"}, "InvalidParameterValue"),
        ({"MasterUserPassword": "short"}, "InvalidParameterValue"),
        ({"MasterUserPassword": "with/slash"}, "InvalidParameterValue"),
        ({"MasterUsername": "rdsadmin"}, "InvalidParameterValue"),
        ({"BackupRetentionPeriod": 36}, "InvalidParameterValue"),
        ({"DBSubnetGroupName": "nowhere"}, "DBSubnetGroupNotFoundFault"),
        ({"DBClusterParameterGroupName": "nowhere"}, "DBParameterGroupNotFound"),
        ({"KmsKeyId": "alias/nowhere", "StorageEncrypted": True}, "KMSKeyNotAccessibleFault"),
    ],
    ids=str,
)
def test_cluster_is_refused(rds: Any, change: dict[str, Any], code: str) -> None:
    params = {"DBClusterIdentifier": "refused", **ENGINE, **LOGIN, **change}
    assert refused(rds.create_db_cluster, **params)[0] == code
    assert refused(rds.describe_db_clusters, DBClusterIdentifier="refused")[0] == "DBClusterNotFoundFault"


def test_cluster_with_instances_is_not_deleted(rds: Any) -> None:
    cluster(rds, "full")
    instance(rds, "full-1", "full")
    assert refused(rds.delete_db_cluster, DBClusterIdentifier="full", SkipFinalSnapshot=True) == (
        "InvalidDBClusterStateFault",
        "Cluster cannot be deleted, it still contains DB instances in non-deleting state.",
    )
    rds.delete_db_instance(DBInstanceIdentifier="full-1")
    rds.delete_db_cluster(DBClusterIdentifier="full", SkipFinalSnapshot=True)


def test_protected_cluster_is_not_deleted(rds: Any) -> None:
    cluster(rds, "protected", DeletionProtection=True)
    assert refused(rds.delete_db_cluster, DBClusterIdentifier="protected", SkipFinalSnapshot=True) == (
        "InvalidParameterCombination",
        "Cannot delete protected Cluster, please disable deletion protection and try again.",
    )
    rds.modify_db_cluster(DBClusterIdentifier="protected", DeletionProtection=False)
    rds.delete_db_cluster(DBClusterIdentifier="protected", SkipFinalSnapshot=True)


def test_deletion_asks_for_a_final_snapshot_or_a_no(rds: Any) -> None:
    cluster(rds, "final")
    code, text = refused(rds.delete_db_cluster, DBClusterIdentifier="final")
    assert (code, "FinalDBSnapshotIdentifier is required" in text) == ("InvalidParameterCombination", True)
    rds.delete_db_cluster(DBClusterIdentifier="final", FinalDBSnapshotIdentifier="final-copy")
    [left] = rds.describe_db_cluster_snapshots(DBClusterIdentifier="final")["DBClusterSnapshots"]
    assert (left["DBClusterSnapshotIdentifier"], left["SnapshotType"]) == ("final-copy", "manual")


def test_clusters_are_filtered_and_paged(sandbox: Sandbox) -> None:
    rds = sandbox.client("rds", sandbox.account("210000000016"))
    for number in range(25):
        cluster(rds, f"paged-{number}")
    first = rds.describe_db_clusters(MaxRecords=20)
    assert (len(first["DBClusters"]), "Marker" in first) == (20, True)
    rest = rds.describe_db_clusters(MaxRecords=20, Marker=first["Marker"])
    assert (len(rest["DBClusters"]), "Marker" in rest) == (5, False)
    found = rds.describe_db_clusters(Filters=[{"Name": "db-cluster-id", "Values": ["paged-3", "paged-4"]}])
    assert [c["DBClusterIdentifier"] for c in found["DBClusters"]] == ["paged-3", "paged-4"]
    wrong = [{"Name": "colour", "Values": ["red"]}]
    assert refused(rds.describe_db_clusters, Filters=wrong)[0] == "InvalidParameterValue"


def test_tags_are_kept_by_arn(rds: Any) -> None:
    arn = cluster(rds, "tagged", Tags=[{"Key": "team", "Value": "web"}])["DBClusterArn"]
    rds.add_tags_to_resource(ResourceName=arn, Tags=[{"Key": "tier", "Value": "dev"}])
    rds.remove_tags_from_resource(ResourceName=arn, TagKeys=["team"])
    assert rds.list_tags_for_resource(ResourceName=arn)["TagList"] == [{"Key": "tier", "Value": "dev"}]
    assert described(rds, "tagged")["TagList"] == [{"Key": "tier", "Value": "dev"}]


def test_parameter_group_in_use_is_not_deleted(rds: Any) -> None:
    name = {"DBClusterParameterGroupName": "tuned"}
    rds.create_db_cluster_parameter_group(**name, DBParameterGroupFamily="aurora-mysql8.0", Description="d")
    parameter = {"ParameterName": "long_query_time", "ParameterValue": "2", "ApplyMethod": "immediate"}
    rds.modify_db_cluster_parameter_group(**name, Parameters=[parameter])
    found = rds.describe_db_cluster_parameters(**name, Source="user")["Parameters"]
    assert [(p["ParameterName"], p["ParameterValue"]) for p in found] == [("long_query_time", "2")]
    cluster(rds, "tuned", **name)
    assert refused(rds.delete_db_cluster_parameter_group, **name)[0] == "InvalidDBParameterGroupState"
    rds.delete_db_cluster(DBClusterIdentifier="tuned", SkipFinalSnapshot=True)
    rds.delete_db_cluster_parameter_group(**name)


def test_engine_versions_tell_their_family(rds: Any) -> None:
    found = rds.describe_db_engine_versions(Engine="aurora-mysql", EngineVersion=ENGINE["EngineVersion"])
    assert [v["DBParameterGroupFamily"] for v in found["DBEngineVersions"]] == ["aurora-mysql8.0"]
    default = rds.describe_db_engine_versions(Engine="aurora-mysql", DefaultOnly=True)["DBEngineVersions"]
    assert len(default) == 1
    classes = rds.describe_orderable_db_instance_options(
        Engine="aurora-mysql", DBInstanceClass="db.r7g.large"
    )
    assert {o["DBInstanceClass"] for o in classes["OrderableDBInstanceOptions"]} == {"db.r7g.large"}


def test_size_of_a_cluster_is_a_metric(rds: Any, client: Client) -> None:
    cluster(rds, "measured")
    now = datetime.now(UTC)
    answer = client("cloudwatch").get_metric_statistics(
        Namespace="AWS/RDS",
        MetricName="VolumeBytesUsed",
        Dimensions=[{"Name": "DBClusterIdentifier", "Value": "measured"}],
        StartTime=now - timedelta(hours=1),
        EndTime=now + timedelta(minutes=1),
        Period=300,
        Statistics=["Maximum"],
    )
    assert [point["Maximum"] for point in answer["Datapoints"]] == [41_943_040]
