"""What a pool keeps for its login pages and its logs: identity providers, branding, log delivery.

The sandbox has no login pages and federates nobody: these are kept, shown and replicated, and do nothing.
"""

from __future__ import annotations

import base64
import uuid
from collections.abc import Callable
from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import operation, resource_type
from sandbox.services._listing import page
from sandbox.services.cognito_idp.names import (
    BRANDING,
    LOG_DELIVERY,
    PROVIDER,
    client_get,
    invalid,
    not_found,
    of_pool,
    part_id,
    pool_get,
)
from sandbox.services.cognito_idp.parts import Part
from sandbox.store import Record


def _given(params: dict[str, Any], *names: str) -> dict[str, Any]:
    return {n: params[n] for n in names if params.get(n) is not None}


# -- identity providers

_PROVIDER = (
    "UserPoolId",
    "ProviderName",
    "ProviderType",
    "ProviderDetails",
    "AttributeMapping",
    "IdpIdentifiers",
)


@resource_type(PROVIDER)
class IdentityProvider(Part):
    """A SAML, OIDC or social identity provider."""

    called = "ProviderName"
    operations = ("CreateIdentityProvider", "UpdateIdentityProvider")

    def taken(self, name: str) -> AwsError:
        return AwsError("DuplicateProviderException", f"A provider with the name {name} already exists.")


def provider_shape(record: Record) -> dict[str, Any]:
    """IdentityProviderType."""
    return {
        **_given(record.properties, *_PROVIDER),
        "LastModifiedDate": record.updated_at,
        "CreationDate": record.created_at,
    }


def _provider(ctx: Context, params: dict[str, Any]) -> Record:
    pool, name = pool_get(ctx, params["UserPoolId"]), params["ProviderName"]
    record = ctx.store.get(pool.account, pool.region, PROVIDER, part_id(pool.id, name))
    if record is None:
        raise not_found(f"Identity provider {name} does not exist.")
    return record


