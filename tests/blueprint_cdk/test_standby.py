"""The second region: what a standby adds, that it replaces nothing by that, and that no region asks the other."""

from __future__ import annotations

import json
from typing import Any

import pytest

from blueprint_cdk.data import load
from blueprint_cdk.policies import STATEFUL_TYPES
from blueprint_cdk.refusals import SpecError
from tests.blueprint_cdk.support import OTHER, SPEC, STANDBY, Assembly, Synthesise
from tests.blueprint_cdk.test_permanence import property_at, resources, schema_of

SIZES = ("small", "medium", "large")
KINDS = ("pilot-light", "warm")
ROWS = [row for row in load("stacks")["environment"] if not {"modules", "tier"} & set(row.get("when", {}))]
HOME_STACKS = {f"sy-shop-k3x9-{row['key']}" for row in ROWS if "when" not in row}


@pytest.fixture(scope="session")
def pilot(synthesise: Synthesise) -> Assembly:
    return synthesise(standby="pilot-light")


@pytest.fixture(scope="session")
def warm(synthesise: Synthesise) -> Assembly:
    return synthesise(standby="warm")


def options(assembly: Assembly, key: str) -> dict[tuple[str, str], Any]:
    [environment] = [
        row["Properties"]
        for row in assembly.template(key)["Resources"].values()
        if row["Type"] == "AWS::ElasticBeanstalk::Environment"
    ]
    return {(row["Namespace"], row["OptionName"]): row["Value"] for row in environment["OptionSettings"]}


def of_type(assembly: Assembly, key: str, kind: str) -> list[dict[str, Any]]:
    return [row for row in assembly.template(key)["Resources"].values() if row["Type"] == kind]


def exports(assembly: Assembly) -> dict[str, Any]:
    return {
        output["Export"]["Name"]: output["Value"]
        for template in assembly.templates().values()
        for output in template["Outputs"].values()
        if "Export" in output
    }


# -- what is asked for


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"standby": "hot"}, "standby", "must be one of"),
        ({"standby": "warm"}, "other_region", "a standby needs a region"),
        ({"standby": "warm", "other_region": OTHER}, "other_cidr", "a network there"),
        ({**STANDBY, "standby": "warm", "other_region": "eu-west-1"}, "other_region", "is the home region"),
        ({**STANDBY, "standby": "warm", "other_region": "mars-1"}, "other_region", "not a region"),
        ({**STANDBY, "standby": "warm", "other_cidr": "10.20.0.0/16"}, "other_cidr", "overlaps 10.20.0.0/18"),
        ({**STANDBY, "standby": "warm", "other_cidr": "172.17.0.0/16"}, "other_cidr", "Docker"),
        ({**STANDBY, "other_cidr": "10.0.0.0/8"}, "other_cidr", "between /16 and /20"),
        (
            {**STANDBY, "name": "a" * 20, "standby": "warm", "other_region": "ap-southeast-1"},
            "other_region",
            "at most 19 characters in ap-southeast-1",
        ),
    ],
)
def test_standby_is_refused_at_its_field(change: dict[str, Any], field: str, words: str) -> None:
    from blueprint_cdk.refusals import parse
    from blueprint_cdk.spec import Spec

    with pytest.raises(SpecError) as refusal:
        parse(Spec, {**SPEC, **change})
    assert (refusal.value.field, words in refusal.value.sentence) == (field, True), refusal.value.sentence
    assert refusal.value.sentence.endswith(".")


def test_missing_facts_of_the_other_region_are_named(synthesise: Synthesise, tmp_path: Any) -> None:
    from blueprint_cdk.synthesis import synthesise as run
    from tests.blueprint_cdk.support import FACTS

    spec = {**SPEC, **STANDBY, "standby": "warm"}
    request = {"app": "environment", "spec": spec, "facts": {"eu-west-1": FACTS}, "out": str(tmp_path / "o")}
    with pytest.raises(SpecError, match="Nothing is known about eu-central-1"):
        run(request)


