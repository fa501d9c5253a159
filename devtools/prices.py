"""What an environment costs by size and standby, and the prices that this rests on."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from devtools.asked import described
from devtools.synth import SIZES, STANDBYS, spec
from environments.lifecycle.costs import cost_estimate


def tables() -> str:
    """Two Markdown tables: USD a month by size and standby; and every price with its source."""
    told = described()["costs"]
    place, other = (spec("small", "warm")[name] for name in ("home_region", "other_region"))
    lines = [
        f"USD a month for an environment of production in {place}, its standby in {other}; prices of "
        f"{told['as_of']}. Not in these sums: what `left_out` of `data/costs.json` lists.",
        "",
        f"| size | {' | '.join(f'standby {name}' for name in STANDBYS)} |",
        f"|---|{'---|' * len(STANDBYS)}",
    ]
    for size in SIZES:
        totals = [cost_estimate(told, spec(size, standby))["total"] for standby in STANDBYS]
        lines.append(f"| {size} | {' | '.join(map(_rounded, totals))} |")
    lines += [
        "",
        f"| what | unit | USD, {told['price_region']} | verified | source |",
        "|---|---|---|---|---|",
    ]
    for item in told["items"]:
        if item.get("region") != "other":
            lines.append(_price(item))
    return "\n".join(lines)


def _price(item: dict[str, Any]) -> str:
    verified = "yes" if item["verified"] else "no"
    return f"| {item['label']} | {item['unit']} | {item['unit_price']} | {verified} | {item['source']} |"


def _rounded(amount: str) -> str:
    return f"{Decimal(amount).quantize(Decimal(1), ROUND_HALF_UP):,}"
