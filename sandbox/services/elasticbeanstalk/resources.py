"""What an environment consists of: group, template and instances, and its place behind a load balancer.

The same records as EC2's, Auto Scaling's and the load balancers' own APIs show. `data["made"]` of the environment
remembers their ids: {"asg", "template", "instances", "group", "rules", "balancer", "logs", "endpoint"}.
"""

from __future__ import annotations

from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.resource_types import random_name
from sandbox.services.elasticbeanstalk.options import Options, items
from sandbox.store import Record

ASG = "AWS::AutoScaling::AutoScalingGroup"
INSTANCE = "AWS::EC2::Instance"
LAUNCH_TEMPLATE = "AWS::EC2::LaunchTemplate"
SUBNET = "AWS::EC2::Subnet"
GROUP = "AWS::ElasticLoadBalancingV2::TargetGroup"
BALANCER = "AWS::ElasticLoadBalancingV2::LoadBalancer"
LISTENER = "AWS::ElasticLoadBalancingV2::Listener"
RULE = "AWS::ElasticLoadBalancingV2::ListenerRule"
LOG_GROUP = "AWS::Logs::LogGroup"
PROCESS = "aws:elasticbeanstalk:environment:process:default"
LAUNCH = "aws:autoscaling:launchconfiguration"
LOGS = (
    "var/log/eb-engine.log",
    "var/log/eb-docker/containers/eb-current-app/stdouterr.log",
    "var/log/nginx/access.log",
    "var/log/nginx/error.log",
)
"""Developer guide, instance log streaming, Docker on Amazon Linux 2023."""


def tags_of(env: Record) -> dict[str, str]:
    """The environment's tags and Beanstalk's own; CloudFormation's stay with the environment."""
    own = {k: v for k, v in env.tags.items() if not k.startswith("aws:")}
    names = {"elasticbeanstalk:environment-name": env.id, "elasticbeanstalk:environment-id": env.data["id"]}
    return {**own, **names, "Name": env.id}


def _make(ctx: Context, env: Record, kind: str, properties: dict[str, Any], hint: str = "") -> Record:
    """A part of the environment; it belongs to no stack."""
    return ctx.world.create(ctx, kind, properties, hint=hint, tags=tags_of(env), at_once=True)


def arrange(ctx: Context, env: Record, options: Options) -> None:
    """Make what is missing and change what is different. Raises AwsError where a part is refused."""
    made = env.data["made"] = {"instances": [], "rules": [], "logs": [], "endpoint": "", **env.data["made"]}
    ctx.store.put(env)
    balanced = options["aws:elasticbeanstalk:environment", "EnvironmentType"] == "LoadBalanced"
    if balanced:
        _balance(ctx, env, options, made)
    _template(ctx, env, options, made)
    _scale(ctx, env, options, made, balanced)
    _logs(ctx, env, options, made)
    if not balanced and made["instances"]:
        instance = ctx.store.get(ctx.account, ctx.region, INSTANCE, made["instances"][0])
        made["endpoint"] = str(instance.attributes.get("PrivateIp", "")) if instance else ""
    ctx.store.put(env)


def _subnets(ctx: Context, options: Options) -> list[str]:
    chosen = items(options, "aws:ec2:vpc", "Subnets")
    if not chosen:
        text = "There is no default VPC in this region: specify aws:ec2:vpc VPCId and Subnets."
        raise AwsError("ConfigurationValidationException", text, 400)
    return chosen


def _vpc(ctx: Context, options: Options) -> str:
    subnet = ctx.store.get(ctx.account, ctx.region, SUBNET, _subnets(ctx, options)[0])
    return options.get(("aws:ec2:vpc", "VPCId")) or str(subnet.properties.get("VpcId") if subnet else "")


# -- load balancing


def _balance(ctx: Context, env: Record, options: Options, made: dict[str, Any]) -> None:
    if "group" not in made:
        properties = {
            "Name": f"awseb-AWSEB-{random_name(12)}",
            "Protocol": options[PROCESS, "Protocol"],
            "Port": int(options[PROCESS, "Port"]),
            "VpcId": _vpc(ctx, options),
            "TargetType": "instance",
            "HealthCheckPath": options[PROCESS, "HealthCheckPath"],
        }
        if (PROCESS, "MatcherHTTPCode") in options:
            properties["Matcher"] = {"HttpCode": options[PROCESS, "MatcherHTTPCode"]}
        made["group"] = _make(ctx, env, GROUP, properties).id
    shared = options["aws:elasticbeanstalk:environment", "LoadBalancerIsShared"] == "true"
    if "balancer" not in made:
        if shared:
            _share(ctx, env, options, made)
        else:
            _own_balancer(ctx, env, options, made)
    balancer = ctx.store.get(ctx.account, ctx.region, BALANCER, made["balancer"])
    made["endpoint"] = str(balancer.attributes.get("DNSName", "")) if balancer else ""


