"""What must outlive the sandbox's process: dates of deletion, values, and changes under way."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from devtools.processes import free_port
from devtools.sandbox import Sandbox
from tests.sandbox.support import service_role

ACCOUNT = "210000000019"


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Sandbox]:
    """A sandbox of the test's own, which it may stop and start."""
    process = Sandbox(home=tmp_path / "state", port=free_port())
    process.start()
    yield process
    process.stop()


def test_keys_secrets_and_databases_outlive_a_restart(own: Sandbox) -> None:
    keys = own.account(ACCOUNT)
    kms, secrets, rds = (own.client(s, keys) for s in ("kms", "secretsmanager", "rds"))
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    sealed = kms.encrypt(KeyId=key, Plaintext=b"text")["CiphertextBlob"]
    waiting = kms.create_key()["KeyMetadata"]["KeyId"]
    date = kms.schedule_key_deletion(KeyId=waiting, PendingWindowInDays=7)["DeletionDate"]
    secrets.create_secret(Name="kept", SecretString="value")
    own.settings(speed=1, durations={"AWS::RDS::DBCluster": {"create": 1.5}})
    rds.create_db_cluster(
        DBClusterIdentifier="begun",
        Engine="aurora-mysql",
        MasterUsername="swadmin",
        MasterUserPassword="correct-horse",
    )
    own.stop()
    own.start()
    assert kms.decrypt(CiphertextBlob=sealed)["Plaintext"] == b"text"
    metadata = kms.describe_key(KeyId=waiting)["KeyMetadata"]
    assert (metadata["KeyState"], metadata["DeletionDate"]) == ("PendingDeletion", date)
    assert secrets.get_secret_value(SecretId="kept")["SecretString"] == "value"
    deadline = time.monotonic() + 15
    while (status := rds.describe_db_clusters()["DBClusters"][0]["Status"]) != "available":
        assert time.monotonic() < deadline, status
        time.sleep(0.05)


def test_what_was_on_its_way_to_another_region_arrives_after_a_restart(own: Sandbox) -> None:
    keys = own.account(ACCOUNT)
    near = {s: own.client(s, keys) for s in ("s3", "secretsmanager", "dynamodb", "rds")}
    far = {s: own.client(s, keys, "eu-central-1") for s in near}
    for region, side in (("eu-west-1", near), ("eu-central-1", far)):
        where = {"CreateBucketConfiguration": {"LocationConstraint": region}}
        side["s3"].create_bucket(Bucket=f"restart-{region}", **where)
        versions = {"VersioningConfiguration": {"Status": "Enabled"}}
        side["s3"].put_bucket_versioning(Bucket=f"restart-{region}", **versions)
    rule = {
        "Status": "Enabled",
        "Prefix": "",
        "Destination": {"Bucket": "arn:aws:s3:::restart-eu-central-1"},
    }
    every = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    role = service_role(own.client("iam", keys), "replicates", "s3.amazonaws.com", every)
    near["s3"].put_bucket_replication(
        Bucket="restart-eu-west-1", ReplicationConfiguration={"Role": role, "Rules": [rule]}
    )
    near["dynamodb"].create_table(
        TableName="restart",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    near["dynamodb"].update_table(
        TableName="restart", ReplicaUpdates=[{"Create": {"RegionName": "eu-central-1"}}]
    )
    login = {"MasterUsername": "swadmin", "MasterUserPassword": "correct-horse"}
    near["rds"].create_db_cluster(DBClusterIdentifier="stops", Engine="aurora-mysql", **login)
    near["rds"].stop_db_cluster(DBClusterIdentifier="stops")
    late = {"create": 2.0}
    kinds = ("S3", "SecretsManager", "DynamoDB")
    own.settings(speed=1, durations={f"Sandbox::{k}::Replication": late for k in kinds})
    near["s3"].put_object(Bucket="restart-eu-west-1", Key="k", Body=b"1")
    regions = [{"Region": "eu-central-1"}]
    near["secretsmanager"].create_secret(Name="late", SecretString="1", AddReplicaRegions=regions)
    near["dynamodb"].put_item(TableName="restart", Item={"pk": {"S": "k"}})
    own.stop()
    own.start()
    own.settings(speed=0)
    stopped = near["rds"].describe_db_clusters(DBClusterIdentifier="stops")["DBClusters"][0]
    assert (stopped["Status"], "AutomaticRestartTime" in stopped) == ("stopped", True)

    def arrived() -> bool:
        head = near["s3"].head_object(Bucket="restart-eu-west-1", Key="k")
        secret = near["secretsmanager"].describe_secret(SecretId="late")["ReplicationStatus"][0]
        item = far["dynamodb"].get_item(TableName="restart", Key={"pk": {"S": "k"}})
        return (head["ReplicationStatus"], secret["Status"], "Item" in item) == ("COMPLETED", "InSync", True)

    deadline = time.monotonic() + 15
    while not arrived():
        assert time.monotonic() < deadline
        time.sleep(0.05)
