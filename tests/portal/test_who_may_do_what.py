"""Each verb of the pages against each role, as a table; what is refused changes nothing."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from environments.lifecycle.models import (
    Account,
    Application,
    ApprovalRule,
    Environment,
    ExpiryRule,
    SandboxOrder,
    TeamLimit,
)
from environments.operations.models import AuditEntry, Operation, OperationLimit, Pause
from environments.people.models import ApiToken, PortalRole, Proposal, Team, User
from environments.people.rights import RIGHTS
from portal.pages.urls import page_urls
from portal.site import PortalSite
from tests import factories
from tests.portal.deeds import ADMIN, DEEDS, ONLY_API, UNAUDITED, Deed
from tests.portal.posted import REQUEST
from tests.portal.test_who_sees_what import PAGES

R = PortalRole
SignIn = Callable[[User], Client]

NAMES = [deed.name if deed.right != "account.approve" else f"{deed.name} a canary" for deed in DEEDS]
each_deed = pytest.mark.parametrize("deed", DEEDS, ids=NAMES)
each_role = pytest.mark.parametrize("role", R.values)


def do(client: Client, deed: Deed, world: Any, asker: User) -> None:
    """Post what the row says to what it is done to, made afresh."""
    subject = deed.subject(world, asker) if deed.subject else None
    inside = "{subject}" in deed.data.values()
    arguments = [one for one in (None if inside else subject, deed.verb) if one]
    words = {
        "subject": subject,
        "team": world.team.slug,
        "team_id": world.team.pk,
        "account": world.account.pk,
        "release": world.release.pk,
        "digest": Proposal.objects.values_list("digest", flat=True).last(),
    }
    data = {
        key: value.format(**words) if isinstance(value, str) else value for key, value in deed.data.items()
    }
    if deed.session:
        session = client.session
        session.update(deed.session)
        session.save()
    before = held()
    answer = client.post(reverse(f"admin:{deed.route}", args=arguments), data)
    assert answer.status_code in (200, 302, 400, 403)
    if AuditEntry.objects.count() == before["audit"]:
        assert held() == before


def held() -> dict[str, Any]:
    """What a deed could change, as far as it can be counted or told in a line."""
    return {
        "audit": AuditEntry.objects.count(),
        "accounts": Account.objects.count(),
        "applications": sorted(Application.objects.values_list("name", "status")),
        "environments": sorted(
            Environment.objects.values_list("name", "status", "is_protected", "expires_at"), key=str
        ),
        "expiry": list(ExpiryRule.objects.values_list("tier", "default_days", "maximum_days")),
        "team limits": list(TeamLimit.objects.values_list("team", "max_environments", "at_limit")),
        "operations": sorted(
            Operation.objects.values_list("id", "status", "not_before", "cancel_requested_at").distinct(),
            key=str,
        ),
        "orders": SandboxOrder.objects.count(),
        "proposals": sorted(Proposal.objects.values_list("id", "status")),
        "rules": sorted(ApprovalRule.objects.values_list("id", "position", "name", "is_enabled")),
        "limits": sorted(OperationLimit.objects.values_list("scope", "max_running")),
        "pauses": sorted(Pause.objects.values_list("covers", flat=True)),
        "people": sorted(User.objects.values_list("username", "portal_role", "is_active", "time_zone")),
        "teams": Team.objects.count(),
        "tokens": sorted(ApiToken.objects.values_list("digest", "revoked_at"), key=str),
    }


def was_done(actor: User, before: int) -> bool:
    """Whether the deed went through, by the audit, and in this person's name."""
    entries = list(AuditEntry.objects.filter(id__gt=before).order_by("id"))
    # What a proposal leads to is done in the name of who proposed it; the last entry is of who approved it.
    assert all(entry.actor == actor for entry in entries if not _is_of_proposer(entry, entries))
    return bool(entries) and entries[-1].actor == actor


