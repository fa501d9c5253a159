"""Whether a region is dark for a service: the control API's faults, looked at without using them up."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.world import World


def darkness(world: World, account: str, region: str, *services: str) -> str | None:
    """None, `refuse` or `hang`. A fault for some operations only, or for other services, darkens nothing here."""
    for service in services:
        for fault in world.faults.active("dark", _facts(account, region, service)):
            return "hang" if fault.body.get("mode") == "hang" else "refuse"
    return None


def struck(world: World, account: str, region: str, service: str, resource: str) -> str | None:
    """The id of the fault that darkens what was asked of an application or a database, if one does.

    The log tells it, no count is used up.
    """
    faults = world.faults.active("dark", _facts(account, region, service))
    for fault in faults:
        world.faults.note(fault, **_facts(account, region, service), resource=resource)
    return faults[0].id if faults else None


def _facts(account: str, region: str, service: str) -> dict[str, str]:
    return {"account": account, "region": region, "service": service}


def held_back(world: World, service: str, since: float, *places: tuple[str, str]) -> bool:
    """Whether a copy of what was written at `since` cannot arrive yet: a place (account, region) of the way is dark,
    or a fault lets copies lag by more than has passed."""
    if any(darkness(world, account, region, service) for account, region in places):
        return True
    lag = world.faults.lag_s(service, *places)
    return lag > 0 and world.scheduler.now() < since + lag
