"""Account-add: from a person's role template to an account that environments can be requested in.

Plan: the roles (a person deploys the template that the account's page shows), the delegated zone, the baseline's
synthesis, and what would be deployed. Execution, per region and side by side: CDK's bootstrap as a normal stack, with
execution policies and boundary of ours; the baseline; the region's facts.
"""

from typing import Any

from django.utils import timezone

from environments.lifecycle.accounts import (
    region_facts_record,
)
from environments.lifecycle.models import Account
from environments.lifecycle.plans import plan_store
from environments.operations.models import Operation
from workers.account_stacks import (
    baseline,
    baseline_cancel,
    baseline_of,
    bootstrap,
    bootstrap_cancel,
    bootstrap_of,
    deploys,
    release_of,
)
from workers.aws import beanstalk, ec2, rds, route53, sts
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
    if not missing:
        return Done(f"The {' and '.join(wanted)} role can be taken.")
    return Wait(
        f"Deploy the role template that this account's page shows, as stack switchyard-access in {account.account_id}:"
        f" the {' and '.join(missing)} role cannot be taken yet.",
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
    names = {
        region: synthesise(
            digest=release.digest,
            artifact=release.artifact,
            lock=release.description["lock"],
            version=release.version,
            app="baseline",
            spec={"account_id": account.account_id, "region": region},
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
    policies: dict[str, dict[str, tuple[str, str | None, str]]] = {}
    for region in account.regions:
        session = ctx.session(account, region, READER)
        wanted = bootstrap_of(release)
        baseline = baseline_of(ctx.operation, region)
        for key, template, name, tags in (
            ("bootstrap", wanted["template"], wanted["stack_name"], wanted["tags"]),
            ("baseline", baseline.template, baseline.name, baseline.tags),
        ):
            deployed = deployed_stack(session, name)
            row = stack_plan(f"{key}-{region}", name, region, template, tags, deployed, rules)
            rows.append(row)
            policies.setdefault(region, {})[row["key"]] = (
                name,
                deployed.template if deployed else None,
                template,
            )
            hashed.append(
                {
                    "name": name,
                    "region": region,
                    "template": row["template_hash"],
                    "last_operation": deployed.last_operation if deployed else None,
                }
            )
    told = summary(rows)
    document = {
        "summary": told,
        "stacks": rows,
        "risks": risks(rows),
        "risk_kinds": risk_kinds(rows),
        "losses": [],
    }
    for region, stacks in policies.items():
        ctx.lease.renew()
        iam_told(document, account.account_id, region, stacks)
    with ctx.fenced() as operation:
        plan_store(operation, document=document, hashed={"release": release.digest, "stacks": hashed})
    return Done(told)


def execute(operation: Operation) -> list[StepSpec]:
    """Per region: bootstrap and facts side by side, then the baseline."""
    account: Account = subject_of(operation)
    steps = []
    for region in account.regions:
        steps += [
            _spec("bootstrap", "CDK bootstrap", region, limit=STACK_LIMIT_S),
            _spec("baseline", "Baseline", region, needs=(f"bootstrap-{region}",), limit=STACK_LIMIT_S),
            _spec("facts", "Region facts", region, limit=900),
        ]
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


def _spec(run: str, title: str, region: str, *, limit: int, needs: tuple[str, ...] = ()) -> StepSpec:
    return StepSpec(f"{run}-{region}", f"{title} in {region}", run, needs, region, time_limit_s=limit)


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
    "facts": facts,
}
CANCELS: dict[str, StepFunction] = {"bootstrap": bootstrap_cancel, "baseline": baseline_cancel}

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