def _is_of_proposer(entry: AuditEntry, entries: list[AuditEntry]) -> bool:
    last = entries[-1]
    return last.action == "proposal.approved" and entry.actor_name == (last.after or {}).get("proposed_by")


def last_entry() -> int:
    return AuditEntry.objects.order_by("-id").values_list("id", flat=True).first() or 0


@each_deed
@each_role
def test_each_verb_is_done_for_the_roles_of_its_row_and_audited(
    deed: Deed, role: str, world: Any, sign_in: SignIn
) -> None:
    asker, person = factories.person_make(R.TEAM_LEAD, teams=[world.team]), world.people[role]
    before = last_entry()
    do(sign_in(person), deed, world, asker)
    assert was_done(person, before) == (role in deed.own)


@each_deed
@each_role
def test_on_another_teams_things_each_verb_is_done_for_fewer(
    deed: Deed, role: str, world: Any, sign_in: SignIn
) -> None:
    asker, person = factories.person_make(R.TEAM_LEAD, teams=[world.team]), world.people[role]
    person.teams.set([factories.team_make("Elsewhere")])
    before = last_entry()
    do(sign_in(person), deed, world, asker)
    assert was_done(person, before) == (role in deed.others)


@pytest.mark.parametrize(
    "deed", [deed for deed in DEEDS if deed.mine is not None], ids=lambda deed: deed.name
)
@each_role
def test_what_one_asked_for_oneself_is_ones_own(deed: Deed, role: str, world: Any, sign_in: SignIn) -> None:
    person = world.people[role]
    person.teams.clear()
    before = last_entry()
    do(sign_in(person), deed, world, person)
    assert was_done(person, before) == (role in (deed.mine or ()))


@pytest.mark.parametrize(
    "deed",
    [deed for deed in DEEDS if deed.right],
    ids=[name for name, deed in zip(NAMES, DEEDS, strict=True) if deed.right],
)
def test_the_right_that_a_row_names_is_the_one_that_is_asked_for(
    deed: Deed, world: Any, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = sign_in(world.people[R.ADMINISTRATOR])
    asker = factories.person_make(R.TEAM_LEAD, teams=[world.team])
    before = last_entry()
    monkeypatch.setitem(RIGHTS, deed.right, {})
    do(client, deed, world, asker)
    assert not was_done(world.people[R.ADMINISTRATOR], before)


@pytest.mark.parametrize("route", UNAUDITED)
@each_role
def test_what_changes_no_row_is_answered_to_the_same_few(
    route: str, role: str, world: Any, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    right, roles = UNAUDITED[route]
    client = sign_in(world.people[role])
    before, entry = held(), last_entry()
    answer = client.post(reverse(f"admin:{route}"), {**REQUEST, "team": ""})
    assert (answer.status_code in (200, 302)) == (role in roles)
    monkeypatch.setitem(RIGHTS, right, {})
    assert client.post(reverse(f"admin:{route}"), {}).status_code == 403
    assert (held(), last_entry()) == (before, entry)


def test_every_right_is_in_a_table_or_said_to_be_for_the_api_only() -> None:
    asked = {deed.right for deed in DEEDS} | {right for _, _, right, _ in PAGES}
    asked.discard("")
    assert asked | set(ONLY_API) == set(RIGHTS)
    assert not asked & set(ONLY_API)


def test_every_page_of_ours_is_in_a_table() -> None:
    listed = {deed.route for deed in DEEDS} | {name.removeprefix("admin:") for _, name, _, _ in PAGES}
    ours = {url.name for url in page_urls(PortalSite())}
    assert ours - listed == set(UNAUDITED)


def test_administrators_are_no_exception_to_the_rule_of_two(world: Any, sign_in: SignIn) -> None:
    """The table's requester is somebody else; nobody, whatever their role, approves an own request."""
    person = world.people[R.ADMINISTRATOR]
    assert R.ADMINISTRATOR in ADMIN
    deed = next(deed for deed in DEEDS if deed.verb == "approve")
    before = last_entry()
    do(sign_in(person), deed, world, person)
    assert not was_done(person, before)
