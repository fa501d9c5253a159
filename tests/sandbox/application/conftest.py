"""One environment like the blueprint's for the tests of this folder."""

from collections.abc import Iterator

import pytest

from devtools.sandbox import Sandbox
from tests.sandbox.application.building import Place, zone

ACCOUNT = "310000000001"
TOP = "apps.example.com"


@pytest.fixture(scope="session")
def hosted_zone(sandbox: Sandbox) -> str:
    return zone(Place(sandbox, sandbox.account(ACCOUNT), "eu-west-1", f"shop.{TOP}"), TOP)


@pytest.fixture(scope="session")
def shop(sandbox: Sandbox, hosted_zone: str) -> Iterator[Place]:
    """The placeholder in eu-west-1 with writer and reader, found by the name shop.apps.example.com."""
    place = Place(sandbox, sandbox.account(ACCOUNT), "eu-west-1", f"shop.{TOP}")
    place.network()
    place.alias(hosted_zone)
    place.database("shop", readers=1)
    place.made["reading"] = place.made["reader"]
    place.application("shop", None, **place.variables())
    yield place
