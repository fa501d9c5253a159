"""What an account itself consists of, per region: CDK's bootstrap, and the baseline."""

from typing import Any

from environments.lifecycle.accounts import account_baseline_record
from environments.lifecycle.models import Account, Release
from environments.lifecycle.selectors import release_default
from environments.lifecycle.states import AccountMode
from environments.operations.models import Operation
from workers.assembly import StackArtifact, assembly_load
from workers.aws import cloudformation
from workers.aws.cloudformation import Deployment
from workers.context import READER, StepContext
from workers.stacks import stack_deploy, stack_deploy_cancel
from workers.targets import Target
from workers.workflow import Done, Outcome, StepFailed


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
    """What exists once per account and region."""
    account: Account = ctx.subject
    if not deploys(ctx):
        return Done("Not deployed: the account is plan-only.")
    target = _baseline_target(ctx)
    outcome = stack_deploy(ctx, target)
    if isinstance(outcome, Done):
        found = cloudformation.stack_find(ctx.session(account, ctx.step.region, READER), target.name)
        if found is None or "QueueUrl" not in found.outputs:
            raise StepFailed(
                f"{target.name} has no output QueueUrl.",
                resource=target.name,
                remedy="Tell an administrator.",
            )
        account_baseline_record(
            account,
            region=ctx.step.region,
            baseline={"queue_url": found.outputs["QueueUrl"], "release": release_of(ctx.operation).version},
        )
    return outcome


def bootstrap_cancel(ctx: StepContext) -> Outcome:
    """A cancel while the bootstrap stack is under way."""
    return stack_deploy_cancel(ctx, _bootstrap_target(ctx))


def baseline_cancel(ctx: StepContext) -> Outcome:
    """A cancel while the baseline stack is under way."""
    return stack_deploy_cancel(ctx, _baseline_target(ctx))


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


def baseline_of(operation: Operation, region: str) -> StackArtifact:
    """The baseline of a region, as the operation synthesised it."""
    return assembly_load(operation.state["assemblies"][region]).stacks[0]


def _bootstrap_target(ctx: StepContext) -> Target:
    account: Account = ctx.subject
    data = bootstrap_of(release_of(ctx.operation))
    values = {"account_id": account.account_id, "region": ctx.step.region}
    return Target(
        account=account,
        region=ctx.step.region,
        key=f"bootstrap-{ctx.step.region}",
        deployment=Deployment(
            name=data["stack_name"],
            role_arn=f"arn:aws:iam::{account.account_id}:role/{data['service_role_name']}",
            template_body=data["template"],
            parameters={name: value.format_map(values) for name, value in data["parameters"].items()},
            tags=data["tags"],
            termination_protection=data["termination_protection"],
        ),
        template=data["template"],
        planned=_of_plan(ctx, "changes"),
        touched=_of_plan(ctx, "touched"),
    )


def _baseline_target(ctx: StepContext) -> Target:
    artifact = baseline_of(ctx.operation, ctx.step.region)
    return Target(
        account=ctx.subject,
        region=ctx.step.region,
        key=f"baseline-{ctx.step.region}",
        deployment=Deployment(
            name=artifact.name,
            role_arn=artifact.execution_role_arn,
            template_body=artifact.template,
            tags=artifact.tags,
        ),
        template=artifact.template,
        planned=_of_plan(ctx, "changes"),
        touched=_of_plan(ctx, "touched"),
    )


def _of_plan(ctx: StepContext, what: str) -> list[dict[str, Any]]:
    stacks = ctx.operation.plan.document["stacks"]
    return next((stack.get(what, []) for stack in stacks if stack["key"] == ctx.step.key), [])
