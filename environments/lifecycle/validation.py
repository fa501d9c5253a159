"""What a request must hold before anything is written: one sentence per field."""

import ipaddress
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import jsonschema
from django.db.models import Q, QuerySet
from django.db.models.fields.json import KeyTextTransform

from environments.lifecycle.models import Account, Environment, Release
from environments.lifecycle.models.environment import block_of
from environments.lifecycle.naming import RESERVED
from environments.lifecycle.states import GONE, AccountStatus
from environments.people.models import Team, User

NAME = re.compile(r"[a-z][a-z0-9-]*[a-z0-9]")
NAME_LENGTH = (3, 20)
# What new environments are given when they name no range of their own: /16 blocks of 10/8.
POOL = ipaddress.IPv4Network("10.0.0.0/8")
# What releases before 1.4 refuse without telling; later ones tell it in their schema, as `ranges` and `maxLength`.
RANGES: Mapping[str, Any] = {
    "prefixes": [16, 20],
    "within": ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"],
    "taken": [{"range": "172.17.0.0/16", "by": "Docker uses on every instance"}],
}
# RFC 5280's ub-common-name, which Certificate Manager keeps to.
DOMAIN_LONGEST = 64
DOMAIN = re.compile(r"(?=.{4,200}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")

Network = ipaddress.IPv4Network

HOLDS_NAMES_IN_AWS = ~Q(status__in=GONE) | Q(forgotten_at__isnull=False)
"""Of environments: those whose range and domain are taken. What was forgotten has both in AWS still."""


def name_problem(name: str) -> str:
    """Why this cannot be an environment's name, or an empty string."""
    shortest, longest = NAME_LENGTH
    if not shortest <= len(name) <= longest:
        return f"A name has {shortest} to {longest} characters; this one has {len(name)}."
    if not NAME.fullmatch(name) or "--" in name:
        return (
            "A name has lower-case letters, digits and single hyphens, and begins with a letter:"
            " names of buckets and databases are made from it."
        )
    if name in RESERVED:
        return f"The name {name} is reserved. Choose another one."
    return ""


def name_taken(name: str) -> str:
    """Why the name cannot be used now, or an empty string."""
    other = Environment.objects.exclude(status__in=GONE).filter(name=name).first()
    return f"There is an environment {name} already ({other.status}). Choose another name." if other else ""


def release_problem(own: Release, wanted: Release) -> str:
    """Why what is of one release cannot be brought to another, or an empty string. Its own is always one."""
    if wanted.blueprint_id != own.blueprint_id:
        return f"Release {wanted} is of another blueprint."
    if wanted.is_withdrawn and wanted.pk != own.pk:
        return f"Release {wanted.version} was withdrawn."
    return ""


def owner_problem(owner: User | None, team: Team, actor: User) -> str:
    """Why this person cannot answer for an environment of the team, or an empty string. None is the actor."""
    if owner is None or owner.pk == actor.pk:
        return ""
    if not owner.is_active:
        return f"{owner.username} has left. Name somebody of team {team}."
    if not owner.teams.filter(pk=team.pk).exists():
        return f"{owner.username} is not in team {team}. Name somebody who is, or nobody: then it is yours."
    return ""


def account_problem(account: Account) -> str:
    """Why nothing can be requested in this account, or an empty string."""
    if account.status != AccountStatus.READY:
        return f"Account {account.name} is not ready ({account.status}): its baseline is not in place."
    return ""


def region_problem(region: str, account: Account, release: Release) -> str:
    """Why the region cannot be a home, or an empty string."""
    if region not in account.regions:
        return f"Account {account.name} does not use {region}. It uses: {', '.join(account.regions)}."
    if region not in release.regions:
        return (
            f"Release {release.version} does not support {region}. It supports: {', '.join(release.regions)}."
        )
    if not account.region_facts.filter(region=region).exists():
        return f"Nothing is known of {region} in account {account.name} yet. Add the region to the account first."
    return ""


def cidr_problem(
    cidr: str,
    account: Account,
    release: Release,
    *,
    field: str = "cidr",
    besides: Environment | None = None,
) -> str:
    """Why the release cannot use the address range in the account, or an empty string. `field` of the spec is which
    of them it is; the ranges that `besides` has are no reason.
    """
    try:
        network = ipaddress.IPv4Network(cidr)
    except ValueError:
        return f"{cidr} is no address range. Write it as 10.12.0.0/16, without host bits."
    ranges = (_told(release, field) or _told(release, "cidr")).get("ranges", RANGES)
    shortest, longest = ranges["prefixes"]
    if not shortest <= network.prefixlen <= longest:
        return f"A range has a prefix of /{shortest} to /{longest}; {cidr} has /{network.prefixlen}."
    if not any(network.subnet_of(Network(block)) for block in ranges["within"]):
        return f"{cidr} is no private range. Take one within {', '.join(ranges['within'])}."
    for taken in ranges["taken"]:
        if network.overlaps(Network(taken["range"])):
            why = f"{cidr} overlaps with {taken['range']}, which {taken['by']}."
            return f"{why} Choose another range, or leave it empty."
    for name, other in ranges_near(account, network, besides):
        if network.overlaps(other):
            return f"{cidr} overlaps with {other} of environment {name}. Choose another range, or leave it empty."
    return ""


