"""S3 over two regions: replication with its delay; keys that cannot be used; object lock; rules that are refused."""

import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from devtools.sandbox import Sandbox
from tests.sandbox.support import Stacks, refused, service_role, template

ACCOUNT = "210000000044"
HOME, OTHER = "eu-west-1", "eu-central-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/replicates"
SERVICE = "s3.amazonaws.com"
ALL = {"Effect": "Allow", "Action": ["s3:*", "kms:*"], "Resource": "*"}
ON = {"Status": "Enabled"}
S3 = Callable[..., Any]


@pytest.fixture(scope="module")
def client(sandbox: Sandbox) -> S3:
    keys = sandbox.account(ACCOUNT)
    service_role(sandbox.client("iam", keys, HOME), "replicates", SERVICE, ALL)
    return lambda service, region=HOME: sandbox.client(service, keys, region)


@pytest.fixture
def pair(client: S3, request: pytest.FixtureRequest) -> tuple[str, str]:
    """Two versioned buckets, of two regions."""
    name = request.node.name.removeprefix("test_").replace("_", "-").split("[")[0][:40].strip("-")
    name += f"-{uuid.uuid4().hex[:6]}"
    for region, kind in ((HOME, "a"), (OTHER, "b")):
        client("s3", region).create_bucket(
            Bucket=f"{name}-{kind}", CreateBucketConfiguration={"LocationConstraint": region}
        )
        client("s3", region).put_bucket_versioning(Bucket=f"{name}-{kind}", VersioningConfiguration=ON)
    return f"{name}-a", f"{name}-b"


def rule(target: str, **more: Any) -> dict[str, Any]:
    return {
        "ID": "all",
        "Status": "Enabled",
        "Priority": 1,
        "Filter": {},
        "DeleteMarkerReplication": {"Status": "Disabled"},
        "Destination": {"Bucket": f"arn:aws:s3:::{target}"},
        **more,
    }


def replicate(
    client: S3, source: str, target: str, region: str = HOME, role: str = ROLE, **more: Any
) -> None:
    configuration = {"Role": role, "Rules": [rule(target, **more)]}
    client("s3", region).put_bucket_replication(Bucket=source, ReplicationConfiguration=configuration)


def status(s3: Any, bucket: str, key: str) -> str | None:
    found: str | None = s3.head_object(Bucket=bucket, Key=key).get("ReplicationStatus")
    return found


def until(s3: Any, bucket: str, key: str, wanted: str) -> None:
    deadline = time.monotonic() + 10
    while status(s3, bucket, key) != wanted:
        assert time.monotonic() < deadline, status(s3, bucket, key)
        time.sleep(0.02)


def test_new_object_is_pending_then_in_the_other_region(
    client: S3, sandbox: Sandbox, pair: tuple[str, str]
) -> None:
    near, far = client("s3"), client("s3", OTHER)
    near.put_object(Bucket=pair[0], Key="before", Body=b"0")
    replicate(client, *pair)
    sandbox.settings(speed=1, durations={"Sandbox::S3::Replication": {"create": 1.5}})
    version = near.put_object(Bucket=pair[0], Key="k", Body=b"1", Metadata={"who": "me"}, Tagging="a=b")
    assert status(near, pair[0], "k") == "PENDING"
    with pytest.raises(ClientError):
        far.head_object(Bucket=pair[1], Key="k")
    until(near, pair[0], "k", "COMPLETED")
    replica = far.get_object(Bucket=pair[1], Key="k")
    assert (replica["Body"].read(), replica["ReplicationStatus"]) == (b"1", "REPLICA")
    assert (replica["VersionId"], replica["Metadata"]) == (version["VersionId"], {"who": "me"})
    assert far.get_object_tagging(Bucket=pair[1], Key="k")["TagSet"] == [{"Key": "a", "Value": "b"}]
    # What was there before the rule stays where it is.
    assert status(near, pair[0], "before") is None
    assert refused(far.get_object, Bucket=pair[1], Key="before")[0] == "NoSuchKey"


def test_both_ways_without_going_round(client: S3, pair: tuple[str, str]) -> None:
    near, far = client("s3"), client("s3", OTHER)
    replicate(client, *pair)
    replicate(client, pair[1], pair[0], OTHER)
    near.put_object(Bucket=pair[0], Key="from-a", Body=b"a")
    far.put_object(Bucket=pair[1], Key="from-b", Body=b"b")
    until(near, pair[0], "from-a", "COMPLETED")
    until(far, pair[1], "from-b", "COMPLETED")
    assert (status(far, pair[1], "from-a"), status(near, pair[0], "from-b")) == ("REPLICA", "REPLICA")
    assert len(near.list_object_versions(Bucket=pair[0])["Versions"]) == 2


