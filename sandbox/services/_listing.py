"""What every service's lists share: filters with wildcards, and pages."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from sandbox.errors import AwsError
from sandbox.store import Record

T = TypeVar("T")
Field = Callable[[Record], Any]


def page(
    items: Sequence[T],
    size: int | None,
    token: str | None,
    *,
    most: int = 1000,
    code: str = "InvalidNextToken",
) -> tuple[list[T], str | None]:
    """One page and the token of the next one (None: this was the last). Raises AwsError(code) for a foreign token."""
    start = 0
    if token:
        try:
            start = int(base64.urlsafe_b64decode(token.encode()).decode().removeprefix("page:"))
        except ValueError as problem:
            raise AwsError(code, "The token is not valid.", 400) from problem
    end = start + min(int(size or most), most)
    following = base64.urlsafe_b64encode(f"page:{end}".encode()).decode() if end < len(items) else None
    return list(items[start:end]), following


def matches(value: Any, patterns: Iterable[str]) -> bool:
    """Whether a value, or one of a list of values, fits one of EC2's patterns (`*` and `?`)."""
    values = value if isinstance(value, (list, tuple, set, frozenset)) else [value]
    texts = [_text(v) for v in values if v is not None]
    return any(_pattern(p).fullmatch(text) for p in patterns for text in texts)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile("".join({"*": ".*", "?": "."}.get(c) or re.escape(c) for c in str(text)), re.DOTALL)


def filtered(
    records: Iterable[Record], filters: Iterable[Mapping[str, Any]] | None, fields: Mapping[str, Field]
) -> list[Record]:
    """Records that fit every filter. Besides `fields`, `tag:<key>` and `tag-key` are known to every list.

    Raises AwsError InvalidParameterValue for a filter that the operation does not have.
    """
    kept = list(records)
    for rule in filters or ():
        name, patterns = str(rule["Name"]), list(rule.get("Values") or ())
        if name.startswith("tag:"):
            key = name.removeprefix("tag:")
            kept = [r for r in kept if key in r.tags and matches(r.tags[key], patterns)]
        elif name == "tag-key":
            kept = [r for r in kept if matches(list(r.tags), patterns)]
        elif name in fields:
            read = fields[name]
            kept = [r for r in kept if matches(read(r), patterns)]
        else:
            raise AwsError("InvalidParameterValue", f"The filter '{name}' is invalid", 400)
    return kept
