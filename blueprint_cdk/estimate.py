"""What an environment costs a month, by data/costs.json: what its budget is made from when nobody names one."""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal
from typing import Any

from blueprint_cdk.data import load

HEADROOM = Decimal("1.2")
"""An estimate knows no traffic: a budget of exactly the estimate would warn of every good month."""


def monthly_usd(spec: dict[str, Any]) -> Decimal:
    """The estimate of a spec (its fields as JSON has them), as the portal shows it; a test holds both together."""
    costs = load("costs")
    total = Decimal(0)
    for item in costs["items"]:
        quantity = Decimal(str(_quantity(item, spec)))
        region = spec["other_region"] if item.get("region") == "other" else spec["home_region"]
        if quantity == 0 or not region:
            continue
        factor = Decimal(costs.get("region_factor", {}).get(region, "1.00"))
        price = (Decimal(item["unit_price"]) * factor).quantize(Decimal("0.0001"))
        total += (quantity * price).quantize(Decimal("0.01"))
    return total


def budget_usd(spec: dict[str, Any]) -> int:
    """Whole dollars a month: what the spec names, or the estimate with headroom."""
    named = int(spec["monthly_budget_usd"])
    return named or int((monthly_usd(spec) * HEADROOM).to_integral_value(ROUND_CEILING))


def _quantity(item: dict[str, Any], spec: dict[str, Any]) -> Any:
    when = dict(item.get("when") or {})
    if "field" in when and spec.get(when["field"]) not in when["in"]:
        return 0
    if "standby" in when and spec["standby"] not in when["standby"]:
        return 0
    if "tier" in when and spec.get("tier") not in when["tier"]:
        return 0
    if not set(when.get("modules", ())) <= set(spec.get("modules") or ()):
        return 0
    quantity = item["quantity"]
    if isinstance(quantity, dict):
        quantity = quantity.get(spec["size"], 0)
    # For each entry of a list of the spec's: the application's own secrets.
    return quantity * len(spec.get(item["each"]) or ()) if "each" in item else quantity
