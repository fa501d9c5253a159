"""Load balancing, WAF, ACM and Route 53 by their APIs."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from devtools.sandbox import Keys, Sandbox

ACCOUNT = "210000000003"
ZONE = "edge.example.com"
VISIBLE = {"CloudWatchMetricsEnabled": True, "SampledRequestsEnabled": True, "MetricName": "m"}
NOT_FOUND = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}]


@pytest.fixture(scope="module")
def keys(sandbox: Sandbox) -> Keys:
    return sandbox.account(ACCOUNT)


@pytest.fixture(scope="module")
def aws(sandbox: Sandbox, keys: Keys) -> Callable[[str], Any]:
    clients: dict[str, Any] = {}
    return lambda service: clients.setdefault(service, sandbox.client(service, keys))


@pytest.fixture(scope="module")
def place(aws: Callable[[str], Any]) -> dict[str, Any]:
    """A VPC with an internet gateway, two subnets and a group."""
    ec2 = aws("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.50.0.0/16")["Vpc"]["VpcId"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.50.{n}.0/24", AvailabilityZone=f"eu-west-1{z}")["Subnet"][
            "SubnetId"
        ]
        for n, z in enumerate("ab")
    ]
    group = ec2.create_security_group(VpcId=vpc, GroupName="edge", Description="edge")["GroupId"]
    return {"vpc": vpc, "subnets": subnets, "group": group}


@pytest.fixture(scope="module")
def zone(aws: Callable[[str], Any]) -> str:
    return str(aws("route53").create_hosted_zone(Name=ZONE, CallerReference="edge")["HostedZone"]["Id"])


def refusal(call: Callable[..., Any], **arguments: Any) -> tuple[str, str]:
    """Code and message of the refusal that a call must end in."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


def a_balancer(aws: Callable[[str], Any], place: dict[str, Any], name: str) -> dict[str, Any]:
    made = aws("elbv2").create_load_balancer(
        Name=name, Subnets=place["subnets"], SecurityGroups=[place["group"]]
    )
    return aws("elbv2").describe_load_balancers(
        LoadBalancerArns=[made["LoadBalancers"][0]["LoadBalancerArn"]]
    )["LoadBalancers"][0]


def upsert(name: str, kind: str, *values: str, action: str = "UPSERT", ttl: int = 60) -> dict[str, Any]:
    rows = [{"Value": v} for v in values]
    return {
        "Action": action,
        "ResourceRecordSet": {"Name": name, "Type": kind, "TTL": ttl, "ResourceRecords": rows},
    }


# -- load balancing


def test_balancer_holds_its_subnets_and_its_group(aws: Any, place: dict[str, Any]) -> None:
    balancer = a_balancer(aws, place, "holds")
    assert balancer["State"]["Code"] == "active"
    assert balancer["DNSName"].startswith("holds-")
    assert balancer["CanonicalHostedZoneId"] == "Z32O12XQLNTSW2"
    assert refusal(aws("ec2").delete_subnet, SubnetId=place["subnets"][0])[0] == "DependencyViolation"
    assert refusal(aws("ec2").delete_security_group, GroupId=place["group"])[0] == "DependencyViolation"
    interfaces = aws("ec2").describe_network_interfaces(
        Filters=[{"Name": "description", "Values": ["ELB app/holds/*"]}]
    )["NetworkInterfaces"]
    assert {i["SubnetId"] for i in interfaces} == set(place["subnets"])
    aws("elbv2").delete_load_balancer(LoadBalancerArn=balancer["LoadBalancerArn"])
    assert refusal(aws("elbv2").describe_load_balancers, Names=["holds"])[0] == "LoadBalancerNotFound"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"Subnets": ["subnet-0"]}, "SubnetNotFound"),
        ({"Name": "internal-x"}, "ValidationError"),
        ({"Name": "a" * 33}, "ValidationError"),
        ({"Name": "under_score"}, "ValidationError"),
        ({"SecurityGroups": ["sg-0"]}, "InvalidSecurityGroup"),
    ],
)
def test_balancer_is_refused(aws: Any, place: dict[str, Any], changed: dict[str, Any], code: str) -> None:
    arguments = {"Name": "refused", "Subnets": place["subnets"], **changed}
    assert refusal(aws("elbv2").create_load_balancer, **arguments)[0] == code


