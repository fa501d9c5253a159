"""What holds data: key, secret, cluster, proxy, buckets."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.blueprint_cdk.support import ALL_MODULES, Assembly, Synthesise


def test_data_key_is_multi_region_rotated_and_kept(small: Assembly) -> None:
    [key] = [row for row in small.template("keys")["Resources"].values() if row["Type"] == "AWS::KMS::Key"]
    assert key["Properties"]["MultiRegion"] is True
    assert key["Properties"]["EnableKeyRotation"] is True
    assert (key["DeletionPolicy"], key["UpdateReplacePolicy"]) == ("Retain", "Retain")


def test_database_password_is_our_own_secret_and_in_no_template(small: Assembly) -> None:
    secret = small.one("AWS::SecretsManager::Secret")
    assert json.loads(secret["GenerateSecretString"]["SecretStringTemplate"]) == {"username": "swadmin"}
    cluster = small.one("AWS::RDS::DBCluster")
    assert "ManageMasterUserPassword" not in cluster
    pieces = cluster["MasterUserPassword"]["Fn::Join"][1]
    assert pieces[0] == "{{resolve:secretsmanager:"
    assert pieces[-1] == ":SecretString:password}}"


@pytest.mark.parametrize("tier", ["dev", "staging", "prod"])
@pytest.mark.parametrize("size", ["small", "medium", "large"])
def test_cluster_is_encrypted_logged_backed_up_and_never_global(
    synthesise: Synthesise, size: str, tier: str
) -> None:
    assembly = synthesise(size=size, tier=tier, deletion_protection=tier == "prod", modules=ALL_MODULES)
    [cluster] = assembly.all("AWS::RDS::DBCluster")
    assert (cluster["DeletionPolicy"], cluster["UpdateReplacePolicy"]) == ("Snapshot", "Snapshot")
    properties = cluster["Properties"]
    assert properties["DBClusterIdentifier"] == "sy-shop-k3x9"
    assert properties["EngineVersion"] == "8.0.mysql_aurora.3.10.0"
    assert properties["StorageEncrypted"] is True
    assert properties["CopyTagsToSnapshot"] is True
    assert properties["EnableIAMDatabaseAuthentication"] is True
    assert properties["EnableCloudwatchLogsExports"] == ["audit", "error", "slowquery"]
    assert properties["BackupRetentionPeriod"] == {"dev": 3, "staging": 7, "prod": 35}[tier]
    assert properties["DeletionProtection"] is (tier == "prod")
    assert "GlobalCluster" not in json.dumps(assembly.template("data"))
    parameters = assembly.one("AWS::RDS::DBClusterParameterGroup")
    assert parameters["Family"] == "aurora-mysql8.0"
    assert parameters["Parameters"]["require_secure_transport"] == "ON"


@pytest.mark.parametrize(
    ("size", "instances", "kind"),
    [("small", 1, "db.serverless"), ("medium", 2, "db.r6g.large"), ("large", 3, "db.r6g.xlarge")],
)
def test_size_decides_instances_of_the_cluster(
    synthesise: Synthesise, size: str, instances: int, kind: str
) -> None:
    assembly = synthesise(size=size)
    found = [row["Properties"] for row in assembly.all("AWS::RDS::DBInstance")]
    assert [row["DBInstanceClass"] for row in found] == [kind] * instances
    assert {row["PubliclyAccessible"] for row in found} == {False}
    serverless = "ServerlessV2ScalingConfiguration" in assembly.one("AWS::RDS::DBCluster")
    assert serverless is (kind == "db.serverless")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (
            {"kind": "snapshot", "id": "arn:aws:rds:eu-west-1:111122223333:cluster-snapshot:last"},
            {"SnapshotIdentifier": "arn:aws:rds:eu-west-1:111122223333:cluster-snapshot:last"},
        ),
        (
            {"kind": "cluster", "id": "sy-source-a1b2"},
            {
                "SourceDBClusterIdentifier": "sy-source-a1b2",
                "RestoreType": "copy-on-write",
                "UseLatestRestorableTime": True,
            },
        ),
    ],
)
def test_restored_cluster_names_its_source_and_takes_its_user(
    synthesise: Synthesise, source: dict[str, str], expected: dict[str, Any]
) -> None:
    cluster = synthesise(restore_source=source).one("AWS::RDS::DBCluster")
    named = {"SnapshotIdentifier", "SourceDBClusterIdentifier", "RestoreType", "UseLatestRestorableTime"}
    assert {name: value for name, value in cluster.items() if name in named} == expected
    assert not {"MasterUsername", "DatabaseName"} & set(cluster)


def test_proxy_wants_tls_and_has_an_endpoint_for_reads_in_every_size(synthesise: Synthesise) -> None:
    for size in ("small", "medium", "large"):
        assembly = synthesise(size=size, modules=["proxy"])
        assert assembly.one("AWS::RDS::DBProxy")["RequireTLS"] is True
        assert assembly.one("AWS::RDS::DBProxyEndpoint")["TargetRole"] == "READ_ONLY"
        [targets] = assembly.all("AWS::RDS::DBProxyTargetGroup")
        writers = [
            name for name in assembly.template("data")["Resources"] if name.startswith("DatabaseWriter")
        ]
        assert set(writers) <= set(targets["DependsOn"])


@pytest.mark.parametrize(
    ("size", "reader"), [("small", "DatabaseEndpoint"), ("large", "DatabaseReaderEndpoint")]
)
def test_application_is_told_the_proxys_endpoints_or_without_one_the_clusters(
    synthesise: Synthesise, size: str, reader: str
) -> None:
    def told(assembly: Assembly) -> list[Any]:
        options = assembly.one("AWS::ElasticBeanstalk::Environment")["OptionSettings"]
        values = {row["OptionName"]: row["Value"] for row in options}
        return [values["DATABASE_HOST"], values["DATABASE_READER_HOST"]]

    def output(name: str) -> dict[str, Any]:
        return {"Fn::GetStackOutput": {"StackName": "sy-shop-k3x9-data", "OutputName": name}}

    with_proxy, without = synthesise(size=size, modules=["proxy"]), synthesise(size=size)
    assert told(with_proxy) == [output("DatabaseEndpoint"), output(reader)]
    exported = {
        row["Export"]["Name"]: row["Value"]
        for row in without.template("data")["Outputs"].values()
        if "Export" in row
    }
    kind = "Endpoint.Address" if size == "small" else "ReadEndpoint.Address"
    attributes = [exported[host["Fn::ImportValue"]]["Fn::GetAtt"][1] for host in told(without)]
    assert attributes == ["Endpoint.Address", kind]
    assert not without.all("AWS::RDS::DBProxy")


def test_instances_reach_the_database_themselves_only_where_no_proxy_is(synthesise: Synthesise) -> None:
    def ways(assembly: Assembly) -> list[str]:
        rows = assembly.template("app")["Resources"].values()
        return [row["Type"] for row in rows if row["Type"].startswith("AWS::EC2::SecurityGroup")]

    assert ways(synthesise()) == ["AWS::EC2::SecurityGroupEgress", "AWS::EC2::SecurityGroupIngress"]
    assert ways(synthesise(modules=["proxy"])) == []


def test_buckets_are_closed_versioned_encrypted_and_tls_only(small: Assembly) -> None:
    storage = small.template("storage")["Resources"]
    buckets = {
        row["Properties"]["BucketName"]: row for row in storage.values() if row["Type"] == "AWS::S3::Bucket"
    }
    uploads = buckets["sy-shop-k3x9-uploads-111122223333-eu-west-1"]["Properties"]
    logs = buckets["sy-shop-k3x9-logs-111122223333-eu-west-1"]["Properties"]
    for bucket in (uploads, logs):
        assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
        assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
        assert bucket["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    assert uploads["LoggingConfiguration"]["LogFilePrefix"] == "uploads/"

    def algorithm(bucket: dict[str, Any]) -> str:
        [rule] = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        return str(rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"])

    # Load balancers write to SSE-S3 only.
    assert (algorithm(uploads), algorithm(logs)) == ("aws:kms", "AES256")
    for policy in small.all("AWS::S3::BucketPolicy"):
        statements = policy["Properties"]["PolicyDocument"]["Statement"]
        assert any(
            row["Effect"] == "Deny" and row["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
            for row in statements
        )


def lifecycle(bucket: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {rule["Id"]: rule for rule in bucket["LifecycleConfiguration"]["Rules"]}


def bucket_named(assembly: Assembly, name: str) -> dict[str, Any]:
    """Properties of the bucket whose name has this word."""
    found = [row["Properties"] for row in assembly.all("AWS::S3::Bucket")]
    [bucket] = [row for row in found if f"-{name}-" in row["BucketName"]]
    return bucket


def test_uploads_that_nobody_touched_for_six_months_are_archived(small: Assembly) -> None:
    uploads = bucket_named(small, "uploads")
    [watched] = lifecycle(uploads)["tier"]["Transitions"]
    assert watched == {"StorageClass": "INTELLIGENT_TIERING", "TransitionInDays": 0}
    [tiers] = uploads["IntelligentTieringConfigurations"]
    assert tiers["Status"] == "Enabled"
    assert tiers["Tierings"] == [
        {"AccessTier": "ARCHIVE_ACCESS", "Days": 180},
        {"AccessTier": "DEEP_ARCHIVE_ACCESS", "Days": 365},
    ]
    # All of the bucket, not a part of it.
    assert not {"Prefix", "TagFilters"} & set(tiers)


@pytest.mark.parametrize(
    ("keep", "classes"),
    [(30, []), (180, []), (365, ["GLACIER"]), (400, ["GLACIER", "DEEP_ARCHIVE"])],
)
def test_logs_are_archived_as_long_as_they_are_kept(
    synthesise: Synthesise, keep: int, classes: list[str]
) -> None:
    rules = lifecycle(bucket_named(synthesise(log_retention_days=keep), "logs"))
    assert rules["expire"]["ExpirationInDays"] == keep
    found = [(row["StorageClass"], row["TransitionInDays"]) for row in rules["expire"].get("Transitions", ())]
    assert found == [pair for pair in (("GLACIER", 180), ("DEEP_ARCHIVE", 365)) if pair[0] in classes]


def test_old_versions_and_incomplete_uploads_go_from_every_bucket(small: Assembly) -> None:
    days = {}
    for row in small.all("AWS::S3::Bucket"):
        bucket = row["Properties"]
        tidy = lifecycle(bucket)["tidy"]
        assert tidy["Status"] == "Enabled" and "Prefix" not in tidy
        assert tidy["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}
        assert tidy["ExpiredObjectDeleteMarker"] is True
        days[bucket["BucketName"].split("-")[3]] = tidy["NoncurrentVersionExpiration"]["NoncurrentDays"]
    assert days["uploads"] == 90 and days["logs"] == 7


@pytest.mark.parametrize(
    ("facts", "principal"),
    [
        ({}, {"Service": "logdelivery.elasticloadbalancing.amazonaws.com"}),
        ({"elb_account_id": "156460612806"}, {"AWS": "arn:aws:iam::156460612806:root"}),
    ],
)
def test_load_balancer_may_write_its_logs(
    synthesise: Synthesise, facts: dict[str, str], principal: dict[str, str]
) -> None:
    assembly = synthesise(facts=facts)
    statements = [
        row
        for policy in assembly.all("AWS::S3::BucketPolicy")
        for row in policy["Properties"]["PolicyDocument"]["Statement"]
        if row.get("Sid") == "LoadBalancerLogs"
    ]
    [statement] = statements
    assert statement["Principal"] == principal
    assert statement["Action"] == "s3:PutObject"
    assert json.dumps(statement["Resource"]).count("load-balancer/AWSLogs/111122223333/*") == 1


def test_parameters_are_tuned_and_insights_follow_the_size(synthesise: Synthesise) -> None:
    small, large = synthesise(), synthesise(size="large")
    parameters = small.one("AWS::RDS::DBClusterParameterGroup")["Parameters"]
    tuned = {
        "max_execution_time": "60000",
        "innodb_lock_wait_timeout": "20",
        "innodb_print_all_deadlocks": "1",
        "wait_timeout": "1800",
        "local_infile": "0",
        "binlog_format": "OFF",
    }
    assert {name: parameters[name] for name in tuned} == tuned
    assert large.one("AWS::RDS::DBClusterParameterGroup")["Parameters"] == parameters
    for assembly, mode, days in ((small, "standard", 7), (large, "advanced", 465)):
        cluster = assembly.one("AWS::RDS::DBCluster")
        assert (cluster["DatabaseInsightsMode"], cluster["PerformanceInsightsEnabled"]) == (mode, True)
        for row in [cluster, *(found["Properties"] for found in assembly.all("AWS::RDS::DBInstance"))]:
            assert row["PerformanceInsightsRetentionPeriod"] == days


@pytest.mark.parametrize(("size", "limits"), [("small", None), ("medium", (1, 3)), ("large", (2, 6))])
def test_readers_come_with_demand_where_there_are_some(
    synthesise: Synthesise, size: str, limits: tuple[int, int] | None
) -> None:
    assembly = synthesise(size=size)
    targets = assembly.all("AWS::ApplicationAutoScaling::ScalableTarget")
    assert [(row["Properties"]["MinCapacity"], row["Properties"]["MaxCapacity"]) for row in targets] == (
        [limits] if limits else []
    )
    if not limits:
        return
    [target] = targets
    assert target["Properties"]["ResourceId"] == "cluster:sy-shop-k3x9"
    assert target["Properties"]["ScalableDimension"] == "rds:cluster:ReadReplicaCount"
    # The template's own readers are the least that there is, and are there before.
    instances = [
        name
        for name, row in assembly.template("data")["Resources"].items()
        if row["Type"] == "AWS::RDS::DBInstance"
    ]
    assert len(instances) == 1 + limits[0] and set(instances) == set(target["DependsOn"])
    policy = assembly.one("AWS::ApplicationAutoScaling::ScalingPolicy")
    tracking = policy["TargetTrackingScalingPolicyConfiguration"]
    assert tracking["PredefinedMetricSpecification"] == {
        "PredefinedMetricType": "RDSReaderAverageCPUUtilization"
    }