def test_what_may_change_later_is_said_by_the_schema() -> None:
    from blueprint_cdk.describe import schema_of as described
    from blueprint_cdk.spec import Spec

    fields = described(Spec)["properties"]
    assert fields["standby"]["changeable"] is True
    assert {name for name, field in fields.items() if field.get("changeable") == "once"} == {
        "other_region",
        "other_cidr",
    }


# -- what there is


@pytest.mark.parametrize("standby", KINDS)
@pytest.mark.parametrize("size", SIZES)
def test_described_stacks_are_the_synthesised_ones(synthesise: Synthesise, size: str, standby: str) -> None:
    assembly = synthesise(size=size, standby=standby, modules=["proxy", "canary"])
    described = {row["key"]: row for row in ROWS if "modules" not in row.get("when", {})}
    assert set(assembly.templates()) == {f"sy-shop-k3x9-{key}" for key in described}
    artifacts = assembly.manifest["artifacts"]
    for key, row in described.items():
        template, name = assembly.template(key), f"sy-shop-k3x9-{key}"
        found = {resource["Type"] for resource in template["Resources"].values()}
        # A pilot light's proxy has no targets yet.
        maybe = {"AWS::RDS::DBInstance", "AWS::RDS::DBProxyTargetGroup"} if key == "other-data" else set()
        if key in ("app", "other-app"):
            # Ways to the database that only stand in for the proxy.
            maybe = {"AWS::EC2::SecurityGroupEgress", "AWS::EC2::SecurityGroupIngress"}
        if key == "data":
            # Readers that come with demand are of the sizes that have some.
            maybe = {
                "AWS::ApplicationAutoScaling::ScalableTarget",
                "AWS::ApplicationAutoScaling::ScalingPolicy",
            }
        assert found <= set(row["types"]) and set(row["types"]) - found <= maybe, key
        shown = [output for output in template["Outputs"] if not output.startswith("ExportsOutput")]
        assert sorted(shown) == sorted(row["outputs"]), key
        needed = {need for need in artifacts[name]["dependencies"] if not need.endswith(".assets")}
        assert needed == {f"sy-shop-k3x9-{need}" for need in row["needs"] if need in described}, key
        region = OTHER if row["region"] == "other" else "eu-west-1"
        assert artifacts[name]["environment"] == f"aws://111122223333/{region}", key
        if row["stateful"]:
            assert (assembly.folder / f"{name}.policy.json").exists(), key
        assert set(template.get("Parameters", {})) == {
            *row.get("parameters", {}),
            *(["Joined"] if "joins" in row else []),
        }, key
        assert len(template["Resources"]) < 300 and len(json.dumps(template)) < 800_000


def test_parameters_are_outputs_of_stacks_that_come_before() -> None:
    rows = {row["key"]: row for row in ROWS}
    for row in rows.values():
        for source in row.get("parameters", {}).values():
            stack, _, output = source.partition(".")
            assert stack in row["needs"] and output in rows[stack]["outputs"]


def test_no_stack_asks_the_other_region(warm: Assembly) -> None:
    """Whatever is dark, the stacks of the other region can be changed: no import, no export, no dynamic reference of
    home's; no function that looks there.
    """
    at = {
        name: warm.manifest["artifacts"][name]["environment"].rpartition("/")[2] for name in warm.templates()
    }
    exported = {name: at[name.partition(":")[0]] for name in exports(warm)}
    for name, template in warm.templates().items():
        text = json.dumps(template)
        imported = [value for value in exported if f'"Fn::ImportValue": "{value}"' in text]
        assert {exported[value] for value in imported} <= {at[name]}, name
        assert "resolve:ssm" not in text and "Custom::" not in text and "AWS::Lambda" not in text
    assert "ImportValue" in json.dumps(warm.template("other-app"))


# -- additive


