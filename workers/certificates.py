"""The DNS record that proved an environment's certificate. CloudFormation writes it and leaves it: the record is no
resource of the stack (https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/1603).

It is known from the certificate alone, so it is noted while the certificate is there, and deleted when it is gone.
"""

from dataclasses import dataclass, field
from typing import Any

from environments.lifecycle.models import Environment
from workers.aws import acm, cloudformation, route53
from workers.aws.cloudformation import GONE
from workers.context import READER, StepContext
from workers.workflow import Done, Outcome, Wait

TYPE = "AWS::CertificateManager::Certificate"
EDGE_REGION = "us-east-1"
"""Where certificates of CloudFront and Cognito are, whatever the account's regions."""


@dataclass
class Removal:
    """What became of the noted records: deleted now, kept (name: the certificate that needs it), or to look again."""

    deleted: list[str] = field(default_factory=list)
    kept: dict[str, str] = field(default_factory=dict)
    waiting: str = ""


def certificate(ctx: StepContext) -> Outcome:
    """Note the records that prove the stacks' certificates, before the stacks go."""
    environment: Environment = ctx.subject
    noted = [
        {**record, "certificate": arn}
        for stack in ctx.operation.plan.document["stacks"]
        for arn in _certificates_of(ctx, environment, stack)
        for record in acm.validation_records(ctx.session(environment.account, stack["region"], READER), arn)
    ]
    known = _merged(_noted_before(environment), noted)
    if not known:
        return Done("There is no certificate that a record proves.")
    return Done(f"To be deleted with the certificate: {_names(known)}.", {"validation_records": known})


def validation_record(ctx: StepContext) -> Outcome:
    """The noted records go, but for those that another certificate needs."""
    removal = records_remove(ctx)
    if removal.waiting:
        return Wait(removal.waiting)
    told = [f"Deleted {', '.join(removal.deleted)}."] if removal.deleted else []
    told += [f"{name} stays: {arn} needs it." for name, arn in removal.kept.items()]
    return Done(" ".join(told) or "No validation record is left.")


def records_remove(ctx: StepContext) -> Removal:
    """Delete what was noted and still is there as it was noted, where no other certificate is proved by it."""
    environment: Environment = ctx.subject
    account, zone_id = environment.account, environment.spec["zone_id"]
    session = ctx.session(account, environment.home_region)
    removal = Removal()
    noted: list[dict[str, str]] = ctx.operation.state.get("validation_records", [])
    own = {row["certificate"] for row in noted}
    for row in noted:
        name = row["name"]
        record = route53.record_find(session, zone_id, name, "CNAME")
        if record is None or not _says(record, row["value"]):
            continue
        regions = dict.fromkeys([*account.regions, *environment.regions, EDGE_REGION])
        others = acm.certificates_proved(session, name, regions=regions, without=own)
        if others:
            removal.kept[name] = others[0]
        elif route53.record_delete(session, zone_id, record):
            removal.deleted.append(name)
        else:
            removal.waiting = f"{name} was changed while it was deleted: looking again."
    return removal


def _certificates_of(ctx: StepContext, environment: Environment, stack: dict[str, Any]) -> list[str]:
    """ARNs of the certificates in a planned stack."""
    if not any(change["type"] == TYPE for change in stack["changes"]):
        return []
    session = ctx.session(environment.account, stack["region"], READER)
    state = cloudformation.stack_find(session, stack["name"])
    if state is None or state.status in GONE:
        return []
    return [
        entry["PhysicalResourceId"]
        for entry in cloudformation.resources_of(session, state.stack_id)
        if entry["ResourceType"] == TYPE and entry.get("PhysicalResourceId", "").startswith("arn:")
    ]


def _noted_before(environment: Environment) -> list[dict[str, str]]:
    """What earlier teardowns noted: one that was cancelled may have deleted the certificate already."""
    states = environment.operations.filter(kind="teardown").order_by("pk").values_list("state", flat=True)
    return [row for state in states for row in state.get("validation_records", [])]


def _merged(*lists: list[dict[str, str]]) -> list[dict[str, str]]:
    """Each record once, as it was noted last."""
    return list({(row["name"], row["certificate"]): row for rows in lists for row in rows}.values())


def _says(record: dict[str, Any], value: str) -> bool:
    """Whether a record leads where the certificate wanted it; else somebody else has put it there."""
    return [row["Value"].rstrip(".") for row in record.get("ResourceRecords", [])] == [value]


def _names(rows: list[dict[str, str]]) -> str:
    return ", ".join(dict.fromkeys(row["name"] for row in rows))
