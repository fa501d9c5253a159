"""What moves at run time stays what it is, whatever is changed or put right around it."""

import time

import pytest

from devtools.sandbox import OFTEN
from environments.lifecycle.models import Environment, RegionFacts
from environments.lifecycle.update import environment_update
from tests.workers.support import REGION, approve, built, drive

pytestmark = pytest.mark.django_db(transaction=True)
ASG = "aws:autoscaling:asg"


class Running:
    """An environment's application and database as AWS's own APIs show and change them."""

    def __init__(self, environment, sandbox, keys):
        self.name = f"sy-{environment.full_name}"
        self.beanstalk = sandbox.client("elasticbeanstalk", keys, REGION)
        self.rds = sandbox.client("rds", keys, REGION)
        self.s3 = sandbox.client("s3", keys, REGION)
        self.elbv2 = sandbox.client("elbv2", keys, REGION)
        self.record = environment

    def environment(self):
        (found,) = self.beanstalk.describe_environments(EnvironmentNames=[self.name], IncludeDeleted=False)[
            "Environments"
        ]
        return found

    def facts(self):
        """Version label, platform, instances, database version and capacity units."""
        found = self.environment()
        (settings,) = self.beanstalk.describe_configuration_settings(
            ApplicationName=found["ApplicationName"], EnvironmentName=self.name
        )["ConfigurationSettings"]
        sizes = {
            row["OptionName"]: row["Value"] for row in settings["OptionSettings"] if row["Namespace"] == ASG
        }
        (cluster,) = self.rds.describe_db_clusters(DBClusterIdentifier=self.name)["DBClusters"]
        units = cluster["ServerlessV2ScalingConfiguration"]
        return {
            "version": found["VersionLabel"],
            "platform": found["PlatformArn"].rpartition("/")[2],
            "instances": (sizes["MinSize"], sizes["MaxSize"]),
            "database": cluster["EngineVersion"],
            "units": (units["MinCapacity"], units["MaxCapacity"]),
        }

    def deploy(self, label):
        """Another version of the application, as a pipeline deploys it."""
        found = self.environment()
        first = self.beanstalk.describe_application_versions(
            ApplicationName=found["ApplicationName"], VersionLabels=[found["VersionLabel"]]
        )["ApplicationVersions"][0]
        bucket = self.beanstalk.create_storage_location()["S3Bucket"]
        source = first["SourceBundle"]
        self.s3.copy_object(
            Bucket=bucket,
            Key=f"{label}.zip",
            CopySource={"Bucket": source["S3Bucket"], "Key": source["S3Key"]},
        )
        self.beanstalk.create_application_version(
            ApplicationName=found["ApplicationName"],
            VersionLabel=label,
            SourceBundle={"S3Bucket": bucket, "S3Key": f"{label}.zip"},
        )
        self.beanstalk.update_environment(EnvironmentName=self.name, VersionLabel=label)
        self.until_ready()

    def until_ready(self):
        """Wait until Beanstalk has done what it was told."""
        deadline = time.monotonic() + 30
        while self.environment()["Status"] != "Ready":
            assert time.monotonic() < deadline, self.environment()
            time.sleep(0.1)

    def update_platform(self):
        """What the weekly window does by itself."""
        (action,) = self.beanstalk.describe_environment_managed_actions(EnvironmentName=self.name)[
            "ManagedActions"
        ]
        self.beanstalk.apply_environment_managed_action(
            EnvironmentName=self.name, ActionId=action["ActionId"]
        )
        self.until_ready()

    def scale(self, low, high):
        options = {"MinSize": low, "MaxSize": high}
        self.beanstalk.update_environment(
            EnvironmentName=self.name,
            OptionSettings=[
                {"Namespace": ASG, "OptionName": name, "Value": str(value)} for name, value in options.items()
            ],
        )
        self.until_ready()

    def page(self, host):
        """The maintenance page on, as a switchover turns it on: the rule matches that name, and comes first."""
        condition = {"Field": "host-header", "HostHeaderConfig": {"Values": [host]}}
        self.elbv2.modify_rule(RuleArn=self.rule(), Conditions=[condition])
        places = {self.rule(): 1, self.rule_of_the_application(): 2}
        self.elbv2.set_rule_priorities(
            RulePriorities=[{"RuleArn": arn, "Priority": place} for arn, place in places.items()]
        )

    def rule(self):
        (row,) = self.record.resources().filter(type="AWS::ElasticLoadBalancingV2::ListenerRule")
        return row.physical_id

    def rule_of_the_application(self):
        """Beanstalk's own, on the same listener."""
        listener = self.rule().replace(":listener-rule/", ":listener/").rpartition("/")[0]
        rules = self.elbv2.describe_rules(ListenerArn=listener)["Rules"]
        (arn,) = (row["RuleArn"] for row in rules if not row["IsDefault"] and row["RuleArn"] != self.rule())
        return arn

    def paged(self):
        """Which name the maintenance page is shown under, and in which place it is asked."""
        (rule,) = self.elbv2.describe_rules(RuleArns=[self.rule()])["Rules"]
        return rule["Conditions"][0]["Values"], rule["Priority"]

    def upgrade(self, version):
        """A newer minor version of the database."""
        self.rds.modify_db_cluster(
            DBClusterIdentifier=self.name,
            EngineVersion=version,
            ServerlessV2ScalingConfiguration={"MinCapacity": 1, "MaxCapacity": 6},
            ApplyImmediately=True,
        )
        self.rds.get_waiter("db_cluster_available").wait(DBClusterIdentifier=self.name, WaiterConfig=OFTEN)


