"""Each type of network, edge and DNS: made by CloudFormation, found by its service and by tag, deleted, gone in both.

A row is a resource of one template; the test takes it and what it refers to.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from devtools.sandbox import Keys, Sandbox

ACCOUNT = "210000000002"
DOMAIN = "types.example.com"


def ref(name: str) -> dict[str, str]:
    return {"Ref": name}


def att(name: str, attribute: str) -> dict[str, list[str]]:
    return {"Fn::GetAtt": [name, attribute]}


def subnet(block: str, zone: str) -> dict[str, Any]:
    return {
        "Type": "AWS::EC2::Subnet",
        "Properties": {"VpcId": ref("Vpc"), "CidrBlock": block, "AvailabilityZone": zone},
    }


FIXED = {
    "Type": "fixed-response",
    "FixedResponseConfig": {"StatusCode": "404", "ContentType": "text/plain", "MessageBody": "no"},
}
VISIBLE = {"CloudWatchMetricsEnabled": True, "SampledRequestsEnabled": True, "MetricName": "m"}

RESOURCES: dict[str, dict[str, Any]] = {
    "Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.30.0.0/16", "EnableDnsHostnames": True}},
    "SubnetA": subnet("10.30.0.0/24", "eu-west-1a"),
    "SubnetB": subnet("10.30.1.0/24", "eu-west-1b"),
    "Gateway": {"Type": "AWS::EC2::InternetGateway"},
    "Attachment": {
        "Type": "AWS::EC2::VPCGatewayAttachment",
        "Properties": {"VpcId": ref("Vpc"), "InternetGatewayId": ref("Gateway")},
    },
    "Table": {"Type": "AWS::EC2::RouteTable", "Properties": {"VpcId": ref("Vpc")}},
    "Route": {
        "Type": "AWS::EC2::Route",
        "DependsOn": "Attachment",
        "Properties": {
            "RouteTableId": ref("Table"),
            "DestinationCidrBlock": "0.0.0.0/0",
            "GatewayId": ref("Gateway"),
        },
    },
    "TableUse": {
        "Type": "AWS::EC2::SubnetRouteTableAssociation",
        "Properties": {"RouteTableId": ref("Table"), "SubnetId": ref("SubnetA")},
    },
    "Address": {"Type": "AWS::EC2::EIP", "Properties": {"Domain": "vpc"}},
    "Nat": {
        "Type": "AWS::EC2::NatGateway",
        "DependsOn": "Attachment",
        "Properties": {"SubnetId": ref("SubnetA"), "AllocationId": att("Address", "AllocationId")},
    },
    "Group": {
        "Type": "AWS::EC2::SecurityGroup",
        "Properties": {
            "GroupDescription": "group",
            "VpcId": ref("Vpc"),
            "SecurityGroupIngress": [
                {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIp": "0.0.0.0/0"}
            ],
        },
    },
    "Ingress": {
        "Type": "AWS::EC2::SecurityGroupIngress",
        "Properties": {
            "GroupId": att("Group", "GroupId"),
            "IpProtocol": "tcp",
            "FromPort": "80",
            "ToPort": "80",
            "CidrIp": "10.0.0.0/8",
        },
    },
    "Egress": {
        "Type": "AWS::EC2::SecurityGroupEgress",
        "Properties": {
            "GroupId": att("Group", "GroupId"),
            "IpProtocol": "tcp",
            "FromPort": 3306,
            "ToPort": 3306,
            "DestinationSecurityGroupId": att("Group", "GroupId"),
        },
    },
    "Endpoint": {
        "Type": "AWS::EC2::VPCEndpoint",
        "Properties": {
            "VpcId": ref("Vpc"),
            "ServiceName": {"Fn::Join": ["", ["com.amazonaws.", ref("AWS::Region"), ".s3"]]},
            "RouteTableIds": [ref("Table")],
        },
    },
    "Flow": {
        "Type": "AWS::EC2::FlowLog",
        "Properties": {
            "ResourceId": ref("Vpc"),
            "ResourceType": "VPC",
            "TrafficType": "ALL",
            "LogGroupName": "flow",
            "DeliverLogsPermissionArn": f"arn:aws:iam::{ACCOUNT}:role/flow",
        },
    },
    "Interface": {"Type": "AWS::EC2::NetworkInterface", "Properties": {"SubnetId": ref("SubnetA")}},
    "Balancer": {
        "Type": "AWS::ElasticLoadBalancingV2::LoadBalancer",
        "DependsOn": "Attachment",
        "Properties": {
            "Subnets": [ref("SubnetA"), ref("SubnetB")],
            "SecurityGroups": [ref("Group")],
            "LoadBalancerAttributes": [{"Key": "idle_timeout.timeout_seconds", "Value": "30"}],
        },
    },
    "Listener": {
        "Type": "AWS::ElasticLoadBalancingV2::Listener",
        "Properties": {
            "LoadBalancerArn": ref("Balancer"),
            "Port": 80,
            "Protocol": "HTTP",
            "DefaultActions": [FIXED],
        },
    },
    "Rule": {
        "Type": "AWS::ElasticLoadBalancingV2::ListenerRule",
        "Properties": {
            "ListenerArn": ref("Listener"),
            "Priority": 7,
            "Conditions": [{"Field": "host-header", "HostHeaderConfig": {"Values": ["a.example.com"]}}],
            "Actions": [{"Type": "forward", "TargetGroupArn": ref("Targets")}],
        },
    },
    "Targets": {
        "Type": "AWS::ElasticLoadBalancingV2::TargetGroup",
        "Properties": {"VpcId": ref("Vpc"), "Port": 80, "Protocol": "HTTP", "HealthCheckPath": "/healthz"},
    },
    "Acl": {
        "Type": "AWS::WAFv2::WebACL",
        "Properties": {
            "Name": "acl",
            "Scope": "REGIONAL",
            "DefaultAction": {"Allow": {}},
            "VisibilityConfig": VISIBLE,
            "Rules": [
                {
                    "Name": "rate",
                    "Priority": 0,
                    "Action": {"Block": {}},
                    "VisibilityConfig": VISIBLE,
                    "Statement": {"RateBasedStatement": {"Limit": 500, "AggregateKeyType": "IP"}},
                }
            ],
        },
    },
    "Guard": {
        "Type": "AWS::WAFv2::WebACLAssociation",
        "Properties": {"ResourceArn": ref("Balancer"), "WebACLArn": att("Acl", "Arn")},
    },
    "LogGroup": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "aws-waf-logs-types"}},
    "Logging": {
        "Type": "AWS::WAFv2::LoggingConfiguration",
        "DependsOn": "LogGroup",
        "Properties": {
            "ResourceArn": att("Acl", "Arn"),
            "LogDestinationConfigs": [
                {"Fn::Sub": "arn:aws:logs:${AWS::Region}:${AWS::AccountId}:log-group:aws-waf-logs-types"}
            ],
        },
    },
    "Addresses": {
        "Type": "AWS::WAFv2::IPSet",
        "Properties": {
            "Name": "set",
            "Scope": "REGIONAL",
            "IPAddressVersion": "IPV4",
            "Addresses": ["10.0.0.0/8"],
        },
    },
    "Certificate": {
        "Type": "AWS::CertificateManager::Certificate",
        "Properties": {
            "DomainName": f"cert.{DOMAIN}",
            "ValidationMethod": "DNS",
            "DomainValidationOptions": [{"DomainName": f"cert.{DOMAIN}", "HostedZoneId": "ZONE"}],
        },
    },
    "Zone": {"Type": "AWS::Route53::HostedZone", "Properties": {"Name": "stacked.example.com"}},
    "Record": {
        "Type": "AWS::Route53::RecordSet",
        "Properties": {
            "HostedZoneId": ref("Zone"),
            "Name": "www.stacked.example.com.",
            "Type": "A",
            "TTL": "60",
            "ResourceRecords": ["192.0.2.1"],
        },
    },
    "Alias": {
        "Type": "AWS::Route53::RecordSet",
        "Properties": {
            "HostedZoneId": ref("Zone"),
            "Name": "alias.stacked.example.com.",
            "Type": "A",
            "AliasTarget": {
                "DNSName": att("Balancer", "DNSName"),
                "HostedZoneId": att("Balancer", "CanonicalHostedZoneID"),
            },
        },
    },
    "Records": {
        "Type": "AWS::Route53::RecordSetGroup",
        "Properties": {
            "HostedZoneId": ref("Zone"),
            "RecordSets": [
                {
                    "Name": "grouped.stacked.example.com.",
                    "Type": "TXT",
                    "TTL": "60",
                    "ResourceRecords": ['"x"'],
                }
            ],
        },
    },
    "Check": {
        "Type": "AWS::Route53::HealthCheck",
        "Properties": {"HealthCheckConfig": {"Type": "HTTPS", "FullyQualifiedDomainName": "a.example.com"}},
    },
    "Alarm": {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "Namespace": "N",
            "MetricName": "m",
            "Statistic": "Sum",
            "Period": 60,
            "EvaluationPeriods": 1,
            "Threshold": 1,
            "ComparisonOperator": "GreaterThanThreshold",
        },
    },
}


class Aws:
    """Clients of the test's account."""

    def __init__(self, sandbox: Sandbox, keys: Keys) -> None:
        self._sandbox, self._keys = sandbox, keys
        self._clients: dict[tuple[str, str], Any] = {}

    def __call__(self, service: str, region: str = "eu-west-1") -> Any:
        if (service, region) not in self._clients:
            self._clients[service, region] = self._sandbox.client(service, self._keys, region)
        return self._clients[service, region]


