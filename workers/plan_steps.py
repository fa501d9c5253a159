"""The steps that plan an environment's provision or update: facts, synthesis, and what would change."""

from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Any

from environments.lifecycle.accounts import region_facts_latest
from environments.lifecycle.costs import cost_compare, cost_estimate, types_unpriced
from environments.lifecycle.models import Environment, RegionFacts, Release
from environments.lifecycle.plans import plan_store
from environments.lifecycle.quotas import Need, needs_by_region
from environments.lifecycle.stacks import StackOf, regions_of, stacks_of, stacks_there
from environments.operations.models import Operation
from workers.assembly import Assembly, StackArtifact, assembly_load, template_parse
from workers.changes import Rules
from workers.context import READER, StepContext, subject_of
from workers.drift import drift_into
from workers.headroom import headroom, unknown_sentences
from workers.joining import copies_planned
from workers.names import stack_name
from workers.planning import (
    Deployed,
    deployed_stack,
    deployed_templates,
    iam_told,
    plan_document,
    plan_hashed,
    plan_seen,
)
from workers.replacement import losses_of, require_losses_named
from workers.replicas import require_no_dying_replica
from workers.runtime import release_wanted, synthesis_inputs
from workers.stored import templates_stored
from workers.synthesis import LockMissing, synthesise
from workers.workflow import Done, Outcome, StepFailed


def facts(ctx: StepContext) -> Outcome:
    """What is known of the environment's regions; synthesis looks nothing up."""
    environment: Environment = ctx.subject
    try:
        rows = [
            region_facts_latest(environment.account, region)
            for region in regions_of(ctx.operation.parameters["spec"])
        ]
    except RegionFacts.DoesNotExist as error:
        raise StepFailed(
            str(error), reason="no facts", remedy="Run the adding of the account again, then retry."
        ) from error
    told = " and ".join(f"version {row.version} of what is known of {row.region}" for row in rows)
    return Done(
        f"{told[0].upper()}{told[1:]}.",
        {"facts": {row.region: row.facts for row in rows}, "facts_version": rows[0].version},
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
            release=release,
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
    release, spec = release_of(ctx.operation), ctx.operation.parameters["spec"]
    stacks = keyed(assembly, environment, release, spec)
    leaving = {
        stack.key: (stack_name(environment, stack.key), stack.region)
        for stack in stacks_leaving(environment, stacks)
    }
    deployed = _deployed(ctx, environment, stacks, leaving)
    leaving = {key: place for key, place in leaving.items() if place[0] in deployed}
    document = plan_document(stacks, deployed, Rules.of(release.description), leaving)
    copies_planned(document, environment, stacks_of(release, spec))
    ctx.lease.renew()
    old = {
        row["key"]: template_parse(deployed[row["name"]].template)["Resources"]
        for row in document["stacks"]
        if row["name"] in deployed
    }
    require_losses_named(losses_of(document, old), ctx.operation.parameters.get("replace", ()))
    require_no_dying_replica(ctx, environment, document)
    _iam_told(ctx, document, stacks, deployed)
    facts = {**ctx.operation.state["facts"], "runtime": ctx.operation.state.get("runtime", {})}
    if "drift" in ctx.operation.state:
        drift_into(document, ctx.operation.state["drift"], environment)
    hashed = plan_hashed(stacks, deployed, release.digest, spec, facts, leaving)
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
    document["quotas"] = _room(ctx, environment, release, document, is_new=not deployed)
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


def stacks_leaving(environment: Environment, stays: Collection[str]) -> list[StackOf]:
    """Stacks that are there, or may be, and that what is asked for has no longer. `stays` are keys."""
    return [stack for stack in stacks_there(environment) if stack.key not in stays]


def _deployed(
    ctx: StepContext,
    environment: Environment,
    stacks: Mapping[str, StackArtifact],
    leaving: Mapping[str, tuple[str, str]],
) -> dict[str, Deployed]:
    """What is deployed of both, by stack name; `leaving` are names and regions by key."""
    known = set(environment.stacks.exclude(stack_id="").values_list("name", flat=True))
    found: dict[str, Deployed] = {}
    for region in dict.fromkeys(stack.region for stack in stacks.values()):
        names = [stack.name for stack in stacks.values() if stack.region == region]
        session = ctx.session(environment.account, region, READER)
        found |= deployed_templates(session, names, known)
    for name, region in leaving.values():
        there = deployed_stack(ctx.session(environment.account, region, READER), name, is_leaving=True)
        if there is not None:
            found[name] = there
    return found


def _iam_told(
    ctx: StepContext,
    document: dict[str, Any],
    stacks: Mapping[str, StackArtifact],
    deployed: Mapping[str, Deployed],
) -> None:
    """What policies newly allow, region by region."""
    environment: Environment = ctx.subject
    for region in dict.fromkeys(stack.region for stack in stacks.values()):
        iam_told(
            document,
            environment.account.account_id,
            region,
            {
                key: (
                    stack.name,
                    deployed[stack.name].template if stack.name in deployed else None,
                    stack.template,
                )
                for key, stack in stacks.items()
                if stack.region == region
            },
        )
        ctx.lease.renew()


def _room(
    ctx: StepContext, environment: Environment, release: Release, document: dict[str, Any], *, is_new: bool
) -> list[Need]:
    """Whether AWS's quotas leave room for it, region by region. What an account has once is counted in the first."""
    quotas = release.description.get("quotas", [])
    before, spec = None if is_new else environment.spec, ctx.operation.parameters["spec"]
    by_region = needs_by_region(quotas, document["stacks"], before, spec)
    return [
        need
        for region, needs in by_region.items()
        for need in headroom(ctx, environment.account, region, quotas, needs)
    ]


def release_of(operation: Operation) -> Release:
    """The release that the operation brings its environment to: another one when it upgrades."""
    return release_wanted(operation, subject_of(operation))


def keyed(
    assembly: Assembly, environment: Environment, release: Release, spec: Mapping[str, Any]
) -> dict[str, StackArtifact]:
    """The assembly's stacks by the release's keys, in the release's order: those that the spec has."""
    return {
        stack.key: assembly.stack(stack_name(environment, stack.key)) for stack in stacks_of(release, spec)
    }
