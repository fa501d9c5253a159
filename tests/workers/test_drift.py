"""Drift: found by property, kept, accepted, put back; and what it must not disturb."""

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from environments.errors import Conflict
from environments.lifecycle.drift import drift_accept, drift_acceptances_lapse, drift_check_ask
from environments.lifecycle.drift_fix import environment_drift_fix
from environments.lifecycle.models import DriftCheck, DriftFinding, Environment
from environments.lifecycle.update import environment_update
from environments.operations.models import Notice
from tests.workers.hands import ASG, HTTP2, Hands
from tests.workers.rounds import check
from tests.workers.support import ACCOUNT_ID, REGION, STACKS, approve, drive
from workers.drift_rounds import right_of
from workers.observer import watch_take

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def hands(active, sandbox, keys):
    return Hands(active, sandbox, keys)


def paths(environment, status="open"):
    rows = environment.drift_findings.filter(status=status)
    return {(row.stack, row.type, row.property_path) for row in rows}


ATTRIBUTE = ("app", "AWS::ElasticLoadBalancingV2::LoadBalancer", f"LoadBalancerAttributes[{HTTP2}]")
VERSIONING = ("storage", "AWS::S3::Bucket", "VersioningConfiguration.Status")
BACKUPS = ("data", "AWS::RDS::DBCluster", "BackupRetentionPeriod")


def test_a_look_finds_nothing_where_nothing_was_changed(active, people, sandbox):
    before = sandbox.control("GET", "requests/counts")["last"]
    row = check(active, people)
    assert (row.status, row.sentence) == ("done", "Everything is what its templates say.")
    calls = sandbox.control("GET", "requests/counts", after=before)["by_operation"]
    changing = [
        name for name in calls if name.split(".")[1].startswith(("Create", "Update", "Execute", "Delete"))
    ]
    assert not changing and calls["cloudformation.DetectStackDrift"] == len(STACKS)
    environment = Environment.objects.get()
    assert environment.drift_since is None and environment.drift_checked_at is not None
    assert not Notice.objects.filter(topic="environment.drifted").exists()


def test_drift_is_told_by_property_and_once(hands, active, people):
    hands.http2("false")
    hands.unversion()
    hands.keep_backups(9)
    row = check(active, people)
    assert (row.status, row.found, row.new) == ("done", 3, 3), row.sentence
    assert paths(active) == {ATTRIBUTE, VERSIONING, BACKUPS}
    finding = active.drift_findings.get(stack="app")
    assert (finding.expected, finding.actual) == ("true", "false")
    assert Environment.objects.get().drift_count == 3
    again = check(active, people)
    assert (again.found, again.new) == (3, 0)
    assert Notice.objects.filter(topic="environment.drifted").count() == 1
    finding.refresh_from_db()
    assert finding.last_seen > finding.first_seen
    hands.http2("true")
    assert check(active, people).found == 2
    finding.refresh_from_db()
    assert finding.status == "gone" and finding.ended_at
    hands.http2("false")
    assert check(active, people).new == 1
    assert Notice.objects.filter(topic="environment.drifted").count() == 2


def test_what_moves_at_run_time_is_no_drift(hands, active, people):
    hands.capacity("MinSize", "2")
    hands.capacity("MaxSize", "5")
    hands.rds.modify_db_cluster(
        DBClusterIdentifier=hands.name,
        EngineVersion="8.0.mysql_aurora.3.11.0",
        ServerlessV2ScalingConfiguration={"MinCapacity": 1, "MaxCapacity": 6},
    )
    row = check(active, people)
    assert row.sentence == "Everything is what its templates say."
    assert not DriftFinding.objects.exists()
    # Somebody asked for this look: what runs was read with it.
    assert Environment.objects.get().runtime["max_instances"] == 5


