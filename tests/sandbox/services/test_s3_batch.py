"""S3 Batch Replication: a job copies what a bucket's rule has not, tells how far it is, and can be cancelled."""

import json
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from devtools.sandbox import Sandbox, client_make
from tests.sandbox.services.test_s3_replication import ALL, ON, S3, rule, status, until
from tests.sandbox.support import refused, service_role

ACCOUNT = "210000000058"
HOME, OTHER = "eu-west-1", "eu-central-1"
SERVICE = "batchoperations.s3.amazonaws.com"
ENDED = ("Complete", "Failed", "Cancelled")
NOTHING = "Manifest generation found no keys matching the filter criteria."
EVERY = ["NONE", "FAILED", "COMPLETED", "REPLICA"]


@pytest.fixture(scope="module")
def client(sandbox: Sandbox) -> S3:
    keys = sandbox.account(ACCOUNT)
    service_role(sandbox.client("iam", keys, HOME), "replicates", "s3.amazonaws.com", ALL)
    return lambda service, region=HOME: sandbox.client(service, keys, region)


@pytest.fixture
def pair(client: S3) -> tuple[str, str]:
    """Two versioned buckets, of two regions."""
    names = f"copied-{uuid.uuid4().hex[:12]}-a", f"copied-{uuid.uuid4().hex[:12]}-b"
    for name, region in zip(names, (HOME, OTHER), strict=True):
        s3 = client("s3", region)
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": region})
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration=ON)
    return names


def replicate(client: S3, source: str, target: str, **more: Any) -> None:
    """From now on, by a rule."""
    role = f"arn:aws:iam::{ACCOUNT}:role/replicates"
    configuration = {"Role": role, "Rules": [rule(target, **more)]}
    client("s3").put_bucket_replication(Bucket=source, ReplicationConfiguration=configuration)


@pytest.fixture
def role(client: S3) -> Iterator[str]:
    """A role for jobs, with all that Batch Replication asks of it."""
    yield role_make(client)


def role_make(client: S3, service: str = SERVICE, *, actions: Any = "s3:*", **condition: Any) -> str:
    rights = {"Effect": "Allow", "Action": actions, "Resource": "*"}
    return service_role(client("iam"), f"copies-{uuid.uuid4().hex[:8]}", service, rights, **condition)


def asked(bucket: str, role: str, *statuses: str, **more: Any) -> dict[str, Any]:
    generator = {
        "SourceBucket": f"arn:aws:s3:::{bucket}",
        "EnableManifestOutput": False,
        "Filter": {
            "EligibleForReplication": True,
            "ObjectReplicationStatuses": list(statuses or ("NONE", "FAILED")),
        },
    }
    return {
        "AccountId": ACCOUNT,
        "ConfirmationRequired": False,
        "Operation": {"S3ReplicateObject": {}},
        "Report": {"Enabled": False},
        "ClientRequestToken": uuid.uuid4().hex,
        "ManifestGenerator": {"S3JobManifestGenerator": generator},
        "Priority": 1,
        "RoleArn": role,
        **more,
    }


def job_of(control: Any, id: str, *statuses: str) -> dict[str, Any]:
    """The job once it has one of these statuses."""
    deadline = time.monotonic() + 10
    while True:
        job: dict[str, Any] = control.describe_job(AccountId=ACCOUNT, JobId=id)["Job"]
        if job["Status"] in (statuses or ENDED):
            return job
        assert time.monotonic() < deadline, job
        time.sleep(0.02)


def counts(job: dict[str, Any]) -> tuple[int, int, int]:
    summary = job["ProgressSummary"]
    return (
        summary["TotalNumberOfTasks"],
        summary["NumberOfTasksSucceeded"],
        summary["NumberOfTasksFailed"],
    )


def shown(s3: Any, bucket: str) -> list[tuple[str, str, bool]]:
    """(key, version, latest) of all versions and delete markers, as S3 lists them."""
    found = s3.list_object_versions(Bucket=bucket)
    return [
        (row["Key"], row["VersionId"], row["IsLatest"])
        for row in (*found.get("Versions", ()), *found.get("DeleteMarkers", ()))
    ]


