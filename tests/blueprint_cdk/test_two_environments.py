"""Two environments of one blueprint in one account: side by side, within its quotas, each gone without the other.

The local AWS refuses a name that is taken, what an account has once, and one thing more than a quota allows.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from devtools.sandbox import Sandbox
from tests.blueprint_cdk.deploying import Deployment
from tests.blueprint_cdk.support import ALL_MODULES, Assembly, Synthesise
from tests.sandbox.support import Stacks

ACCOUNT, REGION = "510000000060", "eu-west-1"
ROOM = {"vpc/L-F678F1CE": 2, "vpc/L-A4707A72": 2, "ec2/L-0263D0A3": 2}
"""VPCs, internet gateways, elastic IPs: room for two small environments and no more."""
WHO = (("shop", "k3x9", "10.20.0.0/18"), ("till", "a1b2", "10.20.64.0/18"))


@pytest.mark.timeout(300)
def test_two_environments_stand_side_by_side_in_one_account(
    sandbox: Sandbox, synthesise: Synthesise, tmp_path: Path
) -> None:
    keys = sandbox.account(ACCOUNT, quotas=ROOM)
    route53 = sandbox.client("route53", keys, "us-east-1")
    zone = route53.create_hosted_zone(Name="two.example.com", CallerReference="two")["HostedZone"]["Id"]
    fixed = {
        "account_id": ACCOUNT,
        "zone_id": zone.rpartition("/")[2],
        "zone_name": "two.example.com",
        "permissions_boundary_arn": None,
        "modules": ALL_MODULES,
    }
    # What the account has once is there before: an environment that brought it as well would be refused.
    stacks = Stacks(sandbox.client("cloudformation", keys, REGION))
    assert stacks.create("switchyard-baseline", _baseline(tmp_path))["StackStatus"] == "CREATE_COMPLETE"

    there: dict[str, tuple[Deployment, Assembly]] = {}
    for name, suffix, cidr in WHO:
        assembly = synthesise(name=name, suffix=suffix, cidr=cidr, **fixed)
        deployment = Deployment(sandbox, keys, {"home": REGION}, prefix=assembly.prefix)
        deployment.bring(assembly, "none", ALL_MODULES)
        there[name] = deployment, assembly
    (shop, _), (till, whole) = there["shop"], there["till"]
    # Log groups, tables, buckets, roles, aliases, pools … by their own names; within a stack only, a name may be used
    # twice (a table `events` in each database of the catalogue, a group of users, a stream of a log).
    own = {kind: _names(shop, kind) & _names(till, kind) for kind in ("AWS::S3::Bucket", "AWS::IAM::Role")}
    assert own == {"AWS::S3::Bucket": set(), "AWS::IAM::Role": set()}
    answers = {
        name: sandbox.control("GET", "resolve", name=f"{name}.two.example.com", type="A") for name in there
    }
    assert answers["shop"]["answers"] != answers["till"]["answers"] and all(answers.values())

    # The account is full: of a third one the network is refused, with the quota's own words.
    third = synthesise(name="desk", suffix="c3d4", cidr="10.20.128.0/18", **fixed).template("network")
    stack = stacks.create("sy-desk-c3d4-network", json.dumps(third))
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert any("maximum" in reason for _, _, reason in stacks.events("sy-desk-c3d4-network"))

    before = till.physical()
    shop.delete_all()
    assert till.physical() == before
    assert till.bring(whole, "none", ALL_MODULES) == []
    till.delete_all()


def _baseline(out: Path) -> str:
    from blueprint_cdk.synthesis import synthesise

    synthesise({"app": "baseline", "spec": {"account_id": ACCOUNT, "region": REGION}, "out": str(out / "b")})
    return (out / "b" / "switchyard-baseline.template.json").read_text()


def _names(deployment: Deployment, kind: str) -> set[str]:
    """Physical ids of a type's resources."""
    found: set[str] = set()
    for key, place in deployment.there.items():
        rows: list[dict[str, Any]] = deployment.stacks[place].client.describe_stack_resources(
            StackName=f"{deployment.prefix}-{key}"
        )["StackResources"]
        found |= {row["PhysicalResourceId"] for row in rows if row["ResourceType"] == kind}
    assert found, kind
    return found
