"""Roles that a request gives to a service: iam:PassRole is asked about each of them.

Source: IAM user guide, "Grant a user permissions to pass a role to an AWS service"; each service's authorization page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from sandbox.iam import sight
from sandbox.store import GLOBAL

if TYPE_CHECKING:
    from sandbox.context import Context

Passed = list[tuple[str, str]]
"""(ARN of the role, the service that gets it)."""
_LAUNCH = "aws:autoscaling:launchconfiguration"
_ENVIRONMENT = "aws:elasticbeanstalk:environment"
_CALLS = {
    "backup": {"IamRoleArn": "backup.amazonaws.com"},
    "cloudformation": {"RoleARN": "cloudformation.amazonaws.com"},
    "codebuild": {"serviceRole": "codebuild.amazonaws.com"},
    "ec2": {"DeliverLogsPermissionArn": "vpc-flow-logs.amazonaws.com"},
    "elasticbeanstalk": {"OperationsRole": "elasticbeanstalk.amazonaws.com"},
    "events": {"RoleArn": "events.amazonaws.com"},
    "s3control": {"RoleArn": "batchoperations.s3.amazonaws.com"},
    "rds": {"RoleArn": "rds.amazonaws.com", "MonitoringRoleArn": "monitoring.rds.amazonaws.com"},
}
"""Service to (parameter with the role, who gets it)."""
_TYPES = {
    "AWS::CodeBuild::Project": {"ServiceRole": "codebuild.amazonaws.com"},
    "AWS::EC2::FlowLog": {"DeliverLogsPermissionArn": "vpc-flow-logs.amazonaws.com"},
    "AWS::ElasticBeanstalk::Environment": {"OperationsRole": "elasticbeanstalk.amazonaws.com"},
    "AWS::Events::Rule": {"RoleArn": "events.amazonaws.com"},
    "AWS::RDS::DBCluster": {"MonitoringRoleArn": "monitoring.rds.amazonaws.com"},
    "AWS::RDS::DBInstance": {"MonitoringRoleArn": "monitoring.rds.amazonaws.com"},
    "AWS::RDS::DBProxy": {"RoleArn": "rds.amazonaws.com"},
}


def passed_roles(ctx: Context, service: str, operation: str, params: dict[str, Any]) -> Passed:
    """What an operation passes."""
    found = _named(ctx, params, _CALLS.get(service, {}))
    if service == "s3" and operation == "PutBucketReplication":
        found += [(str(params["ReplicationConfiguration"]["Role"]), "s3.amazonaws.com")]
    elif service == "elasticbeanstalk":
        found += _of_options(ctx, params.get("OptionSettings") or ())
    elif service == "iam" and operation == "AddRoleToInstanceProfile":
        found += _role(ctx, str(params["RoleName"]), "ec2.amazonaws.com")
    elif service == "cognito-identity" and operation == "SetIdentityPoolRoles":
        roles = (params.get("Roles") or {}).values()
        found += [(str(role), "cognito-identity.amazonaws.com") for role in roles]
    elif service == "ec2" and operation == "RunInstances":
        profile = params.get("IamInstanceProfile") or {}
        found += _of_profile(ctx, str(profile.get("Arn") or profile.get("Name") or ""))
    return found


def passed_by_type(ctx: Context, type_name: str, properties: dict[str, Any]) -> Passed:
    """What CloudFormation's handler of a type passes when it creates or updates one."""
    found = _named(ctx, properties, _TYPES.get(type_name, {}))
    if type_name == "AWS::ElasticBeanstalk::Environment":
        found += _of_options(ctx, properties.get("OptionSettings") or ())
    elif type_name == "AWS::IAM::InstanceProfile":
        found += [
            pair for role in properties.get("Roles") or () for pair in _role(ctx, role, "ec2.amazonaws.com")
        ]
    elif type_name == "AWS::Cognito::IdentityPoolRoleAttachment":
        roles = (properties.get("Roles") or {}).values()
        found += [(str(role), "cognito-identity.amazonaws.com") for role in roles]
    elif type_name == "AWS::Backup::BackupSelection":
        selection = properties.get("BackupSelection") or {}
        found += _named(ctx, selection, {"IamRoleArn": "backup.amazonaws.com"})
    elif type_name == "AWS::KinesisFirehose::DeliveryStream":
        target = properties.get("ExtendedS3DestinationConfiguration") or {}
        found += _named(ctx, target, {"RoleARN": "firehose.amazonaws.com"})
    elif type_name == "AWS::QuickSight::DataSource":
        asked = (properties.get("DataSourceParameters") or {}).get("AthenaParameters") or {}
        found += _named(ctx, asked, {"RoleArn": "quicksight.amazonaws.com"})
    elif type_name == "AWS::S3::Bucket" and properties.get("ReplicationConfiguration"):
        found += [(str(properties["ReplicationConfiguration"]["Role"]), "s3.amazonaws.com")]
    return found


def _named(ctx: Context, values: dict[str, Any], table: dict[str, str]) -> Passed:
    found: Passed = []
    for name, service in table.items():
        if values.get(name):
            found += _role(ctx, str(values[name]), service)
    return found


def _of_options(ctx: Context, options: Iterable[dict[str, Any]]) -> Passed:
    given: dict[tuple[Any, Any], str] = {
        (option.get("Namespace"), option.get("OptionName")): str(option.get("Value") or "")
        for option in options
    }
    pass_one: tuple[tuple[tuple[str, str], Callable[[str], Passed]], ...] = (
        ((_LAUNCH, "IamInstanceProfile"), lambda name: _of_profile(ctx, name)),
        ((_ENVIRONMENT, "ServiceRole"), lambda name: _role(ctx, name, "elasticbeanstalk.amazonaws.com")),
    )
    return [pair for key, find in pass_one if given.get(key) for pair in find(given[key])]


def _of_profile(ctx: Context, name: str) -> Passed:
    """The role in an instance profile (name or ARN)."""
    record = sight.get(ctx.world, ctx.account, "AWS::IAM::InstanceProfile", name.rpartition("/")[2])
    roles = record.properties.get("Roles") or () if record is not None else ()
    return [pair for role in roles for pair in _role(ctx, str(role), "ec2.amazonaws.com")]


def _role(ctx: Context, name: str, service: str) -> Passed:
    """By name or ARN; a role that is not there has the ARN that it would have."""
    if name.startswith("arn:"):
        return [(name, service)]
    record = ctx.store.get(ctx.account, GLOBAL, "AWS::IAM::Role", name)
    return [(record.arn if record is not None else f"arn:aws:iam::{ctx.account}:role/{name}", service)]
