"""Provision: from an approved request to a running environment.

Plan: the region's facts, synthesis, and what would be created. Execution: assets, then one step per stack of the
release in the order of their needs, side by side where they can be, then addresses and health.
"""

from decimal import Decimal
from typing import Any

from environments.errors import Conflict
from environments.lifecycle.accounts import account_require_deployable, region_facts_latest
from environments.lifecycle.costs import cost_estimate
from environments.lifecycle.models import Environment, RegionFacts, Release
from environments.lifecycle.plans import plan_store
from environments.lifecycle.runtime import environment_runtime_record
from environments.operations.models import Operation
from workers.assembly import Assembly, StackArtifact, assembly_load, template_parse
from workers.aws import beanstalk, cloudformation, ec2, s3
from workers.aws.beanstalk import HEALTHY
from workers.aws.cloudformation import Deployment
from workers.changes import Rules
from workers.context import READER, StepContext, subject_of
from workers.looks import stack_row
from workers.names import stack_name
from workers.planning import deployed_templates, plan_document, plan_hashed, require_no_loss
from workers.rows import stack_seen
from workers.runtime import began, live_read, require_unmoved, synthesis_inputs
from workers.stacks import stack_deploy, stack_deploy_cancel
from workers.stored import templates_stored
from workers.synthesis import LockMissing, synthesise
from workers.targets import Target
from workers.workflow import (
    Done,
    Outcome,
    StepFailed,
    StepFunction,
    StepSpec,
    Wait,
    Workflow,
    workflow_register,
)

STACK_LIMIT_S = 3 * 3600
HEALTH_LIMIT_S = 15 * 60
DEFAULT_GROUP = "DefaultSecurityGroupId"


def facts(ctx: StepContext) -> Outcome:
    """What is known of the home region; synthesis looks nothing up."""
    environment: Environment = ctx.subject
    try:
        row = region_facts_latest(environment.account, environment.home_region)
    except RegionFacts.DoesNotExist as error:
        raise StepFailed(
            str(error), reason="no facts", remedy="Run the adding of the account again, then retry."
        ) from error
    return Done(
        f"Version {row.version} of what is known of {row.region}.",
        {"facts": {row.region: row.facts}, "facts_version": row.version},
    )


def synthesis(ctx: StepContext) -> Outcome:
    """The release's templates for this spec, and for what runs now; a rollback's are the stored ones where its release
    cannot be synthesised here.
    """
    release = release_of(ctx.operation)
    spec = ctx.operation.parameters["spec"]
    live = ctx.operation.state.get("runtime", {})
    facts, live = synthesis_inputs(release, spec, ctx.operation.state["facts"], live)
    try:
        name = synthesise(
            digest=release.digest,
            artifact=release.artifact,
            lock=release.description["lock"],
            version=release.version,
            app="environment",
            spec=spec,
            facts=facts,
            runtime=live,
            alive=ctx.lease.renew,
        )
    except LockMissing as missing:
        return templates_stored(ctx, missing)
    assembly = assembly_load(name)
    return Done(f"{len(assembly.stacks)} stacks from release {release.version}.", {"assembly": name})


def plan(ctx: StepContext) -> Outcome:
    """Deployed against new, per stack and resource, with the price."""
    environment: Environment = ctx.subject
    assembly = assembly_load(ctx.operation.state["assembly"])
    session = ctx.session(environment.account, environment.home_region, READER)
    release = release_of(ctx.operation)
    _require_same_stacks(environment, release)
    stacks = keyed(assembly, environment, release)
    known = environment.stacks.exclude(stack_id="").values_list("name", flat=True)
    deployed = deployed_templates(session, [stack.name for stack in stacks.values()], set(known))
    document = plan_document(stacks, deployed, Rules.of(release.description))
    require_no_loss(document)
    spec = ctx.operation.parameters["spec"]
    facts = {**ctx.operation.state["facts"], "runtime": ctx.operation.state.get("runtime", {})}
    hashed = plan_hashed(stacks, deployed, release.digest, spec, facts)
    cost = cost_estimate(release.costs, spec)
    with ctx.fenced() as operation:
        plan_store(
            operation,
            document=document,
            hashed=hashed,
            cost=cost,
            cost_before=(environment.monthly_cost or Decimal(0)) if deployed else Decimal(0),
            assembly=assembly.artifact,
        )
    return Done(f"{document['summary']} About {cost['total']} USD a month.")


