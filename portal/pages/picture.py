"""The picture of an environment: its parts in the order that a request passes them, lit by their stacks."""

from dataclasses import dataclass

from environments.lifecycle.models import Environment
from environments.lifecycle.stacks import stacks_of
from environments.operations.models import Stack

# Part, symbol, the stack whose status lights it, and the resource type that must be in the release.
FRONT = (("Web ACL", "shield", "app", "AWS::WAFv2::WebACL"),)
INSIDE = (
    ("Load balancer", "alt_route", "app", "AWS::ElasticLoadBalancingV2::LoadBalancer"),
    ("Application", "deployed_code", "app", "AWS::ElasticBeanstalk::Environment"),
    ("Database proxy", "swap_horiz", "data", "AWS::RDS::DBProxy"),
    ("Aurora MySQL", "database", "data", "AWS::RDS::DBCluster"),
)
BESIDE = (
    ("Network", "lan", "network", "AWS::EC2::VPC"),
    ("Keys and secrets", "key", "keys", "AWS::KMS::Key"),
    ("Uploads and logs", "inventory_2", "storage", "AWS::S3::Bucket"),
)


@dataclass(frozen=True)
class Part:
    """One box: what it is, and the CloudFormation status of its stack ("" before there is one)."""

    title: str
    icon: str
    status: str
    stack: str


def picture_of(environment: Environment, stacks: list[Stack]) -> dict[str, list[Part]]:
    """{"front", "inside", "beside"}: what stands before the VPC, within it, and at its side."""
    status = {stack.key: stack.status for stack in stacks}
    has = stacks_of(environment.release, environment.spec)
    known = {kind for stack in has for kind in stack.types}
    titles = {stack.key: stack.title for stack in has}

    def parts(rows: tuple[tuple[str, str, str, str], ...]) -> list[Part]:
        return [
            Part(title, icon, status.get(key, ""), titles.get(key, key))
            for title, icon, key, kind in rows
            if kind in known
        ]

    return {"front": parts(FRONT), "inside": parts(INSIDE), "beside": parts(BESIDE)}