def ranges_near(
    account: Account, network: Network, besides: Environment | None = None
) -> Iterator[tuple[str, Network]]:
    """Names and ranges of the account's environments within the same /16, in their home or their other region: no
    other range, being a /16 or smaller, can overlap. Indexes on the /16 find them, however many environments there
    are. `besides` is an environment that is not told of."""
    for field in ("cidr", "other_cidr"):
        rows = _alive(account, field).filter(block=str(network.supernet(new_prefix=16)))
        rows = rows.exclude(pk=besides.pk) if besides else rows
        for name, cidr in rows.order_by().values_list("name", field).iterator(chunk_size=32):
            yield name, ipaddress.IPv4Network(cidr)


def cidr_free(account: Account, besides: Collection[str] = ()) -> str:
    """The first /16 of the pool that no environment of the account uses in any region, in part or whole, and no range
    of `besides` either; empty when none is."""
    taken = {str(_block(Network(cidr))) for cidr in besides}
    for field in ("cidr", "other_cidr"):
        rows = _alive(account, field).order_by().values_list("block", flat=True).distinct()
        taken |= {str(block) for block in rows}
    return next((str(block) for block in POOL.subnets(new_prefix=16) if str(block) not in taken), "")


def _block(network: Network) -> Network:
    """The /16 that a range lies in."""
    return network.supernet(new_prefix=16) if network.prefixlen > 16 else network


def _alive(account: Account, field: str) -> QuerySet[Any]:
    rows = Environment.objects.filter(HOLDS_NAMES_IN_AWS, account=account, **{f"{field}__isnull": False})
    return rows.annotate(block=block_of(field))


def domain_problem(domain: str, account: Account, release: Release) -> str:
    """Why the release cannot use the domain, or an empty string."""
    if not DOMAIN.fullmatch(domain):
        return f"{domain} is no domain name. Write it as shop.{account.zone_name}."
    longest = domain_longest(release)
    if len(domain) > longest:
        return (
            f"{domain} has {len(domain)} characters; a certificate's domain may have {longest}."
            " Choose a shorter domain, or a shorter name."
        )
    if not domain.endswith("." + account.zone_name):
        return f"The domain has to be below the account's zone {account.zone_name}, so that its certificate validates."
    rows = Environment.objects.filter(HOLDS_NAMES_IN_AWS).alias(domain=KeyTextTransform("domain", "spec"))
    other = rows.filter(domain=domain).first()
    if other is None:
        return ""
    if other.is_gone:
        return f"{domain} still leads to {other.name} in AWS, which the portal was told to forget. Choose another one."
    return f"{domain} belongs to environment {other.name}."


def domain_longest(release: Release | None) -> int:
    """How many characters an environment's domain may have."""
    return int(_told(release, "domain").get("maxLength", DOMAIN_LONGEST)) if release else DOMAIN_LONGEST


def zone_problem(zone_name: str, release: Release | None) -> str:
    """Why no environment of the release could have its name below this zone, or an empty string."""
    if not zone_name:
        return "Name the zone delegated to this account."
    if not DOMAIN.fullmatch(zone_name):
        return f"{zone_name} is no domain name. Name the zone delegated to this account."
    domain = domain_longest(release)
    longest = domain - NAME_LENGTH[0] - len(".")
    if len(zone_name) > longest:
        return (
            f"Below a zone of {len(zone_name)} characters no environment could have its name: a certificate's domain"
            f" may have {domain}, so a zone may have {longest}."
        )
    return ""


def _told(release: Release, field: str) -> dict[str, Any]:
    """What the release's schema says of a field of its spec."""
    told: dict[str, Any] = release.schema.get("properties", {}).get(field, {})
    return told


def schema_problems(schema: dict[str, Any], spec: dict[str, Any]) -> dict[str, str]:
    """Sentences by field where the spec does not fit the release's schema."""
    problems: dict[str, str] = {}
    validator = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
    for error in validator.iter_errors(spec):
        field = str(error.absolute_path[0]) if error.absolute_path else "spec"
        problems.setdefault(field, _sentence(error))
    return problems


def _sentence(error: jsonschema.ValidationError) -> str:
    if error.context:
        # Of several shapes, what is wrong with the one that was meant: a null is none.
        return _sentence(min(error.context, key=lambda inner: inner.validator == "type"))
    if error.validator == "enum":
        choices: Any = error.validator_value
        return f"{error.instance} is not known. Choose one of: {', '.join(map(str, choices))}."
    if error.validator == "not":
        return f"{error.instance} is taken by the blueprint itself. Choose another name."
    if error.validator == "uniqueItems":
        return "Something is named twice."
    if error.validator == "pattern":
        schema: Any = error.schema
        return f"{str(error.instance)[:200] or 'Nothing'} is not acceptable. {schema.get('description', '')}".strip()
    return f"{error.message[:300]}."
