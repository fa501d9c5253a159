"""Drift fix: what has drifted of chosen stacks is put back to what the templates say, by drift-aware change sets.

Plan: what runs now goes into the template, then a fresh look says what differs. Execution: a change set per stack
against what is really there (REVERT_DRIFT), carried out only when the plan has all of it; at the end another look.
"""

from environments.lifecycle.models import Environment
from environments.lifecycle.plans import plan_store
from environments.operations.models import Operation
from workers import drift
from workers.assembly import assembly_load
from workers.changes import Rules
from workers.context import READER, StepContext, subject_of
from workers.drift import drift_into
from workers.drift_planning import drift_document
from workers.names import stack_name
from workers.plan_steps import keyed, release_of
from workers.planning import Deployed, deployed_stack, plan_hashed, plan_seen
from workers.runtime import runtime
from workers.workflow import Done, Outcome, StepSpec, Workflow, workflow_register
from workers.workflows import provision, update


def plan(ctx: StepContext) -> Outcome:
    """What would be put back, by resource and property. The price stays."""
    environment: Environment = ctx.subject
    assembly = assembly_load(ctx.operation.state["assembly"])
    release = release_of(ctx.operation)
    chosen = ctx.operation.parameters["stacks"]
    every = keyed(assembly, environment, release, ctx.operation.parameters["spec"])
    stacks = {key: stack for key, stack in every.items() if key in chosen}
    deployed: dict[str, Deployed] = {}
    for stack in stacks.values():
        session = ctx.session(environment.account, stack.region, READER)
        there = deployed_stack(session, stack.name)
        if there is not None:
            deployed[stack.name] = there
    state = ctx.operation.state
    document = drift_document(stacks, deployed, state["drift"], Rules.of(release.description))
    drift_into(document, state["drift"], environment)
    facts = {**state["facts"], "runtime": state["runtime"], "drift": state["drift"]["found"]}
    hashed = plan_hashed(stacks, deployed, release.digest, ctx.operation.parameters["spec"], facts)
    with ctx.fenced() as operation:
        plan_store(
            operation,
            document=document,
            hashed=hashed,
            assembly=assembly.artifact,
            seen=plan_seen(deployed, state.get("facts_version")),
        )
        cost = environment.monthly_cost or 0
        operation.plan.monthly_cost_before = operation.plan.monthly_cost_after = cost
        operation.plan.save(update_fields=["monthly_cost_before", "monthly_cost_after"])
    return Done(document["summary"])


def execute(operation: Operation) -> list[StepSpec]:
    """The files, each stack that has something to put back, the addresses, and another look."""
    environment: Environment = subject_of(operation)
    region = environment.home_region
    moving = {
        row["key"]: row["region"] for row in operation.plan.document["stacks"] if row["action"] != "none"
    }
    steps = [StepSpec("assets", "Assets", "assets", region=region, time_limit_s=900)]
    for key, place in moving.items():
        parameters = {"stack": key, "stack_name": stack_name(environment, key)}
        steps.append(
            StepSpec(
                key,
                f"Stack {key}",
                "stack",
                ("assets",),
                place,
                provision.STACK_LIMIT_S,
                parameters,
            )
        )
    needs = tuple(moving)
    limit = provision.HEALTH_LIMIT_S
    steps.append(StepSpec("addresses", "Addresses and health", "addresses", needs, region, limit))
    steps.append(StepSpec("verify", "Another look", "drift", needs, region, 1800))
    return steps


def succeeded(operation: Operation) -> str:
    """The sentence of the good end."""
    stacks = ", ".join(operation.parameters["stacks"])
    return f"{operation.subject_label} is what its templates say again ({stacks})."


workflow_register(
    Workflow(
        kind="drift-fix",
        plan=update.PLAN,
        execute=execute,
        functions={**provision.FUNCTIONS, "plan": plan, "runtime": runtime, "drift": drift.look},
        cancels=provision.CANCELS,
        succeeded=succeeded,
    )
)
