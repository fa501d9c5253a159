"""What days do, by a sandbox whose clock is put forward: a stop's seven days, windows, rotations, lifecycles."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from devtools.processes import free_port
from devtools.sandbox import Keys, Sandbox
from tests.sandbox.support import refused

ACCOUNT = "210000000049"
DAY_S = 86400


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox of its own: a clock that is put forward ends sessions of other tests."""
    process = Sandbox(home=tmp_path_factory.mktemp("clock") / "state", port=free_port())
    process.start()
    process.settings(speed=0)
    yield process
    process.stop()


@pytest.fixture(scope="module")
def keys(own: Sandbox) -> Keys:
    return own.account(ACCOUNT)


def later(own: Sandbox, *, days: float) -> None:
    own.control("POST", "clock", {"advance_s": days * DAY_S})


def now(own: Sandbox) -> datetime:
    return datetime.fromtimestamp(own.control("GET", "clock")["now"], UTC)


def test_clock_goes_forward_and_stays_there_after_a_restart(own: Sandbox) -> None:
    before = now(own)
    later(own, days=2)
    own.stop()
    own.start()
    assert timedelta(days=2) <= now(own) - before < timedelta(days=2, minutes=5)


def test_stopped_cluster_starts_after_seven_days(own: Sandbox, keys: Keys) -> None:
    rds = own.client("rds", keys)
    login = {"MasterUsername": "swadmin", "MasterUserPassword": "correct-horse"}
    rds.create_db_cluster(DBClusterIdentifier="rests", Engine="aurora-mysql", **login)

    def status() -> str:
        return str(rds.describe_db_clusters(DBClusterIdentifier="rests")["DBClusters"][0]["Status"])

    rds.stop_db_cluster(DBClusterIdentifier="rests")
    later(own, days=6.9)
    assert status() == "stopped"
    later(own, days=0.2)
    assert status() == "available"
    events = rds.describe_events(SourceType="db-cluster", SourceIdentifier="rests")["Events"]
    assert [e["Message"] for e in events][-2:] == [
        "DB cluster is being started due to it exceeding the maximum allowed time being stopped.",
        "DB cluster started.",
    ]


def test_automated_snapshots_are_daily_and_go_after_the_retention(own: Sandbox, keys: Keys) -> None:
    rds = own.client("rds", keys)
    login = {"MasterUsername": "swadmin", "MasterUserPassword": "correct-horse"}
    rds.create_db_cluster(
        DBClusterIdentifier="daily", Engine="aurora-mysql", BackupRetentionPeriod=2, **login
    )

    def taken() -> list[datetime]:
        answer = rds.describe_db_cluster_snapshots(DBClusterIdentifier="daily", SnapshotType="automated")
        return [s["SnapshotCreateTime"] for s in answer["DBClusterSnapshots"]]

    [first] = taken()
    later(own, days=1)
    assert (len(taken()), first in taken()) == (2, True)
    later(own, days=1)
    later(own, days=1)
    assert (len(taken()), first in taken()) == (2, False)
    found = rds.describe_db_clusters(DBClusterIdentifier="daily")["DBClusters"][0]
    assert found["EarliestRestorableTime"] > found["ClusterCreateTime"]


def test_cluster_without_its_key_is_inaccessible_and_lost_after_seven_days(own: Sandbox, keys: Keys) -> None:
    kms, rds = own.client("kms", keys), own.client("rds", keys)
    key = kms.create_key()["KeyMetadata"]["Arn"]
    login = {"MasterUsername": "swadmin", "MasterUserPassword": "correct-horse"}
    rds.create_db_cluster(
        DBClusterIdentifier="keyed", Engine="aurora-mysql", StorageEncrypted=True, KmsKeyId=key, **login
    )
    cluster = {"DBClusterIdentifier": "keyed"}

    def status() -> str:
        return str(rds.describe_db_clusters(**cluster)["DBClusters"][0]["Status"])

    kms.disable_key(KeyId=key)
    later(own, days=0.01)
    assert status() == "inaccessible-encryption-credentials-recoverable"
    assert refused(rds.start_db_cluster, **cluster)[0] == "KMSKeyNotAccessibleFault"
    kms.enable_key(KeyId=key)
    rds.start_db_cluster(**cluster)
    assert status() == "available"
    kms.disable_key(KeyId=key)
    later(own, days=0.01)
    later(own, days=7.1)
    assert status() == "inaccessible-encryption-credentials"
    kms.enable_key(KeyId=key)
    assert refused(rds.start_db_cluster, **cluster)[0] == "InvalidDBClusterStateFault"
    rds.restore_db_cluster_to_point_in_time(
        DBClusterIdentifier="keyed-again", SourceDBClusterIdentifier="keyed", UseLatestRestorableTime=True
    )


