"""What CloudFormation tells as drift and is none: bugs of its own, and what moves at run time. Data, with sources.

A row: types it is about (empty: all), the property (a path's beginning; empty: all), when it holds, why, and where that
is written. `ROADMAP` numbers are issues of aws-cloudformation/cloudformation-coverage-roadmap.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

ROADMAP = "https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues"
BEANSTALK, CLUSTER, GLOBAL = (
    "AWS::ElasticBeanstalk::Environment",
    "AWS::RDS::DBCluster",
    "AWS::RDS::GlobalCluster",
)
RULE = "AWS::ElasticLoadBalancingV2::ListenerRule"
"""The blueprint's only rule: the maintenance page's."""
Holds = Callable[[str, Any, Any], bool]
"""(path, expected, actual) -> whether the row is about this difference. A side that is absent is None."""


def _always(_path: str, _expected: Any, _actual: Any) -> bool:
    return True


def _one_is_the_arn_of_the_other(_path: str, expected: Any, actual: Any) -> bool:
    if not isinstance(expected, str) or not isinstance(actual, str):
        return False
    if expected.startswith("arn:") == actual.startswith("arn:"):
        return False
    arn, name = sorted((expected, actual), key=lambda text: not text.startswith("arn:"))
    resource = arn.split(":", 5)[5] if arn.count(":") >= 5 else ""
    return bool(name) and name in (resource, resource.partition("/")[2], resource.rpartition("/")[2])


def _equal_but_for_form(_path: str, expected: Any, actual: Any) -> bool:
    return bool(_plain(expected) == _plain(actual))


def _plain(value: Any) -> Any:
    """ "true" and true, "1" and 1 and 1.0, a JSON text and its value are the same."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return value
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    if isinstance(value, int | float):
        return f"{value:g}"
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _tag_of_aws(path: str, _expected: Any, _actual: Any) -> bool:
    return path.partition("[")[2].startswith("aws:")


@dataclass(frozen=True)
class Row:
    """See the module. `what` is "false" (there is no difference) or "runtime" (it is one that is meant to be)."""

    what: Literal["false", "runtime"]
    types: tuple[str, ...]
    property: str
    reason: str
    source: str
    holds: Holds = _always


DECISION = "docs/decisions/0309-what-moves-at-run-time.md"
ASG = "OptionSettings[aws:autoscaling:asg"

ROWS = (
    Row(
        "false",
        (GLOBAL,),
        "SourceDBClusterIdentifier",
        "After a switchover the writer is another cluster than the one that was adopted.",
        f"{ROADMAP}/1856",
    ),
    Row(
        "false",
        (CLUSTER,),
        "GlobalClusterIdentifier",
        "A member of a global database is told as having left it.",
        f"{ROADMAP}/1857",
    ),
    Row(
        "false",
        (),
        "",
        "One side is the name, the other the ARN of the same thing.",
        f"{ROADMAP}/2156",
        _one_is_the_arn_of_the_other,
    ),
    Row(
        "false",
        (GLOBAL, CLUSTER),
        "Tags",
        "Tags of global databases and their members are told as missing.",
        f"{ROADMAP}/2275",
    ),
    Row(
        "false",
        (),
        "Tags",
        "Tags that CloudFormation and other services put there themselves.",
        f"{ROADMAP}/1222",
        _tag_of_aws,
    ),
    Row(
        "false",
        (),
        "",
        "The same value in another form: a number or a truth value as text, JSON with other spaces.",
        f"{ROADMAP}/1003",
        _equal_but_for_form,
    ),
    Row(
        "runtime",
        (BEANSTALK,),
        "VersionLabel",
        "The application's version is deployed by its team.",
        DECISION,
    ),
    Row("runtime", (BEANSTALK,), "PlatformArn", "Managed updates bring the platform forward.", DECISION),
    Row("runtime", (BEANSTALK,), f"{ASG} MinSize]", "Capacity is set at run time.", DECISION),
    Row("runtime", (BEANSTALK,), f"{ASG} MaxSize]", "Capacity is set at run time.", DECISION),
    Row("runtime", (RULE,), "Conditions", "The maintenance page is turned on at run time.", DECISION),
    Row("runtime", (RULE,), "Priority", "While the maintenance page is on it comes first.", DECISION),
    Row("runtime", (CLUSTER,), "EngineVersion", "Minor versions are brought in at run time.", DECISION),
    Row("runtime", (CLUSTER,), "ServerlessV2ScalingConfiguration", "Capacity is set at run time.", DECISION),
)


def known(type_name: str, path: str, expected: Any, actual: Any) -> Row | None:
    """The row that knows this difference; None when it is drift. `path` names members of lists by their names:
    "Tags[team]", "OptionSettings[aws:autoscaling:asg MinSize]".
    """
    for row in ROWS:
        fits = not row.types or type_name in row.types
        if fits and _begins(path, row.property) and row.holds(path, expected, actual):
            return row
    return None


def _begins(path: str, beginning: str) -> bool:
    rest = path.removeprefix(beginning)
    return not beginning or (path.startswith(beginning) and (not rest or rest[0] in ".["))
