"""Decisions on what people do with AWS roles, taken from the templates' own policies: once by the sandbox and once by
npm @cloud-copilot/iam-simulate (docs/decisions/0106).
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, replace
from typing import Any

from blueprint_cdk.access.templates import ACCESS, build_templates
from devtools.node import link_node
from devtools.places import ROOT
from sandbox.iam.decision import Caller, Layers, decide
from sandbox.iam.policy import Request
from tests.blueprint_cdk.aws_role_table import ACCOUNT
from tests.sandbox.iam.cases import Case, Document

SCRIPT = ROOT / "tests" / "sandbox" / "iam" / "decide.mjs"
ANNA = f"arn:aws:iam::{ACCOUNT}:user/people/anna"
KEY_POLICY: Document = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
            "Action": "kms:*",
            "Resource": "*",
        }
    ],
}
"""What the environment's keys say (test_rights): IAM decides."""


@dataclass(frozen=True)
class Asked:
    """A case, and what has to come of it."""

    case: Case
    allowed: bool
    simulated: bool = True


def taking(role: dict[str, Any], policies: tuple[Document, ...], *, mfa: bool, **keys: Any) -> Case:
    """Anna takes the role, as the command on the environment's page does."""
    told = {
        "aws:username": "anna",
        "aws:PrincipalArn": ANNA,
        "sts:SourceIdentity": "anna",
        "sts:RoleSessionName": "anna",
        **({"aws:MultiFactorAuthPresent": "true"} if mfa else {}),
        **keys,
    }
    return Case(
        f"taking {role['RoleName']}, {mfa=}, {keys}",
        policies,
        resource_policy=role["AssumeRolePolicyDocument"],
        keys={name: value for name, value in told.items() if value},
        action="sts:AssumeRole",
        resource=f"arn:aws:iam::{ACCOUNT}:role/{role['RoleName']}",
        principal=ANNA,
    )


def naming(case: Case, name: str) -> Case:
    """What STS asks besides when a role is taken under a source identity: it knows neither session name nor external
    id (Service Authorization Reference, condition keys of sts:SetSourceIdentity).
    """
    keys = {key: value for key, value in case.keys.items() if key != "sts:RoleSessionName"}
    return replace(case, name=f"{case.name}, naming: {name}", action="sts:SetSourceIdentity", keys=keys)


def boundary() -> Document:
    """What no role of the blueprint's may go beyond, as the account has it."""
    text = json.dumps(
        build_templates()[ACCESS]["Resources"]["SwitchyardBoundaryPolicy"]["Properties"]["PolicyDocument"]
    )
    for name, value in {
        "AWS::Partition": "aws",
        "AWS::AccountId": ACCOUNT,
        "AWS::Region": "eu-west-1",
    }.items():
        text = text.replace(f"${{{name}}}", value)
    document: Document = json.loads(text, object_hook=lambda row: row.get("Fn::Sub", row))
    return document


def session(role: dict[str, Any], name: str, action: str, resource: str, keys: dict[str, Any]) -> Case:
    """Anna's session of the role does something; `name` says in which circumstances."""
    return Case(
        name,
        tuple(policy["PolicyDocument"] for policy in role["Policies"]),
        boundary=boundary(),
        resource_policy=KEY_POLICY if action.startswith("kms:") else None,
        keys=keys,
        action=action,
        resource=resource,
        principal=f"arn:aws:sts::{ACCOUNT}:assumed-role/{role['RoleName']}/anna",
    )


def tags_of(role: dict[str, Any]) -> dict[str, str]:
    """The role's tags by key."""
    return {tag["Key"]: tag["Value"] for tag in role["Tags"]}


def ours(case: Case) -> bool:
    """The sandbox's decision."""
    entity = case.principal
    if ":assumed-role/" in entity:
        entity = f"arn:aws:iam::{ACCOUNT}:role/{entity.split('/')[1]}"
    caller = Caller(ACCOUNT, case.principal, entity)
    layers = Layers(case.identity, case.boundary, None, case.resource_policy)
    request = Request(case.action, case.resource, case.keys)
    delegated = case.resource_policy is not None
    return decide(caller, request, layers, owner=ACCOUNT, delegated=delegated).allowed


def theirs(cases: list[Case]) -> list[bool | str]:
    """iam-simulate's answers; a sentence where it would not take a case."""
    text = json.dumps([{**case.asked(), "owner": ACCOUNT} for case in cases])
    command = [str(link_node()), str(SCRIPT)]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=True, timeout=90)
    return [row.get("error") or row["decision"] == "allow" for row in json.loads(done.stdout)]


def judged(asked: list[Asked]) -> list[str]:
    """A sentence for each decision that is not as it has to be."""
    simulated = [row.case for row in asked if row.simulated]
    said = {case.name: their for case, their in zip(simulated, theirs(simulated), strict=True)}
    assert len(said) == len(simulated)
    return [
        f"{row.case.name}: expected {row.allowed}, the sandbox {ours(row.case)}, iam-simulate {their}"
        for row in asked
        for their in [said.get(row.case.name, row.allowed)]
        if not (row.allowed is ours(row.case) is their)
    ]