def test_key_is_gone_after_its_window_and_its_object_stays_unreadable(own: Sandbox, keys: Keys) -> None:
    kms, s3 = own.client("kms", keys), own.client("s3", keys)
    key = kms.create_key()["KeyMetadata"]["Arn"]
    s3.create_bucket(Bucket="gone-49", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    sealed = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}
    s3.put_object(Bucket="gone-49", Key="k", Body=b"1", **sealed)
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    later(own, days=7.1)
    assert refused(kms.describe_key, KeyId=key)[0] == "NotFoundException"
    assert refused(s3.get_object, Bucket="gone-49", Key="k")[0] == "KMS.NotFoundException"


def test_key_rotates_when_its_period_is_over(own: Sandbox, keys: Keys) -> None:
    kms = own.client("kms", keys)
    id = kms.create_key()["KeyMetadata"]["KeyId"]
    sealed = kms.encrypt(KeyId=id, Plaintext=b"text")["CiphertextBlob"]
    kms.enable_key_rotation(KeyId=id, RotationPeriodInDays=90)
    later(own, days=89)
    assert kms.list_key_rotations(KeyId=id)["Rotations"] == []
    later(own, days=2)
    [done] = kms.list_key_rotations(KeyId=id)["Rotations"]
    assert done["RotationType"] == "AUTOMATIC"
    assert kms.decrypt(CiphertextBlob=sealed)["Plaintext"] == b"text"


def test_secret_is_gone_after_its_window(own: Sandbox, keys: Keys) -> None:
    secrets = own.client("secretsmanager", keys)
    secrets.create_secret(Name="goes", SecretString="x")
    secrets.delete_secret(SecretId="goes", RecoveryWindowInDays=7)
    later(own, days=6)
    secrets.restore_secret(SecretId="goes")
    secrets.delete_secret(SecretId="goes", RecoveryWindowInDays=7)
    later(own, days=7.1)
    assert refused(secrets.describe_secret, SecretId="goes")[0] == "ResourceNotFoundException"


@pytest.fixture
def bucket(own: Sandbox, keys: Keys, request: pytest.FixtureRequest) -> str:
    name = request.node.name.removeprefix("test_").replace("_", "-")[:55].strip("-")
    s3 = own.client("s3", keys)
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    return str(name)


def ruled(s3: Any, bucket: str, **rule: Any) -> None:
    rules = [{"ID": "r", "Status": "Enabled", "Filter": {"Prefix": ""}, **rule}]
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules})


def listed(s3: Any, bucket: str) -> list[str]:
    return [o["Key"] for o in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]


def test_lifecycle_moves_and_expires_objects(own: Sandbox, keys: Keys, bucket: str) -> None:
    s3 = own.client("s3", keys)
    ruled(
        s3,
        bucket,
        Filter={"And": {"Prefix": "old/", "ObjectSizeGreaterThan": 2}},
        Transitions=[{"Days": 30, "StorageClass": "STANDARD_IA"}, {"Days": 60, "StorageClass": "GLACIER"}],
        Expiration={"Days": 90},
    )
    for key, body in (("old/big", b"123"), ("old/small", b"1"), ("new/big", b"123")):
        s3.put_object(Bucket=bucket, Key=key, Body=body)

    def storage() -> str:
        return str(s3.head_object(Bucket=bucket, Key="old/big").get("StorageClass", "STANDARD"))

    assert storage() == "STANDARD"
    later(own, days=29)
    assert storage() == "STANDARD"
    later(own, days=3)
    assert storage() == "STANDARD_IA"
    later(own, days=30)
    assert storage() == "GLACIER"
    later(own, days=30)
    assert sorted(listed(s3, bucket)) == ["new/big", "old/small"]


