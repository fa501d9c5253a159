"""What was in a bucket before its standby: S3's rule copies only what is put after it, so a job copies the rest.

S3 Batch Replication does it (docs/decisions/0265-what-was-there-before-a-standby.md). A job is known by its token,
which is stored before it is asked for: however often a worker dies, there is one job an attempt. A retry makes a new
one.
"""

from environments.lifecycle.models import Environment
from workers.addresses import outputs_of
from workers.aws import batch, s3
from workers.aws.session import Session
from workers.context import StepContext
from workers.workflow import Done, Outcome, StepFailed, Wait


def backfill(ctx: StepContext) -> Outcome:
    """Have everything that is in the bucket copied to the other region, and wait until it is."""
    session, environment = _session(ctx), ctx.subject
    job_id = _job_id(ctx, session)
    job = batch.job_read(session, environment.account.account_id, job_id)
    if job.status not in batch.ENDED:
        return _wait(job)
    if job.status == batch.COMPLETE and not job.failed:
        return Done(_copied(job, ctx.step.parameters["to_region"]))
    if job.found_nothing:
        return _nothing(ctx, session)
    raise _failed(ctx, job_id, job)


def backfill_cancel(ctx: StepContext) -> Outcome:
    """Stop the job. What it has copied stays, and what it has begun is copied."""
    if ctx.step.state.get("token") != ctx.token:
        return Done("Nothing was begun to be copied.")
    session, environment = _session(ctx), ctx.subject
    account_id = environment.account.account_id
    # Where a worker died around the call, the token answers its job, or makes one that is cancelled at once.
    job_id = _job_id(ctx, session)
    job = batch.job_read(session, account_id, job_id)
    if job.status not in batch.ENDED | batch.GOING:
        batch.job_cancel(session, account_id, job_id, f"Operation {ctx.operation.pk} was cancelled.")
        return Wait(f"S3 stops: {_so_far(job)}.")
    if job.status in batch.GOING:
        return Wait(f"S3 stops: {job.status}.")
    return Done(f"{_so_far(job)}; the others are at home alone.")


def _nothing(ctx: StepContext, session: Session) -> Done:
    """S3 fails a job whose list is empty. What is archived is in no list, so a bucket that has nothing else is as one
    without objects; after a job over everything, an empty list means that nothing is left.
    """
    if ctx.step.state.get("left"):
        return Done("Nothing is left to copy.")
    bucket, _ = _outputs(ctx)
    archived = s3.archived_find(session, bucket)
    if not archived:
        return Done("There was nothing to copy.")
    raise StepFailed(
        f"All that is in {bucket} is archived, {archived} for one: S3 copies none of it.",
        resource=bucket,
        reason="objects archived",
        remedy="Have it restored (Batch Operations, S3InitiateRestoreObject) and retry, or skip the step: then it is "
        "at home alone.",
    )


def _session(ctx: StepContext) -> Session:
    environment: Environment = ctx.subject
    return ctx.session(environment.account, ctx.step.region)


def _job_id(ctx: StepContext, session: Session) -> str:
    """The job of this attempt: one that an earlier attempt did not wait for, else one that is made."""
    environment: Environment = ctx.subject
    asked, state = ctx.step.parameters, ctx.step.state
    if state.get("token") != ctx.token:
        had = state.get("job", "")
        if had and batch.job_read(session, environment.account.account_id, had).status in batch.ENDED:
            had = ""
        # What a job over everything could not copy is all that another one has to.
        statuses = batch.LEFT if state.get("left") else batch.EVERY
        ctx.remember(token=ctx.token, job=had, statuses=statuses)
    if not ctx.step.state["job"]:
        bucket, role = _outputs(ctx)
        job_id = batch.replication_start(
            session,
            environment.account.account_id,
            bucket=bucket,
            role_arn=role,
            statuses=tuple(ctx.step.state["statuses"]),
            token=ctx.token,
            description=f"{environment.full_name}: what was there before its standby in {asked['to_region']}",
        )
        ctx.remember(job=job_id)
    return str(ctx.step.state["job"])


def _outputs(ctx: StepContext) -> tuple[str, str]:
    """Bucket and role: the outputs of the stack that the release names for them."""
    asked = ctx.step.parameters
    names = asked["bucket"], asked["role"]
    found = outputs_of(ctx, ctx.subject, asked["of"], ctx.step.region, wanted=names)
    return found[names[0]], found[names[1]]


def _wait(job: batch.Job) -> Wait:
    if not job.total:
        return Wait(f"S3 lists what is to be copied ({job.status}).")
    failed = f" {job.failed} could not be copied." if job.failed else ""
    return Wait(
        f"{_so_far(job)} ({job.status}).{failed}",
        done=job.done,
        total=job.total,
    )


def _copied(job: batch.Job, region: str) -> str:
    what = "1 version of an object is" if job.total == 1 else f"{job.total} versions of objects are"
    return f"{what} in {region} too."


def _so_far(job: batch.Job) -> str:
    return f"{job.succeeded} of {job.total} versions of objects are copied"


def _failed(ctx: StepContext, job_id: str, job: batch.Job) -> StepFailed:
    if job.status == batch.COMPLETE:
        ctx.remember(left=True)
        region = ctx.step.parameters["to_region"]
        return StepFailed(
            f"{job.failed} of {job.total} versions of objects could not be copied to {region}.",
            resource=job_id,
            reason="objects not copied",
            remedy="They have the replication status FAILED. S3 cannot copy what is archived before it is restored, "
            "nor what is sealed with a key that is gone. Retry to copy those alone, or skip the step.",
        )
    why = job.why.rstrip(".") or "S3 told no reason"
    if job.status == batch.CANCELLED:
        sentence, reason = f"Somebody cancelled the job that copies: {why}.", "job cancelled"
    else:
        sentence, reason = f"S3 gave up copying: {why}.", "job failed"
    return StepFailed(
        f"{sentence} {_so_far(job)}.",
        resource=job_id,
        reason=reason,
        remedy="Correct the cause, then retry: the retry makes a new job, which may copy again what is there.",
    )
