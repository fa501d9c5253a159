"""Whatever is wrong with a request: 400, a sentence at its field, and nothing created."""

import json

import pytest

from environments.lifecycle.models import Account, Environment
from environments.operations.models import AuditEntry, Operation
from portal.api.models import IdempotencyKey
from tests.api import factories

pytestmark = pytest.mark.django_db
URL = "/api/v1/environments/"
LEFT_OUT = object()

# What is changed in a good request -> the field that is told, and words of its sentence.
REQUESTS = {
    "taken": ({"name": "taken"}, "name", "There is an environment taken already"),
    "reserved": ({"name": "admin"}, "name", "reserved"),
    "too short": ({"name": "ab"}, "name", "3 to 20 characters"),
    "too long": ({"name": "a" * 21}, "name", "3 to 20 characters"),
    "far too long": ({"name": "a" * 5000}, "name", "no more than 200"),
    "capitals": ({"name": "Orders"}, "name", "lower-case"),
    "digit first": ({"name": "1orders"}, "name", "begins with a letter"),
    "hyphen last": ({"name": "orders-"}, "name", "lower-case"),
    "two hyphens": ({"name": "or--ders"}, "name", "single hyphens"),
    "spaces": ({"name": " orders"}, "name", "lower-case"),
    "new line": ({"name": "orders\n"}, "name", "lower-case"),
    "braces": ({"name": "{suffix}"}, "name", "lower-case"),
    "no name": ({"name": LEFT_OUT}, "name", "required"),
    "blank name": ({"name": ""}, "name", "blank"),
    "null name": ({"name": None}, "name", "null"),
    "number name": ({"name": 123}, "name", "has to be text"),
    "list name": ({"name": ["orders"]}, "name", "has to be text"),
    "object name": ({"name": {"a": 1}}, "name", "has to be text"),
    "unknown team": ({"team": "nobody"}, "team", "There is no team nobody."),
    "number team": ({"team": 1}, "team", "in quotes"),
    "null team": ({"team": None}, "team", "null"),
    "unknown account": ({"account": "mars"}, "account", "There is no account mars."),
    "account not ready": ({"account": "unready"}, "account", "not ready (adding)"),
    "unknown size": ({"size": "huge"}, "size", "small, medium, large"),
    "unknown tier": ({"tier": "play"}, "tier", "dev, staging, prod"),
    "unknown region": ({"home_region": "mars-1"}, "home_region", "does not use mars-1"),
    "unknown release": ({"release": "9.9.9"}, "release", "There is no release 9.9.9."),
    "withdrawn release": ({"release": "0.9.0"}, "release", "was withdrawn"),
    "null release": ({"release": None}, "release", "null"),
    "overlapping range": ({"cidr": "10.9.128.0/17"}, "cidr", "overlaps"),
    "public range": ({"cidr": "8.8.0.0/16"}, "cidr", "no private range"),
    "host bits": ({"cidr": "10.1.0.1/16"}, "cidr", "without host bits"),
    "small range": ({"cidr": "10.1.0.0/28"}, "cidr", "/16 to /20"),
    "no range": ({"cidr": "ten"}, "cidr", "no address range"),
    "number range": ({"cidr": 10}, "cidr", "has to be text"),
    "foreign domain": ({"domain": "shop.example.com"}, "domain", "below the account's zone"),
    "no domain": ({"domain": "not a domain"}, "domain", "no domain name"),
    "taken domain": ({"domain": "taken.sandbox-1.example.org"}, "domain", "belongs to environment taken"),
    "text flag": ({"is_protected": "yes"}, "is_protected", "true or false"),
    "number flag": ({"is_protected": 1}, "is_protected", "true or false"),
    "text source": ({"restore_source": "snap-1"}, "restore_source", "JSON object"),
    "half a source": ({"restore_source": {"kind": "snapshot"}}, "restore_source.id", "required"),
    "odd source": (
        {"restore_source": {"kind": "tape", "id": "1"}},
        "restore_source.kind",
        "not a valid choice",
    ),
    "unknown key": ({"colour": "red"}, "colour", "colour is not known here."),
    "misspelt key": ({"sizee": "small"}, "sizee", "Did you mean size?"),
    "unknown key within": (
        {"restore_source": {"kind": "a", "id": "b", "c": 1}},
        "restore_source.c",
        "not known",
    ),
}


@pytest.fixture
def full_house(house, description):
    """A house in which a name, a range, a domain, an account and a release are not to be had."""
    house.environment("taken", cidr="10.9.0.0/16")
    factories.make_account("unready", "999900001111", status="adding")
    older = factories.make_release(description, version="0.9.0")
    type(older).objects.update(is_default=False)
    type(older).objects.filter(pk=older.pk).update(is_withdrawn=True)
    type(older).objects.exclude(pk=older.pk).update(is_default=True)
    return house


@pytest.mark.parametrize("case", REQUESTS)
def test_a_bad_request_is_told_at_its_field(api, full_house, case):
    changes, field, words = REQUESTS[case]
    body = {key: value for key, value in (full_house.asked() | changes).items() if value is not LEFT_OUT}
    before = counted()
    answer = api("administrator").post(URL, body)
    assert answer.status_code == 400, answer.content
    told = {row["field"]: row["detail"] for row in answer.data["errors"]}
    assert field in told, told
    assert words in told[field]
    assert told[field].endswith((".", "?"))
    assert counted() == before


