"""AWS's quotas: their defaults, what an account's are, and the refusal of one thing too many.

Defaults, codes and names: the "endpoints and quotas" pages of the AWS General Reference. Errors: the botocore models;
for EC2, which has none there, "Error codes for the Amazon EC2 API". A sentence is AWS's own: from reports of people
who met it where `met` says so, else the model's or the page's sentence on the code.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.errors import AwsError
from sandbox.store import GLOBAL, Record

if TYPE_CHECKING:
    from sandbox.world import World

APPLIED = "Sandbox::ServiceQuotas::Applied"
GONE = ("deleted", "Terminated", "terminated", "DELETE_COMPLETE")
ACCOUNT_WIDE = "(account)"
ZONE = "(availability zone)"
SUBNET = "AWS::EC2::Subnet"


@dataclass(frozen=True)
class Limit:
    """What a quota refuses. type: the records that count. per: the property by whose value they are counted apart.

    only: (property, value, default) that a record must have to count. text: {account} and {limit} are filled in.
    weight: what one counts for, by its properties. idle: states besides GONE in which it does not count.
    """

    type: str
    code: str
    text: str
    status: int = 400
    per: str = ""
    only: tuple[str, str, str] | None = None
    met: bool = False
    weight: Callable[[dict[str, Any]], int] | None = None
    idle: tuple[str, ...] = ()


@dataclass(frozen=True)
class Quota:
    """One quota of a service. limit: None where its service counts by itself, or the sandbox only tells it."""

    service: str
    code: str
    name: str
    default: float
    limit: Limit | None = None
    adjustable: bool = True
    world_wide: bool = False

    @property
    def key(self) -> str:
        return f"{self.service}/{self.code}"


def _ec2(kind: str, code: str, text: str, **more: Any) -> Limit:
    return Limit(f"AWS::EC2::{kind}", code, text, **more)


def _cognito(kind: str, **more: Any) -> Limit:
    text = (
        "This exception is thrown when a user exceeds the limit for a requested Amazon Web Services resource."
    )
    return Limit(f"AWS::Cognito::{kind}", "LimitExceededException", text, **more)


def _iam(kind: str, name: str) -> Limit:
    text = f"Cannot exceed quota for {name}: {{limit}}"
    return Limit(f"AWS::IAM::{kind}", "LimitExceeded", text, 409)


def _reached(what: str) -> str:
    return f"The maximum number of {what} has been reached."


def standard_vcpus(properties: dict[str, Any]) -> int:
    """vCPUs of an instance as far as the quota of standard ones counts them; 0 for other families (G, P, X …).

    By the rule of the size's name, which all current families follow (EC2 instance types guide); bare metal without a
    size in its name: 96, what m5.metal and c5.metal have.
    """
    family, _, size = str(properties.get("InstanceType") or "m1.small").partition(".")
    if not re.match(r"(a|c|d|h|i|im|is|m|r|t|z)\d", family):
        return 0
    if size in ("nano", "micro", "small"):
        return 1 if family in ("t1", "t2", "m1") else 2
    if size == "medium":
        return 2 if family.startswith("t") else 1
    if size == "large":
        return 2
    several = re.search(r"(\d*)xl", size)
    return 4 * int(several[1] or 1) if several else 96


ENDPOINTS = "You've reached the limit on the number of VPC endpoints that you can create in the AWS Region."
INTERFACE_GROUPS = Quota("vpc", "L-2AFB9258", "Security groups per network interface", 5)
BUILDS = {
    f"BUILD_GENERAL1_{size.upper()}": Quota(
        "codebuild", code, f"Concurrently running builds for Linux/{size} environment", 1
    )
    for size, code in (("Small", "L-9D07B6EF"), ("Medium", "L-2DC20C30"))
}
"""By compute type."""
YEARLY = Quota("acm", "L-DA1D8B98", "ACM certificates created in last 365 days", 5000)
RULES = Quota("vpc", "L-0EA8095F", "Inbound or outbound rules per security group", 60)
SNAPSHOTS = Quota("rds", "L-9B510759", "Manual DB cluster snapshots", 100)
# What these four refuse is in services/iam/limits.py: they count within a role, user or group.
POLICIES_OF_ROLE = Quota("iam", "L-0DA4ABF3", "Managed policies per role", 10, world_wide=True)
POLICIES_OF_USER = Quota("iam", "L-4019AD8B", "Managed policies per user", 10, world_wide=True)
POLICIES_OF_GROUP = Quota(
    "iam", "L-384571C4", "Managed policies per group", 10, adjustable=False, world_wide=True
)
TRUST_POLICY_LENGTH = Quota("iam", "L-C07B4B0D", "Role trust policy length", 2048, world_wide=True)
STACKS = Quota("cloudformation", "L-0485CB21", "Stack count", 2000, Limit(
    "AWS::CloudFormation::Stack", "LimitExceededException", "Limit for stack has been exceeded", met=True
))  # fmt: skip
QUOTAS = (
    Quota("vpc", "L-F678F1CE", "VPCs per Region", 5,
          _ec2("VPC", "VpcLimitExceeded", _reached("VPCs"), met=True)),
    Quota("vpc", "L-407747CB", "Subnets per VPC", 200,
          _ec2("Subnet", "SubnetLimitExceeded", "You've reached the limit on the number of subnets that you can create "
               "for the specified VPC.", per="VpcId")),
    Quota("vpc", "L-A4707A72", "Internet gateways per Region", 5,
          _ec2("InternetGateway", "InternetGatewayLimitExceeded", _reached("internet gateways"), met=True)),
    Quota("vpc", "L-FE5A380F", "NAT gateways per Availability Zone", 5,
          _ec2("NatGateway", "NatGatewayLimitExceeded",
               "Performing this operation would exceed the limit of {limit} NAT gateways", per=ZONE, met=True)),
    Quota("vpc", "L-E79EC296", "VPC security groups per Region", 2500,
          _ec2("SecurityGroup", "SecurityGroupLimitExceeded", "You've reached the limit on the number of security "
               "groups that you can create, or that you can assign to an instance.")),
    RULES,
    INTERFACE_GROUPS,
    Quota("vpc", "L-589F43AA", "Route tables per VPC", 200,
          _ec2("RouteTable", "RouteTableLimitExceeded", "You've reached the limit on the number of route tables that "
               "you can create for the specified VPC.", per="VpcId")),
    Quota("vpc", "L-93826ACB", "Routes per route table", 500,
          _ec2("Route", "RouteLimitExceeded", "You've reached the limit on the number of routes that you can add to a "
               "route table.", per="RouteTableId")),
    Quota("vpc", "L-29B6F2EB", "Interface VPC endpoints per VPC", 50,
          _ec2("VPCEndpoint", "VpcEndpointLimitExceeded", ENDPOINTS, per="VpcId",
               only=("VpcEndpointType", "Interface", "Gateway"))),
    Quota("vpc", "L-1B52E74A", "Gateway VPC endpoints per Region", 20,
          _ec2("VPCEndpoint", "VpcEndpointLimitExceeded", ENDPOINTS,
               only=("VpcEndpointType", "Gateway", "Gateway"))),
    Quota("vpc", "L-DF5E4CA3", "Network interfaces per Region", 5000,
          _ec2("NetworkInterface", "NetworkInterfaceLimitExceeded", "You've reached the limit on the number of network "
               "interfaces that you can create.")),
    Quota("ec2", "L-0263D0A3", "EC2-VPC Elastic IPs", 5,
          _ec2("EIP", "AddressLimitExceeded", _reached("addresses"), met=True)),
    Quota("ec2", "L-1216C47A", "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances", 5,
          _ec2("Instance", "VcpuLimitExceeded", "You have requested more vCPU capacity than your current vCPU limit of "
               "{limit} allows for the instance bucket that the specified instance type belongs to. Please visit "
               "http://aws.amazon.com/contact-us/ec2-request to request an adjustment to this limit.", met=True,
               weight=standard_vcpus, idle=("stopping", "stopped", "shutting-down"))),
    Quota("elasticloadbalancing", "L-53DA6B97", "Application Load Balancers per Region", 50,
          Limit("AWS::ElasticLoadBalancingV2::LoadBalancer", "TooManyLoadBalancers", "You've reached the limit on the "
                "number of load balancers for your Amazon Web Services account.",
                only=("Type", "application", "application"))),
    Quota("elasticloadbalancing", "L-B22855CB", "Target Groups per Region", 3000,
          Limit("AWS::ElasticLoadBalancingV2::TargetGroup", "TooManyTargetGroups", "You've reached the limit on the "
                "number of target groups for your Amazon Web Services account.")),
    Quota("elasticloadbalancing", "L-B6DF7632", "Listeners per Application Load Balancer", 50,
          Limit("AWS::ElasticLoadBalancingV2::Listener", "TooManyListeners", "You've reached the limit on the number "
                "of listeners per load balancer.", per="LoadBalancerArn")),
    Quota("rds", "L-952B80B8", "DB clusters", 40,
          Limit("AWS::RDS::DBCluster", "DBClusterQuotaExceededFault", "The user attempted to create a new DB cluster "
                "and the user has already reached the maximum allowed DB cluster quota.", 403)),
    Quota("rds", "L-7B6409FD", "DB instances", 40,
          Limit("AWS::RDS::DBInstance", "InstanceQuotaExceeded", "DB Instance quota exceeded", met=True)),
    Quota("rds", "L-272F1212", "Manual DB instance snapshots", 100),
    SNAPSHOTS,
    Quota("rds", "L-A59F4C87", "Event subscriptions", 20,
          Limit("AWS::RDS::EventSubscription", "EventSubscriptionQuotaExceeded", "You have reached the maximum number "
                "of event subscriptions.")),
    Quota("rds", "L-D94C7EA3", "Proxies", 20,
          Limit("AWS::RDS::DBProxy", "DBProxyQuotaExceededFault", "Your Amazon Web Services account already has the "
                "maximum number of proxies in the specified Amazon Web Services Region.")),
    Quota("s3", "L-DC2B2D3D", "General purpose buckets", 10000,
          Limit("AWS::S3::Bucket", "TooManyBuckets", "You have attempted to create more buckets than allowed",
                per=ACCOUNT_WIDE, met=True), world_wide=True),
    Quota("elasticbeanstalk", "L-8EFC1C51", "Environments", 200,
          Limit("AWS::ElasticBeanstalk::Environment", "TooManyEnvironmentsException",
                "The specified account has reached its limit of environments.")),
    Quota("elasticbeanstalk", "L-1CEABD17", "Applications", 75,
          Limit("AWS::ElasticBeanstalk::Application", "TooManyApplicationsException",
                "The specified account has reached its limit of applications.")),
    Quota("elasticbeanstalk", "L-D64F1F14", "Application versions", 1000,
          Limit("AWS::ElasticBeanstalk::ApplicationVersion", "TooManyApplicationVersionsException",
                "You cannot have more than {limit} Application Versions", met=True)),
    STACKS,
    Quota("kms", "L-C2F1777E", "Customer Master Keys (CMKs)", 100000,
          Limit("AWS::KMS::Key", "LimitExceededException",
                "The request was rejected because a length constraint or quota was exceeded.")),
    Quota("secretsmanager", "L-2F66C23C", "Secrets per Region", 500000,
          Limit("AWS::SecretsManager::Secret", "LimitExceededException",
                "The request failed because it would exceed one of the Secrets Manager quotas.")),
    Quota("ecr", "L-CFEB8E8D", "Registered repositories", 100000,
          Limit("AWS::ECR::Repository", "LimitExceededException", "The operation did not succeed because it would have "
                "exceeded a service limit for your account.")),
    Quota("acm", "L-F141DD1D", "ACM certificates", 2500,
          Limit("AWS::CertificateManager::Certificate", "LimitExceededException", "An ACM quota has been exceeded.")),
    YEARLY,
    Quota("autoscaling", "L-CDE20ADC", "Auto Scaling groups per region", 500,
          Limit("AWS::AutoScaling::AutoScalingGroup", "LimitExceeded", "You have already reached a limit for your "
                "Amazon EC2 Auto Scaling resources (for example, Auto Scaling groups, launch configurations, or "
                "lifecycle hooks).")),
    Quota("dynamodb", "L-F98FE922", "Maximum number of tables", 2500,
          Limit("AWS::DynamoDB::Table", "LimitExceededException",
                "Subscriber limit exceeded: There is a limit of {limit} tables per subscriber", met=True)),
    Quota("cognito-idp", "L-66E6DF30", "User pools per account", 1000, _cognito("UserPool")),
    Quota("cognito-idp", "L-5EAB0605", "Apps per user pool", 1000, _cognito("UserPoolClient", per="UserPoolId")),
    Quota("cognito-idp", "L-1B44D826", "Identity providers per user pool", 300,
          _cognito("UserPoolIdentityProvider", per="UserPoolId")),
    Quota("cognito-idp", "L-7CDAF993", "Resource servers per user pool", 25,
          _cognito("UserPoolResourceServer", per="UserPoolId")),
    Quota("route53", "L-4EA4796A", "Hosted zones", 500,
          Limit("AWS::Route53::HostedZone", "TooManyHostedZones", "Limits Exceeded: MAX_HOSTED_ZONES_BY_OWNER - Cannot "
                "create more hosted zones.", met=True), world_wide=True),
    Quota("route53", "L-E209CC9F", "Records per hosted zone", 10000,
          Limit("AWS::Route53::RecordSet", "InvalidChangeBatch", "Number of records limit of {limit} exceeded.",
                per="HostedZoneId", met=True), world_wide=True),
    Quota("route53", "L-ACB674F3", "Health checks", 200,
          Limit("AWS::Route53::HealthCheck", "TooManyHealthChecks", "This health check can't be created because the "
                "current account has reached the limit on the number of active health checks."), world_wide=True),
    Quota("wafv2", "L-2EC3DE7B", "Maximum web ACLs per account in WAF for regional", 100,
          Limit("AWS::WAFv2::WebACL", "WAFLimitsExceededException", "AWS WAF couldn\u2019t perform the operation "
                "because you exceeded your resource limit.", only=("Scope", "REGIONAL", "REGIONAL"))),
    Quota("codebuild", "L-ACCF6C0D", "Build projects", 5000,
          Limit("AWS::CodeBuild::Project", "AccountLimitExceededException", "An Amazon Web Services service limit was "
                "exceeded for the calling Amazon Web Services account.")),
    *BUILDS.values(),
    Quota("backup", "L-7705D2CB", "Backup vaults per Region per account", 300,
          Limit("AWS::Backup::BackupVault", "LimitExceededException", "A limit in the request has been exceeded; for "
                "example, a maximum number of items allowed in a request.")),
    Quota("sns", "L-61103206", "Topics per Account", 100000,
          Limit("AWS::SNS::Topic", "TopicLimitExceeded", "The customer already owns the maximum allowed number of "
                "topics.", 403)),
    Quota("events", "L-244521F2", "Number of rules", 300,
          Limit("AWS::Events::Rule", "LimitExceededException", "The request failed because it attempted to create "
                "resource beyond the allowed service quota.", per="EventBusName")),
    Quota("acm", "L-F141DD1D", "ACM certificates", 2500),
    Quota("iam", "L-FE177D64", "Roles per account", 1000, _iam("Role", "RolesPerAccount"), world_wide=True),
    Quota("iam", "L-F55AF5E4", "Users per account", 5000, _iam("User", "UsersPerAccount"), adjustable=False,
          world_wide=True),
    Quota("iam", "L-F4A5425F", "Groups per account", 300, _iam("Group", "GroupsPerAccount"), world_wide=True),
    Quota("iam", "L-6E65F664", "Instance profiles per account", 1000,
          _iam("InstanceProfile", "InstanceProfilesPerAccount"), world_wide=True),
    Quota("iam", "L-E95E4862", "Customer managed policies per account", 1500,
          _iam("ManagedPolicy", "PoliciesPerAccount"), world_wide=True),
    POLICIES_OF_ROLE,
    POLICIES_OF_USER,
    POLICIES_OF_GROUP,
    TRUST_POLICY_LENGTH,
)  # fmt: skip
BY_KEY = {quota.key: quota for quota in QUOTAS}
_BY_TYPE: dict[str, list[Quota]] = {}
for _quota in QUOTAS:
    if _quota.limit is not None:
        _BY_TYPE.setdefault(_quota.limit.type, []).append(_quota)


def value(world: World, account: str, region: str, quota: Quota) -> float:
    """What the account's quota is: AWS's default, or what was granted for the region or for all of them."""
    for place in (region, GLOBAL):
        record = world.store.get(account, place, APPLIED, quota.key)
        if record is not None:
            return float(record.data["value"])
    return float(quota.default)


def grant(world: World, account: str, region: str, key: str, granted: float) -> None:
    """Set an account's quota. key: `<service>/<code>`; region: one, or `global` for all. Raises ValueError."""
    if key not in BY_KEY:
        raise ValueError(f"there is no quota {key}; there are {', '.join(sorted(BY_KEY))}")
    if isinstance(granted, bool) or not isinstance(granted, (int, float)) or not 0 <= granted <= 1e9:
        raise ValueError(f"the quota {key} must be a number of 0 or more")
    world.store.put(Record(account, region, APPLIED, key, data={"value": float(granted)}))