@pytest.mark.parametrize("standby", KINDS)
@pytest.mark.parametrize("size", SIZES)
def test_standby_replaces_nothing_and_moves_no_export(
    synthesise: Synthesise, size: str, standby: str
) -> None:
    before, after = synthesise(size=size, modules=["proxy"]), synthesise(size=size, standby=standby)
    assert set(before.templates()) == HOME_STACKS < set(after.templates())
    was, now = resources(before), resources(after)
    # What watches a serverless database goes with it.
    gone = {was[place]["Type"] for place in set(was) - set(now)}
    assert gone == ({"AWS::CloudWatch::Alarm"} if size == "small" else set())
    for place in set(was) & set(now):
        resource = was[place]
        schema = schema_of(resource["Type"])
        for pointer in [
            *schema.get("createOnlyProperties", []),
            *schema.get("conditionalCreateOnlyProperties", []),
        ]:
            assert property_at(now[place].get("Properties", {}), pointer) == property_at(
                resource.get("Properties", {}), pointer
            ), (place, pointer)
    assert exports(before).items() <= exports(after).items()
    # Nothing is exported by home for a standby: taken away with it, it would still be in use.
    assert {name for name in exports(after) if name.partition(":")[0] in HOME_STACKS} == set(exports(before))


@pytest.mark.parametrize("size", SIZES)
def test_what_changes_at_home_is_named(synthesise: Synthesise, size: str) -> None:
    was, now = (
        resources(synthesise(size=size, modules=["proxy"])),
        resources(synthesise(size=size, standby="warm")),
    )
    changed = {
        (stack.rpartition("-")[2], now[stack, key]["Type"])
        for stack, key in set(was) & set(now)
        if now[stack, key] != was[stack, key]
    }
    instances = {
        ("data", "AWS::RDS::DBInstance"),
        ("data", "AWS::RDS::DBCluster"),
        ("operations", "AWS::CloudWatch::Alarm"),
    }
    assert changed == {
        ("keys", "AWS::SecretsManager::Secret"),
        ("storage", "AWS::S3::Bucket"),
        ("app", "AWS::Route53::RecordSet"),
        # They speak of the other region, too.
        ("access", "AWS::IAM::Role"),
        # A standby costs.
        ("operations", "AWS::Budgets::Budget"),
        # It shows the alarm on the standby's lag, which is new.
        ("operations", "AWS::CloudWatch::Dashboard"),
        *(instances if size == "small" else set()),
    }


def test_taking_the_standby_away_leaves_what_was_before(synthesise: Synthesise) -> None:
    """But for the database's instances, which stay what a standby needs: see `Size.with_other_region`."""
    before, after = synthesise(size="medium"), synthesise(size="medium", **STANDBY)
    assert before.templates() == after.templates()
    small = synthesise(**STANDBY)
    assert {row["Properties"]["DBInstanceClass"] for row in small.all("AWS::RDS::DBInstance")} == {
        "db.r6g.large"
    }
    assert "ServerlessV2ScalingConfiguration" not in small.one("AWS::RDS::DBCluster")


def test_database_suits_the_global_one_as_long_as_it_is_in_it(synthesise: Synthesise) -> None:
    """The update that takes a standby away changes home first: a serverless primary would be refused then."""
    before, leaving = (
        synthesise(standby="warm"),
        synthesise(modules=["proxy"], runtime={"global_database": True}),
    )
    for key in ("data", "operations"):
        was, now = before.template(key)["Resources"], leaving.template(key)["Resources"]
        kinds = ("AWS::RDS::DBInstance", "AWS::RDS::DBCluster", "AWS::CloudWatch::Alarm")
        assert {name: row for name, row in now.items() if row["Type"] in kinds}.items() <= was.items()
    assert {
        row["Properties"]["DBInstanceClass"] for row in of_type(leaving, "data", "AWS::RDS::DBInstance")
    } == {"db.r6g.large"}
    after = synthesise(modules=["proxy"])
    assert (
        of_type(after, "data", "AWS::RDS::DBInstance")[0]["Properties"]["DBInstanceClass"] == "db.serverless"
    )


def test_both_kinds_of_standby_have_the_same_names_and_exports(pilot: Assembly, warm: Assembly) -> None:
    assert exports(pilot) == exports(warm)
    light, full = resources(pilot), resources(warm)
    assert set(light) <= set(full)
    assert {full[place]["Type"] for place in set(full) - set(light)} == {
        "AWS::RDS::DBInstance",
        "AWS::RDS::DBProxyTargetGroup",
    }


