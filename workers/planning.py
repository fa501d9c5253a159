"""Plans: what is deployed against what a synthesis made, in words and as data."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workers.assembly import StackArtifact, template_hash, template_parse
from workers.aws import cloudformation
from workers.aws.session import Session


@dataclass(frozen=True)
class Deployed:
    """A stack as it is now."""

    stack_id: str
    status: str
    template: str
    last_operation: str


def deployed_templates(session: Session, names: Sequence[str], known: Collection[str]) -> dict[str, Deployed]:
    """Those of the stacks `names` that are there. `known` are names that were seen before.

    One call for an environment that is new: the first stack is asked for by name, and the others only when it is
    there or was known. (Tags would find all in one call as well, but the tagging API lags behind.)
    """
    found = {}
    for name in names:
        if name in known or name == names[0] or names[0] in found:
            deployed = deployed_stack(session, name)
            if deployed is not None:
                found[name] = deployed
    return found


def deployed_stack(session: Session, name: str) -> Deployed | None:
    """One stack as it is, or None when it is absent or a create that came to nothing."""
    state = cloudformation.stack_find(session, name)
    if state is None or state.status in cloudformation.GONE | cloudformation.DEAD:
        return None
    template = cloudformation.template_get(session, state.stack_id)
    return Deployed(state.stack_id, state.status, template, state.last_operation)


def stack_changes(deployed: str | None, wanted: str) -> list[dict[str, str]]:
    """What a stack's new template changes, by logical id: added, modified, removed."""
    new = template_parse(wanted)["Resources"]
    old = template_parse(deployed)["Resources"] if deployed else {}
    changes = [_change(name, new[name]["Type"], "added") for name in new if name not in old]
    changes += [
        _change(name, new[name]["Type"], "modified" if old[name]["Type"] == new[name]["Type"] else "replaced")
        for name in new
        if name in old and old[name] != new[name]
    ]
    changes += [_change(name, old[name]["Type"], "removed") for name in old if name not in new]
    return changes


def plan_document(stacks: Mapping[str, StackArtifact], deployed: Mapping[str, Deployed]) -> dict[str, Any]:
    """A Plan's document (see lifecycle.models.Plan) for stacks by key."""
    rows = [
        stack_plan(key, stack.name, stack.region, stack.template, deployed.get(stack.name))
        for key, stack in stacks.items()
    ]
    return {"summary": summary(rows), "stacks": rows, "risks": [], "losses": []}


def stack_plan(key: str, name: str, region: str, template: str, deployed: Deployed | None) -> dict[str, Any]:
    """One stack's part of a plan."""
    changes = stack_changes(deployed.template if deployed else None, template)
    action = "create" if deployed is None else "update" if changes else "none"
    return {
        "key": key,
        "name": name,
        "region": region,
        "action": action,
        "template_hash": template_hash(template),
        "changes": changes,
    }


def summary(rows: list[dict[str, Any]]) -> str:
    """How much happens, in a sentence."""
    counts: dict[str, int] = {}
    for row in rows:
        for change in row["changes"]:
            counts[change["action"]] = counts.get(change["action"], 0) + 1
    if not counts:
        return "Nothing changes."
    told = ", ".join(
        f"{counts[action]} {action}"
        for action in ("added", "modified", "replaced", "removed")
        if action in counts
    )
    moving = sum(1 for row in rows if row["changes"])
    return f"{moving} stacks with {told} resources."


def plan_hashed(
    stacks: Mapping[str, StackArtifact],
    deployed: Mapping[str, Deployed],
    release: str,
    spec: dict[str, Any],
    facts: dict[str, Any],
) -> dict[str, Any]:
    """What an approval covers: see ARCHITECTURE.md, blueprint deployments."""
    return {
        "release": release,
        "spec": spec,
        "facts": facts,
        "stacks": [
            {
                "name": stack.name,
                "region": stack.region,
                "template": stack.template_hash,
                "parameters": {},
                "tags": stack.tags,
                "policy": stack.policy,
                "last_operation": deployed[stack.name].last_operation if stack.name in deployed else None,
            }
            for stack in stacks.values()
        ],
    }


def _change(logical_id: str, kind: str, action: str) -> dict[str, str]:
    return {"logical_id": logical_id, "type": kind, "action": action, "detail": ""}
