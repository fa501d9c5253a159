"""Provision: from an approved request to a running environment.

Plan: the region's facts, synthesis, and what would be created. Execution: assets, then one step per stack of the
release in the order of their needs, side by side where they can be, then addresses and health.
"""

from dataclasses import replace
from typing import Any

from environments.errors import Conflict
from environments.lifecycle.accounts import account_require_deployable
from environments.lifecycle.models import Environment
from environments.lifecycle.stacks import StackOf, stacks_of, stacks_there, users_of
from environments.operations.models import Operation
from workers import deletion
from workers.addresses import addresses, outputs_of
from workers.assembly import assembly_load, template_parse
from workers.aws import ec2
from workers.backfill import backfill, backfill_cancel
from workers.context import StepContext, subject_of
from workers.joining import JOINED
from workers.names import stack_name
from workers.plan_steps import facts, plan, release_of, synthesis
from workers.runtime import require_unmoved
from workers.second_look import second_look
from workers.stacks import stack_deploy, stack_deploy_cancel
from workers.targets import Target
from workers.uploads import assets_upload, deployment_of
from workers.workflow import (
    Done,
    Outcome,
    StepFailed,
    StepFunction,
    StepSpec,
    Workflow,
    workflow_register,
)

STACK_LIMIT_S = 3 * 3600
HEALTH_LIMIT_S = 15 * 60
BACKFILL_LIMIT_S = 48 * 3600
"""S3 tells no time for it: it depends on how much there is."""
LOOK_LIMIT_S = 3600
"""The second look waits while somebody else changes a stack."""
DEFAULT_GROUP = "DefaultSecurityGroupId"


def execute(operation: Operation) -> list[StepSpec]:
    """One step per stack, after the assets; then addresses, and the end of those that are no longer wanted."""
    environment: Environment = subject_of(operation)
    stacks = stacks_of(release_of(operation), operation.parameters["spec"])
    region = environment.home_region
    steps = [
        StepSpec("second-look", "Second look", "second_look", region=region, time_limit_s=LOOK_LIMIT_S),
        StepSpec("assets", "Assets", "assets", ("second-look",), region, time_limit_s=900),
    ]
    for stack in stacks:
        steps.append(
            StepSpec(
                stack.key,
                stack.title,
                "stack",
                needs=("assets", *stack.needs),
                region=stack.region,
                time_limit_s=STACK_LIMIT_S,
                parameters={"stack": stack.key, "stack_name": stack_name(environment, stack.key)},
            )
        )
    for stack in stacks:
        if stack.joins:
            steps += [_join(environment, stack), *_backfills(operation, stack)]
        if stack.output(DEFAULT_GROUP) in stack.outputs:
            steps.append(
                StepSpec(
                    "default-group" if stack.is_home else "other-default-group",
                    "Default security group",
                    "default_group",
                    (stack.key,),
                    stack.region,
                    900,
                    {"of": stack.key, "output": stack.output(DEFAULT_GROUP)},
                    # Nothing uses the group; the next update closes it.
                    may_skip="The default security group keeps its rules, which AWS's control EC2.2 reports.",
                )
            )
    steps.append(
        StepSpec(
            "addresses",
            "Addresses and health",
            "addresses",
            (*(stack.key for stack in stacks), *(f"join-{stack.key}" for stack in stacks if stack.joins)),
            region,
            time_limit_s=HEALTH_LIMIT_S,
            # What does not answer may be the team's application, which is not the portal's to mend.
            may_skip="Nobody has seen that it answers: it counts as active with the health that it has.",
        )
    )
    return steps + _removals(operation, environment, stacks)


def _join(environment: Environment, stack: StackOf) -> StepSpec:
    """The stack once more, when those stand that it is joined to: each region's part needs the other's to be there."""
    return StepSpec(
        f"join-{stack.key}",
        f"{stack.title}, joined to the other region",
        "join",
        (stack.key, *stack.joins),
        stack.region,
        STACK_LIMIT_S,
        {"stack": stack.key, "stack_name": stack_name(environment, stack.key)},
    )


def _backfills(operation: Operation, stack: StackOf) -> list[StepSpec]:
    """What the plan says is copied of a stack when it is joined."""
    other = operation.parameters["spec"].get("other_region")
    return [
        StepSpec(
            f"backfill-{stack.key}",
            f"{stack.title}: what was there before, copied to {other}",
            "backfill",
            (f"join-{stack.key}",),
            stack.region,
            BACKFILL_LIMIT_S,
            {"of": stack.key, "bucket": bucket, "role": role, "to_region": other},
            may_skip=f"What was there before stays at home alone: after a failover to {other} it is missing.",
        )
        for bucket, role in _row(operation, stack.key).get("copies", {}).items()
    ]


def _removals(operation: Operation, environment: Environment, stays: list[StackOf]) -> list[StepSpec]:
    """The end of the stacks that the plan deletes, each after the changes of those that needed it."""
    planned = [row["key"] for row in operation.plan.document["stacks"] if row["action"] == "delete"]
    there = stacks_there(environment)
    leaving = [stack for stack in there if stack.key in planned]
    keys = {stack.key for stack in stays}
    users = {
        stack.key: [key for key in users_of(stack.key, there, stays) if key in keys] for stack in leaving
    }
    return deletion.steps_of(environment, leaving, after=("assets",), users=users)


