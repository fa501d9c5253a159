"""What the application's instances may do with the modules `analytics` and `notifications`.

Resources are named by the naming rules, not imported: a module can be turned off while the application stays.
"""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam

from blueprint_cdk.constructs.analytics import allow, reading


def analytics_rights(
    stack: cdk.Stack, *, stream: str, workgroup: str, database: str, events: str, results: str
) -> list[iam.PolicyStatement]:
    """Put usage events, and ask the named queries. All are names."""
    arn = f"arn:{stack.partition}"
    place = f"{stack.region}:{stack.account}"
    return [
        allow(
            "UsageEvents",
            ["firehose:PutRecord", "firehose:PutRecordBatch"],
            [f"{arn}:firehose:{place}:deliverystream/{stream}"],
        ),
        *reading(
            stack,
            f"{arn}:athena:{place}:workgroup/{workgroup}",
            database,
            f"{arn}:s3:::{events}",
            f"{arn}:s3:::{results}",
        ),
    ]


def messaging_rights(
    stack: cdk.Stack, *, application: str | None, domain: str, configuration_set: str, table: str, queue: str
) -> list[iam.PolicyStatement]:
    """Work off orders, know the devices, send. `application` is the push application's id, None in a region without
    push; the rest are names.
    """
    arn = f"arn:{stack.partition}"
    place = f"{stack.region}:{stack.account}"
    push = f"{arn}:mobiletargeting:{place}:apps/{application}/messages"
    return [
        *([allow("Push", ["mobiletargeting:SendMessages"], [push])] if application else []),
        allow(
            "Mail",
            ["ses:SendEmail"],
            [
                f"{arn}:ses:{place}:identity/{domain}",
                f"{arn}:ses:{place}:configuration-set/{configuration_set}",
            ],
        ),
        allow(
            "Devices",
            ["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"],
            [f"{arn}:dynamodb:{place}:table/{table}"],
        ),
        allow(
            "Orders",
            ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:ReceiveMessage", "sqs:SendMessage"],
            [f"{arn}:sqs:{place}:{queue}"],
        ),
    ]
