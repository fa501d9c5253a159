"""Load balancers."""

from __future__ import annotations

from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import operation, resource_type
from sandbox.resource_types import ResourceType, random_hex, tags_from
from sandbox.services.ec2 import base as ec2
from sandbox.services.ec2.interfaces import hold, release
from sandbox.services.elbv2 import base
from sandbox.store import Record

# Source: AWS General Reference, Elastic Load Balancing endpoints (Route 53 hosted zone ids, application).
ZONES = {
    "us-east-1": "Z35SXDOTRQ7X7K", "us-east-2": "Z3AADJGX6KTTL2", "us-west-1": "Z368ELLRRE2KJ0",
    "us-west-2": "Z1H1FL5HABSF5", "ca-central-1": "ZQSVJUPU6J1EY", "eu-central-1": "Z215JYRZR1TBD5",
    "eu-west-1": "Z32O12XQLNTSW2", "eu-west-2": "ZHURV8PSTC4K8", "eu-west-3": "Z3Q77PNBQS71R4",
    "eu-north-1": "Z23TAZ6LKFMNIO", "eu-south-1": "Z3ULH7SSC9OV64", "ap-south-1": "ZP97RAFLXTNZK",
    "ap-southeast-1": "Z1LMS91P8CMLE5", "ap-southeast-2": "Z1GM3OXH4ZPM65", "ap-northeast-1": "Z14GRHDCWA56QT",
    "ap-northeast-2": "ZWKZPGTI48KDX", "sa-east-1": "Z2P70J7HTTTPLU",
}  # fmt: skip
# Source: Application Load Balancer guide, "Load balancer attributes".
DEFAULTS = {
    "access_logs.s3.enabled": "false",
    "access_logs.s3.bucket": "",
    "access_logs.s3.prefix": "",
    "connection_logs.s3.enabled": "false",
    "connection_logs.s3.bucket": "",
    "connection_logs.s3.prefix": "",
    "client_keep_alive.seconds": "3600",
    "deletion_protection.enabled": "false",
    "idle_timeout.timeout_seconds": "60",
    "load_balancing.cross_zone.enabled": "true",
    "routing.http.desync_mitigation_mode": "defensive",
    "routing.http.drop_invalid_header_fields.enabled": "false",
    "routing.http.preserve_host_header.enabled": "false",
    "routing.http.x_amzn_tls_version_and_cipher_suite.enabled": "false",
    "routing.http.xff_client_port.enabled": "false",
    "routing.http.xff_header_processing.mode": "append",
    "routing.http2.enabled": "true",
    "waf.fail_open.enabled": "false",
    "zonal_shift.config.enabled": "false",
}


