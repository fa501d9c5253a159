"""Application-add: from an approved request to a pipeline that takes commits. Application-update has the same steps.

Plan: synthesis, and what would be created or changed. Execution: the template's file, and the one stack.
"""

from decimal import Decimal
from typing import Any

from environments.errors import Conflict
from environments.lifecycle.accounts import account_require_deployable
from environments.lifecycle.applications import application_cost, delivery_of
from environments.lifecycle.costs import cost_compare, types_unpriced
from environments.lifecycle.models import Application, Release
from environments.lifecycle.plans import plan_store
from environments.lifecycle.quotas import Need, needs_of
from environments.operations.models import Operation
from workers.assembly import assembly_load, template_parse
from workers.aws import cloudformation
from workers.changes import Rules
from workers.context import READER, StepContext, subject_of
from workers.headroom import headroom, places_take, unknown_sentences
from workers.planning import deployed_stack, iam_told, plan_document, plan_hashed, plan_seen
from workers.replacement import losses_of, require_losses_named
from workers.runtime import release_wanted
from workers.stacks import stack_deploy, stack_deploy_cancel
from workers.synthesis import synthesise
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

KEY = "delivery"
STACK_LIMIT_S = 3600


def synthesis(ctx: StepContext) -> Outcome:
    """The release's template for this application."""
    release = release_of(ctx.operation)
    name = synthesise(
        release=release,
        app="application",
        spec=ctx.operation.parameters["spec"],
        facts={},
        alive=ctx.lease.renew,
    )
    return Done(f"One stack from release {release.version}.", {"assembly": name})


def plan(ctx: StepContext) -> Outcome:
    """What is to be against what is there, with the price."""
    application: Application = ctx.subject
    release, spec = release_of(ctx.operation), ctx.operation.parameters["spec"]
    artifact = assembly_load(ctx.operation.state["assembly"]).stack(application.stack_name)
    session = ctx.session(application.account, application.region, READER)
    found = deployed_stack(session, artifact.name)
    deployed = {artifact.name: found} if found else {}
    document = plan_document({KEY: artifact}, deployed, Rules.of(release.description))
    if found is not None:
        require_losses_named(losses_of(document, {KEY: template_parse(found.template)["Resources"]}), ())
        iam_told(
            document,
            application.account.account_id,
            application.region,
            {KEY: (artifact.name, found.template, artifact.template)},
        )
        ctx.lease.renew()
    document["quotas"] = _room(ctx, application, release, document)
    document["risks"] += unknown_sentences(document["quotas"])
    types = [resource["Type"] for resource in artifact.resources.values()]
    document["unpriced"] = types_unpriced(delivery_of(release)["costs"], types)
    before = application_cost(application.release, application.spec) if found else None
    cost = cost_compare(application_cost(release, spec), before)
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


def _room(
    ctx: StepContext, application: Application, release: Release, document: dict[str, Any]
) -> list[Need]:
    """Whether AWS's quotas leave room for it: those of environments, for roles, buckets and stacks are the same ones,
    and its own.
    """
    quotas, region = quotas_of(release), application.region
    needs = [{**need, "region": region} for need in needs_of(quotas, document["stacks"], None, "")]
    return headroom(ctx, application.account, region, quotas, needs)


def quotas_of(release: Release) -> list[dict[str, Any]]:
    """The quotas that an application's stack counts for."""
    return [*release.description.get("quotas", []), *delivery_of(release).get("quotas", [])]


def release_of(operation: Operation) -> Release:
    """The release that the operation brings its application to: another one when it upgrades."""
    return release_wanted(operation, subject_of(operation))


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
    """The template into the account's bucket, and the places within AWS's quotas. Here a plan-only account ends."""
    application: Application = ctx.subject
    try:
        account_require_deployable(application.account)
    except Conflict as error:
        raise StepFailed(
            error.message, reason="plan-only", remedy="Make the account live with a canary, then retry."
        ) from error
    needs = ctx.operation.plan.document.get("quotas", [])
    places_take(ctx, application.account, quotas_of(release_of(ctx.operation)), needs)
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
        # What an update finds in the place of a live stack is nobody's to delete.
        may_replace=planned["action"] == "create",
    )


def succeeded(operation: Operation) -> str:
    """The sentence of the good end."""
    address = operation.state.get("outputs", {}).get("RepositoryUrl", "")
    return f"{operation.subject_label} is ready{f': push to {address}' if address else ''}."


PLAN = (
    StepSpec("synthesis", "Synthesis", "synthesis", time_limit_s=600),
    StepSpec("plan", "Plan", "plan", ("synthesis",), time_limit_s=600),
)
FUNCTIONS: dict[str, StepFunction] = {
    "synthesis": synthesis,
    "plan": plan,
    "assets": assets,
    "stack": stack,
}
CANCELS: dict[str, StepFunction] = {"stack": stack_cancel}

workflow_register(
    Workflow(
        kind="application-add",
        plan=PLAN,
        execute=execute,
        functions=FUNCTIONS,
        cancels=CANCELS,
        succeeded=succeeded,
    )
)
