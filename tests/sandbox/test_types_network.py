"""Each type of network, edge and DNS: made by CloudFormation, found by its service and by tag, deleted, gone in both.

A row is a resource of one template; the test takes it and what it refers to.
"""

from collections.abc import Callable
from typing import Any

import pytest

from devtools.sandbox import Sandbox
from tests.sandbox.types.network import ACCOUNT, DOMAIN, RESOURCES
from tests.sandbox.types.support import Aws, Find, OneStack, Resources, Row, gone, tagged, wanted_by


def in_ec2(operation: str, key: str, **filters: str) -> Find:
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


def group_rule(name: str) -> Find:
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


def template_of(name: str, zone: str) -> Resources:
    resources = wanted_by(RESOURCES, name)
    if "Certificate" in resources:
        options = [{"DomainName": f"cert.{DOMAIN}", "HostedZoneId": zone}]
        certificate = resources["Certificate"]
        properties = {**certificate["Properties"], "DomainValidationOptions": options}
        resources["Certificate"] = {**certificate, "Properties": properties}
    return resources


def arn_part(aws: Aws, name: str, id: str) -> str:
    """What a resource's ARN must hold: its physical id, but EC2 names an address by its allocation, WAF by name and
    id."""
    if name == "Address":
        return str(aws("ec2").describe_addresses(PublicIps=[id])["Addresses"][0]["AllocationId"])
    return "/".join(id.split("|")[:2])


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{RESOURCES[row.name]['Type']}-{row.name}")
def test_type_is_made_found_deleted_and_gone(row: Row, aws: Aws, zone: str) -> None:
    stack = OneStack(aws, f"types-{row.name}")
    try:
        ids = stack.create(template_of(row.name, zone))
        assert not gone(row.find, aws, ids)
        if row.tag_region:
            part = arn_part(aws, row.name, ids[row.name])
            assert any(part in arn for arn in tagged(aws, stack.name, row.tag_region))
    finally:
        stack.delete()
    assert gone(row.find, aws, ids)
    if row.tag_region:
        assert tagged(aws, stack.name, row.tag_region) == []


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
    stack, resources = OneStack(aws, f"update-{name}-{changed}"), template_of(name, zone)
    try:
        before = stack.create(resources)
        assert not shows(aws, before)
        properties = {**resources[name]["Properties"], changed: value}
        after = stack.update({**resources, name: {**resources[name], "Properties": properties}})
        assert shows(aws, after)
        assert (before[name] != after[name]) is replaced
    finally:
        stack.delete()
