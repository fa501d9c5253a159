"""Policy documents: does a statement speak of this request, and what do the documents together say.

Source: IAM user guide, "Policy evaluation logic" and "IAM JSON policy elements".
"""

from __future__ import annotations

import fnmatch
import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

Document = dict[str, Any]
Keys = dict[str, Any]
"""Condition keys of a request: a string, or a list of strings for a multivalued key. Names are case-insensitive."""


@dataclass(frozen=True)
class Request:
    """One question: may this action be done to this resource, with these condition keys."""

    action: str
    resource: str
    keys: Keys = field(default_factory=dict)

    def key(self, name: str) -> Any:
        wanted = name.lower()
        for key, value in self.keys.items():
            if key.lower() == wanted:
                return value
        return None


def listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


@lru_cache(maxsize=8192)
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(re.escape(text).replace(r"\*", ".*").replace(r"\?", "."), re.DOTALL)


def like(value: str, pattern: str) -> bool:
    """IAM's wildcards: * and ?."""
    return _pattern(pattern).fullmatch(value) is not None


def _filled(text: str, request: Request) -> str:
    """Policy variables: ${aws:username}, ${aws:PrincipalTag/team, 'none'}."""

    def put(match: re.Match[str]) -> str:
        name, _, default = match[1].partition(",")
        if name.strip() in ("*", "?", "$"):
            return name.strip()
        value = request.key(name.strip())
        if value is None:
            return default.strip().strip("'") if default else "\0"
        return str(value)

    return re.sub(r"\$\{([^}]+)\}", put, text)


def applies(statement: Document, request: Request) -> bool:
    """Whether action, resource and conditions of the statement fit (not its principal)."""
    action = request.action.lower()
    if "NotAction" in statement:
        if any(like(action, str(a).lower()) for a in listed(statement["NotAction"])):
            return False
    elif not any(like(action, str(a).lower()) for a in listed(statement.get("Action"))):
        return False
    if "NotResource" in statement:
        if any(like(request.resource, _filled(r, request)) for r in listed(statement["NotResource"])):
            return False
    elif "Resource" in statement and not any(
        r == "*" or like(request.resource, _filled(r, request)) for r in listed(statement["Resource"])
    ):
        return False
    return all(
        _condition(operator, tests, request) for operator, tests in (statement.get("Condition") or {}).items()
    )


def verdict(documents: Iterable[Document], request: Request) -> str:
    """`deny`, `allow` or `none` of the documents taken together."""
    allowed = False
    for document in documents:
        for statement in listed(document.get("Statement")):
            if not applies(statement, request):
                continue
            if statement.get("Effect") == "Deny":
                return "deny"
            allowed = True
    return "allow" if allowed else "none"


# -- conditions


def _condition(operator: str, tests: dict[str, Any], request: Request) -> bool:
    quantifier, _, name = operator.rpartition(":")
    if_exists = name.endswith("IfExists")
    name = name.removesuffix("IfExists").lower()
    for key, wanted in tests.items():
        have = request.key(key)
        values = [_filled(str(w), request) for w in listed(wanted)]
        if name == "null":
            if (have is None) != (values[0].lower() == "true"):
                return False
            continue
        if have is None:
            negated = "not" in name
            if if_exists or quantifier == "ForAllValues" or (negated and quantifier != "ForAnyValue"):
                continue
            return False
        given = [str(h) for h in listed(have)]
        if quantifier == "ForAllValues":
            fits = all(_one(name, g, values) for g in given)
        elif quantifier == "ForAnyValue":
            fits = any(_one(name, g, values) for g in given)
        else:
            fits = all(_one(name, g, values) for g in given[:1])
        if not fits:
            return False
    return True


def _one(operator: str, have: str, wanted: list[str]) -> bool:
    """One value of the request against the values of the condition (any of them; none of them when negated)."""
    if operator.startswith(("stringnot", "arnnot", "numericnot", "datenot", "notip")):
        return not any(_fits(_positive(operator), have, w) for w in wanted)
    return any(_fits(operator, have, w) for w in wanted)


def _positive(operator: str) -> str:
    return "ipaddress" if operator == "notipaddress" else operator.replace("not", "", 1)


def _fits(operator: str, have: str, want: str) -> bool:
    if operator in ("stringequals", "binaryequals"):
        return have == want
    if operator == "stringequalsignorecase":
        return have.lower() == want.lower()
    if operator == "stringlike":
        return like(have, want)
    if operator in ("arnequals", "arnlike"):
        return _arn_like(have, want)
    if operator == "bool":
        return have.lower() == want.lower()
    if operator == "ipaddress":
        return ipaddress.ip_address(have) in ipaddress.ip_network(want, strict=False)
    if operator.startswith("numeric"):
        return _ordered(operator.removeprefix("numeric"), float(have), float(want))
    if operator.startswith("date"):
        return _ordered(operator.removeprefix("date"), _epoch(have), _epoch(want))
    return False


def _ordered(operator: str, have: float, want: float) -> bool:
    return {
        "equals": have == want,
        "lessthan": have < want,
        "lessthanequals": have <= want,
        "greaterthan": have > want,
        "greaterthanequals": have >= want,
    }.get(operator, False)


def _epoch(text: str) -> float:
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    return datetime.fromisoformat(text.replace("Z", "+00:00")).replace(tzinfo=UTC).timestamp()


def _arn_like(have: str, want: str) -> bool:
    """Part by part: a wildcard does not reach over a colon (except in the last part)."""
    left, right = have.split(":", 5), want.split(":", 5)
    if want == "*":
        return True
    return len(left) == len(right) and all(
        fnmatch.fnmatchcase(a, b.replace("[", "[[]")) for a, b in zip(left, right, strict=True)
    )


# -- principals of resource policies


def principal_fits(statement: Document, principal_arn: str, account: str, entity_arn: str) -> str:
    """How a resource policy's principal fits: `direct` (names the caller), `account` (its account), or ``."""
    for element, turned in (("Principal", False), ("NotPrincipal", True)):
        if element not in statement:
            continue
        value = statement[element]
        names = listed(value) if not isinstance(value, dict) else listed(value.get("AWS"))
        direct = {principal_arn, entity_arn}
        accounts = {account, f"arn:aws:iam::{account}:root"}
        if turned:
            return "" if (direct | accounts) & set(names) else "direct"
        if direct & set(names):
            return "direct"
        if "*" in names or accounts & set(names):
            return "account"
    return ""
