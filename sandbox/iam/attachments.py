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


def _user_pool(ctx: Context, properties: dict[str, Any]) -> list[str]:
    return [ctx.arn("cognito-idp", f"userpool/{properties.get('UserPoolId', '')}")]


def _identity_pool(ctx: Context, properties: dict[str, Any]) -> list[str]:
    return [ctx.arn("cognito-identity", f"identitypool/{properties.get('IdentityPoolId', '')}")]


def _named(*keys: str) -> Callable[[Context, dict[str, Any]], list[str]]:
    def find(_ctx: Context, properties: dict[str, Any]) -> list[str]:
        return [str(properties.get(key, "")) for key in keys]

    return find


_FINDERS: dict[str, Callable[[Context, dict[str, Any]], list[str]]] = {
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
    "AWS::IAM::Policy": _policy,
    "AWS::Route53::RecordSet": _zone,
    "AWS::Route53::RecordSetGroup": _zone,
    "AWS::S3::BucketPolicy": _bucket,
    "AWS::SQS::QueuePolicy": _queues,
    "AWS::SecretsManager::ResourcePolicy": _named("SecretId"),
    "AWS::SecretsManager::SecretTargetAttachment": _named("SecretId"),
    "AWS::WAFv2::LoggingConfiguration": _named("ResourceArn"),
    "AWS::WAFv2::WebACLAssociation": _named("WebACLArn", "ResourceArn"),
}
