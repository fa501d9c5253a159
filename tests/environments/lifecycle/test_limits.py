"""What teams may have: checked at request and update, told once, and room made by the rule that says so."""

import threading
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from environments.errors import Forbidden, InvalidFields
from environments.lifecycle.environments import environment_request
from environments.lifecycle.limits import (
    limit_problems,
    limits_observe,
    team_limit_remove,
    team_limit_set,
    team_usage,
)
from environments.lifecycle.models import Environment, TeamLimit
from environments.lifecycle.room import limits_round
from environments.lifecycle.states import AtLimit
from environments.lifecycle.update import environment_update
from environments.operations.models import AuditEntry, Notice, Operation, Pause
from environments.people.models import Team

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def limited(team, number=None, cost=None, at_limit=AtLimit.STOP_NEW):
    return TeamLimit.objects.create(
        team=team, max_environments=number, max_monthly_cost=cost, at_limit=at_limit
    )


def told():
    return list(
        Notice.objects.filter(topic="limit.reached").order_by("id").values_list("sentence", flat=True)
    )


@pytest.mark.parametrize(
    ("number", "cost", "at_limit", "adds", "more", "fields"),
    [
        (2, None, "stop-new", 1, 0, set()),
        (1, None, "stop-new", 1, 0, {"team"}),
        (0, None, "tear-down-expired", 1, 0, {"team"}),
        (1, None, "tell", 1, 0, set()),
        (1, None, "stop-new", 0, 500, set()),
        (None, 300, "stop-new", 1, 200, set()),
        (None, 300, "stop-new", 1, "200.01", {"size"}),
        (None, 300, "stop-new", 0, "200.01", {"size"}),
        (None, 50, "stop-new", 0, -10, set()),
        (1, 100, "stop-new", 1, 1, {"team", "size"}),
    ],
)
def test_what_fits(asked, shop, number, cost, at_limit, adds, more, fields):
    environment_request(**asked)
    Environment.objects.update(monthly_cost=100)
    limited(shop, number, cost, at_limit)
    assert set(limit_problems(shop, adds=adds, cost=Decimal(more))) == fields


def test_a_request_beyond_the_limit_is_refused_at_its_field_and_says_who_helps(asked, shop):
    limited(shop, 1)
    environment_request(**asked)
    with pytest.raises(InvalidFields) as refusal:
        environment_request(**asked | {"name": "cart"})
    assert refusal.value.errors == {
        "team": "Shop has 1 of 1 environments (1 of them only asked for). Tear one down first, or ask an administrator"
        " (administrator) for a higher limit."
    }
    assert Environment.objects.count() == Operation.objects.count() == 1
    Environment.objects.update(status="torn-down")
    environment_request(**asked | {"name": "cart"})


def test_a_cost_beyond_the_limit_is_refused_at_the_size(asked, shop):
    limited(shop, cost=Decimal(100))
    with pytest.raises(InvalidFields) as refusal:
        environment_request(**asked)
    assert "its limit is USD 100.00. Choose a smaller size" in refusal.value.errors["size"]


def test_a_canary_counts_for_no_team(asked, shop):
    limited(shop, 0)
    environment_request(**asked | {"is_canary": True})
    assert team_usage()[0].environments == 0


@pytest.fixture
def active(asked):
    row = environment_request(**asked).subject
    Environment.objects.update(status="active")
    Operation.objects.all().delete()
    return Environment.objects.get(pk=row.pk)


def test_an_update_that_costs_more_is_refused_and_one_that_costs_less_is_not(active, shop, lead):
    limited(shop, cost=active.monthly_cost + 1)
    with pytest.raises(InvalidFields) as refusal:
        environment_update(environment=active, changes={"size": "medium"}, actor=lead)
    assert set(refusal.value.errors) == {"size"}
    environment_update(environment=active, changes={"log_retention_days": 7}, actor=lead)
    TeamLimit.objects.update(max_monthly_cost=1)
    Operation.objects.all().delete()
    Environment.objects.update(size="medium", monthly_cost=5000, spec=active.spec | {"size": "medium"})
    active.refresh_from_db()
    environment_update(environment=active, changes={"size": "small"}, actor=lead)


def test_an_update_under_way_counts_with_what_it_will_cost(active, shop, lead):
    before = team_usage()[0].monthly_cost
    environment_update(environment=active, changes={"size": "medium"}, actor=lead)
    during = team_usage()[0].monthly_cost
    assert during > before
    Operation.objects.update(status="succeeded")
    assert team_usage()[0].monthly_cost == before


def test_a_limit_that_only_tells_tells_at_the_request_and_once_per_crossing(asked, shop):
    limited(shop, 1, at_limit=AtLimit.TELL)
    environment_request(**asked)
    environment_request(**asked | {"name": "cart"})
    assert len(told()) == 1 and told()[0].startswith("Shop has reached its limit: 1 of 1 environments, USD ")
    for _ in range(2):
        limits_observe()
    assert len(told()) == 1
    Environment.objects.update(status="torn-down")
    limits_observe()
    assert TeamLimit.objects.get().reached_at is None
    environment_request(**asked | {"name": "third"})
    assert len(told()) == 2


