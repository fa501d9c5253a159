"""The picture of an environment: region by region, its parts in the order that a request passes them, lit by their
stacks.
"""

from dataclasses import dataclass

from environments.lifecycle.models import Environment
from environments.lifecycle.stacks import StackOf, regions_of, stacks_of
from environments.operations.models import Stack

# Part, symbol, and the resource type that shows which stack has it.
FRONT = (("Web ACL", "shield", "AWS::WAFv2::WebACL"),)
INSIDE = (
    ("Load balancer", "alt_route", "AWS::ElasticLoadBalancingV2::LoadBalancer"),
    ("Application", "deployed_code", "AWS::ElasticBeanstalk::Environment"),
    ("Database proxy", "swap_horiz", "AWS::RDS::DBProxy"),
    ("Aurora MySQL", "database", "AWS::RDS::DBCluster"),
)
BESIDE = (
    ("Network", "lan", "AWS::EC2::VPC"),
    ("Keys and secrets", "key", "AWS::KMS::Key"),
    ("Keys and secrets", "key", "AWS::KMS::ReplicaKey"),
    ("Uploads and logs", "inventory_2", "AWS::S3::Bucket"),
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
    return [
        Place(
            region,
            environment.cidr if region == environment.home_region else environment.other_cidr or "",
            region == (environment.active_region or environment.home_region),
            *(
                _parts(rows, [stack for stack in has if stack.region == region], status)
                for rows in (FRONT, INSIDE, BESIDE)
            ),
        )
        for region in regions_of(environment.spec)
    ]


def _parts(
    rows: tuple[tuple[str, str, str], ...], stacks: list[StackOf], status: dict[str, str]
) -> list[Part]:
    found: dict[str, Part] = {}
    for title, icon, kind in rows:
        having = [stack for stack in stacks if kind in stack.types]
        if title in HOLDS:
            having.sort(key=lambda stack: not stack.is_stateful)
        if having and title not in found:
            found[title] = Part(title, icon, status.get(having[0].key, ""), having[0].title)
    return list(found.values())