def test_the_two_regions_share_no_name_that_is_world_wide(warm: Assembly) -> None:
    for kind, name in (
        ("AWS::S3::Bucket", "BucketName"),
        ("AWS::RDS::DBCluster", "DBClusterIdentifier"),
        ("AWS::CloudWatch::Alarm", "AlarmName"),
    ):
        names = [row["Properties"][name] for row in warm.all(kind)]
        assert len(set(names)) == len(names) >= 2, kind
    named = [row["Properties"].get("RoleName") for row in warm.all("AWS::IAM::Role")]
    # Those that people take are made at home, for both regions.
    assert len([name for name in named if name]) == len(of_type(warm, "access", "AWS::IAM::Role")) == 4


# -- keys, secret, storage


def test_data_key_and_secret_have_replicas(pilot: Assembly) -> None:
    [replica] = of_type(pilot, "other-keys", "AWS::KMS::ReplicaKey")
    assert replica["Properties"]["PrimaryKeyArn"] == {"Ref": "DataKeyArn"}
    assert replica["Properties"]["PendingWindowInDays"] == 7
    secret = pilot.one("AWS::SecretsManager::Secret")
    assert secret["ReplicaRegions"] == [{"Region": OTHER}]
    arn = pilot.template("other-keys")["Outputs"]["ExportsOutputDatabaseSecretArn"]["Value"]
    assert arn["Fn::Join"][1][0] == f"arn:aws:secretsmanager:{OTHER}:111122223333:secret:"


def test_uploads_are_replicated_both_ways_once_both_buckets_are_there(warm: Assembly) -> None:
    ways = {}
    for key in ("storage", "other-storage"):
        [bucket] = [
            row["Properties"]
            for row in of_type(warm, key, "AWS::S3::Bucket")
            if "-uploads-" in row["Properties"]["BucketName"]
        ]
        rule = bucket["ReplicationConfiguration"]
        if key == "storage":
            condition, rule, otherwise = rule["Fn::If"]
            assert (condition, otherwise) == ("IsJoined", {"Ref": "AWS::NoValue"})
        [found] = rule["Rules"]
        assert found["DeleteMarkerReplication"] == {"Status": "Enabled"}
        assert found["Destination"]["Metrics"] == {"Status": "Enabled"}
        assert found["SourceSelectionCriteria"]["SseKmsEncryptedObjects"] == {"Status": "Enabled"}
        ways[bucket["BucketName"]] = found["Destination"]["Bucket"]
        assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
        assert bucket["LifecycleConfiguration"]["Rules"]
    home, other = (f"sy-shop-k3x9-uploads-111122223333-{region}" for region in ("eu-west-1", OTHER))
    assert ways == {home: f"arn:aws:s3:::{other}", other: f"arn:aws:s3:::{home}"}
    parameter = warm.template("storage")["Parameters"]["Joined"]
    assert parameter["Default"] == "false"


def test_replication_may_read_here_and_write_there_and_no_more(warm: Assembly) -> None:
    [policy] = of_type(warm, "storage", "AWS::IAM::Policy")
    found = {row["Sid"]: row for row in policy["Properties"]["PolicyDocument"]["Statement"]}
    here, there = (
        f"arn:aws:s3:::sy-shop-k3x9-uploads-111122223333-{region}" for region in ("eu-west-1", OTHER)
    )
    assert found["Source"]["Resource"] == here and found["Read"]["Resource"] == f"{here}/*"
    assert found["Write"]["Resource"] == f"{there}/*"
    assert found["Seal"]["Action"] == "kms:Encrypt"
    assert found["Seal"]["Condition"] == {"StringEquals": {"kms:ViaService": f"s3.{OTHER}.amazonaws.com"}}
    [role] = of_type(warm, "storage", "AWS::IAM::Role")
    assert role["Properties"]["PermissionsBoundary"]


# -- database


