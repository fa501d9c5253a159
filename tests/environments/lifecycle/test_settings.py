"""Rules, releases and accounts: proposed, decided by another person, and then done."""

from decimal import Decimal

import pytest

from environments.errors import Conflict, Forbidden, Invalid, InvalidFields
from environments.lifecycle.acts import account_change, rule_create
from environments.lifecycle.models import ApprovalRule, Environment
from environments.lifecycle.rule_fields import rule_defaults, rule_state, rule_values
from environments.lifecycle.settings import (
    account_change_propose,
    release_propose,
    rule_change_propose,
    rule_create_propose,
    rule_delete_propose,
    rules_order_propose,
)
from environments.operations.models import AuditEntry
from environments.people.proposals import proposal_approve
from tests.factories import rule_make

pytestmark = pytest.mark.django_db


@pytest.fixture
def rules():
    """Three rules: first, second, third."""
    ApprovalRule.objects.all().delete()
    return [
        rule_make(name, position=place) for place, name in enumerate(("first", "second", "third"), start=1)
    ]


@pytest.fixture
def admin(people):
    return people["administrator"]


@pytest.fixture
def agree(people):
    """The approver approves a proposal."""
    return lambda proposal: proposal_approve(
        proposal_id=proposal.pk, digest=proposal.digest, actor=people["approver"]
    )


def names():
    return list(ApprovalRule.objects.order_by("position").values_list("name", flat=True))


def test_a_rule_is_added_where_it_was_proposed_once_another_person_agrees(rules, admin, agree):
    proposal = rule_create_propose(
        fields={"name": "Two of us", "tiers": ["prod"], "approvals": 2}, position=2, actor=admin
    )
    assert names() == ["first", "second", "third"]
    agree(proposal)
    assert names() == ["first", "Two of us", "second", "third"]
    proposal.refresh_from_db()
    assert proposal.subject == ApprovalRule.objects.get(name="Two of us")
    agree(rule_create_propose(fields={"name": "Last"}, actor=admin))
    assert names()[-1] == "Last"


def test_a_rule_is_changed_whole_and_only_if_it_is_still_what_was_seen(rules, admin, agree):
    proposal = rule_change_propose(
        rule=rules[0],
        fields={"max_monthly_cost": "400.00", "approvals": 1},
        reason="Dearer now.",
        actor=admin,
    )
    told = {row["field"]: (row["before"], row["after"]) for row in proposal.changes}
    assert told == {"max_monthly_cost": (None, "400.00"), "approvals": (0, 1)}
    agree(proposal)
    rule = ApprovalRule.objects.get(name="first")
    assert (rule.max_monthly_cost, rule.approvals, rule.position) == (Decimal(400), 1, 1)
    late = rule_change_propose(rule=rules[1], fields={"approvals": 2}, actor=admin)
    ApprovalRule.objects.filter(pk=rules[1].pk).update(tiers=["dev"])
    with pytest.raises(Conflict, match="second has changed since this was proposed: tiers"):
        agree(late)
    with pytest.raises(Conflict, match="Nothing would change: all of this holds for first already"):
        rule_change_propose(rule=rule, fields={"approvals": 1}, actor=admin)


def test_a_rule_goes_and_the_rest_move_up(rules, admin, agree):
    proposal = rule_delete_propose(rule=rules[0], actor=admin)
    assert len(names()) == 3
    agree(proposal)
    assert list(ApprovalRule.objects.values_list("position", "name")) == [(1, "second"), (2, "third")]
    assert AuditEntry.objects.filter(action="rule.deleted", actor=admin).exists()


def test_rules_are_put_in_order_unless_they_have_changed_meanwhile(rules, admin, agree):
    ids = [rules[2].pk, rules[0].pk, rules[1].pk]
    agree(rules_order_propose(ids=ids, actor=admin))
    assert names() == ["third", "first", "second"]
    with pytest.raises(Invalid, match="Name each rule once"):
        rules_order_propose(ids=ids[:2], actor=admin)
    back = rules_order_propose(ids=[rule.pk for rule in rules], actor=admin)
    rule_create(fields={**rule_defaults(), "name": "New"}, position=None, actor=None)
    with pytest.raises(Conflict, match="has changed since this was proposed"):
        agree(back)