def test_balancer_needs_two_zones(aws: Any, place: dict[str, Any]) -> None:
    code, message = refusal(aws("elbv2").create_load_balancer, Name="one", Subnets=place["subnets"][:1])
    assert (code, message) == (
        "ValidationError",
        "At least two subnets in two different Availability Zones must be specified",
    )


def test_protected_balancer_is_not_deleted(aws: Any, place: dict[str, Any]) -> None:
    arn = a_balancer(aws, place, "protected")["LoadBalancerArn"]
    elb = aws("elbv2")
    elb.modify_load_balancer_attributes(
        LoadBalancerArn=arn, Attributes=[{"Key": "deletion_protection.enabled", "Value": "true"}]
    )
    assert refusal(elb.delete_load_balancer, LoadBalancerArn=arn)[0] == "OperationNotPermitted"
    values = {
        a["Key"]: a["Value"] for a in elb.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
    }
    assert (values["deletion_protection.enabled"], values["idle_timeout.timeout_seconds"]) == ("true", "60")
    elb.modify_load_balancer_attributes(
        LoadBalancerArn=arn, Attributes=[{"Key": "deletion_protection.enabled", "Value": "false"}]
    )
    elb.delete_load_balancer(LoadBalancerArn=arn)


def test_access_log_needs_its_bucket(aws: Any, place: dict[str, Any]) -> None:
    arn = a_balancer(aws, place, "logged")["LoadBalancerArn"]
    attributes = [
        {"Key": "access_logs.s3.enabled", "Value": "true"},
        {"Key": "access_logs.s3.bucket", "Value": "no-such-bucket-of-edge"},
    ]
    code, message = refusal(
        aws("elbv2").modify_load_balancer_attributes, LoadBalancerArn=arn, Attributes=attributes
    )
    assert (code, "no-such-bucket-of-edge" in message) == ("InvalidConfigurationRequest", True)
    aws("elbv2").delete_load_balancer(LoadBalancerArn=arn)


def test_listeners_and_rules(aws: Any, place: dict[str, Any]) -> None:
    elb = aws("elbv2")
    arn = a_balancer(aws, place, "rules")["LoadBalancerArn"]
    listener = elb.create_listener(LoadBalancerArn=arn, Port=80, Protocol="HTTP", DefaultActions=NOT_FOUND)[
        "Listeners"
    ][0]["ListenerArn"]
    assert refusal(
        elb.create_listener, LoadBalancerArn=arn, Port=80, Protocol="HTTP", DefaultActions=NOT_FOUND
    )[0] == ("DuplicateListener")
    targets = elb.create_target_group(Name="rules", VpcId=place["vpc"], Port=80, Protocol="HTTP")[
        "TargetGroups"
    ][0]
    rule = {
        "ListenerArn": listener,
        "Priority": 5,
        "Conditions": [{"Field": "host-header", "Values": ["a.example.com"]}],
        "Actions": [{"Type": "forward", "TargetGroupArn": targets["TargetGroupArn"]}],
    }
    elb.create_rule(**rule)
    assert refusal(elb.create_rule, **rule)[0] == "PriorityInUse"
    shown = elb.describe_rules(ListenerArn=listener)["Rules"]
    assert [(r["Priority"], r["IsDefault"]) for r in shown] == [("5", False), ("default", True)]
    assert shown[0]["Conditions"][0]["HostHeaderConfig"]["Values"] == ["a.example.com"]
    (group,) = elb.describe_target_groups(LoadBalancerArn=arn)["TargetGroups"]
    assert group["LoadBalancerArns"] == [arn]
    assert refusal(elb.delete_target_group, TargetGroupArn=group["TargetGroupArn"])[0] == "ResourceInUse"
    elb.delete_load_balancer(LoadBalancerArn=arn)
    assert refusal(elb.describe_rules, RuleArns=[shown[0]["RuleArn"]])[0] == "RuleNotFound"
    elb.delete_target_group(TargetGroupArn=group["TargetGroupArn"])


