"""The fixtures of tests/workers, and a house of real processes."""

import pytest

from tests.workers.conftest import account, ask, keys, people, release  # noqa: F401


@pytest.fixture(scope="module")
def house(request, portal_env, portal_principal, tmp_path_factory):
    """One worker with four children, or as many as the module says, and a beat; every test arms its own fault."""
    import os

    from tests.workers.houses import House

    principal = {
        name: os.environ[name] for name in ("PORTAL_AWS_ACCESS_KEY_ID", "PORTAL_AWS_SECRET_ACCESS_KEY")
    }
    children = getattr(request.module, "CHILDREN", 4)
    house = House(tmp_path_factory.mktemp("house"), {**portal_env, **principal}, children=children).start()
    yield house
    house.stop()