def test_all_that_is_wrong_is_told_at_once(api, full_house):
    answer = api("administrator").post(URL, full_house.asked(name="Ab", size="huge", cidr="ten"))
    assert {row["field"] for row in answer.data["errors"]} == {"name", "size", "cidr"}


BODIES = {
    "not JSON": (b"name=orders", "The body is not JSON"),
    "cut off": (b'{"name": "ord', "The body is not JSON"),
    "empty": (b"", "required"),
    "a list": (b"[]", "this is a list"),
    "text": (b'"orders"', "this is text"),
    "null": (b"null", "this is null"),
    "a number": (b"7", "this is a number"),
    "true": (b"true", "this is true or false"),
    "not UTF-8": (b'{"name": "\xff\xfe"}', "The body is not JSON"),
    "NaN": (b'{"name": NaN}', "The body is not JSON"),
    "a lone surrogate": (b'{"name": "\\ud800"}', "surrogate"),
    "NUL": (b'{"name": "a\\u0000b"}', "NUL"),
    "NUL in a key": (b'{"a\\u0000b": 1}', "NUL"),
    "bottomless": (b"[" * 100_000, "nested too deeply"),
    "a very long number": (b'{"name": ' + b"9" * 10_000 + b"}", "The body is not JSON"),
}


@pytest.mark.parametrize("case", BODIES)
def test_a_body_that_is_no_json_object_is_told(api, full_house, case):
    body, words = BODIES[case]
    before = counted()
    answer = api("administrator").post(URL, data=body, content_type="application/json")
    assert answer.status_code == 400, answer.content
    assert words in answer.data["detail"]
    assert counted() == before


OTHERS = [
    ("accounts/", {"account_id": "12"}, "account_id", "12 digits"),
    ("accounts/", {"name": "A b"}, "name", "lower-case"),
    ("accounts/", {"name": "sandbox-1"}, "name", "already"),
    ("accounts/", {"account_id": "111122223333"}, "account_id", "here already, as sandbox-1"),
    ("accounts/", {"mode": "live"}, "mode", "passed canary"),
    ("accounts/", {"regions": []}, "regions", "at least one region"),
    ("accounts/", {"regions": ["mars-1"]}, "regions", "No release supports mars-1"),
    ("accounts/", {"regions": "eu-west-1"}, "regions", "list"),
    ("accounts/", {"zone_name": "no zone"}, "zone_name", "no domain name"),
    ("tokens/", {"scopes": ["all"]}, "scopes", "all is not a scope"),
    ("tokens/", {"scopes": []}, "scopes", "at least one scope"),
    ("tokens/", {"days": 0}, "days", "between 1 and 365"),
    ("tokens/", {"days": 100_000}, "days", "between 1 and 365"),
    ("tokens/", {"days": "ten"}, "days", "whole number"),
    ("tokens/", {"days": 1.5}, "days", "whole number"),
    ("tokens/", {"name": " "}, "name", "what the token is for"),
    ("teams/", {"name": "!!!"}, "name", "letter or digit"),
    ("teams/", {"name": "Shop"}, "name", "already"),
    ("teams/", {"email": "nobody"}, "email", "email"),
    ("pauses/", {"covers": "mars"}, "covers", "covers nothing"),
    ("pauses/", {"reason": "  "}, "reason", "Say why"),
    ("limits/", {"scope": "everything"}, "scope", "is no scope"),
    ("limits/", {"max_running": 0}, "max_running", "greater than or equal to 1"),
    ("limits/", {"max_running": True}, "max_running", "whole number"),
    ("environments/shop/teardown/", {"confirm": "shp"}, "confirm", "Type shop"),
    ("environments/shop/teardown/", {"copies": {"database": True}}, "copies", "the uploaded files"),
    ("environments/shop/teardown/", {"copies": {"tape": True}}, "copies", "tape is no store"),
    ("environments/shop/teardown/", {"copies": {"database": "yes"}}, "copies.database", "true or false"),
    ("environments/shop/teardown/", {"copies": []}, "copies", "dictionary"),
    ("environments/shop/protect/", {"is_protected": "on"}, "is_protected", "true or false"),
    ("environments/shop/withdraw/", {"now": True}, "now", "not known here"),
]
GOOD = {
    "accounts/": {
        "name": "second",
        "account_id": "222233334444",
        "mode": "sandbox",
        "regions": ["eu-west-1"],
        "zone_name": "second.example.org",
    },
    "tokens/": {"name": "nightly", "scopes": ["read"]},
    "teams/": {"name": "Payments"},
    "pauses/": {"reason": "Storm."},
    "limits/": {"scope": "*", "max_running": 4},
    "environments/shop/teardown/": {
        "confirm": "shop",
        "copies": {"database": True, "uploads": True, "logs": False},
    },
    "environments/shop/protect/": {},
    "environments/shop/withdraw/": {},
}


@pytest.mark.parametrize("row", OTHERS, ids=lambda row: f"{row[0]} {json.dumps(row[1])}")
def test_bad_input_elsewhere_is_told_at_its_field(api, full_house, row):
    path, changes, field, words = row
    full_house.environment("shop", cidr="10.8.0.0/16")
    before = counted()
    answer = api("administrator").post(f"/api/v1/{path}", GOOD[path] | changes)
    assert answer.status_code == 400, answer.content
    told = {entry["field"]: entry["detail"] for entry in answer.data["errors"]}
    assert words in told.get(field, ""), told
    assert counted() == before


def counted():
    return [model.objects.count() for model in (Account, Environment, Operation, AuditEntry, IdempotencyKey)]
