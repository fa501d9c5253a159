"""Who may do what through the API: every pair of portal role and verb, and tokens that are not enough."""

from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from environments.lifecycle.deploy import label_of
from environments.lifecycle.models import Account, Application, ApprovalRule, Environment, Release, TeamLimit
from environments.lifecycle.runtime import FACTS
from environments.notifications.models import Channel, Delivery
from environments.operations.models import AuditEntry, Operation, OperationLimit, Pause
from environments.people.models import ApiToken, PortalRole, Proposal, Team
from environments.people.rights import RIGHTS
from tests.api import factories
from tests.api.deed import ADMINISTRATOR, AUDITOR, ENGINEER, FINDING, LEAD, REQUEST
from tests.api.deeds import DEEDS, ONLY_PAGES
from tests.api.support import client_with
from tests.factories import (
    application_make,
    assembly_make,
    drift_make,
    proposal_make,
    revision_make,
    rule_make,
    version_make,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def things(house, description, settings):
    """One of each thing that a verb works on, asked for by somebody else of the team."""
    settings.MAIL_IS_ON = True
    other = factories.make_person("somebody", LEAD, (house.team,))

    def operation(name, *, step=None, **fields):
        environment = house.environment(name, owner=other, status=fields.pop("environment", "active"))
        row = factories.make_operation(environment, by=other, **fields)
        if step:
            told = {"may_skip": "Nobody has looked."}
            row.steps.create(
                key="look", title="Look", phase="execute", position=9, status=step, parameters=told
            )
        return row.pk

    till = application_make(
        "till", team=house.team, owner=other, account=house.account, release=house.release
    )
    coffee = version_make(till, "c0ffee")
    house.environment(
        "ahead", owner=other, runtime=dict.fromkeys(FACTS) | {"version_label": label_of(coffee)}
    )
    shop = house.environment("shop", owner=other)
    drift_make(shop, pk=FINDING)
    revision_make(shop)
    revision_make(shop, spec=shop.spec | {"size": "medium"}, assembly=assembly_make(shop))
    house.environment("asked", owner=other, status="requested")
    planned = factories.make_planned(house.environment("plan", owner=other, status="requested"), by=other)
    week = timezone.now() + timedelta(days=7)
    factories.make_account("planned", "222233330000", mode="plan-only")
    watched = factories.make_account("watched", "222233330001", mode="plan-only")
    factories.make_token(other)
    older = factories.make_release(description, version="0.9.0")
    factories.make_release(description, version="0.8.0")
    Release.objects.filter(version="0.8.0").update(is_withdrawn=True, is_default=False)
    house.release.is_default, older.is_default = True, False
    older.save(update_fields=["is_default"])
    house.release.save(update_fields=["is_default"])
    failed = operation("failed", environment="provisioning", status="failed", phase="execute", step="failed")
    Pause.objects.create(covers=f"environment/{Operation.objects.get(pk=failed).subject_id}", reason="Old.")
    Pause.objects.create(covers=f"{watched.account_id}/", reason="Old.")
    webhook = factories.make_channel(house.team)
    boss = factories.make_person("boss", ADMINISTRATOR)
    proposal = proposal_make(factories.make_person("subject", ENGINEER), by=boss)
    first, second = rule_make("First", position=1), rule_make("Second", position=2)
    ApprovalRule.objects.exclude(pk__in=[first.pk, second.pk]).delete()
    return {
        "webhook": webhook.pk,
        "disabled": factories.make_channel(house.team, is_enabled=False).pk,
        "chat": factories.make_channel(house.team, kind="chat").pk,
        "delivery": factories.make_delivery(webhook, status="abandoned").pk,
        "rule": first.pk,
        "rules": [second.pk, first.pk],
        "proposal": proposal.pk,
        "digest": proposal.digest,
        "withdrawn": Release.objects.get(version="0.8.0").pk,
        "planned": planned.pk,
        "failed": failed,
        "paused": operation("paused", environment="provisioning", status="paused"),
        "cancelling": operation(
            "stopping", status="cancelling", environment="provisioning", phase="execute", step="waiting"
        ),
        "noticed": operation("noticed", status="queued", kind="teardown", not_before=week),
        "canary": factories.make_planned(watched, by=other, kind="canary").pk,
        "older": older.pk,
        "token": ApiToken.objects.get(user=other).digest[:16],
        "pause": Pause.objects.create(covers="999900001111/", reason="Old.").pk,
        "limited": TeamLimit.objects.create(
            team=Team.objects.create(name="Limited", slug="limited"), max_environments=3
        ).team.slug,
        "limit": OperationLimit.objects.create(scope="111122223333/eu-west-1", max_running=3).pk,
    }


def call(client, deed, things):
    method, path = deed.line.split(" ")
    body = deed.body
    if isinstance(body, dict):
        # "{digest}" is the thing of that name.
        body = {
            key: things[value[1:-1]] if isinstance(value, str) and value[:1] == "{" else value
            for key, value in body.items()
        }
    return getattr(client, method.lower())(f"/api/v1/{path.format(**things)}", body, format="json")


@pytest.fixture
def try_as(api, things):
    """try_as(role, deed) is the answer's status; what it did is undone, and a refusal has done nothing."""

    def attempt(role, deed):
        client, before = api(role), counted()
        with transaction.atomic():
            answer = call(client, deed, things)
            if answer.status_code == deed.refused:
                assert_sentence(answer)
                assert counted() == before
            transaction.set_rollback(True)
        return answer.status_code

    return attempt


@pytest.mark.parametrize("deed", DEEDS, ids=[deed.name for deed in DEEDS])
def test_every_role_and_verb(try_as, house, deed):
    found = {role: try_as(role, deed) for role in PortalRole.values}
    assert found == {role: deed.success if role in deed.own else deed.refused for role in PortalRole.values}
    for person in house.people.values():
        person.teams.clear()
    found = {role: try_as(role, deed) for role in PortalRole.values}
    assert found == {
        role: deed.success if role in deed.others else deed.refused for role in PortalRole.values
    }


@pytest.mark.parametrize("deed", DEEDS, ids=[deed.name for deed in DEEDS])
def test_the_right_that_a_row_names_is_the_one_that_is_asked_for(try_as, monkeypatch, deed):
    monkeypatch.setitem(RIGHTS, deed.right, {})
    assert try_as(ADMINISTRATOR, deed) == deed.refused


def test_every_right_is_in_the_table_or_said_to_be_for_pages_only():
    asked = {deed.right for deed in DEEDS}
    assert asked | set(ONLY_PAGES) == set(RIGHTS)
    assert not asked & set(ONLY_PAGES)


def test_every_resource_names_the_right_to_read_it():
    from portal.api.urls import router

    assert {prefix for prefix, view, _ in router.registry if view.view_right not in RIGHTS} == set()


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
    assert api(AUDITOR).post("/api/v1/pauses/", {"reason": "Mine."}).status_code == 403


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
CHANNEL_VERBS = ("make", "change", "enable", "disable", "test", "remove")
SCOPES = {
    "administer": (
        "add an account",
        "add it again",
        "update its baseline",
        "make it live",
        "change it",
        "make default",
        "withdraw a release",
        "restore a release",
        "propose a rule",
        "change a rule",
        "delete a rule",
        "order the rules",
        "withdraw a proposal",
        "make a team",
        "set an expiry rule",
        "set a team's limit",
        "remove a team's limit",
        "pause",
        "lift a pause",
        "pause an account",
        "lift an account's pause",
        "set a limit",
        "remove a limit",
        "make a token",
        "revoke anybody's token",
        "redeliver",
        "make a webhook for everything",
        *(f"{verb} a {noun}" for noun in ("webhook", "chat") for verb in CHANNEL_VERBS),
        "rotate a webhook",
    ),
    "approve": (
        "approve",
        "reject",
        "approve a canary",
        "reject a canary",
        "approve a proposal",
        "reject a proposal",
    ),
    "operate": (
        "add an application",
        "deploy",
        "promote",
        "change an application",
        "remove an application",
        "change",
        "look for drift",
        "accept drift",
        "reopen drift",
        "fix drift",
        "roll back",
        "extend",
        "request",
        "protect",
        "teardown",
        "withdraw",
        "cancel",
        "cancel a canary",
        "retry",
        "replan",
        "resume",
        "force-cancel",
        "shorten-notice",
        "skip",
        "extend time",
        "prioritise",
        "export",
        "read it anew",
        "forget",
        "pause it",
        "lift its pause",
        "choose notifications",
        "mark notifications read",
        "try one's mail",
    ),
}
NEEDED = {verb: scope for scope, verbs in SCOPES.items() for verb in verbs}


@pytest.mark.parametrize("deed", DEEDS, ids=[deed.name for deed in DEEDS])
def test_a_token_with_all_scopes_but_the_needed_one_does_nothing(api, things, deed):
    needed = NEEDED.get(deed.name, "read")
    rest = [scope for scope in factories.EVERY_SCOPE if scope != needed]
    client, before = api(ADMINISTRATOR, rest), counted()
    answer = call(client, deed, things)
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


COUNTED = (
    Account,
    Application,
    ApprovalRule,
    Environment,
    Operation,
    AuditEntry,
    Pause,
    OperationLimit,
    Proposal,
    Channel,
    Delivery,
    Team,
    TeamLimit,
    ApiToken,
)


def counted():
    """How many rows there are of what a verb writes, and tokens that are revoked. One query: it is asked after each of
    1,700 refusals.
    """
    parts = [f'(SELECT count(*) FROM "{model._meta.db_table}")' for model in COUNTED]  # noqa: S608 - our own names
    parts.append(f'(SELECT count(revoked_at) FROM "{ApiToken._meta.db_table}")')  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(parts)}")
        return cursor.fetchone()
