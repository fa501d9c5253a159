"""Metric math and Metrics Insights queries, as far as alarms and graphs of one line need them.

Source: CloudWatch user guide, "Using metric math" (arithmetic, comparisons, IF, FILL with a number) and "Metrics
Insights query components and syntax" (SELECT one function FROM SCHEMA(…) WHERE dimension = 'value' AND …). Anything
else is refused.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.services.cloudwatch import metrics
from sandbox.services.cloudwatch.metrics import Key, key_of

Series = dict[float, float]
"""Values by the beginning of their period."""
_QUERY = re.compile(
    r'\s*SELECT\s+(?P<function>AVG|COUNT|MAX|MIN|SUM)\((?P<metric>\w+)\)\s+FROM\s+SCHEMA\(\s*"(?P<space>[^"]+)"'
    r"(?P<dimensions>(?:\s*,\s*\w+)*)\s*\)(?:\s+WHERE\s+(?P<where>.+))?\s*"
)
_EQUAL = re.compile(r"(\w+)\s*=\s*'([^']*)'")
_FUNCTIONS = {"AVG": "Average", "COUNT": "SampleCount", "MAX": "Maximum", "MIN": "Minimum", "SUM": "Sum"}
_OPERATORS: dict[type, Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}


@dataclass(frozen=True)
class Query:
    """A Metrics Insights query: metrics of one name with exactly these dimensions, some of them of one value."""

    function: str
    namespace: str
    metric: str
    dimensions: frozenset[str]
    values: Mapping[str, str]

    def takes(self, key: Key) -> bool:
        """Whether a metric is among what it selects."""
        namespace, name, dimensions = key
        found = dict(dimensions)
        return (
            (namespace, name) == (self.namespace, self.metric)
            and set(found) == self.dimensions
            and all(found[n] == v for n, v in self.values.items())
        )


def query_of(expression: str) -> Query | None:
    """The query that an expression is; None for one of metric math. Raises AwsError for one that is not understood."""
    if not expression.lstrip().upper().startswith("SELECT"):
        return None
    found = _QUERY.fullmatch(expression)
    parts = re.split(r"\s+AND\s+", found["where"].strip()) if found and found["where"] else []
    equal = [_EQUAL.fullmatch(part) for part in parts]
    if found is None or not all(equal):
        raise AwsError("ValidationError", f"The sandbox does not understand the query {expression}", 400)
    names = frozenset(n.strip() for n in found["dimensions"].split(",") if n.strip())
    values = {e[1]: e[2] for e in equal if e}
    return Query(found["function"], found["space"], found["metric"], names, values)


def key_in(stat: dict[str, Any]) -> Key:
    """The metric of a MetricStat."""
    metric = stat["Metric"]
    return key_of(str(metric["Namespace"]), str(metric["MetricName"]), metric.get("Dimensions"))


def watches(queries: list[dict[str, Any]], key: Key) -> bool:
    """Whether one of the queries looks at the metric."""
    for query in queries:
        if query.get("MetricStat"):
            if key_in(query["MetricStat"]) == key:
                return True
            continue
        selects = query_of(str(query["Expression"]))
        if selects is not None and selects.takes(key):
            return True
    return False


def check(queries: list[dict[str, Any]]) -> None:
    """Refuse what cannot be evaluated. Raises AwsError."""
    known = {str(query["Id"]) for query in queries}
    for query in queries:
        expression = str(query.get("Expression") or "")
        if expression and query_of(expression) is None:
            names = {node.id for node in ast.walk(_parsed(expression)) if isinstance(node, ast.Name)}
            unknown = names - known - {"IF", "FILL"}
            if unknown:
                text = f"Unknown metric ids or functions in {expression}: {', '.join(sorted(unknown))}"
                raise AwsError("ValidationError", text, 400)


def evaluate(
    ctx: Context, queries: list[dict[str, Any]], period: int, start: float, end: float
) -> dict[str, Series]:
    """The series of each query by its id. Raises AwsError where an expression is not understood."""
    made: dict[str, Series] = {}
    for query in queries:
        if query.get("MetricStat"):
            stat = query["MetricStat"]
            made[query["Id"]] = dict(
                metrics.series(
                    ctx, key_in(stat), str(stat["Stat"]), int(stat.get("Period") or period), start, end
                )
            )
    for query in queries:
        if query.get("Expression"):
            made[query["Id"]] = _expression(ctx, str(query["Expression"]), made, period, start, end)
    return made


def _expression(
    ctx: Context, expression: str, made: dict[str, Series], period: int, start: float, end: float
) -> Series:
    selects = query_of(expression)
    if selects is not None:
        keys = [key for key in metrics.known(ctx) if selects.takes(key)]
        return dict(metrics.series_over(ctx, keys, _FUNCTIONS[selects.function], period, start, end))
    tree = _parsed(expression)
    result: Series = {}
    for when in sorted({when for series in made.values() for when in series}):
        value = _value(tree.body, {name: series.get(when) for name, series in made.items()})
        if value is not None:
            result[when] = float(value)
    return result


def _parsed(expression: str) -> ast.Expression:
    try:
        return ast.parse(expression, mode="eval")
    except SyntaxError as error:
        raise AwsError("ValidationError", f"Invalid expression {expression}", 400) from error


def _value(node: ast.AST, at: Mapping[str, float | None]) -> float | None:
    """A part of an expression at one time; None where a metric has no value then."""
    match node:
        case ast.Constant(value=int() | float() as number):
            return float(number)
        case ast.Name(id=name) if name in at:
            return at[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            value = _value(operand, at)
            return None if value is None else -value
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            return _both(type(op), _value(left, at), _value(right, at))
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _OPERATORS:
            return _both(type(op), _value(left, at), _value(right, at))
        case ast.Call(func=ast.Name(id="FILL"), args=[inner, filling]):
            value = _value(inner, at)
            return _value(filling, at) if value is None else value
        case ast.Call(func=ast.Name(id="IF"), args=[condition, yes, no]):
            chosen = _value(condition, at)
            return None if chosen is None else _value(yes if chosen else no, at)
    raise AwsError("ValidationError", f"The sandbox does not understand {ast.unparse(node)}", 400)


def _both(kind: type, left: float | None, right: float | None) -> float | None:
    if left is None or right is None or (kind is ast.Div and right == 0):
        return None
    return float(_OPERATORS[kind](left, right))
