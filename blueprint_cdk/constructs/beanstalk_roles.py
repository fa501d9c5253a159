"""What the application's instances, and Beanstalk itself, may do."""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from blueprint_cdk.constructs.keys import log_group_arn


class InstanceProfile(Construct):
    """What the application's instances may do: run under Beanstalk, and use this environment's data."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        application: str,
        uploads_bucket_arn: str,
        key_arn: str,
        secret_arn: str,
        application_secret_arns: Sequence[str] = (),
        statements: Sequence[iam.PolicyStatement] = (),
        key_services: Sequence[str] = (),
    ) -> None:
        super().__init__(scope, id)
        stack = cdk.Stack.of(self)
        arn = f"arn:{stack.partition}"
        place = f"{stack.region}:{stack.account}"
        # The bucket that Beanstalk makes by itself, one per account and region, for bundles and instance logs.
        beanstalk_bucket = f"{arn}:s3:::elasticbeanstalk-{stack.region}-{stack.account}"
        self.role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("ec2.amazonaws.com"),
            description="The application's instances",
        )
        self.policy = iam.Policy(
            self,
            "Policy",
            roles=[self.role],
            statements=[
                _allow(
                    "BeanstalkHealth",
                    ["elasticbeanstalk:PutInstanceStatistics"],
                    [
                        f"{arn}:elasticbeanstalk:{place}:application/{application}",
                        f"{arn}:elasticbeanstalk:{place}:environment/{application}/{application}",
                    ],
                ),
                _allow(
                    "BeanstalkBundles",
                    ["s3:GetObject", "s3:GetObjectVersion"],
                    [f"{beanstalk_bucket}/*"],
                ),
                _allow(
                    "BeanstalkInstanceLogs",
                    ["s3:PutObject"],
                    [f"{beanstalk_bucket}/resources/environments/logs/*"],
                ),
                _allow(
                    "Logs",
                    [
                        "logs:CreateLogStream",
                        "logs:PutLogEvents",
                        "logs:DescribeLogStreams",
                        "logs:DescribeLogGroups",
                    ],
                    [f"{arn}:logs:{place}:log-group:/aws/elasticbeanstalk/{application}/*"],
                ),
                # Session Manager's agent, for who may open a session on them (data/aws_roles.json). The agent's
                # channels know no resources (SSM user guide, "Add Session Manager permissions to an existing role").
                _allow(
                    "Sessions",
                    [
                        "ssm:UpdateInstanceInformation",
                        "ssmmessages:CreateControlChannel",
                        "ssmmessages:CreateDataChannel",
                        "ssmmessages:OpenControlChannel",
                        "ssmmessages:OpenDataChannel",
                    ],
                    ["*"],
                ),
                # Versions are images of applications' registries (data/application.json), pulled by their digest.
                _allow("RegistrySignIn", ["ecr:GetAuthorizationToken"], ["*"]),
                _allow(
                    "Images",
                    ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
                    [f"{arn}:ecr:{place}:repository/sy-app-*"],
                ),
                _allow("UploadsList", ["s3:ListBucket"], [uploads_bucket_arn]),
                _allow(
                    "Uploads",
                    ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"],
                    [f"{uploads_bucket_arn}/*"],
                ),
                _allow("DatabaseSecret", ["secretsmanager:GetSecretValue"], [secret_arn]),
                *(
                    [
                        _allow(
                            "ApplicationSecrets",
                            ["secretsmanager:GetSecretValue"],
                            list(application_secret_arns),
                        )
                    ]
                    if application_secret_arns
                    else []
                ),
                iam.PolicyStatement(
                    sid="DataKey",
                    actions=["kms:Decrypt", "kms:GenerateDataKey"],
                    resources=[key_arn],
                    conditions={
                        "StringEquals": {
                            "kms:ViaService": [
                                f"{service}.{stack.region}.amazonaws.com"
                                for service in ("s3", "secretsmanager", *key_services)
                            ]
                        }
                    },
                ),
                *statements,
            ],
        )
        self.profile = iam.CfnInstanceProfile(self, "Profile", roles=[self.role.role_name])


class ServiceRole(Construct):
    """What Beanstalk itself may do for enhanced health: look. Managed updates use AWS's service-linked role."""

    def __init__(self, scope: Construct, id: str, *, application: str) -> None:
        super().__init__(scope, id)
        self.role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal(
                "elasticbeanstalk.amazonaws.com",
                conditions={"StringEquals": {"sts:ExternalId": "elasticbeanstalk"}},
            ),
            description="Beanstalk's enhanced health",
        )
        self.policy = iam.Policy(
            self,
            "Policy",
            roles=[self.role],
            statements=[
                # The actions of AWSElasticBeanstalkEnhancedHealth that an environment without worker queue needs;
                # they know no resources.
                _allow(
                    "Look",
                    [
                        "autoscaling:DescribeAutoScalingGroups",
                        "autoscaling:DescribeAutoScalingInstances",
                        "autoscaling:DescribeNotificationConfigurations",
                        "autoscaling:DescribeScalingActivities",
                        "ec2:DescribeInstances",
                        "ec2:DescribeInstanceStatus",
                        "ec2:DescribeSecurityGroups",
                        "elasticloadbalancing:DescribeLoadBalancers",
                        "elasticloadbalancing:DescribeTargetGroups",
                        "elasticloadbalancing:DescribeTargetHealth",
                    ],
                    ["*"],
                ),
                _allow(
                    "HealthLog",
                    ["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"],
                    [log_group_arn(self, f"/aws/elasticbeanstalk/{application}/*")],
                ),
            ],
        )


def _allow(sid: str, actions: list[str], resources: list[str]) -> iam.PolicyStatement:
    return iam.PolicyStatement(sid=sid, actions=actions, resources=resources)
