"""Pages of expiry and limits: the countdown, extending and taking it back, the request's field, the rules."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from environments.lifecycle.models import Environment, ExpiryRule, TeamLimit
from environments.operations.models import Operation
from environments.people.models import PortalRole, Proposal, User
from environments.people.proposals import proposal_approve
from tests import factories

pytestmark = pytest.mark.django_db
R = PortalRole
DAY = timedelta(days=1)
SignIn = Callable[[User], Client]


@pytest.fixture
def shop(world: Any) -> Environment:
    """A development environment of the engineer's that expires in five days."""
    return factories.environment_make(
        "shop",
        team=world.team,
        owner=world.people[R.ENGINEER],
        account=world.account,
        release=world.release,
        expires_at=timezone.now() + 5 * DAY,
    )


@pytest.fixture
def engineer(world: Any, sign_in: SignIn) -> Client:
    return sign_in(world.people[R.ENGINEER])


def page_of(client: Client, environment: Environment) -> str:
    return client.get(reverse("admin:environment", args=[environment.pk])).content.decode()


def address(environment: Environment) -> str:
    return reverse("admin:environment-extend", args=[environment.pk])


def test_the_page_counts_down_and_its_owner_gets_the_button(
    world: Any, shop: Environment, engineer: Client, sign_in: SignIn
) -> None:
    page = page_of(engineer, shop)
    assert "Expires&nbsp;" in page and ("in 5 days" in page or "in 4 days" in page)
    assert address(shop) in page
    assert address(shop) not in page_of(sign_in(world.people[R.AUDITOR]), shop)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"expires_at": None}, "Set an expiry …"),
        ({"is_protected": True}, "Expiry suspended:"),
        ({"expires_at": timezone.now() - DAY}, "Its teardown came to nothing"),
        ({"expires_at": timezone.now() - DAY, "is_protected": True}, "It is kept, for it is protected."),
        (
            {"expires_at": timezone.now() - DAY, "expiry_due_at": timezone.now()},
            "as soon as nothing else goes on",
        ),
        ({"expires_at": timezone.now() - DAY, "status": "requested"}, "It was never built"),
    ],
)
def test_each_state_of_an_expiry_has_its_words(
    shop: Environment, engineer: Client, fields: dict[str, Any], told: str
) -> None:
    Environment.objects.update(**fields)
    assert told in page_of(engineer, shop)


def test_choices_say_when_and_whether_somebody_has_to_approve(shop: Environment, engineer: Client) -> None:
    page = engineer.get(address(shop)).content.decode()
    for title in (
        "1 day more",
        "7 days more",
        "30 days more",
        "As far as nobody has to approve",
        "A moment of",
    ):
        assert title in page
    assert page.count("another person approves</span>") == 1
    assert "/api/v1/environments/shop/extend/" in page
    Environment.objects.update(tier="prod")
    assert "until somebody tears it down" in engineer.get(address(shop)).content.decode()


def test_an_extension_is_done_at_once_and_taken_back(shop: Environment, engineer: Client) -> None:
    before = shop.expires_at
    assert before is not None
    until = (before + DAY).isoformat()
    answer = engineer.post(address(shop), {"until": until}, follow=True)
    page = answer.content.decode()
    assert "Undo" in page and f'name="until" value="{before.isoformat()}"' in page
    shop.refresh_from_db()
    assert shop.expires_at == before + DAY
    page = engineer.post(address(shop), {"until": before.isoformat()}, follow=True).content.decode()
    shop.refresh_from_db()
    assert shop.expires_at == before


def test_undo_is_gone_once_somebody_else_has_moved_it(shop: Environment, engineer: Client) -> None:
    assert shop.expires_at is not None
    engineer.post(address(shop), {"until": (shop.expires_at + DAY).isoformat()})
    Environment.objects.update(expires_at=shop.expires_at + 2 * DAY)
    assert "Undo" not in page_of(engineer, shop)


def test_a_moment_is_typed_in_ones_own_zone(world: Any, shop: Environment, engineer: Client) -> None:
    person = world.people[R.ENGINEER]
    person.time_zone = "Pacific/Auckland"
    person.save(update_fields=["time_zone"])
    there = timezone.now().astimezone(ZoneInfo("Pacific/Auckland")) + 3 * DAY
    engineer.post(address(shop), {"until": "at", "moment": f"{there:%Y-%m-%dT%H:%M}"})
    shop.refresh_from_db()
    assert shop.expires_at == there.replace(second=0, microsecond=0)