def _share(ctx: Context, env: Record, options: Options, made: dict[str, Any]) -> None:
    """A rule for each named rule of each listener; without any, one on port 80 for the environment's CNAME."""
    arn = options.get(("aws:elbv2:loadbalancer", "SharedLoadBalancer"), "")
    listeners = {
        str(r.properties.get("Port")): r
        for r in ctx.store.list(ctx.account, ctx.region, LISTENER)
        if r.properties.get("LoadBalancerArn") == arn
    }
    wanted = [
        (space.rpartition(":")[2], rule.strip())
        for (space, name), value in options.items()
        if space.startswith("aws:elbv2:listener:") and name == "Rules"
        for rule in value.split(",")
    ]
    for port, rule in wanted or [("80", "")]:
        listener = listeners.get("80" if port == "default" else port)
        if listener is None:
            text = f"The shared load balancer {arn} has no listener on port {port}."
            raise AwsError("ConfigurationValidationException", text, 400)
        made["rules"].append(_rule(ctx, env, options, made["group"], listener, rule))
    made.update(balancer=arn, shared=True)


def _rule(ctx: Context, env: Record, options: Options, group: str, listener: Record, rule: str) -> str:
    space = f"aws:elbv2:listenerrule:{rule}"
    hosts = items(options, space, "HostHeaders") if rule else [env.data["cname"]]
    paths = items(options, space, "PathPatterns")
    conditions = []
    if hosts:
        conditions.append({"Field": "host-header", "HostHeaderConfig": {"Values": hosts}})
    if paths or not hosts:
        conditions.append({"Field": "path-pattern", "PathPatternConfig": {"Values": paths or ["/*"]}})
    # Priorities are relative among the environments of a shared load balancer; Beanstalk finds a free one.
    taken = {
        str(r.properties["Priority"])
        for r in ctx.store.list(ctx.account, ctx.region, RULE)
        if r.properties.get("ListenerArn") == listener.id
    }
    priority = int(options.get((space, "Priority"), "1"))
    while str(priority) in taken:
        priority += 1
    properties = {
        "ListenerArn": listener.id,
        "Priority": priority,
        "Conditions": conditions,
        "Actions": [{"Type": "forward", "TargetGroupArn": group}],
    }
    return _make(ctx, env, RULE, properties).id


def _own_balancer(ctx: Context, env: Record, options: Options, made: dict[str, Any]) -> None:
    properties: dict[str, Any] = {
        "Name": f"awseb-AWSEB-{random_name(12)}",
        "Type": "application",
        "Scheme": "internal"
        if options.get(("aws:ec2:vpc", "ELBScheme")) == "internal"
        else "internet-facing",
        "Subnets": items(options, "aws:ec2:vpc", "ELBSubnets") or _subnets(ctx, options),
    }
    groups = items(options, "aws:elbv2:loadbalancer", "SecurityGroups")
    if groups:
        properties["SecurityGroups"] = groups
    made["balancer"] = _make(ctx, env, BALANCER, properties).id
    made["listener"] = _make(
        ctx,
        env,
        LISTENER,
        {
            "LoadBalancerArn": made["balancer"],
            "Port": 80,
            "Protocol": "HTTP",
            "DefaultActions": [{"Type": "forward", "TargetGroupArn": made["group"]}],
        },
    ).id


# -- instances


def _template(ctx: Context, env: Record, options: Options, made: dict[str, Any]) -> None:
    data = {
        "InstanceType": instance_type(options),
        "SecurityGroupIds": items(options, LAUNCH, "SecurityGroups"),
    }
    properties = {"LaunchTemplateName": f"{env.data['id']}-{env.id}", "LaunchTemplateData": data}
    if "template" not in made:
        made["template"] = _make(ctx, env, LAUNCH_TEMPLATE, properties).id
        return
    record = ctx.store.get(ctx.account, ctx.region, LAUNCH_TEMPLATE, made["template"])
    if record is not None and record.properties.get("LaunchTemplateData") != data:
        ctx.world.update(ctx, record, {**record.properties, "LaunchTemplateData": data}, at_once=True)


def instance_type(options: Options) -> str:
    return (items(options, "aws:ec2:instances", "InstanceTypes") or ["t3.micro"])[0]


def _scale(ctx: Context, env: Record, options: Options, made: dict[str, Any], balanced: bool) -> None:
    low, high = (int(options["aws:autoscaling:asg", n]) for n in ("MinSize", "MaxSize"))
    if not balanced:
        low = high = 1
    group = ctx.store.get(ctx.account, ctx.region, ASG, made.get("asg", ""))
    if group is not None and made.get("limits") == [low, high]:
        # Options that stay leave alone what a schedule, or somebody, has made of the group.
        low, high = int(group.properties["MinSize"]), int(group.properties["MaxSize"])
    else:
        made["limits"] = [low, high]
    desired = max(low, min(len(made["instances"]) or low, high))
    properties: dict[str, Any] = {
        "AutoScalingGroupName": f"awseb-{env.data['id']}-stack-AWSEBAutoScalingGroup-{random_name(12)}",
        "MinSize": str(low),
        "MaxSize": str(high),
        "DesiredCapacity": str(desired),
        "VPCZoneIdentifier": _subnets(ctx, options),
        "LaunchTemplate": {"LaunchTemplateId": made["template"], "Version": "1"},
        "TargetGroupARNs": [made["group"]] if "group" in made else [],
    }
    if "asg" not in made:
        made["asg"] = _make(ctx, env, ASG, properties).id
    _fill(ctx, env, options, made, {n: properties[n] for n in ("MinSize", "MaxSize", "DesiredCapacity")})