def test_a_job_copies_every_version_and_marker_that_was_there_before(
    client: S3,
    pair: tuple[str, str],
    role: str,
) -> None:
    near, far, control = client("s3"), client("s3", OTHER), client("s3control")
    near.put_object(Bucket=pair[0], Key="a", Body=b"1", Metadata={"who": "me"}, Tagging="k=v")
    near.put_object(Bucket=pair[0], Key="a", Body=b"2", Metadata={"who": "you"})
    near.put_object(Bucket=pair[0], Key="gone", Body=b"3")
    near.delete_object(Bucket=pair[0], Key="gone")
    replicate(client, *pair, DeleteMarkerReplication=ON)
    # What is put after the rule is there before the older versions of it.
    near.put_object(Bucket=pair[0], Key="a", Body=b"4")
    until(near, pair[0], "a", "COMPLETED")
    assert [key for key, _, _ in shown(far, pair[1])] == ["a"]

    id = control.create_job(**asked(pair[0], role))["JobId"]
    job = job_of(control, id)
    assert (job["Status"], counts(job)) == ("Complete", (4, 4, 0))
    assert job["RoleArn"] == role and job["JobArn"] == f"arn:aws:s3:{HOME}:{ACCOUNT}:job/{id}"
    assert sorted(shown(near, pair[0])) == sorted(shown(far, pair[1])) and len(shown(far, pair[1])) == 5
    assert far.get_object(Bucket=pair[1], Key="a")["Body"].read() == b"4"
    second = far.list_object_versions(Bucket=pair[1], Prefix="a")["Versions"][1]["VersionId"]
    copy = far.get_object(Bucket=pair[1], Key="a", VersionId=second)
    assert (copy["Body"].read(), copy["Metadata"], copy["ReplicationStatus"]) == (
        b"2",
        {"who": "you"},
        "REPLICA",
    )
    assert refused(far.get_object, Bucket=pair[1], Key="gone")[0] == "NoSuchKey"
    # Nothing is left to do, which fails a job.
    again = job_of(control, control.create_job(**asked(pair[0], role))["JobId"])
    assert (again["Status"], again["FailureReasons"][0]["FailureReason"]) == ("Failed", NOTHING)
    assert counts(again) == (0, 0, 0)
    assert [row["JobId"] for row in control.list_jobs(AccountId=ACCOUNT)["Jobs"]][:2] == [again["JobId"], id]


def test_what_is_archived_is_in_no_list(client: S3, pair: tuple[str, str], role: str) -> None:
    near, control = client("s3"), client("s3control")
    near.put_object(Bucket=pair[0], Key="old", Body=b"1", StorageClass="GLACIER")
    replicate(client, *pair)
    job = job_of(control, control.create_job(**asked(pair[0], role, *EVERY))["JobId"])
    assert (job["Status"], job["FailureReasons"][0]["FailureReason"]) == ("Failed", NOTHING)


def test_what_another_bucket_has_had_is_copied_when_that_is_asked_for(
    client: S3,
    pair: tuple[str, str],
    role: str,
) -> None:
    near, far, control = client("s3"), client("s3", OTHER), client("s3control")
    replicate(client, *pair)
    near.put_object(Bucket=pair[0], Key="k", Body=b"1")
    until(near, pair[0], "k", "COMPLETED")
    for _, version, _ in shown(far, pair[1]):
        far.delete_object(Bucket=pair[1], Key="k", VersionId=version)
    assert job_of(control, control.create_job(**asked(pair[0], role))["JobId"])["Status"] == "Failed"
    assert counts(job_of(control, control.create_job(**asked(pair[0], role, *EVERY))["JobId"])) == (1, 1, 0)
    assert far.get_object(Bucket=pair[1], Key="k")["Body"].read() == b"1"


def test_one_token_is_one_job(client: S3, pair: tuple[str, str], role: str) -> None:
    control = client("s3control")
    replicate(client, *pair)
    wanted = asked(pair[0], role)
    first = control.create_job(**wanted)["JobId"]
    assert control.create_job(**wanted)["JobId"] == first
    assert refused(control.create_job, **{**wanted, "Priority": 2})[0] == "IdempotencyException"
    jobs = control.list_jobs(AccountId=ACCOUNT)["Jobs"]
    assert [row["JobId"] for row in jobs].count(first) == 1


def test_a_job_takes_a_while_and_is_cancelled(
    client: S3,
    sandbox: Sandbox,
    pair: tuple[str, str],
    role: str,
) -> None:
    near, far, control = client("s3"), client("s3", OTHER), client("s3control")
    near.put_object(Bucket=pair[0], Key="k", Body=b"1")
    replicate(client, *pair)
    sandbox.settings(speed=1, durations={"Sandbox::S3::BatchJob": {"create": 1.5}})
    id = control.create_job(**asked(pair[0], role))["JobId"]
    job = control.describe_job(AccountId=ACCOUNT, JobId=id)["Job"]
    assert (job["Status"], "ProgressSummary" in job) == ("New", False)
    job_of(control, id, "Preparing", "Ready")
    end = control.update_job_status(
        AccountId=ACCOUNT, JobId=id, RequestedJobStatus="Cancelled", StatusUpdateReason="not wanted"
    )
    assert (end["Status"], end["StatusUpdateReason"]) == ("Cancelled", "not wanted")
    assert (
        refused(control.update_job_status, AccountId=ACCOUNT, JobId=id, RequestedJobStatus="Cancelled")[0]
        == "JobStatusException"
    )
    sandbox.settings(speed=0)
    time.sleep(0.2)
    assert shown(far, pair[1]) == [] and status(near, pair[0], "k") is None


