"""What a type without an ARN of its own is made on: the resources that IAM is asked about instead.

Source: the "Resource types" column of each action in AWS's service authorization reference.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sandbox.store import GLOBAL

if TYPE_CHECKING:
    from sandbox.context import Context


def attached_to(ctx: Context, type_name: str, properties: dict[str, Any]) -> list[str]:
    """ARNs that a permission to make or remove this resource is about; empty: not such a type."""
    find = _FINDERS.get(type_name)
    return [arn for arn in find(ctx, properties) if arn] if find else []


def _policy(ctx: Context, properties: dict[str, Any]) -> list[str]:
    kinds = (("Roles", "Role"), ("Users", "User"), ("Groups", "Group"))
    return [
        record.arn
        for key, kind in kinds
        for name in properties.get(key) or ()
        if (record := ctx.store.get(ctx.account, GLOBAL, f"AWS::IAM::{kind}", name)) is not None
    ]


def _bucket(_ctx: Context, properties: dict[str, Any]) -> list[str]:
    return [f"arn:aws:s3:::{properties.get('Bucket', '')}"]


def _zone(ctx: Context, properties: dict[str, Any]) -> list[str]:
    named = str(properties.get("HostedZoneName", "")).rstrip(".")
    found = [str(properties["HostedZoneId"])] if properties.get("HostedZoneId") else []
    if named:
        zones = ctx.store.list(ctx.account, GLOBAL, "AWS::Route53::HostedZone")
        found += [zone.id for zone in zones if str(zone.properties.get("Name", "")).rstrip(".") == named]
    return [f"arn:aws:route53:::hostedzone/{zone.rpartition('/')[2]}" for zone in found]


def _queues(ctx: Context, properties: dict[str, Any]) -> list[str]:
    return [ctx.arn("sqs", str(url).rpartition("/")[2]) for url in properties.get("Queues") or ()]


def _topics(ctx: Context, properties: dict[str, Any]) -> list[str]:
    return [str(arn) for arn in properties["Topics"]]


def _user_pool(ctx: Context, properties: dict[str, Any]) -> list[str]:
    return [ctx.arn("cognito-idp", f"userpool/{properties.get('UserPoolId', '')}")]


def _identity_pool(ctx: Context, properties: dict[str, Any]) -> list[str]:
    return [ctx.arn("cognito-identity", f"identitypool/{properties.get('IdentityPoolId', '')}")]


def _glue(ctx: Context, properties: dict[str, Any]) -> list[str]:
    """Catalog, database, and the table if it is one."""
    database = properties.get("DatabaseName") or (properties.get("DatabaseInput") or {}).get("Name", "")
    table = properties.get("Name") or (properties.get("TableInput") or {}).get("Name")
    found = [ctx.arn("glue", "catalog"), ctx.arn("glue", f"database/{database}")]
    return [*found, ctx.arn("glue", f"table/{database}/{table}")] if table else found


def _table(ctx: Context, properties: dict[str, Any]) -> list[str]:
    return [ctx.arn("dynamodb", f"table/{properties.get('TableName', '*')}")]


def _workgroup(ctx: Context, properties: dict[str, Any]) -> list[str]:
    return [ctx.arn("athena", f"workgroup/{properties.get('WorkGroup', 'primary')}")]


def _channel(kind: str) -> Callable[[Context, dict[str, Any]], list[str]]:
    def find(ctx: Context, properties: dict[str, Any]) -> list[str]:
        return [ctx.arn("mobiletargeting", f"apps/{properties.get('ApplicationId', '')}/channels/{kind}")]

    return find


def _configuration_set(ctx: Context, properties: dict[str, Any]) -> list[str]:
    return [ctx.arn("ses", f"configuration-set/{properties.get('ConfigurationSetName', '')}")]


def _log_stream(ctx: Context, properties: dict[str, Any]) -> list[str]:
    group, name = properties.get("LogGroupName", ""), properties.get("LogStreamName", "*")
    return [ctx.arn("logs", f"log-group:{group}:log-stream:{name}")]


def _named(*keys: str) -> Callable[[Context, dict[str, Any]], list[str]]:
    def find(_ctx: Context, properties: dict[str, Any]) -> list[str]:
        return [str(properties.get(key, "")) for key in keys]

    return find


_FINDERS: dict[str, Callable[[Context, dict[str, Any]], list[str]]] = {
    "AWS::Athena::NamedQuery": _workgroup,
    "AWS::Cognito::IdentityPoolPrincipalTag": _identity_pool,
    "AWS::Cognito::IdentityPoolRoleAttachment": _identity_pool,
    "AWS::Cognito::LogDeliveryConfiguration": _user_pool,
    "AWS::Cognito::ManagedLoginBranding": _user_pool,
    "AWS::Cognito::UserPoolClient": _user_pool,
    "AWS::Cognito::UserPoolDomain": _user_pool,
    "AWS::Cognito::UserPoolGroup": _user_pool,
    "AWS::Cognito::UserPoolIdentityProvider": _user_pool,
    "AWS::Cognito::UserPoolRegionalConfigurationAttachment": _user_pool,
    "AWS::Cognito::UserPoolReplica": _user_pool,
    "AWS::Cognito::UserPoolResourceServer": _user_pool,
    "AWS::Cognito::UserPoolRiskConfigurationAttachment": _user_pool,
    "AWS::DynamoDB::GlobalTable": _table,
    "AWS::Glue::Database": _glue,
    "AWS::Glue::Table": _glue,
    "AWS::IAM::Policy": _policy,
    "AWS::Logs::LogStream": _log_stream,
    "AWS::Pinpoint::APNSChannel": _channel("apns"),
    "AWS::Pinpoint::APNSSandboxChannel": _channel("apns_sandbox"),
    "AWS::Pinpoint::GCMChannel": _channel("gcm"),
    "AWS::Route53::RecordSet": _zone,
    "AWS::Route53::RecordSetGroup": _zone,
    "AWS::S3::BucketPolicy": _bucket,
    "AWS::SES::ConfigurationSetEventDestination": _configuration_set,
    "AWS::SNS::TopicPolicy": _topics,
    "AWS::SQS::QueuePolicy": _queues,
    "AWS::SecretsManager::ResourcePolicy": _named("SecretId"),
    "AWS::SecretsManager::SecretTargetAttachment": _named("SecretId"),
    "AWS::WAFv2::LoggingConfiguration": _named("ResourceArn"),
    "AWS::WAFv2::WebACLAssociation": _named("WebACLArn", "ResourceArn"),
}
