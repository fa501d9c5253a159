"""Every rule of the blueprint's spec is known before it runs: broken through the API, it is told at its field."""

from typing import Any

import pytest

from environments.lifecycle.models import Account, Environment, RegionFacts, Release
from environments.operations.models import Operation
from environments.people.models import Team, User
from tests.api import factories

pytestmark = pytest.mark.django_db
URL = "/api/v1/environments/"

# Property of the release's schema -> what is asked for instead, the field that is told, words of its sentence.
ASKED: list[tuple[str, dict[str, Any], str, str]] = [
    ("name", {"name": "Orders"}, "name", "lower-case"),
    ("name", {"name": "or"}, "name", "3 to 20"),
    ("name", {"name": "a" * 21}, "name", "3 to 20"),
    ("name", {"name": "or--ders"}, "name", "single hyphens"),
    ("tier", {"tier": "production"}, "tier", "Choose one of"),
    ("size", {"size": "huge"}, "size", "Choose one of"),
    ("home_region", {"home_region": "eu-west-99"}, "home_region", "does not use"),
    ("cidr", {"cidr": "all of it"}, "cidr", "no address range"),
    ("cidr", {"cidr": "10.20.0.1/18"}, "cidr", "host bits"),
    ("cidr", {"cidr": "300.0.0.0/16"}, "cidr", "no address range"),
    ("cidr", {"cidr": "10.0.0.0/8"}, "cidr", "/16 to /20"),
    ("cidr", {"cidr": "10.20.0.0/21"}, "cidr", "/16 to /20"),
    ("cidr", {"cidr": "8.8.0.0/16"}, "cidr", "no private range"),
    ("cidr", {"cidr": "172.17.0.0/16"}, "cidr", "which Docker uses"),
    ("cidr", {"cidr": "172.17.240.0/20"}, "cidr", "which Docker uses"),
    ("domain", {"domain": "sh op.sandbox-1.example.org"}, "domain", "no domain name"),
    ("domain", {"domain": "shop.elsewhere.org"}, "domain", "below the account's zone"),
    ("domain", {"domain": "sandbox-1.example.org"}, "domain", "below the account's zone"),
    ("domain", {"domain": "a" * 43 + ".sandbox-1.example.org"}, "domain", "65 characters"),
    ("restore_source", {"restore_source": {"kind": "dump", "id": "x"}}, "restore_source.kind", "not a valid"),
    ("restore_source", {"restore_source": {"kind": "snapshot", "id": ""}}, "restore_source.id", "blank"),
    ("restore_source", {"restore_source": {"kind": "snapshot", "id": "a b"}}, "restore_source", "a b is not acc"),
    ("modules", {"modules": ["mail"]}, "modules", "mail is not a module"),
    ("modules", {"modules": ["proxy", "proxy"]}, "modules", "named twice"),
    ("secrets", {"secrets": ["smtp"]}, "secrets", "smtp is not acceptable. Capital letters"),
    ("secrets", {"secrets": ["DATABASE"]}, "secrets", "DATABASE is taken"),
    ("secrets", {"secrets": ["MAPS_KEY", "MAPS_KEY"]}, "secrets", "named twice"),
    ("standby", {"standby": "hot"}, "standby", "hot"),
    ("other_region", {"standby": "warm", "other_region": "eu-west-1"}, "other_region", "another region"),
]  # fmt: skip
# The same, where it is the account, the team or the owner that does not fit.
HELD: list[tuple[str, type[Any], dict[str, Any], str, str]] = [
    ("account_id", Account, {"account_id": "1234"}, "account", "1234 is not acceptable"),
    ("zone_id", Account, {"zone_id": ""}, "account", "Route 53 id"),
    ("zone_name", Account, {"zone_name": "under_score.example.org"}, "account", "under_score.example.org"),
    ("permissions_boundary_arn", Account, {"account_id": "12345678901x"}, "account", "not acceptable"),
    ("team", Team, {"slug": "shop_team"}, "team", "The team that owns it."),
    ("owner", User, {"username": "jörg"}, "owner", "Who answers for it"),
    ("domain", Account, {"zone_name": "z" * 46 + ".example.org"}, "domain", "a shorter name"),
]
STANDBY = {"standby": "warm", "other_region": "eu-central-1"}
# What a request cannot name: the portal makes it, or it begins as the release has it and an update changes it.
MADE = {"suffix", "deletion_protection", "log_retention_days"}
LATER = {"alarm_email", "schedules", "monthly_budget_usd", "push", "dashboard_owner", "sign_in_mail"}


def refusal(api: Any, house: Any, role: str = "team-lead", **asked: Any) -> dict[str, str]:
    answer = api(role).post(URL, house.asked(**asked))
    assert answer.status_code == 400, answer.content
    assert not Environment.objects.exists() and not Operation.objects.exists()
    return {row["field"]: row["detail"] for row in answer.data["errors"]}