def test_global_database_adopts_the_home_cluster_which_knows_nothing_of_it(pilot: Assembly) -> None:
    database = pilot.one("AWS::RDS::GlobalCluster")
    assert database["GlobalClusterIdentifier"] == "sy-shop-k3x9"
    assert database["SourceDBClusterIdentifier"] == "arn:aws:rds:eu-west-1:111122223333:cluster:sy-shop-k3x9"
    assert "GlobalClusterIdentifier" not in of_type(pilot, "data", "AWS::RDS::DBCluster")[0]["Properties"]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("standby", "count"), [("pilot-light", 0), ("warm", 1)])
def test_secondary_joins_when_it_is_made_headless_or_with_an_instance(
    synthesise: Synthesise, size: str, standby: str, count: int
) -> None:
    assembly = synthesise(size=size, standby=standby)
    [cluster] = of_type(assembly, "other-data", "AWS::RDS::DBCluster")
    properties = cluster["Properties"]
    assert properties["GlobalClusterIdentifier"] == "sy-shop-k3x9"
    assert properties["DBClusterIdentifier"] == "sy-shop-k3x9-other"
    assert properties["StorageEncrypted"] is True and properties["KmsKeyId"]
    # What the primary brings may not be given.
    assert not {"MasterUsername", "MasterUserPassword", "DatabaseName"} & set(properties)
    assert (cluster["DeletionPolicy"], cluster["UpdateReplacePolicy"]) == ("Delete", "Snapshot")
    instances = of_type(assembly, "other-data", "AWS::RDS::DBInstance")
    assert len(instances) == count
    assert len(of_type(assembly, "other-data", "AWS::RDS::DBProxyTargetGroup")) == count
    assert of_type(assembly, "other-data", "AWS::RDS::DBProxy")
    classes = {row["Properties"]["DBInstanceClass"] for row in assembly.all("AWS::RDS::DBInstance")}
    assert len(classes) == 1 and classes.pop().startswith("db.r")
    assert not [row for row in assembly.all("AWS::RDS::DBCluster") if "ServerlessV2" in json.dumps(row)]


# -- application and traffic


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


# -- kept


@pytest.mark.parametrize("protected", [True, False])
def test_what_holds_data_there_is_protected_too(synthesise: Synthesise, protected: bool) -> None:
    assembly = synthesise(standby="warm", deletion_protection=protected)
    artifacts = assembly.manifest["artifacts"]
    found = {
        name.removeprefix("sy-shop-k3x9-")
        for name in assembly.templates()
        if artifacts[name]["properties"].get("terminationProtection")
    }
    stateful = {"keys", "data", "storage", "other-keys", "other-data", "other-storage"}
    assert found == (stateful if protected else set())
    for row in assembly.all("AWS::RDS::DBCluster"):
        assert row["Properties"]["DeletionProtection"] is protected
    # It holds no data, and would stand in the way of taking the standby away.
    assert assembly.one("AWS::RDS::GlobalCluster")["DeletionProtection"] is False


def test_stack_policies_hold_what_is_stateful_there(warm: Assembly) -> None:
    for name, template in warm.templates().items():
        stateful = {key for key, row in template["Resources"].items() if row["Type"] in STATEFUL_TYPES}
        path = warm.folder / f"{name}.policy.json"
        assert path.exists() is bool(stateful), name
        if stateful:
            [_, deny] = json.loads(path.read_text())["Statement"]
            assert {line.partition("/")[2] for line in deny["Resource"]} == stateful


# -- watched and worked on there


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


def test_other_regions_stacks_wait_for_no_more_than_they_need(warm: Assembly) -> None:
    """The runner is there as soon as its region's network and buckets are; the traffic waits for no alarm."""
    artifacts = warm.manifest["artifacts"]

    def needs(key: str) -> set[str]:
        found = {
            need for need in artifacts[f"sy-shop-k3x9-{key}"]["dependencies"] if not need.endswith(".assets")
        }
        return {need.removeprefix("sy-shop-k3x9-") for need in found}

    assert needs("other-runner") == {"other-network", "other-keys", "other-storage"}
    assert "other-operations" not in needs("other-failover")