def assets(ctx: StepContext) -> Outcome:
    """Templates and files into the account's bucket. Here a plan-only account ends."""
    environment: Environment = ctx.subject
    try:
        account_require_deployable(environment.account, is_canary=environment.is_canary)
    except Conflict as error:
        raise StepFailed(
            error.message, reason="plan-only", remedy="Make the account live with a canary, then retry."
        ) from error
    return assets_upload(ctx, environment.account, assembly_load(ctx.operation.state["assembly"]))


def stack(ctx: StepContext) -> Outcome:
    """One stack."""
    target = _target(ctx)
    if (target.planned or target.touched) and ctx.step.state.get("token") != ctx.token:
        resources = template_parse(target.template)["Resources"]
        require_unmoved(ctx, {resource["Type"] for resource in resources.values()}, target.region)
    return stack_deploy(ctx, target)


def join(ctx: StepContext) -> Outcome:
    """One stack joined to the other region. Nothing to do where it is already."""
    return stack_deploy(ctx, _joined(ctx))


def join_cancel(ctx: StepContext) -> Outcome:
    """A cancel while that is under way."""
    return stack_deploy_cancel(ctx, _joined(ctx))


def _joined(ctx: StepContext) -> Target:
    target = _target(ctx)
    planned = _planned(ctx, target.key)
    return replace(
        target,
        deployment=replace(target.deployment, parameters={JOINED: "true"}),
        planned=(),
        touched=planned.get("joined", ()),
        # Its own operation has changed it just before.
        last_operation=None,
        may_replace=False,
        named=frozenset(),
    )


def _parameters(ctx: StepContext, key: str) -> dict[str, str]:
    """Values that only AWS knows, from the outputs of stacks that stand. Later updates keep them."""
    environment: Environment = ctx.subject
    stacks = {s.key: s for s in stacks_of(release_of(ctx.operation), ctx.operation.parameters["spec"])}
    found = {}
    for name, source in stacks[key].parameters.items():
        other, _, output = source.partition(".")
        found[name] = outputs_of(ctx, environment, other, stacks[other].region)[output]
    return found


def _planned(ctx: StepContext, key: str) -> dict[str, Any]:
    return _row(ctx.operation, key)


def _row(operation: Operation, key: str) -> dict[str, Any]:
    """What the plan says of a stack."""
    rows = operation.plan.document["stacks"]
    return next((row for row in rows if row["key"] == key), {})


def stack_cancel(ctx: StepContext) -> Outcome:
    """A cancel while the stack is under way."""
    return stack_deploy_cancel(ctx, _target(ctx))


def default_group(ctx: StepContext) -> Outcome:
    """Close the VPC's default security group, which CloudFormation cannot (AWS's control EC2.2 asks for it)."""
    environment: Environment = ctx.subject
    region, key = ctx.step.region, ctx.step.parameters["of"]
    group = outputs_of(ctx, environment, key, region)[ctx.step.parameters["output"]]
    closed = ec2.group_close(ctx.session(environment.account, region), group)
    return Done(f"{closed} rules taken away; nothing uses the group.")


def _target(ctx: StepContext) -> Target:
    environment: Environment = ctx.subject
    key = ctx.step.parameters["stack"]
    artifact = assembly_load(ctx.operation.state["assembly"]).stack(stack_name(environment, key))
    planned = _planned(ctx, key)
    return Target(
        account=environment.account,
        region=artifact.region,
        key=key,
        deployment=deployment_of(
            artifact, parameters=_parameters(ctx, key) if planned.get("action") == "create" else {}
        ),
        template=artifact.template,
        # What an update adds is new as well: what a create left of it that came to nothing is deleted first.
        may_replace=ctx.operation.kind == "provision" or planned.get("action") == "create",
        reverts=ctx.operation.kind == "drift-fix",
        planned=planned.get("changes", ()),
        touched=planned.get("touched", ()),
        last_operation=next(
            (
                row["last_operation"]
                for row in ctx.operation.plan.hashed.get("stacks", ())
                if row["name"] == artifact.name
            ),
            None,
        ),
        named=frozenset(
            name.removeprefix(f"{key}/")
            for name in ctx.operation.parameters.get("replace", ())
            if name.startswith(f"{key}/")
        ),
    )


def succeeded(operation: Operation) -> str:
    """The sentence of the good end."""
    address = operation.state.get("addresses", {}).get("Address", "")
    return f"{operation.subject_label} is active{f' at {address}' if address else ''}."


PLAN = (
    StepSpec("facts", "Region facts", "facts", time_limit_s=300),
    StepSpec("synthesis", "Synthesis", "synthesis", ("facts",), time_limit_s=600),
    StepSpec("plan", "Plan", "plan", ("synthesis",), time_limit_s=600),
)
FUNCTIONS: dict[str, StepFunction] = {
    "facts": facts,
    "synthesis": synthesis,
    "plan": plan,
    "second_look": second_look,
    "assets": assets,
    "stack": stack,
    "join": join,
    "backfill": backfill,
    "default_group": default_group,
    "addresses": addresses,
    **deletion.FUNCTIONS,
}
CANCELS: dict[str, StepFunction] = {
    "stack": stack_cancel,
    "join": join_cancel,
    "backfill": backfill_cancel,
    **deletion.CANCELS,
}

workflow_register(
    Workflow(
        kind="provision",
        plan=PLAN,
        execute=execute,
        functions=FUNCTIONS,
        cancels=CANCELS,
        succeeded=succeeded,
    )
)
