"""Service Quotas: AWS's defaults for what the blueprint uses, as data. Nothing here enforces them."""

from __future__ import annotations

from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import operation
from sandbox.services._listing import page

SERVICES = {
    "vpc": "Amazon Virtual Private Cloud (Amazon VPC)",
    "ec2": "Amazon Elastic Compute Cloud (Amazon EC2)",
    "elasticloadbalancing": "Elastic Load Balancing (ELB)",
    "rds": "Amazon Relational Database Service (Amazon RDS)",
    "s3": "Amazon Simple Storage Service (Amazon S3)",
    "elasticbeanstalk": "AWS Elastic Beanstalk",
    "cloudformation": "AWS CloudFormation",
    "acm": "AWS Certificate Manager (ACM)",
    "iam": "AWS Identity and Access Management (IAM)",
    "autoscaling": "Amazon EC2 Auto Scaling",
}
# (service, code, name, default, adjustable). Source: the "endpoints and quotas" pages of the AWS General Reference.
QUOTAS = (
    ("vpc", "L-F678F1CE", "VPCs per Region", 5, True),
    ("vpc", "L-407747CB", "Subnets per VPC", 200, True),
    ("vpc", "L-A4707A72", "Internet gateways per Region", 5, True),
    ("vpc", "L-FE5A380F", "NAT gateways per Availability Zone", 5, True),
    ("vpc", "L-E79EC296", "VPC security groups per Region", 2500, True),
    ("vpc", "L-0EA8095F", "Inbound or outbound rules per security group", 60, True),
    ("vpc", "L-2AFB9258", "Security groups per network interface", 5, True),
    ("vpc", "L-589F43AA", "Route tables per VPC", 200, True),
    ("vpc", "L-93826ACB", "Routes per route table", 500, True),
    ("vpc", "L-29B6F2EB", "Interface VPC endpoints per VPC", 50, True),
    ("vpc", "L-1B52E74A", "Gateway VPC endpoints per Region", 20, True),
    ("vpc", "L-DF5E4CA3", "Network interfaces per Region", 5000, True),
    ("ec2", "L-0263D0A3", "EC2-VPC Elastic IPs", 5, True),
    ("ec2", "L-1216C47A", "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances", 5, True),
    ("elasticloadbalancing", "L-53DA6B97", "Application Load Balancers per Region", 50, True),
    ("elasticloadbalancing", "L-B22855CB", "Target Groups per Region", 3000, True),
    ("elasticloadbalancing", "L-B6DF7632", "Listeners per Application Load Balancer", 50, True),
    ("rds", "L-952B80B8", "DB clusters", 40, True),
    ("rds", "L-7B6409FD", "DB instances", 40, True),
    ("rds", "L-272F1212", "Manual DB instance snapshots", 100, True),
    ("rds", "L-9B510759", "Manual DB cluster snapshots", 100, True),
    ("rds", "L-D94C7EA3", "Proxies", 20, True),
    ("s3", "L-DC2B2D3D", "General purpose buckets", 10000, True),
    ("elasticbeanstalk", "L-8EFC1C51", "Environments", 200, True),
    ("elasticbeanstalk", "L-1CEABD17", "Applications", 75, True),
    ("elasticbeanstalk", "L-D64F1F14", "Application versions", 1000, True),
    ("cloudformation", "L-0485CB21", "Stack count", 2000, True),
    ("acm", "L-F141DD1D", "ACM certificates", 2500, True),
    ("iam", "L-FE177D64", "Roles per account", 1000, True),
    ("autoscaling", "L-CDE20ADC", "Auto Scaling groups per region", 500, True),
)


def _shape(ctx: Context, row: tuple[str, str, str, int, bool], *, applied: bool) -> dict[str, Any]:
    service, code, name, value, adjustable = row
    shape = {
        "ServiceCode": service,
        "ServiceName": SERVICES[service],
        "QuotaArn": ctx.arn("servicequotas", f"{service}/{code}", account=ctx.account if applied else ""),
        "QuotaCode": code,
        "QuotaName": name,
        "Value": float(value),
        "Unit": "None",
        "Adjustable": adjustable,
        "GlobalQuota": service == "iam",
    }
    return shape


def _rows(service: str) -> list[tuple[str, str, str, int, bool]]:
    if service not in SERVICES:
        raise AwsError(
            "NoSuchResourceException", "The request failed because the specified service does not exist.", 400
        )
    return [row for row in QUOTAS if row[0] == service]


@operation("service-quotas", "ListServices")
def list_services(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    rows = [{"ServiceCode": code, "ServiceName": name} for code, name in sorted(SERVICES.items())]
    some, token = page(
        rows,
        params.get("MaxResults"),
        params.get("NextToken"),
        most=100,
        code="InvalidPaginationTokenException",
    )
    return {"Services": some, **({"NextToken": token} if token else {})}


@operation("service-quotas", "ListServiceQuotas", "ListAWSDefaultServiceQuotas")
def list_quotas(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    applied = ctx.operation == "ListServiceQuotas"
    rows = [_shape(ctx, row, applied=applied) for row in _rows(params["ServiceCode"])]
    some, token = page(
        rows,
        params.get("MaxResults"),
        params.get("NextToken"),
        most=100,
        code="InvalidPaginationTokenException",
    )
    return {"Quotas": some, **({"NextToken": token} if token else {})}


@operation("service-quotas", "GetServiceQuota", "GetAWSDefaultServiceQuota")
def get_quota(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    applied = ctx.operation == "GetServiceQuota"
    for row in _rows(params["ServiceCode"]):
        if row[1] == params["QuotaCode"]:
            return {"Quota": _shape(ctx, row, applied=applied)}
    raise AwsError(
        "NoSuchResourceException", "The request failed because the specified quota does not exist.", 400
    )
