"""From plan-only to live: the account is read, then a canary is built, changed and torn down in it."""

import pytest
from django.utils import timezone

from environments.errors import Conflict
from environments.lifecycle.accounts import account_add
from environments.lifecycle.canary import account_canary
from environments.lifecycle.models import Account, Environment
from environments.operations.approvals import operation_approve
from environments.operations.control import operation_cancel, operation_retry
from environments.operations.models import AuditEntry, Operation
from environments.operations.states import ENDED
from environments.people.models import Team
from tests.workers.points import points_recorded
from tests.workers.support import REGION, added, drive, look, role_deploy, zone_make
from workers.runner import advance

ZONE = "canary.example.org"
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def plan_only(release, people, sandbox, portal_principal, settings):
    """A function that adds a plan-only account of one's own; answers it and its keys."""
    settings.PORTAL_PRINCIPAL_ARN = "arn:aws:iam::100000000001:user/switchyard-portal"

    def make(account_id):
        keys = sandbox.account(account_id)
        zone_make(sandbox, keys, ZONE)
        operation = account_add(
            name=f"acme-{account_id[-4:]}",
            account_id=account_id,
            mode="plan-only",
            regions=[REGION],
            zone_name=ZONE,
            actor=people["administrator"],
        )
        role_deploy(sandbox, keys, release, Account.objects.get(), access="read")
        added(operation, people)
        assert operation.status == "succeeded", operation.sentence
        return Account.objects.get(), keys

    return make


def drive_all(operation, *, within_s=150):
    """Drive a canary and what it opens, the way a worker would: whatever is due."""

    def over(row):
        for child in Operation.objects.exclude(pk=row.pk).exclude(status__in=ENDED):
            look(child.scope)
            if child.wake_at is None or child.wake_at <= timezone.now():
                advance(child.pk)
        row.refresh_from_db()
        return row.status in ENDED

    return drive(operation, within_s=within_s, until=over)


def approved(operation, people):
    drive(operation)
    assert operation.status == "awaiting-approval", operation.sentence
    operation_approve(operation_id=operation.pk, plan_hash=operation.approval_hash, actor=people["approver"])
    return operation


def test_a_plan_only_account_is_read_and_nothing_is_deployed(plan_only, sandbox):
    account, keys = plan_only("444455560001")
    assert (account.mode, account.status) == ("plan-only", "ready")
    stacks = sandbox.client("cloudformation", keys, REGION).describe_stacks()["Stacks"]
    assert [stack["StackName"] for stack in stacks] == ["switchyard-access"]
    roles = {role["RoleName"] for role in sandbox.client("iam", keys).list_roles()["Roles"]}
    assert "SwitchyardReader" in roles and "SwitchyardDeployer" not in roles
    assert account.region_facts.get().region == REGION


def test_a_passed_canary_makes_the_account_live(plan_only, release, people, sandbox, trace):
    account, keys = plan_only("444455560002")
    operation = account_canary(account=account, team=Team.objects.get(), actor=people["administrator"])
    drive(operation, until=lambda row: row.steps.filter(key="role", waits_for="person").exists())
    role_deploy(sandbox, keys, release, account)
    drive_all(approved(operation, people))
    assert operation.status == "succeeded", operation.sentence
    account.refresh_from_db()
    environment = Environment.objects.get()
    kinds = list(environment.operations.order_by("pk").values_list("kind", "status"))
    assert kinds == [("provision", "succeeded"), ("update", "succeeded"), ("teardown", "succeeded")]
    assert (account.mode, environment.status, environment.is_canary) == ("live", "torn-down", True)
    assert environment.spec["log_retention_days"] == 7
    update = environment.operations.get(kind="update")
    assert environment.operations.get(kind="teardown").plan.assembly == update.plan.assembly != ""
    changed = [c for stack in update.plan.document["stacks"] for c in stack["changes"]]
    assert changed and {change["action"] for change in changed} == {"modified"}
    assert AuditEntry.objects.filter(action="account.live").exists()
    with pytest.raises(Conflict, match="plan-only"):
        account_canary(account=account, team=Team.objects.get(), actor=people["administrator"])
    assert points_recorded(trace) > 100


def test_a_canary_that_fails_leaves_the_account_as_it_was_and_can_be_retried(
    plan_only, release, people, sandbox
):
    account, keys = plan_only("444455560003")
    operation = account_canary(account=account, team=Team.objects.get(), actor=people["administrator"])
    role_deploy(sandbox, keys, release, account)
    approved(operation, people)
    sandbox.fault(
        "failing-type",
        type="AWS::RDS::DBCluster",
        action="create",
        message="No capacity.",
        account=account.account_id,
    )
    drive_all(operation)
    account.refresh_from_db()
    assert (operation.status, account.mode) == ("failed", "plan-only")
    assert "No capacity." in operation.sentence
    sandbox.lift_faults()
    operation_retry(operation_id=operation.pk, actor=people["administrator"])
    drive_all(operation)
    account.refresh_from_db()
    assert (operation.status, account.mode) == ("succeeded", "live"), operation.sentence
    assert Environment.objects.count() == 1


def test_a_cancelled_canary_cancels_what_it_opened_and_its_environment_is_named(
    plan_only, release, people, sandbox
):
    account, keys = plan_only("444455560004")
    operation = account_canary(account=account, team=Team.objects.get(), actor=people["administrator"])
    role_deploy(sandbox, keys, release, account)
    approved(operation, people)
    drive(operation, until=lambda row: row.steps.filter(key="up", status="waiting").exists())
    operation_cancel(operation_id=operation.pk, actor=people["administrator"])
    drive_all(operation)
    account.refresh_from_db()
    child = Operation.objects.get(kind="provision")
    assert (operation.status, child.status, account.mode) == ("cancelled", "cancelled", "plan-only")
    assert Environment.objects.get().status in ("withdrawn", "broken")
