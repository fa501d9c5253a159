"""Identity pools as records, with their roles and principal tags."""

from __future__ import annotations

import json
import uuid
from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import resource_type
from sandbox.resource_types import ResourceType, random_name
from sandbox.store import Record

SERVICE = "cognito-identity"
POOL = "AWS::Cognito::IdentityPool"
ROLES = "AWS::Cognito::IdentityPoolRoleAttachment"
TAGS = "AWS::Cognito::IdentityPoolPrincipalTag"
IDENTITY = "Sandbox::Cognito::Identity"


def invalid(message: str) -> AwsError:
    return AwsError("InvalidParameterException", message)


def pool_get(ctx: Context, id: str) -> Record:
    """The identity pool. Raises ResourceNotFoundException."""
    record = ctx.store.get(ctx.account, ctx.region, POOL, id)
    if record is None:
        raise AwsError("ResourceNotFoundException", f"IdentityPool '{id}' not found.")
    return record


def of_pool(ctx: Context, pool: Record, type_name: str) -> list[Record]:
    """What belongs to the pool: roles, principal tags, identities."""
    found = ctx.store.list(pool.account, pool.region, type_name)
    return [r for r in found if (r.properties.get("IdentityPoolId") or r.data.get("pool")) == pool.id]


def as_map(value: Any) -> Any:
    """A JSON property, which a template may give as text."""
    return json.loads(value) if isinstance(value, str) else value


@resource_type(POOL)
class IdentityPool(ResourceType):
    """An identity pool; its id is `<region>:<uuid>`."""

    def identify(self, ctx: Context, properties: dict[str, Any], hint: str) -> str:
        properties.setdefault("IdentityPoolName", f"{hint.rpartition('-')[2]}-{random_name(12)}")
        return f"{ctx.region}:{uuid.uuid4()}"

    def arn_for(self, ctx: Context, id: str, properties: dict[str, Any]) -> str:
        return ctx.arn("cognito-identity", f"identitypool/{id}")

    def created(self, ctx: Context, record: Record) -> None:
        record.attributes = {"Name": record.properties["IdentityPoolName"]}

    def updated(self, ctx: Context, record: Record, before: dict[str, Any]) -> None:
        record.properties.setdefault("IdentityPoolName", before["IdentityPoolName"])
        record.attributes = {"Name": record.properties["IdentityPoolName"]}

    def deleted(self, ctx: Context, record: Record) -> None:
        for type_name in (ROLES, TAGS, IDENTITY):
            for part in of_pool(ctx, record, type_name):
                ctx.store.remove(part)


class Part(ResourceType):
    """Something of an identity pool, without an ARN."""

    def arn_for(self, ctx: Context, id: str, properties: dict[str, Any]) -> str:
        return ""

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        pool_get(ctx, properties["IdentityPoolId"])


@resource_type(ROLES)
class RoleAttachment(Part):
    """The pool's roles: properties Roles {authenticated, unauthenticated} and RoleMappings. One for each pool."""

    def identify(self, ctx: Context, properties: dict[str, Any], hint: str) -> str:
        return str(properties["IdentityPoolId"])

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        super().check_create(ctx, properties)
        _check_roles(properties)

    def check_update(self, ctx: Context, record: Record, properties: dict[str, Any]) -> None:
        _check_roles(properties)


def _check_roles(properties: dict[str, Any]) -> None:
    unknown = set(as_map(properties.get("Roles") or {})) - {"authenticated", "unauthenticated"}
    if unknown:
        raise invalid(f"Invalid role type: {', '.join(sorted(unknown))}")
    for mapping in as_map(properties.get("RoleMappings") or {}).values():
        if mapping["Type"] not in ("Token", "Rules"):
            raise invalid(f"Invalid role mapping type: {mapping['Type']}")
        if mapping["Type"] == "Rules" and not (mapping.get("RulesConfiguration") or {}).get("Rules"):
            raise invalid("A role mapping of type Rules needs rules.")
        if mapping.get("AmbiguousRoleResolution") not in ("AuthenticatedRole", "Deny"):
            raise invalid("AmbiguousRoleResolution must be AuthenticatedRole or Deny.")


@resource_type(TAGS)
class PrincipalTags(Part):
    """Which of a provider's claims become tags of the session."""

    def identify(self, ctx: Context, properties: dict[str, Any], hint: str) -> str:
        return f"{properties['IdentityPoolId']}|{properties['IdentityProviderName']}"
