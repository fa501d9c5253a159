"""Teardown and its report, against the sandbox: nothing is left, or every leftover is told."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from devtools.sandbox import OFTEN
from environments.errors import Conflict
from environments.lifecycle.environments import environment_protect
from environments.lifecycle.models import Environment, TeardownReport
from environments.operations.control import operation_retry, operation_shorten_notice
from environments.operations.models import Operation
from tests.workers.support import ACCOUNT_ID, REGION, approve, ask_teardown, drive, planned
from workers.losses import grown

BOTH = ("approver", "administrator")
"""Every change of production needs two people."""

pytestmark = pytest.mark.django_db(transaction=True)


def uploads(environment):
    return f"sy-{environment.full_name}-uploads-{ACCOUNT_ID}-{REGION}"


def fill(sandbox, keys, environment, objects=3):
    """Objects with versions and a delete marker in the uploads bucket."""
    s3 = sandbox.client("s3", keys, REGION)
    for number in range(objects):
        for text in (b"first", b"second"):
            s3.put_object(Bucket=uploads(environment), Key=f"file-{number}", Body=text)
    s3.delete_object(Bucket=uploads(environment), Key="file-0")
    return s3


def logs(environment):
    return f"sy-{environment.full_name}-logs-{ACCOUNT_ID}-{REGION}"


def of_this(sandbox, environment):
    """Everything that the sandbox still has of it, but what waits for its deletion."""
    rows = sandbox.control("GET", "resources", account=ACCOUNT_ID)
    return [
        row
        for row in rows
        if (row["tags"] or {}).get("switchyard:environment") == environment.full_name
        and row["state"] not in ("PendingDeletion", "DELETE_COMPLETE", "deleted", "terminated")
    ]


def test_an_environment_is_torn_down_and_shown_to_be_gone(active, people, sandbox, keys):
    s3 = fill(sandbox, keys, active)
    before = s3.list_object_versions(Bucket=logs(active)).get("Versions", [])
    for line in (b"GET /", b"GET /items"):
        s3.put_object(Bucket=logs(active), Key="load-balancer/AWSLogs/late.log", Body=line)
    operation = drive(ask_teardown(people, active))
    assert operation.status == "succeeded", operation.sentence
    active.refresh_from_db()
    assert active.status == "torn-down" and active.addresses == {}
    losses = {loss["key"]: loss for loss in operation.plan.document["losses"]}
    assert losses["uploads"]["count"] == 7 and losses["uploads"]["bytes"] == 3 * len(b"firstsecond")
    assert losses["logs"]["count"] == len(before) + 2
    assert losses["logs"]["bytes"] == sum(version["Size"] for version in before) + len(b"GET /GET /items")
    assert losses["log-groups"]["count"] >= 3 and losses["database"]["bytes"] > 0
    assert set(losses) == {"database", "uploads", "logs", "log-groups"}
    assert not any(loss["copy"] for loss in losses.values())
    assert len(operation.plan.document["risks"]) == 4
    report = TeardownReport.objects.get()
    assert report.left_over == [] and len(report.searched) > 20
    assert {row["type"] for row in report.deleting} == {"AWS::KMS::Key"}
    assert all(row["date"] > f"{timezone.now():%Y-%m-%d}" for row in report.deleting)
    assert of_this(sandbox, active) == []


def test_readers_that_came_with_demand_go_before_their_cluster(ask, people, sandbox, keys):
    """Aurora Auto Scaling's instances are in no template; RDS deletes no cluster that has one."""
    operation = drive(ask(size="medium"))
    if operation.status == "awaiting-approval":
        operation = drive(approve(operation, people))
    assert operation.status == "succeeded", operation.sentence
    environment = operation.subject
    rds = sandbox.client("rds", keys, REGION)
    name = "application-autoscaling-6f1e9c52-0c1b-4f5e-8d0e-000000000001"
    rds.create_db_instance(
        DBInstanceIdentifier=name,
        DBClusterIdentifier=f"sy-{environment.full_name}",
        Engine="aurora-mysql",
        DBInstanceClass="db.r6g.large",
    )
    torn = drive(ask_teardown(people, environment))
    assert torn.status == "succeeded", torn.sentence
    assert name not in {row["DBInstanceIdentifier"] for row in rds.describe_db_instances()["DBInstances"]}
    assert of_this(sandbox, environment) == []


def test_an_object_that_s3_will_not_delete_fails_naming_it_and_a_retry_goes_on(active, people, sandbox, keys):
    s3 = sandbox.client("s3", keys, REGION)
    bucket = uploads(active)
    s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled"})
    version = s3.put_object(Bucket=bucket, Key="evidence", Body=b"1")["VersionId"]
    held = {"Bucket": bucket, "Key": "evidence", "VersionId": version}
    s3.put_object_legal_hold(LegalHold={"Status": "ON"}, **held)
    operation = drive(ask_teardown(people, active))
    assert operation.status == "failed", operation.sentence
    assert f"S3 would not delete evidence from {bucket}" in operation.sentence
    assert operation.failure["resource"] == f"{bucket}/evidence"
    s3.put_object_legal_hold(LegalHold={"Status": "OFF"}, **held)
    operation_retry(operation_id=operation.pk, actor=people["team-lead"])
    assert drive(operation).status == "succeeded", operation.sentence


