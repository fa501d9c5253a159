"""Aurora and RDS Proxy by their API: states, refusals, snapshots and their keys, restores, targets by role."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from devtools.sandbox import Sandbox

ACCOUNT = "210000000015"
ENGINE = {"Engine": "aurora-mysql", "EngineVersion": "8.0.mysql_aurora.3.10.0"}
LOGIN = {"MasterUsername": "swadmin", "MasterUserPassword": "correct-horse"}
Client = Callable[..., Any]


@pytest.fixture(scope="module")
def client(sandbox: Sandbox) -> Client:
    keys = sandbox.account(ACCOUNT)
    return lambda service, region="eu-west-1": sandbox.client(service, keys, region)


@pytest.fixture(scope="module")
def rds(client: Client) -> Any:
    return client("rds")


@pytest.fixture(scope="module")
def subnets(client: Client) -> list[str]:
    ec2 = client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.40.0.0/16")["Vpc"]["VpcId"]
    return [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.40.{n}.0/24", AvailabilityZone=f"eu-west-1{z}")["Subnet"][
            "SubnetId"
        ]
        for n, z in enumerate("abc")
    ]


@pytest.fixture(scope="module")
def subnet_group(rds: Any, subnets: list[str]) -> str:
    name = "main"
    rds.create_db_subnet_group(DBSubnetGroupName=name, DBSubnetGroupDescription="d", SubnetIds=subnets)
    return name


def refused(call: Any, **params: Any) -> tuple[str, str]:
    """Code and message that a call is refused with."""
    with pytest.raises(ClientError) as caught:
        call(**params)
    error = caught.value.response["Error"]
    return str(error["Code"]), str(error["Message"])


def cluster(rds: Any, id: str, **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = rds.create_db_cluster(DBClusterIdentifier=id, **{**ENGINE, **LOGIN, **more})[
        "DBCluster"
    ]
    return made


def instance(rds: Any, id: str, cluster: str, **more: Any) -> None:
    params = {"Engine": "aurora-mysql", "DBInstanceClass": "db.r7g.large", **more}
    rds.create_db_instance(DBInstanceIdentifier=id, DBClusterIdentifier=cluster, **params)


def described(rds: Any, id: str) -> dict[str, Any]:
    found: dict[str, Any] = rds.describe_db_clusters(DBClusterIdentifier=id)["DBClusters"][0]
    return found


def test_cluster_is_creating_then_available_then_gone(rds: Any, sandbox: Sandbox) -> None:
    sandbox.settings(
        speed=1, durations={"AWS::RDS::DBCluster": {"create": 0.3, "update": 0.3, "delete": 0.3}}
    )
    assert cluster(rds, "states")["Status"] == "creating"
    assert (
        refused(rds.modify_db_cluster, DBClusterIdentifier="states", Port=3307)[0]
        == "InvalidDBClusterStateFault"
    )
    rds.get_waiter("db_cluster_available").wait(DBClusterIdentifier="states", WaiterConfig={"Delay": 1})
    changed = rds.modify_db_cluster(DBClusterIdentifier="states", BackupRetentionPeriod=5)["DBCluster"]
    assert changed["Status"] == "modifying"
    rds.get_waiter("db_cluster_available").wait(DBClusterIdentifier="states", WaiterConfig={"Delay": 1})
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


def test_endpoints_of_writer_and_reader(rds: Any) -> None:
    made = cluster(rds, "endpoints", Port=3307)
    assert made["Endpoint"].startswith("endpoints.cluster-c")
    assert made["ReaderEndpoint"].startswith("endpoints.cluster-ro-c")
    assert made["Endpoint"].endswith(".eu-west-1.rds.amazonaws.com")
    assert (made["Port"], made["AllocatedStorage"]) == (3307, 1)


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


def test_first_instance_writes_and_a_reader_follows_it(rds: Any) -> None:
    cluster(rds, "roles")
    instance(rds, "roles-1", "roles")
    instance(rds, "roles-2", "roles", PromotionTier=5)
    instance(rds, "roles-3", "roles", PromotionTier=2)

    def writer() -> list[str]:
        members = described(rds, "roles")["DBClusterMembers"]
        return [m["DBInstanceIdentifier"] for m in members if m["IsClusterWriter"]]

    assert writer() == ["roles-1"]
    rds.delete_db_instance(DBInstanceIdentifier="roles-1")
    assert writer() == ["roles-3"]
    rds.failover_db_cluster(DBClusterIdentifier="roles", TargetDBInstanceIdentifier="roles-2")
    assert writer() == ["roles-2"]


def test_serverless_instance_needs_the_clusters_scaling(rds: Any) -> None:
    cluster(rds, "fixed")
    params = {"DBClusterIdentifier": "fixed", "Engine": "aurora-mysql", "DBInstanceClass": "db.serverless"}
    refusal = refused(rds.create_db_instance, DBInstanceIdentifier="fixed-1", **params)
    assert refusal[0] == "InvalidDBClusterStateFault"
    rds.modify_db_cluster(
        DBClusterIdentifier="fixed", ServerlessV2ScalingConfiguration={"MinCapacity": 0.5, "MaxCapacity": 2}
    )
    rds.create_db_instance(DBInstanceIdentifier="fixed-1", **params)
    assert described(rds, "fixed")["ServerlessV2ScalingConfiguration"]["MaxCapacity"] == 2


def test_instance_blocks_its_subnet_until_it_is_gone(
    rds: Any, client: Client, subnets: list[str], subnet_group: str
) -> None:
    ec2 = client("ec2")
    cluster(rds, "plugged", DBSubnetGroupName=subnet_group)
    instance(rds, "plugged-1", "plugged", AvailabilityZone="eu-west-1b")
    assert refused(ec2.delete_subnet, SubnetId=subnets[1])[0] == "DependencyViolation"
    rds.delete_db_instance(DBInstanceIdentifier="plugged-1")
    filters = [{"Name": "subnet-id", "Values": [subnets[1]]}]
    assert ec2.describe_network_interfaces(Filters=filters)["NetworkInterfaces"] == []
    refusal = refused(rds.delete_db_subnet_group, DBSubnetGroupName=subnet_group)
    assert refusal[0] == "InvalidDBSubnetGroupStateFault"
    rds.delete_db_cluster(DBClusterIdentifier="plugged", SkipFinalSnapshot=True)


def test_proxy_tells_its_targets_by_role(rds: Any, client: Client, subnets: list[str]) -> None:
    secret = client("secretsmanager").create_secret(Name="proxied", SecretString="{}")["ARN"]
    cluster(rds, "proxied")
    instance(rds, "proxied-1", "proxied")
    instance(rds, "proxied-2", "proxied")
    rds.create_db_proxy(
        DBProxyName="proxied",
        EngineFamily="MYSQL",
        Auth=[{"AuthScheme": "SECRETS", "SecretArn": secret, "IAMAuth": "DISABLED"}],
        RoleArn=f"arn:aws:iam::{ACCOUNT}:role/proxy",
        VpcSubnetIds=subnets,
    )
    rds.register_db_proxy_targets(DBProxyName="proxied", DBClusterIdentifiers=["proxied"])
    again = {"DBProxyName": "proxied", "DBClusterIdentifiers": ["proxied"]}
    assert refused(rds.register_db_proxy_targets, **again)[0] == "DBProxyTargetAlreadyRegisteredFault"

    def targets() -> dict[str, tuple[Any, Any]]:
        found = rds.describe_db_proxy_targets(DBProxyName="proxied")["Targets"]
        members = [t for t in found if t["Type"] == "RDS_INSTANCE"]
        return {t["RdsResourceId"]: (t["Role"], t["TargetHealth"]["State"]) for t in members}

    assert targets() == {"proxied-1": ("READ_WRITE", "AVAILABLE"), "proxied-2": ("READ_ONLY", "AVAILABLE")}
    client("secretsmanager").delete_secret(SecretId="proxied")
    assert {state for _, state in targets().values()} == {"UNAVAILABLE"}
    rds.create_db_proxy_endpoint(
        DBProxyName="proxied", DBProxyEndpointName="proxied-ro", VpcSubnetIds=subnets, TargetRole="READ_ONLY"
    )
    rds.delete_db_proxy(DBProxyName="proxied")
    gone = refused(rds.describe_db_proxy_endpoints, DBProxyEndpointName="proxied-ro")
    assert gone[0] == "DBProxyEndpointNotFoundFault"


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


def test_stack_with_deletion_policy_snapshot_leaves_one_that_restores(rds: Any, client: Client) -> None:
    cloudformation = client("cloudformation")
    properties = {"Engine": "aurora-mysql", **LOGIN, "DatabaseName": "app"}
    resource = {"Type": "AWS::RDS::DBCluster", "DeletionPolicy": "Snapshot", "Properties": properties}
    body = json.dumps({"Resources": {"Cluster": resource}})
    cloudformation.create_stack(StackName="copied", TemplateBody=body)
    cloudformation.get_waiter("stack_create_complete").wait(StackName="copied", WaiterConfig={"Delay": 1})
    cloudformation.delete_stack(StackName="copied")
    cloudformation.get_waiter("stack_delete_complete").wait(StackName="copied", WaiterConfig={"Delay": 1})
    found = rds.describe_db_cluster_snapshots(SnapshotType="manual")["DBClusterSnapshots"]
    [left] = [s for s in found if s["DBClusterSnapshotIdentifier"].startswith("copied-snapshot-cluster-")]
    rds.restore_db_cluster_from_snapshot(
        DBClusterIdentifier="copied-again",
        SnapshotIdentifier=left["DBClusterSnapshotIdentifier"],
        Engine="aurora-mysql",
    )
    assert described(rds, "copied-again")["DatabaseName"] == "app"
