"""An application comes, makes versions, and goes; what nobody could make again stays, by name."""

import json

import pytest

from devtools.sandbox import OFTEN
from environments.errors import Conflict
from environments.lifecycle.application_update import application_update
from environments.lifecycle.applications import application_add, application_remove
from environments.lifecycle.models import Application, QuotaSnapshot
from environments.operations.control import operation_cancel, operation_retry
from environments.people.models import Team
from tests.workers.support import ACCOUNT_ID, REGION, approve, drive
from workers.reconcile import reconcile, told
from workers.versions import versions_look, versions_round

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def asked(release, account, people):
    """asked(**fields) asks for an application, and drives it to its approval."""

    def ask(**fields):
        wanted = {"name": "till", "team": Team.objects.get(), "account": account, "release": release}
        operation = application_add(**{**wanted, **fields}, actor=people["team-lead"])
        return drive(operation, until=lambda row: row.status == "awaiting-approval" or row.is_ended)

    return ask


@pytest.fixture
def ready(asked, people):
    """An application that is ready."""
    operation = drive(approve(asked(), people))
    assert operation.status == "succeeded", operation.sentence
    return Application.objects.get()


def there(sandbox, kind, application):
    """What the local AWS has of a type and of this application; other tests' share the account."""
    rows = sandbox.control("GET", "resources", account=ACCOUNT_ID, type=kind)
    return [row for row in rows if application.stack_name in json.dumps(row)]


def removed(application, people):
    operation = application_remove(
        application=application, confirm=application.name, actor=people["team-lead"]
    )
    drive(operation, until=lambda row: row.status == "awaiting-approval" or row.is_ended)
    return operation


def test_an_application_is_planned_with_its_price_approved_and_ready(asked, people, sandbox):
    operation = asked()
    assert operation.status == "awaiting-approval", operation.sentence
    [row] = operation.plan.document["stacks"]
    assert row["action"] == "create" and operation.plan.monthly_cost_after > 5
    assert operation.plan.document["unpriced"] == []
    assert not there(sandbox, "AWS::CodePipeline::Pipeline", operation.subject)
    drive(approve(operation, people))
    assert operation.status == "succeeded", operation.sentence
    application = Application.objects.get()
    assert application.status == "ready"
    address = f"https://git-codecommit.{REGION}.amazonaws.com/v1/repos/{application.stack_name}"
    assert application.outputs["RepositoryUrl"] == address
    assert address in operation.sentence
    assert there(sandbox, "AWS::CodePipeline::Pipeline", application)


def test_versions_are_what_the_registry_marks_as_released(ready, sandbox, keys):
    ecr = sandbox.client("ecr", keys, REGION)

    def push(manifest, tag):
        body = json.dumps({"schemaVersion": 2, "layers": [], "config": {"digest": manifest}})
        answer = ecr.put_image(repositoryName=ready.stack_name, imageManifest=body, imageTag=tag)
        return answer["image"]["imageId"]["imageDigest"]

    push("sha256:aa", "abc123")
    assert versions_look(ready) == 0
    digest = push("sha256:aa", "release-abc123")
    assert versions_round() == 1 and versions_round() == 0
    [version] = ready.versions.all()
    assert (version.commit, version.digest, version.gone_at) == ("abc123", digest, None)
    ready.refresh_from_db()
    assert ready.versions_seen_at is not None
    ecr.batch_delete_image(repositoryName=ready.stack_name, imageIds=[{"imageDigest": digest}])
    assert versions_look(ready) == 0
    version.refresh_from_db()
    assert version.gone_at is not None
    push("sha256:aa", "release-abc123")
    assert versions_look(ready) == 0
    version.refresh_from_db()
    assert version.gone_at is None


def test_a_registry_that_does_not_answer_keeps_no_other_back(ready, sandbox):
    sandbox.fault("throttle", service="ecr", rate=0, account=ACCOUNT_ID)
    assert versions_round() == 0
    ready.refresh_from_db()
    assert ready.versions_seen_at is None