def test_target_that_no_listener_uses_is_unused(aws: Any, place: dict[str, Any]) -> None:
    elb = aws("elbv2")
    arn = elb.create_target_group(
        Name="unused", VpcId=place["vpc"], Port=80, Protocol="HTTP", TargetType="ip"
    )["TargetGroups"][0]["TargetGroupArn"]
    elb.register_targets(TargetGroupArn=arn, Targets=[{"Id": "10.50.0.9"}])
    (health,) = elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
    assert health["TargetHealth"]["Reason"] == "Target.NotInUse"
    elb.deregister_targets(TargetGroupArn=arn, Targets=[{"Id": "10.50.0.9"}])
    assert elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"] == []
    elb.delete_target_group(TargetGroupArn=arn)


# -- certificates


def test_certificate_waits_for_its_record_and_is_then_issued(aws: Any, zone: str) -> None:
    acm, route53 = aws("acm"), aws("route53")
    arn = acm.request_certificate(DomainName=f"wait.{ZONE}", ValidationMethod="DNS")["CertificateArn"]
    detail = acm.describe_certificate(CertificateArn=arn)["Certificate"]
    assert detail["Status"] == "PENDING_VALIDATION"
    wanted = detail["DomainValidationOptions"][0]["ResourceRecord"]
    assert wanted["Value"].endswith(".acm-validations.aws.")
    change = upsert(wanted["Name"], "CNAME", wanted["Value"], action="CREATE")
    route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": [change]})
    detail = acm.describe_certificate(CertificateArn=arn)["Certificate"]
    assert (detail["Status"], detail["DomainValidationOptions"][0]["ValidationStatus"]) == (
        "ISSUED",
        "SUCCESS",
    )
    acm.delete_certificate(CertificateArn=arn)
    assert refusal(acm.describe_certificate, CertificateArn=arn)[0] == "ResourceNotFoundException"
    again = acm.request_certificate(DomainName=f"wait.{ZONE}", ValidationMethod="DNS")["CertificateArn"]
    assert acm.describe_certificate(CertificateArn=again)["Certificate"]["Status"] == "ISSUED"


def test_stack_waits_for_a_certificate_that_nobody_proves(aws: Any, zone: str) -> None:
    cloudformation, acm, name = aws("cloudformation"), aws("acm"), f"slow.{ZONE}"
    properties = {"DomainName": name, "ValidationMethod": "DNS"}
    resource = {"Type": "AWS::CertificateManager::Certificate", "Properties": properties}
    template = json.dumps({"Resources": {"Certificate": resource}})
    cloudformation.create_stack(StackName="slow-certificate", TemplateBody=template)

    def status() -> str:
        return str(cloudformation.describe_stacks(StackName="slow-certificate")["Stacks"][0]["StackStatus"])

    def pending() -> list[Any]:
        found = acm.list_certificates(CertificateStatuses=["PENDING_VALIDATION"])
        return list(found["CertificateSummaryList"])

    begun = time.monotonic() + 10
    while not pending():
        assert time.monotonic() < begun
        time.sleep(0.02)
    (waiting,) = pending()
    time.sleep(0.3)
    assert status() == "CREATE_IN_PROGRESS"
    detail = acm.describe_certificate(CertificateArn=waiting["CertificateArn"])["Certificate"]
    wanted = detail["DomainValidationOptions"][0]["ResourceRecord"]
    change = upsert(wanted["Name"], "CNAME", wanted["Value"])
    aws("route53").change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": [change]})
    deadline = time.monotonic() + 10
    while status() != "CREATE_COMPLETE":
        assert time.monotonic() < deadline
        time.sleep(0.02)
    cloudformation.delete_stack(StackName="slow-certificate")


