"""S3 Batch Operations, of which the sandbox has Batch Replication: what a bucket's rule has not copied, once.

A job has the S3-generated list of what it copies ("Replicating existing objects with Batch Replication", S3 user
guide): each version and delete marker that the bucket's rules cover and whose replication status is asked for. Each is
replicated as one that is put is. The sentences of refusals and failures are the sandbox's.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError, not_supported
from sandbox.iam import services, sight
from sandbox.iam.service_roles import acting, need
from sandbox.registry import on_start, operation
from sandbox.services.s3 import replication
from sandbox.services.s3.state import OBJECT, bucket_find, bucket_get, versions
from sandbox.store import Record
from sandbox.world import World

JOB = "Sandbox::S3::BatchJob"
SERVICE = "batchoperations.s3.amazonaws.com"
WAITING = ("New", "Preparing", "Ready")
RUNNING = ("Active", "Completing")
NEXT = {"New": "Preparing", "Preparing": "Ready", "Ready": "Active", "Completing": "Complete"}
LOOK_S, PATIENCE_S = 0.02, 1.0
"""Between two looks at what a job has begun, at least and at most."""
UNSUPPORTED = ("Manifest", "Tags")
ARCHIVED = ("GLACIER", "DEEP_ARCHIVE")
"""Storage classes of which no list has anything before it is restored."""
NOTHING_FOUND = "Manifest generation found no keys matching the filter criteria."
"""Why a job fails that has nothing to do (S3 user guide, "Troubleshooting replication"). Its code is the sandbox's."""


