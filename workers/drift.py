"""Drift within operations: a fresh look while something is planned, or was put back, and what a plan says of it.

`found` rows, as the operation's state and a plan's document keep them: {"stack", "logical_id", "type", "property",
"expected", "actual"}; of a resource that was deleted the property is empty.
"""

from collections.abc import Mapping
from typing import Any

from environments.lifecycle.drift import Found, drift_record
from environments.lifecycle.models import Environment
from environments.lifecycle.models.drift import FindingStatus
from environments.operations.models import Stack
from workers.aws import drift
from workers.aws.cloudformation import DEAD, GONE
from workers.context import READER, StepContext
from workers.drift_reading import judged
from workers.workflow import Done, Outcome, StepFailed, Wait

Rows = list[dict[str, Any]]


def look(ctx: StepContext) -> Outcome:
    """What the stacks really are, found by CloudFormation now; kept, and handed on to the plan."""
    environment: Environment = ctx.subject
    stacks = _stacks(ctx, environment)
    state = ctx.step.state
    if state.get("asked") != ctx.token:
        return _begin(ctx, environment, stacks)
    regions = {stack.name: stack.region for stack in stacks}
    detections: dict[str, dict[str, Any]] = state["detections"]
    unread = dict(state.get("unread", {}))
    for name, row in detections.items():
        if "drifted" not in row:
            session = ctx.session(environment.account, regions[name], READER)
            now = drift.detection_look(session, row["id"])
            if now.state != "IN_PROGRESS":
                row["drifted"] = now.drifted or now.state == "FAILED"
                if now.state == "FAILED":
                    unread[name] = now.reason
    ctx.remember(detections=detections, unread=unread)
    left = [name for name, row in detections.items() if "drifted" not in row]
    if left:
        total = len(detections)
        return Wait(
            f"CloudFormation compares {', '.join(sorted(left))} with what is there.",
            done=total - len(left),
            total=total,
        )
    return _finish(ctx, environment, [s for s in stacks if detections[s.name]["drifted"]], unread)


def _stacks(ctx: StepContext, environment: Environment) -> list[Stack]:
    """The environment's stacks that are there; of a drift fix those that were chosen."""
    chosen = ctx.operation.parameters.get("stacks")
    rows = environment.stacks.exclude(stack_id="").exclude(status__in=GONE | DEAD).order_by("pk")
    return [row for row in rows if chosen is None or row.key in chosen]


def _begin(ctx: StepContext, environment: Environment, stacks: list[Stack]) -> Outcome:
    detections = {}
    for stack in stacks:
        session = ctx.session(environment.account, stack.region, READER)
        try:
            detections[stack.name] = {"id": drift.detection_begin(session, stack.stack_id)}
        except drift.StackBusy as error:
            return Wait(f"{stack.name} cannot be looked at yet. {error}", seconds=5.0)
        except drift.StackGone as error:
            raise StepFailed(
                f"{stack.name} is gone: somebody deleted it.",
                resource=stack.name,
                remedy="Read the environment anew (Control); then Change … plans the stack anew.",
            ) from error
    ctx.remember(asked=ctx.token, detections=detections, unread={})
    return Wait(
        f"CloudFormation compares {len(stacks)} stacks with what is there.", done=0, total=len(stacks)
    )


def _finish(
    ctx: StepContext, environment: Environment, drifted: list[Stack], unread: dict[str, str]
) -> Outcome:
    pairs = [
        pair
        for stack in drifted
        for resource in drift.drifts_of(
            ctx.session(environment.account, stack.region, READER), stack.stack_id
        )
        for pair in judged(stack, resource)
    ]
    found = [one for one, row in pairs if row is None]
    known = [{**_row(one), "what": row.what, "reason": row.reason} for one, row in pairs if row is not None]
    names = {stack.name: stack.key for stack in _stacks(ctx, environment)}
    # Of a stack that could not be read whole nothing is taken for gone.
    looked = {key for name, key in names.items() if name not in unread}
    is_after_a_fix = ctx.operation.kind == "drift-fix" and ctx.step.phase == "execute"
    with ctx.fenced() as operation:
        drift_record(
            environment=environment,
            found=found,
            stacks=looked,
            fixed_by=operation if is_after_a_fix else None,
        )
    state = {"found": [_row(one) for one in found], "known": known, "unread": unread}
    if is_after_a_fix and found:
        left = "; ".join(f"{one.logical_id} {one.property_path}" for one in found[:3])
        raise StepFailed(
            f"It was put back, and differs again or still: {left}.",
            resource=found[0].logical_id,
            reason="drift is left",
            remedy="See the environment's drift: somebody or something changes it while it is put back.",
        )
    return Done(_sentence(found, known, unread), {"drift": state})


def _row(found: Found) -> dict[str, Any]:
    names = ("stack", "logical_id", "type", "expected", "actual")
    return {**{name: getattr(found, name) for name in names}, "property": found.property_path}


def _sentence(found: list[Found], known: Rows, unread: Mapping[str, str]) -> str:
    if unread:
        return f"CloudFormation could not read all of it: {next(iter(unread.values()))}"
    beside = f" {len(known)} known differences are none." if known else ""
    if not found:
        return f"Everything is what its templates say.{beside}"
    return f"{len(found)} properties are not what the templates say.{beside}"


# -- what a plan says of it


BECOMES = {
    "overwritten": "This operation sets it.",
    "goes": "It goes with its resource, which is replaced or deleted.",
    "perhaps": "Its resource is changed: CloudFormation may put it back on the way.",
    "fails": "Its resource was deleted, so that its change will fail. Have it put back first.",
    "stays": "It stays as it is.",
}


def drift_into(document: dict[str, Any], state: Mapping[str, Any], environment: Environment) -> None:
    """Tell a plan's document what has drifted: "drift" (found rows with "status", "becomes" and "says"), the risk kind
    "drift", and a sentence for each that does not stay.
    """
    accepted = set(
        environment.drift_findings.filter(status=FindingStatus.ACCEPTED).values_list(
            "stack", "logical_id", "property_path"
        )
    )
    plans = {row["key"]: row for row in document["stacks"]}
    rows = []
    for row in state.get("found", ()):
        becomes = _becomes(row, plans.get(row["stack"], {}))
        is_accepted = (row["stack"], row["logical_id"], row["property"]) in accepted
        rows.append(
            {
                **row,
                "status": "accepted" if is_accepted else "open",
                "becomes": becomes,
                "says": BECOMES[becomes],
            }
        )
    document["drift"] = rows
    if rows:
        document["risk_kinds"] = sorted({*document.get("risk_kinds", ()), "drift"})
    document["risks"] += [
        f"{row['logical_id']} ({row['type']}) {row['property'] or 'was deleted'} has drifted: {row['says']}"
        for row in rows
        if row["becomes"] != "stays"
    ]


def _becomes(row: Mapping[str, Any], plan: Mapping[str, Any]) -> str:
    change = next((c for c in plan.get("changes", ()) if c["logical_id"] == row["logical_id"]), None)
    touched = any(c["logical_id"] == row["logical_id"] for c in plan.get("touched", ()))
    if change is None:
        return "perhaps" if touched and row["property"] else "stays"
    if change["action"] in ("replaced", "removed"):
        return "goes"
    if not row["property"]:
        return "fails"
    sets = any(same_place(row["property"], each["path"]) for each in change["properties"])
    return "overwritten" if sets else "perhaps"


def same_place(path: str, other: str) -> bool:
    """Whether one of two property paths is the other, or within it."""
    if path == other:
        return True
    short, long = sorted((path, other), key=len)
    return long.startswith(short) and long[len(short)] in ".["
