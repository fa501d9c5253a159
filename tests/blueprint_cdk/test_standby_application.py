"""The application in the second region: what of it stands by, how traffic comes to it, what watches and works there."""

from __future__ import annotations

import json

import pytest

from tests.blueprint_cdk.standbys import KINDS, SIZES, of_type, options
from tests.blueprint_cdk.support import OTHER, Assembly, Synthesise


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("standby", "least"), [("pilot-light", "0"), ("warm", "1")])
def test_application_stands_by_with_one_instance_or_none(
    synthesise: Synthesise, size: str, standby: str, least: str
) -> None:
    assembly = synthesise(size=size, standby=standby)
    home, other = options(assembly, "app"), options(assembly, "other-app")
    space = "aws:autoscaling:asg"
    assert other[space, "MinSize"] == least
    assert other[space, "MaxSize"] == home[space, "MaxSize"]
    # Left to Beanstalk it were a third of MinSize, and 0 is refused.
    batches = ("aws:autoscaling:updatepolicy:rollingupdate", "MaxBatchSize")
    assert other[batches] == home[batches] == "1"
    rule = ("aws:elbv2:listenerrule:app", "HostHeaders")
    assert home[rule] == other[rule] == "shop.dev.example.com"
    kinds = ("AWS::CertificateManager::Certificate", "AWS::WAFv2::WebACLAssociation")
    assert all(of_type(assembly, "other-app", kind) for kind in kinds)
    bucket = ("aws:elasticbeanstalk:application:environment", "UPLOADS_BUCKET")
    assert home[bucket] != other[bucket]


def test_what_runs_in_the_other_region_is_what_the_template_says(synthesise: Synthesise) -> None:
    label = "shop-2026-11-28"
    running = {"version_label": label, "min_instances": 3, "max_instances": 6}
    assembly = synthesise(standby="warm", runtime={"other": running})
    other = options(assembly, "other-app")
    space = "aws:autoscaling:asg"
    assert (other[space, "MinSize"], other[space, "MaxSize"]) == ("3", "6")
    [environment] = of_type(assembly, "other-app", "AWS::ElasticBeanstalk::Environment")
    assert environment["Properties"]["VersionLabel"] == label
    assert options(assembly, "app")[space, "MinSize"] == "1"


def test_address_leads_to_failover_once_it_is_there(warm: Assembly) -> None:
    records = {
        row["Properties"]["Name"]: row["Properties"]
        for row in of_type(warm, "app", "AWS::Route53::RecordSet")
    }
    condition, failover, balancer = records["shop.dev.example.com."]["AliasTarget"]["Fn::If"]
    assert (condition, failover["DNSName"]) == ("IsJoined", "sy-shop-k3x9.dev.example.com")
    assert balancer == records["home.sy-shop-k3x9.dev.example.com."]["AliasTarget"]
    assert "SetIdentifier" not in records["shop.dev.example.com."]
    [there] = of_type(warm, "other-app", "AWS::Route53::RecordSet")
    assert there["Properties"]["Name"] == "other.sy-shop-k3x9.dev.example.com."


def test_each_region_is_withdrawn_by_a_switch_in_the_other_one(warm: Assembly) -> None:
    """So that moving the traffic asks the region that takes it, and no other."""
    template = warm.template("other-failover")["Resources"]
    checks = {
        key: row["Properties"]["HealthCheckConfig"]
        for key, row in template.items()
        if row["Type"] == "AWS::Route53::HealthCheck"
    }
    records = [row["Properties"] for row in template.values() if row["Type"] == "AWS::Route53::RecordSet"]
    found = {}
    for record in records:
        assert record["Name"] == "sy-shop-k3x9.dev.example.com."
        assert record["AliasTarget"]["EvaluateTargetHealth"] is False
        check = checks[record["HealthCheckId"]["Fn::GetAtt"][0]]
        assert (check["Type"], check["InsufficientDataHealthStatus"]) == (
            "CLOUDWATCH_METRIC",
            "LastKnownStatus",
        )
        alarm = check["AlarmIdentifier"]
        found[record["Failover"]] = (record["AliasTarget"]["DNSName"], alarm["Name"], alarm["Region"])
    assert found == {
        "PRIMARY": ("home.sy-shop-k3x9.dev.example.com", "sy-shop-k3x9-home-withdrawn", OTHER),
        "SECONDARY": ("other.sy-shop-k3x9.dev.example.com", "sy-shop-k3x9-other-withdrawn", "eu-west-1"),
    }
    for key, name, withdrawn in (
        ("other-failover", "sy-shop-k3x9-home-withdrawn", "eu-west-1"),
        ("standby", "sy-shop-k3x9-other-withdrawn", OTHER),
    ):
        [alarm] = [row["Properties"] for row in of_type(warm, key, "AWS::CloudWatch::Alarm")]
        assert (alarm["AlarmName"], alarm["TreatMissingData"]) == (name, "ignore")
        # What Route 53 reads of an alarm: no M out of N, no metric math, nothing below a minute.
        assert "DatapointsToAlarm" not in alarm and "Metrics" not in alarm and alarm["Period"] == 60
        assert {"Name": "Region", "Value": withdrawn} in alarm["Dimensions"]


