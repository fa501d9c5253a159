"""What the modules have in common that have an account of their own: each names it ACCOUNT."""

from typing import Any

import pytest

from devtools.sandbox import Keys, Sandbox
from tests.sandbox.support import Stacks


@pytest.fixture(scope="module")
def keys(request: pytest.FixtureRequest, sandbox: Sandbox) -> Keys:
    """Root keys of the module's account."""
    return sandbox.account(request.module.ACCOUNT)


@pytest.fixture(scope="module")
def stacks(sandbox: Sandbox, keys: Keys) -> Stacks:
    """Its stacks, in the home region."""
    return Stacks(sandbox.client("cloudformation", keys))


@pytest.fixture(scope="module")
def ssm(sandbox: Sandbox, keys: Keys) -> Any:
    """Its parameters, which stacks of tests are made of."""
    return sandbox.client("ssm", keys)
