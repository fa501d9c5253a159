"""pytest's part of `make calls`: the flows run without enforcement, and what the roles asked for is kept.

Loaded by devtools/calls.py only (`-p tests.recording`).
"""

from pathlib import Path

import pytest

record_key = pytest.StashKey[Path]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("calls")
    group.addoption("--record-calls", type=Path, required=True, metavar="FILE", help="where decisions go")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    config.stash[record_key] = config.getoption("--record-calls")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The tests that ask AWS for something, without those that need a refusal."""
    kept = [item for item in items if _asks(item) and not item.get_closest_marker("enforced")]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept


def _asks(item: pytest.Item) -> bool:
    return isinstance(item, pytest.Function) and "sandbox" in item.fixturenames