def test_validation_record_that_cloudformation_wrote_outlives_the_stack(aws: Any, zone: str) -> None:
    cloudformation, name = aws("cloudformation"), f"written.{ZONE}"
    plain = zone.removeprefix("/hostedzone/")
    properties = {
        "DomainName": name,
        "ValidationMethod": "DNS",
        "DomainValidationOptions": [{"DomainName": name, "HostedZoneId": plain}],
    }
    resource = {"Type": "AWS::CertificateManager::Certificate", "Properties": properties}
    template = json.dumps({"Resources": {"Certificate": resource}})
    made = cloudformation.create_stack(StackName="written", TemplateBody=template)["StackId"]
    cloudformation.get_waiter("stack_create_complete").wait(StackName=made, WaiterConfig={"Delay": 0.05})
    cloudformation.delete_stack(StackName="written")
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=made, WaiterConfig={"Delay": 0.05})
    assert not [
        c for c in aws("acm").list_certificates()["CertificateSummaryList"] if c["DomainName"] == name
    ]
    rows = aws("route53").list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
    assert [r["Type"] for r in rows if r["Name"].endswith(f".{name}.")] == ["CNAME"]


def test_unissued_certificate_cannot_be_listened_with(aws: Any, place: dict[str, Any]) -> None:
    arn = aws("acm").request_certificate(DomainName="elsewhere.example.net", ValidationMethod="DNS")[
        "CertificateArn"
    ]
    balancer = a_balancer(aws, place, "unissued")["LoadBalancerArn"]
    listener = {
        "LoadBalancerArn": balancer,
        "Port": 443,
        "Protocol": "HTTPS",
        "DefaultActions": NOT_FOUND,
    }
    assert refusal(aws("elbv2").create_listener, **listener)[0] == "ValidationError"
    code, _ = refusal(aws("elbv2").create_listener, **listener, Certificates=[{"CertificateArn": arn}])
    assert code == "UnsupportedCertificate"
    other = arn[:-4] + "0000"
    code, _ = refusal(aws("elbv2").create_listener, **listener, Certificates=[{"CertificateArn": other}])
    assert code == "CertificateNotFound"
    aws("elbv2").delete_load_balancer(LoadBalancerArn=balancer)


def test_certificate_in_use_is_not_deleted(aws: Any, place: dict[str, Any], zone: str) -> None:
    acm, elb = aws("acm"), aws("elbv2")
    arn = acm.request_certificate(DomainName=f"used.{ZONE}", ValidationMethod="DNS")["CertificateArn"]
    wanted = acm.describe_certificate(CertificateArn=arn)["Certificate"]["DomainValidationOptions"][0][
        "ResourceRecord"
    ]
    change = upsert(wanted["Name"], "CNAME", wanted["Value"])
    aws("route53").change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": [change]})
    balancer = a_balancer(aws, place, "used")["LoadBalancerArn"]
    elb.create_listener(
        LoadBalancerArn=balancer,
        Port=443,
        Protocol="HTTPS",
        Certificates=[{"CertificateArn": arn}],
        DefaultActions=NOT_FOUND,
    )
    assert acm.describe_certificate(CertificateArn=arn)["Certificate"]["InUseBy"] == [balancer]
    assert refusal(acm.delete_certificate, CertificateArn=arn)[0] == "ResourceInUseException"
    elb.delete_load_balancer(LoadBalancerArn=balancer)
    acm.delete_certificate(CertificateArn=arn)


# -- Route 53


def test_zone_comes_with_ns_and_soa(aws: Any) -> None:
    route53 = aws("route53")
    made = route53.create_hosted_zone(Name="new.example.org", CallerReference="new")
    id = made["HostedZone"]["Id"]
    assert len(made["DelegationSet"]["NameServers"]) == 4
    assert refusal(route53.create_hosted_zone, Name="new.example.org", CallerReference="new")[0] == (
        "HostedZoneAlreadyExists"
    )
    rows = route53.list_resource_record_sets(HostedZoneId=id)["ResourceRecordSets"]
    assert [(r["Name"], r["Type"]) for r in rows] == [("new.example.org.", "NS"), ("new.example.org.", "SOA")]
    route53.delete_hosted_zone(Id=id)
    assert refusal(route53.get_hosted_zone, Id=id)[0] == "NoSuchHostedZone"