def resize(ctx: Context, env: Record, options: Options, action: dict[str, str]) -> None:
    """Give the group the limits and the capacity that a scheduled action names; what it does not name stays."""
    made: dict[str, Any] = env.data["made"]
    group = ctx.store.get(ctx.account, ctx.region, ASG, made.get("asg", ""))
    if group is None:
        return
    low, high = (int(action.get(n) or group.properties[n]) for n in ("MinSize", "MaxSize"))
    desired = int(action.get("DesiredCapacity") or len(made["instances"]))
    sizes = {"MinSize": low, "MaxSize": high, "DesiredCapacity": max(low, min(desired, high))}
    _fill(ctx, env, options, made, {n: str(v) for n, v in sizes.items()})
    ctx.store.put(env)


def _fill(ctx: Context, env: Record, options: Options, made: dict[str, Any], changes: dict[str, str]) -> None:
    """Change the group, and start or end instances until there are as many as it desires, of the wanted type."""
    record = ctx.store.get(ctx.account, ctx.region, ASG, made["asg"])
    if record is not None:
        ctx.world.update(ctx, record, {**record.properties, **changes}, at_once=True)
    desired = int(changes["DesiredCapacity"])
    wanted = instance_type(options)
    for id in list(made["instances"]):
        instance = ctx.store.get(ctx.account, ctx.region, INSTANCE, id)
        if (
            instance is None
            or instance.properties.get("InstanceType") != wanted
            or len(made["instances"]) > desired
        ):
            made["instances"].remove(id)
            if instance is not None:
                ctx.world.delete(ctx, instance, at_once=True)
    while len(made["instances"]) < desired:
        made["instances"].append(_instance(ctx, env, options, made))
    if record is not None:
        record.data["instances"] = list(made["instances"])
        ctx.store.put(record)
    _register(ctx, made)


def _instance(ctx: Context, env: Record, options: Options, made: dict[str, Any]) -> str:
    subnets = _subnets(ctx, options)
    properties: dict[str, Any] = {
        "InstanceType": instance_type(options),
        "SubnetId": subnets[len(made["instances"]) % len(subnets)],
        "SecurityGroupIds": items(options, LAUNCH, "SecurityGroups"),
    }
    if (LAUNCH, "IamInstanceProfile") in options:
        properties["IamInstanceProfile"] = options[LAUNCH, "IamInstanceProfile"]
    record = _make(ctx, env, INSTANCE, properties)
    record.tags["aws:autoscaling:groupName"] = made["asg"]
    ctx.store.put(record)
    return record.id


def _register(ctx: Context, made: dict[str, Any]) -> None:
    group = ctx.store.get(ctx.account, ctx.region, GROUP, made.get("group", ""))
    if group is not None:
        port = int(group.properties.get("Port") or 80)
        group.data["targets"] = [{"Id": id, "Port": port} for id in made["instances"]]
        ctx.store.put(group)


# -- logs


def _logs(ctx: Context, env: Record, options: Options, made: dict[str, Any]) -> None:
    space = "aws:elasticbeanstalk:cloudwatch:logs"
    if options.get((space, "StreamLogs")) != "true":
        return
    days = int(options.get((space, "RetentionInDays"), "7"))
    for path in LOGS:
        name = f"/aws/elasticbeanstalk/{env.id}/{path}"
        if ctx.store.get(ctx.account, ctx.region, LOG_GROUP, name) is None:
            _make(ctx, env, LOG_GROUP, {"LogGroupName": name, "RetentionInDays": days})
        if name not in made["logs"]:
            made["logs"].append(name)
    made["drop_logs"] = options.get((space, "DeleteOnTerminate")) == "true"


# -- the end


def remove(ctx: Context, env: Record) -> None:
    """Take away all that the environment made, in the order in which it can go."""
    made: dict[str, Any] = env.data["made"]
    for kind, ids in (
        (RULE, made.get("rules", [])),
        (LISTENER, [made.get("listener")]),
        (BALANCER, [] if made.get("shared") else [made.get("balancer")]),
        (INSTANCE, made.get("instances", [])),
        (ASG, [made.get("asg")]),
        (LAUNCH_TEMPLATE, [made.get("template")]),
        (GROUP, [made.get("group")]),
        (LOG_GROUP, made.get("logs", []) if made.get("drop_logs") else []),
    ):
        for id in ids:
            record = ctx.store.get(ctx.account, ctx.region, kind, id) if id else None
            if record is not None:
                ctx.world.delete(ctx, record, at_once=True)


def described(env: Record) -> list[str]:
    """Sentences of the events about what was made."""
    made = env.data["made"]
    texts = [f"Created target group named: {made['group']}"] if "group" in made else []
    texts.append(f"Created Auto Scaling group named: {made['asg']}")
    if made["instances"]:
        texts.append(f"Added instances [{', '.join(made['instances'])}] to your environment.")
    return texts