def test_what_nobody_could_make_again_stays_and_is_named(ready, people, sandbox):
    operation = removed(ready, people)
    told = " ".join(operation.plan.document["risks"])
    for kind in ("AWS::CodeCommit::Repository", "AWS::ECR::Repository", "AWS::KMS::Key", "AWS::S3::Bucket"):
        assert kind in told
        assert kind not in {row["type"] for row in operation.plan.document["stacks"][0]["changes"]}
    drive(approve(operation, people))
    assert operation.status == "succeeded", operation.sentence
    ready.refresh_from_db()
    assert ready.status == "gone" and ready.outputs == {}
    kinds = sorted(row["type"] for row in ready.left_behind)
    assert kinds == [
        "AWS::CodeCommit::Repository",
        "AWS::ECR::Repository",
        "AWS::KMS::Key",
        "AWS::S3::Bucket",
    ]
    registry = next(row["id"] for row in ready.left_behind if row["type"] == "AWS::ECR::Repository")
    assert registry == ready.stack_name
    assert not there(sandbox, "AWS::CodePipeline::Pipeline", ready)
    assert there(sandbox, "AWS::ECR::Repository", ready)


def test_room_is_counted_in_its_plan_and_a_full_account_is_told_before_anybody_is_asked(asked, sandbox):
    operation = asked()
    rows = {row["key"]: row for row in operation.plan.document["quotas"]}
    needed = {key: rows[key]["need"] for key in ("ecr/L-CFEB8E8D", "codebuild/L-ACCF6C0D", "s3/L-DC2B2D3D")}
    assert needed == {"ecr/L-CFEB8E8D": 1, "codebuild/L-ACCF6C0D": 4, "s3/L-DC2B2D3D": 1}
    assert rows["iam/L-FE177D64"]["need"] > 8 and all(row["known"] for row in rows.values())
    operation_cancel(operation_id=operation.pk, actor=operation.requested_by)
    drive(operation)
    projects = rows["codebuild/L-ACCF6C0D"]["used"] + 3
    sandbox.account(ACCOUNT_ID, quotas={"codebuild/L-ACCF6C0D": projects})
    QuotaSnapshot.objects.all().delete()
    try:
        full = asked()
    finally:
        sandbox.account(ACCOUNT_ID, quotas={"codebuild/L-ACCF6C0D": 5000})
    assert (full.status, full.failure["reason"]) == ("failed", "quota")
    assert f"Build projects: account {ACCOUNT_ID} in {REGION} may have {projects}" in full.sentence
    assert "servicequotas/home/services/codebuild/quotas/L-ACCF6C0D" in full.failure["remedy"]


def changed(application, people, **changes):
    """An update of the application, planned."""
    operation = application_update(application=application, changes=changes, actor=people["team-lead"])
    return drive(operation, until=lambda row: row.status == "awaiting-approval" or row.is_ended)


def test_branch_gate_and_who_is_told_change_and_nothing_is_replaced(ready, people, sandbox, keys):
    operation = changed(
        ready, people, branch="trunk", blocks_from="critical", findings_email="web@example.com"
    )
    assert operation.status == "awaiting-approval", operation.sentence
    [row] = operation.plan.document["stacks"]
    assert row["action"] == "update" and {change["action"] for change in row["changes"]} == {"modified"}
    kinds = {change["type"] for change in row["changes"]}
    assert kinds == {"AWS::CodePipeline::Pipeline", "AWS::Events::Rule", "AWS::SNS::Topic"}
    assert not {"replacement", "data-loss"} & set(operation.plan.document["risk_kinds"])
    ready.refresh_from_db()
    assert ready.spec["branch"] == "main"
    drive(approve(operation, people))
    assert operation.status == "succeeded", operation.sentence
    assert "branch main → trunk" in operation.sentence
    ready.refresh_from_db()
    assert (ready.status, ready.spec["branch"], ready.spec["blocks_from"]) == ("ready", "trunk", "critical")
    [pipeline] = there(sandbox, "AWS::CodePipeline::Pipeline", ready)
    assert '"trunk"' in json.dumps(pipeline) and '"main"' not in json.dumps(pipeline)
    assert "HighThreshold" not in json.dumps(pipeline) and "CriticalThreshold" in json.dumps(pipeline)
    # The address goes again, and its subscription with it.
    back = drive(approve(changed(ready, people, findings_email=""), people))
    assert back.status == "succeeded", back.sentence
    assert back.sentence == "till is changed: findings_email web@example.com → nothing."
    [topic] = there(sandbox, "AWS::SNS::Topic", ready)
    assert "web@example.com" not in json.dumps(topic)


