"""Account-add: from a person's role template to an account that environments can be requested in.

Plan: the roles (a person deploys the template that the account's page shows), the delegated zone, the baseline's
synthesis, and what would be deployed. Execution, per region and side by side: CDK's bootstrap as a normal stack, with
execution policies and boundary of ours; the baseline's stacks; settings that no stack makes; the region's facts.
"""

from typing import Any

from django.utils import timezone

from environments.lifecycle.accounts import (
    region_facts_record,
)
from environments.lifecycle.models import Account
from environments.lifecycle.plans import plan_store
from environments.lifecycle.role_stacks import role_stacks
from environments.operations.models import Operation
from workers.account_settings import settings, settings_seen
from workers.account_stacks import (
    GUARD,
    baseline,
    baseline_cancel,
    baseline_of,
    baseline_spec,
    bootstrap,
    bootstrap_cancel,
    bootstrap_of,
    bootstrap_parameters,
    deploys,
    execution_policies,
    guard,
    guard_cancel,
    release_of,
    step_key,
)
from workers.aws import beanstalk, costs, ec2, iam, rds, route53, sts
from workers.changes import Rules
from workers.context import DEPLOYER, READER, StepContext, subject_of
from workers.planning import deployed_stack, iam_told, risk_kinds, risks, stack_plan, summary
from workers.synthesis import synthesise
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

WEEK_S = 7 * 86400
STACK_LIMIT_S = 3600


def role(ctx: StepContext) -> Outcome:
    """Wait until a person has deployed the roles: reader and deployer can be taken with the external id."""
    account: Account = ctx.subject
    region = account.regions[0]
    wanted = (READER, DEPLOYER) if deploys(ctx) else (READER,)
    missing = [name for name in wanted if not sts.role_works(ctx.session(account, region, name))]
    if missing:
        return _for_a_person(ctx, f"the {' and '.join(missing)} role cannot be taken yet.")
    # CloudFormation's execution role cannot be given a policy that is not there; an older template made fewer.
    policies = execution_policies(release_of()) if deploys(ctx) else []
    absent = iam.policies_missing(ctx.session(account, region, READER), policies)
    if absent:
        return _for_a_person(ctx, f"{', '.join(absent)} {'is' if len(absent) == 1 else 'are'} not there yet.")
    return Done(f"The {' and '.join(wanted)} role can be taken.")


def _for_a_person(ctx: StepContext, why: str) -> Wait:
    """Wait until somebody has deployed what the account's page shows."""
    account: Account = ctx.subject
    names = " and ".join(stack.stack_name for stack in role_stacks(account))
    return Wait(
        f"Deploy what this account's page shows under Let the portal in, as {names}, in {account.account_id}: {why}",
        seconds=_patience(ctx, account),
        waits_for="person",
    )


def zone(ctx: StepContext) -> Outcome:
    """The hosted zone that was delegated to the account."""
    account: Account = ctx.subject
    zone_id = route53.zone_find(ctx.session(account, account.regions[0], READER), account.zone_name)
    if not zone_id:
        return Wait(
            f"Make a public hosted zone {account.zone_name} in account {account.account_id} and delegate it there.",
            seconds=_patience(ctx, account),
            waits_for="person",
        )
    with ctx.fenced():
        Account.objects.filter(pk=account.pk).update(zone_id=zone_id)
    return Done(f"{account.zone_name} is zone {zone_id}.")


def synthesis(ctx: StepContext) -> Outcome:
    """The baseline's template for each region."""
    account: Account = ctx.subject
    release = release_of()
    tags = release.account_settings.get("cost_tags", [])
    pays = not tags or costs.pays(ctx.session(account, account.home_region, READER), tags)
    names = {
        region: synthesise(
            release=release,
            app="baseline",
            spec=baseline_spec(release, account, region, pays=pays),
            facts={},
            alive=ctx.lease.renew,
        )
        for region in account.regions
    }
    return Done(
        f"Baseline of release {release.version} for {', '.join(names)}.",
        {"assemblies": names, "release": release.pk},
    )


