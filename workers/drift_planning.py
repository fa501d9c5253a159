"""What a drift fix would change: what has drifted of the chosen stacks, put back; and what the template says by now of
what runs.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from workers.assembly import StackArtifact, template_hash, template_parse
from workers.changes import Change, Rules, dependents, template_changes
from workers.drift import same_place
from workers.drift_reading import named
from workers.planning import Deployed, risk_kinds, risks
from workers.replacement import losses_of, require_losses_named
from workers.workflow import StepFailed

DATABASES = "AWS::RDS::"
RUNS, BACK = "The template says by now what runs.", "Put back to what the template says."


def drift_document(
    stacks: Mapping[str, StackArtifact],
    deployed: Mapping[str, Deployed],
    state: Mapping[str, Any],
    rules: Rules,
) -> dict[str, Any]:
    """A Plan's document for the chosen stacks by key; `state` is what the look found. Raises StepFailed (a database,
    a stack that is not there, something that would be lost).
    """
    rows = []
    for key, stack in stacks.items():
        there = deployed.get(stack.name)
        if there is None:
            raise StepFailed(f"{stack.name} is not there.", resource=stack.name, reason="no stack")
        _require_no_database(stack)
        rows.append(_stack(key, stack, there, state, rules))
    document: dict[str, Any] = {
        "summary": _summary(rows),
        "stacks": rows,
        "risks": risks(rows),
        "risk_kinds": risk_kinds(rows),
        "losses": [],
    }
    old = {key: template_parse(deployed[stack.name].template)["Resources"] for key, stack in stacks.items()}
    require_losses_named(losses_of(document, old), ())
    for row in rows:
        document["risks"] += [
            f"{change['logical_id']} ({change['type']}) was deleted: a new and empty one is made."
            for change in row["changes"]
            if change["action"] == "added" and change["stateful"]
        ]
    return document


def _require_no_database(stack: StackArtifact) -> None:
    types = {row["Type"] for row in template_parse(stack.template)["Resources"].values()}
    if any(name.startswith(DATABASES) for name in types):
        raise StepFailed(
            f"{stack.name} holds a database: CloudFormation could replace it while it puts things back.",
            resource=stack.name,
            reason="database stack",
            remedy="Change the property back by hand, or accept it with a reason.",
        )


def _stack(
    key: str, stack: StackArtifact, there: Deployed, state: Mapping[str, Any], rules: Rules
) -> dict[str, Any]:
    new = template_parse(stack.template)["Resources"]
    drifted = [row for row in state["found"] if row["stack"] == key]
    moved = template_changes(template_parse(there.template)["Resources"], new, rules) if drifted else []
    changes = {change["logical_id"]: {**change, "detail": change["detail"] or RUNS} for change in moved}
    for found in drifted:
        _put_back(changes, found, rules)
    # What is made anew is another thing to whatever refers to it, as a replaced one is.
    anew = [{**c, "action": "replaced"} if c["action"] == "added" else c for c in changes.values()]
    rest = dependents(new, anew, rules)
    touched = {change["logical_id"]: change for change in rest}
    for known in (row for row in state["known"] if row["stack"] == key):
        row = touched.setdefault(known["logical_id"], _change(known, "modified", known["reason"], rules))
        row["properties"] = [*row["properties"], _property(known, rules)]
    return {
        "key": key,
        "name": stack.name,
        "region": stack.region,
        "action": "update" if changes else "none",
        "template_hash": template_hash(stack.template),
        "changes": list(changes.values()),
        "touched": list(touched.values()),
    }


def _put_back(changes: dict[str, Change], found: Mapping[str, Any], rules: Rules) -> None:
    name = found["logical_id"]
    if not found["property"]:
        changes[name] = _change(found, "added", "It was deleted; a new one is made.", rules)
        return
    change = changes.setdefault(name, _change(found, "modified", BACK, rules))
    change["detail"] = BACK
    row = _property(found, rules)
    change["properties"] = [p for p in change["properties"] if p["path"] != row["path"]] + [row]
    change["may_replace"] = change["may_replace"] or row["replaces"] == "maybe"
    if row["replaces"] == "always":
        change["action"], change["may_replace"] = "replaced", False


def _property(found: Mapping[str, Any], rules: Rules) -> dict[str, str]:
    return {
        "path": found["property"],
        "before": found["actual"],
        "after": found["expected"],
        "replaces": rules.replaces(found["type"], found["property"]),
    }


def _change(found: Mapping[str, Any], action: str, detail: str, rules: Rules) -> Change:
    return {
        "logical_id": found["logical_id"],
        "type": found["type"],
        "action": action,
        "detail": detail,
        "may_replace": False,
        "stateful": found["type"] in rules.stateful,
        "properties": [],
    }


def _summary(rows: list[dict[str, Any]]) -> str:
    details = [change["detail"] for row in rows for change in row["changes"]]
    if not details:
        return "Nothing is to be put back."
    moving = sum(1 for row in rows if row["changes"])
    stacks = "1 stack" if moving == 1 else f"{moving} stacks"
    back = sum(detail != RUNS for detail in details)
    runs = (
        f" Of {len(details) - back} more the template says by now what runs." if back < len(details) else ""
    )
    return f"{'1 resource is' if back == 1 else f'{back} resources are'} put back in {stacks}.{runs}"


def unplanned_reverts(
    changes: Sequence[dict[str, Any]], planned: Sequence[Change], touched: Sequence[Change]
) -> str:
    """What a drift-aware change set would set and the plan has not told, in words; empty when it has told all.

    By property: what somebody changed after the plan was made is nobody's to put back unseen.
    """
    told = {change["logical_id"]: change for change in (*touched, *planned)}
    seen: dict[str, set[str]] = {}
    for change in (*touched, *planned):
        paths = {row["path"] for row in change["properties"]}
        seen.setdefault(change["logical_id"], set()).update(paths)
    moved = []
    for change in changes:
        if change["action"] != "modified" or change["logical_id"] not in told:
            continue
        for parts in change["sets"]:
            path = named(parts, change["after"], change["before"])
            if not any(same_place(path, one) for one in seen[change["logical_id"]]):
                moved.append(f"{change['logical_id']} ({change['type']}) {path} would be put back")
    return "; ".join(moved[:5])
