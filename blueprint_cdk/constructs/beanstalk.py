"""The Beanstalk application, its first version (the placeholder) and its environment."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_elasticbeanstalk as beanstalk
from aws_cdk import aws_s3_assets as assets
from constructs import Construct

from blueprint_cdk.constructs.beanstalk_roles import InstanceProfile, ServiceRole
from blueprint_cdk.schedules import Schedule
from blueprint_cdk.sizes import Size

HEALTH_METRICS = {"CloudWatchMetrics": {"Environment": {}, "Instance": {"CPUIdle": 60}}, "Version": 1}
"""What enhanced health publishes besides EnvironmentHealth, every so many seconds: the one metric of instances that is
found by the environment's name. Each is a custom metric, and costs as one."""


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

    `platform_arn` and the version may change later; name, tier and load balancer never do. `version_label` is what
    runs by now, if that is not the placeholder. Environment
    variables hold names and ARNs, never a secret.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        name: str,
        platform_arn: str,
        version_label: str | None,
        bundle: str,
        bundle_hash: str,
        size: Size,
        schedules: Sequence[Schedule],
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
            version_label=version_label or version.ref,
            tier=beanstalk.CfnEnvironment.TierProperty(name="WebServer", type="Standard"),
            option_settings=[
                beanstalk.CfnEnvironment.OptionSettingProperty(
                    namespace=space, option_name=option, value=value
                )
                for space in sorted(options)
                for option, value in sorted(options[space].items())
            ]
            + [
                beanstalk.CfnEnvironment.OptionSettingProperty(
                    namespace="aws:autoscaling:scheduledaction",
                    resource_name=schedule.name,
                    option_name=option,
                    value=value,
                )
                for schedule in sorted(schedules, key=lambda row: row.name)
                for option, value in sorted(_scheduled(schedule).items())
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
            # An application that keeps a session in memory, or a connection open, finds its instance again.
            "StickinessEnabled": "true",
            "StickinessType": "lb_cookie",
            "StickinessLBCookieDuration": "3600",
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
        # Read by the bundle's .ebextensions/scaling.config, which makes the target tracking policy.
        "aws:elasticbeanstalk:customoption": {"TargetCpuPercent": str(size.target_cpu_percent)},
        # Beanstalk's own step scaling is a net for a bundle without that file: it adds at 90 %, and never takes away,
        # so that it cannot undo what target tracking does. No average is below 0 %.
        "aws:autoscaling:trigger": {
            "MeasureName": "CPUUtilization",
            "Statistic": "Average",
            "Unit": "Percent",
            "Period": "1",
            "BreachDuration": "3",
            "UpperThreshold": "90",
            "UpperBreachScaleIncrement": "1",
            "LowerThreshold": "0",
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
        "aws:elasticbeanstalk:healthreporting:system": {
            "SystemType": "enhanced",
            "ConfigDocument": json.dumps(HEALTH_METRICS, separators=(",", ":"), sort_keys=True),
        },
        "aws:elasticbeanstalk:command": {
            "DeploymentPolicy": size.deployment_policy,
            "BatchSizeType": "Percentage",
            "BatchSize": "34",
            "Timeout": "1200",
        },
        "aws:autoscaling:updatepolicy:rollingupdate": {
            "RollingUpdateEnabled": "true",
            "RollingUpdateType": size.rolling_update_type,
            # Immutable updates have no batches. Beanstalk holds this to 1 at least all the same, and left to itself
            # it is a third of MinSize: 0, where a pilot light keeps no instance.
            "MaxBatchSize": "1",
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


def _scheduled(schedule: Schedule) -> dict[str, str]:
    return {
        "Recurrence": schedule.recurrence,
        "MinSize": str(schedule.min_instances),
        "MaxSize": str(schedule.max_instances),
        "DesiredCapacity": str(schedule.min_instances),
    }


def _joined(ids: list[str]) -> str:
    return cdk.Fn.join(",", ids)
