"""Hosted zones, record sets and health checks by their API."""

import time
from typing import Any

import pytest

from devtools.sandbox import Sandbox
from tests.sandbox.services.edge.support import ZONE, upsert
from tests.sandbox.support import refused

ACCOUNT = "210000000005"


def test_zone_comes_with_ns_and_soa(aws: Any) -> None:
    route53 = aws("route53")
    made = route53.create_hosted_zone(Name="new.example.org", CallerReference="new")
    id = made["HostedZone"]["Id"]
    assert len(made["DelegationSet"]["NameServers"]) == 4
    assert refused(route53.create_hosted_zone, Name="new.example.org", CallerReference="new")[0] == (
        "HostedZoneAlreadyExists"
    )
    rows = route53.list_resource_record_sets(HostedZoneId=id)["ResourceRecordSets"]
    assert [(r["Name"], r["Type"]) for r in rows] == [("new.example.org.", "NS"), ("new.example.org.", "SOA")]
    route53.delete_hosted_zone(Id=id)
    assert refused(route53.get_hosted_zone, Id=id)[0] == "NoSuchHostedZone"


def test_accelerated_recovery_is_of_public_zones(aws: Any) -> None:
    route53 = aws("route53")
    id = route53.create_hosted_zone(Name="fast.example.org", CallerReference="fast")["HostedZone"]["Id"]

    def status() -> str:
        return str(route53.get_hosted_zone(Id=id)["HostedZone"]["Features"]["AcceleratedRecoveryStatus"])

    assert status() == "DISABLED"
    for wanted, seen in ((True, "ENABLED"), (False, "DISABLED")):
        route53.update_hosted_zone_features(HostedZoneId=id, EnableAcceleratedRecovery=wanted)
        assert status() == seen
    route53.delete_hosted_zone(Id=id)
    vpc = {"VPCRegion": "eu-west-1", "VPCId": aws("ec2").create_vpc(CidrBlock="10.99.0.0/24")["Vpc"]["VpcId"]}
    inside = route53.create_hosted_zone(Name="in.example.org", CallerReference="in", VPC=vpc)["HostedZone"][
        "Id"
    ]
    code, _ = refused(
        route53.update_hosted_zone_features, HostedZoneId=inside, EnableAcceleratedRecovery=True
    )
    assert code == "InvalidInput"
    route53.delete_hosted_zone(Id=inside)


def test_zone_with_records_is_not_deleted(aws: Any) -> None:
    route53 = aws("route53")
    id = route53.create_hosted_zone(Name="full.example.org", CallerReference="full")["HostedZone"]["Id"]
    change = upsert("www.full.example.org", "A", "192.0.2.1", action="CREATE")
    route53.change_resource_record_sets(HostedZoneId=id, ChangeBatch={"Changes": [change]})
    assert refused(route53.delete_hosted_zone, Id=id) == (
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
    code, message = refused(route53.change_resource_record_sets, HostedZoneId=zone, ChangeBatch=batch)
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
    assert refused(route53.get_change, Id="C0")[0] == "NoSuchChange"


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
    assert refused(route53.get_health_check, HealthCheckId=check)[0] == "NoSuchHealthCheck"
