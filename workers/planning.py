"""Plans: what is deployed against what a synthesis made, in words and as data."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any

from django.utils import timezone

from workers.assembly import StackArtifact, template_hash, template_parse
from workers.aws import cloudformation
from workers.aws.session import Session
from workers.changes import Rules, dependents, parameters_put, tagged, template_changes
from workers.joining import joined_changes
from workers.simulation.judging import broadenings
from workers.simulation.resolving import Place


@dataclass(frozen=True)
class Deployed:
    """A stack as it is now."""

    stack_id: str
    status: str
    template: str
    last_operation: str
    tags: dict[str, str]
    changed_at: datetime | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)


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


def deployed_stack(session: Session, name: str, *, is_leaving: bool = False) -> Deployed | None:
    """One stack as it is, or None when it is absent or a create that came to nothing, unless that is to go as well."""
    state = cloudformation.stack_find(session, name)
    nothing = cloudformation.GONE if is_leaving else cloudformation.GONE | cloudformation.DEAD
    if state is None or state.status in nothing:
        return None
    template = cloudformation.template_get(session, state.stack_id)
    return Deployed(
        state.stack_id,
        state.status,
        template,
        state.last_operation,
        state.tags,
        state.changed_at,
        state.parameters,
    )


def plan_document(
    stacks: Mapping[str, StackArtifact],
    deployed: Mapping[str, Deployed],
    rules: Rules,
    leaving: Mapping[str, tuple[str, str]] | None = None,
) -> dict[str, Any]:
    """A Plan's document (see lifecycle.models.Plan) for stacks by key; `leaving` are names and regions, by key, of
    those that go.
    """
    rows = [
        stack_plan(key, stack.name, stack.region, stack.template, stack.tags, deployed.get(stack.name), rules)
        for key, stack in stacks.items()
    ]
    rows += [
        stack_removal(key, name, region, deployed[name], rules)
        for key, (name, region) in (leaving or {}).items()
    ]
    return {
        "summary": summary(rows),
        "stacks": rows,
        "risks": risks(rows),
        "risk_kinds": risk_kinds(rows),
        "losses": [],
    }


def stack_plan(
    key: str,
    name: str,
    region: str,
    template: str,
    tags: Mapping[str, str],
    deployed: Deployed | None,
    rules: Rules,
    parameters: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, Any]:
    """One stack's part of a plan. `touched` is what CloudFormation may look at again because of the changes."""
    new = template_parse(template)["Resources"]
    old = template_parse(deployed.template)["Resources"] if deployed else {}
    if deployed:
        moved = {name for name, value in parameters.items() if deployed.parameters.get(name) != value}
        old = parameters_put(old, {name: deployed.parameters.get(name, "") for name in moved})
        new = parameters_put(new, {name: parameters[name] for name in moved})
    changes = template_changes(old, new, rules)
    touched = dependents(new, changes, rules) if deployed else []
    if deployed and any(deployed.tags.get(tag) != value for tag, value in tags.items()):
        # CloudFormation puts a stack's tags on each resource that can have some, whatever its template says.
        told = {change["logical_id"] for change in (*changes, *touched)}
        touched += tagged(
            {logical_id: row for logical_id, row in new.items() if logical_id not in told}, rules
        )
    return {
        "key": key,
        "name": name,
        "region": region,
        "action": "create" if deployed is None else "update" if changes or touched else "none",
        "template_hash": template_hash(template),
        "changes": changes,
        "touched": touched,
        **({"joined": joined} if (joined := joined_changes(template_parse(template), rules)) else {}),
    }


def stack_removal(key: str, name: str, region: str, deployed: Deployed, rules: Rules) -> dict[str, Any]:
    """The part of a plan of a stack that goes: each of its resources is removed."""
    return {
        "key": key,
        "name": name,
        "region": region,
        "action": "delete",
        "template_hash": template_hash(deployed.template),
        "changes": template_changes(template_parse(deployed.template)["Resources"], {}, rules),
        "touched": [],
    }


def risks(rows: Sequence[dict[str, Any]]) -> list[str]:
    """What an approver should look at twice, in sentences."""
    told = []
    for row in rows:
        for change in row["changes"]:
            what = f"{change['logical_id']} ({change['type']})"
            why = (
                ", ".join(p["path"] for p in change["properties"] if p["replaces"] != "never")
                or change["detail"]
            )
            if change["action"] == "replaced":
                told.append(f"{what} is replaced: a new one is made, then the old one is deleted ({why}).")
            elif change["may_replace"]:
                told.append(f"{what} may be replaced, as CloudFormation decides when it is changed ({why}).")
            elif change["action"] == "removed":
                told.append(f"{what} is deleted.")
        told += [
            f"{change['logical_id']} ({change['type']}) may be replaced, for it refers to what changes."
            for change in row["touched"]
            if change["may_replace"]
        ]
    return told


def risk_kinds(rows: Sequence[dict[str, Any]]) -> list[str]:
    """The kinds of risk that the changes themselves carry, sorted; rules of approval read them (Risk)."""
    found = set()
    for row in rows:
        for change in row["changes"]:
            if change["action"] == "replaced" or (change["may_replace"] and change["stateful"]):
                found.add("replacement")
            if change["action"] == "removed":
                found.add("removal")
            if change["stateful"] and change["action"] in ("replaced", "removed"):
                found.add("data-loss")
    return sorted(found)


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


def iam_told(
    document: dict[str, Any], account: str, region: str, stacks: Mapping[str, tuple[str, str | None, str]]
) -> None:
    """Put into the document what the stacks' policies newly allow, where something is deployed already.

    `stacks`: (name, deployed template or None, new template) by key, of one region. Nothing is asked where no stack
    changes; of a first deployment everything is new, and its plan says so by resource.
    """
    document.setdefault("iam", [])
    moving = {row["key"] for row in document["stacks"] if row["changes"]}
    if not moving.intersection(stacks) or not any(old for _, old, _ in stacks.values()):
        return
    names = {key: name for key, (name, _, _) in stacks.items()}
    before = {key: template_parse(old) for key, (_, old, _) in stacks.items() if old}
    after = {key: template_parse(new) for key, (_, _, new) in stacks.items()}
    found = broadenings(Place(account, region, names, before), Place(account, region, names, after))
    document["iam"] += found
    document["risks"] += [row["sentence"] for row in found if not row["judged"]]
    if found:
        document["risk_kinds"] = sorted({*document["risk_kinds"], "iam-broadening"})


def plan_hashed(
    stacks: Mapping[str, StackArtifact],
    deployed: Mapping[str, Deployed],
    release: str,
    spec: dict[str, Any],
    facts: dict[str, Any],
    leaving: Mapping[str, tuple[str, str]] | None = None,
) -> dict[str, Any]:
    """What an approval covers: see ARCHITECTURE.md, blueprint deployments. `leaving` as plan_document has it."""
    told = [
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
    ]
    told += [
        {"name": name, "region": region, "template": None, "last_operation": deployed[name].last_operation}
        for name, region in (leaving or {}).values()
    ]
    return {"release": release, "spec": spec, "facts": facts, "stacks": told}


def plan_seen(deployed: Mapping[str, Deployed], facts_version: int | None) -> dict[str, Any]:
    """What explains the hash later, when it has moved: see Plan.seen."""
    return {
        "looked_at": timezone.now().isoformat(),
        "facts_version": facts_version,
        "stacks": {
            name: {
                "status": stack.status,
                "changed_at": stack.changed_at.isoformat() if stack.changed_at else "",
            }
            for name, stack in deployed.items()
        },
    }
