"""What a pool's things are called and found by, and the refusals that every operation shares."""

from __future__ import annotations

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.services.cognito_idp import secondary
from sandbox.store import Record

SERVICE = "cognito-idp"
POOL = "AWS::Cognito::UserPool"
CLIENT = "AWS::Cognito::UserPoolClient"
GROUP = "AWS::Cognito::UserPoolGroup"
DOMAIN = "AWS::Cognito::UserPoolDomain"
RESOURCE_SERVER = "AWS::Cognito::UserPoolResourceServer"
RISK = "AWS::Cognito::UserPoolRiskConfigurationAttachment"
PROVIDER = "AWS::Cognito::UserPoolIdentityProvider"
BRANDING = "AWS::Cognito::ManagedLoginBranding"
LOG_DELIVERY = "AWS::Cognito::LogDeliveryConfiguration"
REPLICA = "AWS::Cognito::UserPoolReplica"
ATTACHMENT = "AWS::Cognito::UserPoolRegionalConfigurationAttachment"
USER = "Sandbox::Cognito::User"
SESSION = "Sandbox::Cognito::Session"
CHALLENGE = "Sandbox::Cognito::Challenge"


def invalid(message: str) -> AwsError:
    return AwsError("InvalidParameterException", message)


def not_authorized(message: str) -> AwsError:
    return AwsError("NotAuthorizedException", message)


def not_found(message: str) -> AwsError:
    return AwsError("ResourceNotFoundException", message)


def part_id(pool: str, name: str) -> str:
    """The id of a record that belongs to a pool."""
    return f"{pool}|{name}"


def pool_get(ctx: Context, id: str, operation: str = "") -> Record:
    """The pool as this region has it.

    operation: what is done, where the context is not that operation's own request (CloudFormation's handlers).
    Raises ResourceNotFoundException, and OperationNotEnabledException for what a secondary region does not do.
    """
    record = ctx.store.get(ctx.account, ctx.region, POOL, id)
    if record is None:
        raise not_found(f"User pool {id} does not exist.")
    secondary.refuse(record, operation or ctx.operation)
    return record


def client_get(ctx: Context, pool: Record, id: str) -> Record:
    """A client of the pool. Raises ResourceNotFoundException."""
    record = ctx.store.get(pool.account, pool.region, CLIENT, id)
    if record is None or record.properties["UserPoolId"] != pool.id:
        raise not_found(f"User pool client {id} does not exist.")
    return record


def pool_of_client(ctx: Context, id: str) -> tuple[Record, Record]:
    """Pool and client for an operation that names only the client. Raises as `pool_get` and `client_get`."""
    record = ctx.store.get(ctx.account, ctx.region, CLIENT, id)
    if record is None:
        raise not_found(f"User pool client {id} does not exist.")
    return pool_get(ctx, record.properties["UserPoolId"]), record


def of_pool(ctx: Context, pool: Record, type_name: str) -> list[Record]:
    """The pool's records of a type in the pool's region, oldest first."""
    return [
        r
        for r in ctx.store.list(pool.account, pool.region, type_name)
        if (r.properties.get("UserPoolId") or r.data.get("pool")) == pool.id
    ]
