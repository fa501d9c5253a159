"""The picture of an environment: region by region, its parts in the order that a request passes them, lit by their
stacks.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from environments.lifecycle.models import Environment
from environments.lifecycle.modules import modules_of
from environments.lifecycle.stacks import StackOf, regions_of, stacks_of
from environments.operations.models import Stack


class Row(NamedTuple):
    """A part: what it is called, its symbol, the resource type that shows which stack has it, and the module that may
    be off.
    """

    title: str
    icon: str
    kind: str
    module: str = ""


FRONT = (Row("Web ACL", "shield", "AWS::WAFv2::WebACL"),)
INSIDE = (
    Row("Load balancer", "alt_route", "AWS::ElasticLoadBalancingV2::LoadBalancer"),
    Row("Application", "deployed_code", "AWS::ElasticBeanstalk::Environment"),
    Row("Database proxy", "swap_horiz", "AWS::RDS::DBProxy", "proxy"),
    Row("Aurora MySQL", "database", "AWS::RDS::DBCluster"),
)
BESIDE = (
    Row("Network", "lan", "AWS::EC2::VPC"),
    Row("Keys and secrets", "key", "AWS::KMS::Key"),
    Row("Keys and secrets", "key", "AWS::KMS::ReplicaKey"),
    Row("Uploads and logs", "inventory_2", "AWS::S3::Bucket"),
    Row("Users and their data", "group", "AWS::Cognito::IdentityPool", "identity"),
    Row("Usage events", "monitoring", "AWS::KinesisFirehose::DeliveryStream", "analytics"),
    Row("Notifications", "send_to_mobile", "AWS::SES::EmailIdentity", "notifications"),
    Row("Alarms and dashboard", "notifications_active", "AWS::CloudWatch::Dashboard"),
    Row("Backups", "backup", "AWS::Backup::BackupVault"),
)
# A key for logs is no data's: stacks whose keys hold data come first.
HOLDS = frozenset({"Keys and secrets"})


@dataclass(frozen=True)
class Part:
    """One box: what it is, and the CloudFormation status of its stack ("" before there is one)."""

    title: str
    icon: str
    status: str
    stack: str


@dataclass(frozen=True)
class Place:
    """One region of the environment: what stands before the VPC, within it, and at its side."""

    region: str
    cidr: str
    is_active: bool
    front: list[Part]
    inside: list[Part]
    beside: list[Part]


def picture_of(environment: Environment, stacks: list[Stack]) -> list[Place]:
    """Its home, then the region of its standby when it has one."""
    status = {stack.key: stack.status for stack in stacks}
    has = stacks_of(environment.release, environment.spec)
    # A release from before there were modules has all that its stacks name.
    modules = environment.spec.get("modules") if modules_of(environment.release) else None
    return [
        Place(
            region,
            environment.cidr if region == environment.home_region else environment.other_cidr or "",
            region == (environment.active_region or environment.home_region),
            *(
                _parts(_on(rows, modules), [stack for stack in has if stack.region == region], status)
                for rows in (FRONT, INSIDE, BESIDE)
            ),
        )
        for region in regions_of(environment.spec)
    ]


def _on(rows: Iterable[Row], modules: Collection[str] | None) -> list[Row]:
    return [row for row in rows if modules is None or not row.module or row.module in modules]


def _parts(rows: Iterable[Row], stacks: list[StackOf], status: dict[str, str]) -> list[Part]:
    found: dict[str, Part] = {}
    for title, icon, kind, _ in rows:
        having = [stack for stack in stacks if kind in stack.types]
        if title in HOLDS:
            having.sort(key=lambda stack: not stack.is_stateful)
        if having and title not in found:
            found[title] = Part(title, icon, status.get(having[0].key, ""), having[0].title)
    return list(found.values())
