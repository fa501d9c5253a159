"""Scheduled scaling: how many instances an environment has from some time of day or week on."""

from __future__ import annotations

import re
from itertools import pairwise

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_FIELDS = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of the month", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("day of the week", 0, 7, _DAYS),
)
"""Of a cron expression, in its order: what it is, least and most value, names that stand for values."""


class Schedule(BaseModel):
    """From each time that fits `recurrence` on, the group of instances has these limits and begins with the fewest.

    They hold until the next one of the environment's schedules; in between, target tracking moves within them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(
        title="Name", description="What it is for, for example weekdays.", pattern=r"^[a-z][a-z0-9-]{0,30}$"
    )
    recurrence: str = Field(
        title="When",
        description="Minute, hour, day of the month, month, day of the week, as cron has them, in UTC.",
        max_length=100,
        examples=["0 7 * * MON-FRI"],
    )
    min_instances: int = Field(title="Fewest instances", ge=1, le=100)
    max_instances: int = Field(title="Most instances", ge=1, le=100)

    @field_validator("recurrence")
    @classmethod
    def _cron(cls, value: str) -> str:
        parts = value.split()
        if len(parts) != len(_FIELDS):
            raise ValueError(
                f"{value} has {len(parts)} fields; cron has five: minute, hour, day, month, weekday."
            )
        for part, (what, low, high, names) in zip(parts, _FIELDS, strict=True):
            for item in part.split(","):
                if not _fits(item, low, high, names):
                    raise ValueError(f"{part} is no {what} of cron.")
        return value

    @model_validator(mode="after")
    def _limits(self) -> Schedule:
        if self.min_instances > self.max_instances:
            raise ValueError(
                f"{self.name} has at least {self.min_instances} and at most {self.max_instances} instances."
            )
        return self


def refuse_overlap(schedules: tuple[Schedule, ...]) -> None:
    """Two schedules of one name are one to Beanstalk. Raises ValueError."""
    for one, other in pairwise(sorted(schedule.name for schedule in schedules)):
        if one == other:
            raise ValueError(f"Two schedules are called {one}.")


def _fits(item: str, low: int, high: int, names: tuple[str, ...]) -> bool:
    """Whether one part of a field is *, a value, a range, or one of these with a step."""
    base, slash, step = item.partition("/")
    if slash and not (step.isdecimal() and 0 < int(step) <= high):
        return False
    if base == "*":
        return True
    values = [_value(text, names) for text in base.split("-")]
    known = [value for value in values if value is not None and low <= value <= high]
    return len(known) == len(values) <= 2 and known == sorted(known)


def _value(text: str, names: tuple[str, ...]) -> int | None:
    if re.fullmatch(r"[0-9]{1,2}", text):
        return int(text)
    return names.index(text) + (names is _MONTHS) if text in names else None
