"""What moves while an environment runs is in the template as it is now; nothing of it is known before."""

from __future__ import annotations

import json
from typing import Any

import pytest

from blueprint_cdk.refusals import SpecError
from tests.blueprint_cdk.support import FACTS, Assembly, Synthesise

PLATFORM = FACTS["beanstalk_platform_arn"]
LIVE: dict[str, Any] = {
    "version_label": "shop-2026-11-28",
    "platform_arn": PLATFORM.replace("4.6.0", "4.7.1"),
    "min_instances": 2,
    "max_instances": 5,
    "aurora_mysql_version": "8.0.mysql_aurora.3.10.2",
    "db_min_acu": 1.5,
    "db_max_acu": 8.0,
}
SPACE = "aws:autoscaling:asg"


def instances(assembly: Assembly) -> dict[str, str]:
    rows = assembly.one("AWS::ElasticBeanstalk::Environment")["OptionSettings"]
    return {row["OptionName"]: row["Value"] for row in rows if row["Namespace"] == SPACE}


def test_what_runs_is_what_the_template_says(synthesise: Synthesise) -> None:
    assembly = synthesise(runtime=LIVE)
    application = assembly.one("AWS::ElasticBeanstalk::Environment")
    assert application["VersionLabel"] == LIVE["version_label"]
    assert application["PlatformArn"] == LIVE["platform_arn"]
    assert instances(assembly) == {"MinSize": "2", "MaxSize": "5"}
    cluster = assembly.one("AWS::RDS::DBCluster")
    assert cluster["EngineVersion"] == LIVE["aurora_mysql_version"]
    assert cluster["ServerlessV2ScalingConfiguration"] == {"MinCapacity": 1.5, "MaxCapacity": 8}


def test_what_runs_as_it_began_gives_the_same_templates(synthesise: Synthesise, small: Assembly) -> None:
    began = {
        "platform_arn": PLATFORM,
        "min_instances": 1,
        "max_instances": 2,
        "aurora_mysql_version": FACTS["aurora_mysql_version"],
        "db_min_acu": 0.5,
        "db_max_acu": 4.0,
    }
    assert synthesise(runtime=began).templates() == small.templates()


def test_only_what_moved_is_another(synthesise: Synthesise, small: Assembly) -> None:
    moved = synthesise(runtime=LIVE).templates()
    different = {
        (name.rpartition("-")[2], resource["Type"])
        for name, template in small.templates().items()
        for key, resource in template["Resources"].items()
        if moved[name]["Resources"][key] != resource
    }
    assert different == {("app", "AWS::ElasticBeanstalk::Environment"), ("data", "AWS::RDS::DBCluster")}


def test_a_provisioned_database_has_no_capacity_units(synthesise: Synthesise) -> None:
    medium = synthesise(size="medium", runtime=LIVE)
    assert "ServerlessV2ScalingConfiguration" not in medium.one("AWS::RDS::DBCluster")
    assert instances(medium) == {"MinSize": "2", "MaxSize": "5"}


def test_which_region_is_active_is_in_no_template(small: Assembly) -> None:
    text = json.dumps(small.templates()).lower()
    assert "activeregion" not in text and "active_region" not in text and "active-region" not in text


@pytest.mark.parametrize(
    ("field", "value"),
    [("version_label", ""), ("platform_arn", "Docker"), ("min_instances", -1), ("colour", "red")],
)
def test_what_cannot_run_is_refused_at_its_field(synthesise: Synthesise, field: str, value: Any) -> None:
    with pytest.raises(SpecError) as refusal:
        synthesise(runtime={field: value})
    assert refusal.value.field == f"runtime.{field}"
