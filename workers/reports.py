"""The report of a teardown: what is kept on purpose, what AWS is deleting, what is left over."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from environments.lifecycle.models import Environment, TeardownReport
from environments.lifecycle.stacks import regions_known
from environments.operations.models import Operation
from workers.aws import cloudformation, kms, rds
from workers.aws.found import Found, Wanted, same_thing
from workers.aws.leftovers import LISTERS
from workers.aws.session import Session
from workers.context import READER, StepContext
from workers.copies import KEY_TYPES, VAULT, data_key_needed, kept_places, vault_kept_in

# USD a month in us-east-1, from the services' price pages in November 2026: a customer key, a gigabyte of cluster
# snapshot beyond the free part, a gigabyte of S3 Standard; one in a backup vault, of its dearest type (DynamoDB).
KEY_PRICE, SNAPSHOT_PRICE, BUCKET_PRICE = Decimal("1.00"), Decimal("0.021"), Decimal("0.023")
VAULT_PRICE = Decimal("0.10")
GB = Decimal(10) ** 9

WORLD_WIDE = frozenset({"iam", "route53", "s3"})
"""Services that answer the same in every region: they are asked once."""

PLACES = {"AWS::S3::Bucket": BUCKET_PRICE, VAULT: VAULT_PRICE}
"""What can be kept as a last copy with all that is in it, and what a gigabyte in it costs."""

REMEDIES = {
    VAULT: "Delete its recovery points, then the vault.",
    "AWS::S3::Bucket": "Empty it with all versions and delete it.",
    "AWS::KMS::Key": "Schedule its deletion, if nothing is encrypted with it.",
    "AWS::RDS::DBClusterSnapshot": "Delete it, or give it another name and owner's tag if it is wanted.",
    "AWS::EC2::SecurityGroup": "Delete it; detach it from network interfaces first.",
    "AWS::Route53::RecordSet": (
        "Delete it in Route 53. If its name begins with an underscore, ask first whether it proves a certificate of"
        " another account."
    ),
    "AWS::EC2::EIP": "Release it: it costs money while nothing uses it.",
}
ANY_REMEDY = "Delete it in AWS, or take the environment's name and tag off it if it is wanted."


@dataclass
class Report:
    """The three lists, as TeardownReport keeps them."""

    kept: list[dict[str, Any]] = field(default_factory=list)
    deleting: list[dict[str, Any]] = field(default_factory=list)
    left_over: list[dict[str, Any]] = field(default_factory=list)
    searched: list[dict[str, Any]] = field(default_factory=list)

    def store(self, operation: Operation, environment: Environment) -> None:
        """Keep it with the operation; a retry's search replaces it."""
        TeardownReport.objects.update_or_create(
            operation=operation,
            defaults={
                "environment": environment,
                "kept": self.kept,
                "deleting": self.deleting,
                "left_over": self.left_over,
                "searched": self.searched,
            },
        )


def report_make(ctx: StepContext, environment: Environment, state: dict[str, Any]) -> Report:
    """Search and sort, region by region. `state` is the operation's: snapshot, kept buckets and validation_kept stay
    on purpose.
    """
    report = Report()
    for region in regions_known(environment):
        _search(ctx.session(environment.account, region, READER), environment, state, report)
    return report


def _search(session: Session, environment: Environment, state: dict[str, Any], report: Report) -> None:
    region = session.region
    for found in _everything(session, environment, report):
        if _is_recovery_point(found) and vault_kept_in(state, region):
            # Told with its vault.
            continue
        kept = _kept(session, environment, found, state)
        if kept is not None:
            report.kept.append({"type": found.type, "id": found.id, "region": region, **kept})
        elif found.deleting_on:
            report.deleting.append(
                {"type": found.type, "id": found.id, "region": region, "date": found.deleting_on}
            )
        else:
            report.left_over.append(
                {
                    "type": found.type,
                    "id": found.id,
                    "region": region,
                    "found_by": found.found_by,
                    "remedy": REMEDIES.get(found.type, ANY_REMEDY),
                }
            )


