"""Teardown: back to nothing, and shown to be gone.

Plan: what is lost, per store, and which stacks go. Execution: every check; last copies; protection off; the stacks
in reverse of their needs, buckets emptied just before; the record that proved the certificate; keys; and a search for
whatever is left.
"""

from decimal import Decimal
from typing import Any

from environments.lifecycle.models import Environment, Plan
from environments.lifecycle.plans import plan_store
from environments.lifecycle.stacks import stacks_there
from environments.operations.models import Operation
from environments.operations.states import StepStatus
from workers.assembly import template_hash, template_parse
from workers.aws import cloudformation
from workers.certificates import certificate, records_remove, validation_record
from workers.checks import check
from workers.context import READER, StepContext, subject_of
from workers.copies import clean, copy_database, copy_logs, copy_others, copy_uploads
from workers.deletion import CANCELS, steps_of
from workers.deletion import FUNCTIONS as DELETIONS
from workers.losses import losses_count
from workers.names import stack_name
from workers.reports import report_make
from workers.workflow import Done, Outcome, StepFailed, StepSpec, Wait, Workflow, workflow_register

COPY_LIMIT_S = 12 * 3600
SEARCH_LIMIT_S = 1800


def losses(ctx: StepContext) -> Outcome:
    """What will be lost, per store."""
    environment: Environment = ctx.subject
    found = losses_count(ctx, environment, ctx.operation.parameters["copies"])
    told = "; ".join(f"{loss['store']}: {loss['what']}" for loss in found) or "No store is there."
    return Done(told, {"losses": found})


def plan(ctx: StepContext) -> Outcome:
    """Every resource of every stack goes."""
    environment: Environment = ctx.subject
    rows, hashed = [], []
    for stack in stacks_there(environment):
        name = stack_name(environment, stack.key)
        session = ctx.session(environment.account, stack.region, READER)
        found = cloudformation.stack_find(session, name)
        if found is None:
            continue
        template = cloudformation.template_get(session, found.stack_id)
        changes = [
            {"logical_id": logical_id, "type": resource["Type"], "action": "removed", "detail": ""}
            for logical_id, resource in template_parse(template)["Resources"].items()
        ]
        rows.append(
            {
                "key": stack.key,
                "name": name,
                "region": stack.region,
                "action": "delete",
                "template_hash": template_hash(template),
                "changes": changes,
            }
        )
        hashed.append({"stack": found.stack_id, "last_operation": found.last_operation})
    lost: list[dict[str, Any]] = ctx.operation.state["losses"]
    count = sum(len(row["changes"]) for row in rows)
    told = f"{len(rows)} stacks with {count} resources are deleted."
    document = {
        "summary": told,
        "stacks": rows,
        "risks": [
            f"Lost for good: {loss['store'][:1].lower()}{loss['store'][1:]}, {loss['what']}."
            for loss in lost
            if not loss["copy"]
        ],
        "losses": lost,
    }
    copies = ctx.operation.parameters["copies"]
    with ctx.fenced() as operation:
        plan_store(
            operation,
            document=document,
            hashed={"environment": environment.full_name, "stacks": hashed, "copies": copies},
            cost_before=environment.monthly_cost or Decimal(0),
            assembly=_assembly(environment),
        )
    return Done(told)


