"""Texts of policies: wildcards and variables.

Source: IAM user guide, "IAM policy elements: Variables and tags".
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

Keys = dict[str, Any]
"""Condition keys of a request: a string, or a list of strings for a multivalued key. Names are case-insensitive."""
Pieces = tuple[tuple[str, bool], ...]
"""A text of a policy in pieces: (text, whether * and ? in it are wildcards)."""
_VARIABLE = re.compile(r"\$\{([^}]*)\}")


@dataclass(frozen=True)
class Request:
    """One question: may this action be done to this resource, with these condition keys.

    variables: whether `${…}` is a variable; in policies of an older Version than 2012-10-17 it is plain text.
    """

    action: str
    resource: str
    keys: Keys = field(default_factory=dict)
    variables: bool = True

    def key(self, name: str) -> Any:
        wanted = name.lower()
        for key, value in self.keys.items():
            if key.lower() == wanted:
                return value
        return None


@lru_cache(maxsize=8192)
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(_globbed(text), re.DOTALL)


def _globbed(text: str) -> str:
    return re.escape(text).replace(r"\*", ".*").replace(r"\?", ".")


def like(value: str, pattern: str) -> bool:
    """IAM's wildcards: * and ?."""
    return _pattern(pattern).fullmatch(value) is not None


def pieces_of(text: str, request: Request) -> Pieces | None:
    """The text with its variables filled in: ${aws:username}, ${aws:PrincipalTag/team, 'none'}, ${*}.

    None: a variable has no value, or several, and no default.
    """
    if "${" not in text or not request.variables:
        return ((text, True),)
    pieces: list[tuple[str, bool]] = []
    end = 0
    for match in _VARIABLE.finditer(text):
        value = _value(match[1], request)
        if value is None:
            return None
        pieces += [(text[end : match.start()], True), (value, False)]
        end = match.end()
    return (*pieces, (text[end:], True))


def _value(inner: str, request: Request) -> str | None:
    name, _, default = (part.strip() for part in inner.partition(","))
    if name in ("*", "?", "$"):
        return name
    value = request.key(name)
    if value is not None and not isinstance(value, list):
        return str(value)
    return default[1:-1] if len(default) >= 2 and default[0] == default[-1] == "'" else None


def plain(pieces: Pieces) -> str:
    """The text of the pieces, wildcards as they are written."""
    return "".join(text for text, _ in pieces)


def matches(value: str, pieces: Pieces) -> bool:
    """Whether the value fits; wildcards that a variable's value brings along are plain characters."""
    if len(pieces) == 1:
        return like(value, pieces[0][0])
    regex = "".join(_globbed(text) if wild else re.escape(text) for text, wild in pieces)
    return re.fullmatch(regex, value, re.DOTALL) is not None


def split(pieces: Pieces, separator: str, most: int) -> list[Pieces]:
    """The pieces cut at the separators that the policy itself has, `most` times at most."""
    parts: list[list[tuple[str, bool]]] = [[]]
    for text, wild in pieces:
        if not wild:
            parts[-1].append((text, wild))
            continue
        first, *rest = text.split(separator, most - len(parts) + 1)
        parts[-1].append((first, True))
        parts += [[(part, True)] for part in rest]
    return [tuple(part) for part in parts]
