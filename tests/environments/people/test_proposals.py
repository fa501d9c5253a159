"""Settings by two people: who proposes, who decides, what happens between, and when nobody else is there."""

import threading
from datetime import timedelta

import pytest
from django.contrib.auth.hashers import check_password
from django.db import connection
from django.utils import timezone

from environments.errors import Conflict, DomainError, Forbidden, Invalid
from environments.operations.models import AuditEntry, Notice
from environments.people.changes import proposal_moved
from environments.people.models import PortalRole, Proposal, Team, User
from environments.people.persons import (
    person_change_propose,
    person_create_propose,
    totp_reset_propose,
)
from environments.people.proposals import (
    proposal_approve,
    proposal_reject,
    proposal_withdraw,
    proposals_expire,
)
from environments.people.selectors import deciders

pytestmark = pytest.mark.django_db
R = PortalRole
STRONG = "correct-horse-battery-7"


@pytest.fixture
def people(db):
    names = {
        "ada": R.ADMINISTRATOR,
        "grace": R.ADMINISTRATOR,
        "paul": R.APPROVER,
        "lena": R.TEAM_LEAD,
        "erik": R.ENGINEER,
    }
    return {name: User.objects.create(username=name, portal_role=role) for name, role in names.items()}


def change(people, *, of="erik", by="ada", role=R.APPROVER, active=True):
    return person_change_propose(
        user=people[of], portal_role=role, teams=[], is_active=active, actor=people[by]
    )


def approve(proposal, person, **said):
    return proposal_approve(proposal_id=proposal.pk, digest=proposal.digest, actor=person, **said)


def acts():
    return list(AuditEntry.objects.order_by("pk").values_list("actor_name", "action"))


def test_nothing_happens_until_another_person_says_yes(people):
    proposal = change(people)
    assert (proposal.status, User.objects.get(username="erik").portal_role) == ("open", R.ENGINEER)
    assert Notice.objects.get().topic == "proposal.waiting"
    approve(proposal, people["paul"], comment="He has earned it.")
    proposal.refresh_from_db()
    assert (proposal.status, proposal.decided_by, proposal.comment) == (
        "approved",
        people["paul"],
        "He has earned it.",
    )
    assert User.objects.get(username="erik").portal_role == R.APPROVER
    assert acts() == [("ada", "proposal.opened"), ("ada", "person.changed"), ("paul", "proposal.approved")]


@pytest.mark.parametrize("name", ["lena", "erik"])
def test_only_administrators_and_approvers_decide(people, name):
    proposal = change(people, of="grace", role=R.AUDITOR)
    with pytest.raises(Forbidden, match="you may not decide about this proposal"):
        approve(proposal, people[name])
    with pytest.raises(Forbidden):
        proposal_reject(proposal_id=proposal.pk, comment="No.", actor=people[name])
    with pytest.raises(Forbidden, match="As engineer you may not change this person"):
        change(people, by="erik")


def test_nobody_decides_about_an_own_proposal_or_about_themselves(people):
    own = change(people)
    for act in (lambda: approve(own, people["ada"]),
                lambda: proposal_reject(proposal_id=own.pk, comment="No.", actor=people["ada"])):  # fmt: skip
        with pytest.raises(Forbidden, match="You proposed this yourself"):
            act()
    about_paul = change(people, of="paul", role=R.ADMINISTRATOR)
    with pytest.raises(Forbidden, match="This is about yourself"):
        approve(about_paul, people["paul"])
    assert set(deciders(about_paul)) == {people["grace"]}


def test_what_would_be_refused_is_told_when_it_is_proposed_and_leaves_no_trace(people):
    before = User.objects.count()

    def take_in(name, password):
        return person_create_propose(
            username=name, email="", portal_role=R.ENGINEER, password=password, actor=people["ada"]
        )

    for propose, error in (
        (lambda: change(people, of="ada", role=R.AUDITOR), Forbidden),
        (lambda: change(people, role="king"), Invalid),
        (lambda: change(people, role=R.ENGINEER), Conflict),
        (lambda: take_in("erik", STRONG), Invalid),
        (lambda: take_in("new", "12345"), Invalid),
        (lambda: totp_reset_propose(user=people["erik"], reason=" ", actor=people["ada"]), Invalid),
    ):
        with pytest.raises(error):
            propose()
    assert (User.objects.count(), Proposal.objects.count(), acts()) == (before, 0, [])
    assert User.objects.get(username="erik").portal_role == R.ENGINEER


def test_a_first_password_is_kept_as_a_hash_only_and_goes_with_the_decision(people):
    shop = Team.objects.create(name="Shop", slug="shop")
    proposal = person_create_propose(
        username="nina", email="n@example.org", portal_role=R.TEAM_LEAD, teams=[shop],
        password=STRONG, actor=people["ada"],
    )  # fmt: skip
    kept = Proposal.objects.filter(pk=proposal.pk).values().get()
    assert STRONG not in str(kept) and check_password(STRONG, kept["sealed"]["password"])
    assert STRONG not in str(list(AuditEntry.objects.values())) and "pbkdf2" not in str(
        list(AuditEntry.objects.values())
    )
    approve(proposal, people["grace"])
    proposal.refresh_from_db()
    nina = User.objects.get(username="nina")
    assert (proposal.sealed, proposal.subject, nina.check_password(STRONG)) == ({}, nina, True)
    assert list(nina.teams.all()) == [shop]