def test_beyond_the_maximum_it_leads_to_what_waits(shop: Environment, engineer: Client) -> None:
    until = (timezone.now() + 60 * DAY).isoformat()
    answer = engineer.post(address(shop), {"until": until, "reason": "A fair."})
    operation = Operation.objects.get()
    assert answer.headers["Location"] == reverse("admin:operation", args=[operation.pk])
    assert operation.kind == "extend" and operation.parameters["reason"] == "A fair."


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ({}, "Choose how long it is to live."),
        ({"until": "at", "moment": "soon"}, "soon is no date with a time"),
        ({"until": "2020-01-01T00:00:00+00:00"}, "too soon"),
        ({"until": "2999-01-01T00:00:00+00:00"}, "ten years"),
    ],
)
def test_a_refusal_stands_at_its_field(
    shop: Environment, engineer: Client, typed: dict[str, str], told: str
) -> None:
    answer = engineer.post(address(shop), typed)
    assert answer.status_code == 400 and told in answer.content.decode()


def test_many_are_extended_after_a_preview(world: Any, shop: Environment, sign_in: SignIn) -> None:
    fields = {"team": world.team, "owner": shop.owner, "account": world.account, "release": world.release}
    factories.environment_make("late", expires_at=timezone.now() + 29.5 * DAY, **fields)
    factories.environment_make("ever", **fields)
    client = sign_in(world.people[R.TEAM_LEAD])
    ids = ",".join(map(str, Environment.objects.values_list("pk", flat=True)))
    where = reverse("admin:environment-bulk", args=["extend-week"])
    page = client.get(f"{where}?ids={ids}")
    told = {row.environment.name: row.sentence for row in page.context["outcomes"]}
    assert told["shop"].startswith("expires on ") and told["ever"] == "It never expires."
    assert "waits for another person's approval" in told["late"]
    assert not Operation.objects.exists()
    client.post(where, {"ids": ids})
    assert Operation.objects.get().subject_label == "late"


def test_the_list_sorts_filters_and_has_a_view_of_what_expires(
    world: Any, shop: Environment, engineer: Client
) -> None:
    fields = {"team": world.team, "owner": shop.owner, "account": world.account, "release": world.release}
    factories.environment_make("past", expires_at=timezone.now() - DAY, **fields)
    factories.environment_make("kept", expires_at=timezone.now() + DAY, is_protected=True, **fields)
    factories.environment_make("ever", **fields)
    where = reverse("admin:lifecycle_environment_changelist")

    def names(query: str) -> list[str]:
        return [row.name for row in engineer.get(f"{where}?{query}").context["cl"].result_list]

    assert set(names("expires=past")) == {"past"}
    assert set(names("expires=week")) == {"shop", "kept"}
    assert set(names("expires=never")) == {"ever"}
    assert set(names("view=expiring")) == {"past", "shop"}
    column = engineer.get(where).context["cl"].list_display.index("expires")
    assert names(f"o={column}")[:2] == ["past", "kept"]


def test_the_form_takes_an_expiry_and_says_what_none_means(world: Any, engineer: Client) -> None:
    where = reverse("admin:environment-new")
    page = engineer.get(where).content.decode()
    assert "Development 14 days, at most 30." in page
    typed = {
        "release": world.release.pk,
        "name": "orders",
        "team": world.team.pk,
        "tier": "dev",
        "size": "small",
        "account": world.account.pk,
        "home_region": "eu-west-1",
    }
    far = f"{timezone.now() + 40 * DAY:%Y-%m-%dT%H:%M}"
    for moment, told in ((far, "at most 30 days"), ("soon", "no date with a time")):
        answer = engineer.post(where, typed | {"expires_at": moment})
        assert answer.status_code == 400 and told in answer.content.decode()
        preview = engineer.post(reverse("admin:environment-new-preview"), typed | {"expires_at": moment})
        assert told in preview.content.decode()
    near = f"{timezone.now() + 4 * DAY:%Y-%m-%dT%H:%M}"
    assert engineer.post(where, typed | {"expires_at": near}).status_code == 302
    made = Environment.objects.get().expires_at
    assert made is not None and f"{made:%Y-%m-%dT%H:%M}" == near


