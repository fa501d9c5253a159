"""What the estimate covers, by the release's own data and the real templates."""

from decimal import Decimal
from typing import Any

import pytest

from blueprint_cdk.data import load
from environments.lifecycle.costs import cost_compare, cost_estimate, types_unpriced
from tests.blueprint_cdk.support import ALL_MODULES

COSTS = load("costs")


def spec(size: str, modules: list[str] | None = None) -> dict[str, Any]:
    return {"size": size, "home_region": "eu-west-1", "modules": modules or []}


@pytest.mark.parametrize("size", ["small", "medium", "large"])
def test_at_least_95_percent_of_an_environments_cost_is_priced(size: str) -> None:
    """The denominator is what is priced and an upper estimate of what is used and is in no item (`left_out`)."""
    estimate = cost_estimate(COSTS, spec(size))
    priced = Decimal(estimate["total"])
    left_out = sum((Decimal(row["upper_estimate"]) for row in estimate["left_out"]), Decimal(0))
    assert left_out > 0
    assert priced / (priced + left_out) >= Decimal("0.95"), f"{priced} of {priced + left_out}"


@pytest.mark.parametrize("size", ["small", "medium"])
def test_no_resource_of_the_templates_is_without_a_price_or_a_reason(synthesise, size: str) -> None:
    types = [
        row["Type"]
        for stack in synthesise(size=size, tier="prod", modules=ALL_MODULES).templates().values()
        for row in stack["Resources"].values()
    ]
    assert len(types) > 80
    assert types_unpriced(COSTS, types) == []
    assert types_unpriced(COSTS, [*types, "AWS::MSK::Cluster"]) == [{"type": "AWS::MSK::Cluster", "count": 1}]
    assert all(reason.strip() for reason in COSTS["free_types"].values())


def test_the_readers_proxy_endpoint_is_counted_by_zone(synthesise) -> None:
    item = next(row for row in COSTS["items"] if row["key"] == "proxy-endpoint")
    for size in ("small", "medium", "large"):
        endpoints = synthesise(size=size, modules=["proxy"]).all("AWS::RDS::DBProxyEndpoint")
        zones = sum(len(row["Properties"]["VpcSubnetIds"]) for row in endpoints)
        assert item["quantity"][size] == zones


@pytest.mark.parametrize("module", ALL_MODULES)
def test_a_module_costs_what_the_types_cost_that_it_adds(synthesise, module: str) -> None:
    """No item is priced for a module whose types are there without it, nor left unpriced when they come."""
    needs = next(row["needs"] for row in load("modules") if row["key"] == module)
    without, with_it = spec("small", needs), spec("small", [*needs, module])

    def kinds(modules: list[str]) -> set[str]:
        templates = synthesise(modules=modules).templates().values()
        return {row["Type"] for stack in templates for row in stack["Resources"].values()}

    added = kinds([*needs, module]) - kinds(needs)
    priced = {kind for item in COSTS["items"] for kind in item["types"]}
    more = Decimal(cost_estimate(COSTS, with_it)["total"]) - Decimal(cost_estimate(COSTS, without)["total"])
    assert (more > 0) == bool(added & priced), (more, added & priced)


def test_another_size_is_told_item_by_item_before_and_after() -> None:
    before, after = cost_estimate(COSTS, spec("small")), cost_estimate(COSTS, spec("medium"))
    told = cost_compare(after, before)
    items = {item["key"]: item for item in told["items"]}
    assert (items["nat"]["quantity_before"], items["nat"]["quantity"]) == ("1", "2")
    gone = items["instances-t3-small"]
    assert (gone["quantity_before"], gone["quantity"], gone["amount"]) == ("1", "0", "0.00")
    assert Decimal(gone["difference"]) == -Decimal(gone["amount_before"])
    assert sum(Decimal(item["amount"]) for item in told["items"]) == Decimal(told["total"])
    assert sum(Decimal(item["amount_before"]) for item in told["items"]) == Decimal(told["total_before"])
    assert Decimal(told["difference"]) == Decimal(told["total"]) - Decimal(told["total_before"]) > 0
    assert 0 < Decimal(told["verified_share"]) < 100
    first = cost_compare(after, None)
    assert first["total_before"] == "0" and first["difference"] == after["total"]


def test_quotas_have_aws_own_defaults_as_the_local_aws_has_them() -> None:
    from sandbox.quotas import BY_KEY

    for quota in [*load("quotas")["quotas"], *load("application")["quotas"]]:
        assert quota["default"] == BY_KEY[quota["key"]].default
        assert quota["scope"] == ("account" if BY_KEY[quota["key"]].world_wide else "region")


@pytest.mark.parametrize("size", ["small", "medium", "large"])
def test_a_standby_costs_more_the_readier_it_is(size: str) -> None:
    def total(standby: str) -> Decimal:
        asked = {**spec(size), "standby": standby, "other_region": None if standby == "none" else "us-east-1"}
        return Decimal(cost_estimate(COSTS, asked)["total"])

    assert total("none") < total("pilot-light") < total("warm") < 2 * total("none") + 400


@pytest.mark.parametrize("standby", ["pilot-light", "warm"])
def test_no_resource_of_a_standby_is_without_a_price_or_a_reason(synthesise, standby: str) -> None:
    types = [
        row["Type"]
        for stack in synthesise(standby=standby).templates().values()
        for row in stack["Resources"].values()
    ]
    assert "AWS::RDS::GlobalCluster" in types
    assert types_unpriced(COSTS, types) == []
