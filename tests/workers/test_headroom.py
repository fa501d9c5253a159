"""Whether AWS's quotas leave room for a plan, with what others have planned."""

from datetime import timedelta

import pytest
from django.utils import timezone

from environments.lifecycle.models import QuotaSnapshot
from environments.operations.control import operation_retry
from tests.workers.support import ACCOUNT_ID, REGION, approve, drive, planned

pytestmark = pytest.mark.django_db(transaction=True)

VPCS = "vpc/L-F678F1CE"


@pytest.fixture
def limit(sandbox, keys):
    """A function that lets the account have so many VPCs more than it has. Its quotas are raised again afterwards."""

    def grant(more):
        there = len(sandbox.client("ec2", keys, REGION).describe_vpcs()["Vpcs"])
        sandbox.account(ACCOUNT_ID, quotas={VPCS: there + more})
        QuotaSnapshot.objects.update(taken_at=timezone.now() - timedelta(hours=1))
        return there

    yield grant
    sandbox.account(ACCOUNT_ID)


def vpcs(operation):
    return next(row for row in operation.plan.document["quotas"] if row["key"] == VPCS)


def test_a_plan_counts_what_it_needs_beside_what_is_used_planned_and_allowed(ask, limit):
    there = limit(5)
    first = planned(ask)
    row = vpcs(first)
    assert (row["need"], row["used"], row["pending"], row["limit"]) == (1, there, 0, there + 5)
    assert row["link"] == (
        f"https://{REGION}.console.aws.amazon.com/servicequotas/home/services/vpc/quotas/L-F678F1CE"
    )
    assert {need["key"] for need in first.plan.document["quotas"]} >= {
        "ec2/L-0263D0A3",
        "ec2/L-1216C47A",
        "rds/L-952B80B8",
        "s3/L-DC2B2D3D",
        "iam/L-FE177D64",
        "elasticbeanstalk/L-8EFC1C51",
        "cloudformation/L-0485CB21",
    }
    assert all(need["known"] for need in first.plan.document["quotas"])
    assert vpcs(planned(ask))["pending"] == 1


def test_a_plan_for_which_there_is_no_room_is_refused_with_the_numbers_and_the_link(ask, people, limit):
    there = limit(0)
    operation = drive(ask())
    assert operation.status == "failed", operation.sentence
    assert (
        f"VPCs: account {ACCOUNT_ID} in {REGION} may have {there}; {there} are there, and this needs 1"
        in (operation.sentence)
    )
    assert "servicequotas/home/services/vpc/quotas/L-F678F1CE" in operation.failure["remedy"]
    assert operation.failure["quotas"][0]["key"] == VPCS
    limit(1)
    operation_retry(operation_id=operation.pk, actor=people["team-lead"])
    assert drive(operation).status == "succeeded", operation.sentence


def test_what_others_have_planned_is_counted(ask, limit):
    limit(1)
    planned(ask)
    operation = drive(ask(tier="staging"))
    assert operation.status == "failed", operation.sentence
    assert "1 more are planned or just made by others, and this needs 1" in operation.sentence


def test_what_was_made_since_the_count_is_counted(ask, limit):
    there = limit(5)
    assert drive(ask()).status == "succeeded"
    row = vpcs(planned(ask))
    assert (row["used"], row["pending"]) == (there, 1)


def test_of_two_plans_for_the_last_place_the_second_to_begin_is_stopped(ask, people, limit, sandbox):
    limit(2)
    first, second = planned(ask), planned(ask)
    limit(1)
    approve(first, people)
    approve(second, people)
    drive(second, until=lambda row: row.steps.filter(key="second-look", status="succeeded").exists())
    drive(first)
    assert first.status == "failed" and "VPCs" in first.sentence, first.sentence
    assert not first.steps.filter(key="network", attempts__gt=0).exists()
    drive(second)
    assert second.status == "succeeded", second.sentence


def test_an_unchanged_environment_asks_nothing_about_quotas(active, people, sandbox):
    from environments.lifecycle.update import environment_update

    before = sandbox.control("GET", "requests/counts")["last"]
    operation = drive(
        environment_update(environment=active, changes={"log_retention_days": 7}, actor=people["team-lead"])
    )
    assert operation.plan.document["quotas"] == []
    calls = sandbox.control("GET", "requests/counts", after=before)["by_operation"]
    assert not {name for name in calls if "Quotas" in name or "DescribeVpcs" in name}


def test_quotas_that_an_older_role_may_not_read_are_told_as_not_known(ask, limit, sandbox):
    limit(5)
    sandbox.fault("deny", service="servicequotas", account=ACCOUNT_ID)
    operation = planned(ask)
    assert not any(row["known"] for row in operation.plan.document["quotas"])
    assert any("Deploy its role template once more" in risk for risk in operation.plan.document["risks"])
