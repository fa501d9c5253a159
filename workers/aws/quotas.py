"""What an account may have of things, and what it has: Service Quotas beside counts by each service's own lists.

Counted by lists rather than by CloudWatch's usage metrics: those exist for a part of the quotas, and are minutes late.
"""

from collections import Counter
from collections.abc import Callable

from workers.aws.paging import entries
from workers.aws.session import Session

WORLD = "us-east-1"
"""Where Service Quotas tells of services that know no region (IAM, S3's buckets)."""
GONE = frozenset({"deleted", "deleting", "terminated", "shutting-down"})
IDLE = frozenset({"stopping", "stopped"})
STANDARD = frozenset("acdhimrtz")
"""First letters of the families that the quota of standard on-demand instances counts …"""
OTHERS = ("dl", "hpc", "inf", "mac", "trn")
"""… and families that begin so and have quotas of their own, as spot instances have (EC2 user guide, quotas)."""


def limits_of(session: Session, service: str, *, world_wide: bool) -> dict[str, float]:
    """The account's quotas of one service by code, where it is told."""
    client = session.client("service-quotas", region=WORLD if world_wide else "")
    found = entries(client, "list_service_quotas", "Quotas", ServiceCode=service)
    return {row["QuotaCode"]: float(row["Value"]) for row in found}


def _listed(service: str, call: str, member: str, **request: object) -> Callable[[Session], int]:
    return lambda session: sum(1 for _ in entries(session.client(service), call, member, **request))


def _nat_gateways(session: Session) -> int:
    """How many the fullest availability zone has."""
    client = session.client("ec2")
    zones = {
        row["SubnetId"]: row["AvailabilityZone"] for row in entries(client, "describe_subnets", "Subnets")
    }
    found = Counter(
        zones.get(row["SubnetId"], "")
        for row in entries(client, "describe_nat_gateways", "NatGateways")
        # A regional one, which somebody else may have made, is in a VPC and in none of its subnets.
        if row["State"] not in GONE and row.get("SubnetId")
    )
    return max(found.values(), default=0)


def _gateway_endpoints(session: Session) -> int:
    found = entries(session.client("ec2"), "describe_vpc_endpoints", "VpcEndpoints")
    return sum(1 for row in found if row.get("VpcEndpointType") == "Gateway" and row.get("State") not in GONE)


def _standard_vcpus(session: Session) -> int:
    """vCPUs of standard instances that run or start; two where EC2 does not tell."""
    total = 0
    for reservation in entries(session.client("ec2"), "describe_instances", "Reservations"):
        for instance in reservation["Instances"]:
            family = instance["InstanceType"]
            if instance["State"]["Name"] in GONE | IDLE or instance.get("InstanceLifecycle") == "spot":
                continue
            if family[0] not in STANDARD or family.startswith(OTHERS):
                continue
            options = instance.get("CpuOptions") or {}
            total += options.get("CoreCount", 1) * options.get("ThreadsPerCore", 2)
    return total


def _application_balancers(session: Session) -> int:
    found = entries(session.client("elbv2"), "describe_load_balancers", "LoadBalancers")
    return sum(1 for row in found if row["Type"] == "application")


def _beanstalk_environments(session: Session) -> int:
    found = entries(
        session.client("elasticbeanstalk"), "describe_environments", "Environments", IncludeDeleted=False
    )
    return sum(1 for row in found if row["Status"] != "Terminated")


def _web_acls(session: Session) -> int:
    client, marker, count = session.client("wafv2"), "", 0
    while True:
        request = {"Scope": "REGIONAL", "Limit": 100, **({"NextMarker": marker} if marker else {})}
        answer = client.list_web_acls(**request)
        count += len(answer["WebACLs"])
        marker = answer.get("NextMarker", "")
        if not marker or not answer["WebACLs"]:
            return count


def _stacks(session: Session) -> int:
    found = entries(session.client("cloudformation"), "describe_stacks", "Stacks")
    return sum(1 for row in found if row["StackStatus"] != "DELETE_COMPLETE")


COUNTERS: dict[str, Callable[[Session], int]] = {
    "vpc/L-F678F1CE": _listed("ec2", "describe_vpcs", "Vpcs"),
    "vpc/L-A4707A72": _listed("ec2", "describe_internet_gateways", "InternetGateways"),
    "vpc/L-FE5A380F": _nat_gateways,
    "vpc/L-E79EC296": _listed("ec2", "describe_security_groups", "SecurityGroups"),
    "vpc/L-1B52E74A": _gateway_endpoints,
    "ec2/L-0263D0A3": _listed("ec2", "describe_addresses", "Addresses"),
    "ec2/L-1216C47A": _standard_vcpus,
    "elasticloadbalancing/L-53DA6B97": _application_balancers,
    "elasticloadbalancing/L-B22855CB": _listed("elbv2", "describe_target_groups", "TargetGroups"),
    "autoscaling/L-CDE20ADC": _listed("autoscaling", "describe_auto_scaling_groups", "AutoScalingGroups"),
    "rds/L-952B80B8": _listed("rds", "describe_db_clusters", "DBClusters"),
    "rds/L-7B6409FD": _listed("rds", "describe_db_instances", "DBInstances"),
    "rds/L-A59F4C87": _listed("rds", "describe_event_subscriptions", "EventSubscriptionsList"),
    "rds/L-D94C7EA3": _listed("rds", "describe_db_proxies", "DBProxies"),
    "elasticbeanstalk/L-8EFC1C51": _beanstalk_environments,
    "elasticbeanstalk/L-1CEABD17": _listed("elasticbeanstalk", "describe_applications", "Applications"),
    "wafv2/L-2EC3DE7B": _web_acls,
    "ecr/L-CFEB8E8D": _listed("ecr", "describe_repositories", "repositories"),
    "codebuild/L-ACCF6C0D": _listed("codebuild", "list_projects", "projects"),
    "acm/L-F141DD1D": _listed("acm", "list_certificates", "CertificateSummaryList"),
    "cloudformation/L-0485CB21": _stacks,
    "backup/L-7705D2CB": _listed("backup", "list_backup_vaults", "BackupVaultList"),
    # Without a page size S3 refuses an account that may have more than 10,000.
    "s3/L-DC2B2D3D": _listed("s3", "list_buckets", "Buckets", PaginationConfig={"PageSize": 1000}),
    "iam/L-FE177D64": _listed("iam", "list_roles", "Roles"),
    "iam/L-E95E4862": _listed("iam", "list_policies", "Policies", Scope="Local"),
    "iam/L-6E65F664": _listed("iam", "list_instance_profiles", "InstanceProfiles"),
}
"""How what counts for a quota is counted, by its key."""