def test_setting_a_limit_is_an_administrators_and_audited(active, shop, people, lead):
    fields = {"team": shop, "max_environments": 1, "max_monthly_cost": None, "at_limit": "stop-new"}
    with pytest.raises(Forbidden):
        team_limit_set(**fields, actor=lead)
    limit = team_limit_set(**fields, actor=people["administrator"])
    assert limit.reached_at is not None and len(told()) == 1
    team_limit_set(**fields | {"max_environments": 2}, actor=people["administrator"])
    entry = AuditEntry.objects.filter(action="team-limit.set").first()
    assert (entry.before["max_environments"], entry.after["max_environments"]) == (1, 2)
    assert TeamLimit.objects.get().reached_at is None
    team_limit_remove(limit=limit, actor=people["administrator"])
    assert AuditEntry.objects.filter(action="team-limit.removed").exists()
    for wrong, field in (
        ({"max_environments": None}, "max_environments"),
        ({"max_environments": -1}, "max_environments"),
        ({"max_monthly_cost": Decimal(-1)}, "max_monthly_cost"),
        ({"at_limit": "explode"}, "at_limit"),
    ):
        with pytest.raises(InvalidFields) as refusal:
            team_limit_set(**fields | wrong, actor=people["administrator"])
        assert set(refusal.value.errors) == {field}


def test_all_teams_are_asked_for_at_once(asked, shop):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            team_usage()
        return len(captured)

    environment_request(**asked)
    few = queries()
    for number in range(20):
        limited(Team.objects.create(name=f"T{number}", slug=f"t{number}"), 1)
    assert queries() == few == 2


def expired(row, days=1, **fields):
    Environment.objects.filter(pk=row.pk).update(
        expires_at=timezone.now() - days * DAY, expiry_due_at=None, status="active", **fields
    )


@pytest.fixture
def three(asked, shop):
    """Three that expired days ago, whose teardown came to nothing: `a` first, then `b`, then `c`."""
    rows = {}
    for days, name in ((1, "ccc"), (2, "bbb"), (3, "aaa")):
        rows[name[0]] = row = environment_request(**asked | {"name": name}).subject
        expired(row, days)
    Operation.objects.all().delete()
    return rows


def torn_down():
    return list(
        Operation.objects.filter(kind="teardown").order_by("id").values_list("subject_label", flat=True)
    )


def test_room_is_made_by_the_longest_expired_until_there_is_some(three, shop):
    limited(shop, 2, at_limit=AtLimit.TEAR_DOWN)
    assert limits_round() is True
    assert torn_down() == ["aaa", "bbb"]
    operation = Operation.objects.first()
    assert operation.requested_by is None and all(operation.parameters["copies"].values())
    assert "Shop has reached its limit" in operation.parameters["rule"]
    assert limits_round() is False
    assert limits_round(timezone.now() + timedelta(hours=1)) is True
    assert torn_down() == ["aaa", "bbb"]


@pytest.mark.parametrize(
    "fields",
    [
        {"is_protected": True},
        {"tier": "staging"},
        {"status": "tearing-down"},
        {"expires_at": timezone.now() + DAY},
        {"is_canary": True},
    ],
)
def test_what_is_none_of_it_stays(three, shop, fields):
    limited(shop, 2, at_limit=AtLimit.TEAR_DOWN)
    Environment.objects.filter(pk=three["a"].pk).update(**fields)
    limits_round()
    assert "aaa" not in torn_down()


def test_other_rules_tear_nothing_down_and_a_pause_stops_it(three, shop):
    limit = limited(shop, 1, at_limit=AtLimit.STOP_NEW)
    limits_round()
    assert torn_down() == [] and len(told()) == 1
    TeamLimit.objects.filter(pk=limit.pk).update(at_limit=AtLimit.TEAR_DOWN)
    Pause.objects.create(covers="111122223333/", reason="Storm.")
    limits_round(timezone.now() + timedelta(hours=1))
    assert torn_down() == []


def test_what_was_tried_today_is_left_alone(three, shop):
    limited(shop, 2, at_limit=AtLimit.TEAR_DOWN)
    limits_round()
    Operation.objects.update(status="failed")
    limits_round(timezone.now() + timedelta(hours=1))
    assert torn_down() == ["aaa", "bbb", "ccc"]
    limits_round(timezone.now() + timedelta(hours=25))
    assert len(torn_down()) == 3 or torn_down().count("aaa") == 2


@pytest.mark.django_db(transaction=True)
def test_two_requests_for_the_last_place(asked, shop):
    limited(shop, 1)
    barrier, results = threading.Barrier(2), []

    def ask(name):
        barrier.wait()
        try:
            environment_request(**asked | {"name": name})
            results.append("yes")
        except InvalidFields as refusal:
            results.append(set(refusal.errors))
        finally:
            connection.close()

    threads = [threading.Thread(target=ask, args=(name,)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results, key=str) == ["yes", {"team"}]
    assert Environment.objects.count() == 1
