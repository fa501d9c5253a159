"""How long environments live: the rule as a table, what a request gets, and what is due when."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from django.utils import timezone as clock

from environments.errors import Forbidden, InvalidFields
from environments.lifecycle.environments import environment_request
from environments.lifecycle.expiry import (
    expiry_next,
    expiry_rule_set,
    expiry_wanted,
    expiry_warning,
    is_beyond,
)
from environments.lifecycle.models import ExpiryRule
from environments.operations.models import AuditEntry
from tests.environments.lifecycle.expiring import DAY, HOUR, MINUTE

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 12, 10, 12, 0, tzinfo=UTC)
WEST = timezone(timedelta(hours=-11))


@pytest.mark.parametrize(
    ("left", "warning", "following"),
    [
        (3 * DAY, None, 2 * DAY),
        (2 * DAY + timedelta(microseconds=1), None, 2 * DAY),
        (2 * DAY, 2 * DAY, 2 * HOUR),
        (2 * HOUR, 2 * HOUR, 30 * MINUTE),
        (119 * MINUTE, 2 * HOUR, 30 * MINUTE),
        (30 * MINUTE, 30 * MINUTE, timedelta(0)),
        (timedelta(microseconds=1), 30 * MINUTE, timedelta(0)),
        (timedelta(0), timedelta(0), None),
        (-DAY, timedelta(0), None),
    ],
)
@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=14)), WEST])
def test_of_the_warnings_the_latest_due_one_is_told_whatever_the_zone(left, warning, following, zone):
    expires_at = (NOON + left).astimezone(zone)
    assert expiry_warning(expires_at, NOON) == warning
    assert expiry_next(expires_at, NOON) == (None if following is None else expires_at - following)


@pytest.mark.parametrize(
    ("until", "limit", "beyond"),
    [
        (NOON, NOON, False),
        (NOON + timedelta(microseconds=1), NOON, True),
        (NOON.astimezone(WEST), NOON, False),
        (None, NOON, True),
        (NOON, None, False),
        (None, None, False),
    ],
)
def test_never_is_later_than_any_moment(until, limit, beyond):
    assert is_beyond(until, limit) is beyond


@pytest.mark.parametrize(
    ("tier", "wanted", "gets", "refused"),
    [
        ("dev", "by-rule", NOON + 14 * DAY, ""),
        ("staging", "by-rule", None, ""),
        ("prod", "by-rule", None, ""),
        ("dev", NOON + 30 * DAY, NOON + 30 * DAY, ""),
        ("dev", (NOON + 30 * DAY).astimezone(WEST), NOON + 30 * DAY, ""),
        (
            "dev",
            NOON + 30 * DAY + MINUTE,
            NOON + 30 * DAY + MINUTE,
            "at most 30 days: until 09 Jan 2027 12:00 UTC",
        ),
        ("dev", None, None, "at most 30 days"),
        ("dev", NOON + HOUR, NOON + HOUR, ""),
        ("dev", NOON + 59 * MINUTE, NOON + 59 * MINUTE, "too soon"),
        ("dev", NOON - DAY, NOON - DAY, "too soon"),
        ("staging", NOON + 3000 * DAY, NOON + 3000 * DAY, ""),
        ("staging", NOON + 4000 * DAY, NOON + 4000 * DAY, "ten years"),
        ("staging", None, None, ""),
        ("nonsense", "by-rule", None, ""),
    ],
)
def test_what_a_request_gets(tier, wanted, gets, refused):
    until, problem = expiry_wanted(tier, wanted, NOON)
    assert until == gets
    assert refused in problem and bool(refused) == bool(problem)


def test_a_request_has_its_tiers_default_and_a_refusal_stands_at_the_field(asked):
    environment = environment_request(**asked).subject
    assert abs(environment.expires_at - clock.now() - 14 * DAY) < MINUTE
    assert environment.expiry_due_at == environment.expires_at - 2 * DAY
    assert environment_request(**asked | {"name": "cart", "tier": "staging"}).subject.expires_at is None
    with pytest.raises(InvalidFields) as refusal:
        environment_request(**asked | {"name": "late", "expires_at": None})
    assert set(refusal.value.errors) == {"expires_at"}


def test_a_rule_that_now_wants_an_expiry_gives_one_to_those_without(environment, asked, people):
    staging = environment_request(**asked | {"name": "cart", "tier": "staging"}).subject
    admin = people["administrator"]
    fields = {"tier": "staging", "approves_teardown": False, "actor": admin}
    expiry_rule_set(default_days=10, maximum_days=20, **fields)
    staging.refresh_from_db()
    assert abs(staging.expires_at - clock.now() - 10 * DAY) < MINUTE
    assert AuditEntry.objects.get(action="expiry-rule.set").after["environments_given_an_expiry"] == 1
    for default, maximum, field in (
        (30, 20, "default_days"),
        (None, 20, "default_days"),
        (0, None, "default_days"),
    ):
        with pytest.raises(InvalidFields) as refusal:
            expiry_rule_set(default_days=default, maximum_days=maximum, **fields)
        assert set(refusal.value.errors) == {field}
    with pytest.raises(Forbidden):
        expiry_rule_set(default_days=1, maximum_days=2, **fields | {"actor": people["team-lead"]})
    assert ExpiryRule.objects.get(tier="staging").maximum_days == 20
