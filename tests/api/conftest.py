"""Fixtures of API tests. Django is not set up yet when pytest reads this, so imports of models come later."""

import json
import subprocess
import sys
from typing import Any

import pytest


@pytest.fixture(scope="session")
def description() -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "blueprint_cdk", "describe"], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


@pytest.fixture
def house(db: None, description: dict[str, Any]) -> Any:
    from tests.api.support import make_house

    return make_house(description)


@pytest.fixture
def shop(house: Any, api: Any) -> Any:
    """An environment that was asked for as everybody does, and is active; no operation is left of that."""
    from environments.lifecycle.models import Environment
    from environments.operations.models import Operation

    api("team-lead").post("/api/v1/environments/", house.asked(name="shop"))
    Environment.objects.update(status="active")
    Operation.objects.all().delete()
    return Environment.objects.get()


@pytest.fixture
def api(house: Any) -> Any:
    """api("team-lead") is a client of that person, with a token of every scope unless said otherwise."""
    from tests.api.factories import make_token
    from tests.api.support import client_with

    def client(role: str, scopes: list[str] | None = None) -> Any:
        return client_with(make_token(house.people[role], scopes))

    return client