@pytest.mark.parametrize(("wanted", "gone"), [("Enabled", True), ("Disabled", False)])
def test_delete_markers(client: S3, pair: tuple[str, str], wanted: str, gone: bool) -> None:
    near, far = client("s3"), client("s3", OTHER)
    key = f"k-{wanted}"
    replicate(client, *pair, DeleteMarkerReplication={"Status": wanted})
    version = near.put_object(Bucket=pair[0], Key=key, Body=b"1")["VersionId"]
    until(near, pair[0], key, "COMPLETED")
    near.delete_object(Bucket=pair[0], Key=key)
    deadline = time.monotonic() + 1
    while "DeleteMarkers" not in (found := far.list_object_versions(Bucket=pair[1], Prefix=key)):
        if not gone or time.monotonic() > deadline:
            break
    assert ("DeleteMarkers" in found) is gone
    # The deletion of a version is never replicated.
    near.delete_object(Bucket=pair[0], Key=key, VersionId=version)
    assert far.get_object(Bucket=pair[1], Key=key, VersionId=version)["Body"].read() == b"1"


def test_replication_fails_where_versioning_is_off(client: S3, pair: tuple[str, str]) -> None:
    near, far = client("s3"), client("s3", OTHER)
    replicate(client, *pair)
    far.put_bucket_versioning(Bucket=pair[1], VersioningConfiguration={"Status": "Suspended"})
    near.put_object(Bucket=pair[0], Key="k", Body=b"1")
    until(near, pair[0], "k", "FAILED")


def test_dark_region_gets_its_objects_later(client: S3, sandbox: Sandbox, pair: tuple[str, str]) -> None:
    near = client("s3")
    replicate(client, *pair)
    sandbox.fault("dark", region=OTHER, account=ACCOUNT)
    near.put_object(Bucket=pair[0], Key="k", Body=b"1")
    time.sleep(0.2)
    assert status(near, pair[0], "k") == "PENDING"
    sandbox.lift_faults()
    until(near, pair[0], "k", "COMPLETED")


def test_rules_choose_by_prefix_and_tag(client: S3, pair: tuple[str, str]) -> None:
    near = client("s3")
    chosen = {"And": {"Prefix": "in/", "Tags": [{"Key": "keep", "Value": "yes"}]}}
    replicate(client, *pair, Filter=chosen)
    near.put_object(Bucket=pair[0], Key="in/1", Body=b"1", Tagging="keep=yes")
    near.put_object(Bucket=pair[0], Key="in/2", Body=b"1")
    near.put_object(Bucket=pair[0], Key="out/1", Body=b"1", Tagging="keep=yes")
    until(near, pair[0], "in/1", "COMPLETED")
    assert [status(near, pair[0], k) for k in ("in/2", "out/1")] == [None, None]
    [back] = near.get_bucket_replication(Bucket=pair[0])["ReplicationConfiguration"]["Rules"]
    assert (back["ID"], back["Filter"]) == ("all", chosen)


def test_encrypted_objects_need_a_key_there(client: S3, pair: tuple[str, str]) -> None:
    near, far = client("s3"), client("s3", OTHER)
    key, replica = (client("kms", r).create_key()["KeyMetadata"]["Arn"] for r in (HOME, OTHER))
    sealed = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}
    replicate(client, *pair)
    near.put_object(Bucket=pair[0], Key="left", Body=b"1", **sealed)
    assert status(near, pair[0], "left") is None
    target = {
        "Bucket": f"arn:aws:s3:::{pair[1]}",
        "EncryptionConfiguration": {"ReplicaKmsKeyID": replica},
        "Metrics": ON,
    }
    criteria = {"SseKmsEncryptedObjects": ON}
    replicate(client, *pair, SourceSelectionCriteria=criteria, Destination=target)
    near.put_object(Bucket=pair[0], Key="taken", Body=b"1", **sealed)
    until(near, pair[0], "taken", "COMPLETED")
    assert far.head_object(Bucket=pair[1], Key="taken")["SSEKMSKeyId"] == replica
    client("kms", OTHER).disable_key(KeyId=replica)
    near.put_object(Bucket=pair[0], Key="failed", Body=b"1", **sealed)
    until(near, pair[0], "failed", "FAILED")
    # Failures are told where the object came to, how late copies are where they go.
    assert metrics(client, HOME, *pair) == {"OperationsFailedReplication": 2}
    assert metrics(client, OTHER, *pair) == {"ReplicationLatency": 2}


