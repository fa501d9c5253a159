"""The Beanstalk application, its roles, its first version (the placeholder) and its environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_elasticbeanstalk as beanstalk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3_assets as assets
from constructs import Construct

from blueprint_cdk.sizes import Size


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
                _allow("UploadsList", ["s3:ListBucket"], [uploads_bucket_arn]),
                _allow(
                    "Uploads",
                    ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"],
                    [f"{uploads_bucket_arn}/*"],
                ),
                _allow("DatabaseSecret", ["secretsmanager:GetSecretValue"], [secret_arn]),
                iam.PolicyStatement(
                    sid="DataKey",
                    actions=["kms:Decrypt", "kms:GenerateDataKey"],
                    resources=[key_arn],
                    conditions={
                        "StringEquals": {
                            "kms:ViaService": [
                                f"s3.{stack.region}.amazonaws.com",
                                f"secretsmanager.{stack.region}.amazonaws.com",
                            ]
                        }
                    },
                ),
            ],
        )
        self.profile = iam.CfnInstanceProfile(self, "Profile", roles=[self.role.role_name])


class ServiceRole(Construct):
    """What Beanstalk itself may do for enhanced health: look. Managed updates use AWS's service-linked role."""

    def __init__(self, scope: Construct, id: str, *, application: str) -> None:
        super().__init__(scope, id)
        stack = cdk.Stack.of(self)
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
                    [
                        f"arn:{stack.partition}:logs:{stack.region}:{stack.account}:log-group:"
                        f"/aws/elasticbeanstalk/{application}/*"
                    ],
                ),
            ],
        )


@dataclass(frozen=True)
class Placement:
    """Where instances run and what stands in front of them."""

    vpc_id: str
    instance_subnet_ids: list[str]
    load_balancer_subnet_ids: list[str]
    instance_group_id: str
    load_balancer_group_id: str
    load_balancer_arn: str
    domain: str


