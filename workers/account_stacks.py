"""What an account itself consists of: CDK's bootstrap and the baseline's stacks, per region and at home."""

from typing import Any

from environments.lifecycle.accounts import account_baseline_record
from environments.lifecycle.models import Account, Release
from environments.lifecycle.selectors import release_default
from environments.lifecycle.states import AccountMode
from environments.operations.models import Operation
from workers.assembly import StackArtifact, assembly_load
from workers.aws import cloudformation
from workers.aws.cloudformation import Deployment
from workers.aws.session import Session
from workers.context import READER, StepContext
from workers.stacks import stack_deploy, stack_deploy_cancel
from workers.targets import Target
from workers.workflow import Done, Outcome, StepFailed, Wait

EVENTS, GUARD = "switchyard-baseline", "switchyard-guard"
OUTPUTS = {"QueueUrl": "queue_url", "AuditBucket": "audit_bucket"}
"""Outputs of the baseline's stacks that the portal works with, and their names on the account."""


def bootstrap(ctx: StepContext) -> Outcome:
    """CDK's bootstrap stack, by the role that the person's template made for it."""
    account: Account = ctx.subject
    if not deploys(ctx):
        return Done("Not deployed: the account is plan-only. A canary deploys it, on the way to live.")
    outcome = stack_deploy(ctx, _bootstrap_target(ctx))
    if isinstance(outcome, Done):
        account_baseline_record(
            account, region=ctx.step.region, baseline={"bootstrap": release_of(ctx.operation).version}
        )
    return outcome


def baseline(ctx: StepContext) -> Outcome:
    """One stack of what exists once per account and region, or once per account."""
    if not deploys(ctx):
        return Done("Not deployed: the account is plan-only.")
    target = _baseline_target(ctx)
    outcome = stack_deploy(ctx, target)
    if isinstance(outcome, Done):
        _record(ctx, cloudformation.stack_find(_reading(ctx), target.name), target.name)
    return outcome


def guard(ctx: StepContext) -> Outcome:
    """The stack that is made once: what is there already is left as it is, for the deployer may not touch it."""
    if not deploys(ctx):
        return Done("Not deployed: the account is plan-only.")
    if ctx.step.state.get("token") != ctx.token:
        found = cloudformation.stack_find(_reading(ctx), GUARD)
        if found is not None and found.status in cloudformation.AT_REST:
            _record(ctx, found, GUARD)
            return Done(f"{GUARD} is there. The portal cannot change it, and does not.")
    return baseline(ctx)


def bootstrap_cancel(ctx: StepContext) -> Outcome:
    """A cancel while the bootstrap stack is under way."""
    return stack_deploy_cancel(ctx, _bootstrap_target(ctx))


def baseline_cancel(ctx: StepContext) -> Outcome:
    """A cancel while a stack of the baseline is under way."""
    return stack_deploy_cancel(ctx, _baseline_target(ctx))


def guard_cancel(ctx: StepContext) -> Outcome:
    """Its creation comes to its end: the deployer may not delete it."""
    found = cloudformation.stack_find(_reading(ctx), GUARD)
    if found is not None and found.is_moving:
        return Wait(f"{GUARD} cannot be stopped: it is made to its end, or goes by itself when that fails.")
    return Done(f"{GUARD} stays." if found is not None else f"{GUARD} was not begun.")


def deploys(ctx: StepContext) -> bool:
    """Whether this operation may deploy to the account: a canary may, where a plan-only account is only read."""
    account: Account = ctx.subject
    return account.mode != AccountMode.PLAN_ONLY or ctx.operation.kind == "canary"


def release_of(operation: Operation | None = None) -> Release:
    """The release that the operation was planned with; else the default one."""
    if operation is not None and "release" in operation.state:
        return Release.objects.get(pk=operation.state["release"])
    release = release_default()
    if release is None:
        raise StepFailed(
            "No release is registered.",
            reason="no release",
            remedy="Run `manage.py register_release`, then retry.",
        )
    return release


def bootstrap_of(release: Release) -> dict[str, Any]:
    """CDK's bootstrap as the release has it: template, stack_name, service_role_name, parameters, tags."""
    data: dict[str, Any] = release.description["templates"]["bootstrap"]
    return data