def _everything(session: Session, environment: Environment, report: Report) -> list[Found]:
    """All that the listers and the stacks' history tell of the session's region, each thing once."""
    spec, region = environment.spec, session.region
    is_home = region == environment.home_region
    wanted = Wanted(environment.full_name, spec["domain"], spec["zone_id"])
    found: list[Found] = []
    for service, lister in LISTERS.items():
        if service in WORLD_WIDE and not is_home:
            continue
        rows = [row for row in lister(session, wanted) if not _is_seen(row, found)]
        for row in rows:
            if not _is_seen(row, found):
                found.append(row)
        report.searched.append(
            {"service": service, "lister": _first_line(lister), "region": region, "found": len(rows)}
        )
    stacks = environment.stacks.exclude(stack_id="").filter(region=region)
    for stack_id in stacks.values_list("stack_id", flat=True):
        rows = _history(session, stack_id)
        found += [row for row in rows if not _is_seen(row, found)]
        report.searched.append(
            {
                "service": "cloudformation",
                "lister": f"history of {stack_id.split('/')[1]}",
                "region": region,
                "found": len(rows),
            }
        )
    return found


def _history(session: Session, stack_id: str) -> list[Found]:
    """What a deleted stack left, and still is there; and the stack itself when it is."""
    rows = []
    state = cloudformation.stack_find(session, stack_id)
    if state is not None and state.status != "DELETE_COMPLETE":
        rows.append(Found("AWS::CloudFormation::Stack", state.name, "cloudformation describe_stacks"))
    for kind, physical in cloudformation.kept_of(session, stack_id):
        if kind in KEY_TYPES:
            key_state, date = kms.key_state(session, physical)
            if key_state:
                told = (
                    f"{date:%Y-%m-%d}"
                    if date
                    else kms.AFTER_REPLICAS
                    if key_state == kms.PENDING_REPLICAS
                    else ""
                )
                rows.append(Found("AWS::KMS::Key", physical, "stack history", told))
    return rows


def _kept(
    session: Session, environment: Environment, found: Found, state: dict[str, Any]
) -> dict[str, str] | None:
    """Why it stays, what it costs and until when; None when nobody wants it."""
    snapshot = state.get("snapshot", "")
    place = kept_places(state).get(_name_of(found.id))
    until = "a person deletes it"
    if found.type == "AWS::RDS::DBClusterSnapshot" and snapshot and found.id.endswith(snapshot):
        told = rds.snapshot_find(session, snapshot) or {}
        cost = SNAPSHOT_PRICE * int(told.get("AllocatedStorage") or 1)
        return {"why": "Last copy of the database, as asked for.", "monthly_cost": _usd(cost), "until": until}
    if found.type in PLACES and place:
        cost = PLACES[found.type] * Decimal(place["bytes"]) / GB
        # Stores of modules and of another region have their article with them.
        why = f"Last copy of the {place['store'].removeprefix('the ')}, as asked for."
        return {"why": why, "monthly_cost": _usd(cost), "until": until}
    needed = data_key_needed(state, session.region, environment.home_region)
    if found.type == "AWS::KMS::Key" and needed and not found.deleting_on:
        until = "the last copy is deleted"
        return {
            "why": "The copies that are kept are encrypted with it.",
            "monthly_cost": _usd(KEY_PRICE),
            "until": until,
        }
    needed_by = state.get("validation_kept", {}).get(found.id.removesuffix(" CNAME"))
    if found.type == "AWS::Route53::RecordSet" and needed_by:
        return {
            "why": f"It proves the domain to Certificate Manager for {needed_by}.",
            "monthly_cost": "0.00",
            "until": "that certificate is deleted",
        }
    return None


def _name_of(found_id: str) -> str:
    """A bucket's or a vault's name, of that or of its ARN."""
    return found_id.removeprefix("arn:aws:s3:::").rpartition(":backup-vault:")[2]


def _is_recovery_point(found: Found) -> bool:
    """What is in a vault bears the environment's tag; of Aurora it is a snapshot with a name of AWS Backup's."""
    return ":recovery-point:" in found.id or ":cluster-snapshot:awsbackup:" in found.id


def _is_seen(row: Found, found: list[Found]) -> bool:
    return any(same_thing(row, other) for other in found)


def _first_line(lister: Any) -> str:
    return str(lister.__doc__).strip().splitlines()[0]


def _usd(amount: Decimal) -> str:
    return str(amount.quantize(Decimal("0.01")))