@pytest.fixture
def running(ask, people, sandbox, keys, moments):
    """An environment of an older platform version, which has a managed update due."""

    def come_to():
        for row in RegionFacts.objects.all():
            arn = row.facts["beanstalk_platform_arn"].rpartition("/")[0] + "/4.5.1"
            row.facts = {**row.facts, "beanstalk_platform_arn": arn}
            row.save(update_fields=["facts"])
        built(ask(), people)

    moments.once("an older platform", come_to)
    environment = Environment.objects.get()
    assert (environment.runtime["version_label"], environment.runtime["min_instances"]) == (None, 1)
    return Running(environment, sandbox, keys)


def change(people, **changes):
    """Ask for a change of the one environment, and let it be planned."""
    environment = Environment.objects.get()
    return drive(environment_update(environment=environment, changes=changes, actor=people["team-lead"]))


MOVED = {
    "version": "shop-7",
    "platform": "4.6.0",
    "instances": ("2", "5"),
    "database": "8.0.mysql_aurora.3.11.0",
    "units": (1.0, 6.0),
}


def move_all(running):
    running.deploy("shop-7")
    running.update_platform()
    running.scale(2, 5)
    running.upgrade("8.0.mysql_aurora.3.11.0")
    assert running.facts() == MOVED


def test_an_update_puts_nothing_old_back(running, people):
    move_all(running)
    domain = running.record.spec["domain"]
    running.page(domain)
    operation = change(people, log_retention_days=7)
    assert operation.status == "awaiting-approval", operation.sentence
    drive(approve(operation, people))
    assert operation.status == "succeeded", operation.sentence
    assert running.facts() == MOVED
    environment = Environment.objects.get()
    assert environment.runtime == {
        "version_label": "shop-7",
        "platform_arn": running.environment()["PlatformArn"],
        "min_instances": 2,
        "max_instances": 5,
        "aurora_mysql_version": MOVED["database"],
        "db_min_acu": 1.0,
        "db_max_acu": 6.0,
        "maintenance": True,
    }
    assert running.paged() == ([domain], "1")
    again = change(people, log_retention_days=30)
    told = {
        row["path"]
        for stack in again.plan.document["stacks"]
        for c in stack["changes"]
        for row in c["properties"]
        if c["type"] in ("AWS::ElasticBeanstalk::Environment", "AWS::RDS::DBCluster")
    }
    # The template says by now what runs: only what was asked for is left to change.
    assert told == {"OptionSettings[aws:elasticbeanstalk:cloudwatch:logs RetentionInDays]"}


