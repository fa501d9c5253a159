"""docs/openapi.yaml is what the API serves, and its page works without an inline script."""

from pathlib import Path

import pytest
from django.core.management import call_command

from tests.api.support import SNAPSHOT, document

pytestmark = pytest.mark.django_db
COMMAND = (
    "python manage.py spectacular --generator-class portal.api.schema.Generator"
    " --validate --fail-on-warn --file docs/openapi.yaml"
)


def test_the_snapshot_is_what_the_api_serves(api, tmp_path: Path):
    generated = tmp_path / "openapi.yaml"
    call_command(
        "spectacular",
        generator_class="portal.api.schema.Generator",
        validate=True,
        fail_on_warn=True,
        file=str(generated),
    )
    assert generated.read_text() == SNAPSHOT.read_text(), f"The API has changed. Look at it, then: {COMMAND}"
    served = api("auditor").get("/api/v1/schema/")
    assert document(served.content)["paths"] == document()["paths"]


def test_every_operation_tells_of_problems_and_every_post_of_its_key():
    described = document()
    assert described["openapi"].startswith("3.1")
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            problem = operation["responses"]["403"]["content"]
            assert list(problem) == ["application/problem+json"], (path, method)
            assert operation["summary"], (path, method)
            keys = [row for row in operation.get("parameters", []) if row["name"] == "Idempotency-Key"]
            assert len(keys) == (method == "post"), (path, method)


def test_the_document_is_for_those_who_are_signed_in(client):
    assert client.get("/api/v1/schema/").status_code == 401
    page = client.get("/api/v1/docs/")
    assert (page.status_code, page["Location"].split("?")[0]) == (302, "/accounts/login/")
