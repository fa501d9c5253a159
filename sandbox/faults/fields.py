"""What the fields of a fault may hold: each check answers the value as it is kept, or raises ValueError.

The text of such an error ends the sentence that begins with the field's name: "must be a number of 0 or more".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sandbox import registry
from sandbox.wire.models import service_name

Check = Callable[[Any], Any]
LONGEST_S = 366 * 86400.0
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")
_TYPE = re.compile(r"[A-Za-z0-9]+(::[A-Za-z0-9]+){2}")
_TYPES = re.compile(r"[A-Za-z0-9:*]+")


@dataclass(frozen=True)
class Field:
    """A field of a kind: its name, what it may hold, a word on what it does, and whether it has to be there."""

    name: str
    check: Check
    about: str
    required: bool = False


def number(least: float = 0.0, most: float | None = None, *, above: bool = False) -> Check:
    """A number of `least` or more (above: more than it)."""
    bound = f"more than {least:.12g}" if above else f"{least:.12g} or more"
    words = (
        f"must be a number of {bound}"
        if most is None
        else f"must be a number of {bound}, {most:.12g} at most"
    )

    def check(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ValueError(words)
        # Compared this way round, so that NaN is refused too.
        fits = (value > least if above else value >= least) and value <= (
            float("1e12") if most is None else most
        )
        if not fits:
            raise ValueError(words)
        return value

    return check


def whole(least: int = 1, most: int = 10**9) -> Check:
    """A whole number within bounds."""

    def check(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise ValueError(f"must be a whole number from {least} to {most}")
        return value

    return check


def text(longest: int = 2000) -> Check:
    """A text that is not empty."""

    def check(value: Any) -> str:
        if not isinstance(value, str) or not value.strip() or len(value) > longest:
            raise ValueError(f"must be a text of 1 to {longest} characters")
        return value

    return check


def one_of(*words: str) -> Check:
    """One of a few words."""

    def check(value: Any) -> str:
        if value not in words:
            raise ValueError(f"must be one of {', '.join(words)}")
        return str(value)

    return check


def several(check_one: Check) -> Check:
    """One value, or a list of them."""

    def check(value: Any) -> Any:
        if isinstance(value, list):
            if not value:
                raise ValueError("must not be an empty list")
            return [check_one(v) for v in value]
        return check_one(value)

    return check


def account(value: Any) -> str:
    if not isinstance(value, str) or not (len(value) == 12 and value.isdigit()):
        raise ValueError("must be an account id of 12 digits, in quotes")
    return value


def region(value: Any) -> str:
    if not isinstance(value, str) or not _REGION.fullmatch(value):
        raise ValueError("must be a region, such as eu-west-1")
    return value


def services() -> set[str]:
    """What the sandbox speaks, by botocore's names."""
    return {service for service, _ in registry.OPERATIONS}


def service(value: Any, among: tuple[str, ...] = ()) -> str:
    """A service by botocore's name; the name in signatures is taken too (elasticloadbalancing: elbv2)."""
    name = service_name(value) if isinstance(value, str) else ""
    known = among or services()
    if name not in known:
        raise ValueError(f"must be one of {', '.join(sorted(known))}")
    return name


def service_among(*among: str) -> Check:
    return lambda value: service(value, among)


def resource_type(value: Any) -> str:
    if not isinstance(value, str) or not _TYPE.fullmatch(value):
        raise ValueError("must be a CloudFormation type, such as AWS::RDS::DBCluster")
    return value


def resource_types(value: Any) -> str:
    """A type, or several by `*`."""
    if not isinstance(value, str) or not _TYPES.fullmatch(value):
        raise ValueError("must be a CloudFormation type, such as AWS::RDS::DBCluster or AWS::RDS::*")
    return value
