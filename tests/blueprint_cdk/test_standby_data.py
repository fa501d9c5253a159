"""What holds data in the second region: keys, secret, uploads, database, and what keeps them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from blueprint_cdk.data import load
from blueprint_cdk.policies import STATEFUL_TYPES
from tests.blueprint_cdk.standbys import SIZES, of_type
from tests.blueprint_cdk.support import OTHER, Assembly, Synthesise


def test_database_suits_the_global_one_as_long_as_it_is_in_it(synthesise: Synthesise) -> None:
    """The update that takes a standby away changes home first: a serverless primary would be refused then."""
    before, leaving = (
        synthesise(standby="warm"),
        synthesise(modules=["proxy"], runtime={"global_database": True}),
    )
    for key in ("data", "operations"):
        was, now = before.template(key)["Resources"], leaving.template(key)["Resources"]
        kinds = ("AWS::RDS::DBInstance", "AWS::RDS::DBCluster", "AWS::CloudWatch::Alarm")
        assert {name: row for name, row in now.items() if row["Type"] in kinds}.items() <= was.items()
    assert {
        row["Properties"]["DBInstanceClass"] for row in of_type(leaving, "data", "AWS::RDS::DBInstance")
    } == {"db.r6g.large"}
    after = synthesise(modules=["proxy"])
    assert (
        of_type(after, "data", "AWS::RDS::DBInstance")[0]["Properties"]["DBInstanceClass"] == "db.serverless"
    )


def test_data_key_and_secret_have_replicas(pilot: Assembly) -> None:
    [replica] = of_type(pilot, "other-keys", "AWS::KMS::ReplicaKey")
    assert replica["Properties"]["PrimaryKeyArn"] == {"Ref": "DataKeyArn"}
    assert replica["Properties"]["PendingWindowInDays"] == 7
    secret = pilot.one("AWS::SecretsManager::Secret")
    assert secret["ReplicaRegions"] == [{"Region": OTHER}]
    arn = pilot.template("other-keys")["Outputs"]["ExportsOutputDatabaseSecretArn"]["Value"]
    assert arn["Fn::Join"][1][0] == f"arn:aws:secretsmanager:{OTHER}:111122223333:secret:"


def uploads(assembly: Assembly, key: str) -> dict[str, Any]:
    """The properties of a stack's bucket of uploads."""
    [found] = [
        row["Properties"]
        for row in of_type(assembly, key, "AWS::S3::Bucket")
        if "-uploads-" in row["Properties"]["BucketName"]
    ]
    return dict(found)


def test_uploads_are_replicated_both_ways_once_both_buckets_are_there(warm: Assembly) -> None:
    ways = {}
    for key in ("storage", "other-storage"):
        bucket = uploads(warm, key)
        rule = bucket["ReplicationConfiguration"]
        if key == "storage":
            condition, rule, otherwise = rule["Fn::If"]
            assert (condition, otherwise) == ("IsJoined", {"Ref": "AWS::NoValue"})
        [found] = rule["Rules"]
        assert found["DeleteMarkerReplication"] == {"Status": "Enabled"}
        assert found["Destination"]["Metrics"] == {"Status": "Enabled"}
        assert found["SourceSelectionCriteria"]["SseKmsEncryptedObjects"] == {"Status": "Enabled"}
        ways[bucket["BucketName"]] = found["Destination"]["Bucket"]
        assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
        assert bucket["LifecycleConfiguration"]["Rules"]
    home, other = (f"sy-shop-k3x9-uploads-111122223333-{region}" for region in ("eu-west-1", OTHER))
    assert ways == {home: f"arn:aws:s3:::{other}", other: f"arn:aws:s3:::{home}"}
    parameter = warm.template("storage")["Parameters"]["Joined"]
    assert parameter["Default"] == "false"


def test_replication_may_read_here_and_write_there_and_no_more(warm: Assembly) -> None:
    [policy] = of_type(warm, "storage", "AWS::IAM::Policy")
    found = {row["Sid"]: row for row in policy["Properties"]["PolicyDocument"]["Statement"]}
    here, there = (
        f"arn:aws:s3:::sy-shop-k3x9-uploads-111122223333-{region}" for region in ("eu-west-1", OTHER)
    )
    assert found["Source"]["Resource"] == here and found["Read"]["Resource"] == f"{here}/*"
    assert found["Write"]["Resource"] == f"{there}/*"
    # A bucket key there is opened before it seals.
    bucket = uploads(warm, "other-storage")
    [encrypted] = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert encrypted["BucketKeyEnabled"] is True
    assert found["Seal"]["Action"] == ["kms:Decrypt", "kms:Encrypt"]
    assert found["Open"]["Action"] == "kms:Decrypt"
    assert found["Seal"]["Condition"] == {"StringEquals": {"kms:ViaService": f"s3.{OTHER}.amazonaws.com"}}
    [role] = [
        row["Properties"]
        for row in of_type(warm, "storage", "AWS::IAM::Role")
        if row["Properties"]["Description"] == "Replicates uploads to the other region"
    ]
    assert role["PermissionsBoundary"]
    # S3 says of no account that it replicates for it (S3 user guide, "Setting up permissions for live replication").
    [trust] = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "s3.amazonaws.com"} and "Condition" not in trust


