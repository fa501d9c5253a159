"""A rule that wants somebody of another team: who may approve, who is asked, and what is said of it."""

import pytest

from environments.errors import Forbidden, InvalidFields
from environments.lifecycle.models import ApprovalRule
from environments.lifecycle.plans import approval_need
from environments.lifecycle.rule_fields import rule_defaults, rule_values
from environments.lifecycle.rules import rule_try
from environments.lifecycle.terms import approvals_for, terms_words
from environments.notifications.fanout import notices_address
from environments.operations.approvals import operation_approve, operation_reject
from environments.operations.models import Operation
from environments.operations.moves import operation_planned
from environments.people.models import PortalRole
from tests import factories
from tests.environments.lifecycle.test_rules import planned
from tests.factories import rule_make

pytestmark = pytest.mark.django_db


@pytest.fixture
def outsider(people):
    """An approver who is not of the team Shop, as all others are."""
    return factories.person_make(PortalRole.APPROVER, teams=[factories.team_make("Security")])


def waiting(asked, approvals):
    """A request of the team Shop's lead that waits for people, one of whom is not of Shop."""
    ApprovalRule.objects.all().delete()
    rule_make("Four eyes from outside", approvals=approvals, another_team=True)
    operation = planned(asked)
    operation_planned(operation, approval_need(operation))
    operation.refresh_from_db()
    assert operation.approval_terms == {"another_team": True}
    return operation


def approve(operation, actor):
    return operation_approve(operation_id=operation.pk, plan_hash=operation.approval_hash, actor=actor)


def test_one_approval_comes_from_another_team(asked, people, outsider):
    operation = waiting(asked, 1)
    for role in ("approver", "administrator"):
        with pytest.raises(Forbidden, match="somebody who is not of the team Shop"):
            approve(operation, people[role])
        assert not approvals_for(people[role]).exists()
    assert approvals_for(outsider).get() == operation
    assert approve(operation, outsider).status == "queued"


def test_of_two_approvals_the_last_one_is_kept_for_another_team(asked, people, outsider):
    operation = waiting(asked, 2)
    assert approvals_for(people["approver"]).get() == operation
    assert approve(operation, people["approver"]).status == "awaiting-approval"
    assert not approvals_for(people["administrator"]).exists()
    with pytest.raises(Forbidden, match="not of the team Shop"):
        approve(operation, people["administrator"])
    assert approve(operation, outsider).status == "queued"


def test_when_another_team_was_first_the_own_team_may_be_second(asked, people, outsider):
    operation = waiting(asked, 2)
    approve(operation, outsider)
    assert approvals_for(people["administrator"]).get() == operation
    assert approve(operation, people["administrator"]).status == "queued"


def test_an_approval_of_an_earlier_plan_leaves_no_room(asked, people, outsider):
    operation = waiting(asked, 2)
    operation.decisions.create(decided_by=outsider, verdict="approved", plan_hash="0" * 64)
    approve(operation, people["approver"])
    with pytest.raises(Forbidden):
        approve(operation, people["administrator"])


def test_the_own_team_may_say_no(asked, people):
    operation = waiting(asked, 1)
    rejected = operation_reject(operation_id=operation.pk, comment="Not now.", actor=people["approver"])
    assert rejected.status == "rejected"


def test_those_whose_approval_has_room_are_asked(asked, people, outsider):
    operation = waiting(asked, 1)
    notices_address()
    told = operation.notices.get(topic="operation.awaiting-approval").entries.values_list("person", flat=True)
    assert set(told) == {outsider.pk}
    two = waiting(asked | {"name": "cart"}, 2)
    notices_address()
    told = two.notices.get(topic="operation.awaiting-approval").entries.values_list("person", flat=True)
    assert set(told) == {outsider.pk, people["approver"].pk, people["administrator"].pk}


def test_a_plan_that_waits_keeps_its_terms(asked, people):
    operation = waiting(asked, 1)
    ApprovalRule.objects.update(another_team=False)
    with pytest.raises(Forbidden):
        approve(Operation.objects.get(pk=operation.pk), people["approver"])


def test_a_rule_that_nobody_approves_asks_for_no_team():
    with pytest.raises(InvalidFields) as refused:
        rule_values({**rule_defaults(), "name": "Any", "approvals": 0, "another_team": True})
    assert "nobody of another team" in refused.value.errors["another_team"]


def test_a_candidate_that_only_adds_another_team_is_told_to_differ(asked):
    ApprovalRule.objects.all().delete()
    rule = rule_make("One of us", approvals=1)
    planned(asked)
    rule.another_team = True
    (tried,) = rule_try(rule)
    assert tried.differs


def test_terms_are_said_in_words(shop):
    both = {"roles": ["administrator", "approver"], "another_team": True}
    assert (
        terms_words(both, team=shop, people=2)
        == "each administrator or approver, one of them not of the team Shop"
    )
    assert terms_words({"another_team": True}, team=None) == "who is not of the environment's team"
    assert terms_words({}, team=shop) == ""