def plan(ctx: StepContext) -> Outcome:
    """What is there already, and what is to be."""
    account: Account = ctx.subject
    release = release_of(ctx.operation)
    rules = Rules.of(release.description)
    rows, hashed = [], []
    by_hand: list[str] = []
    policies: dict[str, dict[str, tuple[str, str | None, str]]] = {}
    for region in account.regions:
        session = ctx.session(account, region, READER)
        wanted = bootstrap_of(release)
        given = bootstrap_parameters(release, account, region)
        own = [(f"bootstrap-{region}", wanted["template"], wanted["stack_name"], wanted["tags"], given)]
        own += [
            (step_key(stack.name, region), stack.template, stack.name, stack.tags, {})
            for stack in baseline_of(ctx.operation, region)
        ]
        for key, template, name, tags, parameters in own:
            deployed = deployed_stack(session, name)
            row = stack_plan(key, name, region, template, tags, deployed, rules, parameters)
            if name == GUARD and row["action"] == "update":
                row |= {"action": "none", "changes": [], "touched": []}
                by_hand.append(
                    f"{name} in {region} differs from this release's. The portal cannot change it, on purpose: see"
                    " docs/operations/account-update.md."
                )
            else:
                was = deployed.template if deployed else None
                policies.setdefault(region, {})[row["key"]] = (name, was, template)
            rows.append(row)
            hashed.append(
                {
                    "name": name,
                    "region": region,
                    "template": row["template_hash"],
                    "parameters": parameters,
                    "last_operation": deployed.last_operation if deployed else None,
                }
            )
        rows.append(settings_seen(ctx, region))
    told = summary(rows)
    document = {
        "summary": told,
        "stacks": rows,
        "risks": [*risks(rows), *by_hand],
        "risk_kinds": risk_kinds(rows),
        "losses": [],
    }
    for region, stacks in policies.items():
        ctx.lease.renew()
        iam_told(document, account.account_id, region, stacks)
    with ctx.fenced() as operation:
        changed = {row["key"]: row["changes"] for row in rows if row["key"].startswith("settings-")}
        plan_store(
            operation,
            document=document,
            hashed={"release": release.digest, "stacks": hashed, "settings": changed},
        )
    return Done(told)


def execute(operation: Operation) -> list[StepSpec]:
    """Per region: the account's own stacks and settings, and the region's facts, side by side."""
    account: Account = subject_of(operation)
    facts = [_spec("facts", "Region facts", region, limit=900) for region in account.regions]
    return [*account_steps(operation), *facts]


def account_steps(operation: Operation) -> list[StepSpec]:
    """Per region: bootstrap, then the baseline's stacks side by side; the guard and the settings need no bootstrap."""
    account: Account = subject_of(operation)
    titles = {row["name"]: row["title"] for row in release_of(operation).description["baseline"]["stacks"]}
    steps = []
    for region in account.regions:
        steps.append(_spec("bootstrap", "CDK bootstrap", region, limit=STACK_LIMIT_S))
        for stack in baseline_of(operation, region):
            is_guard = stack.name == GUARD
            steps.append(
                StepSpec(
                    step_key(stack.name, region),
                    f"{titles.get(stack.name, stack.name)} in {region}",
                    "guard" if is_guard else "baseline",
                    () if is_guard else (f"bootstrap-{region}",),
                    region,
                    STACK_LIMIT_S,
                    {"stack": stack.name},
                )
            )
        steps.append(_spec("settings", "Account settings", region, limit=900))
    return steps


def facts(ctx: StepContext) -> Outcome:
    """What synthesis must know of the region."""
    account: Account = ctx.subject
    region = ctx.step.region
    session = ctx.session(account, region, READER)
    found: dict[str, Any] = {
        "azs": ec2.zones_available(session),
        "beanstalk_platform_arn": beanstalk.platform_newest(session),
        "aurora_mysql_version": rds.aurora_version(session),
    }
    missing = [name for name, value in found.items() if not value]
    if len(found["azs"]) < 3:
        missing.append("a third availability zone")
    if missing:
        raise StepFailed(
            f"{region} has no {', no '.join(missing)}: environments cannot be built there.",
            resource=region,
            remedy="Add the account with other regions.",
        )
    row = region_facts_record(account, region=region, facts=found)
    platform = found["beanstalk_platform_arn"].split("/", 1)[1]
    return Done(f"Version {row.version}: {platform}, Aurora {found['aurora_mysql_version']}.")


def _spec(run: str, title: str, region: str, *, limit: int) -> StepSpec:
    return StepSpec(f"{run}-{region}", f"{title} in {region}", run, (), region, time_limit_s=limit)


def _patience(ctx: StepContext, account: Account) -> float:
    """Seconds to the next look while a person works: 3 in the sandbox; 10, growing to 60 on AWS."""
    if account.is_on_sandbox:
        return 3.0
    began = ctx.step.started_at or timezone.now()
    return min(60.0, max(10.0, (timezone.now() - began).total_seconds() / 20))


def succeeded(operation: Operation) -> str:
    """The sentence of the good end."""
    account: Account = subject_of(operation)
    return f"Account {account} is ready in {', '.join(account.regions)}."


FUNCTIONS: dict[str, StepFunction] = {
    "role": role,
    "zone": zone,
    "synthesis": synthesis,
    "plan": plan,
    "bootstrap": bootstrap,
    "baseline": baseline,
    "guard": guard,
    "settings": settings,
    "facts": facts,
}
CANCELS: dict[str, StepFunction] = {
    "bootstrap": bootstrap_cancel,
    "baseline": baseline_cancel,
    "guard": guard_cancel,
}

workflow_register(
    Workflow(
        kind="account-add",
        plan=(
            StepSpec("role", "Roles", "role", time_limit_s=WEEK_S),
            StepSpec("zone", "Hosted zone", "zone", ("role",), time_limit_s=WEEK_S),
            StepSpec("synthesis", "Synthesis", "synthesis", ("role",), time_limit_s=600),
            StepSpec("plan", "Plan", "plan", ("zone", "synthesis"), time_limit_s=600),
        ),
        execute=execute,
        functions=FUNCTIONS,
        cancels=CANCELS,
        succeeded=succeeded,
    )
)