def test_a_job_that_wants_to_be_confirmed_waits_for_it(
    client: S3,
    pair: tuple[str, str],
    role: str,
) -> None:
    near, control = client("s3"), client("s3control")
    near.put_object(Bucket=pair[0], Key="k", Body=b"1")
    replicate(client, *pair)
    id = control.create_job(**asked(pair[0], role, ConfirmationRequired=True))["JobId"]
    assert counts(job_of(control, id, "Suspended")) == (1, 0, 0)
    control.update_job_status(AccountId=ACCOUNT, JobId=id, RequestedJobStatus="Ready")
    assert counts(job_of(control, id, "Complete")) == (1, 1, 0)


def test_what_cannot_be_copied_is_counted_and_taken_again_by_the_next_job(
    client: S3,
    pair: tuple[str, str],
    role: str,
) -> None:
    near, far, control = client("s3"), client("s3", OTHER), client("s3control")
    near.put_object(Bucket=pair[0], Key="k", Body=b"1")
    replicate(client, *pair)
    far.put_bucket_versioning(Bucket=pair[1], VersioningConfiguration={"Status": "Suspended"})
    job = job_of(control, control.create_job(**asked(pair[0], role))["JobId"])
    assert (job["Status"], counts(job)) == ("Complete", (1, 0, 1))
    assert status(near, pair[0], "k") == "FAILED"
    far.put_bucket_versioning(Bucket=pair[1], VersioningConfiguration=ON)
    job = job_of(control, control.create_job(**asked(pair[0], role))["JobId"])
    assert (job["Status"], counts(job)) == ("Complete", (1, 1, 0))
    # A role that may list and not copy: each object fails by itself.
    lists = role_make(client, actions=["s3:GetReplicationConfiguration", "s3:PutInventoryConfiguration"])
    job = job_of(control, control.create_job(**asked(pair[0], lists, *EVERY))["JobId"])
    assert (job["Status"], counts(job)) == ("Complete", (1, 0, 1))


def test_a_job_fails_whose_role_is_not_for_it(client: S3, pair: tuple[str, str]) -> None:
    control = client("s3control")
    replicate(client, *pair)
    for wrong in (
        role_make(client, "s3.amazonaws.com"),
        # It says of no account that it works for it.
        role_make(client, StringEquals={"aws:SourceAccount": ACCOUNT}),
        role_make(client, actions="s3:InitiateReplication"),
        f"arn:aws:iam::{ACCOUNT}:role/nobody",
    ):
        job = job_of(control, control.create_job(**asked(pair[0], wrong))["JobId"])
        assert job["Status"] == "Failed" and job["FailureReasons"][0]["FailureCode"] == "AccessDenied"


def test_jobs_that_are_refused(client: S3, pair: tuple[str, str], role: str) -> None:
    control = client("s3control")
    assert refused(control.create_job, **asked(pair[0], role)) == (
        "InvalidRequest",
        "The source bucket has no replication configuration.",
    )
    replicate(client, *pair)
    assert refused(client("s3control", OTHER).create_job, **asked(pair[0], role))[0] == "InvalidRequest"
    assert refused(control.create_job, **asked("nowhere-58", role))[0] == "NoSuchBucket"
    assert refused(control.create_job, **asked(pair[0], role, AccountId="210000000059"))[0] == "AccessDenied"
    tags = {"Operation": {"S3PutObjectTagging": {"TagSet": [{"Key": "a", "Value": "b"}]}}}
    assert refused(control.create_job, **asked(pair[0], role, **tags))[0] == "NotImplemented"
    missing = refused(control.describe_job, AccountId=ACCOUNT, JobId=uuid.uuid4().hex)
    assert missing[0] == "NotFoundException"


def test_who_makes_a_job_passes_its_role_to_batch_operations_alone(
    client: S3,
    sandbox: Sandbox,
    pair: tuple[str, str],
    role: str,
) -> None:
    replicate(client, *pair)
    iam = client("iam")
    for name, passes in (("passes", SERVICE), ("passes-to-s3", "s3.amazonaws.com")):
        iam.create_user(UserName=name)
        statements = [
            {"Effect": "Allow", "Action": "s3:CreateJob", "Resource": "*"},
            {
                "Effect": "Allow",
                "Action": ["s3:DescribeJob"],
                "Resource": f"arn:aws:s3:{HOME}:{ACCOUNT}:job/*",
            },
            {
                "Effect": "Allow",
                "Action": "iam:PassRole",
                "Resource": role,
                "Condition": {"StringEquals": {"iam:PassedToService": passes}},
            },
        ]
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document)
    made = {}
    for name in ("passes", "passes-to-s3"):
        key = iam.create_access_key(UserName=name)["AccessKey"]
        made[name] = client_make(
            "s3control",
            sandbox.url,
            HOME,
            {"AccessKeyId": key["AccessKeyId"], "SecretAccessKey": key["SecretAccessKey"]},
        )
    assert refused(made["passes-to-s3"].create_job, **asked(pair[0], role))[0] == "AccessDenied"
    id = made["passes"].create_job(**asked(pair[0], role))["JobId"]
    assert made["passes"].describe_job(AccountId=ACCOUNT, JobId=id)["Job"]["JobId"] == id
    assert refused(made["passes"].list_jobs, AccountId=ACCOUNT)[0] == "AccessDenied"
