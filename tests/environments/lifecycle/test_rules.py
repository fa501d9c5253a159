"""Which rule decides: a table of plans against rules, and what an operation keeps of the one that did."""

from datetime import timedelta
from decimal import Decimal

import pytest

from environments.errors import Forbidden
from environments.lifecycle.environments import environment_request
from environments.lifecycle.models import GRAVE, ApprovalRule, Risk
from environments.lifecycle.plans import approval_need, plan_store
from environments.lifecycle.rules import Facts, rule_deciding, rule_fits, rule_try
from environments.operations.approvals import operation_approve
from environments.operations.models import Operation
from environments.operations.moves import operation_planned
from tests.factories import rule_make

UPDATE = {"kind": "update", "tier": "staging", "size": "small"}

# What the rule says, what the plan is, and whether they fit.
ROWS = [
    ({}, {}, True),
    ({"operation_kinds": ["update"]}, {}, True),
    ({"operation_kinds": ["provision", "teardown"]}, {}, False),
    ({"tiers": ["dev", "staging"]}, {}, True),
    ({"tiers": ["dev"]}, {}, False),
    ({"sizes": ["small"]}, {}, True),
    ({"sizes": ["medium", "large"]}, {}, False),
    ({"max_monthly_cost": Decimal(400)}, {"cost_after": Decimal(400)}, True),
    ({"max_monthly_cost": Decimal(400)}, {"cost_after": Decimal("400.01")}, False),
    ({"min_monthly_cost": Decimal(400)}, {"cost_after": Decimal(400)}, True),
    ({"min_monthly_cost": Decimal(400)}, {"cost_after": Decimal(399)}, False),
    ({"max_cost_increase": Decimal(50)}, {"cost_before": Decimal(300), "cost_after": Decimal(350)}, True),
    ({"max_cost_increase": Decimal(50)}, {"cost_before": Decimal(300), "cost_after": Decimal(351)}, False),
    ({"max_cost_increase": Decimal(0)}, {"cost_before": Decimal(300), "cost_after": Decimal(100)}, True),
    ({"min_cost_increase": Decimal(100)}, {"cost_before": Decimal(300), "cost_after": Decimal(399)}, False),
    ({"min_cost_increase": Decimal(100)}, {"cost_before": Decimal(300), "cost_after": Decimal(400)}, True),
    ({"risks_needed": ["drift", "removal"]}, {"risks": {"drift"}}, True),
    ({"risks_needed": ["drift", "removal"]}, {"risks": {"replacement"}}, False),
    ({"risks_needed": ["drift"]}, {}, False),
    ({"risks_covered": ["drift"]}, {"risks": {"drift"}}, True),
    ({"risks_covered": ["drift"]}, {"risks": {"drift", "removal"}}, False),
    ({"risks_covered": []}, {}, True),
    # A risk that nobody knew when the rule was made is not covered by it.
    ({"risks_covered": Risk.values}, {"risks": {"quota"}}, False),
    ({"tiers": ["staging"], "sizes": ["large"]}, {}, False),
]


@pytest.mark.parametrize(("rule", "plan", "fits"), ROWS)
def test_a_rule_fits_when_every_condition_holds(rule, plan, fits):
    facts = Facts(**UPDATE | plan | {"risks": frozenset(plan.get("risks", ()))})
    assert rule_fits(ApprovalRule(**{"risks_covered": Risk.values} | rule), facts) is fits


@pytest.mark.parametrize("risk", Risk.values)
def test_a_new_rule_covers_no_grave_risk_unless_it_names_it(risk):
    facts = Facts(**UPDATE, risks=frozenset({risk}))
    rule = ApprovalRule(name="Any update", approvals=0)
    assert rule_fits(rule, facts) is (risk not in GRAVE)
    rule.risks_covered = [risk]
    assert rule_fits(rule, facts)


@pytest.mark.django_db
def test_the_first_enabled_rule_that_fits_decides():
    ApprovalRule.objects.all().delete()
    facts = Facts(**UPDATE)
    assert rule_deciding(facts) is None
    second = rule_make("Second", position=2)
    first = rule_make("First", position=1)
    assert rule_deciding(facts) == first
    ApprovalRule.objects.filter(pk=first.pk).update(is_enabled=False)
    assert rule_deciding(facts) == second


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["account-add", "canary"])
def test_no_rule_speaks_for_accounts(kind):
    rule_make("Everything goes")
    assert rule_deciding(Facts(kind=kind, tier="", size="")) is None