def test_a_team_at_its_limit_is_told_as_one_types(world: Any, shop: Environment, engineer: Client) -> None:
    TeamLimit.objects.create(team=world.team, max_environments=1)
    typed = {
        "release": world.release.pk,
        "name": "orders",
        "team": world.team.pk,
        "tier": "dev",
        "size": "small",
        "account": world.account.pk,
        "home_region": "eu-west-1",
    }
    preview = engineer.post(reverse("admin:environment-new-preview"), typed).content.decode()
    assert "Storefront has 1 of 1 environments." in preview
    assert engineer.post(reverse("admin:environment-new"), typed).status_code == 400


@pytest.fixture
def admin(world: Any, sign_in: SignIn) -> Client:
    return sign_in(world.people[R.ADMINISTRATOR])


def approve(world: Any) -> None:
    """What was proposed last, by somebody else."""
    proposal = Proposal.objects.get(status=Proposal.Status.OPEN)
    proposal_approve(proposal_id=proposal.pk, digest=proposal.digest, actor=world.people[R.APPROVER])


def test_rules_are_changed_by_two_and_a_refusal_keeps_what_was_typed(world: Any, admin: Client) -> None:
    where = reverse("admin:policies-rule")
    answer = admin.post(where, {"tier": "dev", "default_days": "40", "maximum_days": "30"})
    page = answer.content.decode()
    assert answer.status_code == 400 and "cannot be above the maximum" in page and 'value="40"' in page
    typed = {"tier": "dev", "default_days": "7", "maximum_days": "21", "approves_teardown": "on"}
    assert "change how long Development environments live" in admin.post(
        where, typed, follow=True
    ).content.decode().replace("Change", "change")
    assert ExpiryRule.objects.get(tier="dev").default_days == 14
    approve(world)
    rule = ExpiryRule.objects.get(tier="dev")
    assert (rule.default_days, rule.maximum_days, rule.approves_teardown) == (7, 21, True)


def test_limits_are_added_changed_and_removed(world: Any, shop: Environment, admin: Client) -> None:
    team = world.team.slug
    where = reverse("admin:policies-limit")
    admin.post(
        where, {"team": team, "max_environments": "1", "max_monthly_cost": "1,000", "at_limit": "tell"}
    )
    approve(world)
    limit = TeamLimit.objects.get()
    assert (limit.max_environments, str(limit.max_monthly_cost), limit.at_limit) == (1, "1000.00", "tell")
    page = admin.get(reverse("admin:policies")).content.decode()
    assert "Storefront is at its limit" in page and 'aria-label="Environments: 100 %"' in page
    for typed in ({"max_environments": "many"}, {"max_monthly_cost": "x"}, {}):
        assert admin.post(where, {"team": team, "at_limit": "tell", **typed}).status_code == 400
    admin.post(reverse("admin:policies-unlimit"), {"team": team})
    approve(world)
    assert not TeamLimit.objects.exists()
    assert admin.post(reverse("admin:policies-unlimit"), {"team": team}).status_code == 400
    assert admin.post(where, {"team": "nobody"}).status_code == 404


def test_the_page_asks_a_constant_number_of_times(world: Any, shop: Environment, admin: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert admin.get(reverse("admin:policies")).status_code == 200
        return len(captured)

    TeamLimit.objects.create(team=world.team, max_environments=1)
    few = queries()
    for _ in range(12):
        TeamLimit.objects.create(team=factories.team_make(), max_environments=2)
    assert queries() == few


def test_a_moment_without_an_offset_survives_the_change_of_clocks(
    world: Any, shop: Environment, engineer: Client
) -> None:
    """02:30 of the night in which clocks go forward does not exist: it is the moment that the zone makes of it."""
    person = world.people[R.ENGINEER]
    person.time_zone = "Europe/Dublin"
    person.save(update_fields=["time_zone"])
    Environment.objects.update(tier="prod")
    year = timezone.now().year + 1
    last = max(day for day in range(25, 32) if datetime(year, 3, day).weekday() == 6)
    engineer.post(address(shop), {"until": "at", "moment": f"{year}-03-{last}T01:30"})
    shop.refresh_from_db()
    assert shop.expires_at == datetime(year, 3, last, 1, 30, tzinfo=ZoneInfo("UTC"))