def release_of(operation: Operation) -> Release:
    """The release that the operation brings its environment to: another one when it upgrades."""
    environment: Environment = subject_of(operation)
    wanted = operation.parameters.get("release_id", environment.release_id)
    return environment.release if wanted == environment.release_id else Release.objects.get(pk=wanted)


def _require_same_stacks(environment: Environment, release: Release) -> None:
    there = {stack["key"] for stack in environment.release.stacks}
    gone = sorted(there - {stack["key"] for stack in release.stacks})
    if gone:
        raise StepFailed(
            f"Release {release.version} has no stack {', '.join(gone)}, which {environment} has.",
            reason="stack removed",
            remedy="Choose a release that has it, or a new environment.",
        )


def keyed(assembly: Assembly, environment: Environment, release: Release) -> dict[str, StackArtifact]:
    """The assembly's stacks by the release's keys, in the release's order."""
    return {stack["key"]: assembly.stack(stack_name(environment, stack["key"])) for stack in release.stacks}


def execute(operation: Operation) -> list[StepSpec]:
    """One step per stack of the release, after the assets; addresses last."""
    environment: Environment = subject_of(operation)
    region, stacks = environment.home_region, release_of(operation).stacks
    steps = [StepSpec("assets", "Assets", "assets", region=region, time_limit_s=900)]
    for stack in stacks:
        steps.append(
            StepSpec(
                stack["key"],
                stack["title"],
                "stack",
                needs=("assets", *stack["needs"]),
                region=region,
                time_limit_s=STACK_LIMIT_S,
                parameters={"stack": stack["key"], "stack_name": stack_name(environment, stack["key"])},
            )
        )
    needs = tuple(stack["key"] for stack in stacks)
    for stack in stacks:
        if DEFAULT_GROUP in stack.get("outputs", []):
            title = "Default security group"
            steps.append(
                StepSpec(
                    "default-group",
                    title,
                    "default_group",
                    (stack["key"],),
                    region,
                    900,
                    # Nothing uses the group; the next update closes it.
                    may_skip="The default security group keeps its rules, which AWS's control EC2.2 reports.",
                )
            )
    steps.append(
        StepSpec(
            "addresses",
            "Addresses and health",
            "addresses",
            needs,
            region,
            time_limit_s=HEALTH_LIMIT_S,
            # What does not answer may be the team's application, which is not the portal's to mend.
            may_skip="Nobody has seen that it answers: it counts as active with the health that it has.",
        )
    )
    return steps


def assets(ctx: StepContext) -> Outcome:
    """Templates and files into the account's bucket. Here a plan-only account ends."""
    environment: Environment = ctx.subject
    try:
        account_require_deployable(environment.account, is_canary=environment.is_canary)
    except Conflict as error:
        raise StepFailed(
            error.message, reason="plan-only", remedy="Make the account live with a canary, then retry."
        ) from error
    assembly = assembly_load(ctx.operation.state["assembly"])
    session = ctx.session(environment.account, environment.home_region)
    new = 0
    for asset in assembly.assets:
        if asset.is_template and _travels(assembly.content(asset.path)):
            continue
        # A template is new for each environment, so it is put without asking; a bundle is shared by many.
        if asset.is_template or not s3.object_exists(session, asset.bucket, asset.key):
            s3.object_put(session, asset.bucket, asset.key, assembly.content(asset.path))
            new += 1
    return Done(
        f"{new} of {len(assembly.assets)} files uploaded; the others were there, or travel in the call."
    )


def _travels(template: bytes) -> bool:
    """Whether a template is small enough to travel in the call that deploys it."""
    return len(template) <= cloudformation.BODY_LIMIT


def stack(ctx: StepContext) -> Outcome:
    """One stack."""
    target = _target(ctx)
    if (target.planned or target.touched) and ctx.step.state.get("token") != ctx.token:
        resources = template_parse(target.template)["Resources"]
        require_unmoved(ctx, {resource["Type"] for resource in resources.values()})
    return stack_deploy(ctx, target)


