"""The Condition element: operators, IfExists, Null, and quantifiers over multivalued keys.

Source: IAM user guide, "IAM JSON policy elements: Condition operators", "Set operators for multivalued context keys",
"IAM policy elements: Variables and tags" (variables without a value).
"""

from __future__ import annotations

import ipaddress
import re
from datetime import UTC, datetime
from typing import Any

from sandbox.iam.texts import Pieces, Request, matches, pieces_of, plain, split

_ORDERS = ("equals", "lessthan", "lessthanequals", "greaterthan", "greaterthanequals")
_EXACT = ("stringequals", "stringequalsignorecase", "stringlike", "bool", "binaryequals", "ipaddress")
OPERATORS = frozenset(
    (
        *_EXACT,
        "arnequals",
        "arnlike",
        *(f"{kind}{order}" for kind in ("numeric", "date") for order in _ORDERS),
    )
)
NEGATED = {
    "stringnotequals": "stringequals",
    "stringnotequalsignorecase": "stringequalsignorecase",
    "stringnotlike": "stringlike",
    "numericnotequals": "numericequals",
    "datenotequals": "dateequals",
    "notipaddress": "ipaddress",
    "arnnotequals": "arnequals",
    "arnnotlike": "arnlike",
}
QUANTIFIERS = ("", "forallvalues", "foranyvalue")


def named(operator: str) -> tuple[str, str, bool]:
    """Quantifier, name (both in lower case) and IfExists of a condition operator."""
    quantifier, _, name = operator.lower().rpartition(":")
    return quantifier, name.removesuffix("ifexists"), name.endswith("ifexists")


def known(operator: str) -> bool:
    """Whether IAM has the operator."""
    quantifier, name, if_exists = named(operator)
    if quantifier not in QUANTIFIERS:
        return False
    return name in OPERATORS or name in NEGATED or (name == "null" and not if_exists)


def holds(operator: str, key: str, wanted: list[Any], request: Request) -> bool:
    """Whether the request's key is as one line of a Condition wants it."""
    quantifier, name, if_exists = named(operator)
    have = request.key(key)
    if name == "null":
        return any(str(w).lower() == str(have is None).lower() for w in wanted)
    if have is None:
        if quantifier:
            return quantifier == "forallvalues"
        return if_exists or name in NEGATED
    values = [pieces_of(_text(w), request) for w in wanted]
    if quantifier:
        given = [str(h) for h in (have if isinstance(have, list) else [have])]
        each = (_one(name, value, values) for value in given)
        return all(each) if quantifier == "forallvalues" else any(each)
    # A multivalued key is compared by the two quantifiers only.
    return not isinstance(have, list) and _one(name, str(have), values)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _one(name: str, have: str, wanted: list[Pieces | None]) -> bool:
    """One value of the request against the condition's values: any of them, or none when negated."""
    if name in NEGATED:
        return all(_fits(NEGATED[name], have, value) is False for value in wanted)
    return any(_fits(name, have, value) is True for value in wanted)


def _fits(name: str, have: str, wanted: Pieces | None) -> bool | None:
    """None: they cannot be compared, which neither the operator nor its negation matches."""
    if wanted is None:
        # A variable without a value equals nothing, so that the negations match.
        return False
    if name == "stringlike":
        return matches(have, wanted)
    if name.startswith("arn"):
        return _arn_fits(have, wanted)
    try:
        return _compared(name, have, plain(wanted))
    except ValueError:
        return None


def _compared(name: str, have: str, want: str) -> bool | None:
    """Raises ValueError for what is no number, date or address."""
    if name in ("stringequals", "binaryequals"):
        return have == want
    if name == "stringequalsignorecase":
        return have.lower() == want.lower()
    if name == "bool":
        values = have.lower(), want.lower()
        return values[0] == values[1] if {*values} <= {"true", "false"} else None
    if name == "ipaddress":
        return ipaddress.ip_address(have) in ipaddress.ip_network(want, strict=False)
    if name.startswith("numeric"):
        return _ordered(name.removeprefix("numeric"), float(have), float(want))
    if name.startswith("date"):
        return _ordered(name.removeprefix("date"), _epoch(have), _epoch(want))
    return None


def _ordered(order: str, have: float, want: float) -> bool | None:
    return {
        "equals": have == want,
        "lessthan": have < want,
        "lessthanequals": have <= want,
        "greaterthan": have > want,
        "greaterthanequals": have >= want,
    }.get(order)


def _epoch(text: str) -> float:
    """Seconds of a date in W3C's form, or of an epoch time as it is."""
    if re.fullmatch(r"-?\d+(\.\d+)?", text):
        return float(text)
    moment = datetime.fromisoformat(f"{text}-01" if re.fullmatch(r"\d{4}-\d\d", text) else text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _arn_fits(have: str, wanted: Pieces) -> bool | None:
    """Part by part: a wildcard does not reach over a colon (except in the last part)."""
    left, right = have.split(":", 5), split(wanted, ":", 5)
    if len(left) != 6 or len(right) != 6:
        return None
    return all(matches(part, pattern) for part, pattern in zip(left, right, strict=True))
