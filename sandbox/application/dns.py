"""What the name servers of AWS answer: hosted zones of all accounts, load balancers, Beanstalk and database names.

Source: Route 53 developer guide, "Choosing a routing policy", "How Amazon Route 53 chooses records when health
checking is configured".
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sandbox.application import endpoints, hosting, relay
from sandbox.application.addresses import NoAddress
from sandbox.application.dark import darkness
from sandbox.services.elasticbeanstalk.common import ENVIRONMENT
from sandbox.services.elbv2 import health
from sandbox.services.elbv2.base import BALANCER
from sandbox.services.route53 import names, status
from sandbox.store import Record

if TYPE_CHECKING:
    from sandbox.world import World

DEEPEST = 8
"""CNAMEs and aliases that are followed."""
BALANCER_TTL_S = 60
DATABASE_TTL_S = 5


@dataclass
class Answer:
    """rcode: NOERROR, NXDOMAIN, SERVFAIL or REFUSED (no zone of the sandbox has the name)."""

    rcode: str = "NOERROR"
    records: list[dict[str, Any]] = field(default_factory=list)
    """{"name", "type", "ttl", "value"}, in the order of an answer section."""

    def addresses(self) -> list[str]:
        return [str(r["value"]) for r in self.records if r["type"] == "A"]


def resolve(world: World, name: str, kind: str = "A", source_region: str = "") -> Answer:
    """The answer for a name. source_region: where the asker is, for latency records ("": the nearest is any)."""
    answer = Answer()
    _follow(world, names.normal(name), kind, source_region, answer, 0)
    return answer


def _follow(world: World, name: str, kind: str, source: str, answer: Answer, depth: int) -> None:
    if depth > DEEPEST:
        answer.rcode = "SERVFAIL"
        return
    zone = zone_of(world, name)
    if zone is None:
        _of_aws(world, name, kind, answer)
        return
    top = names.normal(zone.properties["Name"])
    if name == top and kind in zone.data["apex"]:
        apex = zone.data["apex"][kind]
        answer.records += [
            {"name": name, "type": kind, "ttl": apex["TTL"], "value": v} for v in apex["Values"]
        ]
        return
    sets = _sets(world, zone, name)
    if not sets:
        taken = any(names.normal(r.properties["Name"]).endswith(f".{name}") for r in records(world, zone))
        # A name above others exists, without records of its own.
        answer.rcode = "NOERROR" if taken or name == top else "NXDOMAIN"
        return
    for wanted in dict.fromkeys((kind, "CNAME")):
        chosen = choose(world, [r for r in sets if r.properties["Type"] == wanted], source)
        for record in chosen:
            _give(world, record, name, kind, source, answer, depth)
        if chosen:
            return


def _give(
    world: World, record: Record, name: str, kind: str, source: str, answer: Answer, depth: int
) -> None:
    given = record.properties
    target = given.get("AliasTarget")
    if target:
        inner = Answer()
        _follow(world, names.normal(target["DNSName"]), kind, source, inner, depth + 1)
        answer.rcode = inner.rcode
        # An alias is answered under its own name.
        answer.records += [{**r, "name": name} for r in inner.records if r["type"] == kind]
        return
    for value in given.get("ResourceRecords") or ():
        ttl = int(given.get("TTL") or 0)
        answer.records.append({"name": name, "type": given["Type"], "ttl": ttl, "value": value})
        if given["Type"] == "CNAME" and kind != "CNAME":
            _follow(world, names.normal(value), kind, source, answer, depth + 1)


def zone_of(world: World, name: str) -> Record | None:
    """The hosted zone with the longest name above or at a name; of two the older one, as a delegation would."""
    found = [z for z in world.store.everywhere(names.ZONE) if names.within(name, z.properties["Name"])]
    return max(found, key=lambda z: (len(z.properties["Name"].rstrip(".")), -z.created_at), default=None)


def records(world: World, zone: Record) -> list[Record]:
    found = world.store.list(zone.account, zone.region, names.RECORD)
    return [r for r in found if r.data.get("zone") == zone.id]


def _sets(world: World, zone: Record, name: str) -> list[Record]:
    """The records of a name, else of the nearest wildcard."""
    by_name: dict[str, list[Record]] = {}
    for record in records(world, zone):
        by_name.setdefault(names.normal(record.properties["Name"]), []).append(record)
    if name in by_name:
        return by_name[name]
    labels = name.split(".")
    for number in range(1, len(labels)):
        above = ".".join(labels[number:])
        if f"*.{above}" in by_name:
            return by_name[f"*.{above}"]
        if above in by_name:
            break
    return []


# -- choosing among records of the same name and type


def choose(world: World, sets: list[Record], source: str) -> list[Record]:
    """The record sets that are answered; several only for multivalue answers."""
    if not sets:
        return []
    first = sets[0].properties
    if first.get("Failover"):
        return _failover(world, sets)
    healthy = [r for r in sets if is_healthy(world, r)]
    # When none is healthy, all count as healthy.
    pool = healthy or sets
    if first.get("Weight") is not None:
        return _weighted(pool)
    if first.get("Region"):
        near = [r for r in pool if r.properties["Region"] == source]
        return (near or sorted(pool, key=lambda r: str(r.properties["Region"])))[:1]
    if first.get("MultiValueAnswer"):
        return random.sample(pool, min(8, len(pool)))
    if first.get("GeoLocation"):
        return [r for r in pool if r.properties["GeoLocation"].get("CountryCode") == "*"][:1] or pool[:1]
    return sets[:1]


def _failover(world: World, sets: list[Record]) -> list[Record]:
    """The primary while it is healthy, else the secondary while that is; when neither is, the primary."""
    roles = {str(r.properties["Failover"]): r for r in sets}
    order = [roles[role] for role in ("PRIMARY", "SECONDARY") if role in roles]
    return [r for r in order if is_healthy(world, r)][:1] or order[:1]


def _weighted(pool: list[Record]) -> list[Record]:
    weights = [int(r.properties["Weight"]) for r in pool]
    # All weights 0: all alike (Weighted routing).
    return random.choices(pool, weights if any(weights) else None)


def is_healthy(world: World, record: Record, depth: int = 0) -> bool:
    """Its health check, and for an alias that evaluates its target's health, the target."""
    given = record.properties
    check = given.get("HealthCheckId")
    if check and not status.healthy(world, record.account, str(check)):
        return False
    target = given.get("AliasTarget")
    if not target or str(target.get("EvaluateTargetHealth", False)).lower() != "true" or depth > DEEPEST:
        return True
    name = names.normal(target["DNSName"])
    balancer = balancer_of(world, name)
    if balancer is not None:
        ctx = world.context(balancer.account, balancer.region)
        dark = darkness(world, balancer.account, balancer.region, "elbv2")
        return dark is None and health.balancer_healthy(ctx, balancer)
    zone = zone_of(world, name)
    others = [r for r in _sets(world, zone, name) if r.properties["Type"] == given["Type"]] if zone else []
    return any(is_healthy(world, r, depth + 1) for r in others) if others else True