def test_a_change_that_fails_leaves_what_there_was_and_is_retried(ready, people, sandbox):
    operation = changed(ready, people, branch="trunk")
    sandbox.fault(
        "failing-type", type="AWS::CodePipeline::Pipeline", action="update", account=ACCOUNT_ID, message="No."
    )
    drive(approve(operation, people))
    assert operation.status == "failed", operation.sentence
    ready.refresh_from_db()
    assert (ready.status, ready.spec["branch"]) == ("ready", "main")
    sandbox.lift_faults()
    operation_retry(operation_id=operation.pk, actor=people["team-lead"])
    drive(operation)
    assert operation.status == "succeeded", operation.sentence
    ready.refresh_from_db()
    assert ready.spec["branch"] == "trunk"


def test_what_would_be_the_same_asks_nobody(ready, people):
    with pytest.raises(Conflict, match="like that already"):
        changed(ready, people, branch="main")
    # What the stack has already, as after a restore of an older backup of the portal.
    assert drive(approve(changed(ready, people, branch="trunk"), people)).status == "succeeded"
    Application.objects.update(spec={**ready.spec, "branch": "main"})
    operation = changed(Application.objects.get(), people, branch="trunk")
    assert operation.status == "succeeded", operation.sentence
    assert operation.approvals_needed == 0
    assert Application.objects.get().spec["branch"] == "trunk"


def test_the_name_is_free_again_with_other_names_in_aws(ready, people, asked):
    drive(approve(removed(ready, people), people))
    operation = drive(approve(asked(), people))
    assert operation.status == "succeeded", operation.sentence
    names = set(Application.objects.values_list("suffix", flat=True))
    assert len(names) == 2


def test_a_creation_that_failed_leaves_nothing_and_is_retried(asked, people, sandbox):
    operation = asked()
    sandbox.fault(
        "failing-type", type="AWS::CodePipeline::Pipeline", action="create", account=ACCOUNT_ID, message="No."
    )
    drive(approve(operation, people))
    assert operation.status == "failed", operation.sentence
    assert Application.objects.get().status == "broken"
    sandbox.lift_faults()
    operation_retry(operation_id=operation.pk, actor=people["team-lead"])
    drive(operation)
    assert operation.status == "succeeded", operation.sentence
    assert Application.objects.get().status == "ready"


def test_a_request_that_is_cancelled_is_withdrawn_and_frees_its_name(asked, people):
    operation = asked()
    operation_cancel(operation_id=operation.pk, actor=people["team-lead"])
    drive(operation)
    assert Application.objects.get().status == "withdrawn"
    assert asked().status == "awaiting-approval"


def test_what_is_gone_cannot_be_removed_again(ready, people):
    drive(approve(removed(ready, people), people))
    ready.refresh_from_db()
    with pytest.raises(Conflict):
        application_remove(application=ready, confirm=ready.name, actor=people["team-lead"])


def test_after_a_restore_an_application_is_compared_with_aws(ready, sandbox, keys):
    def about():
        return [row for row in told(reconcile()) if row.startswith("application till")]

    assert about() == []
    Application.objects.update(status="gone")
    [line] = about()
    assert line.startswith("application till is gone here, but AWS has: sy-app-till-")
    Application.objects.update(status="ready")
    client = sandbox.client("cloudformation", keys, REGION)
    client.update_termination_protection(StackName=ready.stack_name, EnableTerminationProtection=False)
    client.delete_stack(StackName=ready.stack_name)
    client.get_waiter("stack_delete_complete").wait(StackName=ready.stack_name, WaiterConfig=OFTEN)
    [line] = about()
    assert line.startswith(f"application till is ready here, but AWS has not: {ready.stack_name}")
    Application.objects.all().delete()


def test_what_never_came_up_is_removed_and_leaves_nothing(asked, people, sandbox):
    operation = asked()
    sandbox.fault(
        "failing-type", type="AWS::CodePipeline::Pipeline", action="create", account=ACCOUNT_ID, message="No."
    )
    drive(approve(operation, people))
    sandbox.lift_faults()
    broken = Application.objects.get()
    removal = removed(broken, people)
    assert not [row for row in removal.plan.document["risks"] if "stays in the account" in row]
    drive(approve(removal, people))
    assert removal.status == "succeeded", removal.sentence
    broken.refresh_from_db()
    assert (broken.status, broken.left_behind) == ("gone", [])