class Application(Construct):
    """Application, placeholder version and environment: Docker on Amazon Linux 2023 behind the shared load balancer.

    `platform_arn` and the version's label may change later; name, tier and load balancer never do. Environment
    variables hold names and ARNs, never a secret.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        name: str,
        platform_arn: str,
        bundle: str,
        bundle_hash: str,
        size: Size,
        placement: Placement,
        profile: InstanceProfile,
        service: ServiceRole,
        log_retention_days: int,
        variables: Mapping[str, str],
    ) -> None:
        super().__init__(scope, id)
        application = beanstalk.CfnApplication(self, "Application", application_name=name)
        asset = assets.Asset(self, "Bundle", path=bundle, asset_hash=bundle_hash)
        version = beanstalk.CfnApplicationVersion(
            self,
            "Placeholder",
            application_name=application.ref,
            description="The placeholder, until the team deploys a version of its own",
            source_bundle=beanstalk.CfnApplicationVersion.SourceBundleProperty(
                s3_bucket=asset.s3_bucket_name, s3_key=asset.s3_object_key
            ),
        )
        options = {
            **_placement_options(placement),
            **_instance_options(size, profile, placement.instance_group_id),
            **_operation_options(size, service, log_retention_days),
            "aws:elasticbeanstalk:application:environment": dict(variables),
        }
        self.environment = beanstalk.CfnEnvironment(
            self,
            "Environment",
            application_name=application.ref,
            environment_name=name,
            platform_arn=platform_arn,
            version_label=version.ref,
            tier=beanstalk.CfnEnvironment.TierProperty(name="WebServer", type="Standard"),
            option_settings=[
                beanstalk.CfnEnvironment.OptionSettingProperty(
                    namespace=space, option_name=option, value=value
                )
                for space in sorted(options)
                for option, value in sorted(options[space].items())
            ],
        )
        # Beanstalk works with these until the environment is gone: they are made before and deleted after it.
        self.environment.node.add_dependency(profile.policy, service.policy)


def _placement_options(placement: Placement) -> dict[str, dict[str, str]]:
    return {
        "aws:ec2:vpc": {
            "VPCId": placement.vpc_id,
            "Subnets": _joined(placement.instance_subnet_ids),
            "ELBSubnets": _joined(placement.load_balancer_subnet_ids),
            "ELBScheme": "public",
            "AssociatePublicIpAddress": "false",
        },
        "aws:elbv2:loadbalancer": {
            "SharedLoadBalancer": placement.load_balancer_arn,
            "SecurityGroups": placement.load_balancer_group_id,
        },
        # Without this Beanstalk would hang its rule on port 80, under its own host name.
        "aws:elbv2:listener:443": {"Rules": "app"},
        "aws:elbv2:listenerrule:app": {
            "HostHeaders": placement.domain,
            "Process": "default",
            "Priority": "1",
        },
        "aws:elasticbeanstalk:environment:process:default": {
            "Port": "80",
            "Protocol": "HTTP",
            "HealthCheckPath": "/healthz",
            "HealthCheckInterval": "15",
            "MatcherHTTPCode": "200",
            "DeregistrationDelay": "20",
        },
    }


def _instance_options(size: Size, profile: InstanceProfile, group_id: str) -> dict[str, dict[str, str]]:
    return {
        "aws:ec2:instances": {"InstanceTypes": size.instance_type},
        "aws:autoscaling:launchconfiguration": {
            "IamInstanceProfile": profile.profile.attr_arn,
            "DisableDefaultEC2SecurityGroup": "true",
            "SecurityGroups": group_id,
            "DisableIMDSv1": "true",
            "RootVolumeType": "gp3",
            "RootVolumeSize": "20",
            "MonitoringInterval": "1 minute",
            "LaunchTemplateTagPropagationEnabled": "true",
        },
        "aws:autoscaling:asg": {"MinSize": str(size.min_instances), "MaxSize": str(size.max_instances)},
        "aws:autoscaling:trigger": {
            "MeasureName": "CPUUtilization",
            "Statistic": "Average",
            "Unit": "Percent",
            "Period": "1",
            "BreachDuration": "3",
            "UpperThreshold": str(size.scale_out_cpu_percent),
            "UpperBreachScaleIncrement": "1",
            "LowerThreshold": str(size.scale_in_cpu_percent),
            "LowerBreachScaleIncrement": "-1",
        },
    }


def _operation_options(
    size: Size, service: ServiceRole, log_retention_days: int
) -> dict[str, dict[str, str]]:
    return {
        "aws:elasticbeanstalk:environment": {
            "EnvironmentType": "LoadBalanced",
            "LoadBalancerType": "application",
            "LoadBalancerIsShared": "true",
            "ServiceRole": service.role.role_arn,
        },
        "aws:elasticbeanstalk:healthreporting:system": {"SystemType": "enhanced"},
        "aws:elasticbeanstalk:command": {
            "DeploymentPolicy": size.deployment_policy,
            "BatchSizeType": "Percentage",
            "BatchSize": "34",
            "Timeout": "1200",
        },
        "aws:autoscaling:updatepolicy:rollingupdate": {
            "RollingUpdateEnabled": "true",
            "RollingUpdateType": size.rolling_update_type,
        },
        "aws:elasticbeanstalk:managedactions": {
            "ManagedActionsEnabled": "true",
            "PreferredStartTime": "Sun:03:00",
            "ServiceRoleForManagedUpdates": "AWSServiceRoleForElasticBeanstalkManagedUpdates",
        },
        "aws:elasticbeanstalk:managedactions:platformupdate": {
            "UpdateLevel": "minor",
            "InstanceRefreshEnabled": "true",
        },
        "aws:elasticbeanstalk:cloudwatch:logs": {
            "StreamLogs": "true",
            "DeleteOnTerminate": "true",
            "RetentionInDays": str(log_retention_days),
        },
        "aws:elasticbeanstalk:hostmanager": {"LogPublicationControl": "true"},
    }


def _joined(ids: list[str]) -> str:
    return cdk.Fn.join(",", ids)


def _allow(sid: str, actions: list[str], resources: list[str]) -> iam.PolicyStatement:
    return iam.PolicyStatement(sid=sid, actions=actions, resources=resources)