def test_an_environment_that_is_as_it_began_has_the_same_templates(running, people):
    environment = Environment.objects.get()
    release = environment.release
    operation = change(people, deletion_protection=True)
    changed = {c["type"] for stack in operation.plan.document["stacks"] for c in stack["changes"]}
    assert changed == {"AWS::RDS::DBCluster"}
    assert operation.state["runtime"]["platform_arn"] == running.environment()["PlatformArn"]
    # What is told of the other region, and of the global database, is where there is one.
    told = release.description["runtime_schema"]["properties"].keys() - {"other", "global_database"}
    assert told == environment.runtime.keys()


def test_another_size_brings_its_own_capacity_and_the_rest_stays(running, people):
    move_all(running)
    operation = change(people, size="medium")
    drive(approve(operation, people))
    assert operation.status == "succeeded", operation.sentence
    facts = running.beanstalk.describe_environments(EnvironmentNames=[running.name])["Environments"][0]
    assert facts["VersionLabel"] == "shop-7"
    environment = Environment.objects.get()
    assert (environment.runtime["min_instances"], environment.runtime["max_instances"]) == (2, 6)
    assert environment.runtime["aurora_mysql_version"] == MOVED["database"]


def test_what_is_deployed_between_plan_and_execution_stops_the_update(running, people):
    operation = change(people, log_retention_days=7)
    running.deploy("shop-8")
    drive(approve(operation, people))
    assert operation.status == "failed"
    assert "application version the placeholder → shop-8" in operation.sentence
    assert running.facts()["version"] == "shop-8"
    second = change(people, log_retention_days=7)
    drive(approve(second, people))
    assert second.status == "succeeded", second.sentence
    assert running.facts()["version"] == "shop-8"


def test_a_deployment_under_way_is_waited_for(running, people, sandbox):
    sandbox.settings(speed=1, durations={"AWS::ElasticBeanstalk::Environment": {"update": 3}})
    found = running.environment()
    running.beanstalk.update_environment(EnvironmentName=running.name, Description="busy")
    environment = Environment.objects.get()
    operation = environment_update(
        environment=environment, changes={"log_retention_days": 7}, actor=people["team-lead"]
    )
    drive(operation, until=lambda row: row.steps.filter(key="runtime", status="waiting").exists())
    assert "Beanstalk says Updating" in operation.steps.get(key="runtime").sentence
    drive(operation)
    sandbox.settings(speed=0, durations={})
    assert operation.status == "awaiting-approval", operation.sentence
    assert operation.state["runtime"]["platform_arn"] == found["PlatformArn"]


def test_a_release_that_knows_no_runtime_is_refused_what_it_would_put_back(running, people):
    release = Environment.objects.get().release
    release.description = {k: v for k, v in release.description.items() if k != "runtime_schema"}
    release.save(update_fields=["description"])
    running.update_platform()
    running.upgrade("8.0.mysql_aurora.3.11.0")
    operation = change(people, log_retention_days=7)
    assert operation.status == "failed" and "least capacity units" in operation.sentence
    running.rds.modify_db_cluster(
        DBClusterIdentifier=running.name,
        ServerlessV2ScalingConfiguration={"MinCapacity": 0.5, "MaxCapacity": 4},
    )
    # Platform and database version go as facts of its region.
    operation = change(people, log_retention_days=7)
    drive(approve(operation, people))
    assert operation.status == "succeeded", operation.sentence
    facts = running.facts()
    assert (facts["platform"], facts["database"]) == ("4.6.0", MOVED["database"])
    running.deploy("shop-9")
    refused = change(people, log_retention_days=30)
    assert refused.status == "failed" and "would put back what runs: application version" in refused.sentence
