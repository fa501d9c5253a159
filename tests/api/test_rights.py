"""Who may do what through the API: every pair of portal role and verb, and tokens that are not enough."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from environments.lifecycle.models import Account, Environment
from environments.operations.models import AuditEntry, Operation, OperationLimit, Pause
from environments.people.models import ApiToken, PortalRole, Team
from tests.api import factories
from tests.api.support import client_with

pytestmark = pytest.mark.django_db

ADMINISTRATOR, APPROVER, LEAD, ENGINEER, AUDITOR = PortalRole.values
EVERYONE = set(PortalRole.values)
NOBODY: set[str] = set()
ASKERS = {ADMINISTRATOR, LEAD, ENGINEER}
LEADS = {ADMINISTRATOR, LEAD}

# What a verb works on, what is sent to it, its status when it works, and which roles it works for: within
# their own team, and, where the row says so, on another team's things.
NEW_ACCOUNT = {
    "name": "second",
    "account_id": "222233334444",
    "mode": "sandbox",
    "regions": ["eu-west-1"],
    "zone_name": "second.example.org",
}
TEARDOWN = {"confirm": "shop", "copies": {"database": False, "uploads": False}}
REQUEST = {
    "name": "orders",
    "team": "shop",
    "tier": "dev",
    "size": "small",
    "account": "sandbox-1",
    "home_region": "eu-west-1",
}
SOON = (timezone.now() + timedelta(hours=1)).isoformat()

# (verb, method and path, body, success, roles in their own team, roles in another team)
TABLE = [
    ("request", "POST environments/", REQUEST, 202, ASKERS, {ADMINISTRATOR}),
    ("preview", "POST environments/preview/", REQUEST, 200, ASKERS, {ADMINISTRATOR}),
    ("protect", "POST environments/shop/protect/", {"is_protected": True}, 200, LEADS, {ADMINISTRATOR}),
    ("teardown", "POST environments/shop/teardown/", TEARDOWN, 202, LEADS, {ADMINISTRATOR}),
    ("withdraw", "POST environments/asked/withdraw/", {}, 200, LEADS, {ADMINISTRATOR}),
    (
        "approve",
        "POST operations/{planned}/approve/",
        {"hash": factories.HASH},
        200,
        {ADMINISTRATOR, APPROVER, LEAD},
        {ADMINISTRATOR, APPROVER},
    ),
    (
        "reject",
        "POST operations/{planned}/reject/",
        {"comment": "No."},
        200,
        {ADMINISTRATOR, APPROVER, LEAD},
        {ADMINISTRATOR, APPROVER},
    ),
    ("cancel", "POST operations/{planned}/cancel/", {}, 200, LEADS, {ADMINISTRATOR}),
    ("retry", "POST operations/{failed}/retry/", {}, 200, LEADS, {ADMINISTRATOR}),
    ("resume", "POST operations/{paused}/resume/", {}, 200, LEADS, {ADMINISTRATOR}),
    ("force-cancel", "POST operations/{cancelling}/force-cancel/", {}, 200, {ADMINISTRATOR}, {ADMINISTRATOR}),
    (
        "shorten-notice",
        "POST operations/{noticed}/shorten-notice/",
        {"not_before": SOON, "reason": "Agreed."},
        200,
        {ADMINISTRATOR},
        {ADMINISTRATOR},
    ),
    ("add an account", "POST accounts/", NEW_ACCOUNT, 202, {ADMINISTRATOR}, {ADMINISTRATOR}),
    ("add it again", "POST accounts/sandbox-1/add/", {}, 202, {ADMINISTRATOR}, {ADMINISTRATOR}),
    (
        "make it live",
        "POST accounts/planned/canary/",
        {"team": "shop"},
        202,
        {ADMINISTRATOR},
        {ADMINISTRATOR},
    ),
    ("make default", "POST releases/{older}/make-default/", {}, 200, {ADMINISTRATOR}, {ADMINISTRATOR}),
    ("withdraw a release", "POST releases/{older}/withdraw/", {}, 200, {ADMINISTRATOR}, {ADMINISTRATOR}),
    ("make a team", "POST teams/", {"name": "New"}, 201, {ADMINISTRATOR}, {ADMINISTRATOR}),
    ("pause", "POST pauses/", {"reason": "Storm."}, 201, {ADMINISTRATOR}, {ADMINISTRATOR}),
    ("lift a pause", "DELETE pauses/{pause}/", None, 204, {ADMINISTRATOR}, {ADMINISTRATOR}),
    (
        "set a limit",
        "POST limits/",
        {"scope": "*", "max_running": 5},
        201,
        {ADMINISTRATOR},
        {ADMINISTRATOR},
    ),
    ("remove a limit", "DELETE limits/{limit}/", None, 204, {ADMINISTRATOR}, {ADMINISTRATOR}),
    ("make a token", "POST tokens/", {"name": "n", "scopes": ["read"]}, 201, EVERYONE, EVERYONE),
    ("read the audit", "GET audit/", None, 200, {ADMINISTRATOR, AUDITOR}, {ADMINISTRATOR, AUDITOR}),
    (
        "read its audit",
        "GET environments/shop/audit/",
        None,
        200,
        {ADMINISTRATOR, AUDITOR},
        {ADMINISTRATOR, AUDITOR},
    ),
    *(
        (f"read {resource}", f"GET {resource}/", None, 200, EVERYONE, EVERYONE)
        for resource in (
            "accounts",
            "blueprints",
            "releases",
            "environments",
            "plans",
            "operations",
            "operations/{planned}/events",
            "environments/shop/resources",
            "rules",
            "teams",
            "people",
            "tokens",
            "pauses",
            "limits",
        )
    ),
]


@pytest.fixture
def things(house, description):
    """One of each thing that a verb works on, asked for by somebody else of the team."""
    other = factories.make_person("somebody", LEAD, (house.team,))

    def operation(name, **fields):
        environment = house.environment(name, owner=other, status=fields.pop("environment", "active"))
        return factories.make_operation(environment, by=other, **fields).pk

    house.environment("shop", owner=other)
    house.environment("asked", owner=other, status="requested")
    planned = factories.make_planned(house.environment("plan", owner=other, status="requested"), by=other)
    week = timezone.now() + timedelta(days=7)
    factories.make_account("planned", "222233330000", mode="plan-only")
    older = factories.make_release(description, version="0.9.0")
    house.release.is_default, older.is_default = True, False
    older.save(update_fields=["is_default"])
    house.release.save(update_fields=["is_default"])
    return {
        "planned": planned.pk,
        "failed": operation("failed", environment="provisioning", status="failed", phase="execute"),
        "paused": operation("paused", environment="provisioning", status="paused"),
        "cancelling": operation("stopping", status="cancelling", environment="provisioning"),
        "noticed": operation("noticed", status="queued", kind="teardown", not_before=week),
        "older": older.pk,
        "pause": Pause.objects.create(covers="999900001111/", reason="Old.").pk,
        "limit": OperationLimit.objects.create(scope="111122223333/eu-west-1", max_running=3).pk,
    }


def call(client, line, body, things):
    method, path = line.split(" ")
    return getattr(client, method.lower())(f"/api/v1/{path.format(**things)}", body, format="json")


@pytest.fixture
def try_as(api, things):
    """try_as(role, row) is the answer to a row's verb; what it did is undone."""

    def attempt(role, row):
        client, before = api(role), counted()
        with transaction.atomic():
            answer = call(client, row[1], row[2], things)
            if answer.status_code == 403:
                assert_sentence(answer)
                assert counted() == before
            transaction.set_rollback(True)
        return answer.status_code

    return attempt


