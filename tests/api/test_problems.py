"""Errors are problems: application/problem+json with a sentence, whatever went wrong."""

import pytest
from django.db import OperationalError, connection
from django.test import Client
from rest_framework.exceptions import Throttled

from portal.api.problems import problem_handler
from tests.api.support import client_with

pytestmark = pytest.mark.django_db


def checked(answer, status):
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    body = answer.json()
    assert set(body) == {"type", "title", "status", "detail", "errors"}
    assert body["status"] == status and body["detail"].endswith((".", ">", "?"))
    return body


@pytest.mark.parametrize(
    "path", ["/api/", "/api/v1/nothing/", "/api/v2/teams/", "/api/v1/teams/a b/", "/api/v1/%00"]
)
@pytest.mark.parametrize("method", ["get", "post", "delete", "put"])
def test_an_address_that_is_nothing(api, path, method):
    checked(getattr(api("auditor"), method)(path), 404)


def test_a_missing_row_is_named(api):
    assert checked(api("auditor").get("/api/v1/operations/77/"), 404)["detail"] == "There is no operation 77."


def test_a_method_that_is_not_there(api):
    answer = api("administrator").delete("/api/v1/environments/")
    checked(answer, 405)
    assert answer["Allow"] == "GET, HEAD, POST"
    checked(api("administrator").options("/api/v1/environments/"), 405)


def test_a_body_of_another_type(api, house):
    client = api("administrator")
    checked(client.post("/api/v1/teams/", "name=Shop", content_type="application/x-www-form-urlencoded"), 415)
    checked(client.post("/api/v1/teams/", "<a/>", content_type="text/xml"), 415)


def test_an_answer_that_is_not_json(api):
    checked(api("auditor").get("/api/v1/teams/", HTTP_ACCEPT="text/csv"), 406)


def test_the_documents_problems_are_json_too(client):
    checked(client.get("/api/v1/schema/"), 401)


def test_a_body_that_is_too_large(api, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    body = b'{"name": "' + b"a" * 2000 + b'"}'
    checked(api("administrator").post("/api/v1/teams/", data=body, content_type="application/json"), 413)


def test_too_many_requests_say_when_to_come_back():
    answer = problem_handler(Throttled(wait=4.2), {})
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "5")


def test_an_error_of_ours_is_a_problem_without_a_traceback(api, house):
    """A spec that is a list: no service writes one and nobody foresees it, so it is a 500."""
    house.environment("shop", spec=["secret"])
    client = api("auditor")
    client.raise_request_exception = False
    body = checked(client.get("/api/v1/environments/shop/"), 500)
    assert "AttributeError" not in str(body) and "secret" not in str(body)


def test_a_database_that_is_away_is_for_a_moment():
    answer = problem_handler(OperationalError("connection refused by 10.1.2.3"), {})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert "10.1.2.3" not in str(answer.data)


def test_two_that_pass_the_same_check_are_a_conflict(house):
    with pytest.raises(Exception) as caught, connection.cursor() as cursor:
        cursor.execute("INSERT INTO people_team (name, slug, email) VALUES ('Shop', 'shop', '')")
    assert problem_handler(caught.value, {}).status_code == 409


def test_a_session_needs_its_second_factor_and_its_csrf_token(house):
    from allauth.mfa.models import Authenticator

    lead = house.people["team-lead"]
    client = Client(enforce_csrf_checks=True)
    client.force_login(lead)
    assert "second factor" in checked(client.get("/api/v1/teams/"), 403)["detail"]
    Authenticator.objects.create(user=lead, type="totp", data={"secret": "encrypted"})
    assert client.get("/api/v1/teams/").status_code == 200
    body = {"name": "one", "scopes": ["read"]}
    refused = client.post("/api/v1/tokens/", body, content_type="application/json")
    assert "CSRF" in checked(refused, 403)["detail"]
    client.cookies["csrftoken"] = "a" * 32
    made = client.post("/api/v1/tokens/", body, content_type="application/json", HTTP_X_CSRFTOKEN="a" * 32)
    assert made.status_code == 201, made.content
    assert client_with(made.json()["token"]).get("/api/v1/teams/").status_code == 200
