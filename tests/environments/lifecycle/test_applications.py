"""Applications: who may ask, what is refused at which field, the table of moves, and what a registry shows."""

from datetime import timedelta

import pytest
from django.utils import timezone

from environments.errors import Conflict, Forbidden, InvalidFields
from environments.lifecycle.application_update import application_update
from environments.lifecycle.applications import (
    Found,
    application_add,
    application_move,
    application_remove,
    versions_record,
)
from environments.lifecycle.models import Application
from environments.lifecycle.states import APPLICATION_GONE, APPLICATION_MOVES, ApplicationStatus
from environments.lifecycle.terms import approvals_for
from environments.notifications.fanout import notices_address
from environments.notifications.models import Entry
from environments.operations.models import AuditEntry
from environments.operations.notices import operation_notice
from environments.people.models import Team, User
from tests import factories

pytestmark = pytest.mark.django_db
A = ApplicationStatus


@pytest.fixture
def wanted(shop, account, release, lead):
    """Arguments of a request that is in order."""
    return {"name": "till", "team": shop, "account": account, "release": release, "actor": lead}


@pytest.fixture
def till(shop, account, release, lead):
    return factories.application_make("till", team=shop, owner=lead, account=account, release=release)


def test_a_request_makes_an_application_with_all_that_the_blueprint_is_told(wanted, account):
    operation = application_add(**wanted, findings_email="web@example.com")
    application = Application.objects.get()
    assert operation.subject == application and operation.scope == "111122223333/eu-west-1"
    assert application.status == A.ADDING and application.monthly_cost > 5
    spec = application.spec
    assert operation.parameters["spec"] == spec
    assert (spec["region"], spec["source"], spec["branch"]) == ("eu-west-1", "codecommit", "main")
    assert spec["permissions_boundary_arn"] == account.boundary_arn
    assert application.stack_name == f"sy-app-till-{application.suffix}"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": "Till"}, "name"),
        ({"name": "aws"}, "name"),
        ({"source": "gitlab"}, "source"),
        ({"source": "github"}, "github_repository"),
        ({"github_repository": "example/till"}, "github_repository"),
        ({"source": "github", "github_repository": "nobody"}, "github_repository"),
        ({"branch": "-main"}, "branch"),
        ({"blocks_from": "low"}, "blocks_from"),
        ({"findings_email": "nobody"}, "findings_email"),
    ],
)
def test_what_is_not_acceptable_is_told_at_its_field(wanted, change, field):
    with pytest.raises(InvalidFields) as refused:
        application_add(**wanted | change)
    assert set(refused.value.errors) == {field}
    assert not Application.objects.exists()


def test_a_name_is_taken_until_its_application_is_gone(wanted, till):
    with pytest.raises(InvalidFields, match="There is an application till already"):
        application_add(**wanted)
    Application.objects.update(status=A.GONE)
    assert application_add(**wanted).subject.name == "till"


def test_an_account_that_is_not_ready_and_a_release_that_delivers_none_are_refused(wanted, account, release):
    account.status = "adding"
    account.save(update_fields=["status"])
    with pytest.raises(InvalidFields) as refused:
        application_add(**wanted)
    assert set(refused.value.errors) == {"account"}
    older = factories.release_make("0.9.0", description={"schema": {}, "costs": {}})
    with pytest.raises(InvalidFields) as refused:
        application_add(**wanted | {"release": older})
    assert set(refused.value.errors) == {"release"}


def test_a_lead_of_another_team_may_neither_add_nor_remove(wanted, till):
    stranger = User.objects.create(username="stranger", portal_role="team-lead")
    stranger.teams.add(Team.objects.create(name="Elsewhere", slug="elsewhere"))
    with pytest.raises(Forbidden):
        application_add(**wanted | {"name": "other", "actor": stranger})
    with pytest.raises(Forbidden):
        application_remove(application=till, confirm="till", actor=stranger)


def test_a_removal_wants_the_name_typed_and_something_to_remove(till, lead):
    with pytest.raises(InvalidFields) as refused:
        application_remove(application=till, confirm="tills", actor=lead)
    assert set(refused.value.errors) == {"confirm"}
    Application.objects.update(status=A.ADDING)
    with pytest.raises(Conflict):
        application_remove(application=till, confirm="till", actor=lead)
    Application.objects.update(status=A.BROKEN)
    assert application_remove(application=till, confirm="till", actor=lead).kind == "application-remove"


