"""The way into an account: the template that a person deploys there, once, before the portal can do anything.

It makes the roles SwitchyardReader and SwitchyardDeployer (assumed by the portal), SwitchyardBootstrap (used by
CloudFormation to deploy `cdk bootstrap`'s template), SwitchyardGuard (used by CloudFormation once, to make what nobody
of the portal's may change), the policies SwitchyardExecution* of CloudFormation's execution role, and
SwitchyardBoundary, the permissions boundary of every role that the portal's stacks make.
"""

from __future__ import annotations

import json
from typing import Any, Literal

import yaml

from blueprint_cdk.access.bootstrap import BOOTSTRAP
from blueprint_cdk.access.boundary import BOUNDARY
from blueprint_cdk.access.execution import EXECUTION
from blueprint_cdk.access.guard import GUARD
from blueprint_cdk.access.portal import DEPLOYER, READER

_DESCRIPTIONS = {
    "SwitchyardBoundary": "Permissions boundary of every role that the portal's stacks make",
    "SwitchyardExecution": "CloudFormation's execution role: network, keys, secrets, logs, roles",
    "SwitchyardExecutionData": "CloudFormation's execution role: database, buckets, queues, rules",
    "SwitchyardExecutionEdge": "CloudFormation's execution role: load balancer, firewall, certificate, baseline",
    "SwitchyardExecutionApp": "CloudFormation's execution role: Beanstalk and what it makes",
    "SwitchyardRead": "What plans, progress and the search for leftovers read",
    "SwitchyardDeploy": "Drive the portal's stacks and put their assets",
    "SwitchyardTeardown": "Empty the portal's buckets, take last copies, delete validation records",
    "SwitchyardBootstrap": "Make and change what `cdk bootstrap` makes",
    "SwitchyardGuard": "Make the trail, the locked buckets and the groups of people, once",
}
_STATEMENTS = {"SwitchyardBoundary": BOUNDARY, **EXECUTION, **READER, **DEPLOYER, **BOOTSTRAP, **GUARD}

POLICIES: dict[str, tuple[str, list[dict[str, Any]]]] = {
    name: (description, _STATEMENTS[name]) for name, description in _DESCRIPTIONS.items()
}
"""Description and statements of each policy, by its name."""

READING = frozenset({"SwitchyardBoundaryPolicy", "SwitchyardReadPolicy", "SwitchyardReader"})
"""What a plan-only account gets; all else is made when the account is to be deployed to."""


def role_template(form: Literal["yaml", "json"]) -> str:
    """The template as text, the same for every account."""
    template = build_template()
    if form == "json":
        # Without white space: with it, the template no longer travels in the call that deploys it.
        return json.dumps(template, separators=(",", ":")) + "\n"
    # Through JSON, so that no two places share an object: CloudFormation refuses YAML's aliases.
    return yaml.dump(json.loads(json.dumps(template)), Dumper=_Dumper, sort_keys=False, width=400)


class _Dumper(yaml.SafeDumper):
    """Lists of words on as few lines as they need: a line for each action is more than a request holds."""

    def represent_sequence(
        self, tag: str, sequence: Any, flow_style: bool | None = None
    ) -> yaml.SequenceNode:
        words = all(isinstance(item, str) for item in sequence)
        return super().represent_sequence(tag, sequence, flow_style=words or flow_style)


