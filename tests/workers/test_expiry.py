"""What expires is torn down with last copies, once, whatever else goes on; extensions are plans without AWS."""

from datetime import timedelta

import pytest
from django.utils import timezone

from environments.lifecycle.environments import environment_protect
from environments.lifecycle.expired import expiries_round
from environments.lifecycle.extend import environment_extend
from environments.lifecycle.models import Environment, ExpiryRule, TeardownReport
from environments.operations.models import Operation
from tests.workers.support import approve, drive

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


@pytest.fixture
def rule(transactional_db):
    """The rule of the product; tests with processes begin without what migrations put there."""
    rule = {"default_days": 14, "maximum_days": 30, "approves_teardown": True}
    return ExpiryRule.objects.update_or_create(tier="dev", defaults=rule)[0]


def expire(environment):
    """Its time came a moment ago, and its people were told in time."""
    now = timezone.now()
    Environment.objects.filter(pk=environment.pk).update(
        expires_at=now, expiry_due_at=now, expiry_warned_at=now - HOUR
    )


def teardown():
    return Operation.objects.get(kind="teardown")


def test_what_expired_is_torn_down_by_its_rule_and_its_copies_are_kept(rule, active):
    expire(active)
    assert expiries_round() == 1
    operation = drive(teardown(), within_s=180)
    assert operation.status == "succeeded", operation.sentence
    assert (
        operation.approval_rule == "Development environments that have expired are torn down with last copies"
    )
    assert operation.requested_by is None and operation.approvals_needed == 0
    kept = {row["type"] for row in TeardownReport.objects.get().kept}
    assert {"AWS::RDS::DBClusterSnapshot", "AWS::KMS::Key"} <= kept
    assert Environment.objects.get().status == "torn-down"
    assert expiries_round(timezone.now() + DAY) == 0


def test_an_extension_beyond_the_maximum_is_planned_approved_and_given_without_a_call(
    rule, active, people, sandbox
):
    Environment.objects.update(expires_at=timezone.now() + DAY)
    active.refresh_from_db()
    until = active.expiry_from + 45 * DAY
    before = sandbox.control("GET", "requests/counts")["last"]
    operation = environment_extend(environment=active, until=until, actor=people["team-lead"]).operation
    drive(operation)
    assert operation.status == "awaiting-approval", operation.sentence
    plan = operation.plan.document
    assert f"{active.name} would expire on" in plan["summary"] and "about USD" in plan["summary"]
    drive(approve(operation, people))
    assert operation.status == "succeeded", operation.sentence
    assert operation.sentence.startswith(f"{active.name} expires on")
    assert Environment.objects.get().expires_at == until
    assert sandbox.control("GET", "requests/counts", after=before)["by_operation"] == {}


def test_an_extension_that_is_approved_while_a_teardown_waits_withdraws_it(rule, active, people):
    Environment.objects.update(expires_at=timezone.now() + DAY)
    active.refresh_from_db()
    until = active.expiry_from + 45 * DAY
    extension = drive(
        environment_extend(environment=active, until=until, actor=people["team-lead"]).operation
    )
    expire(active)
    expiries_round()
    drive(approve(extension, people))
    assert extension.status == "succeeded", extension.sentence
    assert teardown().status == "cancelled" and "Withdrawn" in teardown().sentence
    assert Environment.objects.get().status == "active"


def test_what_is_protected_while_its_teardown_waits_stays(rule, active, people):
    expire(active)
    expiries_round()
    environment_protect(environment=active, is_protected=True, actor=people["team-lead"])
    assert teardown().status == "cancelled"
    assert expiries_round(timezone.now() + DAY) == 0
