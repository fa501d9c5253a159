"""The smallest properties that a registry schema accepts: what is required, and nothing more."""

import re
from re import _constants as words  # type: ignore[attr-defined]
from re import _parser as reader  # type: ignore[attr-defined]
from typing import Any

from sandbox import schemas

ARN = "arn:aws:iam::210000000012:role/sample"
# Texts tried before one is made from the pattern.
TEXTS = ("sample1", ARN, "10.0.0.0/16", "eu-west-1", "sample@example.com", "210000000012", "rate(1 hour)")


def sample(type_name: str) -> dict[str, Any]:
    """Properties of a type. Raises AssertionError where they are not accepted."""
    schema = schemas.load(type_name)
    made: dict[str, Any] = _value(schema, schema.document, 0)
    refusals = schemas.check(schema, made)[1]
    assert not refusals, (type_name, made, refusals)
    return made


def _value(schema: schemas.Schema, part: dict[str, Any], depth: int) -> Any:
    part = schema.resolve(part)
    if part.get("enum"):
        return part["enum"][0]
    if "const" in part:
        return part["const"]
    kinds = part.get("type")
    kind = kinds if isinstance(kinds, str) else (kinds or ["object" if "properties" in part else "string"])[0]
    if kind == "object":
        return _object(schema, part, depth)
    if kind == "array":
        return [_value(schema, part.get("items", {}), depth + 1) for _ in range(part.get("minItems", 1))]
    if kind == "boolean":
        return True
    if kind in ("integer", "number"):
        return max(part.get("minimum", 1), 1) if part.get("maximum", 1) >= 1 else part["maximum"]
    return _text(part)


def _object(schema: schemas.Schema, part: dict[str, Any], depth: int) -> dict[str, Any]:
    known = part.get("properties", {})
    needed = list(part.get("required", ()))
    for keyword in ("oneOf", "anyOf", "allOf"):
        for choice in part.get(keyword, ())[: None if keyword == "allOf" else 1]:
            needed += [n for n in schema.resolve(choice).get("required", ()) if n not in needed]
    needed += list(part.get("requiredXor") or ())[:1]
    made = {}
    for name in needed:
        if name in made or (depth == 0 and name in schema.read_only):
            continue
        made[name] = _value(schema, known.get(name, {"type": "string"}), depth + 1)
    return made


def _text(part: dict[str, Any]) -> str:
    least, most = part.get("minLength", 1), part.get("maxLength", 10**6)
    pattern = part.get("pattern")
    try:
        parsed = reader.parse(pattern or "")
    except re.error:  # an ECMA expression: the sandbox does not apply it either
        parsed = pattern = None
    for text in TEXTS:
        text = text.ljust(least, "a")
        if len(text) <= most and (pattern is None or re.search(pattern, text)):
            return text
    text = _matching(parsed, least) if pattern else "a" * least
    return text[:most]


def _matching(tokens: Any, least: int) -> str:
    """A text that fits a parsed expression: the fewest repetitions, the first of each choice."""
    made = ""
    for operator, argument in tokens:
        if operator is words.LITERAL:
            made += chr(argument)
        elif operator is words.IN:
            made += _one_of(argument)
        elif operator is words.BRANCH:
            made += _matching(argument[1][0], 0)
        elif operator is words.SUBPATTERN:
            made += _matching(argument[-1], 0)
        elif operator in (words.MAX_REPEAT, words.MIN_REPEAT):
            fewest, most, inner = argument
            times = max(fewest, min(most, least, 64)) if len(tokens) <= 3 else fewest
            made += "".join(_matching(inner, 0) for _ in range(times))
        elif operator is words.ANY:
            made += "a"
        elif operator is words.NOT_LITERAL:
            made += "a" if argument != ord("a") else "b"
    return made


def _one_of(choices: Any) -> str:
    kind, argument = choices[0]
    if kind is words.LITERAL:
        return chr(argument)
    if kind is words.RANGE:
        return chr(argument[0])
    if kind is words.CATEGORY:
        return {words.CATEGORY_DIGIT: "1", words.CATEGORY_SPACE: " "}.get(argument, "a")
    return next(c for c in "a1-" if re.match(_shown(choices), c))


def _shown(choices: Any) -> str:
    raw = "".join(chr(a) if k is words.LITERAL else "" for k, a in choices[1:])
    return f"[^{re.escape(raw)}]"