@resource_type(base.BALANCER)
class LoadBalancer(ResourceType):
    """A load balancer: one interface in each of its subnets."""

    state_creating = "provisioning"
    state_updating = "active"
    state_deleting = "active"
    state_ready = "active"

    def identify(self, ctx: Context, properties: dict[str, Any], hint: str) -> str:
        name = properties.get("Name") or self.new_name(hint, "Name")
        kind = {"network": "net", "gateway": "gwy"}.get(properties.get("Type", "application"), "app")
        return ctx.arn("elasticloadbalancing", f"loadbalancer/{kind}/{name}/{random_hex(16)}")

    def arn_for(self, ctx: Context, id: str, properties: dict[str, Any]) -> str:
        return id

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        name = properties.get("Name")
        if name:
            base.check_name(name, "Load balancer")
            if name.startswith("internal-"):
                raise AwsError(
                    "ValidationError", f"Load balancer name '{name}' cannot begin with 'internal-'", 400
                )
            if any(b.attributes.get("LoadBalancerName") == name for b in base.listed(ctx, base.BALANCER)):
                raise AwsError(
                    "DuplicateLoadBalancerName",
                    f"A load balancer with the same name '{name}' exists, but with different settings",
                    400,
                )
        self._check_place(ctx, properties)
        _check_logs(ctx, properties.get("LoadBalancerAttributes") or ())

    def _check_place(self, ctx: Context, properties: dict[str, Any]) -> None:
        subnets = []
        for id in _subnet_ids(properties):
            subnet = ec2.look_up(ctx, ec2.SUBNET, id)
            if subnet is None:
                raise AwsError("SubnetNotFound", f"The subnet ID '{id}' does not exist", 400)
            subnets.append(subnet)
        zones = [s.attributes["AvailabilityZone"] for s in subnets]
        kind = properties.get("Type", "application")
        if kind == "application" and len(set(zones)) < 2:
            raise AwsError(
                "ValidationError",
                "At least two subnets in two different Availability Zones must be specified",
                400,
            )
        if len(set(zones)) < len(zones):
            raise AwsError(
                "InvalidConfigurationRequest",
                "A load balancer cannot be attached to multiple subnets in the same Availability Zone",
                400,
            )
        vpc = subnets[0].properties["VpcId"]
        if properties.get("Scheme", "internet-facing") == "internet-facing":
            attached = ctx.store.get(ctx.account, ctx.region, ec2.ATTACHMENT, f"IGW|{vpc}")
            if attached is None:
                raise AwsError("InvalidSubnet", f"VPC {vpc} has no internet gateway", 400)
        for group in properties.get("SecurityGroups") or ():
            if ec2.look_up(ctx, ec2.GROUP, group) is None:
                raise AwsError(
                    "InvalidSecurityGroup", f"One or more security groups are invalid: {group}", 400
                )

    def created(self, ctx: Context, record: Record) -> None:
        full_name = record.id.split(":loadbalancer/")[1]
        name = full_name.split("/")[1]
        internal = "internal-" if record.properties.get("Scheme") == "internal" else ""
        digits = int(ec2.stable_hex(record.id, 12), 16) % 10**10
        middle = f"elb.{record.region}" if full_name.startswith("net/") else f"{record.region}.elb"
        zone = ZONES.get(record.region, f"Z{ec2.stable_hex(record.region, 13).upper()}")
        record.attributes = {
            "LoadBalancerArn": record.id,
            "LoadBalancerFullName": full_name,
            "LoadBalancerName": name,
            "DNSName": f"{internal}{name}-{digits}.{middle}.amazonaws.com",
            "CanonicalHostedZoneID": zone,
        }
        self._lay(ctx, record)

    def _lay(self, ctx: Context, record: Record) -> None:
        internet = record.properties.get("Scheme", "internet-facing") == "internet-facing"
        for number, id in enumerate(_subnet_ids(record.properties)):
            subnet = ec2.need(ctx, ec2.SUBNET, id)
            vpc = ec2.need(ctx, ec2.VPC, subnet.properties["VpcId"])
            record.data["VpcId"] = vpc.id
            groups = record.properties.get("SecurityGroups") or [vpc.attributes["DefaultSecurityGroup"]]
            record.data["groups"] = groups
            hold(
                ctx,
                id,
                owner=record.id,
                description=f"ELB {record.attributes['LoadBalancerFullName']}",
                groups=list(groups),
                requester="amazon-elb",
                public_ip=_public_ip(record.id, number) if internet else None,
            )

    def check_update(self, ctx: Context, record: Record, properties: dict[str, Any]) -> None:
        self._check_place(ctx, properties)
        _check_logs(ctx, properties.get("LoadBalancerAttributes") or ())

    def updated(self, ctx: Context, record: Record, before: dict[str, Any]) -> None:
        place = ("Subnets", "SubnetMappings", "SecurityGroups")
        if any(before.get(n) != record.properties.get(n) for n in place):
            release(ctx, record.id)
            self._lay(ctx, record)

    def check_delete(self, ctx: Context, record: Record) -> None:
        if (
            base.attributes(record, "LoadBalancerAttributes", DEFAULTS)["deletion_protection.enabled"]
            == "true"
        ):
            raise AwsError(
                "OperationNotPermitted",
                f"Load balancer '{record.id}' cannot be deleted because deletion protection is enabled",
                400,
            )

    def deleted(self, ctx: Context, record: Record) -> bool | None:
        release(ctx, record.id)
        for listener in base.listeners_of(ctx, record.id):
            for rule in base.rules_of(ctx, listener.id):
                ctx.store.remove(rule)
            ctx.store.remove(listener)
        for association in ctx.store.list(ctx.account, ctx.region, "AWS::WAFv2::WebACLAssociation"):
            if association.properties["ResourceArn"] == record.id:
                ctx.store.remove(association)
        return None


def _subnet_ids(properties: dict[str, Any]) -> list[str]:
    mapped = [m["SubnetId"] for m in properties.get("SubnetMappings") or ()]
    return list(properties.get("Subnets") or mapped)


def _public_ip(arn: str, number: int) -> str:
    digits = ec2.stable_hex(f"{arn}/{number}", 4)
    return f"198.19.{int(digits[:2], 16)}.{int(digits[2:], 16)}"


def _check_logs(ctx: Context, attributes: Any) -> None:
    values = {a["Key"]: str(a.get("Value", "")) for a in attributes}
    for name in ("access_logs", "connection_logs"):
        bucket = values.get(f"{name}.s3.bucket", "")
        if values.get(f"{name}.s3.enabled") == "true" and not _bucket_exists(ctx, bucket):
            raise AwsError(
                "InvalidConfigurationRequest",
                f"Access Denied for bucket: {bucket}. Please check S3bucket permission",
                400,
            )


def _bucket_exists(ctx: Context, bucket: str) -> bool:
    return any(r.id == bucket for r in ctx.store.list(ctx.account, None, "AWS::S3::Bucket"))


