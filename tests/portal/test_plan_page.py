"""A plan on its operation's page, and what a refused one leaves to do."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from environments.lifecycle.models import Plan
from environments.lifecycle.plans import plan_store
from environments.operations.models import Decision, Operation
from environments.people.models import PortalRole, User
from tests import factories

pytestmark = pytest.mark.django_db
R = PortalRole
LINK = "https://eu-west-1.console.aws.amazon.com/servicequotas/home/services/vpc/quotas/L-F678F1CE"
QUOTA = {
    "key": "vpc/L-F678F1CE", "name": "VPCs", "scope": "region", "need": 1, "stacks": {"network": 1}, "used": 4,
    "pending": 1, "limit": 5.0, "link": LINK, "known": True, "counted_at": "2026-11-28T06:00:00+00:00",
}  # fmt: skip
ITEM = {
    "key": "nat", "label": "NAT gateways", "unit": "gateway", "unit_price": "32.85", "source": "-", "verified": True,
    "quantity_before": "1", "quantity": "2", "amount_before": "32.85", "amount": "65.70", "difference": "32.85",
}  # fmt: skip
COST = {
    "currency": "USD", "period": "month", "as_of": "2026-11-22", "total": "65.70", "total_before": "32.85",
    "difference": "32.85", "unverified": "10.00", "verified_share": "84.8", "items": [ITEM],
    "left_out": [{"what": "Data between zones", "why": "-", "upper_estimate": "4.00"}],
}  # fmt: skip
DOCUMENT: dict[str, Any] = {
    "summary": "1 stacks with 1 modified resources.",
    "stacks": [],
    "risks": ["Policies of JobRole use Fn::If, which is not looked through here."],
    "risk_kinds": ["iam-broadening"],
    "losses": [],
    "iam": [
        {
            "sentence": "TaskRole may now also delete object (s3:DeleteObject) on any resource.",
            "who": "TaskRole", "action": "s3:DeleteObject", "count": 1, "resource": "any resource", "judged": True,
        }
    ],
    "quotas": [QUOTA],
    "unpriced": [{"type": "AWS::SNS::Topic", "count": 2}],
}  # fmt: skip
HASHED: dict[str, Any] = {
    "release": "d",
    "spec": {"size": "small"},
    "facts": {"eu-west-1": {"azs": ["a"]}},
    "stacks": [{"name": "sy-shop-network", "region": "eu-west-1", "template": "t", "tags": {}, "policy": None,
                "parameters": {}, "last_operation": "one"}],
}  # fmt: skip


@pytest.fixture
def update(world: Any) -> Operation:
    """An update of an active environment that waits for its approval, with a plan."""
    lead = world.people[R.TEAM_LEAD]
    environment = factories.environment_make(
        "shop", team=world.team, owner=lead, account=world.account, release=world.release
    )
    operation = factories.operation_make(
        environment, kind="update", requested_by=lead, status="awaiting-approval", approvals_needed=1,
        parameters={"spec": environment.spec, "changes": {"size": "medium"}, "release_id": world.release.pk},
    )  # fmt: skip
    _store(operation, HASHED)
    return operation


def _store(operation: Operation, hashed: dict[str, Any], **more: Any) -> Plan:
    plan = plan_store(
        operation, document=DOCUMENT, hashed=hashed, cost=COST, cost_before=Decimal("32.85"), **more
    )
    Operation.objects.filter(pk=operation.pk).update(approval_hash=plan.hash)
    return plan


@pytest.fixture
def approver(world: Any, sign_in: Callable[[User], Client]) -> Client:
    return sign_in(world.people[R.APPROVER])


def shown(client: Client, operation: Operation) -> str:
    return client.get(reverse("admin:operation", args=[operation.pk])).content.decode()


def test_a_plan_tells_who_may_do_more_the_cost_before_and_the_room(
    approver: Client, update: Operation
) -> None:
    page = shown(approver, update)
    assert "Who may do more" in page and "TaskRole may now also delete object" in page
    assert "which is not looked through here" in page
    for text in (
        "32.85",
        "65.70",
        "Quantity before",
        "84.8 % on verified",
        "Without a price: 2 AWS::SNS::Topic",
    ):
        assert text in page, text
    assert "Data between zones (4.00 USD)" in page
    assert LINK in page and "By other operations" in page
    assert "The plan has moved" not in page


def test_a_plan_that_moved_tells_what_since_the_one_that_the_viewer_approved(
    approver: Client, update: Operation, world: Any
) -> None:
    first = update.plan.hash
    Decision.objects.create(
        operation=update, verdict="approved", decided_by=world.people[R.APPROVER], plan_hash=first
    )
    stack = {**HASHED["stacks"][0], "last_operation": "two"}
    seen = {
        "stacks": {
            "sy-shop-network": {"status": "UPDATE_COMPLETE", "changed_at": "2026-11-28T06:30:00+00:00"}
        }
    }
    _store(update, {**HASHED, "stacks": [stack]}, seen=seen)
    _store(update, {**HASHED, "stacks": [stack], "spec": {"size": "large"}}, seen=seen)
    page = shown(approver, update)
    assert "The plan has moved" in page
    assert "Stack sy-shop-network was changed on 28 Nov 2026 at 06:30:00 UTC since that plan" in page
    assert "The request says another size." in page and "large" in page
    moved = approver.get(f"/api/v1/plans/{update.pk}/").json()["versions"]
    assert [(row["number"], [move["part"] for move in row["moved"]]) for row in moved] == [
        (2, ["spec"]),
        (1, ["spec", "stack"]),
    ]


def test_planning_again_by_the_page_goes_back_to_the_plan(
    world: Any, sign_in: Callable[[User], Client], update: Operation
) -> None:
    lead = sign_in(world.people[R.TEAM_LEAD])
    assert "Plan again" in shown(lead, update)
    answer = lead.post(reverse("admin:operation-act", args=[update.pk, "replan"]), follow=True)
    assert "It is planned again" in answer.content.decode()
    update.refresh_from_db()
    assert (update.status, update.approval_hash, update.phase) == ("planning", "", "plan")
    assert "Plan again" not in shown(lead, update)


def test_a_refused_plan_leads_to_a_form_that_names_each_loss(
    world: Any, sign_in: Callable[[User], Client], update: Operation
) -> None:
    loss = {
        "name": "data/Cluster", "type": "AWS::RDS::DBCluster", "action": "replaced", "because": "a change of X",
        "holds": "the database: every table and row", "left": "CloudFormation takes a last snapshot.",
    }  # fmt: skip
    Operation.objects.filter(pk=update.pk).update(
        status="failed", failure={"step": "plan", "losses": [loss], "quotas": [QUOTA]}
    )
    lead = sign_in(world.people[R.TEAM_LEAD])
    page = shown(lead, update)
    assert "What this would lose" in page and "every table and row" in page
    assert "What the account has no room for" in page
    address = f"{reverse('admin:environment-update', args=[update.subject_id])}?refused={update.pk}"
    assert address in page
    form = lead.get(address).content.decode()
    assert 'name="replace" value="data/Cluster"' in form and "It holds the database" in form
    other = lead.get(reverse("admin:environment-update", args=[update.subject_id]) + "?refused=999999")
    assert 'name="replace"' not in other.content.decode()
