"""What works inside the VPC on the portal's behalf: SQL, probes, checks."""

from __future__ import annotations

import json

import aws_cdk as cdk
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from blueprint_cdk.constructs.keys import log_group_arn
from blueprint_cdk.constructs.service_roles import service_role

RESULTS = "runner"
"""Where results and scripts are in the bucket of logs."""

BUILDSPEC = {
    "version": 0.2,
    "phases": {"build": {"commands": ["echo Start it with a buildspec of its own.", "exit 1"]}},
}


class Runner(Construct):
    """A CodeBuild project without a source, in the private subnets: each start brings its buildspec along.

    A build may take eight hours, where a Lambda function ends after fifteen minutes. It reaches the database and its
    proxy (the network stack's firewall), reads the database's secret and puts results below a prefix of the bucket of
    logs. It costs nothing while nothing runs.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        name: str,
        log_group_name: str,
        vpc_id: str,
        subnet_ids: list[str],
        security_group_id: str,
        bucket: str,
        key_arn: str,
        secret_arn: str,
        logs_key_arn: str,
        log_retention_days: int,
    ) -> None:
        super().__init__(scope, id)
        stack = cdk.Stack.of(self)
        group = logs.CfnLogGroup(
            self,
            "Log",
            log_group_name=log_group_name,
            kms_key_id=logs_key_arn,
            retention_in_days=log_retention_days,
        )
        group.apply_removal_policy(cdk.RemovalPolicy.DESTROY)
        role, policy = service_role(
            self,
            "codebuild.amazonaws.com",
            "What runs in the VPC for the portal",
            for_own_account=True,
            statements=_statements(
                stack,
                log_group_arn=log_group_arn(self, log_group_name),
                bucket_arn=f"arn:{stack.partition}:s3:::{bucket}",
                subnet_ids=subnet_ids,
                security_group_id=security_group_id,
                key_arn=key_arn,
                secret_arn=secret_arn,
            ),
        )
        self.project = codebuild.CfnProject(
            self,
            "Project",
            name=name,
            description="SQL and probes inside the VPC; started by the portal with a buildspec of its own",
            service_role=role.role_arn,
            encryption_key=key_arn,
            source=codebuild.CfnProject.SourceProperty(type="NO_SOURCE", build_spec=json.dumps(BUILDSPEC)),
            artifacts=codebuild.CfnProject.ArtifactsProperty(type="NO_ARTIFACTS"),
            environment=codebuild.CfnProject.EnvironmentProperty(
                type="LINUX_CONTAINER",
                compute_type="BUILD_GENERAL1_SMALL",
                image="aws/codebuild/amazonlinux-x86_64-standard:5.0",
                environment_variables=[
                    codebuild.CfnProject.EnvironmentVariableProperty(name=variable, value=value)
                    for variable, value in (
                        ("DATABASE_SECRET_ARN", secret_arn),
                        ("RESULTS", f"s3://{bucket}/{RESULTS}"),
                    )
                ],
            ),
            vpc_config=codebuild.CfnProject.VpcConfigProperty(
                vpc_id=vpc_id, subnets=subnet_ids, security_group_ids=[security_group_id]
            ),
            logs_config=codebuild.CfnProject.LogsConfigProperty(
                cloud_watch_logs=codebuild.CfnProject.CloudWatchLogsConfigProperty(
                    status="ENABLED", group_name=log_group_name
                )
            ),
            timeout_in_minutes=480,
            queued_timeout_in_minutes=30,
        )
        self.project.node.add_dependency(policy)
        self.project.add_resource_dependency(group)


def _statements(
    stack: cdk.Stack,
    *,
    log_group_arn: str,
    bucket_arn: str,
    subnet_ids: list[str],
    security_group_id: str,
    key_arn: str,
    secret_arn: str,
) -> list[iam.PolicyStatement]:
    ec2 = f"arn:{stack.partition}:ec2:{stack.region}:{stack.account}"
    interfaces, subnets = f"{ec2}:network-interface/*", [f"{ec2}:subnet/{id}" for id in subnet_ids]
    return [
        iam.PolicyStatement(
            sid="Log",
            actions=["logs:CreateLogStream", "logs:PutLogEvents"],
            resources=[f"{log_group_arn}:*"],
        ),
        iam.PolicyStatement(
            sid="Results",
            actions=["s3:GetObject", "s3:PutObject"],
            resources=[f"{bucket_arn}/{RESULTS}/*"],
        ),
        iam.PolicyStatement(
            sid="DatabaseSecret", actions=["secretsmanager:GetSecretValue"], resources=[secret_arn]
        ),
        iam.PolicyStatement(
            sid="SecretsKey",
            actions=["kms:Decrypt"],
            resources=[key_arn],
            conditions={"StringEquals": {"kms:ViaService": f"secretsmanager.{stack.region}.amazonaws.com"}},
        ),
        # CodeBuild user guide, "Allow CodeBuild access to AWS services required to create a VPC network interface".
        iam.PolicyStatement(
            sid="Network",
            actions=[
                "ec2:DescribeDhcpOptions",
                "ec2:DescribeNetworkInterfaces",
                "ec2:DescribeSecurityGroups",
                "ec2:DescribeSubnets",
                "ec2:DescribeVpcs",
            ],
            resources=["*"],
        ),
        iam.PolicyStatement(
            sid="InterfaceMake",
            actions=["ec2:CreateNetworkInterface"],
            resources=[interfaces, *subnets, f"{ec2}:security-group/{security_group_id}"],
        ),
        iam.PolicyStatement(
            sid="InterfaceDelete",
            actions=["ec2:DeleteNetworkInterface"],
            resources=[interfaces],
            conditions={"ArnEquals": {"ec2:Subnet": subnets}},
        ),
        iam.PolicyStatement(
            sid="InterfaceUse",
            actions=["ec2:CreateNetworkInterfacePermission"],
            resources=[interfaces],
            conditions={
                "StringEquals": {"ec2:AuthorizedService": "codebuild.amazonaws.com"},
                "ArnEquals": {"ec2:Subnet": subnets},
            },
        ),
    ]
