"""Application-remove: the pipeline and its checks go; code, images, artifacts and the key stay, and are named.

Nothing is emptied. What stays has DeletionPolicy RetainExceptOnCreate in the deployed template.
"""

from decimal import Decimal
from typing import Any

from environments.lifecycle.models import Application
from environments.lifecycle.plans import plan_store
from environments.lifecycle.teardown import IRREVERSIBLE
from environments.operations.models import Operation
from workers.assembly import template_parse
from workers.aws import cloudformation
from workers.changes import Rules
from workers.context import READER, StepContext, subject_of
from workers.deletion import let_run
from workers.planning import deployed_stack, risk_kinds, risks, stack_removal, summary
from workers.removal import RETAINED, stack_remove
from workers.workflow import Done, Outcome, StepSpec, Wait, Workflow, workflow_register
from workers.workflows.application_add import KEY, STACK_LIMIT_S


def plan(ctx: StepContext) -> Outcome:
    """What goes, and what stays by name."""
    application: Application = ctx.subject
    session = ctx.session(application.account, application.region, READER)
    name, region = application.stack_name, application.region
    found = deployed_stack(session, name, is_leaving=True)
    rows: list[dict[str, Any]] = []
    stays: list[dict[str, str]] = []
    if found is not None:
        template = template_parse(found.template)
        kept = {
            logical_id
            for logical_id, resource in template["Resources"].items()
            if resource.get("DeletionPolicy") in RETAINED
        }
        stays = [
            {"type": entry["ResourceType"], "id": entry["PhysicalResourceId"]}
            for entry in cloudformation.resources_of(session, found.stack_id)
            if entry["LogicalResourceId"] in kept
            and entry.get("PhysicalResourceId")
            # A creation that failed has kept nothing.
            and entry["ResourceStatus"] != "DELETE_COMPLETE"
        ]
        rows = [stack_removal(KEY, name, region, found, Rules.of(application.release.description))]
        rows[0]["changes"] = [row for row in rows[0]["changes"] if row["logical_id"] not in kept]
    told = [f"{row['type']} {row['id']} stays in the account, and what it costs goes on." for row in stays]
    said = summary(rows)
    document = {
        "summary": said,
        "stacks": rows,
        "risks": [*risks(rows), *told],
        "risk_kinds": risk_kinds(rows),
        "losses": [],
    }
    hashed = {
        "application": application.full_name,
        "stack": None if found is None else [name, found.last_operation],
        "stays": stays,
    }
    with ctx.fenced() as operation:
        plan_store(
            operation, document=document, hashed=hashed, cost_before=application.monthly_cost or Decimal(0)
        )
    return Done(said, {"left_behind": stays})


def execute(operation: Operation) -> list[StepSpec]:
    """One step: the stack's end."""
    application: Application = subject_of(operation)
    return [
        StepSpec(
            "delete",
            "Deletion of the pipeline",
            "delete",
            (),
            application.region,
            STACK_LIMIT_S,
            {"run": "delete", "stack": KEY, "stack_name": application.stack_name},
        )
    ]


def delete(ctx: StepContext) -> Outcome:
    """The stack goes, but for what it retains."""
    application: Application = ctx.subject
    if not ctx.operation.state.get(IRREVERSIBLE):
        ctx.share(**{IRREVERSIBLE: True})
    return stack_remove(ctx, application.account, application.region, KEY, application.stack_name)


def cancel(ctx: StepContext) -> Outcome:
    """What AWS has begun is let run."""
    if ctx.step.state.get("token") != ctx.token:
        return let_run(ctx)
    outcome = delete(ctx)
    return outcome if isinstance(outcome, Wait) else Done("It was gone already.")


def succeeded(operation: Operation) -> str:
    """The sentence of the good end."""
    left = len(operation.state.get("left_behind", []))
    stays = f" {left} things stay in AWS; its page names them." if left else ""
    return f"{operation.subject_label} is gone: nothing builds or releases it any more.{stays}"


workflow_register(
    Workflow(
        kind="application-remove",
        plan=(StepSpec("plan", "Plan", "plan", time_limit_s=600),),
        execute=execute,
        functions={"plan": plan, "delete": delete},
        cancels={"delete": cancel},
        succeeded=succeeded,
    )
)