# -- names of AWS's own


def balancer_of(world: World, name: str) -> Record | None:
    """The load balancer of a DNS name of its own, of `dualstack.` before it, or of a Beanstalk environment."""
    plain = name.rstrip(".").lower().removeprefix("dualstack.")
    for record in world.store.everywhere(BALANCER):
        if str(record.attributes.get("DNSName", "")).lower() == plain:
            return record
    for env in _environments(world, plain):
        made = env.data.get("made") or {}
        return world.store.by_arn(str(made.get("balancer", "")))
    return None


def _environments(world: World, name: str) -> Iterator[Record]:
    for env in world.store.everywhere(ENVIRONMENT):
        if env.data.get("cname") == name:
            yield env


def _of_aws(world: World, name: str, kind: str, answer: Answer) -> None:
    balancer = balancer_of(world, name)
    if balancer is not None:
        if kind == "A":
            given = hosting.of(world).addresses.of(balancer.id, 2)
            answer.records += [{"name": name, "type": "A", "ttl": BALANCER_TTL_S, "value": v} for v in given]
        return
    found = endpoints.find(world, name)
    if found is None:
        answer.rcode = "NXDOMAIN" if name.endswith(("amazonaws.com.", "elasticbeanstalk.com.")) else "REFUSED"
        return
    if kind != "A":
        return
    try:
        address = relay.address(world, name.rstrip("."), endpoints.port_of(world, found[0]))
    except NoAddress:
        answer.rcode = "SERVFAIL"
        return
    answer.records.append({"name": name, "type": "A", "ttl": DATABASE_TTL_S, "value": address})