def test_what_was_there_before_is_copied_with_a_role_that_only_batch_operations_takes(warm: Assembly) -> None:
    """At home alone: the other bucket is made with its rule."""
    [role] = [
        row["Properties"]
        for row in of_type(warm, "storage", "AWS::IAM::Role")
        if row["Properties"].get("RoleName")
    ]
    # The portal may pass roles of such names (access/portal.py).
    assert role["RoleName"] == "sy-shop-k3x9-uploads-backfill"
    assert role["PermissionsBoundary"]
    [trust] = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "batchoperations.s3.amazonaws.com"}
    # As the user guide has it ("Configuring an IAM role for S3 Batch Replication"): no condition on the account.
    assert "Condition" not in trust
    [policy] = role["Policies"]
    listing, beginning = policy["PolicyDocument"]["Statement"]
    here = "arn:aws:s3:::sy-shop-k3x9-uploads-111122223333-eu-west-1"
    assert listing["Resource"] == here and beginning["Resource"] == f"{here}/*"
    assert listing["Action"] == ["s3:GetReplicationConfiguration", "s3:PutInventoryConfiguration"]
    assert beginning["Action"] == "s3:InitiateReplication"
    [joins] = [row["joins"] for row in load("stacks")["environment"] if row["key"] == "storage"]
    assert joins["copies"] == {"UploadsBucket": "UploadsBackfillRole"}
    assert "UploadsBackfillRole" in warm.template("storage")["Outputs"]
    there = of_type(warm, "other-storage", "AWS::IAM::Role")
    assert there and not any("RoleName" in row["Properties"] for row in there)


def test_global_database_adopts_the_home_cluster_which_knows_nothing_of_it(pilot: Assembly) -> None:
    database = pilot.one("AWS::RDS::GlobalCluster")
    assert database["GlobalClusterIdentifier"] == "sy-shop-k3x9"
    assert database["SourceDBClusterIdentifier"] == "arn:aws:rds:eu-west-1:111122223333:cluster:sy-shop-k3x9"
    assert "GlobalClusterIdentifier" not in of_type(pilot, "data", "AWS::RDS::DBCluster")[0]["Properties"]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("standby", "count"), [("pilot-light", 0), ("warm", 1)])
def test_secondary_joins_when_it_is_made_headless_or_with_an_instance(
    synthesise: Synthesise, size: str, standby: str, count: int
) -> None:
    assembly = synthesise(size=size, standby=standby)
    [cluster] = of_type(assembly, "other-data", "AWS::RDS::DBCluster")
    properties = cluster["Properties"]
    assert properties["GlobalClusterIdentifier"] == "sy-shop-k3x9"
    assert properties["DBClusterIdentifier"] == "sy-shop-k3x9-other"
    assert properties["StorageEncrypted"] is True and properties["KmsKeyId"]
    # What the primary brings may not be given.
    assert not {"MasterUsername", "MasterUserPassword", "DatabaseName"} & set(properties)
    assert (cluster["DeletionPolicy"], cluster["UpdateReplacePolicy"]) == ("Delete", "Snapshot")
    instances = of_type(assembly, "other-data", "AWS::RDS::DBInstance")
    assert len(instances) == count
    assert len(of_type(assembly, "other-data", "AWS::RDS::DBProxyTargetGroup")) == count
    assert of_type(assembly, "other-data", "AWS::RDS::DBProxy")
    classes = {row["Properties"]["DBInstanceClass"] for row in assembly.all("AWS::RDS::DBInstance")}
    assert len(classes) == 1 and classes.pop().startswith("db.r")
    assert not [row for row in assembly.all("AWS::RDS::DBCluster") if "ServerlessV2" in json.dumps(row)]


@pytest.mark.parametrize("protected", [True, False])
def test_what_holds_data_there_is_protected_too(synthesise: Synthesise, protected: bool) -> None:
    assembly = synthesise(standby="warm", deletion_protection=protected)
    artifacts = assembly.manifest["artifacts"]
    found = {
        name.removeprefix("sy-shop-k3x9-")
        for name in assembly.templates()
        if artifacts[name]["properties"].get("terminationProtection")
    }
    stateful = {"keys", "data", "storage", "other-keys", "other-data", "other-storage"}
    assert found == (stateful if protected else set())
    for row in assembly.all("AWS::RDS::DBCluster"):
        assert row["Properties"]["DeletionProtection"] is protected
    # It holds no data, and would stand in the way of taking the standby away.
    assert assembly.one("AWS::RDS::GlobalCluster")["DeletionProtection"] is False


def test_stack_policies_hold_what_is_stateful_there(warm: Assembly) -> None:
    for name, template in warm.templates().items():
        stateful = {key for key, row in template["Resources"].items() if row["Type"] in STATEFUL_TYPES}
        path = warm.folder / f"{name}.policy.json"
        assert path.exists() is bool(stateful), name
        if stateful:
            [_, deny] = json.loads(path.read_text())["Statement"]
            assert {line.partition("/")[2] for line in deny["Resource"]} == stateful
