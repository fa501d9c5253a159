"""What an account has by subscription or by asking AWS: a Support plan, Quick Sight.

An account is made with Business Support, as its Trusted Advisor is to be read, and without Quick Sight. Source: AWS
Support user guide, "AWS Trusted Advisor" (checks want Business Support or more); Trusted Advisor API reference,
ListChecks; Quick Sight API reference, DescribeAccountSubscription.
"""

from __future__ import annotations

from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import operation

CHECKS = (
    ("Qch7DwouX1", "Low Utilization Amazon EC2 Instances", "cost_optimizing"),
    ("Pfx0RwqBli", "Amazon S3 Bucket Permissions", "security"),
    ("7qGXsKIUw", "Classic Load Balancer Connection Draining", "fault_tolerance"),
)


@operation("trustedadvisor", "ListChecks")
def list_checks(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    if ctx.region != "us-east-1":
        raise AwsError("ValidationException", "Trusted Advisor answers in us-east-1 here.", 400)
    rows = [
        {
            "id": id,
            "arn": f"arn:aws:trustedadvisor:::check/{id}",
            "name": name,
            "description": name,
            "pillars": [pillar],
            "awsServices": [],
            "source": "ta_check",
            "metadata": {},
        }
        for id, name, pillar in CHECKS
    ]
    return {"checkSummaries": rows[: int(params.get("maxResults") or len(rows))]}


@operation("quicksight", "DescribeAccountSubscription")
def describe_account_subscription(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    if params["AwsAccountId"] != ctx.account:
        raise AwsError("AccessDeniedException", "The account is another one.", 403)
    raise AwsError(
        "ResourceNotFoundException", f"Account {ctx.account} is not signed up for Quick Sight.", 404
    )