def test_lifecycle_of_versions_markers_and_uploads(own: Sandbox, keys: Keys, bucket: str) -> None:
    s3 = own.client("s3", keys)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    ruled(
        s3,
        bucket,
        Expiration={"Days": 20},
        NoncurrentVersionExpiration={"NoncurrentDays": 5, "NewerNoncurrentVersions": 1},
        AbortIncompleteMultipartUpload={"DaysAfterInitiation": 7},
    )
    for body in (b"1", b"2", b"3"):
        s3.put_object(Bucket=bucket, Key="k", Body=body)
    s3.create_multipart_upload(Bucket=bucket, Key="begun")

    def versions() -> tuple[int, int]:
        found = s3.list_object_versions(Bucket=bucket)
        return len(found.get("Versions", [])), len(found.get("DeleteMarkers", []))

    later(own, days=7)
    assert versions() == (2, 0)
    assert len(s3.list_multipart_uploads(Bucket=bucket)["Uploads"]) == 1
    later(own, days=2)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)
    later(own, days=13)
    assert versions()[1] == 1
    assert listed(s3, bucket) == []


def test_locked_versions_outlast_the_lifecycle(own: Sandbox, keys: Keys) -> None:
    s3 = own.client("s3", keys)
    s3.create_bucket(
        Bucket="held-49",
        CreateBucketConfiguration={"LocationConstraint": "eu-west-1"},
        ObjectLockEnabledForBucket=True,
    )
    ruled(s3, "held-49", NoncurrentVersionExpiration={"NoncurrentDays": 1})
    lock = {"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": now(own) + timedelta(days=30)}
    version = s3.put_object(Bucket="held-49", Key="k", Body=b"1", **lock)["VersionId"]
    s3.put_object(Bucket="held-49", Key="k", Body=b"2")
    later(own, days=10)
    assert s3.get_object(Bucket="held-49", Key="k", VersionId=version)["Body"].read() == b"1"
    later(own, days=25)
    assert refused(s3.get_object, Bucket="held-49", Key="k", VersionId=version)[0] == "NoSuchVersion"


def test_expired_items_go_in_every_region(own: Sandbox, keys: Keys) -> None:
    near, far = (own.client("dynamodb", keys, r) for r in ("eu-west-1", "eu-central-1"))
    near.create_table(
        TableName="expires",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    near.update_table(TableName="expires", ReplicaUpdates=[{"Create": {"RegionName": "eu-central-1"}}])
    near.update_time_to_live(
        TableName="expires", TimeToLiveSpecification={"Enabled": True, "AttributeName": "until"}
    )
    tomorrow = str(int(now(own).timestamp()) + DAY_S)
    near.put_item(TableName="expires", Item={"pk": {"S": "goes"}, "until": {"N": tomorrow}})
    near.put_item(TableName="expires", Item={"pk": {"S": "stays"}})
    later(own, days=0.5)
    assert far.scan(TableName="expires")["Count"] == 2
    later(own, days=1)
    for region in (near, far):
        assert [i["pk"]["S"] for i in region.scan(TableName="expires")["Items"]] == ["stays"]


def test_reset_puts_the_clock_back_and_days_still_pass(own: Sandbox) -> None:
    own.control("POST", "reset")
    own.settings(speed=0)
    assert abs(now(own) - datetime.now(UTC)) < timedelta(minutes=1)
    s3 = own.client("s3", own.account(ACCOUNT))
    s3.create_bucket(Bucket="again-49", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    ruled(s3, "again-49", Expiration={"Days": 1})
    s3.put_object(Bucket="again-49", Key="k", Body=b"1")
    later(own, days=3)
    assert listed(s3, "again-49") == []
