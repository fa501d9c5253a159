"""User pools as records: defaults, what may not be changed, what goes with a pool."""

from __future__ import annotations

from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import resource_type
from sandbox.resource_types import ResourceType, random_name
from sandbox.services import ses
from sandbox.services.cognito_idp import attributes, messages, passwords, replication
from sandbox.services.cognito_idp.names import (
    CHALLENGE,
    DOMAIN,
    LOG_DELIVERY,
    POOL,
    REPLICA,
    USER,
    invalid,
    of_pool,
)
from sandbox.services.cognito_idp.secondary import is_secondary
from sandbox.services.kms import keys
from sandbox.store import Record

FIXED = ("UsernameAttributes", "AliasAttributes", "UsernameConfiguration")
PARTS = (*replication.COPIED, DOMAIN, CHALLENGE, LOG_DELIVERY)


@resource_type(POOL)
class UserPool(ResourceType):
    """A pool. data: `schema` (all attributes), `keys` (they sign; made at the first sign-in), `replica_status`.

    A replica's copy of the pool is a record of the same type and id in the other region, with data["primary"].
    """

    def identify(self, ctx: Context, properties: dict[str, Any], hint: str) -> str:
        properties.setdefault("UserPoolName", f"{hint.rpartition('-')[2]}-{random_name(12)}")
        return f"{ctx.region}_{random_name(9)}"

    def arn_for(self, ctx: Context, id: str, properties: dict[str, Any]) -> str:
        return ctx.arn("cognito-idp", f"userpool/{id}")

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        attributes.check_schema(properties.get("Schema") or [])
        _check(ctx, properties)

    def created(self, ctx: Context, record: Record) -> None:
        record.data["schema"] = attributes.full_schema(record.properties.get("Schema") or [])
        record.attributes = {
            "Arn": record.arn,
            "ProviderName": f"cognito-idp.{record.region}.amazonaws.com/{record.id}",
            "ProviderURL": f"https://cognito-idp.{record.region}.amazonaws.com/{record.id}",
            "UserPoolId": record.id,
        }

    def check_update(self, ctx: Context, record: Record, properties: dict[str, Any]) -> None:
        for name in FIXED:
            if (properties.get(name) or None) != (record.properties.get(name) or None):
                raise invalid(f"Updates are not allowed for property - {name}.")
        before = {attributes.custom_name(s): s for s in record.properties.get("Schema") or []}
        after = {attributes.custom_name(s): s for s in properties.get("Schema") or []}
        if any(after.get(name) != entry for name, entry in before.items()) or any(
            name in attributes.STANDARD_NAMES for name in set(after) - set(before)
        ):
            raise invalid("Existing schema attributes cannot be modified or deleted.")
        attributes.check_schema(list(after.values()))
        if is_secondary(record):
            return  # the key is the primary region's, and was looked at there
        _check(ctx, properties)
        _keep_replicable(ctx, record, properties)

    def updated(self, ctx: Context, record: Record, before: dict[str, Any]) -> None:
        record.properties.setdefault("UserPoolName", before["UserPoolName"])
        record.data["schema"] = attributes.full_schema(record.properties.get("Schema") or [])
        replication.spread(ctx.world, record)

    def check_delete(self, ctx: Context, record: Record) -> None:
        if record.properties.get("DeletionProtection") == "ACTIVE":
            raise invalid(
                "The user pool cannot be deleted because deletion protection is activated. "
                "Deletion protection must be inactivated first."
            )
        if of_pool(ctx, record, DOMAIN):
            raise invalid(
                "User pool cannot be deleted. It has a domain configured that should be deleted first."
            )
        if of_pool(ctx, record, REPLICA):
            # The sandbox's own sentence: AWS documents none.
            raise invalid("User pool cannot be deleted. It has a replica that should be deleted first.")

    def deleted(self, ctx: Context, record: Record) -> None:
        for type_name in PARTS:
            for part in of_pool(ctx, record, type_name):
                ctx.store.remove(part)
        messages.drop(ctx.world, record)