@dataclass
class Row:
    """A resource, how its service finds it ({} or [] or a refusal: gone), and where the tagging API lists it."""

    name: str
    find: Callable[[Aws, dict[str, str]], Any]
    tag_region: str | None = "eu-west-1"

    def __str__(self) -> str:
        return f"{RESOURCES[self.name]['Type']}-{self.name}"


def in_ec2(operation: str, key: str, **filters: str) -> Callable[[Aws, dict[str, str]], Any]:
    """A describe operation of EC2 with filters; a filter's value is a logical name."""

    def find(aws: Aws, ids: dict[str, str]) -> Any:
        rows = [
            {"Name": n.replace("__", ".").replace("_", "-"), "Values": [ids[v]]} for n, v in filters.items()
        ]
        parameter = "Filter" if operation == "describe_flow_logs" else "Filters"
        return getattr(aws("ec2"), operation)(**{parameter: rows})[key]

    return find


def routes(aws: Aws, ids: dict[str, str]) -> list[Any]:
    tables = in_ec2("describe_route_tables", "RouteTables", route_table_id="Table")(aws, ids)
    return [r for t in tables for r in t["Routes"] if r["GatewayId"].startswith("igw-")]


def associations(aws: Aws, ids: dict[str, str]) -> list[Any]:
    tables = in_ec2("describe_route_tables", "RouteTables", route_table_id="Table")(aws, ids)
    return [a for t in tables for a in t["Associations"]]


