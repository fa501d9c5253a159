"""Option settings: known namespaces, values that point to something, effective values.

Source: General options for all environments (Elastic Beanstalk developer guide). Single options are not checked
beyond what is below.
"""

from __future__ import annotations

from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.iam import sight
from sandbox.services.elasticbeanstalk import common

NAMESPACES = {
    "aws:autoscaling:asg",
    "aws:autoscaling:launchconfiguration",
    "aws:autoscaling:scheduledaction",
    "aws:autoscaling:trigger",
    "aws:autoscaling:updatepolicy:rollingupdate",
    "aws:cloudformation:template:parameter",
    "aws:ec2:instances",
    "aws:ec2:vpc",
    "aws:elasticbeanstalk:application",
    "aws:elasticbeanstalk:application:environment",
    "aws:elasticbeanstalk:application:environmentsecrets",
    "aws:elasticbeanstalk:cloudwatch:logs",
    "aws:elasticbeanstalk:cloudwatch:logs:health",
    "aws:elasticbeanstalk:command",
    "aws:elasticbeanstalk:control",
    "aws:elasticbeanstalk:customoption",
    "aws:elasticbeanstalk:environment",
    "aws:elasticbeanstalk:environment:proxy",
    "aws:elasticbeanstalk:environment:proxy:staticfiles",
    "aws:elasticbeanstalk:healthreporting:system",
    "aws:elasticbeanstalk:hostmanager",
    "aws:elasticbeanstalk:managedactions",
    "aws:elasticbeanstalk:managedactions:platformupdate",
    "aws:elasticbeanstalk:monitoring",
    "aws:elasticbeanstalk:sns:topics",
    "aws:elasticbeanstalk:sqsd",
    "aws:elasticbeanstalk:trafficsplitting",
    "aws:elasticbeanstalk:xray",
    "aws:elb:healthcheck",
    "aws:elb:loadbalancer",
    "aws:elb:policies",
    "aws:elbv2:loadbalancer",
    "aws:rds:dbinstance",
}
PREFIXES = (
    "aws:elasticbeanstalk:environment:process:",
    "aws:elasticbeanstalk:container:",
    "aws:elb:listener",
    "aws:elb:policies:",
    "aws:elbv2:listener:",
    "aws:elbv2:listenerrule:",
)
MOST_VARIABLES = 4096
"""Bytes of names and values of an environment's variables together."""
DEFAULTS = {
    ("aws:autoscaling:asg", "MinSize"): "1",
    ("aws:autoscaling:asg", "MaxSize"): "4",
    ("aws:ec2:instances", "InstanceTypes"): "t3.micro,t3.small",
    ("aws:elasticbeanstalk:environment", "EnvironmentType"): "LoadBalanced",
    ("aws:elasticbeanstalk:environment", "LoadBalancerType"): "application",
    ("aws:elasticbeanstalk:environment", "LoadBalancerIsShared"): "false",
    ("aws:elasticbeanstalk:healthreporting:system", "SystemType"): "enhanced",
    ("aws:elasticbeanstalk:command", "DeploymentPolicy"): "AllAtOnce",
    ("aws:elasticbeanstalk:environment:process:default", "Port"): "80",
    ("aws:elasticbeanstalk:environment:process:default", "Protocol"): "HTTP",
    ("aws:elasticbeanstalk:environment:process:default", "HealthCheckPath"): "/",
}
Options = dict[tuple[str, str], str]
OF = "#"
"""Between a namespace and the resource that its options are of, of which there may be several (a scheduled action)."""


def table(settings: list[dict[str, Any]] | None) -> Options:
    """Settings as {(namespace, option): value}; one of a named resource has the name with its namespace."""
    return {_key(s): str(s.get("Value", "")) for s in settings or ()}


def _key(setting: dict[str, Any]) -> tuple[str, str]:
    named = setting.get("ResourceName")
    return f"{setting['Namespace']}{OF}{named}" if named else setting["Namespace"], setting["OptionName"]


def listed(options: Options) -> list[dict[str, str]]:
    rows = []
    for (place, name), value in sorted(options.items()):
        namespace, _, resource = place.partition(OF)
        of = {"ResourceName": resource} if resource else {}
        rows.append({**of, "Namespace": namespace, "OptionName": name, "Value": value})
    return rows


def merged(
    before: list[dict[str, Any]], after: list[dict[str, Any]], removed: list[dict[str, Any]]
) -> list[dict[str, str]]:
    """Settings after an UpdateEnvironment: changed ones over the old ones, without the removed ones."""
    gone = {_key(r) for r in removed}
    return listed({k: v for k, v in {**table(before), **table(after)}.items() if k not in gone})


def effective(ctx: Context, properties: dict[str, Any]) -> Options:
    """Defaults, under the saved template, under the environment's own settings."""
    settings = dict(DEFAULTS)
    if properties.get("TemplateName"):
        saved = common.template(ctx, properties["ApplicationName"], properties["TemplateName"])
        settings.update(table(saved.data["settings"]))
    settings.update(table(properties.get("OptionSettings")))
    return settings


def items(options: Options, namespace: str, name: str) -> list[str]:
    """The parts of a comma-separated option."""
    return [p.strip() for p in options.get((namespace, name), "").split(",") if p.strip()]