def check(world: World, account: str, region: str, type_name: str, properties: dict[str, Any]) -> None:
    """Refuse a new resource that would be one too many. Raises the service's own AwsError."""
    for quota in _BY_TYPE.get(type_name, ()):
        limit = quota.limit
        assert limit is not None
        most = value(world, account, region, quota)
        place = None if limit.per == ACCOUNT_WIDE else region
        records, more = world.store.list(account, place, type_name), _weight(limit, properties)
        few = limit.weight is None and len(records) < most
        if few or not more or not _counts(limit, properties):
            continue
        mine = _part(world, limit, account, region, properties)
        used = sum(
            _weight(limit, r.properties)
            for r in records
            if r.state not in (*GONE, *limit.idle)
            and _counts(limit, r.properties)
            and _part(world, limit, account, region, r.properties) == mine
        )
        refuse_above(limit, account, used + more - 1, most)


def _weight(limit: Limit, properties: dict[str, Any]) -> int:
    return limit.weight(properties) if limit.weight is not None else 1


def refuse_above(limit: Limit, account: str, used: int, most: float) -> None:
    """Refuse when `used` things are as many as there may be."""
    if used >= most:
        raise AwsError(limit.code, limit.text.format(account=account, limit=f"{most:.0f}"), limit.status)


def _counts(limit: Limit, properties: dict[str, Any]) -> bool:
    if limit.only is None:
        return True
    name, wanted, default = limit.only
    return str(properties.get(name) or default) == wanted


def _part(world: World, limit: Limit, account: str, region: str, properties: dict[str, Any]) -> str:
    """What a record is counted with: the value of a property, or the zone of its subnet."""
    if limit.per == ZONE:
        subnet = world.store.get(account, region, SUBNET, str(properties.get("SubnetId")))
        return str(subnet.get("AvailabilityZone")) if subnet is not None else ""
    return str(properties.get(limit.per) or "") if limit.per and limit.per != ACCOUNT_WIDE else ""
