"""The pages of approvals: the inbox, a plan that two approve, rules that are tried, and proposals that are decided."""

from typing import Any

import pytest
from django.urls import reverse

from environments.lifecycle.models import ApprovalRule
from environments.operations.models import Operation
from environments.people.models import PortalRole, Proposal, User
from tests import factories

R = PortalRole
RULE = {"name": "Cheap updates", "operation_kinds": ["update"], "approvals": "0", "expires_after_h": "24",
        "remind_after_h": "", "risks_covered": ["drift", "removal"], "is_enabled": "on"}  # fmt: skip


@pytest.fixture
def waiting(world: Any) -> Operation:
    """A plan of the lead's that waits for two people."""
    lead = world.people[R.TEAM_LEAD]
    environment = factories.environment_make(
        "bank", team=world.team, owner=lead, account=world.account, release=world.release, tier="prod"
    )
    operation = factories.operation_make(
        environment,
        kind="update",
        status="awaiting-approval",
        requested_by=lead,
        approvals_needed=2,
        approval_rule="Two for production",
        approval_terms={"roles": ["administrator", "approver"]},
    )
    factories.plan_make(operation)
    return operation


def text(client: Any, name: str, *args: Any) -> str:
    answer = client.get(reverse(f"admin:{name}", args=args))
    assert answer.status_code == 200
    return str(answer.content.decode())


def act(client: Any, page: str, *args: Any, **data: Any) -> Any:
    return client.post(reverse(f"admin:{page}", args=args), data, follow=True)


def test_two_approve_and_each_sees_how_far_it_is(world: Any, waiting: Operation, sign_in: Any) -> None:
    paul, ada = (sign_in(world.people[role]) for role in (R.APPROVER, R.ADMINISTRATOR))
    lead = sign_in(world.people[R.TEAM_LEAD])
    page = text(paul, "operation", waiting.pk)
    assert "0 of 2 given" in page and "“Two for production”" in page
    assert "each administrator or approver" in page
    page = text(lead, "operation", waiting.pk)
    assert "Approve this plan" not in page and "another person has to approve it. You may reject it" in page
    said = {"plan_hash": waiting.approval_hash, "comment": "Looks right."}
    act(paul, "operation-act", waiting.pk, "approve", **said)
    page = text(paul, "operation", waiting.pk)
    assert "1 of 2 given" in page and "Looks right." in page
    assert "You have approved this plan" in page and "Approve this plan" not in page
    assert "You approved it" in text(paul, "approvals")
    inbox = text(ada, "approvals")
    assert "1 of 2 approvals" in inbox and "Look and decide" in inbox
    act(ada, "operation-act", waiting.pk, "approve", **said)
    assert "Nothing waits for approval" in text(ada, "approvals")
    late = act(paul, "operation-act", waiting.pk, "approve", **said).content.decode()
    assert f"Handled by {world.people[R.ADMINISTRATOR]}, who approved it" in late


def test_an_approval_of_an_earlier_plan_is_shown_as_not_counting(
    world: Any, waiting: Operation, sign_in: Any
) -> None:
    paul = world.people[R.APPROVER]
    waiting.decisions.create(decided_by=paul, verdict="approved", plan_hash="0" * 64, comment="The old one.")
    page = text(sign_in(world.people[R.ADMINISTRATOR]), "operation", waiting.pk)
    assert "0 of 2 given" in page
    assert "Does not count" in page and "The plan has moved since" in page
    assert "approved an earlier plan" in page


def test_the_own_team_is_told_that_another_one_has_to_approve(
    world: Any, waiting: Operation, sign_in: Any
) -> None:
    waiting.approvals_needed, waiting.approval_terms = 1, {"another_team": True}
    waiting.save()
    inside = sign_in(factories.person_make(R.APPROVER, teams=[world.team]))
    page, inbox = text(inside, "operation", waiting.pk), text(inside, "approvals")
    assert f"wants the approval of somebody who is not of the team {world.team}. You may reject it." in page
    assert "Approve this plan" not in page and "Reject" in page
    assert "who is not of the environment&#x27;s team" in inbox and "Look and decide" not in inbox
    outside = sign_in(factories.person_make(R.APPROVER))
    page = text(outside, "operation", waiting.pk)
    assert "Approve this plan" in page and f"who is not of the team {world.team}" in page
    assert "Look and decide" in text(outside, "approvals")