def metrics(client: S3, region: str, source: str, target: str) -> dict[str, int]:
    """How many values a region has of each replication metric of a rule."""
    found = {}
    for name in ("OperationsFailedReplication", "ReplicationLatency"):
        points = client("cloudwatch", region).get_metric_statistics(
            Namespace="AWS/S3",
            MetricName=name,
            Dimensions=[
                {"Name": "SourceBucket", "Value": source},
                {"Name": "DestinationBucket", "Value": target},
                {"Name": "RuleId", "Value": "all"},
            ],
            StartTime=datetime.now(UTC) - timedelta(minutes=10),
            EndTime=datetime.now(UTC) + timedelta(minutes=10),
            Period=3600,
            Statistics=["SampleCount"],
        )["Datapoints"]
        if points:
            found[name] = int(sum(point["SampleCount"] for point in points))
    return found


READ = ["s3:GetReplicationConfiguration", "s3:ListBucket", "s3:GetObjectVersionForReplication"]
WRITE = ["s3:ReplicateObject", "s3:ReplicateDelete"]


def test_replication_can_do_no_more_than_its_role(client: S3, pair: tuple[str, str]) -> None:
    near, iam = client("s3"), client("iam")
    key, replica = (client("kms", r).create_key()["KeyMetadata"]["Arn"] for r in (HOME, OTHER))
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": replica}
    rules = [{"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": True}]
    client("s3", OTHER).put_bucket_encryption(
        Bucket=pair[1], ServerSideEncryptionConfiguration={"Rules": rules}
    )

    def may(*actions: str, resource: Any = "*", **condition: Any) -> dict[str, Any]:
        more = {"Condition": condition} if condition else {}
        return {"Effect": "Allow", "Action": list(actions), "Resource": resource, **more}

    def via(region: str) -> dict[str, str]:
        return {"kms:ViaService": f"s3.{region}.amazonaws.com"}

    opened = may("kms:Decrypt", resource=key, StringEquals=via(HOME))
    sealed = may("kms:Encrypt", resource=replica, StringEquals=via(OTHER))
    both = may("kms:Encrypt", "kms:Decrypt", resource=replica, StringEquals=via(OTHER))
    plain = {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
    cases = (
        ("COMPLETED", SERVICE, {}, [may(*READ, *WRITE), opened, both]),
        ("FAILED", SERVICE, {}, [may(*READ), opened, both]),
        ("FAILED", SERVICE, {}, [may(*WRITE), opened, both]),
        ("FAILED", SERVICE, {}, [may(*READ, *WRITE), both]),
        # A bucket key there is opened before it seals.
        ("FAILED", SERVICE, {}, [may(*READ, *WRITE), opened, sealed]),
        ("FAILED", "ec2.amazonaws.com", {}, [may(*READ, *WRITE), opened, both]),
        # S3 says of no account that it replicates for it.
        ("FAILED", SERVICE, plain, [may(*READ, *WRITE), opened, both]),
    )
    target = {
        "Bucket": f"arn:aws:s3:::{pair[1]}",
        "EncryptionConfiguration": {"ReplicaKmsKeyID": replica},
    }
    for number, (wanted, service, condition, statements) in enumerate(cases):
        role = service_role(iam, f"replicates-{number}", service, *statements, **condition)
        criteria = {"SseKmsEncryptedObjects": ON}
        replicate(client, *pair, role=role, SourceSelectionCriteria=criteria, Destination=target)
        name = f"k-{number}"
        near.put_object(Bucket=pair[0], Key=name, Body=b"1", ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
        until(near, pair[0], name, wanted)


def test_object_of_a_key_that_waits_for_deletion_is_unreadable(client: S3, pair: tuple[str, str]) -> None:
    s3, kms = client("s3"), client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    sealed = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}
    s3.put_object(Bucket=pair[0], Key="k", Body=b"1", **sealed)
    kms.disable_key(KeyId=key)
    assert refused(s3.get_object, Bucket=pair[0], Key="k")[0] == "KMS.DisabledException"
    kms.schedule_key_deletion(KeyId=key)
    assert refused(s3.get_object, Bucket=pair[0], Key="k")[0] == "KMS.KMSInvalidStateException"
    assert refused(s3.put_object, Bucket=pair[0], Key="k", **sealed)[0] == "KMS.KMSInvalidStateException"
    source = {"CopySource": f"{pair[0]}/k"}
    assert refused(s3.copy_object, Bucket=pair[0], Key="c", **source)[0] == "KMS.KMSInvalidStateException"
    kms.cancel_key_deletion(KeyId=key)
    kms.enable_key(KeyId=key)
    assert s3.get_object(Bucket=pair[0], Key="k")["Body"].read() == b"1"


def test_configuration_of_replication_is_refused(client: S3, pair: tuple[str, str]) -> None:
    s3 = client("s3")
    s3.create_bucket(Bucket="repl-plain", CreateBucketConfiguration={"LocationConstraint": HOME})

    def put(source: str, target: str) -> tuple[str, str]:
        configuration = {"Role": ROLE, "Rules": [rule(target)]}
        return refused(s3.put_bucket_replication, Bucket=source, ReplicationConfiguration=configuration)

    assert put("repl-plain", pair[1]) == (
        "InvalidRequest",
        "Versioning must be 'Enabled' on the bucket to apply a replication configuration",
    )
    assert put(pair[0], "repl-nowhere") == ("InvalidRequest", "Destination bucket must exist.")
    assert put(pair[0], "repl-plain") == (
        "InvalidRequest",
        "Destination bucket must have versioning enabled.",
    )
    replicate(client, *pair)
    suspend = {"VersioningConfiguration": {"Status": "Suspended"}}
    assert refused(s3.put_bucket_versioning, Bucket=pair[0], **suspend)[0] == "InvalidBucketState"
    s3.delete_bucket_replication(Bucket=pair[0])
    s3.put_bucket_versioning(Bucket=pair[0], **suspend)
    missing = refused(s3.get_bucket_replication, Bucket=pair[0])
    assert missing[0] == "ReplicationConfigurationNotFoundError"


def test_stack_sets_replication_up(client: S3, pair: tuple[str, str]) -> None:
    stacks = Stacks(client("cloudformation"))
    properties = {
        "BucketName": "repl-by-stack",
        "VersioningConfiguration": ON,
        "ReplicationConfiguration": {
            "Role": ROLE,
            "Rules": [{"Status": "Enabled", "Destination": {"Bucket": f"arn:aws:s3:::{pair[1]}"}}],
        },
    }
    body = template(Bucket={"Type": "AWS::S3::Bucket", "Properties": properties})
    assert stacks.create("replicates", body)["StackStatus"] == "CREATE_COMPLETE"
    client("s3").put_object(Bucket="repl-by-stack", Key="k", Body=b"1")
    until(client("s3"), "repl-by-stack", "k", "COMPLETED")


def test_locked_version_is_not_deleted(client: S3) -> None:
    s3 = client("s3")
    s3.create_bucket(
        Bucket="locked-44",
        CreateBucketConfiguration={"LocationConstraint": HOME},
        ObjectLockEnabledForBucket=True,
    )
    default = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}
    s3.put_object_lock_configuration(
        Bucket="locked-44",
        ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": default},
    )
    version = s3.put_object(Bucket="locked-44", Key="k", Body=b"1")["VersionId"]
    head = s3.head_object(Bucket="locked-44", Key="k")
    assert head["ObjectLockMode"] == "GOVERNANCE"
    assert head["ObjectLockRetainUntilDate"] > datetime.now(UTC) + timedelta(hours=23)
    named = {"Bucket": "locked-44", "Key": "k", "VersionId": version}
    assert refused(s3.delete_object, **named) == (
        "AccessDenied",
        "Access Denied because object protected by object lock.",
    )
    objects = {"Objects": [{"Key": "k", "VersionId": version}]}
    assert s3.delete_objects(Bucket="locked-44", Delete=objects)["Errors"][0]["Code"] == "AccessDenied"
    # A delete marker hides it, and takes nothing away.
    s3.delete_object(Bucket="locked-44", Key="k")
    s3.put_object_legal_hold(LegalHold={"Status": "ON"}, **named)
    bypass = {"BypassGovernanceRetention": True}
    assert refused(s3.delete_object, **named, **bypass)[0] == "AccessDenied"
    s3.put_object_legal_hold(LegalHold={"Status": "OFF"}, **named)
    s3.delete_object(**named, **bypass)


