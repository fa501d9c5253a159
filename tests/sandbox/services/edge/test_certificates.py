"""Certificates: validation, the record that proves them, and who uses them."""

import json
import time
from typing import Any

from devtools.sandbox import OFTEN
from tests.sandbox.services.edge.support import NOT_FOUND, ZONE, a_balancer, upsert
from tests.sandbox.support import refused

ACCOUNT = "210000000004"


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
    assert refused(acm.describe_certificate, CertificateArn=arn)[0] == "ResourceNotFoundException"
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
    cloudformation.get_waiter("stack_create_complete").wait(StackName=made, WaiterConfig=OFTEN)
    cloudformation.delete_stack(StackName="written")
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=made, WaiterConfig=OFTEN)
    assert not [
        c for c in aws("acm").list_certificates()["CertificateSummaryList"] if c["DomainName"] == name
    ]
    rows = aws("route53").list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
    assert [r["Type"] for r in rows if r["Name"].endswith(f".{name}.")] == ["CNAME"]


def test_certificates_of_other_key_types_are_listed_when_asked_for(aws: Any) -> None:
    acm = aws("acm")
    arn = acm.request_certificate(
        DomainName=f"curve.{ZONE}", ValidationMethod="DNS", KeyAlgorithm="EC_prime256v1"
    )["CertificateArn"]

    def listed(**more: Any) -> list[str]:
        return [row["CertificateArn"] for row in acm.list_certificates(**more)["CertificateSummaryList"]]

    assert arn not in listed()
    assert listed(Includes={"keyTypes": ["EC_prime256v1"]}) == [arn]
    acm.delete_certificate(CertificateArn=arn)


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
    assert refused(aws("elbv2").create_listener, **listener)[0] == "ValidationError"
    code, _ = refused(aws("elbv2").create_listener, **listener, Certificates=[{"CertificateArn": arn}])
    assert code == "UnsupportedCertificate"
    other = arn[:-4] + "0000"
    code, _ = refused(aws("elbv2").create_listener, **listener, Certificates=[{"CertificateArn": other}])
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
    assert refused(acm.delete_certificate, CertificateArn=arn)[0] == "ResourceInUseException"
    elb.delete_load_balancer(LoadBalancerArn=balancer)
    acm.delete_certificate(CertificateArn=arn)