def test_zone_with_records_is_not_deleted(aws: Any) -> None:
    route53 = aws("route53")
    id = route53.create_hosted_zone(Name="full.example.org", CallerReference="full")["HostedZone"]["Id"]
    change = upsert("www.full.example.org", "A", "192.0.2.1", action="CREATE")
    route53.change_resource_record_sets(HostedZoneId=id, ChangeBatch={"Changes": [change]})
    assert refusal(route53.delete_hosted_zone, Id=id) == (
        "HostedZoneNotEmpty",
        "The specified hosted zone contains non-required resource record sets and so cannot be deleted.",
    )
    route53.change_resource_record_sets(
        HostedZoneId=id, ChangeBatch={"Changes": [{**change, "Action": "DELETE"}]}
    )
    route53.delete_hosted_zone(Id=id)


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (upsert(f"there.{ZONE}", "A", "192.0.2.9", action="CREATE"), "but it already exists"),
        (upsert(f"nowhere.{ZONE}", "A", "192.0.2.9", action="DELETE"), "but it was not found"),
        (upsert(f"there.{ZONE}", "A", "192.0.2.9", action="DELETE"), "values provided do not match"),
        (upsert("other.example.net", "A", "192.0.2.9"), "is not permitted in zone"),
        (upsert(f"there.{ZONE}", "CNAME", "a.example.com"), "conflicts with other records"),
        (upsert(ZONE, "CNAME", "a.example.com"), "is not permitted at apex"),
        (upsert(ZONE, "NS", "a.example.com", action="DELETE"), "at least one NS record"),
    ],
)
def test_refused_batch_changes_nothing(aws: Any, zone: str, change: dict[str, Any], part: str) -> None:
    route53 = aws("route53")
    there = upsert(f"there.{ZONE}", "A", "192.0.2.1")
    route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": [there]})
    before = route53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
    batch = {"Changes": [upsert(f"first.{ZONE}", "A", "192.0.2.2"), change]}
    code, message = refusal(route53.change_resource_record_sets, HostedZoneId=zone, ChangeBatch=batch)
    assert (code, part in message) == ("InvalidChangeBatch", True)
    assert route53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"] == before


def test_change_is_pending_until_it_is_in_sync(sandbox: Sandbox, aws: Any, zone: str) -> None:
    route53 = aws("route53")
    sandbox.settings(speed=0.01)
    info = route53.change_resource_record_sets(
        HostedZoneId=zone, ChangeBatch={"Changes": [upsert(f"sync.{ZONE}", "A", "192.0.2.3")]}
    )["ChangeInfo"]
    assert info["Status"] == "PENDING"
    deadline = time.monotonic() + 10
    while route53.get_change(Id=info["Id"])["ChangeInfo"]["Status"] != "INSYNC":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert refusal(route53.get_change, Id="C0")[0] == "NoSuchChange"


def test_zones_by_name_begin_at_the_name(aws: Any) -> None:
    route53 = aws("route53")
    for name in ("b.sorted.example", "a.sorted.example", "sorted.example"):
        route53.create_hosted_zone(Name=name, CallerReference=name)
    answer = route53.list_hosted_zones_by_name(DNSName="sorted.example", MaxItems="2")
    assert [z["Name"] for z in answer["HostedZones"]] == ["sorted.example.", "a.sorted.example."]
    assert (answer["IsTruncated"], answer["NextDNSName"]) == (True, "b.sorted.example.")


