"""Adding AWS accounts, and what workers report of them."""

import re
import secrets
from typing import Any

from django.conf import settings
from django.db import transaction

from environments.errors import Conflict, InvalidFields
from environments.lifecycle.models import Account, RegionFacts, Release
from environments.lifecycle.states import AccountMode
from environments.lifecycle.validation import zone_problem
from environments.operations.models import Operation
from environments.operations.opening import operation_open
from environments.people.models import User
from environments.people.rights import require


def account_add(
    *, name: str, account_id: str, mode: str, regions: list[str], zone_name: str, actor: User
) -> Operation:
    """Take an account in; answers the `account-add` operation.

    Its first step waits until a person has deployed the role template that the account's page shows, with
    the external id made here. Raises Forbidden, InvalidFields.
    """
    require(actor, "account.add")
    problems = _problems(name, account_id, mode, regions, zone_name)
    if problems:
        raise InvalidFields(problems)
    with transaction.atomic():
        account = Account.objects.create(
            name=name,
            account_id=account_id,
            mode=mode,
            is_on_sandbox=bool(settings.SANDBOX_URL),
            regions=regions,
            zone_name=zone_name,
            external_id=secrets.token_urlsafe(24),
        )
        return operation_open(
            kind="account-add", subject=account, parameters={"regions": regions, "mode": mode}, actor=actor
        )


def account_add_again(*, account: Account, actor: User) -> Operation:
    """Run the adding again, for example after the role template or the baseline has changed."""
    require(actor, "account.change")
    return operation_open(
        kind="account-add",
        subject=account,
        parameters={"regions": account.regions, "mode": account.mode},
        actor=actor,
    )


def account_baseline_record(account: Account, *, region: str, baseline: dict[str, Any]) -> None:
    """Keep what the baseline of a region consists of (queue_url, bootstrap version …)."""
    with transaction.atomic():
        row = Account.objects.select_for_update().get(pk=account.pk)
        row.baseline = {**row.baseline, region: {**row.baseline.get(region, {}), **baseline}}
        row.save(update_fields=["baseline"])


def region_facts_record(account: Account, *, region: str, facts: dict[str, Any]) -> RegionFacts:
    """Keep facts as a new version, unless they are what the newest version says already."""
    with transaction.atomic():
        Account.objects.select_for_update().get(pk=account.pk)
        newest = account.region_facts.filter(region=region).order_by("-version").first()
        if newest is not None and newest.facts == facts:
            return newest
        version = newest.version + 1 if newest else 1
        return RegionFacts.objects.create(account=account, region=region, version=version, facts=facts)


def region_facts_latest(account: Account, region: str) -> RegionFacts:
    """The newest facts of a region; RegionFacts.DoesNotExist when nothing is known."""
    newest = account.region_facts.filter(region=region).order_by("-version").first()
    if newest is None:
        raise RegionFacts.DoesNotExist(f"Nothing is known of {region} in account {account.name}.")
    return newest


def account_move(account: Account, status: str) -> None:
    """Ready or broken, at the end of its operation."""
    account.status = status
    account.save(update_fields=["status"])


def account_require_deployable(account: Account, *, is_canary: bool = False) -> None:
    """Raise Conflict when the account's mode stops after the plan, or forbids this process.

    A canary is what a plan-only account may deploy all the same: it shows that the account can be live.
    """
    if account.mode == AccountMode.PLAN_ONLY and not is_canary:
        raise Conflict(
            f"Account {account.name} is plan-only: what was approved is not carried out."
            " An administrator can make it live with a canary."
        )
    if account.is_on_sandbox and not settings.SANDBOX_URL:
        raise Conflict(f"Account {account.name} is in a sandbox, and this portal has no sandbox.")


def _problems(name: str, account_id: str, mode: str, regions: list[str], zone_name: str) -> dict[str, str]:
    problems: dict[str, str] = {}
    if not re.fullmatch(r"[a-z][a-z0-9-]{1,38}[a-z0-9]", name):
        problems["name"] = (
            "A name has 3 to 40 lower-case letters, digits and hyphens, and begins with a letter."
        )
    elif Account.objects.filter(name=name).exists():
        problems["name"] = f"There is an account {name} already."
    if not re.fullmatch(r"\d{12}", account_id):
        problems["account_id"] = "An AWS account id has 12 digits."
    elif other := Account.objects.filter(account_id=account_id).first():
        problems["account_id"] = f"{account_id} is here already, as {other.name}."
    if mode not in AccountMode.values:
        said = f"{mode} is no mode." if mode else "Choose a mode."
        problems["mode"] = f"{said} Modes are: {', '.join(AccountMode.values)}."
    elif mode == AccountMode.SANDBOX and not settings.SANDBOX_URL:
        problems["mode"] = "This portal has no sandbox: choose plan-only, then live."
    elif mode == AccountMode.LIVE:
        problems["mode"] = "An account begins as plan-only; it becomes live after a passed canary."
    release = Release.objects.filter(is_default=True).first() or Release.objects.first()
    supported = release.regions if release else []
    unknown = [region for region in regions if region not in supported]
    if not regions:
        problems["regions"] = "Name at least one region."
    elif unknown:
        problems["regions"] = f"No release supports {', '.join(unknown)}. Supported: {', '.join(supported)}."
    if zone := zone_problem(zone_name, release):
        problems["zone_name"] = zone
    return problems