def test_compliance_is_not_shortened(client: S3) -> None:
    s3 = client("s3")
    s3.create_bucket(
        Bucket="complies-44",
        CreateBucketConfiguration={"LocationConstraint": HOME},
        ObjectLockEnabledForBucket=True,
    )
    until_then = datetime.now(UTC) + timedelta(days=2)
    lock = {"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": until_then}
    version = s3.put_object(Bucket="complies-44", Key="k", Body=b"1", **lock)["VersionId"]
    named = {"Bucket": "complies-44", "Key": "k", "VersionId": version}
    bypass = {"BypassGovernanceRetention": True}
    assert refused(s3.delete_object, **named, **bypass)[0] == "AccessDenied"
    shorter = {"Mode": "COMPLIANCE", "RetainUntilDate": datetime.now(UTC)}
    assert refused(s3.put_object_retention, Retention=shorter, **named, **bypass)[0] == "AccessDenied"
    longer = {"Mode": "COMPLIANCE", "RetainUntilDate": until_then + timedelta(days=1)}
    s3.put_object_retention(Retention=longer, **named)
    held = s3.get_object_retention(**named)["Retention"]["RetainUntilDate"]
    assert held > until_then


def test_bucket_without_object_lock_locks_nothing(client: S3, pair: tuple[str, str]) -> None:
    s3 = client("s3")
    missing = refused(s3.get_object_lock_configuration, Bucket=pair[0])
    assert missing[0] == "ObjectLockConfigurationNotFoundError"
    s3.put_object(Bucket=pair[0], Key="k", Body=b"1")
    hold = {"LegalHold": {"Status": "ON"}}
    assert refused(s3.put_object_legal_hold, Bucket=pair[0], Key="k", **hold)[0] == "InvalidRequest"