@operation("s3control", "CreateJob")
def create_job(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    _require_own(ctx, params)
    asked = {name: value for name, value in params.items() if name not in ("AccountId", "ClientRequestToken")}
    token = str(params["ClientRequestToken"])
    for job in ctx.store.list(ctx.account, ctx.region, JOB):
        if job.data["token"] == token:
            if job.data["asked"] != asked:
                text = "The client request token was used for another job."
                raise AwsError("IdempotencyException", text, 400)
            return {"JobId": job.id}
    _require_known(asked)
    _require_replicating(ctx, asked)
    job = Record(
        ctx.account,
        ctx.region,
        JOB,
        str(uuid.uuid4()),
        state="New",
        created_at=ctx.now,
        data={"token": token, "asked": asked, "tasks": [], "total": 0, "succeeded": 0, "failed": 0},
    )
    job.arn = ctx.arn("s3", f"job/{job.id}")
    ctx.store.put(job)
    _arm(ctx.world, job)
    return {"JobId": job.id}


@operation("s3control", "DescribeJob")
def describe_job(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    job = _job(ctx, params)
    asked = job.data["asked"]
    told = {
        **{name: asked[name] for name in ("Description", "Operation", "Priority", "Report") if name in asked},
        "JobId": job.id,
        "JobArn": job.arn,
        "Status": job.state,
        "ConfirmationRequired": bool(asked.get("ConfirmationRequired")),
        "RoleArn": asked["RoleArn"],
        "ManifestGenerator": asked["ManifestGenerator"],
        "FailureReasons": job.data.get("failures", []),
        **_dates(job),
    }
    if job.state not in WAITING:
        told["ProgressSummary"] = _progress(job)
    if job.data.get("reason"):
        told["StatusUpdateReason"] = job.data["reason"]
    return {"Job": told}


@operation("s3control", "ListJobs")
def list_jobs(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    _require_own(ctx, params)
    jobs = sorted(ctx.store.list(ctx.account, ctx.region, JOB), key=lambda job: -job.created_at)
    wanted = params.get("JobStatuses") or ()
    return {
        "Jobs": [
            {
                "JobId": job.id,
                "Description": job.data["asked"].get("Description", ""),
                "Operation": "S3ReplicateObject",
                "Priority": job.data["asked"]["Priority"],
                "Status": job.state,
                "ProgressSummary": _progress(job),
                **_dates(job),
            }
            for job in jobs
            if not wanted or job.state in wanted
        ]
    }


@operation("s3control", "UpdateJobStatus")
def update_job_status(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    job = _job(ctx, params)
    wanted = str(params["RequestedJobStatus"])
    if wanted == "Ready" and job.state == "Suspended":
        job.state = "Ready"
        _arm(ctx.world, job)
    elif wanted == "Cancelled" and job.state in (*WAITING, "Suspended", "Active"):
        # What it has begun goes on; it begins no more.
        _end(ctx.world, job, "Cancelled")
    else:
        raise AwsError("JobStatusException", f"A job that is {job.state} cannot become {wanted}.", 400)
    job.data["reason"] = params.get("StatusUpdateReason") or ""
    ctx.store.put(job)
    return {"JobId": job.id, "Status": job.state, "StatusUpdateReason": job.data["reason"]}


# -- what is asked for


def _job(ctx: Context, params: dict[str, Any]) -> Record:
    _require_own(ctx, params)
    job = ctx.store.get(ctx.account, ctx.region, JOB, str(params["JobId"]))
    if job is None:
        raise AwsError("NotFoundException", "The job was not found.", 404)
    return job


def _require_own(ctx: Context, params: dict[str, Any]) -> None:
    if params["AccountId"] != ctx.account:
        raise AwsError("AccessDenied", "Access Denied", 403)


def _require_known(asked: dict[str, Any]) -> None:
    for name in UNSUPPORTED:
        if asked.get(name):
            raise not_supported(f"{name} of a job")
    if "S3ReplicateObject" not in asked["Operation"]:
        raise not_supported("An operation other than S3ReplicateObject")
    if asked["Report"].get("Enabled"):
        raise not_supported("A completion report")
    generator = (asked.get("ManifestGenerator") or {}).get("S3JobManifestGenerator")
    if generator is None:
        raise AwsError("InvalidRequest", "A job needs a manifest or a manifest generator.", 400)
    if generator.get("EnableManifestOutput"):
        raise not_supported("A manifest that is kept")
    others = set(generator.get("Filter") or {}) - {"EligibleForReplication", "ObjectReplicationStatuses"}
    if others:
        raise not_supported(f"A filter by {', '.join(sorted(others))}")


def _require_replicating(ctx: Context, asked: dict[str, Any]) -> None:
    bucket = bucket_get(ctx, _source(asked))
    if bucket.region != ctx.region:
        raise AwsError("InvalidRequest", "The source bucket is in another Region than the job.", 400)
    if not replication.rules_of(bucket):
        raise AwsError("InvalidRequest", "The source bucket has no replication configuration.", 400)


def _source(asked: dict[str, Any]) -> str:
    return str(asked["ManifestGenerator"]["S3JobManifestGenerator"]["SourceBucket"]).rpartition(":")[2]


# -- what it does


def _arm(world: World, job: Record) -> None:
    """Its next status, a third of the time that AWS takes to get a job ready from now; or the next look at it."""
    now = world.scheduler.now()
    if job.state == "Active":
        # What takes long is looked at less often: copies may lag for hours.
        pause = min(PATIENCE_S, (now - float(job.data["active_at"])) / 4)
    else:
        pause = world.duration(JOB, "create") * float(world.settings["speed"]) / 3
    world.scheduler.at(now + max(LOOK_S, pause), lambda: _step(world, job))


def _step(world: World, job: Record) -> None:
    if world.store.get(*job.key) is not job or job.state not in (*WAITING, *RUNNING):
        return  # cancelled, suspended, or of before a reset
    try:
        if job.state == "Active":
            _count(world, job)
        else:
            _move(world, job)
    except AwsError as problem:
        job.data["failures"] = [{"FailureCode": problem.code, "FailureReason": problem.message}]
        _end(world, job, "Failed")
        return
    world.store.put(job)
    _arm(world, job)


def _move(world: World, job: Record) -> None:
    before, job.state = job.state, NEXT[job.state]
    if before == "Preparing":
        job.data["tasks"] = _listed(world, job)
        job.data["total"] = len(job.data["tasks"])
        if not job.data["tasks"]:
            raise AwsError("NoKeysFound", NOTHING_FOUND, 400)
        if job.data["asked"].get("ConfirmationRequired"):
            job.state = "Suspended"
    elif job.state == "Active":
        job.data["active_at"] = world.scheduler.now()
        _begin(world, job)
    elif job.state == "Complete":
        _end(world, job, "Complete")


def _listed(world: World, job: Record) -> list[str]:
    """Ids of the records of what is to be copied, which the job's role has to be able to list."""
    bucket = _bucket(world, job)
    ctx = _acting(world, job)
    arn = f"arn:aws:s3:::{bucket.id}"
    need(ctx, "s3:GetReplicationConfiguration", arn)
    need(ctx, "s3:PutInventoryConfiguration", arn)
    chosen = job.data["asked"]["ManifestGenerator"]["S3JobManifestGenerator"].get("Filter") or {}
    statuses = chosen.get("ObjectReplicationStatuses")
    return [
        record.id
        for entries in versions(world, bucket).values()
        for record in entries
        if replication.covered(bucket, record)
        and (record.data.get("kept") or {}).get("StorageClass") not in ARCHIVED
        and (not statuses or (replication.status(record) or "NONE") in statuses)
    ]


def _begin(world: World, job: Record) -> None:
    """Set each one's replication going, where the job's role may."""
    bucket = _bucket(world, job)
    ctx = _acting(world, job)
    begun = []
    for id in job.data["tasks"]:
        record = world.store.get(job.account, job.region, OBJECT, id)
        if record is not None and _initiated(ctx, bucket, record):
            begun.append(id)
        else:
            job.data["failed"] += 1
    job.data["tasks"] = begun


def _initiated(ctx: Context, bucket: Record, record: Record) -> bool:
    try:
        need(ctx, "s3:InitiateReplication", f"arn:aws:s3:::{bucket.id}/{record.data['key']}")
    except AwsError:
        return False  # a task that fails, and not the job
    return replication.begin(ctx, bucket, record)


def _count(world: World, job: Record) -> None:
    """What came of what it has begun; when nothing is left it completes."""
    left = []
    for id in job.data["tasks"]:
        record = world.store.get(job.account, job.region, OBJECT, id)
        said = replication.status(record) if record is not None else "FAILED"
        if said == "PENDING":
            left.append(id)
        else:
            job.data["succeeded" if said == "COMPLETED" else "failed"] += 1
    job.data["tasks"] = left
    if not left:
        job.state = "Completing"


def _end(world: World, job: Record, status: str) -> None:
    job.state, job.data["tasks"] = status, []
    job.data["ended_at"] = world.scheduler.now()
    world.store.put(job)


def _bucket(world: World, job: Record) -> Record:
    bucket = bucket_find(world, _source(job.data["asked"]))
    if bucket is None or not replication.rules_of(bucket):
        raise AwsError("InvalidRequest", "The source bucket has no replication configuration.", 400)
    return bucket


def _acting(world: World, job: Record) -> Context:
    """Batch Operations with the job's role, whose trust policy has to let it in. Of no condition on the account the
    user guide speaks ("Configuring an IAM role for S3 Batch Replication"): none is answered.
    """
    arn = str(job.data["asked"]["RoleArn"])
    role = sight.by_arn(world, arn)
    trust = role.properties.get("AssumeRolePolicyDocument") if role is not None else None
    if not services.may(world, trust, SERVICE, "sts:AssumeRole", arn, {}):
        raise AwsError("AccessDenied", f"S3 Batch Operations cannot assume the role {arn}.", 403)
    return acting(world, arn, job.region, job.id)


def _progress(job: Record) -> dict[str, Any]:
    data = job.data
    active = float(data.get("ended_at", 0)) - float(data.get("active_at", 0)) if data.get("active_at") else 0
    return {
        "TotalNumberOfTasks": data["total"],
        "NumberOfTasksSucceeded": data["succeeded"],
        "NumberOfTasksFailed": data["failed"],
        "Timers": {"ElapsedTimeInActiveSeconds": max(0, int(active))},
    }


def _dates(job: Record) -> dict[str, datetime]:
    found = {"CreationTime": datetime.fromtimestamp(job.created_at, UTC)}
    if job.data.get("ended_at"):
        found["TerminationDate"] = datetime.fromtimestamp(job.data["ended_at"], UTC)
    return found


@on_start
def take_up(world: World) -> None:
    """Carry on with what was under way when the process ended."""
    for job in world.store.everywhere(JOB):
        if job.state in (*WAITING, *RUNNING):
            _arm(world, job)
