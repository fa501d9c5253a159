"""Reading an environment anew from AWS: what is there, how it differs from what the portal knows, and whether it is
healthy. Nothing in AWS is changed.
"""

from dataclasses import dataclass, field
from typing import Any

from environments.lifecycle.models import Environment
from environments.lifecycle.stacks import stack_with, stacks_of, stacks_there
from environments.operations.models import Resource, Stack
from workers.addresses import SHOWN
from workers.assembly import template_hash
from workers.aws import beanstalk, cloudformation
from workers.aws.beanstalk import HEALTHY
from workers.aws.cloudformation import AT_REST, GONE, StackState
from workers.aws.session import Session
from workers.context import StepContext
from workers.looks import stack_row
from workers.names import stack_name
from workers.rows import resources_fill, stack_seen

LISTED = 5


@dataclass(frozen=True)
class FoundStack:
    """One stack of the environment, as AWS has it now. `state` is None when it is not there."""

    key: str
    name: str
    region: str
    state: StackState | None
    template_hash: str = ""
    resources: list[dict[str, Any]] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        return self.state is not None and self.state.status in AT_REST


@dataclass(frozen=True)
class Found:
    """All of it: stacks in the release's order, addresses, and what Beanstalk says of the application."""

    stacks: list[FoundStack]
    addresses: dict[str, str]
    application: str

    @property
    def problems(self) -> list[str]:
        """What keeps it from being healthy, in sentences."""
        told = [
            f"{stack.name} is {stack.state.status if stack.state else 'not there'}."
            for stack in self.stacks
            if not stack.is_good
        ]
        return told + ([self.application] if self.application else [])


def found_read(ctx: StepContext, environment: Environment) -> Found:
    """Ask AWS about every stack that the environment has or may have, and about its application."""
    stacks = [
        _stack(
            ctx.session(environment.account, stack.region),
            stack.key,
            stack_name(environment, stack.key),
            stack.region,
        )
        for stack in stacks_there(environment)
    ]
    home, has = environment.home_region, stacks_of(environment.release, environment.spec)
    states = {row.key: row.state.outputs for row in stacks if row.state is not None}
    front = stack_with(has, "Address", in_region=home)
    outputs = states.get(front.key, {}) if front else {}
    shown = {label: outputs[output] for output, label in SHOWN if outputs.get(output)}
    for stack in has:
        url = states.get(stack.key, {}).get(stack.output("BeanstalkUrl"))
        shown |= {f"Beanstalk in {stack.region}": url} if url and not stack.is_home else {}
    name = outputs.get("BeanstalkEnvironment", f"sy-{environment.full_name}")
    return Found(stacks, shown, _application(ctx.session(environment.account, home), name))


def found_differences(found: Found, environment: Environment) -> list[str]:
    """How that differs from what the portal knows, in sentences; none when nothing does. By two queries."""
    rows = {row.name: row for row in environment.stacks.prefetch_related("resources")}
    told = [sentence for stack in found.stacks for sentence in _differences(stack, rows.get(stack.name))]
    if found.addresses != environment.addresses and found.addresses:
        told.append(
            f"Its addresses are {_addresses(found.addresses)}, and were {_addresses(environment.addresses)}."
        )
    return told


def found_keep(ctx: StepContext, environment: Environment, found: Found) -> None:
    """Bring the rows in line, under the lease's fence. Safe to run twice."""
    for stack in found.stacks:
        if stack.state is None and not environment.stacks.filter(name=stack.name).exists():
            continue
        with ctx.fenced():
            row = stack_row(ctx, environment.account, stack.region, stack.key, stack.name)
            stack_seen(row.pk, stack.state)
            if stack.state is None:
                continue
            Stack.objects.filter(pk=row.pk).update(template_hash=stack.template_hash)
            resources_fill(row.pk, stack.resources)
            there = [resource["LogicalResourceId"] for resource in stack.resources]
            Resource.objects.filter(stack=row).exclude(logical_id__in=there).delete()


def _stack(session: Session, key: str, name: str, region: str) -> FoundStack:
    # By name: what somebody made anew by hand has another id.
    state = cloudformation.stack_find(session, name)
    if state is None or state.status in GONE:
        return FoundStack(key, name, region, None)
    return FoundStack(
        key,
        name,
        region,
        state,
        template_hash(cloudformation.template_get(session, state.stack_id)),
        cloudformation.resources_of(session, state.stack_id),
    )


def _application(session: Session, name: str) -> str:
    """Why the application is not healthy, in a sentence; empty when it is."""
    health = beanstalk.environment_find(session, name)
    if health is None:
        return "Beanstalk does not know its application."
    if health["status"] == "Ready" and health["health"] in HEALTHY:
        return ""
    return f"Beanstalk says {health['status']}, health {health['health']}."


def _differences(stack: FoundStack, row: Stack | None) -> list[str]:
    known = row is not None and row.status not in GONE
    if stack.state is None:
        return [f"{stack.name} is gone; it was {row.status}."] if row is not None and known else []
    if row is None or not known:
        return [f"{stack.name} is there ({stack.state.status}), and was not known."]
    told = []
    if row.stack_id and row.stack_id != stack.state.stack_id:
        told.append(f"{stack.name} was made anew by somebody else.")
    if row.status != stack.state.status:
        told.append(f"{stack.name} is {stack.state.status}, and was {row.status}.")
    if row.outputs and row.outputs != stack.state.outputs:
        told.append(f"{stack.name} has other outputs.")
    if row.template_hash and row.template_hash != stack.template_hash:
        told.append(
            f"{stack.name} has another template than was deployed last: an update would bring that back."
        )
    return told + _resources(stack, row)


def _resources(stack: FoundStack, row: Stack) -> list[str]:
    known = {r.logical_id: r.physical_id for r in row.resources.all() if not r.status.startswith("DELETE")}
    there = {r["LogicalResourceId"]: r.get("PhysicalResourceId", "")[:600] for r in stack.resources}
    told = []
    for what, names in (
        ("holds besides", sorted(set(there) - set(known))),
        ("holds no longer", sorted(set(known) - set(there))),
        ("holds anew", sorted(name for name in set(known) & set(there) if known[name] != there[name])),
    ):
        # A stack whose resources nobody has read yet holds nothing that is new.
        if names and known:
            more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
            told.append(f"{stack.name} {what} {', '.join(names[:LISTED])}{more}.")
    return told


def _addresses(addresses: dict[str, str]) -> str:
    return ", ".join(addresses.values()) or "none"
