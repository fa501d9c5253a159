"""S3 Batch Operations: jobs that copy what a bucket's replication rule has not (Batch Replication)."""

from dataclasses import dataclass

from botocore.exceptions import ClientError

from workers.aws.faults import error_code
from workers.aws.session import Session

SERVICE = "s3control"
EVERY = ("NONE", "FAILED", "COMPLETED", "REPLICA")
"""Replication statuses. An object that an earlier standby has had is COMPLETED, one that came from there a REPLICA."""
LEFT = ("NONE", "FAILED")
"""Those of what a job over everything has left."""
COMPLETE, FAILED, CANCELLED = "Complete", "Failed", "Cancelled"
ENDED = frozenset({COMPLETE, FAILED, CANCELLED})
GOING = frozenset({"Cancelling", "Completing", "Failing"})
"""It ends by itself, and nobody can change how."""
_NOTHING_FOUND = "found no keys"
"""How S3 says that no object is what a job asks for ("Manifest generation found no keys matching the filter criteria",
S3 user guide, "Troubleshooting replication"). Of FailureCode it tells no values."""


@dataclass(frozen=True)
class Job:
    """A job: its status as S3 names it, how many objects it is about, and in words why it failed or was cancelled."""

    status: str
    total: int
    succeeded: int
    failed: int
    why: str

    @property
    def done(self) -> int:
        return self.succeeded + self.failed

    @property
    def found_nothing(self) -> bool:
        """Whether it failed because there is no object for it: none at all, or none that S3 can copy as it is."""
        return self.status == FAILED and not self.total and _NOTHING_FOUND in self.why


def replication_start(
    session: Session,
    account_id: str,
    *,
    bucket: str,
    role_arn: str,
    statuses: tuple[str, ...],
    token: str,
    description: str,
) -> str:
    """The id of a job that replicates the objects of a bucket that have one of these statuses: all versions and delete
    markers that its rules cover. The same token answers the same job. The list of objects is S3's, and kept nowhere.
    """
    answer = session.client(SERVICE).create_job(
        AccountId=account_id,
        ClientRequestToken=token,
        ConfirmationRequired=False,
        Description=description,
        ManifestGenerator={
            "S3JobManifestGenerator": {
                "ExpectedBucketOwner": account_id,
                "SourceBucket": f"arn:aws:s3:::{bucket}",
                "EnableManifestOutput": False,
                "Filter": {"EligibleForReplication": True, "ObjectReplicationStatuses": list(statuses)},
            }
        },
        Operation={"S3ReplicateObject": {}},
        Priority=1,
        Report={"Enabled": False},
        RoleArn=role_arn,
    )
    return str(answer["JobId"])


def job_read(session: Session, account_id: str, job_id: str) -> Job:
    """How far a job is. S3 tells no numbers before it has listed the objects."""
    found = session.client(SERVICE).describe_job(AccountId=account_id, JobId=job_id)["Job"]
    told = found.get("ProgressSummary", {})
    reasons = [f"{row['FailureReason']} ({row['FailureCode']})" for row in found.get("FailureReasons", ())]
    return Job(
        status=found["Status"],
        total=int(told.get("TotalNumberOfTasks", 0)),
        succeeded=int(told.get("NumberOfTasksSucceeded", 0)),
        failed=int(told.get("NumberOfTasksFailed", 0)),
        why=" ".join(reasons) or found.get("StatusUpdateReason", ""),
    )


def job_cancel(session: Session, account_id: str, job_id: str, why: str) -> bool:
    """Cancel a job: it begins no more objects. False when it has come to an end meanwhile."""
    try:
        session.client(SERVICE).update_job_status(
            AccountId=account_id,
            JobId=job_id,
            RequestedJobStatus=CANCELLED,
            StatusUpdateReason=why,
        )
    except ClientError as error:
        if error_code(error) == "JobStatusException":
            return False
        raise
    return True
