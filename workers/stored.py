"""Going back to a release whose lock is not installed here: by the templates that were stored when it was deployed."""

from environments.lifecycle.models import Revision
from workers.context import StepContext
from workers.runtime import WORDS, began, began_other
from workers.synthesis import LockMissing
from workers.workflow import Done, Outcome, StepFailed


def templates_stored(ctx: StepContext, missing: LockMissing) -> Outcome:
    """The assembly of the revision that is gone back to.

    Raises `missing` when no revision is, and StepFailed when its templates would put back what moved since: unlike a
    synthesis, they cannot be made anew with what runs now.
    """
    asked = ctx.operation.parameters
    if not asked.get("stored_assembly"):
        raise missing
    revision = Revision.objects.select_related("operation", "release").get(pk=asked["revision_id"])
    lost = put_back(ctx, revision)
    if lost:
        raise StepFailed(
            f"{missing} Its stored templates would put back what runs: {', '.join(lost)}.",
            reason="lock not installed",
            remedy="Run a worker that has the release's lock installed, or choose a newer release.",
        ) from missing
    told = f"The templates of revision {revision.number} are taken as stored."
    ctx.event("assembly.stored", f"{missing} {told}")
    return Done(told, {"assembly": asked["stored_assembly"]})


def put_back(ctx: StepContext, revision: Revision) -> list[str]:
    """What of that which runs now is something else in the revision's templates, in words."""
    made_by = revision.operation
    if made_by is None:
        return ["what it was made with is not known any more"]
    made = {**began(made_by, revision.release), **made_by.state.get("runtime", {})}
    runs = ctx.operation.state.get("runtime", {})
    lost = [WORDS[name] for name, value in runs.items() if name in WORDS and value != made.get(name)]
    if "other" in runs:
        was = {**began_other(made_by, revision.release), **made.get("other", {})}
        lost += [
            f"{WORDS[name]} in the other region"
            for name, value in runs["other"].items()
            if name in WORDS and value != was.get(name)
        ]
    return lost
