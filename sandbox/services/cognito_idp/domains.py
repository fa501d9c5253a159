"""Domains: where a pool's managed login would be. The sandbox has no login pages; it keeps names and routing."""

from __future__ import annotations

import re
from typing import Any

from sandbox.context import Context
from sandbox.registry import operation, resource_type
from sandbox.resource_types import ResourceType, random_name
from sandbox.services.cognito_idp.names import DOMAIN, invalid, of_pool, pool_get
from sandbox.store import GLOBAL, Record

HEALTH_CHECK = "AWS::Route53::HealthCheck"
_SETTINGS = ("Domain", "UserPoolId", "CustomDomainConfig", "ManagedLoginVersion", "Routing")
_PREFIX = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
RESERVED = ("aws", "amazon", "cognito")


@resource_type(DOMAIN)
class UserPoolDomain(ResourceType):
    """A prefix domain (`<prefix>.auth.<region>.amazoncognito.com`) or a custom one. Its id is the domain."""

    state_creating = "CREATING"
    state_updating = "UPDATING"
    state_deleting = "DELETING"
    state_ready = "ACTIVE"

    def identify(self, ctx: Context, properties: dict[str, Any], hint: str) -> str:
        return str(properties["Domain"])

    def arn_for(self, ctx: Context, id: str, properties: dict[str, Any]) -> str:
        return ""

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        pool = pool_get(ctx, properties["UserPoolId"], "CreateUserPoolDomain")
        domain, custom = str(properties["Domain"]), properties.get("CustomDomainConfig")
        if not custom:
            if not _PREFIX.fullmatch(domain):
                raise invalid("Domain prefix must contain only lowercase letters, numbers and hyphens.")
            reserved = next((word for word in RESERVED if word in domain), None)
            if reserved:
                raise invalid(f"Domain cannot contain reserved word: {reserved}")
        everywhere = ctx.store.everywhere(DOMAIN)
        if any(r.id == domain and (custom or r.region == ctx.region) for r in everywhere):
            raise invalid("Domain already exists.")
        kind = bool(custom)
        if any(bool(d.properties.get("CustomDomainConfig")) == kind for d in of_pool(ctx, pool, DOMAIN)):
            raise invalid("User pool already has a domain configured.")
        _check_routing(ctx, properties)

    def created(self, ctx: Context, record: Record) -> None:
        record.attributes = {"CloudFrontDistribution": f"d{random_name(13).lower()}.cloudfront.net"}

    def check_update(self, ctx: Context, record: Record, properties: dict[str, Any]) -> None:
        pool_get(ctx, record.properties["UserPoolId"], "UpdateUserPoolDomain")
        _check_routing(ctx, properties)


def _check_routing(ctx: Context, properties: dict[str, Any]) -> None:
    failover = (properties.get("Routing") or {}).get("Failover")
    if not failover:
        return
    pool = pool_get(ctx, properties["UserPoolId"], "UpdateUserPoolDomain")
    there = ctx.store.get(pool.account, failover["SecondaryRegion"], pool.type, pool.id)
    if there is None or failover["SecondaryRegion"] == pool.region:
        raise invalid(f"The user pool has no replica in {failover['SecondaryRegion']}.")
    check = str(failover["PrimaryRoute53HealthCheckId"])
    if ctx.store.get(ctx.account, GLOBAL, HEALTH_CHECK, check) is None:
        raise invalid(f"There is no health check {check}.")


def _given(params: dict[str, Any]) -> dict[str, Any]:
    return {n: params[n] for n in _SETTINGS if params.get(n) is not None}


def _find(ctx: Context, params: dict[str, Any]) -> Record:
    pool = pool_get(ctx, params["UserPoolId"])
    record = ctx.store.get(pool.account, pool.region, DOMAIN, params["Domain"])
    if record is None or record.properties["UserPoolId"] != pool.id:
        raise invalid("No such domain or user pool exists.")
    return record


def _answer(record: Record) -> dict[str, Any]:
    """CloudFrontDomain is a custom domain's."""
    answer = {"ManagedLoginVersion": record.properties.get("ManagedLoginVersion", 1)}
    if record.properties.get("CustomDomainConfig"):
        answer["CloudFrontDomain"] = record.attributes["CloudFrontDistribution"]
    if record.properties.get("Routing"):
        answer["Routing"] = record.properties["Routing"]
    return answer


@operation("cognito-idp", "CreateUserPoolDomain")
def create_user_pool_domain(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    return _answer(ctx.world.create(ctx, DOMAIN, _given(params), at_once=True))


@operation("cognito-idp", "UpdateUserPoolDomain")
def update_user_pool_domain(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = _find(ctx, params)
    return _answer(ctx.world.update(ctx, record, {**record.properties, **_given(params)}, at_once=True))


@operation("cognito-idp", "DeleteUserPoolDomain")
def delete_user_pool_domain(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    ctx.world.delete(ctx, _find(ctx, params), at_once=True)
    return {}


@operation("cognito-idp", "DescribeUserPoolDomain")
def describe_user_pool_domain(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    """An empty description where there is no such domain, as Cognito answers."""
    record = ctx.store.get(ctx.account, ctx.region, DOMAIN, params["Domain"])
    if record is None:
        return {"DomainDescription": {}}
    shape = {
        **_given(record.properties),
        "AWSAccountId": record.account,
        "CloudFrontDistribution": record.attributes["CloudFrontDistribution"],
        "Status": record.state,
        "Version": "1",
        "ManagedLoginVersion": record.properties.get("ManagedLoginVersion", 1),
    }
    return {"DomainDescription": shape}