def test_wildcard_is_shown_escaped(aws: Any, zone: str) -> None:
    route53 = aws("route53")
    route53.change_resource_record_sets(
        HostedZoneId=zone, ChangeBatch={"Changes": [upsert(f"*.wild.{ZONE}", "A", "192.0.2.4")]}
    )
    rows = route53.list_resource_record_sets(
        HostedZoneId=zone, StartRecordName=f"*.wild.{ZONE}", MaxItems="1"
    )
    assert rows["ResourceRecordSets"][0]["Name"] == f"\\052.wild.{ZONE}."


def test_zone_and_health_check_tags(aws: Any, zone: str) -> None:
    route53 = aws("route53")
    plain = zone.removeprefix("/hostedzone/")
    config = {"Type": "HTTPS", "FullyQualifiedDomainName": "a.example.com"}
    check = route53.create_health_check(CallerReference="check", HealthCheckConfig=config)["HealthCheck"][
        "Id"
    ]
    for kind, id in (("hostedzone", plain), ("healthcheck", check)):
        route53.change_tags_for_resource(
            ResourceType=kind, ResourceId=id, AddTags=[{"Key": "team", "Value": "blue"}]
        )
        shown = route53.list_tags_for_resource(ResourceType=kind, ResourceId=id)["ResourceTagSet"]["Tags"]
        assert shown == [{"Key": "team", "Value": "blue"}]
    route53.delete_health_check(HealthCheckId=check)
    assert refusal(route53.get_health_check, HealthCheckId=check)[0] == "NoSuchHealthCheck"


# -- WAF


@pytest.fixture
def acl(aws: Any) -> dict[str, Any]:
    """A web ACL; the test deletes it."""
    return aws("wafv2").create_web_acl(
        Name="acl", Scope="REGIONAL", DefaultAction={"Allow": {}}, VisibilityConfig=VISIBLE
    )["Summary"]


def test_web_acl_changes_only_with_the_last_lock_token(aws: Any, acl: dict[str, Any]) -> None:
    waf = aws("wafv2")
    which = {"Name": acl["Name"], "Id": acl["Id"], "Scope": "REGIONAL"}
    same = {**which, "DefaultAction": {"Block": {}}, "VisibilityConfig": VISIBLE}
    following = waf.update_web_acl(**same, LockToken=acl["LockToken"])["NextLockToken"]
    assert refusal(waf.update_web_acl, **same, LockToken=acl["LockToken"])[0] == "WAFOptimisticLockException"
    assert waf.get_web_acl(**which)["WebACL"]["DefaultAction"] == {"Block": {}}
    assert refusal(
        waf.create_web_acl,
        Name="acl",
        Scope="REGIONAL",
        DefaultAction={"Allow": {}},
        VisibilityConfig=VISIBLE,
    )[0] == ("WAFDuplicateItemException")
    waf.delete_web_acl(**which, LockToken=following)
    assert waf.list_web_acls(Scope="REGIONAL")["WebACLs"] == []
    assert refusal(waf.get_web_acl, **which)[0] == "WAFNonexistentItemException"


def test_associated_web_acl_is_not_deleted(aws: Any, acl: dict[str, Any], place: dict[str, Any]) -> None:
    waf = aws("wafv2")
    which = {"Name": acl["Name"], "Id": acl["Id"], "Scope": "REGIONAL", "LockToken": acl["LockToken"]}
    balancer = a_balancer(aws, place, "guarded")["LoadBalancerArn"]
    waf.associate_web_acl(WebACLArn=acl["ARN"], ResourceArn=balancer)
    assert waf.get_web_acl_for_resource(ResourceArn=balancer)["WebACL"]["Id"] == acl["Id"]
    assert waf.list_resources_for_web_acl(WebACLArn=acl["ARN"])["ResourceArns"] == [balancer]
    assert refusal(waf.delete_web_acl, **which)[0] == "WAFAssociatedItemException"
    aws("elbv2").delete_load_balancer(LoadBalancerArn=balancer)
    waf.delete_web_acl(**which)


