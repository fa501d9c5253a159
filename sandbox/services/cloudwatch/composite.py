"""Composite alarms: a rule over the states of other alarms.

Source: CloudWatch API reference, PutCompositeAlarm (AlarmRule: ALARM, OK, INSUFFICIENT_DATA, TRUE, FALSE, AND, OR, NOT;
alarms are there before the rule names them).
"""

from __future__ import annotations

import re
from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import operation, resource_type
from sandbox.resource_types import ResourceType, tags_from
from sandbox.services.cloudwatch import evaluation
from sandbox.services.cloudwatch.evaluation import ALARM, COMPOSITE
from sandbox.store import Record

_TOKEN = re.compile(
    r'\s*(?:(?P<state>ALARM|OK|INSUFFICIENT_DATA)\s*\(\s*(?:"(?P<quoted>[^"]+)"|(?P<plain>[^)\s]+))\s*\)'
    r"|(?P<word>AND|OR|NOT|TRUE|FALSE|\(|\)))"
)
Token = tuple[str, str]


@resource_type(COMPOSITE)
class CompositeAlarm(ResourceType):
    """A composite alarm. Its state follows its rule at once."""

    def arn_for(self, ctx: Context, id: str, properties: dict[str, Any]) -> str:
        return ctx.arn("cloudwatch", f"alarm:{id}")

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        self._check(ctx, properties)

    def check_update(self, ctx: Context, record: Record, properties: dict[str, Any]) -> None:
        self._check(ctx, properties)

    @staticmethod
    def _check(ctx: Context, properties: dict[str, Any]) -> None:
        names = [name for kind, name in tokens(str(properties["AlarmRule"])) if kind in evaluation.ACTIONS]
        missing = [name for name in names if _alarm(ctx, name) is None]
        if missing:
            text = f"Could not save the composite alarm as alarms [{', '.join(missing)}] in the alarm rule do not exist"
            raise AwsError("ValidationError", text, 400)
        _Reader(ctx, str(properties["AlarmRule"])).value()

    def created(self, ctx: Context, record: Record) -> None:
        record.attributes = {"Arn": record.arn}
        record.data["alarm"] = {
            "StateValue": "INSUFFICIENT_DATA",
            "StateReason": "Unchecked: Initial alarm creation",
            "StateUpdatedTimestamp": ctx.now,
        }
        look(ctx, record)

    def updated(self, ctx: Context, record: Record, before: dict[str, Any]) -> None:
        look(ctx, record)

    def deleted(self, ctx: Context, record: Record) -> None:
        ctx.store.drop_log(evaluation.history_of(record))


def tokens(rule: str) -> list[Token]:
    """A rule as [(state, alarm) or (word, "")]; alarms by name, whatever way they are given. Raises AwsError."""
    found: list[Token] = []
    place = 0
    while rule[place:].strip():
        match = _TOKEN.match(rule, place)
        if match is None:
            raise AwsError("ValidationError", f"Invalid alarm rule: {rule[place:].strip()}", 400)
        named = match["quoted"] or match["plain"] or ""
        name = named.partition(":alarm:")[2] if named.startswith("arn:") else named
        found.append((match["state"], name) if match["state"] else (match["word"], ""))
        place = match.end()
    return found


class _Reader:
    """Reads a rule from left to right: OR of ANDs of (NOT) states or parentheses."""

    def __init__(self, ctx: Context, rule: str) -> None:
        self._ctx, self._rule, self._left = ctx, rule, tokens(rule)

    def value(self) -> bool:
        found = self._any()
        if self._left:
            raise AwsError("ValidationError", f"Invalid alarm rule: {self._rule}", 400)
        return found

    def _next(self, *kinds: str) -> Token | None:
        return self._left.pop(0) if self._left and self._left[0][0] in kinds else None

    def _any(self) -> bool:
        found = self._all()
        while self._next("OR"):
            found = self._all() or found
        return found

    def _all(self) -> bool:
        found = self._one()
        while self._next("AND"):
            found = self._one() and found
        return found

    def _one(self) -> bool:
        if self._next("NOT"):
            return not self._one()
        if self._next("("):
            found = self._any()
            if self._next(")"):
                return found
        elif word := self._next("TRUE", "FALSE"):
            return word[0] == "TRUE"
        elif state := self._next(*evaluation.ACTIONS):
            alarm = _alarm(self._ctx, state[1])
            return alarm is not None and alarm.data["alarm"]["StateValue"] == state[0]
        raise AwsError("ValidationError", f"Invalid alarm rule: {self._rule}", 400)


def _alarm(ctx: Context, name: str) -> Record | None:
    return ctx.store.get(ctx.account, ctx.region, ALARM, name) or ctx.store.get(
        ctx.account, ctx.region, COMPOSITE, name
    )


def look(ctx: Context, record: Record) -> None:
    """Give the composite the state that its rule has now."""
    state = "ALARM" if _Reader(ctx, str(record.properties["AlarmRule"])).value() else "OK"
    if state != record.data["alarm"]["StateValue"]:
        evaluation.change(ctx, record, state, f"{record.id} transitioned to {state} by its rule")


def _follow(ctx: Context, changed: Record) -> None:
    """An alarm has another state: composites that name it may have one, too."""
    for record in ctx.store.list(ctx.account, ctx.region, COMPOSITE):
        if record is not changed and changed.id in {
            name for _, name in tokens(str(record.properties["AlarmRule"]))
        }:
            look(ctx, record)


evaluation.ON_CHANGE.append(_follow)


@operation("cloudwatch", "PutCompositeAlarm")
def put_composite_alarm(ctx: Context, params: dict[str, Any]) -> None:
    properties = {n: v for n, v in params.items() if n != "Tags"}
    record = ctx.store.get(ctx.account, ctx.region, COMPOSITE, params["AlarmName"])
    if record is None:
        ctx.world.create(ctx, COMPOSITE, properties, tags=tags_from(params.get("Tags")), at_once=True)
    else:
        ctx.world.update(ctx, record, properties, at_once=True)