@pytest.mark.parametrize("row", TABLE, ids=[row[0] for row in TABLE])
def test_every_role_and_verb(try_as, house, row):
    _, _, _, success, own, others = row
    found = {role: try_as(role, row) for role in PortalRole.values}
    assert found == {role: success if role in own else 403 for role in PortalRole.values}
    for person in house.people.values():
        person.teams.clear()
    found = {role: try_as(role, row) for role in PortalRole.values}
    assert found == {role: success if role in others else 403 for role in PortalRole.values}


def test_an_engineer_cancels_and_withdraws_what_is_their_own(api, house):
    engineer = house.people[ENGINEER]
    own = house.environment("mine", owner=engineer, status="requested")
    operation = factories.make_planned(own, by=engineer)
    client = api(ENGINEER)
    assert client.post("/api/v1/environments/mine/withdraw/", {}).status_code == 409
    assert client.post(f"/api/v1/operations/{operation.pk}/cancel/", {}).status_code == 200
    assert Environment.objects.get(pk=own.pk).status == "withdrawn"


def test_a_superuser_bypasses_nothing(api, house, things):
    auditor = house.people[AUDITOR]
    auditor.is_superuser = True
    auditor.save(update_fields=["is_superuser"])
    assert call(api(AUDITOR), "POST pauses/", {"reason": "Mine."}, things).status_code == 403


