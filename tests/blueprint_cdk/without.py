"""A pytest plugin: the blueprint without one construct after the other, to see that the tests of each miss it.

`make proof` loads it (`-p tests.blueprint_cdk.without`) and says in SWITCHYARD_WITHOUT which tests are to run without
which construct: JSON, {"constructs.edge.WebFirewall": ["test_stack_app::test_…"]}, a construct by its module below
blueprint_cdk and its class. Such a test runs once for each of its constructs, whose name is then among the parameters
in the test's own name. What the construct made is taken out of the templates after they are written, so that nothing
else of the blueprint fails for want of it.
"""

from __future__ import annotations

import functools
import importlib
import json
import os
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

from blueprint_cdk import runtime

NAME = "SWITCHYARD_WITHOUT"
PLAN: dict[str, list[str]] = json.loads(os.environ[NAME])
TAKEN_OUT = {"construct": ""}
"""Which construct the blueprint is without at the moment."""


@pytest.fixture(autouse=True)
def without(request: pytest.FixtureRequest) -> str:
    """The construct that this test runs without; there to be a parameter of every test."""
    return str(request.param)


def pytest_configure(config: pytest.Config) -> None:
    runtime.prepare()
    from blueprint_cdk import synthesis

    made: dict[str, list[Any]] = defaultdict(list)
    for construct in PLAN:
        module, _, name = construct.rpartition(".")
        _remember(getattr(importlib.import_module(f"blueprint_cdk.{module}"), name), made, construct)
    write = synthesis._write

    def write_without(app: Any, out: Path) -> None:
        write(app, out)
        for construct in made[TAKEN_OUT["construct"]]:
            _take_out(construct, out)
        made.clear()

    synthesis._write = write_without


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    test = f"{metafunc.module.__name__.rpartition('.')[2]}::{metafunc.function.__name__}"
    constructs = [construct for construct, tests in PLAN.items() if test in tests]
    metafunc.parametrize("without", constructs, indirect=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    order = list(PLAN)
    items.sort(key=lambda item: order.index(_construct_of(item)))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool:
    """Run one test. After a construct's last one fixtures of every scope end: assemblies are made anew without the
    next construct.
    """
    construct = TAKEN_OUT["construct"] = _construct_of(item)
    goes_on = nextitem is not None and _construct_of(nextitem) == construct
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    runtestprotocol(item, nextitem=nextitem if goes_on else None)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def _construct_of(item: pytest.Item) -> str:
    assert isinstance(item, pytest.Function)
    return str(item.callspec.params["without"])


def _remember(kind: Any, made: dict[str, list[Any]], construct: str) -> None:
    """Have every construct of this kind noted as it is made."""
    begin = kind.__init__

    @functools.wraps(begin)
    def noted(self: Any, *args: Any, **kwargs: Any) -> None:
        begin(self, *args, **kwargs)
        made[construct].append(self)

    kind.__init__ = noted


def _take_out(construct: Any, out: Path) -> None:
    """Take all resources of a construct out of its stack's template."""
    import aws_cdk as cdk

    stack = cdk.Stack.of(construct)
    path = out / f"{stack.stack_name}.template.json"
    template = json.loads(path.read_text())
    for child in construct.node.find_all():
        if cdk.CfnResource.is_cfn_resource(child):
            del template["Resources"][stack.resolve(child.logical_id)]
    path.write_text(json.dumps(template))