def test_log_of_a_web_acl_goes_only_to_a_group_of_its_prefix(aws: Any, acl: dict[str, Any]) -> None:
    waf = aws("wafv2")
    for group, code in (
        ("plain", "WAFInvalidParameterException"),
        ("aws-waf-logs-missing", "WAFLogDestinationPermissionIssueException"),
    ):
        destination = f"arn:aws:logs:eu-west-1:{ACCOUNT}:log-group:{group}"
        given = {"ResourceArn": acl["ARN"], "LogDestinationConfigs": [destination]}
        assert refusal(waf.put_logging_configuration, LoggingConfiguration=given)[0] == code
    waf.delete_web_acl(Name=acl["Name"], Id=acl["Id"], Scope="REGIONAL", LockToken=acl["LockToken"])


# -- CloudWatch, quotas


def test_alarm_keeps_the_state_that_it_is_given(aws: Any) -> None:
    cloudwatch = aws("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName="cpu",
        Namespace="N",
        MetricName="m",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
    )
    (alarm,) = cloudwatch.describe_alarms(AlarmNames=["cpu"])["MetricAlarms"]
    assert (alarm["StateValue"], alarm["Threshold"]) == ("INSUFFICIENT_DATA", 1.0)
    cloudwatch.set_alarm_state(AlarmName="cpu", StateValue="ALARM", StateReason="test")
    assert cloudwatch.describe_alarms(StateValue="ALARM")["MetricAlarms"][0]["AlarmName"] == "cpu"
    cloudwatch.delete_alarms(AlarmNames=["cpu"])
    assert cloudwatch.describe_alarms(AlarmNames=["cpu"])["MetricAlarms"] == []


def test_metric_data_comes_back_by_period(aws: Any) -> None:
    cloudwatch = aws("cloudwatch")
    now = time.time() // 60 * 60
    for offset, value in ((-120, 1.0), (-119, 3.0), (-60, 5.0)):
        cloudwatch.put_metric_data(
            Namespace="N", MetricData=[{"MetricName": "m", "Timestamp": now + offset, "Value": value}]
        )
    stat = {"Metric": {"Namespace": "N", "MetricName": "m"}, "Period": 60, "Stat": "Average"}
    (result,) = cloudwatch.get_metric_data(
        MetricDataQueries=[{"Id": "m1", "MetricStat": stat}],
        StartTime=now - 600,
        EndTime=now + 60,
        ScanBy="TimestampAscending",
    )["MetricDataResults"]
    assert result["Values"] == [2.0, 5.0]


def test_quotas_are_awss_defaults(aws: Any) -> None:
    quotas = aws("service-quotas")
    quota = quotas.get_service_quota(ServiceCode="vpc", QuotaCode="L-F678F1CE")["Quota"]
    assert (quota["QuotaName"], quota["Value"]) == ("VPCs per Region", 5.0)
    codes = {q["QuotaCode"] for q in quotas.list_service_quotas(ServiceCode="rds")["Quotas"]}
    assert "L-952B80B8" in codes
    assert (
        refusal(quotas.get_service_quota, ServiceCode="vpc", QuotaCode="L-0")[0] == "NoSuchResourceException"
    )


def test_scaling_group_is_found_by_tag_and_deleted(aws: Any) -> None:
    scaling = aws("autoscaling")
    assert scaling.describe_auto_scaling_groups()["AutoScalingGroups"] == []
    scaling.create_auto_scaling_group(
        AutoScalingGroupName="left", MinSize=0, MaxSize=1, Tags=[{"Key": "team", "Value": "blue"}]
    )
    filters = [{"Name": "tag:team", "Values": ["blue"]}]
    (group,) = scaling.describe_auto_scaling_groups(Filters=filters)["AutoScalingGroups"]
    assert (group["AutoScalingGroupName"], group["Instances"]) == ("left", [])
    scaling.delete_auto_scaling_group(AutoScalingGroupName="left")
    assert scaling.describe_auto_scaling_groups(Filters=filters)["AutoScalingGroups"] == []