def execute(operation: Operation) -> list[StepSpec]:
    """Checks and copies first; then each stack when those that need it are gone."""
    environment: Environment = subject_of(operation)
    region, stacks = environment.home_region, stacks_there(environment)
    steps = [
        StepSpec("check", "Checks", "check", region=region, time_limit_s=900),
        StepSpec("copy-database", "Copy of the database", "copy_database", ("check",), region, COPY_LIMIT_S),
        StepSpec("copy-uploads", "Copy of the uploads", "copy_uploads", ("check",), region, 900),
        StepSpec("copy-logs", "Copy of the access logs", "copy_logs", ("check",), region, 900),
        StepSpec("copy-others", "Copies of the other stores", "copy_others", ("check",), region, 900),
        StepSpec(
            "certificate",
            "Proof of the certificate",
            "certificate",
            ("check",),
            region,
            900,
            may_skip="The DNS record that proved the certificate is not known, and stays in the zone.",
        ),
    ]
    copied = ("copy-database", "copy-uploads", "copy-logs", "copy-others", "certificate")
    steps += steps_of(environment, stacks, after=copied, users={})
    gone = tuple(f"delete-{stack.key}" for stack in stacks)
    record = "validation-record"
    # By now all that held data is gone or kept: what is left of the steps tidies up, and a person may do that too.
    steps += [
        StepSpec(
            record,
            "Validation record",
            "validation_record",
            gone,
            region,
            SEARCH_LIMIT_S,
            may_skip="The DNS record that proved the certificate stays in the zone.",
        ),
        StepSpec(
            "clean",
            "Keys and snapshots",
            "clean",
            gone,
            region,
            SEARCH_LIMIT_S,
            may_skip="Keys and snapshots that nobody needs stay, and cost.",
        ),
        StepSpec(
            "search",
            "Search for leftovers",
            "search",
            ("clean", record),
            region,
            SEARCH_LIMIT_S,
            may_skip="Nothing shows that nothing is left: what the last report lists stays in AWS, and costs.",
        ),
    ]
    return steps


def search(ctx: StepContext) -> Outcome:
    """Look everywhere. Nothing left over is the end; anything is a list and a retry."""
    environment: Environment = ctx.subject
    # Certificates that kept a validation record may be gone since: a retry searches after somebody has tidied up.
    records = records_remove(ctx)
    if records.waiting:
        return Wait(records.waiting)
    report = report_make(ctx, environment, {**ctx.operation.state, "validation_kept": records.kept})
    with ctx.fenced() as operation:
        report.store(operation, environment)
    if report.left_over:
        first = ", ".join(f"{row['type']} {row['id']}" for row in report.left_over[:3])
        more = f" and {len(report.left_over) - 3} more" if len(report.left_over) > 3 else ""
        raise StepFailed(
            f"{len(report.left_over)} resources are left over: {first}{more}.",
            resource=report.left_over[0]["id"],
            reason="left over",
            remedy="See the report: remove each as it says, then retry; the retry searches again.",
        )
    return Done(
        f"Searched {len(report.searched)} places: {len(report.kept)} kept on purpose,"
        f" {len(report.deleting)} being deleted by AWS, none left over."
    )


def _assembly(environment: Environment) -> str:
    """The assembly that was deployed last."""
    begun = environment.operations.filter(kind__in=("provision", "update"), started_at__isnull=False)
    last = Plan.objects.filter(operation__in=begun).exclude(assembly="").order_by("-operation_id").first()
    return last.assembly if last else ""


def succeeded(operation: Operation) -> str:
    """The sentence of the good end."""
    skipped = operation.steps.filter(key="search", status=StepStatus.SKIPPED).exists()
    told = "the search for leftovers was skipped" if skipped else "nothing is left over"
    return f"{operation.subject_label} is torn down; {told}."


workflow_register(
    Workflow(
        kind="teardown",
        plan=(
            StepSpec("losses", "What will be lost", "losses", time_limit_s=1800),
            StepSpec("plan", "Plan", "plan", ("losses",), time_limit_s=600),
        ),
        execute=execute,
        functions={
            "losses": losses,
            "plan": plan,
            "check": check,
            "copy_database": copy_database,
            "copy_uploads": copy_uploads,
            "copy_logs": copy_logs,
            "copy_others": copy_others,
            "certificate": certificate,
            **DELETIONS,
            "validation_record": validation_record,
            "clean": clean,
            "search": search,
        },
        cancels=CANCELS,
        succeeded=succeeded,
    )
)
