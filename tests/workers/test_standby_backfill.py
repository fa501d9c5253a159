"""A standby that comes later: what was in the uploads bucket before is copied there, once, whoever dies meanwhile."""

import json
import os
import signal
import subprocess

import pytest
from django.utils import timezone

from environments.lifecycle.stacks import stacks_of
from environments.operations.control import operation_cancel, operation_retry
from environments.operations.models import Operation, Step
from tests.workers import test_standby as standby
from tests.workers.houses import QUICK
from tests.workers.points import POINTS, points_recorded
from tests.workers.support import approve, drive
from tests.workers.test_standby import ACCOUNT, HOME, OTHER, WITHIN_S, change
from workers.names import names_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(900)]

wide, ask = standby.wide, standby.ask
STEP = "backfill-storage"
PREFIX = "standby-"
"""Of the points of an update that brings a standby: the matrix of plain updates does not pass them."""
LATER = {"standby": "pilot-light", "other_region": OTHER}


@pytest.fixture
def buckets(sandbox):
    """buckets(environment) is (S3 at home, its uploads bucket, S3 there, the bucket there)."""
    keys = sandbox.account(ACCOUNT)

    def buckets(environment):
        here = names_of(environment)["uploads-bucket"]
        return (
            sandbox.client("s3", keys, HOME),
            here,
            sandbox.client("s3", keys, OTHER),
            here.replace(HOME, OTHER),
        )

    return buckets


@pytest.fixture
def jobs(sandbox):
    """All jobs of the account at home, the newest first."""
    control = sandbox.client("s3control", sandbox.account(ACCOUNT), HOME)
    return lambda: control.list_jobs(AccountId=ACCOUNT)["Jobs"]


@pytest.fixture
def dies(portal_env, manage, tmp_path):
    """dies(operation, point): a worker takes the operation on, and is killed at that point of the step."""
    file = tmp_path / "fault"

    def dies(operation, point):
        now = timezone.now()
        Operation.objects.filter(pk=operation.pk).update(wake_at=now, lease_until=now)
        Step.objects.filter(operation=operation, key=STEP).update(wake_at=now)
        file.write_text(f"{point} KILL")
        environment = {**portal_env, **os.environ, **QUICK, "SWITCHYARD_FAULT_FILE": str(file)}
        work = f"from workers.runner import advance; advance({operation.pk})"
        ended = subprocess.run([*manage, "shell", "-c", work], env=environment, timeout=120, check=False)
        assert ended.returncode == -signal.SIGKILL, point

    return dies


def uploads_put(s3, bucket):
    """What users had put before: three versions of two objects, and one that was deleted."""
    s3.put_object(Bucket=bucket, Key="a.jpg", Body=b"1", ContentType="image/jpeg", Metadata={"by": "ann"})
    s3.put_object(Bucket=bucket, Key="a.jpg", Body=b"2", ContentType="image/jpeg", Metadata={"by": "bob"})
    s3.put_object(Bucket=bucket, Key="b.jpg", Body=b"3")
    s3.put_object(Bucket=bucket, Key="gone.jpg", Body=b"4")
    s3.delete_object(Bucket=bucket, Key="gone.jpg")


def shown(s3, bucket):
    """(key, version, latest) of every version and marker, sorted."""
    found = s3.list_object_versions(Bucket=bucket)
    rows = [*found.get("Versions", ()), *found.get("DeleteMarkers", ())]
    return sorted((row["Key"], row["VersionId"], row["IsLatest"]) for row in rows)


def step_of(operation):
    return operation.steps.get(key=STEP)


def begun(operation):
    """S3 has listed what it copies."""
    return operation.steps.filter(key=STEP, progress_total__gt=0).exists()


def test_uploads_of_before_are_in_the_other_region_once_whoever_dies(
    ask, people, sandbox, buckets, jobs, dies, trace
):
    environment = ask("aged")
    near, here, far, there = buckets(environment)
    uploads_put(near, here)
    before = {row["JobId"] for row in jobs()}
    operation = approve(change(people, environment, LATER), people)
    # What passes: S3 asks for fewer calls.
    busy = sandbox.fault("error", service="s3control", operation="CreateJob", code="SlowDown", status=503)
    drive(operation, within_s=WITHIN_S, until=lambda row: row.steps.filter(key=STEP, faults__gt=0).exists())
    sandbox.control("DELETE", f"faults/{busy}")
    # Nothing arrives while copies lag, so each worker finds the job under way.
    lag = sandbox.fault("lag", service="s3", account=ACCOUNT, seconds=3600)
    points = [point.removeprefix(PREFIX) for point in POINTS if point.startswith(f"{PREFIX}update.{STEP}.s3")]
    for point in sorted(points):
        dies(operation, point)
    assert len(points) == 4
    drive(operation, within_s=WITHIN_S, until=begun)
    step = step_of(operation)
    assert (step.progress_done, step.progress_total) == (0, 5) and "0 of 5 versions" in step.sentence
    sandbox.control("DELETE", f"faults/{lag}")
    drive(operation, within_s=WITHIN_S)
    assert operation.status == "succeeded", operation.sentence
    assert step_of(operation).sentence == f"5 versions of objects are in {OTHER} too."

    [job] = [row for row in jobs() if row["JobId"] not in before]
    assert job["Status"] == "Complete" and job["ProgressSummary"]["NumberOfTasksSucceeded"] == 5
    assert shown(near, here) == shown(far, there) and len(shown(far, there)) == 5
    newest = far.get_object(Bucket=there, Key="a.jpg")
    assert (newest["Body"].read(), newest["ContentType"]) == (b"2", "image/jpeg")
    assert (newest["Metadata"], newest["ReplicationStatus"]) == ({"by": "bob"}, "REPLICA")
    with pytest.raises(far.exceptions.NoSuchKey):
        far.get_object(Bucket=there, Key="gone.jpg")

    passed = [line for line in trace.read_text().splitlines() if f".{STEP}." in line]
    trace.write_text("\n".join(passed))
    assert points_recorded(trace, prefix=PREFIX) >= 4
    # The next update finds the standby there: nothing is left to copy.
    again = approve(change(people, environment, {"log_retention_days": 60}), people)
    drive(again, within_s=WITHIN_S)
    assert again.status == "succeeded" and not again.steps.filter(key=STEP).exists()