def group_rule(name: str) -> Callable[[Aws, dict[str, str]], Any]:
    return lambda aws, ids: aws("ec2").describe_security_group_rules(
        Filters=[{"Name": "security-group-rule-id", "Values": [ids[name]]}]
    )["SecurityGroupRules"]


def named(rows: list[Any], member: str, value: str) -> list[Any]:
    return [r for r in rows if r[member] == value]


def zone_records(aws: Aws, ids: dict[str, str], name: str) -> list[Any]:
    rows = aws("route53").list_resource_record_sets(HostedZoneId=ids["Zone"])["ResourceRecordSets"]
    return named(rows, "Name", name)


def acl_parts(ids: dict[str, str]) -> dict[str, str]:
    return dict(zip(("Name", "Id", "Scope"), ids["Acl"].split("|"), strict=True))


def acl_arn(aws: Aws, ids: dict[str, str]) -> str:
    return str(aws("wafv2").get_web_acl(**acl_parts(ids))["WebACL"]["ARN"])


ROWS = [
    Row("Vpc", in_ec2("describe_vpcs", "Vpcs", vpc_id="Vpc")),
    Row("SubnetA", in_ec2("describe_subnets", "Subnets", subnet_id="SubnetA")),
    Row("Table", in_ec2("describe_route_tables", "RouteTables", route_table_id="Table")),
    Row("Route", routes, None),
    Row("TableUse", associations, None),
    Row("Gateway", in_ec2("describe_internet_gateways", "InternetGateways", internet_gateway_id="Gateway")),
    Row(
        "Attachment", in_ec2("describe_internet_gateways", "InternetGateways", attachment__vpc_id="Vpc"), None
    ),
    Row("Address", in_ec2("describe_addresses", "Addresses", public_ip="Address")),
    Row("Nat", in_ec2("describe_nat_gateways", "NatGateways", nat_gateway_id="Nat")),
    Row("Group", in_ec2("describe_security_groups", "SecurityGroups", group_id="Group")),
    Row("Ingress", group_rule("Ingress"), None),
    Row("Egress", group_rule("Egress"), None),
    Row("Endpoint", in_ec2("describe_vpc_endpoints", "VpcEndpoints", vpc_endpoint_id="Endpoint")),
    Row("Flow", in_ec2("describe_flow_logs", "FlowLogs", flow_log_id="Flow")),
    Row(
        "Interface",
        in_ec2("describe_network_interfaces", "NetworkInterfaces", network_interface_id="Interface"),
    ),
    Row(
        "Balancer", lambda aws, ids: aws("elbv2").describe_load_balancers(LoadBalancerArns=[ids["Balancer"]])
    ),
    Row("Listener", lambda aws, ids: aws("elbv2").describe_listeners(ListenerArns=[ids["Listener"]])),
    Row("Rule", lambda aws, ids: aws("elbv2").describe_rules(RuleArns=[ids["Rule"]])),
    Row("Targets", lambda aws, ids: aws("elbv2").describe_target_groups(TargetGroupArns=[ids["Targets"]])),
    Row("Acl", lambda aws, ids: aws("wafv2").get_web_acl(**acl_parts(ids))),
    Row(
        "Guard",
        lambda aws, ids: aws("wafv2").list_resources_for_web_acl(WebACLArn=acl_arn(aws, ids))["ResourceArns"],
        None,
    ),
    Row(
        "Logging",
        lambda aws, ids: aws("wafv2").get_logging_configuration(ResourceArn=acl_arn(aws, ids)),
        None,
    ),
    Row("Addresses", lambda aws, ids: aws("wafv2").list_ip_sets(Scope="REGIONAL")["IPSets"]),
    Row("Certificate", lambda aws, ids: aws("acm").describe_certificate(CertificateArn=ids["Certificate"])),
    Row("Zone", lambda aws, ids: aws("route53").get_hosted_zone(Id=ids["Zone"]), "us-east-1"),
    Row("Record", lambda aws, ids: zone_records(aws, ids, "www.stacked.example.com."), None),
    Row("Alias", lambda aws, ids: zone_records(aws, ids, "alias.stacked.example.com."), None),
    Row("Records", lambda aws, ids: zone_records(aws, ids, "grouped.stacked.example.com."), None),
    Row("Check", lambda aws, ids: aws("route53").get_health_check(HealthCheckId=ids["Check"]), "us-east-1"),
    Row(
        "Alarm", lambda aws, ids: aws("cloudwatch").describe_alarms(AlarmNames=[ids["Alarm"]])["MetricAlarms"]
    ),
]