def build_template() -> dict[str, Any]:
    """The template as data."""
    resources: dict[str, Any] = {}
    for name, (description, statements) in POLICIES.items():
        resources[f"{name}Policy"] = {
            "Type": "AWS::IAM::ManagedPolicy",
            "Properties": {
                "ManagedPolicyName": name,
                "Description": description,
                "PolicyDocument": {"Version": "2012-10-17", "Statement": statements},
            },
        }
    resources["SwitchyardReader"] = _role(
        "SwitchyardReader", "Switchyard reads this account", _portal_trust(), ["SwitchyardRead"]
    )
    resources["SwitchyardDeployer"] = _role(
        "SwitchyardDeployer",
        "Switchyard deploys to this account, by CloudFormation only",
        _portal_trust(),
        ["SwitchyardRead", "SwitchyardDeploy", "SwitchyardTeardown"],
    )
    resources["SwitchyardBootstrap"] = _role(
        "SwitchyardBootstrap",
        "CloudFormation deploys the CDK bootstrap template with it",
        [_trust({"Service": "cloudformation.amazonaws.com"}, ["sts:AssumeRole"])],
        ["SwitchyardBootstrap"],
    )
    resources["SwitchyardGuard"] = _role(
        "SwitchyardGuard",
        "CloudFormation makes the stack switchyard-guard with it, once",
        [_trust({"Service": "cloudformation.amazonaws.com"}, ["sts:AssumeRole"])],
        ["SwitchyardGuard"],
    )
    for name, resource in resources.items():
        if name not in READING:
            resource["Condition"] = "Deploys"
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "Lets Switchyard into this account. Deploy once, as the stack switchyard-access.",
        "Parameters": {
            "PortalPrincipalArn": {
                "Type": "String",
                "Description": "ARN of the IAM user or role that the portal runs as.",
                "AllowedPattern": r"^arn:aws[a-z-]*:iam::[0-9]{12}:(role|user)/[A-Za-z0-9+=,.@_/-]+$",
                "ConstraintDescription": "must be the ARN of an IAM user or role",
            },
            "ExternalId": {
                "Type": "String",
                "Description": "The external id that the portal shows for this account.",
                "MinLength": 16,
                "MaxLength": 128,
                "AllowedPattern": r"^[A-Za-z0-9+=,.@:/_-]+$",
                "ConstraintDescription": "must be the portal's external id, 16 characters or more",
            },
            "Access": {
                "Type": "String",
                "Description": "read for a plan-only account, deploy for one that environments are built in.",
                "AllowedValues": ["read", "deploy"],
                "Default": "deploy",
            },
            "ZoneName": {
                "Type": "String",
                "Description": "The hosted zone of this account's environments, the only one records are deleted in.",
                "AllowedPattern": r"^([*]|[a-z0-9-]+(\.[a-z0-9-]+)+)$",
                "ConstraintDescription": "must be a domain name in lower case without a dot at its end, or *",
                "Default": "*",
            },
        },
        "Conditions": {"Deploys": {"Fn::Equals": [{"Ref": "Access"}, "deploy"]}},
        "Resources": resources,
        "Outputs": {
            "ReaderRoleArn": {
                "Description": "Role that the portal reads with",
                "Value": {"Fn::GetAtt": ["SwitchyardReader", "Arn"]},
            },
            "DeployerRoleArn": {
                "Description": "Role that the portal deploys with",
                "Condition": "Deploys",
                "Value": {"Fn::GetAtt": ["SwitchyardDeployer", "Arn"]},
            },
        },
    }


def _portal_trust() -> list[dict[str, Any]]:
    portal = {"AWS": {"Ref": "PortalPrincipalArn"}}
    external = {"StringEquals": {"sts:ExternalId": {"Ref": "ExternalId"}}}
    return [
        {**_trust(portal, ["sts:AssumeRole"]), "Condition": external},
        # Their requests carry no external id; without the statement above they give nobody a session.
        _trust(portal, ["sts:SetSourceIdentity", "sts:TagSession"]),
    ]


def _trust(principal: dict[str, Any], actions: list[str]) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": principal, "Action": actions}


def _role(name: str, description: str, trust: list[dict[str, Any]], policies: list[str]) -> dict[str, Any]:
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "RoleName": name,
            "Description": description,
            "MaxSessionDuration": 3600,
            "PermissionsBoundary": {"Ref": "SwitchyardBoundaryPolicy"},
            "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": trust},
            "ManagedPolicyArns": [{"Ref": f"{policy}Policy"} for policy in policies],
        },
    }