def test_a_rule_that_wants_another_team_says_so(world: Any, sign_in: Any) -> None:
    ada = sign_in(world.people[R.ADMINISTRATOR])
    fields = {**RULE, "approvals": "1", "another_team": "on"}
    act(ada, "rule-new", **fields, do="propose")
    proposal = Proposal.objects.get()
    paul = sign_in(world.people[R.APPROVER])
    assert "One of them from another team" in text(paul, "proposal", proposal.pk)
    act(paul, "proposal-act", proposal.pk, "approve", digest=proposal.digest)
    rule = ApprovalRule.objects.get(name="Cheap updates")
    assert rule.another_team
    assert "One other person, who is not of the environment&#x27;s team" in text(paul, "rules")
    refused = act(ada, "rule", rule.pk, **{**fields, "approvals": "0"}, do="propose")
    assert refused.status_code == 400 and "asks for nobody of another team" in refused.content.decode()


def test_a_rule_is_tried_and_then_proposed(world: Any, waiting: Operation, sign_in: Any) -> None:
    ApprovalRule.objects.all().delete()
    ada = sign_in(world.people[R.ADMINISTRATOR])
    tried = act(ada, "rule-new", **RULE, do="try").content.decode()
    assert "Of the last 1 plan it would have changed 1" in tried and "0 · Cheap updates" in tried
    assert not ApprovalRule.objects.exists() and not Proposal.objects.exists()
    refused = act(ada, "rule-new", **{**RULE, "name": "", "remind_after_h": "soon"}, do="propose")
    assert refused.status_code == 400 and not Proposal.objects.exists()
    assert "People are reminded before it expires" in refused.content.decode()
    proposed = act(ada, "rule-new", **RULE, do="propose").content.decode()
    assert "Add the rule “Cheap updates”" in proposed and "Your decision" not in proposed
    assert not ApprovalRule.objects.exists()


def test_a_proposal_is_approved_by_another_person(world: Any, sign_in: Any) -> None:
    ada, paul = sign_in(world.people[R.ADMINISTRATOR]), sign_in(world.people[R.APPROVER])
    rule = factories.rule_make("Development goes", tiers=["dev"])
    act(ada, "rule-act", rule.pk, "disable")
    proposal = Proposal.objects.get()
    assert "has proposed a change" in text(ada, "rule", rule.pk)
    lead = text(sign_in(world.people[R.TEAM_LEAD]), "approvals")
    assert "Change the rule “Development goes”" in lead and "Look and decide" not in lead
    inbox = text(paul, "approvals")
    assert "Look and decide" in inbox
    assert "Change the rule “Development goes”" in inbox and "1 proposed setting does" in inbox
    page = text(paul, "proposal", proposal.pk)
    assert "In force" in page and ">yes<" in page and ">no<" in page
    blank = act(paul, "proposal-act", proposal.pk, "reject", comment=" ")
    assert blank.status_code == 400 and "Say why" in blank.content.decode()
    act(paul, "proposal-act", proposal.pk, "approve", digest=proposal.digest, comment="Fine.")
    rule.refresh_from_db()
    assert not rule.is_enabled
    assert "Handled by" in text(ada, "proposal", proposal.pk)
    assert "Settings, handled" in text(ada, "approvals")


def test_a_proposal_whose_subject_moved_says_so_and_offers_no_approval(world: Any, sign_in: Any) -> None:
    subject = factories.person_make(R.ENGINEER)
    proposal = factories.proposal_make(subject, by=world.people[R.ADMINISTRATOR])
    User.objects.filter(pk=subject.pk).update(portal_role=R.APPROVER)
    page = text(sign_in(world.people[R.APPROVER]), "proposal", proposal.pk)
    assert "It cannot be approved any more." in page and "portal role" in page
    assert "Approve, and have it done" not in page and "Reject" in page


def test_pages_ask_as_much_for_many_rules_and_proposals_as_for_few(
    world: Any, sign_in: Any, django_assert_max_num_queries: Any
) -> None:
    ada = sign_in(world.people[R.ADMINISTRATOR])
    for number in range(30):
        factories.rule_make(f"Rule {number}", position=number)
        factories.proposal_make(factories.person_make(R.ENGINEER), by=world.people[R.ADMINISTRATOR])
    for name in ("rules", "approvals"):
        text(ada, name)
        with django_assert_max_num_queries(24):
            text(ada, name)
