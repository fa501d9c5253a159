"""Whether a region is dark for a service: the control API's faults, looked at without using them up."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.world import World


def darkness(world: World, account: str, region: str, *services: str) -> str | None:
    """None, `refuse` or `hang`. A fault for one operation only, or for other services, darkens nothing here."""
    for fault in world.faults.list():
        if fault["kind"] != "dark" or fault.get("operation"):
            continue
        if fault.get("account") not in (None, "", account) or fault.get("region") not in (None, "", region):
            continue
        if fault.get("service") in (None, "", *services):
            return "hang" if fault.get("mode") == "hang" else "refuse"
    return None
