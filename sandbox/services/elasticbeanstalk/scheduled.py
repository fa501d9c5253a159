"""Scheduled actions: the group's limits, from some minute on.

Source: Beanstalk guide, General options, aws:autoscaling:scheduledaction; Auto Scaling user guide, "Scheduled scaling"
(cron with five fields, in UTC; an action sets the limits and the desired capacity that it names).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sandbox.context import Context
from sandbox.registry import on_start
from sandbox.services.elasticbeanstalk import options, resources
from sandbox.services.elasticbeanstalk.common import ENVIRONMENT
from sandbox.store import Record

if TYPE_CHECKING:
    from sandbox.world import World

SPACE = "aws:autoscaling:scheduledaction"
MINUTE = 60
MOST_MINUTES = 8 * 24 * 60
"""How far back is looked when the clock was put forward: every weekly schedule has come once."""
_RUNNING = "beanstalk schedules"
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_MONTHS = ("", "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


def schedules_of(found: options.Options) -> dict[str, dict[str, str]]:
    """Options of each scheduled action, by its name."""
    made: dict[str, dict[str, str]] = {}
    for (place, name), value in found.items():
        namespace, _, action = place.partition(options.OF)
        if namespace == SPACE and action:
            made.setdefault(action, {})[name] = value
    return made


def fits(recurrence: str, when: datetime) -> bool:
    """Whether a minute is one of the expression's. Days of month and week: either, when both are given (cron)."""
    minute, hour, day, month, weekday = recurrence.split()
    on_day = _in(day, when.day, 31)
    on_weekday = _in(weekday, when.isoweekday() % 7, 7, _DAYS) or (
        when.isoweekday() == 7 and _in(weekday, 7, 7, _DAYS)
    )
    days = on_day or on_weekday if "*" not in (day, weekday) else on_day and on_weekday
    return (
        days
        and _in(minute, when.minute, 59)
        and _in(hour, when.hour, 23)
        and _in(month, when.month, 12, _MONTHS)
    )


def _in(field: str, value: int, most: int, names: tuple[str, ...] = ()) -> bool:
    for item in field.split(","):
        base, _, step = item.partition("/")
        low, _, high = base.partition("-")
        first = 0 if base == "*" else _number(low, names)
        last = most if base == "*" or (step and not high) else _number(high or low, names)
        if first <= value <= last and (value - first) % int(step or 1) == 0:
            return True
    return False


def _number(text: str, names: tuple[str, ...]) -> int:
    return names.index(text.upper()) if text.upper() in names else int(text)


def due(actions: dict[str, dict[str, str]], since: float, now: float) -> dict[str, str] | None:
    """The action that came last after `since`, up to now; None when none did."""
    for minute in range(int(now // MINUTE), max(int(since // MINUTE), int(now // MINUTE) - MOST_MINUTES), -1):
        when = datetime.fromtimestamp(minute * MINUTE, UTC)
        for action in actions.values():
            if action.get("Suspend") != "true" and fits(action["Recurrence"], when):
                return action
    return None


def apply(ctx: Context, env: Record) -> None:
    """Carry out what came due since the last look."""
    found = options.effective(ctx, env.properties)
    since, env.data["schedules_looked"] = env.data.get("schedules_looked", ctx.now), ctx.now
    action = due(schedules_of(found), since, ctx.now)
    ctx.store.put(env)
    if action is not None:
        resources.resize(ctx, env, found, action)


@on_start
def begin(world: World) -> None:
    """Look now and every minute, as long as an environment has schedules."""
    any_left = False
    for env in list(world.store.everywhere(ENVIRONMENT)):
        ctx = world.context(env.account, env.region)
        if env.state == "Ready" and schedules_of(options.effective(ctx, env.properties)):
            any_left = True
            apply(ctx, env)
    world.memory[_RUNNING] = any_left
    if any_left:
        world.scheduler.at(world.scheduler.now() + MINUTE, lambda: begin(world))


def arranged(ctx: Context, env: Record) -> None:
    """An environment is made or changed: its schedules count from now on, and the timer runs if none does."""
    if schedules_of(options.effective(ctx, env.properties)):
        env.data.setdefault("schedules_looked", ctx.now)
        ctx.store.put(env)
        if not ctx.world.memory.get(_RUNNING):
            ctx.world.memory[_RUNNING] = True
            ctx.world.scheduler.at(ctx.now + MINUTE, lambda: begin(ctx.world))