def test_a_teardown_that_a_check_refuses_leaves_the_environment_as_it_was(active, people):
    Environment.objects.update(tier="prod")
    active.refresh_from_db()
    operation = approve(drive(ask_teardown(people, active)), people, BOTH)
    drive(operation, until=lambda row: row.status == "queued")
    environment_protect(environment=active, is_protected=True, actor=people["team-lead"])
    Operation.objects.filter(pk=operation.pk).update(not_before=timezone.now(), wake_at=timezone.now())
    drive(operation)
    active.refresh_from_db()
    assert (operation.status, active.status) == ("failed", "active")
    assert "was protected meanwhile" in operation.sentence
    environment_protect(environment=active, is_protected=False, actor=people["team-lead"])
    operation_retry(operation_id=operation.pk, actor=people["team-lead"])
    assert drive(operation).status == "succeeded", operation.sentence


def test_a_torn_down_name_can_be_built_again_at_once(active, people, ask):
    drive(ask_teardown(people, active))
    again = drive(ask(name=active.name))
    assert again.status == "succeeded", again.sentence
    assert Environment.objects.filter(name=active.name).count() == 2


def test_protected_environments_refuse_and_prod_waits_seven_days(ask, people):
    operation = planned(ask)
    approve(operation, people)
    drive(operation)
    assert operation.status == "succeeded", operation.sentence
    environment = Environment.objects.get()
    with pytest.raises(Conflict, match="protected"):
        ask_teardown(people, environment)
    environment = environment_protect(environment=environment, is_protected=False, actor=people["team-lead"])
    Environment.objects.update(tier="prod")
    environment.refresh_from_db()
    teardown = drive(ask_teardown(people, environment))
    assert teardown.status == "awaiting-approval"
    approve(teardown, people, BOTH)
    drive(teardown, until=lambda row: row.status == "queued")
    assert timedelta(days=6) < teardown.not_before - timezone.now() < timedelta(days=7)
    operation_shorten_notice(
        operation_id=teardown.pk,
        not_before=timezone.now(),
        reason="The customer has left.",
        actor=people["administrator"],
    )
    drive(teardown)
    assert teardown.status == "succeeded", teardown.sentence
    assert "DeletionProtection" not in teardown.sentence
    unprotect = teardown.steps.get(key="unprotect-data")
    assert unprotect.status == "succeeded" and unprotect.sentence != "Nothing was protected."


def test_nothing_is_deleted_while_another_stack_imports_from_it(active, people, sandbox, keys):
    cloudformation = sandbox.client("cloudformation", keys, REGION)
    pages = cloudformation.get_paginator("list_exports").paginate()
    names = [export["Name"] for page in pages for export in page["Exports"]]
    export = next(name for name in names if name.startswith(f"sy-{active.full_name}-network"))
    template = {
        "Resources": {
            "Parameter": {
                "Type": "AWS::SSM::Parameter",
                "Properties": {"Type": "String", "Value": {"Fn::ImportValue": export}},
            }
        }
    }
    cloudformation.create_stack(StackName="foreign", TemplateBody=json.dumps(template))
    cloudformation.get_waiter("stack_create_complete").wait(StackName="foreign", WaiterConfig=OFTEN)
    operation = drive(ask_teardown(people, active))
    assert operation.status == "failed" and "foreign" in operation.sentence
    assert not operation.steps.filter(key__startswith="delete-", attempts__gt=0).exists()
    cloudformation.delete_stack(StackName="foreign")
    cloudformation.get_waiter("stack_delete_complete").wait(StackName="foreign", WaiterConfig=OFTEN)
    operation_retry(operation_id=operation.pk, actor=people["team-lead"])
    assert drive(operation).status == "succeeded", operation.sentence


def test_a_broken_environment_can_be_torn_down(ask, people, sandbox):
    sandbox.fault(
        "failing-type", type="AWS::RDS::DBCluster", action="create", account=ACCOUNT_ID, message="No."
    )
    assert drive(ask()).status == "failed"
    sandbox.lift_faults()
    environment = Environment.objects.get()
    operation = drive(ask_teardown(people, environment))
    environment.refresh_from_db()
    assert (operation.status, environment.status) == ("succeeded", "torn-down"), operation.sentence
    assert Operation.objects.count() == 2


def test_a_store_that_has_grown_since_the_plan_is_told():
    def loss(count, size):
        return [
            {
                "store": "The files",
                "key": "uploads",
                "what": f"{count} objects",
                "count": count,
                "bytes": size,
            }
        ]

    assert grown(loss(10, 100), loss(60, 100_000)) == ""
    assert "has grown" in grown(loss(10, 100), loss(10_000, 100))
    assert "has grown" in grown(loss(10, 100), loss(10, 5_000_000_000))
    assert "was not there" in grown([], loss(1, 1))
    # A week of notice writes logs: that is no reason to ask again.
    assert grown([], [{**loss(1, 1)[0], "key": "logs"}, {**loss(1, 1)[0], "key": "log-groups"}]) == ""
