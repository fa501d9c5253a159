"""What the blueprint accepts and how it refuses: one sentence, at its field."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from blueprint_cdk.baseline_spec import BaselineSpec
from blueprint_cdk.describe import schema_of
from blueprint_cdk.facts import RegionFacts, Runtime
from blueprint_cdk.names import longest_name
from blueprint_cdk.refusals import SpecError, parse
from blueprint_cdk.spec import Spec
from tests.blueprint_cdk.support import FACTS, SPEC

BAD_SPECS: list[tuple[dict[str, Any], str, str]] = [
    # change, field, words of the sentence
    ({"name": "Shop"}, "name", "malformed"),
    ({"name": "9shop"}, "name", "beginning with a letter"),
    ({"name": "shop-"}, "name", "malformed"),
    ({"name": "sh--op"}, "name", "single hyphens"),
    ({"name": "ab"}, "name", "at least 3"),
    ({"name": "a" * 21}, "name", "at most 20"),
    ({"name": "shöp"}, "name", "malformed"),
    ({"name": 7}, "name", "must be text"),
    ({"suffix": "K3X9"}, "suffix", "malformed"),
    ({"suffix": "abc"}, "suffix", "malformed"),
    ({"team": "The Team"}, "team", "malformed"),
    ({"owner": ""}, "owner", "at least 1"),
    ({"owner": "ann <ann@example.com>"}, "owner", "malformed"),
    ({"tier": "production"}, "tier", "must be one of 'dev', 'staging' or 'prod'"),
    ({"size": "huge"}, "size", "must be one of 'small', 'medium' or 'large'"),
    ({"account_id": "1234"}, "account_id", "12 digits"),
    ({"home_region": "eu-west-99"}, "home_region", "not a region of this blueprint"),
    ({"other_region": 7}, "other_region", "must be text"),
    ({"standby": "hot"}, "standby", "must be one of 'none', 'pilot-light' or 'warm'"),
    ({"cidr": "10.20.0.0/8"}, "cidr", "not an IPv4 network"),
    ({"cidr": "10.0.0.0/8"}, "cidr", "between /16 and /20"),
    ({"cidr": "10.20.0.0/21"}, "cidr", "between /16 and /20"),
    ({"cidr": "10.20.0.1/18"}, "cidr", "host bits"),
    ({"cidr": "8.8.0.0/16"}, "cidr", "not a private range"),
    ({"cidr": "172.17.0.0/16"}, "cidr", "Docker"),
    ({"cidr": "300.0.0.0/16"}, "cidr", "not an IPv4 network"),
    ({"cidr": "all of it"}, "cidr", "malformed"),
    ({"zone_id": "zone"}, "zone_id", "malformed"),
    ({"zone_name": "dev.example.com."}, "zone_name", "malformed"),
    ({"domain": "shop.elsewhere.org"}, "domain", "not below the zone"),
    ({"domain": "dev.example.com"}, "domain", "not below the zone"),
    ({"domain": "a" * 60 + ".dev.example.com"}, "domain", "64"),
    ({"domain": "sh op.dev.example.com"}, "domain", "not a domain name"),
    ({"restore_source": {"kind": "dump", "id": "x"}}, "restore_source.kind", "'snapshot' or 'cluster'"),
    ({"restore_source": {"kind": "snapshot"}}, "restore_source.id", "is missing"),
    ({"deletion_protection": "maybe"}, "deletion_protection", "boolean"),
    ({"permissions_boundary_arn": "SwitchyardBoundary"}, "permissions_boundary_arn", "malformed"),
    (
        {"permissions_boundary_arn": "arn:aws:iam::999999999999:policy/Other"},
        "permissions_boundary_arn",
        "another account",
    ),
    ({"log_retention_days": 31}, "log_retention_days", "choose one of"),
    ({"log_retention_days": "month"}, "log_retention_days", "integer"),
    ({"modules": "proxy"}, "modules", "list of names"),
    ({"modules": [7]}, "modules", "list of names"),
    ({"modules": ["proxy", "chat"]}, "modules", "chat is not a module"),
    ({"modules": ["proxy", "proxy"]}, "modules", "proxy is named twice"),
    ({"modules": ["notifications"]}, "modules", "notifications needs identity and analytics"),
    (
        {"tier": "prod", "modules": ["identity", "proxy"]},
        "modules",
        "prod requires notifications, analytics and",
    ),
    ({"secrets": ["smtp"]}, "secrets.0", "malformed"),
    ({"secrets": ["DATABASE"]}, "secrets", "names the database's"),
    ({"secrets": ["A_B", "A_B"]}, "secrets", "A_B is named twice"),
    ({"secrets": [f"S{number}" for number in range(13)]}, "secrets", "at most 12"),
    ({"secrets": ["S" * 41]}, "secrets.0", "malformed"),
    ({"colour": "blue"}, "colour", "not known"),
]


@pytest.mark.parametrize(("change", "field", "words"), BAD_SPECS)
def test_bad_field_is_refused_with_a_sentence_at_it(change: dict[str, Any], field: str, words: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse(Spec, {**SPEC, **change})
    assert caught.value.field == field
    assert words in caught.value.sentence
    assert caught.value.sentence.endswith(".")
    assert "\n" not in caught.value.sentence


@pytest.mark.parametrize(
    "field", [name for name in SPEC if name not in ("permissions_boundary_arn", "modules")]
)
def test_missing_field_is_named(field: str) -> None:
    spec = {name: value for name, value in SPEC.items() if name != field}
    with pytest.raises(SpecError, match="missing") as caught:
        parse(Spec, spec)
    assert caught.value.field == field


@pytest.mark.parametrize("data", [None, [], "spec", 3])
def test_what_is_no_object_is_refused(data: Any) -> None:
    with pytest.raises(SpecError) as caught:
        parse(Spec, data)
    assert caught.value.field is None


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"azs": ["eu-west-1a", "eu-west-1b"]}, "facts.eu-west-1.azs"),
        ({"azs": ["eu-west-1a", "eu-west-1a", "eu-west-1b"]}, "facts.eu-west-1.azs"),
        (
            {"beanstalk_platform_arn": "64bit Amazon Linux 2023 v4.6.0"},
            "facts.eu-west-1.beanstalk_platform_arn",
        ),
        ({"aurora_mysql_version": "5.7"}, "facts.eu-west-1.aurora_mysql_version"),
        ({"weather": "rain"}, "facts.eu-west-1.weather"),
    ],
)
def test_bad_facts_are_refused_at_their_path(change: dict[str, Any], field: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse(RegionFacts, {**FACTS, **change}, "facts.eu-west-1")
    assert caught.value.field == field


def test_name_is_as_long_as_the_bucket_in_its_region_allows() -> None:
    longest = {**SPEC, "name": "a" * 20}
    assert (
        parse(Spec, longest).named("uploads-bucket") == f"sy-{'a' * 20}-k3x9-uploads-111122223333-eu-west-1"
    )
    with pytest.raises(SpecError) as caught:
        parse(Spec, {**longest, "home_region": "ap-southeast-1"})
    assert caught.value.field == "name"
    assert "at most 19 characters in ap-southeast-1" in caught.value.sentence
    assert "S3 allows 63" in caught.value.sentence


def test_every_name_of_the_longest_environment_fits_its_service() -> None:
    import re

    from blueprint_cdk.names import naming_rules

    spec = parse(Spec, {**SPEC, "name": "a" * 20, "domain": "x.dev.example.com"})
    assert longest_name(spec.model_dump())[0] == 20
    for rule in naming_rules():
        name = spec.named(rule.key)
        assert rule.min_length <= len(name) <= rule.max_length, rule.key
        assert re.fullmatch(rule.charset, name), rule.key


def test_empty_domain_becomes_the_name_below_the_zone() -> None:
    assert parse(Spec, SPEC).domain == "shop.dev.example.com"
    assert parse(Spec, {**SPEC, "domain": ""}).domain == "shop.dev.example.com"
    assert parse(Spec, {**SPEC, "domain": "www.dev.example.com"}).domain == "www.dev.example.com"


def test_spec_is_frozen() -> None:
    spec = parse(Spec, SPEC)
    with pytest.raises(ValueError, match="frozen"):
        spec.name = "other"


@pytest.mark.parametrize("model", [Spec, RegionFacts, Runtime, BaselineSpec])
def test_schema_is_valid_and_says_what_a_field_is(model: Any) -> None:
    schema = schema_of(model)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["additionalProperties"] is False
    if model is Spec:
        for name, field in schema["properties"].items():
            assert field["title"], name
            assert field["description"].endswith("."), name


def test_schema_and_blueprint_agree_on_the_example() -> None:
    schema = schema_of(Spec)
    validator = jsonschema.Draft202012Validator(schema)
    assert not list(validator.iter_errors(SPEC))
    # What needs two fields or arithmetic to see is beyond a schema; single fields are refused by both.
    for change, field, _ in BAD_SPECS:
        if field in {
            "name",
            "suffix",
            "team",
            "tier",
            "size",
            "account_id",
            "home_region",
            "zone_id",
            "colour",
        }:
            assert list(validator.iter_errors({**SPEC, **change})), change


SCHEDULE = {"name": "weekdays", "recurrence": "0 7 * * MON-FRI", "min_instances": 2, "max_instances": 6}


@pytest.mark.parametrize(
    "recurrence",
    ["0 7 * * MON-FRI", "*/15 8-18 * * 1-5", "0 0 1,15 JAN,JUL *", "30 6 * * SUN", "0 0 * * 7"],
)
def test_schedules_recur_as_cron_has_it(recurrence: str) -> None:
    spec = parse(Spec, {**SPEC, "schedules": [{**SCHEDULE, "recurrence": recurrence}]})
    assert spec.schedules[0].recurrence == recurrence


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"recurrence": "0 7 * *"}, "cron has five"),
        ({"recurrence": "60 7 * * *"}, "60 is no minute of cron"),
        ({"recurrence": "0 7 * * MON-SUN-FRI"}, "no day of the week"),
        ({"recurrence": "0 7 0 * *"}, "no day of the month"),
        ({"recurrence": "0 18-8 * * *"}, "no hour of cron"),
        ({"recurrence": "*/0 * * * *"}, "no minute of cron"),
        ({"recurrence": "0 7 * FOO *"}, "no month of cron"),
        ({"min_instances": 7}, "at least 7 and at most 6"),
        ({"min_instances": 0}, ""),
        ({"name": "Week days"}, ""),
    ],
)
def test_schedules_that_mean_nothing_are_refused_at_their_field(
    changes: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(SpecError, match=sentence) as caught:
        parse(Spec, {**SPEC, "schedules": [{**SCHEDULE, **changes}]})
    assert str(caught.value.field).startswith("schedules")


def test_two_schedules_of_one_name_and_addresses_that_are_none_are_refused() -> None:
    with pytest.raises(SpecError, match="Two schedules are called weekdays") as caught:
        parse(Spec, {**SPEC, "schedules": [SCHEDULE, SCHEDULE]})
    assert str(caught.value.field).startswith("schedules")
    for address in ("nobody", "on call@example.com", "a@b", "a@b.c d"):
        with pytest.raises(SpecError) as caught:
            parse(Spec, {**SPEC, "alarm_email": address})
        assert caught.value.field == "alarm_email"