def test_every_status_has_a_row_of_moves_and_what_is_gone_has_none():
    assert set(APPLICATION_MOVES) == set(ApplicationStatus.values)
    assert all(not APPLICATION_MOVES[status] for status in APPLICATION_GONE)


@pytest.mark.parametrize("before", ApplicationStatus.values)
@pytest.mark.parametrize("after", ApplicationStatus.values)
def test_a_move_is_of_the_table_or_refused(till, before, after):
    till.status = before
    till.save(update_fields=["status"])
    if after == before or after in APPLICATION_MOVES[before]:
        application_move(till, after)
        till.refresh_from_db()
        assert till.status == after
        assert (till.gone_at is not None) is (after in APPLICATION_GONE and after != before)
    else:
        with pytest.raises(Conflict):
            application_move(till, after)


def test_a_version_is_kept_once_and_known_to_be_gone_or_back(till):
    at = timezone.now()
    first, second = Found("aaa", "sha256:1", at), Found("bbb", "sha256:2", at + timedelta(hours=1))
    assert versions_record(till, [first, second]) == 2
    assert versions_record(till, [second]) == 0
    gone = dict(till.versions.values_list("commit", "gone_at"))
    assert gone["aaa"] is not None and gone["bbb"] is None
    assert versions_record(till, [Found("aaa", "sha256:3", at), second]) == 0
    back = till.versions.get(commit="aaa")
    assert (back.digest, back.gone_at) == ("sha256:3", None)
    assert AuditEntry.objects.filter(action="version.released").count() == 2


def test_a_change_is_asked_for_with_what_was_and_what_is_to_be(till, lead):
    operation = application_update(
        application=till, changes={"branch": "trunk", "log_retention_days": 90}, actor=lead
    )
    told = operation.parameters
    assert told["changes"] == {"branch": "trunk", "log_retention_days": 90}
    # What the spec is from before had what the release takes for it.
    assert told["before"] == {"branch": "main", "log_retention_days": 30}
    assert told["spec"] == {**till.spec, **told["changes"]}
    till.refresh_from_db()
    assert till.spec["branch"] == "main"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"branch": "-x"}, "branch"),
        ({"blocks_from": "low"}, "blocks_from"),
        ({"findings_email": "nobody"}, "findings_email"),
        ({"log_retention_days": 31}, "log_retention_days"),
        ({"region": "us-east-1"}, "region"),
        ({"name": "other"}, "name"),
        ({"source": "github"}, "source"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_change_that_cannot_be_is_refused_at_its_field(till, lead, changes, field):
    with pytest.raises(InvalidFields) as refused:
        application_update(application=till, changes=changes, actor=lead)
    assert list(refused.value.errors) == [field]


def test_only_what_is_ready_is_changed_and_by_its_team(till, lead):
    stranger = User.objects.create(username="stranger", portal_role="team-lead")
    with pytest.raises(Forbidden):
        application_update(application=till, changes={"branch": "trunk"}, actor=stranger)
    with pytest.raises(Conflict, match="like that already"):
        application_update(application=till, changes={"branch": "main"}, actor=lead)
    other = factories.release_make(is_withdrawn=True)
    with pytest.raises(InvalidFields) as refused:
        application_update(application=till, changes={}, release=other, actor=lead)
    assert "release" in refused.value.errors
    Application.objects.update(status=A.BROKEN)
    with pytest.raises(Conflict, match="only what is ready"):
        application_update(application=till, changes={"branch": "trunk"}, actor=lead)


def test_its_plan_waits_for_those_who_may_approve_for_its_team(till, lead, people):
    another = User.objects.create(username="another-lead", portal_role="team-lead")
    another.teams.add(till.team)
    stranger = User.objects.create(username="stranger", portal_role="team-lead")
    operation = factories.operation_make(
        till,
        kind="application-remove",
        status="awaiting-approval",
        requested_by=lead,
        approvals_needed=1,
        approval_hash="a" * 64,
    )
    assert list(approvals_for(another)) == [operation]
    assert not approvals_for(stranger).exists() and not approvals_for(lead).exists()
    operation_notice(operation, "operation.awaiting-approval", "The plan is ready.")
    operation_notice(operation, "operation.failed", "No.")
    notices_address()

    def told(topic):
        rows = Entry.objects.filter(notice__topic=topic)
        return set(rows.values_list("person__username", flat=True))

    assert told("operation.awaiting-approval") == {"another-lead", "approver", "administrator"}
    assert told("operation.failed") == {"team-lead", "another-lead"}