def shape(ctx: Context, record: Record) -> dict[str, Any]:
    kind = record.properties.get("Type", "application")
    subnets = [ec2.look_up(ctx, ec2.SUBNET, id) for id in _subnet_ids(record.properties)]
    return {
        "LoadBalancerArn": record.id,
        "LoadBalancerName": record.attributes["LoadBalancerName"],
        "DNSName": record.attributes["DNSName"],
        "CanonicalHostedZoneId": record.attributes["CanonicalHostedZoneID"],
        "CreatedTime": record.created_at,
        "Scheme": record.properties.get("Scheme", "internet-facing"),
        "VpcId": record.data["VpcId"],
        "State": {"Code": record.state},
        "Type": kind,
        "AvailabilityZones": [
            {"ZoneName": s.attributes["AvailabilityZone"], "SubnetId": s.id, "LoadBalancerAddresses": []}
            for s in subnets
            if s is not None
        ],
        "SecurityGroups": record.data["groups"],
        "IpAddressType": record.properties.get("IpAddressType", "ipv4"),
    }


@operation("elbv2", "CreateLoadBalancer")
def create_load_balancer(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    names = ("Name", "Subnets", "SubnetMappings", "SecurityGroups", "Scheme", "Type", "IpAddressType")
    properties = {n: params[n] for n in names if n in params}
    record = ctx.world.create(ctx, base.BALANCER, properties, tags=tags_from(params.get("Tags")))
    return {"LoadBalancers": [shape(ctx, record)]}


@operation("elbv2", "DescribeLoadBalancers")
def describe_load_balancers(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    records = base.listed(ctx, base.BALANCER)
    if params.get("LoadBalancerArns"):
        records = [base.need(ctx, base.BALANCER, arn) for arn in params["LoadBalancerArns"]]
    if params.get("Names"):
        records = [r for r in records if r.attributes["LoadBalancerName"] in params["Names"]]
        if len(records) < len(set(params["Names"])):
            missing = sorted(set(params["Names"]) - {r.attributes["LoadBalancerName"] for r in records})
            raise AwsError("LoadBalancerNotFound", f"Load balancers '[{', '.join(missing)}]' not found", 400)
    return base.paged(ctx, params, records, "LoadBalancers", shape)


@operation("elbv2", "DescribeLoadBalancerAttributes")
def describe_attributes(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = base.need(ctx, base.BALANCER, params["LoadBalancerArn"])
    return {"Attributes": base.pairs(base.attributes(record, "LoadBalancerAttributes", DEFAULTS))}


@operation("elbv2", "ModifyLoadBalancerAttributes")
def modify_attributes(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = base.need(ctx, base.BALANCER, params["LoadBalancerArn"])
    merged = base.merged_attributes(record, "LoadBalancerAttributes", params["Attributes"])
    ctx.world.update(ctx, record, {**record.properties, "LoadBalancerAttributes": merged}, at_once=True)
    return describe_attributes(ctx, params)


@operation("elbv2", "SetSecurityGroups")
def set_security_groups(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = base.need(ctx, base.BALANCER, params["LoadBalancerArn"])
    changed = {**record.properties, "SecurityGroups": params["SecurityGroups"]}
    ctx.world.update(ctx, record, changed, at_once=True)
    return {"SecurityGroupIds": params["SecurityGroups"]}


@operation("elbv2", "SetSubnets")
def set_subnets(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = base.need(ctx, base.BALANCER, params["LoadBalancerArn"])
    changed = {n: v for n, v in record.properties.items() if n not in ("Subnets", "SubnetMappings")}
    changed |= {n: params[n] for n in ("Subnets", "SubnetMappings") if n in params}
    ctx.world.update(ctx, record, changed, at_once=True)
    return {"AvailabilityZones": shape(ctx, record)["AvailabilityZones"]}


@operation("elbv2", "DeleteLoadBalancer")
def delete_load_balancer(ctx: Context, params: dict[str, Any]) -> None:
    """Of one that is not there, AWS says nothing (API reference: the call then succeeds)."""
    record = ctx.store.get(ctx.account, ctx.region, base.BALANCER, params["LoadBalancerArn"])
    if record is not None:
        ctx.world.delete(ctx, record, at_once=True)


@operation("elbv2", "DescribeTags")
def describe_tags(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    records = [base.any_kind(ctx, arn) for arn in params["ResourceArns"]]
    return {"TagDescriptions": [{"ResourceArn": r.id, "Tags": base.pairs(r.tags)} for r in records]}


@operation("elbv2", "AddTags")
def add_tags(ctx: Context, params: dict[str, Any]) -> None:
    for record in [base.any_kind(ctx, arn) for arn in params["ResourceArns"]]:
        record.tags.update(tags_from(params["Tags"]))
        ctx.store.put(record)


@operation("elbv2", "RemoveTags")
def remove_tags(ctx: Context, params: dict[str, Any]) -> None:
    for record in [base.any_kind(ctx, arn) for arn in params["ResourceArns"]]:
        for key in params["TagKeys"]:
            record.tags.pop(key, None)
        ctx.store.put(record)
