"""DynamoDB's expressions: parsed and evaluated by moto's library (without its backends); errors as AwsError.

Items are dicts of attribute values as the API writes them ({"id": {"S": "1"}}), binary ones in base64.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.dynamodb import comparisons
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.dynamo_type import Item as MotoItem
from moto.dynamodb.parsing.executors import UpdateExpressionExecutor
from moto.dynamodb.parsing.expressions import UpdateExpressionParser  # type: ignore[attr-defined]
from moto.dynamodb.parsing.validators import UpdateExpressionValidator

from sandbox.errors import AwsError

Attributes = dict[str, Any]
Test = Callable[[Attributes | None], bool]


def invalid(text: str) -> AwsError:
    return AwsError("ValidationException", text, 400)


@contextmanager
def _in_our_words(what: str) -> Iterator[None]:
    try:
        yield
    except JsonRESTError as problem:
        text = str(problem.message).replace("Invalid ConditionExpression", f"Invalid {what}")
        raise AwsError(problem.relative_error_type, text, 400) from problem
    except comparisons.IncorrectOperandType as problem:
        raise invalid(f"Invalid {what}: {problem}") from problem
    except (KeyError, ValueError, AssertionError, TypeError) as problem:
        raise invalid(f"Invalid {what}: {problem}") from problem


def _moto(item: Attributes | None) -> Any:
    if item is None:
        return None
    return MotoItem(DynamoType({"S": ""}), None, item)


def refuse_undefined(expressions: list[str | None], params: dict[str, Any]) -> None:
    """Refuse names and values that no expression uses, and those that are used and not given."""
    text = " ".join(e for e in expressions if e)
    for member, sign in (("ExpressionAttributeNames", "#"), ("ExpressionAttributeValues", ":")):
        given = set(params.get(member) or {})
        used = set(re.findall(rf"{sign}[A-Za-z0-9_\-]+", text))
        if given and not text:
            raise invalid(f"{member} can only be specified when using expressions")
        if given - used:
            unused = ", ".join(sorted(given - used))
            raise invalid(f"Value provided in {member} unused in expressions: keys: {{{unused}}}")
        if used - given:
            missing, kind = sorted(used - given)[0], "name" if sign == "#" else "value"
            text = f"An expression attribute {kind} used in expression is not defined; attribute {kind}: {missing}"
            raise invalid(f"Invalid expression: {text}")


def condition(text: str | None, params: dict[str, Any], what: str = "ConditionExpression") -> Test:
    """A test of an item (None: there is none) by a condition or filter expression; without one, everything passes."""
    if not text:
        return lambda item: True
    with _in_our_words(what):
        parsed = comparisons.get_filter_expression(
            text, params.get("ExpressionAttributeNames") or {}, params.get("ExpressionAttributeValues") or {}
        )

    def test(item: Attributes | None) -> bool:
        with _in_our_words(what):
            return bool(parsed.expr(_moto(item)))

    return test


def key_condition(text: str, params: dict[str, Any], keys: list[str]) -> Test:
    """A test of an item by a KeyConditionExpression on a partition key and, if there is one, a sort key."""
    with _in_our_words("KeyConditionExpression"):
        parsed = comparisons.get_filter_expression(
            text, params.get("ExpressionAttributeNames") or {}, params.get("ExpressionAttributeValues") or {}
        )
    found: dict[str, str] = {}
    _collect(parsed, found)
    if keys[0] not in found:
        raise invalid(f"Query condition missed key schema element: {keys[0]}")
    if found.pop(keys[0]) != "=" or set(found) - set(keys[1:]) or "<>" in found.values():
        raise invalid("Query key condition not supported")
    return lambda item: bool(parsed.expr(_moto(item)))


def _collect(part: Any, found: dict[str, str]) -> None:
    if isinstance(part, comparisons.OpAnd):
        _collect(part.lhs, found)
        _collect(part.rhs, found)
        return
    kind = part.OP if isinstance(part, comparisons.Op) else part.FUNCTION
    operand = part.lhs if isinstance(part, comparisons.Op) else part.arguments[0]
    allowed = ("=", "<", "<=", ">", ">=", "BETWEEN", "begins_with")
    if kind not in allowed or not isinstance(operand, comparisons.AttributePath):
        raise invalid("Invalid operator used in KeyConditionExpression")
    found[operand.path[0]] = kind


def refuse_keys(text: str | None, params: dict[str, Any], keys: list[str]) -> None:
    """Refuse a filter of Query that names a key of the table or index (developer guide, "Filter expressions for the
    Query operation").
    """
    names = params.get("ExpressionAttributeNames") or {}
    for name in re.findall(r"(?<![\w:.#-])#?[A-Za-z_][\w-]*", text or ""):
        if (key := names.get(name, name)) in keys:
            raise invalid(
                f"Filter Expression can only contain non-primary key attributes: Primary key attribute: {key}"
            )


def update(text: str, params: dict[str, Any], item: Attributes, table: dict[str, Any]) -> Attributes:
    """The item after an UpdateExpression. table: {"keys", "all_keys", "definitions"} of its key attributes."""
    facts: Any = SimpleNamespace(
        table_key_attrs=table["keys"], attribute_keys=table["all_keys"], attr=table["definitions"]
    )
    names = params.get("ExpressionAttributeNames") or {}
    held = _moto(item)
    with _in_our_words("UpdateExpression"):
        ast = UpdateExpressionValidator(
            UpdateExpressionParser.make(text),
            expression_attribute_names=names,
            expression_attribute_values=params.get("ExpressionAttributeValues") or {},
            item=held,
            table=facts,
        ).validate()
        ast.normalize()
        UpdateExpressionExecutor(ast, held, names).execute()
    return {name: _plain(value) for name, value in held.attrs.items()}


def _plain(value: Any) -> Any:
    """moto's typed value as the API writes it."""
    if isinstance(value, DynamoType):
        inner = value.value
        if value.is_list():
            inner = [_plain(v) for v in inner]
        elif value.is_map():
            inner = {k: _plain(v) for k, v in inner.items()}
        elif value.is_set():
            inner = sorted(inner)
        return {value.type: inner}
    return value


def projection(text: str | None, params: dict[str, Any]) -> Callable[[Attributes], Attributes]:
    """What an item shows of itself by a ProjectionExpression (paths with dots and indexes)."""
    if not text:
        return lambda item: item
    names = params.get("ExpressionAttributeNames") or {}
    paths = [_path(part.strip(), names) for part in text.split(",")]

    def project(item: Attributes) -> Attributes:
        made: Attributes = {}
        for path in paths:
            _take({"M": item}, {"M": made}, path)
        return made

    return project


def _path(text: str, names: dict[str, str]) -> list[str | int]:
    path: list[str | int] = []
    for part in text.split("."):
        name = re.match(r"[^\[]+", part)
        if name is None:
            raise invalid(f'Invalid ProjectionExpression: Syntax error; token: "{part}"')
        path.append(names.get(name[0], name[0]))
        path.extend(int(n) for n in re.findall(r"\[(\d+)\]", part))
    return path


def _take(source: Any, target: Any, path: list[str | int]) -> bool:
    """Copy what a path leads to; lists close up, as in DynamoDB."""
    step, rest = path[0], path[1:]
    if isinstance(step, int):
        if "L" not in source or step >= len(source["L"]):
            return False
        inner: Any = _empty(source["L"][step]) if rest else source["L"][step]
        if rest and not _take(source["L"][step], inner, rest):
            return False
        target["L"].append(inner)
        return True
    if "M" not in source or step not in source["M"]:
        return False
    if not rest:
        target["M"][step] = source["M"][step]
        return True
    inner = target["M"].get(step) or _empty(source["M"][step])
    if not _take(source["M"][step], inner, rest):
        return False
    target["M"][step] = inner
    return True


def _empty(value: Any) -> Any:
    return {"L": []} if "L" in value else {"M": {}}
