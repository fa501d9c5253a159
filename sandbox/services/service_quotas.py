"""Service Quotas: what quotas are, and increases of them, which are approved after a while.

Source: Service Quotas API reference and user guide ("Requesting a quota increase").
"""

from __future__ import annotations

import json
import secrets
from typing import Any

from sandbox import quotas
from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.quotas import BY_KEY, QUOTAS, Quota
from sandbox.registry import operation, resource_type
from sandbox.resource_types import ResourceType
from sandbox.services._listing import page
from sandbox.store import GLOBAL, Record

INCREASE = "Sandbox::ServiceQuotas::Increase"
SERVICES = {
    "vpc": "Amazon Virtual Private Cloud (Amazon VPC)",
    "ec2": "Amazon Elastic Compute Cloud (Amazon EC2)",
    "elasticloadbalancing": "Elastic Load Balancing (ELB)",
    "rds": "Amazon Relational Database Service (Amazon RDS)",
    "s3": "Amazon Simple Storage Service (Amazon S3)",
    "elasticbeanstalk": "AWS Elastic Beanstalk",
    "cloudformation": "AWS CloudFormation",
    "kms": "AWS Key Management Service (AWS KMS)",
    "secretsmanager": "AWS Secrets Manager",
    "ecr": "Amazon Elastic Container Registry (Amazon ECR)",
    "acm": "AWS Certificate Manager (ACM)",
    "iam": "AWS Identity and Access Management (IAM)",
    "autoscaling": "Amazon EC2 Auto Scaling",
    "dynamodb": "Amazon DynamoDB",
    "cognito-idp": "Amazon Cognito User Pools",
    "route53": "Amazon Route 53",
    "wafv2": "AWS WAF",
    "codebuild": "AWS CodeBuild",
    "backup": "AWS Backup",
    "sns": "Amazon Simple Notification Service (Amazon SNS)",
    "events": "Amazon EventBridge (CloudWatch Events)",
}
OPEN = ("PENDING", "CASE_OPENED")


@resource_type(INCREASE)
class Increase(ResourceType):
    """A request for more: PENDING, then APPROVED; nobody at AWS looks at it, so none is denied."""

    state_creating = "PENDING"
    state_ready = "APPROVED"

    def arn_for(self, ctx: Context, id: str, properties: dict[str, Any]) -> str:
        return ""

    def ready(self, ctx: Context, record: Record, action: str) -> None:
        quota = BY_KEY[record.data["quota"]]
        place = GLOBAL if quota.world_wide else record.region
        quotas.grant(ctx.world, record.account, place, quota.key, float(record.data["desired"]))
        record.updated_at = ctx.now


def _shape(ctx: Context, quota: Quota, *, applied: bool) -> dict[str, Any]:
    amount = quotas.value(ctx.world, ctx.account, ctx.region, quota) if applied else quota.default
    return {
        **_named(ctx, quota, ctx.account if applied else ""),
        "Value": float(amount),
        "Adjustable": quota.adjustable,
        **({"QuotaAppliedAtLevel": "ACCOUNT"} if applied else {}),
    }


def _named(ctx: Context, quota: Quota, account: str) -> dict[str, Any]:
    return {
        "ServiceCode": quota.service,
        "ServiceName": SERVICES[quota.service],
        "QuotaArn": ctx.arn("servicequotas", f"{quota.service}/{quota.code}", account=account),
        "QuotaCode": quota.code,
        "QuotaName": quota.name,
        "Unit": "None",
        "GlobalQuota": quota.world_wide,
    }


def _of(service: str) -> list[Quota]:
    if service not in SERVICES:
        raise AwsError(
            "NoSuchResourceException", "The request failed because the specified service does not exist.", 400
        )
    return [quota for quota in QUOTAS if quota.service == service]


def _need(params: dict[str, Any]) -> Quota:
    for quota in _of(params["ServiceCode"]):
        if quota.code == params["QuotaCode"]:
            return quota
    raise AwsError(
        "NoSuchResourceException", "The request failed because the specified quota does not exist.", 400
    )


