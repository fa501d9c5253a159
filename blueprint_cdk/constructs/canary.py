"""A user that never sleeps: a canary that asks for the application's address, from outside."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_synthetics as synthetics
from constructs import Construct

from blueprint_cdk.constructs.service_roles import service_role
from blueprint_cdk.data import load

PREFIX = "canary"
"""Where its results are in the bucket of logs, whose lifecycle ends them."""

SCRIPT = '''"""Asks for the address as a browser would: over HTTPS, by name, with a certificate that must hold."""

import os
import urllib.request


def handler(event, context):
    """A status other than 200, or no answer within ten seconds, fails the run."""
    for path in ("/healthz", "/"):
        request = urllib.request.Request(os.environ["ADDRESS"] + path, headers={"User-Agent": "switchyard-canary"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            if answer.status != 200:
                raise RuntimeError(path + " answered " + str(answer.status))
    return "healthy"
'''


class Canary(Construct):
    """A CloudWatch Synthetics canary over the public address. Its role writes results and its metric, no more.

    It may write no log: a canary's log group would stay behind when the canary goes, and every run's log is among its
    results. It needs no VPC, for it stands where users stand.
    """

    def __init__(self, scope: Construct, id: str, *, name: str, address: str, bucket: str) -> None:
        super().__init__(scope, id)
        stack = cdk.Stack.of(self)
        bucket_arn = f"arn:{stack.partition}:s3:::{bucket}"
        role, policy = service_role(
            self,
            "lambda.amazonaws.com",
            "The canary: results and its metric",
            [
                iam.PolicyStatement(
                    sid="Results", actions=["s3:PutObject"], resources=[f"{bucket_arn}/{PREFIX}/*"]
                ),
                iam.PolicyStatement(sid="Place", actions=["s3:GetBucketLocation"], resources=[bucket_arn]),
                iam.PolicyStatement(
                    sid="Metric",
                    actions=["cloudwatch:PutMetricData"],
                    resources=["*"],
                    conditions={"StringEquals": {"cloudwatch:namespace": "CloudWatchSynthetics"}},
                ),
            ],
        )
        data = load("canary")
        canary = synthetics.CfnCanary(
            self,
            "Canary",
            name=name,
            runtime_version=data["runtime"],
            code=synthetics.CfnCanary.CodeProperty(handler="index.handler", script=SCRIPT),
            execution_role_arn=role.role_arn,
            artifact_s3_location=f"s3://{bucket}/{PREFIX}",
            schedule=synthetics.CfnCanary.ScheduleProperty(
                expression=f"rate({data['every_minutes']} minutes)", duration_in_seconds="0"
            ),
            run_config=synthetics.CfnCanary.RunConfigProperty(
                timeout_in_seconds=60, environment_variables={"ADDRESS": address}
            ),
            start_canary_after_creation=True,
            success_retention_period=7,
            failure_retention_period=31,
            # The function and layers that Synthetics makes go with it.
            provisioned_resource_cleanup="AUTOMATIC",
        )
        canary.node.add_dependency(policy)
