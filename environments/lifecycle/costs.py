"""Cost per month, from the release's own price table. An estimate: bills come a day late."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

CENT = Decimal("0.01")


def cost_estimate(costs: dict[str, Any], spec: dict[str, Any]) -> dict[str, Any]:
    """Price a spec: {"currency", "period", "as_of", "total", "items": [{"key", "label", "quantity", "unit",
    "unit_price", "amount", "source", "verified"}], "unverified": amount}. Amounts are strings in USD.
    """
    factor = Decimal(costs.get("region_factor", {}).get(spec["home_region"], "1.00"))
    items = []
    for item in costs["items"]:
        quantity = Decimal(str(_quantity(item, spec)))
        if quantity == 0:
            continue
        price = (Decimal(item["unit_price"]) * factor).quantize(Decimal("0.0001"))
        items.append(
            {
                "key": item["key"],
                "label": item["label"],
                "quantity": format(quantity.normalize(), "f"),
                "unit": item["unit"],
                "unit_price": format(price.normalize(), "f"),
                "amount": str((quantity * price).quantize(CENT, ROUND_HALF_UP)),
                "source": item["source"],
                "verified": item["verified"],
            }
        )
    return {
        "currency": costs["currency"],
        "period": costs["period"],
        "as_of": costs["as_of"],
        "total": str(sum((Decimal(item["amount"]) for item in items), Decimal(0))),
        "unverified": str(
            sum((Decimal(item["amount"]) for item in items if not item["verified"]), Decimal(0))
        ),
        "items": items,
    }


def _quantity(item: dict[str, Any], spec: dict[str, Any]) -> Any:
    when = item.get("when")
    if when and spec.get(when["field"]) not in when["in"]:
        return 0
    quantity = item["quantity"]
    return quantity.get(spec["size"], 0) if isinstance(quantity, dict) else quantity
