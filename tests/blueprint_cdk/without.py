"""A pytest plugin: the blueprint without one construct, to see that its tests miss it.

`make proof` loads it (`-p tests.blueprint_cdk.without`) and names the construct in SWITCHYARD_WITHOUT, by its module
below blueprint_cdk and its class: `constructs.edge.WebFirewall`. What the construct made is taken out of the
templates after they are written, so that nothing else of the blueprint fails for want of it.
"""

from __future__ import annotations

import functools
import importlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from blueprint_cdk import runtime

NAME = "SWITCHYARD_WITHOUT"


def pytest_configure(config: pytest.Config) -> None:
    runtime.prepare()
    from blueprint_cdk import synthesis

    module, _, name = os.environ[NAME].rpartition(".")
    made: list[Any] = []
    _remember(getattr(importlib.import_module(f"blueprint_cdk.{module}"), name), made)
    write = synthesis._write

    def write_without(app: Any, out: Path) -> None:
        write(app, out)
        for construct in made:
            _take_out(construct, out)
        made.clear()

    synthesis._write = write_without


def _remember(kind: Any, made: list[Any]) -> None:
    """Have every construct of this kind noted as it is made."""
    begin = kind.__init__

    @functools.wraps(begin)
    def noted(self: Any, *args: Any, **kwargs: Any) -> None:
        begin(self, *args, **kwargs)
        made.append(self)

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
