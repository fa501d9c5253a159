"""Scheduled scaling by the sandbox's clock."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from devtools.processes import free_port
from devtools.sandbox import Sandbox
from sandbox.services.elasticbeanstalk.scheduled import fits
from tests.sandbox.application.building import Place, bundle, zone

ACCOUNT, TOP, NAME = "310000000063", "scheduled.example.com", "scheduled"
SPACE = "aws:autoscaling:scheduledaction"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """An environment of one to two instances, in a sandbox whose clock may be put forward."""
    process = Sandbox(home=tmp_path_factory.mktemp("schedules") / "state", port=free_port())
    process.start()
    process.settings(speed=0)
    made = Place(process, process.account(ACCOUNT), "eu-west-1", f"{NAME}.{TOP}")
    made.network()
    made.alias(zone(made, TOP))
    made.application(NAME, bundle(body="one"))
    yield made
    process.stop()


def group(place: Place) -> tuple[int, int, int]:
    """Fewest, most and present instances of the environment's group."""
    (found,) = place.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
    return found["MinSize"], found["MaxSize"], len(found["Instances"])


def until_hour(place: Place, hour: int) -> None:
    """Put the clock forward to just after the next such hour, UTC."""
    now = place.sandbox.control("GET", "clock")["now"]
    left = (hour * 3600 - now % 86400) % 86400
    place.sandbox.control("POST", "clock", {"advance_s": left + 90})


def action(name: str, **options: Any) -> list[dict[str, str]]:
    return [
        {"Namespace": SPACE, "ResourceName": name, "OptionName": option, "Value": str(value)}
        for option, value in options.items()
    ]


@pytest.mark.timeout(180)
def test_group_has_the_size_of_the_schedule_that_came_last(place: Place) -> None:
    beanstalk = place.client("elasticbeanstalk")
    assert group(place) == (1, 2, 1)
    day = action("day", Recurrence="0 7 * * *", MinSize=3, MaxSize=6, DesiredCapacity=3)
    night = action("night", Recurrence="0 20 * * *", MinSize=1, MaxSize=2, DesiredCapacity=1)
    beanstalk.update_environment(EnvironmentName=NAME, OptionSettings=[*day, *night])
    assert group(place) == (1, 2, 1)
    until_hour(place, 7)
    assert group(place) == (3, 6, 3)
    # Another option changes nothing about what the schedule has made of the group.
    timeout = {"Namespace": "aws:elasticbeanstalk:command", "OptionName": "Timeout", "Value": "900"}
    beanstalk.update_environment(EnvironmentName=NAME, OptionSettings=[timeout])
    assert group(place) == (3, 6, 3)
    until_hour(place, 20)
    assert group(place) == (1, 2, 1)
    (settings,) = beanstalk.describe_configuration_settings(ApplicationName=NAME, EnvironmentName=NAME)[
        "ConfigurationSettings"
    ]
    told = {row.get("ResourceName") for row in settings["OptionSettings"] if row["Namespace"] == SPACE}
    assert told == {"day", "night"}
    gone = [{k: v for k, v in row.items() if k != "Value"} for row in [*day, *night]]
    beanstalk.update_environment(EnvironmentName=NAME, OptionsToRemove=gone)
    until_hour(place, 7)
    assert group(place) == (1, 2, 1)


@pytest.mark.parametrize(
    ("recurrence", "when", "expected"),
    [
        ("0 7 * * MON-FRI", datetime(2026, 11, 27, 7, 0, tzinfo=UTC), True),
        ("0 7 * * MON-FRI", datetime(2026, 11, 28, 7, 0, tzinfo=UTC), False),
        ("0 7 * * 0", datetime(2026, 11, 29, 7, 0, tzinfo=UTC), True),
        ("0 7 * * 7", datetime(2026, 11, 29, 7, 0, tzinfo=UTC), True),
        ("*/15 * * * *", datetime(2026, 11, 28, 9, 45, tzinfo=UTC), True),
        ("*/15 * * * *", datetime(2026, 11, 28, 9, 46, tzinfo=UTC), False),
        ("0 0 1 JAN,JUL *", datetime(2026, 7, 1, 0, 0, tzinfo=UTC), True),
        ("0 0 1 JAN,JUL *", datetime(2026, 6, 1, 0, 0, tzinfo=UTC), False),
        ("0 0 13 * FRI", datetime(2026, 11, 27, 0, 0, tzinfo=UTC), True),
    ],
)
def test_expressions_fit_the_minutes_that_cron_says(recurrence: str, when: datetime, expected: bool) -> None:
    assert fits(recurrence, when) is expected