def test_accepted_drift_is_quiet_until_its_day_or_until_it_moves_on(hands, active, people):
    hands.http2("false")
    check(active, people)
    finding = active.drift_findings.get()
    today = timezone.now().date()
    drift_accept(
        environment=active, findings=[finding.pk], why="Slow start.", until=today, actor=people["team-lead"]
    )
    assert Environment.objects.get().drift_since is None
    assert check(active, people).found == 0
    assert drift_acceptances_lapse() == 0
    assert drift_acceptances_lapse(timezone.now() + timedelta(days=1)) == 1
    assert Environment.objects.get().drift_count == 1
    drift_accept(
        environment=active, findings=[finding.pk], why="Slow start.", until=today, actor=people["team-lead"]
    )
    hands.http2("no")
    row = check(active, people)
    assert (row.found, row.new) == (1, 1)
    finding.refresh_from_db()
    assert (finding.status, finding.actual) == ("open", "no")


def fix(active, people, **chosen):
    return drive(environment_drift_fix(environment=active, actor=people["team-lead"], **chosen))


def test_a_fix_puts_back_what_has_drifted_and_nothing_that_runs(hands, active, people, sandbox):
    hands.http2("false")
    hands.unversion()
    check(active, people)
    hands.capacity("MinSize", "2")
    hands.capacity("MaxSize", "5")
    operation = fix(active, people)
    assert operation.status == "awaiting-approval", operation.sentence
    document = operation.plan.document
    assert document["summary"] == (
        "2 resources are put back in 2 stacks. Of 1 more the template says by now what runs."
    )
    assert document["risk_kinds"] == ["drift"]
    told = {
        (stack["key"], row["path"], row["before"], row["after"])
        for stack in document["stacks"]
        for change in stack["changes"]
        for row in change["properties"]
    }
    assert ("app", ATTRIBUTE[2], "false", "true") in told
    assert ("storage", VERSIONING[2], "Suspended", "Enabled") in told
    drive(approve(operation, people))
    assert operation.status == "succeeded", operation.sentence
    options = hands.options()
    assert hands.is_http2() == "true" and hands.versioning() == "Enabled"
    assert (options[ASG, "MinSize"], options[ASG, "MaxSize"]) == ("2", "5")
    assert paths(active, "fixed") == {ATTRIBUTE, VERSIONING}
    assert set(active.drift_findings.values_list("fixed_by", flat=True)) == {operation.pk}
    assert Environment.objects.get().drift_since is None


def test_a_stack_with_a_database_is_never_put_back(hands, active, people):
    hands.keep_backups(9)
    check(active, people)
    finding = active.drift_findings.get()
    for chosen in ({"stacks": ["data"]}, {"findings": [finding.pk]}):
        with pytest.raises(Conflict, match="holds a database"):
            environment_drift_fix(environment=active, actor=people["team-lead"], **chosen)
    with pytest.raises(Conflict, match="Only a stack with a database"):
        environment_drift_fix(environment=active, actor=people["team-lead"])


def test_what_is_changed_after_the_plan_stops_the_fix(hands, active, people):
    hands.http2("false")
    check(active, people)
    operation = fix(active, people, stacks=["app"])
    hands.attribute("routing.http.drop_invalid_header_fields.enabled", "false")
    drive(approve(operation, people))
    assert operation.status == "failed"
    assert "LoadBalancerAttributes[routing.http.drop_invalid_header_fields.enabled] would be put back" in (
        operation.sentence
    )
    assert hands.is_http2() == "false"


def test_what_is_put_back_by_hand_meanwhile_is_nothing_to_do(hands, active, people):
    hands.unversion()
    check(active, people)
    operation = fix(active, people)
    hands.s3.put_bucket_versioning(Bucket=hands.bucket(), VersioningConfiguration={"Status": "Enabled"})
    drive(approve(operation, people))
    assert operation.status == "succeeded", operation.sentence
    again = drive(environment_drift_fix_after(hands, active, people))
    assert (again.status, again.sentence) == ("succeeded", f"Nothing to change in {active.name}.")


def environment_drift_fix_after(hands, active, people):
    """A fix asked for by what was found before somebody put it right."""
    hands.unversion()
    check(active, people)
    operation = environment_drift_fix(environment=active, actor=people["team-lead"])
    hands.s3.put_bucket_versioning(Bucket=hands.bucket(), VersioningConfiguration={"Status": "Enabled"})
    return operation