@pytest.fixture(scope="module")
def aws(sandbox: Sandbox) -> Aws:
    return Aws(sandbox, sandbox.account(ACCOUNT))


@pytest.fixture(scope="module")
def zone(aws: Aws) -> str:
    """The account's own hosted zone, as the portal's accounts have one."""
    made = aws("route53").create_hosted_zone(Name=DOMAIN, CallerReference="types")
    return str(made["HostedZone"]["Id"]).removeprefix("/hostedzone/")


def named_in(value: Any) -> set[str]:
    """Logical names that a part of a template refers to."""
    if isinstance(value, list):
        return {name for item in value for name in named_in(item)}
    if not isinstance(value, dict):
        return set()
    found = {name for item in value.values() for name in named_in(item)}
    for target in (value.get("Ref"), (value.get("Fn::GetAtt") or [None])[0], value.get("DependsOn")):
        if target in RESOURCES:
            found.add(str(target))
    return found


def template_of(name: str, zone: str) -> dict[str, Any]:
    wanted, more = set(), {name}
    while more:
        wanted |= more
        more = {n for w in wanted for n in named_in(RESOURCES[w])} - wanted
    resources = {n: RESOURCES[n] for n in RESOURCES if n in wanted}
    if "Certificate" in resources:
        options = [{"DomainName": f"cert.{DOMAIN}", "HostedZoneId": zone}]
        certificate = resources["Certificate"]
        resources["Certificate"] = {
            **certificate,
            "Properties": {**certificate["Properties"], "DomainValidationOptions": options},
        }
    return {"Resources": resources}


