"""Cost per month, from the release's own price table. An estimate: bills come a day late."""

from collections import Counter
from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from environments.lifecycle.when import holds

CENT = Decimal("0.01")
OTHER = "other"
"""The region of an item of the standby's, in a release's data."""


def cost_estimate(costs: dict[str, Any], spec: dict[str, Any]) -> dict[str, Any]:
    """Price a spec: {"currency", "period", "as_of", "total", "items": [{"key", "label", "quantity", "unit",
    "unit_price", "amount", "source", "verified", "region"}], "unverified": amount, "by_region": {region: amount},
    "left_out": [{"what", "why", "upper_estimate"}]}. Amounts are strings in USD; what is left out is used, priced by no
    item and in no sum. An item of the standby's region is priced as that region is.
    """
    items = []
    for item in costs["items"]:
        quantity = Decimal(str(_quantity(item, spec)))
        region = spec.get("other_region") if item.get("region") == OTHER else spec["home_region"]
        if quantity == 0 or not region:
            continue
        factor = Decimal(costs.get("region_factor", {}).get(region, "1.00"))
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
                "region": region,
            }
        )
    by_region: dict[str, Decimal] = {}
    for row in items:
        by_region[row["region"]] = by_region.get(row["region"], Decimal(0)) + Decimal(row["amount"])
    return {
        "currency": costs["currency"],
        "period": costs["period"],
        "as_of": costs["as_of"],
        "total": str(sum((Decimal(item["amount"]) for item in items), Decimal(0))),
        "unverified": str(
            sum((Decimal(item["amount"]) for item in items if not item["verified"]), Decimal(0))
        ),
        "items": items,
        "by_region": {region: str(amount) for region, amount in by_region.items()},
        "left_out": [
            {**row, "upper_estimate": row["upper_estimate"].get(spec["size"], "0")}
            for row in costs.get("left_out", [])
        ],
    }


def _quantity(item: dict[str, Any], spec: dict[str, Any]) -> Any:
    when = item.get("when")
    if when and not (
        spec.get(when["field"]) in when["in"] if "field" in when else holds(when, {"standby": "none", **spec})
    ):
        return 0
    quantity = item["quantity"]
    if isinstance(quantity, dict):
        quantity = quantity.get(spec["size"], 0)
    # For each entry of a list of the spec's: the application's own secrets.
    return quantity * len(spec.get(item["each"]) or ()) if "each" in item else quantity


def cost_compare(after: dict[str, Any], before: dict[str, Any] | None) -> dict[str, Any]:
    """An estimate beside the one before (None: there is nothing yet): each item also has "quantity_before",
    "amount_before" and "difference"; the whole "total_before", "difference" and "verified_share" (percent of the sum
    that rests on prices somebody has verified). Items that are gone have quantity and amount 0.
    """
    old = {item["key"]: item for item in (before or {}).get("items", [])}
    items = [_beside(item, old.pop(item["key"], None)) for item in after["items"]]
    items += [_beside({**item, "quantity": "0", "amount": "0.00"}, item) for item in old.values()]
    total, total_before = Decimal(after["total"]), Decimal((before or {}).get("total", 0))
    unverified = Decimal(after["unverified"])
    share = (total - unverified) / total * 100 if total else Decimal(100)
    return {
        **after,
        "items": items,
        "total_before": str(total_before),
        "difference": str(total - total_before),
        "verified_share": str(share.quantize(Decimal("0.1"), ROUND_HALF_UP)),
    }


def _beside(item: dict[str, Any], before: dict[str, Any] | None) -> dict[str, Any]:
    quantity, amount = (before["quantity"], before["amount"]) if before else ("0", "0.00")
    return {
        **item,
        "quantity_before": quantity,
        "amount_before": amount,
        "difference": str(Decimal(item["amount"]) - Decimal(amount)),
    }


def types_unpriced(costs: dict[str, Any], types: Iterable[str]) -> list[dict[str, Any]]:
    """Types that no item prices and that are not known to be free, with how many resources: [{"type", "count"}]."""
    known = {kind for item in costs["items"] for kind in item["types"]} | set(costs.get("free_types", ()))
    counts = Counter(kind for kind in types if kind not in known)
    return [{"type": kind, "count": count} for kind, count in sorted(counts.items())]