def _paged(params: dict[str, Any], name: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    some, token = page(
        rows,
        params.get("MaxResults"),
        params.get("NextToken"),
        most=100,
        code="InvalidPaginationTokenException",
    )
    return {name: some, **({"NextToken": token} if token else {})}


@operation("service-quotas", "ListServices")
def list_services(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    rows = [{"ServiceCode": code, "ServiceName": name} for code, name in sorted(SERVICES.items())]
    return _paged(params, "Services", rows)


@operation("service-quotas", "ListServiceQuotas", "ListAWSDefaultServiceQuotas")
def list_quotas(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    applied = ctx.operation == "ListServiceQuotas"
    return _paged(params, "Quotas", [_shape(ctx, q, applied=applied) for q in _of(params["ServiceCode"])])


@operation("service-quotas", "GetServiceQuota", "GetAWSDefaultServiceQuota")
def get_quota(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    return {"Quota": _shape(ctx, _need(params), applied=ctx.operation == "GetServiceQuota")}


# -- increases


def _request(ctx: Context, record: Record, status: str | None = None) -> dict[str, Any]:
    """RequestedServiceQuotaChange."""
    quota = BY_KEY[record.data["quota"]]
    return {
        "Id": record.id,
        **_named(ctx, quota, ctx.account),
        "DesiredValue": record.data["desired"],
        "Status": status or record.state,
        "Created": record.created_at,
        "LastUpdated": record.updated_at,
        "Requester": record.data["requester"],
        "QuotaRequestedAtLevel": "ACCOUNT",
    }


@operation("service-quotas", "RequestServiceQuotaIncrease")
def request_increase(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    """Answered as pending; the quota is what was asked for when the request is approved."""
    quota, desired = _need(params), float(params["DesiredValue"])
    if not quota.adjustable:
        raise AwsError("InvalidResourceStateException", f"The quota {quota.code} is not adjustable.", 400)
    if desired <= quotas.value(ctx.world, ctx.account, ctx.region, quota):
        text = "You must provide a quota value greater than the current quota value."
        raise AwsError("IllegalArgumentException", text, 400)
    mine = (r for r in _requests(ctx) if r.data["quota"] == quota.key)
    if any(r.state in OPEN for r in mine):
        text = "Only one open service quota increase request is allowed per quota."
        raise AwsError("ResourceAlreadyExistsException", text, 400)
    requester = json.dumps({"accountId": ctx.account, "callerArn": ctx.principal.arn})
    data = {"quota": quota.key, "desired": desired, "requester": requester}
    record = ctx.world.create(ctx, INCREASE, {}, id=secrets.token_hex(20), data=data)
    return {"RequestedQuota": _request(ctx, record, "PENDING")}


def _requests(ctx: Context) -> list[Record]:
    return ctx.store.list(ctx.account, ctx.region, INCREASE)


@operation("service-quotas", "GetRequestedServiceQuotaChange")
def get_request(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = ctx.store.get(ctx.account, ctx.region, INCREASE, params["RequestId"])
    if record is None:
        text = "The request failed because the specified request does not exist."
        raise AwsError("NoSuchResourceException", text, 400)
    return {"RequestedQuota": _request(ctx, record)}


@operation(
    "service-quotas",
    "ListRequestedServiceQuotaChangeHistory",
    "ListRequestedServiceQuotaChangeHistoryByQuota",
)
def list_requests(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    rows = [
        _request(ctx, record)
        for record in _requests(ctx)
        if all(
            wanted in (None, held)
            for wanted, held in (
                (params.get("ServiceCode"), record.data["quota"].split("/")[0]),
                (params.get("QuotaCode"), record.data["quota"].split("/")[1]),
                (params.get("Status"), record.state),
            )
        )
    ]
    return _paged(params, "RequestedQuotas", rows)
