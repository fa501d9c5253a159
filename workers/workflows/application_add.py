"""Application-add: from an approved request to a pipeline that takes commits.

Plan: synthesis, and what would be created. Execution: the template's file, and the one stack.
"""

from decimal import Decimal

from environments.errors import Conflict
from environments.lifecycle.accounts import account_require_deployable
from environments.lifecycle.applications import application_cost, delivery_of
from environments.lifecycle.costs import cost_compare, types_unpriced
from environments.lifecycle.models import Application
from environments.lifecycle.plans import plan_store
from environments.operations.models import Operation
from workers.assembly import assembly_load
from workers.aws import cloudformation
from workers.changes import Rules
from workers.context import READER, StepContext, subject_of
from workers.planning import deployed_stack, plan_document, plan_hashed, plan_seen
from workers.stacks import stack_deploy, stack_deploy_cancel
from workers.synthesis import synthesise
from workers.targets import Target
from workers.uploads import assets_upload, deployment_of
from workers.workflow import (
    Done,
    Outcome,
    StepFailed,
    StepSpec,
    Workflow,
    workflow_register,
)

KEY = "delivery"
STACK_LIMIT_S = 3600


def synthesis(ctx: StepContext) -> Outcome:
    """The release's template for this application."""
    application: Application = ctx.subject
    release = application.release
    name = synthesise(
        release=release,
        app="application",
        spec=ctx.operation.parameters["spec"],
        facts={},
        alive=ctx.lease.renew,
    )
    return Done(f"One stack from release {release.version}.", {"assembly": name})


def plan(ctx: StepContext) -> Outcome:
    """What is to be, with the price."""
    application: Application = ctx.subject
    release, spec = application.release, ctx.operation.parameters["spec"]
    artifact = assembly_load(ctx.operation.state["assembly"]).stack(application.stack_name)
    session = ctx.session(application.account, application.region, READER)
    found = deployed_stack(session, artifact.name)
    deployed = {artifact.name: found} if found else {}
    document = plan_document({KEY: artifact}, deployed, Rules.of(release.description))
    types = [resource["Type"] for resource in artifact.resources.values()]
    document["unpriced"] = types_unpriced(delivery_of(release)["costs"], types)
    cost = cost_compare(application_cost(release, spec), None)
    with ctx.fenced() as operation:
        plan_store(
            operation,
            document=document,
            hashed=plan_hashed({KEY: artifact}, deployed, release.digest, spec, {}),
            cost=cost,
            cost_before=Decimal(cost["total_before"]),
            assembly=ctx.operation.state["assembly"],
            seen=plan_seen(deployed, None),
        )
    return Done(f"{document['summary']} About {cost['total']} USD a month.")


def execute(operation: Operation) -> list[StepSpec]:
    """The file, then the stack."""
    application: Application = subject_of(operation)
    region = application.region
    return [
        StepSpec("assets", "Assets", "assets", (), region, time_limit_s=900),
        StepSpec(
            KEY,
            "Repository, pipeline, registry",
            "stack",
            ("assets",),
            region,
            STACK_LIMIT_S,
            {"stack": KEY, "stack_name": application.stack_name},
        ),
    ]


def assets(ctx: StepContext) -> Outcome:
    """The template into the account's bucket. Here a plan-only account ends."""
    application: Application = ctx.subject
    try:
        account_require_deployable(application.account)
    except Conflict as error:
        raise StepFailed(
            error.message, reason="plan-only", remedy="Make the account live with a canary, then retry."
        ) from error
    return assets_upload(ctx, application.account, assembly_load(ctx.operation.state["assembly"]))


def stack(ctx: StepContext) -> Outcome:
    """The stack, and what it answers."""
    application: Application = ctx.subject
    outcome = stack_deploy(ctx, _target(ctx))
    if not isinstance(outcome, Done):
        return outcome
    session = ctx.session(application.account, application.region)
    found = cloudformation.stack_find(session, application.stack_name)
    return Done(outcome.sentence, {"outputs": found.outputs if found else {}})


def stack_cancel(ctx: StepContext) -> Outcome:
    """A cancel while the stack is under way."""
    return stack_deploy_cancel(ctx, _target(ctx))


def _target(ctx: StepContext) -> Target:
    application: Application = ctx.subject
    artifact = assembly_load(ctx.operation.state["assembly"]).stack(application.stack_name)
    [planned] = ctx.operation.plan.document["stacks"]
    [hashed] = ctx.operation.plan.hashed["stacks"]
    return Target(
        account=application.account,
        region=application.region,
        key=KEY,
        deployment=deployment_of(artifact),
        template=artifact.template,
        planned=planned["changes"],
        touched=planned["touched"],
        last_operation=hashed["last_operation"],
    )


def succeeded(operation: Operation) -> str:
    """The sentence of the good end."""
    address = operation.state.get("outputs", {}).get("RepositoryUrl", "")
    return f"{operation.subject_label} is ready{f': push to {address}' if address else ''}."


workflow_register(
    Workflow(
        kind="application-add",
        plan=(
            StepSpec("synthesis", "Synthesis", "synthesis", time_limit_s=600),
            StepSpec("plan", "Plan", "plan", ("synthesis",), time_limit_s=600),
        ),
        execute=execute,
        functions={
            "synthesis": synthesis,
            "plan": plan,
            "assets": assets,
            "stack": stack,
        },
        cancels={"stack": stack_cancel},
        succeeded=succeeded,
    )
)