# A field, what it is told, and words of its sentence.
BAD = [
    ("name", " ", "up to 120 characters"),
    ("name", "x" * 121, "up to 120 characters"),
    ("operation_kinds", ["canary"], "canary is not known"),
    ("tiers", ["production"], "production is not known"),
    ("sizes", ["x" * 21], "up to 20 characters"),
    ("risks_covered", ["fire"], "fire is not known"),
    ("approver_roles", ["auditor"], "auditor is not known"),
    ("max_monthly_cost", "-1", "an amount in USD"),
    ("max_monthly_cost", "much", "an amount in USD"),
    ("max_monthly_cost", "NaN", "an amount in USD"),
    ("min_cost_increase", "1e99", "an amount in USD"),
    ("approvals", 3, "0, 1 or 2 people"),
    ("expires_after_h", 0, "1 to 720 hours"),
    ("expires_after_h", 721, "1 to 720 hours"),
    ("remind_after_h", 168, "before it expires"),
    ("remind_after_h", "soon", "before it expires"),
]


@pytest.mark.parametrize(("field", "value", "words"), BAD)
def test_what_is_not_acceptable_in_a_rule_is_told_at_its_field(rules, admin, field, value, words):
    with pytest.raises(InvalidFields) as refusal:
        rule_create_propose(fields={"name": "New", field: value}, actor=admin)
    assert set(refusal.value.errors) == {field}
    assert words in refusal.value.errors[field]
    assert len(names()) == 3


# Fields that do not go together, and the one that is told.
CONTRARY = [
    ({"min_monthly_cost": "10", "max_monthly_cost": "9"}, "max_monthly_cost"),
    ({"min_cost_increase": "10", "max_cost_increase": "9"}, "max_cost_increase"),
    ({"risks_needed": ["data-loss"]}, "risks_covered"),
    ({"approvals": 0, "approver_roles": ["approver"]}, "approver_roles"),
    ({"expires_after_h": 10, "remind_after_h": 10}, "remind_after_h"),
]


@pytest.mark.parametrize(("fields", "told"), CONTRARY)
def test_what_could_never_fit_is_refused(fields, told):
    with pytest.raises(InvalidFields) as refusal:
        rule_values({**rule_defaults(), "name": "New", **fields})
    assert set(refusal.value.errors) == {told}


def test_a_rule_as_data_comes_back_as_it_was(rules):
    rule = rule_make("Much", sizes=["small"], max_monthly_cost=Decimal("12.5"), remind_after_h=None)
    values = rule_values(rule_state(rule))
    copy = ApprovalRule(**values)
    assert rule_state(copy) == rule_state(rule)


def test_releases_are_offered_withdrawn_and_restored_by_two(release, admin, people, agree):
    with pytest.raises(Conflict, match="This is the default release"):
        release_propose(release=release, verb="withdraw", actor=admin)
    type(release).objects.update(is_default=False)
    agree(release_propose(release=release, verb="withdraw", actor=admin))
    release.refresh_from_db()
    assert release.is_withdrawn
    agree(release_propose(release=release, verb="restore", actor=admin))
    agree(release_propose(release=release, verb="make-default", actor=admin))
    release.refresh_from_db()
    assert (release.is_withdrawn, release.is_default) == (False, True)
    with pytest.raises(Forbidden):
        release_propose(release=release, verb="withdraw", actor=people["approver"])


def test_an_accounts_regions_change_by_two_and_none_that_is_used_goes(account, release, admin, agree, asked):
    both = ["eu-west-1", "us-east-1"]
    agree(account_change_propose(account=account, regions=both, mode="sandbox", actor=admin))
    account.refresh_from_db()
    assert account.regions == both
    Environment.objects.create(
        name="shop", suffix="k3x9", team=asked["team"], owner=admin, tier="dev", size="small",
        account=account, release=release, home_region="us-east-1", cidr="10.9.0.0/16", spec={}, status="active",
    )  # fmt: skip
    for regions, words in (
        ([], "at least one"),
        (["eu-west-1"], "still in us-east-1"),
        ([*both, "mars-1"], "mars-1"),
    ):
        with pytest.raises(InvalidFields, match=words):
            account_change_propose(account=account, regions=regions, mode="sandbox", actor=admin)


@pytest.mark.parametrize(
    ("before", "after", "fine"),
    [
        ("live", "plan-only", True),
        ("plan-only", "live", False),
        ("sandbox", "plan-only", False),
        ("live", "sandbox", False),
    ],
)
def test_a_mode_changes_only_downwards_for_upwards_takes_a_canary(account, admin, before, after, fine):
    type(account).objects.update(mode=before)
    if fine:
        assert account_change(account=account, regions=account.regions, mode=after, actor=admin).mode == after
        return
    with pytest.raises(InvalidFields, match="A canary makes"):
        account_change_propose(account=account, regions=account.regions, mode=after, actor=admin)
