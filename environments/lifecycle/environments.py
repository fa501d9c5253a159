"""Requesting, protecting and withdrawing environments."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.utils import timezone

from environments.errors import Conflict, InvalidFields
from environments.lifecycle import validation
from environments.lifecycle.costs import cost_estimate
from environments.lifecycle.expired import NOT_BEGUN, expiry_teardown_lock, expiry_teardown_withdraw
from environments.lifecycle.expiry import BY_RULE, Wanted, expiry_next, expiry_set, expiry_wanted
from environments.lifecycle.limits import limit_problems_locked, limits_observe
from environments.lifecycle.models import Account, Environment, Release
from environments.lifecycle.modules import (
    modules_default,
    modules_of,
    modules_ordered,
    modules_problem,
)
from environments.lifecycle.naming import PREVIEW_SUFFIX, names_derive, names_needed, suffix_make
from environments.lifecycle.stacks import NO_STANDBY, regions_of, scopes_of
from environments.lifecycle.standby import standby_problems, standby_spec
from environments.lifecycle.states import ENVIRONMENT_MOVES, EnvironmentStatus, Tier
from environments.operations.audit import audit_record
from environments.operations.models import Operation
from environments.operations.opening import operation_open
from environments.operations.states import OPEN
from environments.people.models import Team, User
from environments.people.rights import require

# Fields of a spec that follow from the account that was chosen.
OF_ACCOUNT = dict.fromkeys(("account_id", "zone_id", "zone_name", "permissions_boundary_arn"), "account")
LOG_RETENTION_DAYS = {Tier.DEV: 30, Tier.STAGING: 90, Tier.PROD: 365}


def environment_request(
    *,
    name: str,
    team: Team,
    tier: str,
    size: str,
    account: Account,
    home_region: str,
    release: Release,
    cidr: str = "",
    domain: str = "",
    restore_source: dict[str, str] | None = None,
    standby: str = NO_STANDBY,
    other_region: str = "",
    other_cidr: str = "",
    modules: list[str] | None = None,
    secrets: Sequence[str] = (),
    is_protected: bool | None = None,
    owner: User | None = None,
    expires_at: Wanted = BY_RULE,
    is_canary: bool = False,
    actor: User,
) -> Operation:
    """Ask for a new environment; answers the `provision` operation, whose subject it is.

    Empty `cidr` (and `other_cidr`, with a standby) takes the account's next free /16; empty `domain` is
    <name>.<account's zone>; `modules` None takes the tier's, of a release that has modules; `secrets` are names of the
    application's own, whose values a person sets in AWS; `is_protected` defaults to true outside dev; `owner` is
    somebody of the team, or the actor; `expires_at` is a moment, None where the tier lets live for ever, or the tier's
    default. Raises Forbidden, InvalidFields (a sentence per field), Conflict.
    """
    require(actor, "environment.request", team=team)
    with transaction.atomic():
        # Names, ranges and domains are settled one request after the other, under the account's row.
        account = Account.objects.select_for_update().get(pk=account.pk)
        cidr = cidr or validation.cidr_free(account)
        domain = domain or f"{name}.{account.zone_name}"
        spec = _spec(
            name, team, owner or actor, tier, size, account, home_region, cidr, domain, restore_source
        ) | standby_spec(
            release,
            account,
            standby=standby,
            other_region=other_region,
            other_cidr=other_cidr,
            cidr=cidr,
        )
        spec |= _modules(release, modules, tier) | _secrets(secrets)
        if is_protected is None:
            is_protected = tier != Tier.DEV
        spec["deletion_protection"] = is_protected
        while Environment.objects.filter(name=name, suffix=spec["suffix"]).exists():
            spec["suffix"] = suffix_make()
        problems = spec_problems(spec, account=account, release=release)
        if wrong := validation.owner_problem(owner, team, actor):
            problems["owner"] = wrong
        now = timezone.now()
        expires_at, wrong = (None, "") if is_canary else expiry_wanted(tier, expires_at, now)
        if wrong:
            problems["expires_at"] = wrong
        cost = Decimal(cost_estimate(release.costs, spec)["total"]) if not problems else Decimal(0)
        if not problems and not is_canary:
            problems = limit_problems_locked(team, cost=cost)
        if problems:
            raise InvalidFields(problems)
        environment = Environment.objects.create(
            name=name,
            suffix=spec["suffix"],
            team=team,
            owner=owner or actor,
            tier=tier,
            size=size,
            account=account,
            release=release,
            home_region=home_region,
            active_region=home_region,
            other_region=spec["other_region"] or "",
            cidr=cidr,
            other_cidr=spec.get("other_cidr"),
            spec=spec,
            is_protected=is_protected,
            is_canary=is_canary,
            monthly_cost=cost,
            expires_at=expires_at,
            expiry_from=now,
            expiry_due_at=expiry_next(expires_at, now),
        )
        limits_observe([team], now)
        return operation_open(
            kind="provision",
            subject=environment,
            **scopes_of(account, regions_of(spec)),
            parameters={"release": release.version, "spec": spec},
            actor=actor,
        )


def spec_problems(spec: dict[str, Any], *, account: Account, release: Release) -> dict[str, str]:
    """What is wrong with a spec, by field: names, account, region, range, domain, release, schema."""
    found = {
        "name": validation.name_problem(spec["name"]) or validation.name_taken(spec["name"]),
        "account": validation.account_problem(account),
        "home_region": validation.region_problem(spec["home_region"], account, release),
        "cidr": validation.cidr_problem(spec["cidr"], account, release)
        if spec["cidr"]
        else "No free /16 is left in 10/8.",
        "release": f"Release {release.version} was withdrawn." if release.is_withdrawn else "",
    }
    if "secrets" in spec and "secrets" not in release.schema.get("properties", {}):
        found["secrets"] = f"Release {release.version} makes no secrets of an application's own."
    if "modules" in spec:
        found["modules"] = modules_problem(release, spec["modules"], spec["tier"])
    if not found["name"]:
        found["domain"] = validation.domain_problem(spec["domain"], account, release)
        for rule, row in zip(
            names_needed(release.naming, spec), names_derive(release.naming, spec), strict=True
        ):
            field = "name" if "{name}" in rule["pattern"] else "domain"
            found[field] = found[field] or row["error"]
    problems = {field: sentence for field, sentence in found.items() if sentence}
    problems |= standby_problems(spec, account=account, release=release)
    for field, sentence in validation.schema_problems(release.schema, spec).items():
        problems.setdefault(OF_ACCOUNT.get(field, field), sentence)
    if "name" in problems and spec["domain"] == f"{spec['name']}.{account.zone_name}":
        # Made from the name: it is told there.
        problems.pop("domain", None)
    return problems


def spec_preview(
    *,
    release: Release,
    name: str,
    team: Team,
    tier: str,
    size: str,
    account: Account,
    home_region: str,
    cidr: str,
    domain: str,
    restore_source: dict[str, str] | None = None,
    modules: list[str] | None = None,
    secrets: Sequence[str] = (),
    owner: User | None = None,
    standby: str = NO_STANDBY,
    other_region: str = "",
    other_cidr: str = "",
    actor: User,
) -> dict[str, Any]:
    """The spec that a request would get, with a stand-in for its suffix; for prices and names as one types."""
    spec = _spec(name, team, owner or actor, tier, size, account, home_region, cidr, domain, restore_source)
    spec |= _modules(release, modules, tier) | _secrets(secrets)
    spec["suffix"] = PREVIEW_SUFFIX
    spec["cidr"] = cidr or validation.cidr_free(account)
    spec["domain"] = domain or f"{name}.{account.zone_name}"
    return spec | standby_spec(
        release,
        account,
        standby=standby,
        other_region=other_region,
        other_cidr=other_cidr,
        cidr=spec["cidr"],
    )


def environment_protect(*, environment: Environment, is_protected: bool, actor: User) -> Environment:
    """Turn protection against teardown on or off. It acts at once, and on the portal's side only.

    Protection suspends an expiry: a teardown that it has opened and that has not begun is withdrawn. Off again, an
    expiry that has passed meanwhile is warned of, and acts half an hour later. Raises Forbidden, Conflict (it is gone).
    """
    require(actor, "environment.protect", team=environment.team)
    with transaction.atomic():
        teardown = expiry_teardown_lock(environment)
        row = Environment.objects.select_for_update().get(pk=environment.pk)
        if row.is_gone:
            raise Conflict(f"{row.name} is {row.status}: there is nothing to protect.")
        before, row.is_protected = row.is_protected, is_protected
        row.save(update_fields=["is_protected"])
        if before and not is_protected:
            expiry_set(row, row.expires_at, timezone.now())
        elif is_protected and teardown is not None and teardown.status in NOT_BEGUN:
            expiry_teardown_withdraw(teardown, f"{actor} protected {row.name}.")
        audit_record(
            "environment.protected" if is_protected else "environment.unprotected",
            row,
            actor=actor,
            before={"is_protected": before},
            after={"is_protected": is_protected},
        )
    return row


def environment_withdraw(*, environment: Environment, actor: User) -> Environment:
    """Give up a request that never began, for example one whose planning failed. Frees its name."""
    require(actor, "operation.cancel", team=environment.team, owner_id=environment.owner_id)
    with transaction.atomic():
        row = Environment.objects.select_for_update().get(pk=environment.pk)
        if environment_operations_open(row).exists():
            raise Conflict("An operation is open on it: cancel that instead.")
        if row.status != EnvironmentStatus.REQUESTED:
            raise Conflict(
                f"Only a request can be withdrawn; {row.name} is {row.status}. Tear it down instead."
            )
        environment_move(row, EnvironmentStatus.WITHDRAWN)
        audit_record("environment.withdrawn", row, actor=actor)
    return row


def environment_operations_open(environment: Environment) -> Any:
    """Its operations that have not ended."""
    subject_type = ContentType.objects.get_for_model(Environment)
    return Operation.objects.filter(subject_type=subject_type, subject_id=environment.pk, status__in=OPEN)


def environment_move(environment: Environment, status: str, **fields: Any) -> None:
    """Change its status by the table of moves, saving only what changes."""
    if status == environment.status:
        return
    if status not in ENVIRONMENT_MOVES[environment.status]:
        raise Conflict(f"{environment.name} cannot go from {environment.status} to {status}.")
    now = timezone.now()
    fields |= {"status": status, "status_since": now}
    if status in (EnvironmentStatus.TORN_DOWN, EnvironmentStatus.WITHDRAWN):
        fields["gone_at"] = now
    for name, value in fields.items():
        setattr(environment, name, value)
    environment.save(update_fields=list(fields))


def _spec(
    name: str,
    team: Team,
    owner: User,
    tier: str,
    size: str,
    account: Account,
    home_region: str,
    cidr: str,
    domain: str,
    restore_source: dict[str, str] | None,
) -> dict[str, Any]:
    return {
        "name": name,
        "suffix": suffix_make(),
        "team": team.slug,
        "owner": owner.username,
        "tier": tier,
        "size": size,
        "account_id": account.account_id,
        "home_region": home_region,
        "other_region": None,
        "standby": "none",
        "cidr": cidr,
        "zone_id": account.zone_id,
        "zone_name": account.zone_name,
        "domain": domain,
        "restore_source": restore_source,
        "deletion_protection": tier != Tier.DEV,
        "permissions_boundary_arn": account.boundary_arn,
        "log_retention_days": LOG_RETENTION_DAYS.get(Tier(tier), 90) if tier in Tier.values else 90,
    }


def _secrets(names: Sequence[str]) -> dict[str, list[str]]:
    """The field, where a request names some: a release from before there were any is asked for none."""
    return {"secrets": list(names)} if names else {}


def _modules(release: Release, modules: list[str] | None, tier: str) -> dict[str, list[str]]:
    """The field, where the release has modules or the request names some."""
    if modules is None:
        return {"modules": modules_default(release, tier)} if modules_of(release) else {}
    return {"modules": modules_ordered(release, modules)}
