"""The templates of the two stacks that let the portal into an account, as data and as text."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Literal

import yaml

from blueprint_cdk.access import LATER, POLICIES

ACCESS, ACCESS_EXECUTION = "switchyard-access", "switchyard-access-execution"
"""Names of the stacks. Templates of old already deny the roles to touch stack/switchyard-access*, which is both."""

READING = frozenset({"SwitchyardBoundaryPolicy", "SwitchyardReadPolicy", "SwitchyardReader"})
"""What a plan-only account gets; all else is made when the account is to be deployed to."""


def role_templates(form: Literal["yaml", "json"]) -> dict[str, str]:
    """The templates as text by the name of their stack, in the order of deployment; the same for every account."""
    return {name: _text(template, form) for name, template in build_templates().items()}


def build_templates() -> dict[str, dict[str, Any]]:
    """The templates as data, by the name of their stack."""
    made = {ACCESS: _access()}
    return {**made, ACCESS_EXECUTION: _access_execution()} if LATER else made


def _text(template: dict[str, Any], form: str) -> str:
    if form == "json":
        # Without white space: with it, the template no longer travels in the call that deploys it.
        return json.dumps(template, separators=(",", ":")) + "\n"
    # Through JSON, so that no two places share an object: CloudFormation refuses YAML's aliases.
    parts = json.loads(json.dumps(template))
    return "".join(
        yaml.dump(
            {key: part}, Dumper=_Dense if key == "Resources" else _Dumper, sort_keys=False, width=1_000_000
        )
        for key, part in parts.items()
    )


class _Dumper(yaml.SafeDumper):
    """A line for each statement and each list of words: a line for each action is more than a request holds."""

    def represent_sequence(
        self, tag: str, sequence: Any, flow_style: bool | None = None
    ) -> yaml.SequenceNode:
        words = all(isinstance(item, str) for item in sequence)
        return super().represent_sequence(tag, sequence, flow_style=words or flow_style)

    def represent_mapping(self, tag: str, mapping: Any, flow_style: bool | None = None) -> yaml.MappingNode:
        return super().represent_mapping(tag, mapping, flow_style="Effect" in mapping or flow_style)


class _Dense(_Dumper):
    """A level is one space, for the same reason. Not in the rest: portals find a template's parameters by two."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # As an argument, PyYAML takes no less than 2.
        self.best_indent = 1


def _access() -> dict[str, Any]:
    resources = _policies(name for name in POLICIES if name not in LATER)
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


def _access_execution() -> dict[str, Any]:
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "More policies of CloudFormation's execution role. Deploy beside the stack switchyard-access.",
        "Resources": _policies(LATER),
    }


def _policies(names: Iterable[str]) -> dict[str, Any]:
    """A managed policy each. Their logical ids and names never change: a policy that is attached cannot move."""
    return {
        f"{name}Policy": {
            "Type": "AWS::IAM::ManagedPolicy",
            "Properties": {
                "ManagedPolicyName": name,
                "Description": POLICIES[name][0],
                "PolicyDocument": {"Version": "2012-10-17", "Statement": POLICIES[name][1]},
            },
        }
        for name in names
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