def test_a_deleted_resource_is_found_and_made_anew(hands, active, people):
    group = hands.physical("network", "AWS::Logs::LogGroup")
    hands.logs.delete_log_group(logGroupName=group)
    check(active, people)
    finding = active.drift_findings.get()
    assert (finding.property_path, finding.actual, finding.stack) == ("", "It was deleted.", "network")
    operation = fix(active, people)
    assert [c["action"] for s in operation.plan.document["stacks"] for c in s["changes"]] == ["added"]
    drive(approve(operation, people))
    assert operation.status == "succeeded", operation.sentence
    assert hands.logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    assert Environment.objects.get().drift_since is None


def test_an_updates_plan_tells_drift_and_what_becomes_of_it(hands, active, people):
    group = hands.physical("network", "AWS::Logs::LogGroup")
    hands.logs.put_retention_policy(logGroupName=group, retentionInDays=90)
    hands.rds.modify_db_instance(
        DBInstanceIdentifier=hands.physical("data", "AWS::RDS::DBInstance"), PromotionTier=5
    )
    hands.unversion()
    operation = drive(
        environment_update(
            environment=active,
            changes={"log_retention_days": 7, "size": "medium"},
            actor=people["team-lead"],
        )
    )
    assert operation.status == "awaiting-approval", operation.sentence
    document = operation.plan.document
    becomes = {row["property"]: row["becomes"] for row in document["drift"]}
    assert becomes == {
        "RetentionInDays": "overwritten",
        "PromotionTier": "perhaps",
        "VersioningConfiguration.Status": "stays",
    }
    assert "drift" in document["risk_kinds"]
    assert any("has drifted: This operation sets it." in risk for risk in document["risks"])
    assert Environment.objects.get().drift_count == 3


def test_a_look_keeps_away_while_an_operation_changes_the_environment(hands, active, people, sandbox):
    operation = drive(
        environment_update(environment=active, changes={"log_retention_days": 7}, actor=people["team-lead"])
    )
    approve(operation, people)
    drive(operation, until=lambda row: row.status == "running")
    row = check(active, people)
    assert row.status == "skipped"
    assert row.sentence == f"Not looked at: operation {operation.pk} (update) changes it."
    drive(operation)
    assert operation.status == "succeeded", operation.sentence
    assert check(active, people).status == "done"


def test_throttling_puts_a_look_off_and_it_ends_all_the_same(active, people, sandbox):
    sandbox.fault("throttle", operation="DetectStackDrift", rate=0, count=3, account=ACCOUNT_ID)
    row = check(active, people)
    assert row.status == "done"
    sandbox.fault(
        "throttle", operation="DescribeStackDriftDetectionStatus", rate=0, count=2, account=ACCOUNT_ID
    )
    row = check(active, people)
    assert row.status == "done"


def test_a_round_that_lost_its_right_writes_nothing(active, people):
    from environments.lifecycle.models import Account
    from workers.drift_rounds import RightLost, Round

    row = drift_check_ask(environment=active, actor=people["engineer"])
    watch_take(right_of(f"{ACCOUNT_ID}/{REGION}"))
    with pytest.raises(RightLost):
        Round(Account.objects.get(), REGION, uuid.uuid4()).go_on()
    row.refresh_from_db()
    assert row.status == "waiting"


def test_a_doubled_round_goes_on_with_nothing_twice(active, people):
    from environments.lifecycle.models import Account
    from workers.drift_rounds import Round

    row = drift_check_ask(environment=active, actor=people["engineer"])
    token = watch_take(right_of(f"{ACCOUNT_ID}/{REGION}"))
    first, second = (Round(Account.objects.get(), REGION, token) for _ in range(2))
    stale = DriftCheck.objects.select_related("environment__account").get()
    assert first.go_on()
    DriftCheck.objects.update(due_at=timezone.now())
    while first.go_on():
        DriftCheck.objects.update(due_at=timezone.now())
    row.refresh_from_db()
    assert row.status == "done"
    from workers.drift_rounds import Moved, _stacks_of

    with pytest.raises(Moved):
        second._begin(stale, _stacks_of([stale], REGION)[stale.environment_id])
    row.refresh_from_db()
    assert row.status == "done"