def bootstrap_parameters(release: Release, account: Account, region: str) -> dict[str, str]:
    """What the bootstrap's template is given in a region of the account."""
    values = {"account_id": account.account_id, "region": region}
    return {name: value.format_map(values) for name, value in bootstrap_of(release)["parameters"].items()}


def execution_policies(release: Release) -> list[str]:
    """Names of the policies that the bootstrap attaches to CloudFormation's execution role."""
    named: str = bootstrap_of(release)["parameters"]["CloudFormationExecutionPolicies"]
    return [arn.rpartition("/")[2] for arn in named.split(",")]


def baseline_spec(release: Release, account: Account, region: str, *, pays: bool) -> dict[str, Any]:
    """What a release's baseline is told of a region: what that release knows of it. `pays`: see costs.pays."""
    known = release.description["baseline"]["schema"]["properties"]
    home = account.home_region
    regions = [home, *sorted(set(account.regions) - {home})]
    told = {"account_id": account.account_id, "region": region, "regions": regions, "pays": pays}
    return {name: value for name, value in told.items() if name in known}


def baseline_of(operation: Operation, region: str) -> tuple[StackArtifact, ...]:
    """The baseline's stacks in a region, as the operation synthesised them."""
    return assembly_load(operation.state["assemblies"][region]).stacks


def step_key(stack: str, region: str) -> str:
    """The step that deploys a stack of the baseline, and its key in the plan."""
    return f"{stack.removeprefix('switchyard-')}-{region}"


def _reading(ctx: StepContext) -> Session:
    return ctx.session(ctx.subject, ctx.step.region, READER)


def _record(ctx: StepContext, found: cloudformation.StackState | None, name: str) -> None:
    """Keep what the stack put there, and of which release it is."""
    outputs = found.outputs if found is not None else {}
    if name == EVENTS and "QueueUrl" not in outputs:
        raise StepFailed(f"{name} has no output QueueUrl.", resource=name, remedy="Tell an administrator.")
    told: dict[str, Any] = {kept: outputs[output] for output, kept in OUTPUTS.items() if output in outputs}
    if name == EVENTS:
        release = release_of(ctx.operation)
        told |= {"release": release.version, "version": release.baseline_version}
    account_baseline_record(ctx.subject, region=ctx.step.region, baseline=told)


def _bootstrap_target(ctx: StepContext) -> Target:
    account: Account = ctx.subject
    release = release_of(ctx.operation)
    data = bootstrap_of(release)
    return Target(
        account=account,
        region=ctx.step.region,
        key=f"bootstrap-{ctx.step.region}",
        deployment=Deployment(
            name=data["stack_name"],
            role_arn=f"arn:aws:iam::{account.account_id}:role/{data['service_role_name']}",
            template_body=data["template"],
            parameters=bootstrap_parameters(release, account, ctx.step.region),
            tags=data["tags"],
            termination_protection=data["termination_protection"],
        ),
        template=data["template"],
        planned=_of_plan(ctx, "changes"),
        touched=_of_plan(ctx, "touched"),
    )


def _baseline_target(ctx: StepContext) -> Target:
    name = ctx.step.parameters.get("stack", EVENTS)
    artifact = next(stack for stack in baseline_of(ctx.operation, ctx.step.region) if stack.name == name)
    return Target(
        account=ctx.subject,
        region=ctx.step.region,
        key=ctx.step.key,
        deployment=Deployment(
            name=artifact.name,
            role_arn=artifact.execution_role_arn,
            template_body=artifact.template,
            tags=artifact.tags,
            policy=artifact.policy or "",
            termination_protection=artifact.termination_protection,
            on_failure="DELETE" if name == GUARD else "ROLLBACK",
        ),
        template=artifact.template,
        planned=_of_plan(ctx, "changes"),
        touched=_of_plan(ctx, "touched"),
    )


def _of_plan(ctx: StepContext, what: str) -> list[dict[str, Any]]:
    stacks = ctx.operation.plan.document["stacks"]
    return next((stack.get(what, []) for stack in stacks if stack["key"] == ctx.step.key), [])
