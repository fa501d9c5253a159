"""The last copies that a teardown keeps: they are there, their key opens them, and the data comes back from them."""

import httpx
import pytest

from environments.lifecycle.models import Environment, TeardownReport
from tests.workers.support import REGION, ask_teardown, drive
from tests.workers.test_teardown import logs, uploads

pytestmark = pytest.mark.django_db(transaction=True)

ROWS = {"order-1": b"three chairs", "order-2": "zwei St\u00fchle".encode()}


def application(sandbox, environment, method, path, content=None):
    """A browser's request for the environment's address: balancer, instance, proxy, database."""
    return httpx.request(
        method,
        sandbox.url + path,
        headers={"Host": environment.spec["domain"]},
        content=content,
        timeout=60,
        trust_env=False,
    )


def fill(sandbox, environment):
    """Rows in the database and a file in the bucket, written by the environment's own application."""
    for key, value in ROWS.items():
        answer = application(sandbox, environment, "PUT", f"/items/{key}", value)
        assert answer.status_code == 201, answer.text
    answer = application(sandbox, environment, "PUT", "/uploads/photo", b"a chair")
    assert answer.status_code == 201, answer.text


def kept_rows(report):
    return {row["type"]: row for row in report.kept}


@pytest.mark.timeout(300)
def test_an_environment_begins_with_the_rows_of_one_that_is_gone(active, ask, people, sandbox, keys):
    """What the copies are for. The snapshot is restored by the blueprint's own restore source."""
    fill(sandbox, active)
    operation = drive(ask_teardown(people, active, database=True, uploads=True), within_s=180)
    assert operation.status == "succeeded", operation.sentence
    assert application(sandbox, active, "GET", "/items").status_code != 200
    kept = kept_rows(TeardownReport.objects.get())
    assert {"AWS::RDS::DBClusterSnapshot", "AWS::S3::Bucket", "AWS::KMS::Key"} <= set(kept)
    assert all(row["why"] and row["until"] and float(row["monthly_cost"]) >= 0 for row in kept.values())
    snapshot = kept["AWS::RDS::DBClusterSnapshot"]["id"]
    again = drive(ask(restore_source={"kind": "snapshot", "id": snapshot}), within_s=180)
    assert again.status == "succeeded", again.sentence
    restored = Environment.objects.get(pk=again.subject_id)
    found = {
        key: application(sandbox, restored, "GET", f"/items/{key}").content
        for key in application(sandbox, restored, "GET", "/items").json()["keys"]
    }
    assert found == ROWS
    s3 = sandbox.client("s3", keys, REGION)
    assert s3.get_object(Bucket=uploads(active), Key="photo")["Body"].read() == b"a chair"


@pytest.mark.timeout(300)
def test_a_copy_is_lost_with_its_key(active, people, sandbox, keys):
    """So the key that the teardown keeps is what the copy is worth."""
    operation = drive(ask_teardown(people, active, database=True), within_s=180)
    assert operation.status == "succeeded", operation.sentence
    kept = kept_rows(TeardownReport.objects.get())
    rds, kms = sandbox.client("rds", keys, REGION), sandbox.client("kms", keys, REGION)
    snapshot = kept["AWS::RDS::DBClusterSnapshot"]["id"]
    (told,) = rds.describe_db_cluster_snapshots(DBClusterSnapshotIdentifier=snapshot)["DBClusterSnapshots"]
    assert kept["AWS::KMS::Key"]["id"] in told["KmsKeyId"]
    assert kms.describe_key(KeyId=told["KmsKeyId"])["KeyMetadata"]["KeyState"] == "Enabled"
    restore = {"SnapshotIdentifier": snapshot, "Engine": "aurora-mysql"}
    restored = rds.restore_db_cluster_from_snapshot(DBClusterIdentifier="restored", **restore)["DBCluster"]
    assert restored["KmsKeyId"] == told["KmsKeyId"]
    rds.delete_db_cluster(DBClusterIdentifier="restored", SkipFinalSnapshot=True)
    kms.schedule_key_deletion(KeyId=told["KmsKeyId"], PendingWindowInDays=7)
    with pytest.raises(rds.exceptions.ClientError, match="KMSKeyNotAccessible"):
        rds.restore_db_cluster_from_snapshot(DBClusterIdentifier="lost", **restore)


def test_the_bucket_of_access_logs_stays_when_it_is_asked_for_and_needs_no_key(active, people, sandbox, keys):
    s3 = sandbox.client("s3", keys, REGION)
    s3.put_object(Bucket=logs(active), Key="load-balancer/AWSLogs/first.log", Body=b"GET /")
    operation = drive(ask_teardown(people, active, logs=True), within_s=180)
    assert operation.status == "succeeded", operation.sentence
    report = TeardownReport.objects.get()
    (kept,) = report.kept
    assert (kept["type"], kept["id"]) == ("AWS::S3::Bucket", logs(active))
    assert "logs" in kept["why"] and kept["until"] == "a person deletes it"
    assert {row["type"] for row in report.deleting} == {"AWS::KMS::Key"}
    body = s3.get_object(Bucket=logs(active), Key="load-balancer/AWSLogs/first.log")["Body"].read()
    assert body == b"GET /"
    with pytest.raises(s3.exceptions.ClientError, match="404"):
        s3.head_bucket(Bucket=uploads(active))


@pytest.mark.timeout(300)
def test_a_bucket_that_was_to_stay_and_is_emptied_meanwhile_goes_and_the_other_one_stays(
    active, people, sandbox, keys
):
    """CloudFormation deletes an empty bucket at once, and then refuses to be told that it shall stay."""
    s3 = sandbox.client("s3", keys, REGION)
    s3.put_object(Bucket=logs(active), Key="load-balancer/AWSLogs/first.log", Body=b"GET /")
    version = s3.put_object(Bucket=uploads(active), Key="photo", Body=b"a chair")["VersionId"]
    operation = ask_teardown(people, active, uploads=True, logs=True)
    drive(operation, within_s=180, until=lambda row: {"kept_uploads", "kept_logs"} <= set(row.state))
    s3.delete_object(Bucket=uploads(active), Key="photo", VersionId=version)
    drive(operation, within_s=180)
    assert operation.status == "succeeded", operation.sentence
    kept = TeardownReport.objects.get().kept
    assert [row["id"] for row in kept if row["type"] == "AWS::S3::Bucket"] == [logs(active)]
    assert s3.list_objects_v2(Bucket=logs(active))["KeyCount"] == 1
    with pytest.raises(s3.exceptions.ClientError, match="404"):
        s3.head_bucket(Bucket=uploads(active))