def test_no_property_of_the_schema_is_left_out(description: dict[str, Any]) -> None:
    told = {row[0] for row in ASKED} | {row[0] for row in HELD} | MADE | LATER | {"other_cidr"}
    assert told == set(description["schema"]["properties"])
    assert all(description["schema"]["properties"][name]["changeable"] for name in LATER)


@pytest.mark.parametrize("row", ASKED, ids=lambda row: str(row[1]))
def test_a_request_that_breaks_a_rule_is_told_at_its_field(api: Any, house: Any, row: Any) -> None:
    _, asked, field, words = row
    told = refusal(api, house, **asked)
    assert set(told) == {field}
    assert words in told[field] and told[field].endswith((".", "?"))


@pytest.mark.parametrize("row", HELD, ids=lambda row: str(row[2]))
def test_what_a_request_refers_to_is_held_to_the_rules_too(api: Any, house: Any, row: Any) -> None:
    _, model, fields, field, words = row
    rows = model.objects.filter(username="team-lead") if model is User else model.objects
    rows.update(**fields)
    client = api("team-lead")
    answer = client.post(URL, house.asked(name="a" * 8) | ({"team": "shop_team"} if model is Team else {}))
    assert answer.status_code == 400, answer.content
    assert not Environment.objects.exists()
    told = {row["field"]: row["detail"] for row in answer.data["errors"]}
    assert words in told[field] and told[field].endswith(".")


def test_the_range_of_a_standby_is_held_to_the_rules_of_ranges(api: Any, house: Any) -> None:
    Account.objects.update(regions=["eu-west-1", "eu-central-1"], baseline={"eu-central-1": "1"})
    RegionFacts.objects.create(account=house.account, region="eu-central-1", version=1, facts={"azs": []})
    told = refusal(api, house, **STANDBY, other_cidr="8.8.0.0/16")
    assert set(told) == {"other_cidr"} and "no private range" in told["other_cidr"]


def test_a_name_too_long_for_its_region_is_told(api: Any, house: Any) -> None:
    Account.objects.update(regions=["ap-southeast-1"])
    house.account.region_facts.update(region="ap-southeast-1")
    told = refusal(api, house, name="a" * 20, home_region="ap-southeast-1")
    assert "1 characters longer than AWS allows" in told["name"]


def test_releases_that_tell_less_are_held_to_the_same(api: Any, house: Any) -> None:
    release = Release.objects.get()
    properties = release.description["schema"]["properties"]
    del properties["cidr"]["ranges"], properties["domain"]["maxLength"], properties["domain"]["pattern"]
    release.save()
    assert "which Docker uses" in refusal(api, house, cidr="172.17.0.0/16")["cidr"]
    assert "65 characters" in refusal(api, house, domain="a" * 43 + ".sandbox-1.example.org")["domain"]


def test_the_release_says_which_ranges_it_takes(api: Any, house: Any) -> None:
    release = Release.objects.get()
    ranges = release.description["schema"]["properties"]["cidr"]["ranges"]
    ranges["taken"].append({"range": "10.64.0.0/10", "by": "the office uses"})
    ranges["prefixes"] = [18, 20]
    release.save()
    assert "which the office uses" in refusal(api, house, cidr="10.99.0.0/18")["cidr"]
    assert "/18 to /20" in refusal(api, house, cidr="10.1.0.0/16")["cidr"]
    shown = api("auditor").get(f"/api/v1/releases/{release.pk}/").data["schema"]["properties"]
    assert shown["cidr"]["ranges"]["taken"][0]["range"] == "172.17.0.0/16"


@pytest.mark.parametrize("length, fits", [(60, True), (61, False)])
def test_an_account_whose_zone_leaves_no_room_for_a_name_is_refused(
    api: Any, house: Any, length: int, fits: bool
) -> None:
    zone = "z" * (length - len(".example.org")) + ".example.org"
    body = {
        "name": "far",
        "account_id": "222233334444",
        "mode": "sandbox",
        "regions": ["eu-west-1"],
        "zone_name": zone,
    }
    answer = api("administrator").post("/api/v1/accounts/", body)
    assert Account.objects.filter(name="far").exists() is fits
    assert answer.status_code == (202 if fits else 400), answer.content
    if not fits:
        assert answer.data["errors"][0]["field"] == "zone_name"
        assert "a zone may have 60" in answer.data["errors"][0]["detail"]
    else:
        factories.make_account("near", "333344445555", zone_name=zone)
        asked = house.asked(name="abc", account="near")
        assert api("team-lead").post(URL, asked).status_code == 202