def gone(find: Callable[[Aws, dict[str, str]], Any], aws: Aws, ids: dict[str, str]) -> bool:
    try:
        return not find(aws, ids)
    except ClientError as refused:
        if any(word in refused.response["Error"]["Code"] for word in ("NotFound", "NoSuch", "Nonexistent")):
            return True
        raise


def tagged(aws: Aws, region: str, key: str) -> list[str]:
    answer = aws("resourcegroupstaggingapi", region).get_resources(
        TagFilters=[{"Key": "row", "Values": [key]}]
    )
    return [str(r["ResourceARN"]) for r in answer["ResourceTagMappingList"]]


def arn_part(aws: Aws, name: str, id: str) -> str:
    """What a resource's ARN must hold: its physical id, but EC2 names an address by its allocation, WAF by name and
    id."""
    if name == "Address":
        return str(aws("ec2").describe_addresses(PublicIps=[id])["Addresses"][0]["AllocationId"])
    return "/".join(id.split("|")[:2])


def settled(cloudformation: Any, stack: str, wanted: str) -> None:
    """Wait until the stack is no longer in progress; it must then be in the wanted state."""
    deadline = time.monotonic() + 20
    while True:
        status = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]
        if not status.endswith("_IN_PROGRESS"):
            break
        assert time.monotonic() < deadline, f"{stack} is still {status}"
        time.sleep(0.02)
    events = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
    reasons = [e.get("ResourceStatusReason") for e in events if e["ResourceStatus"].endswith("_FAILED")]
    assert status == wanted, reasons


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_type_is_made_found_deleted_and_gone(row: Row, aws: Aws, zone: str) -> None:
    cloudformation, stack = aws("cloudformation"), f"types-{row.name}"
    made = cloudformation.create_stack(
        StackName=stack,
        TemplateBody=json.dumps(template_of(row.name, zone)),
        Tags=[{"Key": "row", "Value": row.name}],
    )
    try:
        settled(cloudformation, stack, "CREATE_COMPLETE")
        ids = physical_ids(cloudformation, stack)
        assert not gone(row.find, aws, ids)
        if row.tag_region:
            part = arn_part(aws, row.name, ids[row.name])
            assert any(part in arn for arn in tagged(aws, row.tag_region, row.name))
    finally:
        cloudformation.delete_stack(StackName=stack)
        settled(cloudformation, made["StackId"], "DELETE_COMPLETE")
    assert gone(row.find, aws, ids)
    if row.tag_region:
        assert tagged(aws, row.tag_region, row.name) == []