def _check(ctx: Context, properties: dict[str, Any]) -> None:
    if properties.get("UsernameAttributes") and properties.get("AliasAttributes"):
        raise invalid("Only one of the aliasAttributes or usernameAttributes can be set in a user pool.")
    mail = properties.get("EmailConfiguration") or {}
    if mail.get("EmailSendingAccount") == "DEVELOPER":
        _check_sender(ctx, str(mail.get("SourceArn") or ""))
    key = properties.get("KeyConfiguration") or {}
    if key.get("KeyType") == "CUSTOMER_MANAGED_KEY":
        arn = str(key.get("KmsKeyArn") or "")
        if ":key/" not in arn:  # developer guide, "Data protection": a key's ARN, not an alias
            raise invalid("KmsKeyArn must be the ARN of a KMS key.")
        try:
            keys.usable(ctx, arn)
        except AwsError as problem:
            raise invalid(f"The KMS key cannot be used: {problem.message}") from problem


def _check_sender(ctx: Context, arn: str) -> None:
    """Mail by SES takes a verified identity of the account (developer guide, "Email settings for user pools")."""
    _, _, rest = arn.partition(":ses:")
    region, _, name = rest.partition(":")
    identity = ctx.store.get(ctx.account, region, ses.IDENTITY, name.partition("identity/")[2])
    if identity is None or not ses.verified(ctx, identity):
        raise invalid(f"Email address is not verified. {arn}")


def _keep_replicable(ctx: Context, record: Record, properties: dict[str, Any]) -> None:
    """A pool with a replica keeps what a replica needs."""
    if of_pool(ctx, record, REPLICA):
        replication.refuse_unfit(properties)


def shape(ctx: Context, record: Record) -> dict[str, Any]:
    """UserPoolType, with the defaults that Cognito shows."""
    own = dict(record.properties)
    name = own.pop("UserPoolName")
    own.pop("Schema", None)
    for unshown in ("EnabledMfas", "EmailAuthenticationMessage", "EmailAuthenticationSubject"):
        own.pop(unshown, None)
    for unshown in ("WebAuthnRelyingPartyID", "WebAuthnUserVerification", "WebAuthnFactorConfiguration"):
        own.pop(unshown, None)
    own["Policies"] = policies(own.get("Policies"))
    own["AdminCreateUserConfig"] = {
        "AllowAdminCreateUserOnly": False,
        "UnusedAccountValidityDays": own["Policies"]["PasswordPolicy"]["TemporaryPasswordValidityDays"],
        **(own.get("AdminCreateUserConfig") or {}),
    }
    answer = {
        "DeletionProtection": "INACTIVE",
        "MfaConfiguration": "OFF",
        "LambdaConfig": {},
        "UserPoolTier": "ESSENTIALS",
        "EmailConfiguration": {"EmailSendingAccount": "COGNITO_DEFAULT"},
        "VerificationMessageTemplate": {"DefaultEmailOption": "CONFIRM_WITH_CODE"},
        **own,
        "Id": record.id,
        "Name": name,
        "Arn": record.arn,
        "CreationDate": record.created_at,
        "LastModifiedDate": record.updated_at,
        "SchemaAttributes": record.data["schema"],
        "EstimatedNumberOfUsers": len(of_pool(ctx, record, USER)),
        "UserPoolTags": dict(record.tags),
    }
    answer.update(record.data.get("api_only") or {})
    domain = next((d for d in of_pool(ctx, record, DOMAIN)), None)
    if domain is not None:
        answer["CustomDomain" if domain.properties.get("CustomDomainConfig") else "Domain"] = domain.id
    return answer


def policies(given: dict[str, Any] | None) -> dict[str, Any]:
    """Policies with their defaults."""
    return {
        "PasswordPolicy": {**passwords.DEFAULT_POLICY, **((given or {}).get("PasswordPolicy") or {})},
        "SignInPolicy": (given or {}).get("SignInPolicy") or {"AllowedFirstAuthFactors": ["PASSWORD"]},
    }