def test_which_region_is_active_is_in_no_template(warm: Assembly) -> None:
    text = json.dumps(warm.templates()).lower()
    assert "activeregion" not in text and "active_region" not in text and "active-region" not in text


@pytest.mark.parametrize("standby", KINDS)
def test_each_region_has_one_alarm_that_means_healthy_and_tells_its_own_topic(
    synthesise: Synthesise, standby: str
) -> None:
    """What users notice in a region, whichever is active: a name of its own, and nothing of the other region's."""
    assembly = synthesise(standby=standby)
    named = {}
    for key, prefix, cluster in (
        ("operations", "sy-shop-k3x9", "sy-shop-k3x9"),
        ("other-operations", "sy-shop-k3x9-other", "sy-shop-k3x9-other"),
    ):
        [health] = of_type(assembly, key, "AWS::CloudWatch::CompositeAlarm")
        named[key] = health["Properties"]["AlarmName"]
        assert health["Properties"]["AlarmRule"].startswith(
            f'ALARM("{prefix}-errors") OR ALARM("{prefix}-latency")'
        )
        alarms = [row["Properties"] for row in of_type(assembly, key, "AWS::CloudWatch::Alarm")]
        assert all(row["AlarmName"].startswith(f"{prefix}-") for row in alarms)
        [topic] = [
            name
            for name, row in assembly.template(key)["Resources"].items()
            if row["Type"] == "AWS::SNS::Topic"
        ]
        assert all(row["AlarmActions"] == [{"Ref": topic}] for row in alarms if "AlarmActions" in row)
        [lag] = [row for row in alarms if row["AlarmName"] == f"{prefix}-replication-lag"]
        assert (lag["MetricName"], lag["Threshold"]) == ("AuroraGlobalDBReplicationLag", 10_000)
        assert lag["Dimensions"] == [{"Name": "DBClusterIdentifier", "Value": cluster}]
        [events] = of_type(assembly, key, "AWS::RDS::EventSubscription")
        assert events["Properties"]["SourceIds"] == [cluster]
        [dashboard] = of_type(assembly, key, "AWS::CloudWatch::Dashboard")
        region = OTHER if key.startswith("other-") else "eu-west-1"
        assert dashboard["Properties"]["DashboardName"] == f"sy-shop-k3x9-{region}"
    assert named == {"operations": "sy-shop-k3x9-healthy", "other-operations": "sy-shop-k3x9-other-healthy"}
    # A budget is the environment's, and nobody waits for a standby's lag where there is none.
    assert len(assembly.all("AWS::Budgets::Budget")) == 1
    assert "replication-lag" not in json.dumps(synthesise(modules=["proxy"]).template("operations"))


def test_runner_of_each_region_works_in_its_own_network_with_its_own_keys(pilot: Assembly) -> None:
    for key, place in (("runner", ""), ("other-runner", "other-")):
        [project] = of_type(pilot, key, "AWS::CodeBuild::Project")
        found = project["Properties"]
        assert found["Name"] == "sy-shop-k3x9-runner"
        assert f"sy-shop-k3x9-{place}network:" in json.dumps(found["VpcConfig"])
        assert found["EncryptionKey"]["Fn::ImportValue"].startswith(f"sy-shop-k3x9-{place}keys:")
        variables = json.dumps(found["Environment"]["EnvironmentVariables"])
        assert f"sy-shop-k3x9-{place}keys:" in variables and f"sy-shop-k3x9-{place}storage:" in variables