def test_a_cancelled_and_a_failed_copy_are_told_and_made_good(ask, people, sandbox, buckets, jobs):
    environment = ask("mended")
    near, here, far, there = buckets(environment)
    uploads_put(near, here)
    before = {row["JobId"] for row in jobs()}

    def ours():
        return [row["Status"] for row in jobs() if row["JobId"] not in before]

    lag = sandbox.fault("lag", service="s3", account=ACCOUNT, seconds=3600)
    operation = approve(change(people, environment, LATER), people)
    drive(operation, within_s=WITHIN_S, until=begun)
    operation_cancel(operation_id=operation.pk, actor=people["team-lead"])
    drive(operation, within_s=WITHIN_S)
    assert operation.status == "cancelled" and ours() == ["Cancelled"]
    assert "0 of 5 versions of objects are copied" in step_of(operation).sentence
    environment.refresh_from_db()
    assert environment.standby == "none"
    sandbox.control("DELETE", f"faults/{lag}")

    # Asked again, with one object whose key the rule's role may not use: it alone is left.
    keys = sandbox.account(ACCOUNT)
    key = sandbox.client("kms", keys, HOME).create_key()["KeyMetadata"]["Arn"]
    near.put_object(Bucket=here, Key="sealed", Body=b"5", ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    operation = approve(change(people, environment, LATER), people)
    drive(operation, within_s=WITHIN_S)
    assert operation.status == "failed", operation.sentence
    assert step_of(operation).sentence == f"1 of 6 versions of objects could not be copied to {OTHER}."
    assert operation.failure["reason"] == "objects not copied" and "Retry" in operation.failure["remedy"]
    role = near.get_bucket_replication(Bucket=here)["ReplicationConfiguration"]["Role"].rpartition("/")[2]
    opening = {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": key}
    sandbox.client("iam", keys).put_role_policy(
        RoleName=role, PolicyName="Sealed", PolicyDocument=json.dumps({"Statement": [opening]})
    )
    operation_retry(operation_id=operation.pk, actor=people["team-lead"])
    drive(operation, within_s=WITHIN_S)
    assert operation.status == "succeeded", operation.sentence
    # The retry's job was about that one object.
    assert step_of(operation).sentence == f"1 version of an object is in {OTHER} too."
    assert ours() == ["Complete", "Complete", "Cancelled"]
    assert shown(near, here) == shown(far, there)


def test_a_bucket_with_nothing_in_it_and_one_that_is_archived(ask, people, buckets):
    """S3 fails the job of both: it finds no keys."""
    environment = ask("empty")
    near, here, far, there = buckets(environment)
    near.put_object(Bucket=here, Key="old.jpg", Body=b"1", StorageClass="GLACIER")
    operation = approve(change(people, environment, LATER), people)
    drive(operation, within_s=WITHIN_S)
    assert operation.status == "failed"
    assert (
        step_of(operation).sentence
        == f"All that is in {here} is archived, old.jpg for one: S3 copies none of it."
    )
    assert (operation.failure["reason"], operation.failure["resource"]) == ("objects archived", here)
    for row in near.list_object_versions(Bucket=here)["Versions"]:
        near.delete_object(Bucket=here, Key=row["Key"], VersionId=row["VersionId"])
    operation_retry(operation_id=operation.pk, actor=people["team-lead"])
    drive(operation, within_s=WITHIN_S)
    assert operation.status == "succeeded", operation.sentence
    assert step_of(operation).sentence == "There was nothing to copy."
    assert shown(far, there) == []


def test_a_new_environment_has_nothing_of_before(release):
    """A standby that is there from the beginning has rules before it has objects."""
    spec = {"home_region": HOME, "other_region": OTHER, "standby": "warm", "modules": ["analytics"]}
    copies = {stack.key: stack.copies for stack in stacks_of(release, spec) if stack.copies}
    assert copies == {
        "storage": {"UploadsBucket": "UploadsBackfillRole"},
        "analytics": {"EventsBucket": "EventsBackfillRole"},
    }