# What a plan is, and by how many people the rules of a new portal want it approved.
SEEDED = [
    ({"kind": "provision", "tier": "dev", "size": "small", "cost_after": Decimal(400)}, 0),
    ({"kind": "provision", "tier": "dev", "size": "small", "risks": {"iam-broadening"}}, 0),
    ({"kind": "provision", "tier": "dev", "size": "small", "cost_after": Decimal(401)}, 1),
    ({"kind": "provision", "tier": "dev", "size": "medium"}, 1),
    ({"kind": "provision", "tier": "staging", "size": "small"}, 1),
    ({"kind": "provision", "tier": "prod", "size": "small"}, 2),
    ({"kind": "teardown", "tier": "dev", "size": "large", "risks": {"removal", "data-loss"}}, 0),
    ({"kind": "teardown", "tier": "staging", "size": "small"}, 1),
    ({"kind": "teardown", "tier": "prod", "size": "small", "risks": {"removal", "data-loss"}}, 2),
    ({"kind": "update", "tier": "dev", "size": "small"}, 1),
    ({"kind": "update", "tier": "dev", "size": "small", "risks": {"data-loss"}}, 2),
    ({"kind": "update", "tier": "prod", "size": "small"}, 2),
]


@pytest.mark.django_db
@pytest.mark.parametrize(("plan", "people"), SEEDED)
def test_the_rules_that_a_portal_begins_with(plan, people):
    rule = rule_deciding(Facts(**plan | {"risks": frozenset(plan.get("risks", ()))}))
    assert (rule.approvals if rule else 1) == people


def planned(asked, *, cost="100.00", risks=(), **fields):
    """A request with its plan, as its last planning step leaves it."""
    operation = environment_request(**asked | fields)
    Operation.objects.filter(pk=operation.pk).update(status="planning")
    operation.refresh_from_db()
    document = {"stacks": [], "risk_kinds": list(risks)}
    plan_store(operation, document=document, hashed={"spec": operation.pk}, cost={"total": cost})
    return operation


def test_an_operation_keeps_what_its_rule_said(asked, people):
    ApprovalRule.objects.all().delete()
    rule = rule_make("Staging", tiers=["staging"], approvals=2, approver_roles=["approver", "administrator"],
        expires_after_h=10, remind_after_h=2)  # fmt: skip
    operation = planned(asked, tier="staging")
    need = approval_need(operation)
    assert (need.count, need.rule, need.terms) == (2, "Staging", {"roles": ["administrator", "approver"]})
    operation_planned(operation, need)
    ApprovalRule.objects.filter(pk=rule.pk).update(approvals=0, approver_roles=[])
    operation.refresh_from_db()
    assert operation.approval_expires_at - operation.approval_call_at == timedelta(hours=8)
    other_lead = people["engineer"]
    other_lead.portal_role = "team-lead"
    with pytest.raises(Forbidden, match="“Staging” wants the approval of: administrator or approver"):
        operation_approve(operation_id=operation.pk, plan_hash=operation.approval_hash, actor=other_lead)
    for role in ("approver", "administrator"):
        operation_approve(operation_id=operation.pk, plan_hash=operation.approval_hash, actor=people[role])
    operation.refresh_from_db()
    assert operation.sentence == "Approved by approver and administrator. Waiting for its turn."


def test_a_plan_that_a_rule_approves_tells_which_one_did(asked):
    operation = planned(asked)
    operation_planned(operation, approval_need(operation))
    assert operation.status == "queued"
    assert operation.approval_rule.startswith("Small development environments")


def test_an_update_is_judged_by_the_size_that_it_would_have(asked):
    ApprovalRule.objects.all().delete()
    rule_make("Small goes", sizes=["small"])
    operation = planned(asked)
    assert approval_need(operation).count == 0
    operation.parameters = {"spec": {"size": "large"}}
    assert approval_need(operation).count == 1


def test_a_candidate_is_tried_on_plans_of_the_past(asked, django_assert_num_queries):
    ApprovalRule.objects.all().delete()
    rule_make("Cheap goes", position=5, max_monthly_cost=Decimal(200))
    cheap, dear = planned(asked), planned(asked, cost="300.00", name="cart")
    candidate = ApprovalRule(name="Two of us", position=1, min_monthly_cost=Decimal(150), approvals=2)
    with django_assert_num_queries(3):
        tried = rule_try(candidate)
    told = [(row.plan.operation_id, row.approvals_now, row.approvals_then, row.differs) for row in tried]
    assert told == [(dear.pk, 1, 2, True), (cheap.pk, 0, 0, False)]
    assert ApprovalRule.objects.count() == 1