def refusals(ctx: Context, options: Options) -> list[tuple[str, str, str]]:
    """What is wrong with the options: (namespace, option, sentence)."""
    found = []
    for place, name in options:
        namespace = place.partition(OF)[0]
        if namespace not in NAMESPACES and not namespace.startswith(PREFIXES):
            text = (
                f"Invalid option specification (Namespace: '{namespace}', OptionName: '{name}'): Unknown configuration "
                "setting."
            )
            found.append((namespace, name, text))
    found += _sizes(options)
    found += _batches(options)
    found += _variables(options)
    found += _targets(ctx, options)
    return found


def _sizes(options: Options) -> list[tuple[str, str, str]]:
    space = "aws:autoscaling:asg"
    values = {}
    for name in ("MinSize", "MaxSize"):
        value = options[space, name]
        if not value.isdigit() or int(value) > 10000:
            head = f"Invalid option value: '{value}' (Namespace: '{space}', OptionName: '{name}')"
            return [(space, name, f"{head}: Value is not a number from 0 to 10000")]
        values[name] = int(value)
    if values["MinSize"] > values["MaxSize"]:
        text = f"Invalid option value: '{values['MinSize']}' (Namespace: '{space}', OptionName: 'MinSize'): Min size"
        return [(space, "MinSize", f"{text} must not be larger than max size {values['MaxSize']}")]
    return []


def _batches(options: Options) -> list[tuple[str, str, str]]:
    """Batches of rolling updates, which immutable ones have not, and which are held to their range all the same.

    Left to Beanstalk they follow MinSize: an environment without instances is refused until it says MaxBatchSize
    (ThoughtWorksStudios/eb_deployer#44, alienfast/elastic-beanstalk#37), and one with MaxSize 0 in any case
    (aws/aws-elastic-beanstalk-cli#74).
    """
    space = "aws:autoscaling:updatepolicy:rollingupdate"
    if options.get((space, "RollingUpdateEnabled")) != "true":
        return []
    asg = "aws:autoscaling:asg"
    if not all(options[asg, name].isdigit() for name in ("MinSize", "MaxSize")):
        return []
    least, most = (int(options[asg, name]) for name in ("MinSize", "MaxSize"))
    batch = options.get((space, "MaxBatchSize"), str(-(-least // 3)))
    serving = options.get((space, "MinInstancesInService"), str(max(0, min(least, most - 1))))
    head = "Invalid option value: '{}' (Namespace: '{}', OptionName: '{}'): {}"
    if not batch.isdigit() or int(batch) < 1:
        text = "Value is less than minimum allowed value: 1"
        return [(space, "MaxBatchSize", head.format(batch, space, "MaxBatchSize", text))]
    if not serving.isdigit() or int(serving) >= most:
        text = (
            f"The minimum instances in service for rolling updates ({serving}) should be less than the maximum "
            f"instance count for the Autoscaling group ({most})."
        )
        name = "MinInstancesInService"
        return [(space, name, head.format(serving, space, name, text))]
    return []


def _variables(options: Options) -> list[tuple[str, str, str]]:
    """All variables are one parameter of Beanstalk's own stack, and that has 4,096 bytes (EB CLI guide, eb setenv)."""
    space = "aws:elasticbeanstalk:application:environment"
    given = sorted((name, value) for (place, name), value in options.items() if place == space)
    size = len(",".join(f"{name}={value}" for name, value in given).encode())
    if size <= MOST_VARIABLES:
        return []
    last = given[-1][0]
    text = f"The environment's properties have {size} bytes, more than {MOST_VARIABLES}."
    return [(space, last, f"Invalid option value (Namespace: '{space}', OptionName: '{last}'): {text}")]


def _targets(ctx: Context, options: Options) -> list[tuple[str, str, str]]:
    """Options that name something that does not exist."""
    named = [
        ("aws:ec2:vpc", "VPCId", "AWS::EC2::VPC", "The VPC {} does not exist"),
        ("aws:ec2:vpc", "Subnets", "AWS::EC2::Subnet", "The subnet {} does not exist"),
        ("aws:ec2:vpc", "ELBSubnets", "AWS::EC2::Subnet", "The subnet {} does not exist"),
        (
            "aws:autoscaling:launchconfiguration",
            "SecurityGroups",
            "AWS::EC2::SecurityGroup",
            "The security group {} does not exist",
        ),
        (
            "aws:elbv2:loadbalancer",
            "SharedLoadBalancer",
            "AWS::ElasticLoadBalancingV2::LoadBalancer",
            "The load balancer {} does not exist",
        ),
    ]
    found = []
    for namespace, name, kind, text in named:
        for value in items(options, namespace, name):
            if ctx.store.get(ctx.account, ctx.region, kind, value) is None:
                head = f"Invalid option value: '{value}' (Namespace: '{namespace}', OptionName: '{name}')"
                found.append((namespace, name, f"{head}: {text.format(value)}"))
    space, name = "aws:autoscaling:launchconfiguration", "IamInstanceProfile"
    profile = options.get((space, name), "")
    if profile and not profile_exists(ctx, profile):
        head = f"Invalid option value: '{profile}' (Namespace: '{space}', OptionName: '{name}')"
        found.append((space, name, f"{head}: The instance profile {profile} does not exist"))
    return found


def profile_exists(ctx: Context, name: str) -> bool:
    if name.startswith("arn:"):
        return sight.by_arn(ctx.world, name) is not None
    return sight.get(ctx.world, ctx.account, "AWS::IAM::InstanceProfile", name) is not None


def refuse(ctx: Context, options: Options) -> None:
    """Raise ConfigurationValidationException for the first thing that is wrong."""
    for _, _, text in refusals(ctx, options):
        raise AwsError("ConfigurationValidationException", f"Configuration validation exception: {text}", 400)
