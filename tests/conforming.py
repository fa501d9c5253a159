"""pytest's part of `make conform`: a live account takes the sandbox's place, for the rows that it can be asked for.

Loaded by devtools/conform.py only (`-p tests.conforming`).
"""

from decimal import Decimal

import pytest

from devtools.live import COUNTED, LEFT_OVER, LiveAccount
from devtools.trouble import Trouble

CLIENTS = frozenset(
    {"stacks", "ssm", "sqs", "s3", "bucket", "kms", "secrets", "ecr", "dynamodb", "table", "aws"}
)
"""Fixtures that are clients of one account, or one thing made by such a client for one test."""

live_key = pytest.StashKey[LiveAccount]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("conform")
    group.addoption("--conform", required=True, metavar="ACCOUNT", help="the account of your own credentials")
    group.addoption(
        "--cap", type=Decimal, default=Decimal(1), metavar="USD", help="what may be spent at most"
    )


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Take the account over before anything is collected, so that a wrong one is told at once."""
    try:
        config.stash[live_key] = LiveAccount(config.getoption("conform"), config.getoption("cap"))
    except Trouble as trouble:
        raise pytest.UsageError(str(trouble)) from None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the tests whose every fixture is a client: others arm faults or set the clock, which AWS has no call for."""
    kept = [item for item in items if isinstance(item, pytest.Function) and _conforms(item)]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept


def _conforms(item: pytest.Function) -> bool:
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    asked = set(item._fixtureinfo.argnames) - set(parameters)
    return bool(asked) and asked <= CLIENTS


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """What it cost at most, and what a person has to delete."""
    live = config.stash[live_key]
    terminalreporter.write_line(f"{COUNTED} of {live.cap_usd} USD: {live.spent_usd} USD.")
    for name in live.left:
        terminalreporter.write_line(f"{LEFT_OVER}, delete it yourself: {name}", red=True)
