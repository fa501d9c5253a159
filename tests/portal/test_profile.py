"""One's own page: the time zone that every page tells times in."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.urls import reverse

from environments.errors import Forbidden
from environments.operations.models import AuditEntry
from environments.people.models import User
from environments.people.services import profile_change
from tests import factories


def test_person_sets_their_zone_and_every_time_is_told_in_it(world: Any, sign_in: Any) -> None:
    person = world.people["engineer"]
    client = sign_in(person)
    answer = client.post(reverse("admin:profile"), {"time_zone": "Asia/Tokyo"}, follow=True)
    assert "Times are told in Asia/Tokyo from now on." in answer.content.decode()
    environment = factories.environment_make(
        "shop", team=world.team, owner=person, account=world.account, release=world.release
    )
    environment.created_at = datetime(2026, 3, 1, 20, 30, tzinfo=UTC)
    environment.save()
    page = client.get(reverse("admin:environment", args=[environment.pk])).content.decode()
    assert "Mon 02 Mar 2026, 05:30:00 JST · 01 Mar, 20:30:00 UTC" in page
    (entry,) = AuditEntry.objects.filter(action="person.profile-changed")
    assert (entry.before, entry.after) == ({"time_zone": "UTC"}, {"time_zone": "Asia/Tokyo"})


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("Europe/Dublim", "Europe/Dublim is no time zone. Did you mean Europe/Dublin?"),
        ("", "Nothing is no time zone. Write it as Europe/Dublin or UTC."),
        ("../etc/passwd", "../etc/passwd is no time zone."),
        ("qqqq", "qqqq is no time zone. Write it as Europe/Dublin or UTC."),
    ],
)
def test_unknown_zone_is_told_at_its_field_and_changes_nothing(
    world: Any, sign_in: Any, typed: str, said: str
) -> None:
    person = world.people["auditor"]
    answer = sign_in(person).post(reverse("admin:profile"), {"time_zone": typed})
    assert answer.status_code == 400
    assert answer.context["problems"]["time_zone"].startswith(said)
    assert said in answer.content.decode()
    assert User.objects.get(pk=person.pk).time_zone == "UTC"
    assert not AuditEntry.objects.filter(action="person.profile-changed").exists()


def test_nobody_changes_somebody_elses_profile(world: Any) -> None:
    with pytest.raises(Forbidden):
        profile_change(
            user=world.people["engineer"], time_zone="Asia/Tokyo", actor=world.people["administrator"]
        )
