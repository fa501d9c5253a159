"""Modules in requests and updates: whoever asks is told what the blueprint would refuse, in its words."""

import itertools

import pytest

from blueprint_cdk.describe import describe
from blueprint_cdk.modules import MODULES
from blueprint_cdk.refusals import SpecError, parse
from blueprint_cdk.spec import Spec
from environments.lifecycle.models import Release
from environments.lifecycle.modules import (
    modules_completed,
    modules_default,
    modules_offered,
    modules_problem,
)
from environments.lifecycle.when import holds
from tests.blueprint_cdk.support import SPEC

RELEASE = Release(version="1.13.0", description=describe())
BEFORE = Release(version="1.10.0", description={"schema": {"properties": {}}})


@pytest.mark.parametrize("tier", ["dev", "staging", "prod"])
def test_portal_and_blueprint_refuse_the_same_in_the_same_words(tier: str) -> None:
    asked = [
        list(chosen) for count in range(len(MODULES) + 1) for chosen in itertools.combinations(MODULES, count)
    ]
    refused = 0
    for modules in [*asked, ["chat"], ["proxy", "proxy"], "proxy", [7]]:
        told = modules_problem(RELEASE, modules, tier)
        try:
            parse(Spec, {**SPEC, "tier": tier, "modules": modules})
        except SpecError as error:
            assert (error.field, error.sentence) == ("modules", told), modules
            refused += 1
        else:
            assert told == "", modules
    assert 4 < refused < len(asked) + 4
    assert modules_problem(RELEASE, modules_default(RELEASE, tier), tier) == ""


def test_environment_from_before_modules_keeps_its_proxy_and_gets_what_its_tier_requires() -> None:
    assert modules_completed(RELEASE, {"tier": "dev"}) == ["proxy"]
    assert modules_completed(RELEASE, {"tier": "prod"}) == list(MODULES)
    assert modules_completed(RELEASE, {"tier": "dev", "modules": []}) == []
    assert modules_completed(RELEASE, {"tier": "dev", "modules": ["proxy", "gone", "identity"]}) == [
        "identity",
        "proxy",
    ]
    assert modules_completed(BEFORE, {"tier": "dev", "modules": ["proxy"]}) is None


def test_release_from_before_modules_offers_none_and_says_so() -> None:
    assert modules_offered(BEFORE, {"tier": "dev", "size": "small", "home_region": "eu-west-1"}) == []
    assert modules_problem(BEFORE, ["proxy"], "dev") == "Release 1.10.0 knows no modules."
    assert modules_problem(BEFORE, [], "dev") == ""


def test_each_module_is_offered_with_what_it_costs() -> None:
    offered = {row["key"]: row for row in modules_offered(RELEASE, {**SPEC, "tier": "prod"})}
    assert list(offered) == list(MODULES)
    assert all(row["required"] for row in offered.values())
    assert offered["proxy"]["cost"] > 80  # RDS Proxy is billed for 8 capacity units at least
    assert not any(row["required"] for row in modules_offered(RELEASE, SPEC))
    assert modules_offered(RELEASE, {"tier": "dev", "size": ""})[0]["cost"] is None


@pytest.mark.parametrize(
    ("when", "spec", "is_so"),
    [
        (None, {}, True),
        ({"modules": ["identity"]}, {"modules": ["proxy", "identity"]}, True),
        ({"modules": ["identity"]}, {"modules": ["proxy"]}, False),
        ({"modules": ["identity"]}, {}, False),
        ({"standby": ["warm", "pilot-light"]}, {"standby": "warm"}, True),
        ({"standby": ["warm"], "modules": ["identity"]}, {"standby": "warm", "modules": []}, False),
    ],
)
def test_a_row_is_there_when_each_of_its_fields_says_so(
    when: object, spec: dict[str, object], is_so: bool
) -> None:
    assert holds(when, spec) is is_so  # type: ignore[arg-type]