def test_tokens_are_seen_and_revoked_by_their_person_or_an_administrator(api, house):
    engineer = api(ENGINEER)
    made = engineer.post("/api/v1/tokens/", {"name": "one", "scopes": ["read"]}).data
    address = f"/api/v1/tokens/{made['id']}/"
    assert api(LEAD).get(address).status_code == 404
    assert api(LEAD).post(address + "revoke/", {}).status_code == 404
    assert engineer.get(address).data["is_usable"] is True
    assert api(ADMINISTRATOR).post(address + "revoke/", {}).data["is_usable"] is False
    assert engineer.post(address + "revoke/", {}).status_code == 409
    assert client_with(made["token"]).get("/api/v1/teams/").status_code == 401


# The scope that each changing verb needs; reading needs "read".
SCOPES = {
    "administer": (
        "add an account",
        "add it again",
        "make it live",
        "make default",
        "withdraw a release",
        "make a team",
        "pause",
        "lift a pause",
        "set a limit",
        "remove a limit",
        "make a token",
    ),
    "approve": ("approve", "reject"),
    "operate": (
        "request",
        "protect",
        "teardown",
        "withdraw",
        "cancel",
        "retry",
        "resume",
        "force-cancel",
        "shorten-notice",
    ),
}
NEEDED = {verb: scope for scope, verbs in SCOPES.items() for verb in verbs}


@pytest.mark.parametrize("row", TABLE, ids=[row[0] for row in TABLE])
def test_a_token_with_all_scopes_but_the_needed_one_does_nothing(api, things, row):
    needed = NEEDED.get(row[0], "read")
    rest = [scope for scope in factories.EVERY_SCOPE if scope != needed]
    client, before = api(ADMINISTRATOR, rest), counted()
    answer = call(client, row[1], row[2], things)
    assert answer.status_code == 403
    assert answer.data["detail"].startswith(f"This token lacks the scope {needed}.")
    assert counted() == before


def test_a_token_makes_none_that_may_do_more(api):
    client = api(ADMINISTRATOR, ["administer"])
    answer = client.post("/api/v1/tokens/", {"name": "more", "scopes": ["operate", "administer"]})
    assert (answer.status_code, answer.data["errors"][0]["field"]) == (403, "scopes")
    assert not ApiToken.objects.filter(name="more").exists()


BAD_TOKENS = {
    "unknown": "is unknown",
    "expired": "expired on",
    "revoked": "was revoked on",
    "left": "has left",
    "none": "Send an API token",
    "not a bearer": "Send an API token",
    "empty": "No credentials",
}


@pytest.mark.parametrize("kind", BAD_TOKENS)
def test_a_token_that_is_no_good_gets_a_sentence_and_creates_nothing(house, kind):
    user = house.people[LEAD]
    token = factories.make_token(user, days=-1 if kind == "expired" else 1)
    if kind == "revoked":
        ApiToken.objects.update(revoked_at=timezone.now())
    if kind == "left":
        user.is_active = False
        user.save(update_fields=["is_active"])
    header = {
        "unknown": "Bearer " + "0" * 64,
        "none": None,
        "not a bearer": "Basic abc",
        "empty": "Bearer",
    }.get(kind, f"Bearer {token}")
    client = client_with(None)
    if header is not None:
        client.credentials(HTTP_AUTHORIZATION=header)
    before = counted()
    answer = client.post("/api/v1/environments/", REQUEST)
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Bearer")
    assert BAD_TOKENS[kind] in answer.data["detail"]
    assert_sentence(answer)
    assert counted() == before


def assert_sentence(answer):
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.data["detail"].endswith((".", ">"))
    assert answer.data["status"] == answer.status_code


def counted():
    models = (Account, Environment, Operation, AuditEntry, Pause, OperationLimit, Team)
    return [model.objects.count() for model in models] + [ApiToken.objects.filter(name="n").count()]
