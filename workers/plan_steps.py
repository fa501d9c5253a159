"""The steps that plan an environment's provision or update: facts, synthesis, and what would change."""

from decimal import Decimal

from environments.lifecycle.accounts import region_facts_latest
from environments.lifecycle.costs import cost_compare, cost_estimate, types_unpriced
from environments.lifecycle.models import Environment, RegionFacts, Release
from environments.lifecycle.plans import plan_store
from environments.lifecycle.quotas import needs_of
from environments.operations.models import Operation
from workers.assembly import Assembly, StackArtifact, assembly_load, template_parse
from workers.changes import Rules
from workers.context import READER, StepContext, subject_of
from workers.drift import drift_into
from workers.headroom import headroom, unknown_sentences
from workers.names import stack_name
from workers.planning import deployed_templates, iam_told, plan_document, plan_hashed, plan_seen
from workers.replacement import losses_of, require_losses_named
from workers.runtime import synthesis_inputs
from workers.stored import templates_stored
from workers.synthesis import LockMissing, synthesise
from workers.workflow import Done, Outcome, StepFailed


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
    ctx.lease.renew()
    iam_told(
        document,
        environment.account.account_id,
        environment.home_region,
        {
            key: (
                stack.name,
                deployed[stack.name].template if stack.name in deployed else None,
                stack.template,
            )
            for key, stack in stacks.items()
        },
    )
    ctx.lease.renew()
    old = {
        key: template_parse(deployed[stack.name].template)["Resources"]
        for key, stack in stacks.items()
        if stack.name in deployed
    }
    require_losses_named(losses_of(document, old), ctx.operation.parameters.get("replace", ()))
    spec = ctx.operation.parameters["spec"]
    facts = {**ctx.operation.state["facts"], "runtime": ctx.operation.state.get("runtime", {})}
    if "drift" in ctx.operation.state:
        drift_into(document, ctx.operation.state["drift"], environment)
    hashed = plan_hashed(stacks, deployed, release.digest, spec, facts)
    before = cost_estimate(environment.release.costs, environment.spec) if deployed else None
    cost = cost_compare(cost_estimate(release.costs, spec), before)
    document["unpriced"] = types_unpriced(
        release.costs,
        (
            resource["Type"]
            for stack in stacks.values()
            for resource in template_parse(stack.template)["Resources"].values()
        ),
    )
    quotas = release.description.get("quotas", [])
    size_before = environment.spec["size"] if deployed else None
    needs = needs_of(quotas, document["stacks"], size_before, spec["size"])
    document["quotas"] = headroom(ctx, environment.account, environment.home_region, quotas, needs)
    document["risks"] += unknown_sentences(document["quotas"])
    with ctx.fenced() as operation:
        plan_store(
            operation,
            document=document,
            hashed=hashed,
            cost=cost,
            cost_before=Decimal(cost["total_before"]),
            assembly=assembly.artifact,
            seen=plan_seen(deployed, ctx.operation.state.get("facts_version")),
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
