"""The last step of a provision or an update: what people open, region by region, and whether it is healthy."""

from collections.abc import Collection
from typing import Any

from environments.lifecycle.models import Environment
from environments.lifecycle.runtime import environment_runtime_record
from environments.lifecycle.stacks import GONE, StackOf, regions_there, stack_with, stacks_of
from workers.aws import beanstalk, cloudformation
from workers.aws.beanstalk import HEALTHY
from workers.context import StepContext
from workers.looks import stack_row
from workers.names import stack_name
from workers.plan_steps import release_of
from workers.rows import stack_seen
from workers.runtime import application_read, began, live_read
from workers.workflow import Done, Outcome, StepFailed, Wait

SHOWN = (("Address", "Address"), ("BeanstalkUrl", "Beanstalk"))
"""Outputs that people use, and what they are called."""


def addresses(ctx: StepContext) -> Outcome:
    """What people open, and whether it is healthy."""
    environment: Environment = ctx.subject
    stacks = stacks_of(release_of(ctx.operation), ctx.operation.parameters["spec"])
    home = environment.home_region
    _outputs_told(ctx, environment)
    front = stack_with(stacks, "Address", in_region=home) or stacks[-1]
    outputs = outputs_of(ctx, environment, front.key, home)
    others = [
        stack
        for stack in stacks
        if not stack.is_home and stack.output("BeanstalkEnvironment") in stack.outputs
    ]
    told = {stack.region: outputs_of(ctx, environment, stack.key, stack.region) for stack in others}
    shown = {label: outputs[output] for output, label in SHOWN if outputs.get(output)}
    for region, row in told.items():
        url = row.get("OtherBeanstalkUrl")
        shown |= {f"Beanstalk in {region}": url} if url else {}
    if shown != ctx.operation.state.get("addresses"):
        # At once, for this step may be skipped.
        ctx.share(addresses=shown)
    # With the role that the steps before took already; it reads as well.
    session = ctx.session(environment.account, home)
    name = outputs.get("BeanstalkEnvironment", f"sy-{environment.full_name}")
    health = _found(beanstalk.environment_find(session, name), name, front)
    if health["status"] != "Ready" or health["health"] not in HEALTHY:
        return Wait(f"Beanstalk says {health['status']}, health {health['health']}.")
    for stack in others:
        name = told[stack.region][stack.output("BeanstalkEnvironment")]
        standby = ctx.session(environment.account, stack.region)
        seen = _found(beanstalk.environment_find(standby, name), name, stack)
        # One without instances has no health to speak of.
        if seen["status"] != "Ready" or seen["health"] == "Red":
            return Wait(f"In {stack.region} Beanstalk says {seen['status']}, health {seen['health']}.")
    # What was created a moment ago is as it was told: only later it is worth asking.
    new = ctx.operation.kind == "provision"
    running = (
        began(ctx.operation, release_of(ctx.operation)) if new else live_read(session, environment).facts
    )
    # A standby begins with the placeholder, as its home does.
    there: dict[str, Any] | None = {} if others else None
    for stack in others if not new else ():
        there, _ = application_read(ctx.session(environment.account, stack.region), environment)
    with ctx.fenced():
        environment_runtime_record(environment=environment, facts=running, other=there)
    return Done(f"It answers at {shown.get('Address', health['url'])}.")


def _found(health: dict[str, Any] | None, name: str, stack: StackOf) -> dict[str, Any]:
    if health is None:
        raise StepFailed(
            "Beanstalk does not know the environment that CloudFormation made.",
            resource=name,
            remedy=f"Look at the stack {stack.key}, then retry.",
        )
    return health


def _outputs_told(ctx: StepContext, environment: Environment) -> None:
    """What the stacks that this operation changed tell now: of all in a region, one listing, once.

    Events tell of their ends only.
    """
    if ctx.step.state.get("told") == ctx.token:
        return
    for region in regions_there(environment):
        rows = environment.stacks.filter(region=region, operation=ctx.operation)
        behind = dict(rows.exclude(stack_id="").exclude(status=GONE).values_list("stack_id", "pk"))
        for state in cloudformation.stacks_all(ctx.session(environment.account, region)) if behind else ():
            if state.stack_id in behind:
                stack_seen(behind.pop(state.stack_id), state)
            if not behind:
                break
    ctx.remember(told=ctx.token)


def outputs_of(
    ctx: StepContext, environment: Environment, key: str, region: str, *, wanted: Collection[str] = ()
) -> dict[str, str]:
    """Outputs of one of its stacks: as they were seen, or asked for when only events told of its end, or when one of
    those `wanted` was not seen yet.
    """
    row = stack_row(ctx, environment.account, region, key, stack_name(environment, key))
    if not row.outputs or not set(wanted) <= set(row.outputs):
        session = ctx.session(environment.account, region)
        stack_seen(row.pk, cloudformation.stack_find(session, row.stack_id or row.name))
        row.refresh_from_db()
    outputs: dict[str, str] = row.outputs
    return outputs