@operation("cognito-idp", "CreateIdentityProvider")
def create_identity_provider(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = ctx.world.create(ctx, PROVIDER, _given(params, *_PROVIDER), at_once=True)
    return {"IdentityProvider": provider_shape(record)}


@operation("cognito-idp", "DescribeIdentityProvider")
def describe_identity_provider(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    return {"IdentityProvider": provider_shape(_provider(ctx, params))}


@operation("cognito-idp", "UpdateIdentityProvider")
def update_identity_provider(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = _provider(ctx, params)
    ctx.world.update(ctx, record, {**record.properties, **_given(params, *_PROVIDER)}, at_once=True)
    return {"IdentityProvider": provider_shape(record)}


@operation("cognito-idp", "DeleteIdentityProvider")
def delete_identity_provider(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    ctx.world.delete(ctx, _provider(ctx, params), at_once=True)
    return {}


@operation("cognito-idp", "ListIdentityProviders")
def list_identity_providers(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    records, following = page(
        of_pool(ctx, pool_get(ctx, params["UserPoolId"]), PROVIDER),
        params.get("MaxResults"),
        params.get("NextToken"),
        most=60,
        code="InvalidParameterException",
    )
    names = ("ProviderName", "ProviderType", "LastModifiedDate", "CreationDate")
    return {"Providers": [_given(provider_shape(r), *names) for r in records], "NextToken": following}


# -- branding

_BRANDING = ("UserPoolId", "ClientId", "UseCognitoProvidedValues", "Settings", "Assets")


@resource_type(BRANDING)
class ManagedLoginBranding(Part):
    """The style of a client's login pages. Its id is `<pool>|<branding id>`."""

    called = "ManagedLoginBrandingId"
    operations = ("CreateManagedLoginBranding", "UpdateManagedLoginBranding")

    def identify(self, ctx: Context, properties: dict[str, Any], hint: str) -> str:
        return part_id(properties["UserPoolId"], str(uuid.uuid4()))

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        pool = pool_get(ctx, properties["UserPoolId"], self.operations[0])
        client_get(ctx, pool, str(properties.get("ClientId")))
        if _of_client(ctx, pool, properties["ClientId"]) is not None:
            raise AwsError(
                "ManagedLoginBrandingExistsException", "The app client already has a managed login branding."
            )


def _of_client(ctx: Context, pool: Record, client: str) -> Record | None:
    found = of_pool(ctx, pool, BRANDING)
    return next((r for r in found if r.properties.get("ClientId") == client), None)


def branding_shape(record: Record) -> dict[str, Any]:
    """ManagedLoginBrandingType."""
    shown = _given(record.properties, *(n for n in _BRANDING if n != "ClientId"))
    if "Assets" in shown:
        shown["Assets"] = [_with_bytes(a, base64.b64decode) for a in shown["Assets"]]
    return {
        **shown,
        "ManagedLoginBrandingId": record.properties["ManagedLoginBrandingId"],
        "CreationDate": record.created_at,
        "LastModifiedDate": record.updated_at,
    }


def _branding(ctx: Context, params: dict[str, Any]) -> Record:
    for name in ("UserPoolId", "ManagedLoginBrandingId"):
        if not params.get(name):
            raise invalid(f"Missing required parameter {name}")
    pool = pool_get(ctx, params["UserPoolId"])
    id = part_id(pool.id, str(params["ManagedLoginBrandingId"]))
    record = ctx.store.get(pool.account, pool.region, BRANDING, id)
    if record is None:
        raise not_found("Managed login branding does not exist.")
    return record


def _storable(params: dict[str, Any]) -> dict[str, Any]:
    """The settings with pictures in base64, as a template has them; the store keeps JSON."""
    given = _given(params, *_BRANDING)
    if "Assets" in given:
        given["Assets"] = [
            _with_bytes(a, lambda raw: base64.b64encode(raw).decode()) for a in given["Assets"]
        ]
    return given


def _with_bytes(asset: dict[str, Any], change: Callable[[Any], Any]) -> dict[str, Any]:
    return {**asset, "Bytes": change(asset["Bytes"])} if asset.get("Bytes") else asset


@operation("cognito-idp", "CreateManagedLoginBranding")
def create_managed_login_branding(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = ctx.world.create(ctx, BRANDING, _storable(params), at_once=True)
    return {"ManagedLoginBranding": branding_shape(record)}


@operation("cognito-idp", "DescribeManagedLoginBranding")
def describe_managed_login_branding(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    return {"ManagedLoginBranding": branding_shape(_branding(ctx, params))}


@operation("cognito-idp", "DescribeManagedLoginBrandingByClient")
def describe_managed_login_branding_by_client(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    pool = pool_get(ctx, params["UserPoolId"])
    record = _of_client(ctx, pool, client_get(ctx, pool, params["ClientId"]).id)
    if record is None:
        raise not_found("Managed login branding does not exist.")
    return {"ManagedLoginBranding": branding_shape(record)}


@operation("cognito-idp", "UpdateManagedLoginBranding")
def update_managed_login_branding(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = _branding(ctx, params)
    ctx.world.update(ctx, record, {**record.properties, **_storable(params)}, at_once=True)
    return {"ManagedLoginBranding": branding_shape(record)}


@operation("cognito-idp", "DeleteManagedLoginBranding")
def delete_managed_login_branding(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    ctx.world.delete(ctx, _branding(ctx, params), at_once=True)
    return {}


# -- log delivery


@resource_type(LOG_DELIVERY)
class LogDelivery(Part):
    """Where a region's pool would write its logs. Its id is the pool's; each replica has its own."""

    called = "Id"
    operations = ("SetLogDeliveryConfiguration", "SetLogDeliveryConfiguration")

    def identify(self, ctx: Context, properties: dict[str, Any], hint: str) -> str:
        return str(properties["UserPoolId"])

    def created(self, ctx: Context, record: Record) -> None:
        record.attributes = {"Id": record.id}

    def updated(self, ctx: Context, record: Record, before: dict[str, Any]) -> None:
        record.attributes = {"Id": record.id}

    def deleted(self, ctx: Context, record: Record) -> None:
        ctx.store.remove(record)

    def ref(self, record: Record) -> str:
        return record.id


def _logs_shape(pool: Record, record: Record | None) -> dict[str, Any]:
    found = record.properties.get("LogConfigurations") if record is not None else None
    return {"LogDeliveryConfiguration": {"UserPoolId": pool.id, "LogConfigurations": found or []}}


@operation("cognito-idp", "SetLogDeliveryConfiguration")
def set_log_delivery_configuration(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    pool = pool_get(ctx, params["UserPoolId"])
    properties = {"UserPoolId": pool.id, "LogConfigurations": params["LogConfigurations"]}
    record = ctx.store.get(pool.account, pool.region, LOG_DELIVERY, pool.id)
    if record is None:
        record = ctx.world.create(ctx, LOG_DELIVERY, properties, at_once=True)
    else:
        ctx.world.update(ctx, record, properties, at_once=True)
    return _logs_shape(pool, record)


@operation("cognito-idp", "GetLogDeliveryConfiguration")
def get_log_delivery_configuration(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    pool = pool_get(ctx, params["UserPoolId"])
    return _logs_shape(pool, ctx.store.get(pool.account, pool.region, LOG_DELIVERY, pool.id))