def test_what_moved_meanwhile_is_not_overwritten(people):
    proposal = change(people)
    User.objects.filter(username="erik").update(is_active=False)
    assert proposal_moved(Proposal.objects.get()) == "erik has changed since this was proposed: is active."
    with pytest.raises(Conflict, match="has changed since this was proposed: is active"):
        approve(proposal, people["paul"])
    proposal_reject(proposal_id=proposal.pk, comment="He has left.", actor=people["paul"])
    assert User.objects.get(username="erik").portal_role == R.ENGINEER


def test_a_digest_of_something_else_approves_nothing(people):
    proposal = change(people)
    with pytest.raises(Conflict, match="not the proposal that you saw") as refusal:
        proposal_approve(proposal_id=proposal.pk, digest="0" * 64, actor=people["paul"])
    assert refusal.value.field == "digest"


def test_who_proposed_it_must_still_be_allowed_to(people):
    proposal = change(people)
    User.objects.filter(username="ada").update(is_active=False)
    with pytest.raises(Conflict, match="It cannot be done any more"):
        approve(proposal, people["grace"])


def test_a_second_proposal_about_the_same_waits_for_the_first(people):
    first = change(people)
    with pytest.raises(Conflict, match=f"Proposal {first.pk} of ada already wants to change it"):
        change(people, by="grace", role=R.AUDITOR)
    proposal_withdraw(proposal_id=first.pk, actor=people["ada"])
    change(people, by="grace", role=R.AUDITOR)


def test_only_who_proposed_it_takes_it_back_and_only_once(people):
    proposal = change(people)
    with pytest.raises(Forbidden, match="Only ada"):
        proposal_withdraw(proposal_id=proposal.pk, actor=people["grace"])
    proposal_withdraw(proposal_id=proposal.pk, actor=people["ada"])
    with pytest.raises(Conflict, match=r"withdrawn already\. Handled by ada"):
        approve(proposal, people["paul"])


def test_what_nobody_decides_expires(people):
    proposal = change(people)
    Proposal.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    with pytest.raises(Conflict, match="time to decide this has passed"):
        approve(proposal, people["paul"])
    assert (proposals_expire(timezone.now()), proposals_expire(timezone.now())) == (1, 0)
    proposal.refresh_from_db()
    assert proposal.status == "expired"
    assert acts()[-1] == ("switchyard", "proposal.expired")


def test_where_nobody_else_could_decide_it_is_done_at_once_and_the_audit_says_so(people):
    User.objects.filter(username__in=["grace", "paul"]).update(is_active=False)
    proposal = change(people)
    assert (proposal.status, proposal.is_alone, proposal.decided_by) == ("approved", True, None)
    assert User.objects.get(username="erik").portal_role == R.APPROVER
    entry = AuditEntry.objects.get(action="proposal.done-alone")
    assert entry.after["why"] == "Nobody else could decide about it."
    # From now on there is somebody else.
    assert change(people, of="lena", role=R.ENGINEER).is_open


def test_no_one_person_sends_everybody_else_away(people):
    """Or they would be alone then, and what they propose done at once: the last other person is asked about herself."""
    away = change(people, of="paul", active=False)
    assert away.is_open and set(deciders(away)) == {people["grace"]}
    approve(away, people["grace"])
    last = change(people, of="grace", role=R.AUDITOR)
    assert last.is_open and set(deciders(last)) == {people["grace"]}
    approve(last, people["grace"])
    assert change(people, of="lena", role=R.ENGINEER).is_alone


def race(*acts):
    """Run all at the same moment, each on a connection of its own; answers "done" or the refusal of each."""
    gate, came = threading.Barrier(len(acts)), [""] * len(acts)

    def run(number, act):
        gate.wait(10)
        try:
            act()
            came[number] = "done"
        except DomainError as refusal:
            came[number] = str(refusal)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return came


@pytest.mark.django_db(transaction=True)
def test_two_who_decide_at_once_make_one_decision(people):
    for number in range(10):
        user = User.objects.create(username=f"person-{number}", portal_role=R.ENGINEER)
        proposal = person_change_propose(
            user=user, portal_role=R.AUDITOR, teams=[], is_active=True, actor=people["ada"]
        )
        came = race(
            lambda row=proposal: approve(row, people["grace"]),
            lambda row=proposal: proposal_reject(proposal_id=row.pk, comment="No.", actor=people["paul"]),
            lambda row=proposal: proposal_withdraw(proposal_id=row.pk, actor=people["ada"]),
        )
        assert came.count("done") == 1, came
        proposal.refresh_from_db()
        user.refresh_from_db()
        assert (user.portal_role == R.AUDITOR) == (proposal.status == "approved")