def test_intelligent_tiering_and_metrics_configurations_come_back(client: S3, pair: tuple[str, str]) -> None:
    s3 = client("s3")
    tiers = [{"Days": 90, "AccessTier": "ARCHIVE_ACCESS"}]
    configuration = {"Id": "archive", "Status": "Enabled", "Filter": {"Prefix": "old/"}, "Tierings": tiers}
    s3.put_bucket_intelligent_tiering_configuration(
        Bucket=pair[0], Id="archive", IntelligentTieringConfiguration=configuration
    )
    answer = s3.list_bucket_intelligent_tiering_configurations(Bucket=pair[0])
    assert answer["IntelligentTieringConfigurationList"] == [configuration]
    s3.delete_bucket_intelligent_tiering_configuration(Bucket=pair[0], Id="archive")
    get = s3.get_bucket_intelligent_tiering_configuration
    assert refused(get, Bucket=pair[0], Id="archive")[0] == "NoSuchConfiguration"
    s3.put_bucket_metrics_configuration(
        Bucket=pair[0], Id="EntireBucket", MetricsConfiguration={"Id": "EntireBucket"}
    )
    assert s3.list_bucket_metrics_configurations(Bucket=pair[0])["MetricsConfigurationList"] == [
        {"Id": "EntireBucket"}
    ]


def test_lifecycle_rules_come_back_and_bad_ones_are_refused(client: S3, pair: tuple[str, str]) -> None:
    s3 = client("s3")
    rules = [
        {
            "ID": "all",
            "Status": "Enabled",
            "Filter": {"And": {"Prefix": "a/", "Tags": [{"Key": "k", "Value": "v"}]}},
            "Transitions": [{"Days": 30, "StorageClass": "STANDARD_IA"}],
            "Expiration": {"Days": 90},
            "NoncurrentVersionTransitions": [{"NoncurrentDays": 30, "StorageClass": "GLACIER"}],
            "NoncurrentVersionExpiration": {"NoncurrentDays": 60, "NewerNoncurrentVersions": 2},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
        }
    ]
    put = s3.put_bucket_lifecycle_configuration
    put(Bucket=pair[0], LifecycleConfiguration={"Rules": rules})
    assert s3.get_bucket_lifecycle_configuration(Bucket=pair[0])["Rules"] == rules
    early = [
        {**rules[0], "Filter": {"Prefix": ""}, "Transitions": [{"Days": 7, "StorageClass": "STANDARD_IA"}]}
    ]
    assert refused(put, Bucket=pair[0], LifecycleConfiguration={"Rules": early}) == (
        "InvalidArgument",
        "'Days' in Transition action must be greater than or equal to 30 for storageClass 'STANDARD_IA'",
    )
