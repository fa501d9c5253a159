"""The OpenAPI document, fuzzed against the application: no 5xx, and every answer is as the document says."""

import random
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.core.parameters import ParameterLocation
from schemathesis.specs.openapi.checks import ignored_auth, negative_data_rejection, positive_data_acceptance

from portal.wsgi import application
from tests.api import factories
from tests.api.support import document

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(180)]

EXAMPLES = 12
EXCLUDED = [
    # It sends the token that we hand in even where it means to send none; test_rights.py has the bad ones.
    ignored_auth,
    # A name that the document's patterns allow may be taken, reserved or unknown all the same.
    positive_data_acceptance,
]
DOCUMENT = schemathesis.openapi.from_dict(document())
OPERATIONS = sorted(
    (result.ok() for result in DOCUMENT.get_all_operations()), key=lambda operation: operation.label
)


def excluded(case: Any) -> list[Any]:
    """Checks that do not fit this case. Paths and tokens are put right here, so only a broken body stays broken."""
    body = case.meta.components.get(ParameterLocation.BODY)
    is_broken = body is not None and body.mode == GenerationMode.NEGATIVE
    return EXCLUDED if is_broken else [*EXCLUDED, negative_data_rejection]


@pytest.fixture
def places(house):
    """Path parameters that lead somewhere, besides those that the fuzzer invents."""
    shop = house.environment("shop")
    factories.make_planned(house.environment("cart", status="requested"), by=house.people["engineer"])
    ended = factories.make_operation(shop, by=house.people["engineer"], status="failed", phase="execute")
    return {
        "environment": ["shop", "cart", str(shop.pk)],
        "operation": [str(ended.pk - 1), str(ended.pk)],
        "id": [str(ended.pk), "1", "2"],
        "name": ["sandbox-1", "environment"],
        "slug": ["shop"],
        "username": ["engineer"],
        "token": ["0" * 16],
        "team": ["shop"],
        "tier": ["dev", "prod"],
        "notification": ["1"],
    }


@pytest.fixture(autouse=True)
def one_connection():
    """As Django's own test client: all requests share the test's transaction."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.label)
def test_no_request_breaks_it(house, places, operation):
    token = factories.make_token(house.people["administrator"])
    chance = random.Random(operation.label)
    statuses: set[int] = set()
    # Requests as the document has them, and requests that break it.
    either = st.one_of(operation.as_strategy(generation_mode=mode) for mode in GenerationMode)

    @seed(20261122)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=either)
    def fuzz(case: Any) -> None:
        for name in case.path_parameters or {}:
            if chance.random() < 0.8:
                case.path_parameters[name] = chance.choice(places[name])
        if isinstance(case.query, dict) and isinstance(case.query.get("wait"), int | float):
            case.query["wait"] = min(case.query["wait"], 0.05)
        response = case.call(app=application, headers={"Authorization": f"Bearer {token}"})
        statuses.add(response.status_code)
        case.validate_response(response, excluded_checks=excluded(case))

    fuzz()
    assert statuses