def stack_cancel(ctx: StepContext) -> Outcome:
    """A cancel while the stack is under way."""
    return stack_deploy_cancel(ctx, _target(ctx))


def default_group(ctx: StepContext) -> Outcome:
    """Close the VPC's default security group, which CloudFormation cannot (AWS's control EC2.2 asks for it)."""
    environment: Environment = ctx.subject
    stacks = release_of(ctx.operation).stacks
    key = next(stack["key"] for stack in stacks if DEFAULT_GROUP in stack.get("outputs", []))
    closed = ec2.group_close(
        ctx.session(environment.account, environment.home_region),
        _outputs(ctx, environment, key)[DEFAULT_GROUP],
    )
    return Done(f"{closed} rules taken away; nothing uses the group.")


def addresses(ctx: StepContext) -> Outcome:
    """What people open, and whether it is healthy."""
    environment: Environment = ctx.subject
    key = release_of(ctx.operation).stacks[-1]["key"]
    # With the role that the steps before took already; it reads as well.
    session = ctx.session(environment.account, environment.home_region)
    outputs = _outputs(ctx, environment, key)
    shown = {
        label: outputs[output]
        for output, label in (("Address", "Address"), ("BeanstalkUrl", "Beanstalk"))
        if outputs.get(output)
    }
    if shown != ctx.operation.state.get("addresses"):
        # At once, for this step may be skipped.
        ctx.share(addresses=shown)
    health = beanstalk.environment_find(
        session, outputs.get("BeanstalkEnvironment", f"sy-{environment.full_name}")
    )
    if health is None:
        raise StepFailed(
            "Beanstalk does not know the environment that CloudFormation made.",
            resource=f"sy-{environment.full_name}",
            remedy="Look at the stack app, then retry.",
        )
    if health["status"] == "Ready" and health["health"] in HEALTHY:
        # What was created a moment ago is as it was told: only later it is worth asking.
        new = ctx.operation.kind == "provision"
        running = (
            began(ctx.operation, release_of(ctx.operation)) if new else live_read(session, environment).facts
        )
        with ctx.fenced():
            environment_runtime_record(environment=environment, facts=running)
        return Done(f"It answers at {shown.get('Address', health['url'])}.")
    return Wait(f"Beanstalk says {health['status']}, health {health['health']}.")


def _outputs(ctx: StepContext, environment: Environment, key: str) -> dict[str, str]:
    """Outputs of one of its stacks: as they were seen, or asked for when only events told of its end."""
    row = stack_row(ctx, environment.account, environment.home_region, key, stack_name(environment, key))
    if not row.outputs:
        session = ctx.session(environment.account, environment.home_region)
        stack_seen(row.pk, cloudformation.stack_find(session, row.stack_id or row.name))
        row.refresh_from_db()
    outputs: dict[str, str] = row.outputs
    return outputs


def _target(ctx: StepContext) -> Target:
    environment: Environment = ctx.subject
    key = ctx.step.parameters["stack"]
    artifact = assembly_load(ctx.operation.state["assembly"]).stack(stack_name(environment, key))
    travels = _travels(artifact.template.encode())
    planned: dict[str, Any] = next(
        (row for row in ctx.operation.plan.document["stacks"] if row["key"] == key), {}
    )
    return Target(
        account=environment.account,
        region=artifact.region,
        key=key,
        deployment=Deployment(
            name=artifact.name,
            role_arn=artifact.execution_role_arn,
            template_body=artifact.template if travels else "",
            template_url=""
            if travels
            else f"https://{artifact.template_bucket}.s3.{artifact.region}.amazonaws.com/{artifact.template_key}",
            tags=artifact.tags,
            policy=artifact.policy or "",
            termination_protection=artifact.termination_protection,
        ),
        template=artifact.template,
        may_replace=ctx.operation.kind == "provision",
        planned=planned.get("changes", ()),
        touched=planned.get("touched", ()),
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
    "assets": assets,
    "stack": stack,
    "default_group": default_group,
    "addresses": addresses,
}
CANCELS: dict[str, StepFunction] = {"stack": stack_cancel}

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
