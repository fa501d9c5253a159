"""The kinds of faults: what each may say, and whether it strikes requests at the front door.

A service adds a kind of its own by `register(Kind(…))`, and asks `world.faults.active(name, facts)` where it bites.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sandbox.faults import fields
from sandbox.faults.fields import Field

PLACE = (
    Field("account", fields.several(fields.account), "only this account (or a list)"),
    Field("region", fields.several(fields.region), "only this region (or a list)"),
)
CALLS = (
    *PLACE,
    Field("service", fields.several(fields.service), "only this service (or a list), by botocore's name"),
    Field("operation", fields.several(fields.text(100)), "only this operation (or a list)"),
)
ACTION = fields.one_of("create", "update", "delete")
LAGGING = ("cognito-idp", "dynamodb", "ecr", "rds", "s3", "secretsmanager")
HEALTHY = ("elasticbeanstalk", "elbv2", "route53")
COUNT = Field("count", fields.whole(), "how often it strikes; then it is gone")
SCHEDULE = (
    Field("after_s", fields.number(0, fields.LONGEST_S), "begins so many seconds from now"),
    Field(
        "for_s", fields.number(0, fields.LONGEST_S, above=True), "ends so many seconds after its beginning"
    ),
)


@dataclass(frozen=True)
class Kind:
    """One kind. at_door: it strikes requests. check: refuses a body as a whole, with a sentence (ValueError)."""

    name: str
    about: str
    fields: tuple[Field, ...]
    at_door: bool = False
    counted: bool = True
    check: Callable[[dict[str, Any]], None] | None = None

    def all_fields(self) -> tuple[Field, ...]:
        return (*self.fields, *((COUNT,) if self.counted else ()), *SCHEDULE)

    def describe(self) -> dict[str, Any]:
        """As `GET faults/kinds` tells it."""
        rows = [{"name": f.name, "about": f.about, "required": f.required} for f in self.all_fields()]
        return {"kind": self.name, "about": self.about, "fields": rows}


KINDS: dict[str, Kind] = {}


class BadFault(ValueError):
    """A fault that means nothing; `fields`: a sentence for each field that is wrong."""

    def __init__(self, sentences: dict[str, str]) -> None:
        super().__init__(" ".join(sentences.values()))
        self.fields = sentences


def register(kind: Kind) -> None:
    """Make a kind known."""
    if kind.name in KINDS:
        raise RuntimeError(f"There are two kinds of faults called {kind.name}")
    KINDS[kind.name] = kind


def checked(body: Any, where: str = "") -> dict[str, Any]:
    """The body as it is kept. where: what stands before a field's name. Raises BadFault."""
    if not isinstance(body, dict):
        raise BadFault({where or "body": f"{where.rstrip('.') or 'A fault'} must be a JSON object."})
    kind = KINDS.get(str(body.get("kind")))
    if kind is None:
        raise BadFault({f"{where}kind": f"{where}kind must be one of {', '.join(KINDS)}."})
    known = {field.name: field for field in kind.all_fields()}
    kept: dict[str, Any] = {"kind": kind.name}
    wrong: dict[str, str] = {}
    for name, value in body.items():
        if name == "kind" or (value in (None, "") and name in known and not known[name].required):
            continue
        if name not in known:
            names = ", ".join(known)
            wrong[where + name] = f"{where}{name} is no field of {kind.name}; it has {names}."
            continue
        try:
            kept[name] = known[name].check(value)
        except ValueError as problem:
            wrong[where + name] = f"{where}{name} {problem}."
    for name, field in known.items():
        if field.required and name not in body:
            wrong[where + name] = f"{where}{name} is missing: {field.about}."
    if not wrong and kind.check is not None:
        try:
            kind.check(kept)
        except ValueError as problem:
            wrong[f"{where}kind"] = f"{where}{problem}."
    if wrong:
        raise BadFault(wrong)
    return kept


def _slower(body: dict[str, Any]) -> None:
    if "factor" not in body and "seconds" not in body:
        raise ValueError("slow needs a factor or seconds")


def _lagging(body: dict[str, Any]) -> None:
    if "seconds" not in body and "growth" not in body:
        raise ValueError("lag needs seconds or a growth")


for _kind in (
    Kind(
        "dark",
        "A region, or some services of it, cannot be reached.",
        (*CALLS, Field("mode", fields.one_of("refuse", "hang"), "refuse: 503 (default); hang: no answer")),
        at_door=True,
    ),
    Kind(
        "throttle",
        "More calls than the rate are refused as throttled.",
        (
            *CALLS,
            Field("rate", fields.number(0), "calls per second that pass (default 0: none)"),
            Field(
                "burst",
                fields.number(1),
                "calls that pass at once after a pause (default: the rate, 1 at least)",
            ),
        ),
        at_door=True,
    ),
    Kind(
        "error",
        "Calls are answered with an error.",
        (
            *CALLS,
            Field("code", fields.text(100), "the error's code (default InternalFailure)"),
            Field("message", fields.text(), "its sentence"),
            Field("status", fields.whole(400, 599), "HTTP status (default 500)"),
        ),
        at_door=True,
    ),
    Kind("deny", "Calls are answered with AccessDenied.", CALLS, at_door=True),
    Kind("timeout-after-success", "Calls are carried out and never answered.", CALLS, at_door=True),
    Kind(
        "failing-type",
        "CloudFormation's handler of a type fails.",
        (
            *PLACE,
            Field("type", fields.resource_type, "CloudFormation's name of the type", required=True),
            Field("action", ACTION, "create (default), update or delete"),
            Field("message", fields.text(), "what the handler says"),
        ),
    ),
    Kind(
        "slow",
        "Creating, updating and deleting resources takes longer.",
        (
            *PLACE,
            Field("type", fields.resource_types, "only this type; * stands for anything"),
            Field(
                "stack", fields.text(200), "only this stack's resources (name or ARN); * stands for anything"
            ),
            Field("action", ACTION, "only create, update or delete"),
            Field("factor", fields.number(0, 1e6, above=True), "times as long as it would take"),
            Field("seconds", fields.number(0, fields.LONGEST_S), "so many seconds more, whatever the speed"),
        ),
        check=_slower,
    ),
    Kind(
        "frozen-health",
        "Health states stay what they were when it began.",
        (
            *PLACE,
            Field("service", fields.several(fields.service_among(*HEALTHY)), f"only {', '.join(HEALTHY)}"),
        ),
        counted=False,
    ),
    Kind(
        "lag",
        "Copies in other regions are at least so far behind.",
        (
            *PLACE,
            Field("service", fields.several(fields.service_among(*LAGGING)), f"only {', '.join(LAGGING)}"),
            Field("seconds", fields.number(0, fields.LONGEST_S), "the lag at the beginning (default 0)"),
            Field(
                "growth",
                fields.number(0, 1e6),
                "seconds of lag more per second (1: nothing arrives any more)",
            ),
            Field("most_s", fields.number(0, fields.LONGEST_S), "the lag grows no further than this"),
        ),
        counted=False,
        check=_lagging,
    ),
):
    register(_kind)