# What a changed property does: (resource, property, new value, what its service then shows, replaced)
UPDATES: list[tuple[str, str, Any, Callable[[Aws, dict[str, str]], bool], bool]] = [
    (
        "Group",
        "SecurityGroupIngress",
        [{"IpProtocol": "tcp", "FromPort": 8443, "ToPort": 8443, "CidrIp": "10.0.0.0/8"}],
        lambda aws, ids: (
            [p["FromPort"] for p in shown_group(aws, ids)["IpPermissions"]] == [8443]
            and len(shown_group(aws, ids)["IpPermissionsEgress"]) == 1
        ),
        False,
    ),
    (
        "Group",
        "GroupDescription",
        "other",
        lambda aws, ids: shown_group(aws, ids)["Description"] == "other",
        True,
    ),
    (
        "Balancer",
        "LoadBalancerAttributes",
        [{"Key": "idle_timeout.timeout_seconds", "Value": "90"}],
        lambda aws, ids: (
            {"Key": "idle_timeout.timeout_seconds", "Value": "90"}
            in aws("elbv2").describe_load_balancer_attributes(LoadBalancerArn=ids["Balancer"])["Attributes"]
        ),
        False,
    ),
    (
        "Record",
        "ResourceRecords",
        ["192.0.2.7"],
        lambda aws, ids: (
            zone_records(aws, ids, "www.stacked.example.com.")[0]["ResourceRecords"]
            == [{"Value": "192.0.2.7"}]
        ),
        False,
    ),
    (
        "Record",
        "Name",
        "moved.stacked.example.com.",
        lambda aws, ids: (
            bool(zone_records(aws, ids, "moved.stacked.example.com."))
            and not zone_records(aws, ids, "www.stacked.example.com.")
        ),
        True,
    ),
    (
        "Records",
        "RecordSets",
        [{"Name": "later.stacked.example.com.", "Type": "TXT", "TTL": "60", "ResourceRecords": ['"y"']}],
        lambda aws, ids: (
            bool(zone_records(aws, ids, "later.stacked.example.com."))
            and not zone_records(aws, ids, "grouped.stacked.example.com.")
        ),
        False,
    ),
    (
        "Acl",
        "Rules",
        [],
        lambda aws, ids: aws("wafv2").get_web_acl(**acl_parts(ids))["WebACL"]["Capacity"] == 0,
        False,
    ),
    (
        "SubnetA",
        "CidrBlock",
        "10.30.9.0/24",
        lambda aws, ids: (
            in_ec2("describe_subnets", "Subnets", subnet_id="SubnetA")(aws, ids)[0]["CidrBlock"]
            == "10.30.9.0/24"
        ),
        True,
    ),
    (
        "Alarm",
        "Threshold",
        5,
        lambda aws, ids: (
            aws("cloudwatch").describe_alarms(AlarmNames=[ids["Alarm"]])["MetricAlarms"][0]["Threshold"] == 5
        ),
        False,
    ),
]


def shown_group(aws: Aws, ids: dict[str, str]) -> Any:
    return in_ec2("describe_security_groups", "SecurityGroups", group_id="Group")(aws, ids)[0]


@pytest.mark.parametrize("update", UPDATES, ids=lambda update: f"{update[0]}-{update[1]}")
def test_changed_property_reaches_its_service(
    update: tuple[str, str, Any, Callable[[Aws, dict[str, str]], bool], bool], aws: Aws, zone: str
) -> None:
    name, changed, value, shows, replaced = update
    cloudformation, stack = aws("cloudformation"), f"update-{name}-{changed}"
    template = template_of(name, zone)
    made = cloudformation.create_stack(StackName=stack, TemplateBody=json.dumps(template))["StackId"]
    try:
        settled(cloudformation, stack, "CREATE_COMPLETE")
        before = physical_ids(cloudformation, stack)
        assert not shows(aws, before)
        resource = template["Resources"][name]
        properties = {**resource["Properties"], changed: value}
        template["Resources"] = {**template["Resources"], name: {**resource, "Properties": properties}}
        cloudformation.update_stack(StackName=stack, TemplateBody=json.dumps(template))
        settled(cloudformation, stack, "UPDATE_COMPLETE")
        after = physical_ids(cloudformation, stack)
        assert shows(aws, after)
        assert (before[name] != after[name]) is replaced
    finally:
        cloudformation.delete_stack(StackName=stack)
        settled(cloudformation, made, "DELETE_COMPLETE")


def physical_ids(cloudformation: Any, stack: str) -> dict[str, str]:
    resources = cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
    return {r["LogicalResourceId"]: r["PhysicalResourceId"] for r in resources}
