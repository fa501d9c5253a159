"""Accounts: adding one, letting the portal in, and what its baseline put there."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from environments.display import place
from environments.errors import DomainError, Invalid
from environments.lifecycle.accounts import account_add, account_add_again
from environments.lifecycle.baseline import account_update, baseline_behind, baseline_version, update_problem
from environments.lifecycle.canary import account_canary, canary_problem
from environments.lifecycle.models import Account, RegionFacts
from environments.lifecycle.pauses import account_pauses
from environments.lifecycle.role_stacks import role_stacks
from environments.lifecycle.selectors import release_default
from environments.lifecycle.settings import account_change_propose
from environments.lifecycle.states import GONE, AccountMode, AccountStatus
from environments.operations.models import Operation
from environments.operations.selectors import operations_list
from environments.people.models import Team
from environments.people.rights import may
from environments.people.selectors import proposal_of
from portal.pages.base import attempt, page, proposed, refusals, view_requires, viewer
from portal.pages.operation import stacks_of

MODE_WORDS = {
    AccountMode.SANDBOX: "The local AWS of a demo.",
    AccountMode.PLAN_ONLY: "Read only: everything up to the approval. A canary makes it live.",
    AccountMode.LIVE: "Deployed to. Nobody begins here: a passed canary leads from plan-only to live.",
}
BASELINE_WORDS = {
    "release": "Baseline of release",
    "version": "Version of the baseline",
    "bootstrap": "Bootstrapped by release",
    "queue_url": "Queue of CloudFormation's events",
    "audit_bucket": "Audit bucket",
}
ROWS = 20


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """The form; a POST opens the operation that adds the account."""
    user = view_requires(request, "account.add")
    problems: dict[str, str] = {}
    if request.method == "POST":
        with refusals() as problems:
            operation = account_add(
                name=request.POST.get("name", "").strip(),
                account_id=request.POST.get("account_id", "").replace("-", "").strip(),
                mode=request.POST.get("mode", ""),
                regions=request.POST.getlist("regions"),
                zone_name=request.POST.get("zone_name", "").strip().rstrip("."),
                actor=user,
            )
        if not problems:
            return redirect("admin:account", operation.subject_id)
    release = release_default()
    return page(
        request,
        "portal/accounts/new.html",
        "Add an account",
        status=400 if problems else 200,
        problems=problems,
        typed=request.POST,
        chosen_regions=request.POST.getlist("regions"),
        regions=[(region, place(region)) for region in (release.regions if release else [])],
        modes=[(mode.value, mode.label, MODE_WORDS[mode]) for mode in AccountMode],
        release=release,
    )


@require_safe
def show(request: HttpRequest, pk: int) -> HttpResponse:
    """One account."""
    user = view_requires(request, "account.view")
    account = Account.objects.get(pk=pk)
    operations = list(
        operations_list().filter(subject_id=pk, subject_type__model="account").order_by("-id")[:ROWS]
    )
    latest = next(iter(operations), None)
    release = release_default()
    regions = sorted({*account.regions, *(release.regions if release else [])})
    return page(
        request,
        "portal/accounts/page.html",
        account.name,
        account=account,
        operations=operations,
        latest=latest,
        says=_sentence(account, latest),
        stacks=stacks_of(account),
        regions_told=_regions_told(account),
        environments=account.environments.exclude(status__in=GONE).count(),
        role_stacks=role_stacks(account) if may(user, "account.add") else None,
        canary_problem=canary_problem(account) if account.mode == AccountMode.PLAN_ONLY else "",
        behind=baseline_behind(account, release),
        baseline_version=baseline_version(account),
        release=release,
        may_update=not update_problem(account),
        teams=Team.objects.order_by("name"),
        pauses=account_pauses(account),
        may_pause=may(user, "pause.change"),
        proposal=proposal_of(account),
        regions=[(region, place(region), region in account.regions) for region in regions],
        new_regions=[region for region in account.regions if region not in account.baseline],
        may_propose=may(user, "account.change"),
        may_change=may(user, "account.change") and (latest is None or latest.is_ended),
    )


def _regions_told(account: Account) -> list[tuple[str, list[tuple[str, Any]], RegionFacts | None]]:
    """Per region: what the baseline put there, in words, and the newest facts that blueprints are told."""
    found = {
        row.region: row for row in account.region_facts.order_by("region", "-version").distinct("region")
    }
    return [
        (
            region,
            [
                (BASELINE_WORDS.get(key, key), value)
                for key, value in account.baseline.get(region, {}).items()
            ],
            found.get(region),
        )
        for region in account.regions
    ]


@require_POST
def add_again(request: HttpRequest, pk: int) -> HttpResponse:
    """Run the adding again."""
    account = Account.objects.get(pk=pk)
    attempt(
        request, lambda: account_add_again(account=account, actor=viewer(request)), done="Adding began again."
    )
    return redirect("admin:account", pk)


@require_POST
def change(request: HttpRequest, pk: int) -> HttpResponse:
    """Propose other regions, or to make a live account plan-only again."""
    account = Account.objects.get(pk=pk)
    try:
        proposal = account_change_propose(
            account=account,
            regions=request.POST.getlist("regions"),
            mode=request.POST.get("mode", account.mode),
            reason=request.POST.get("reason", ""),
            actor=viewer(request),
        )
    except DomainError as error:
        messages.error(request, error.message)
        return redirect("admin:account", pk)
    return proposed(request, proposal, done="The account was changed.", then="admin:account", pk=pk)


@require_POST
def update(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask for the newest baseline; leads to its operation."""
    account = Account.objects.get(pk=pk)
    opened: list[Operation] = []
    attempt(
        request,
        lambda: opened.append(account_update(account=account, actor=viewer(request))),
        done="The update is being planned. Another person approves what it changes.",
    )
    return redirect("admin:operation", opened[0].pk) if opened else redirect("admin:account", pk)


@require_POST
def canary(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask for the canary that makes a plan-only account live; leads to its operation."""
    account = Account.objects.get(pk=pk)
    slug = request.POST.get("team", "")
    team = Team.objects.filter(slug=slug).first()
    opened: list[Operation] = []

    def ask() -> None:
        if team is None:
            raise Invalid("Choose the team that owns the canary's environment.", field="team")
        opened.append(account_canary(account=account, team=team, actor=viewer(request)))

    attempt(request, ask, done="The canary is being planned. Another person approves it.")
    return redirect("admin:operation", opened[0].pk) if opened else redirect("admin:account", pk)


def _sentence(account: Account, latest: Any) -> str:
    if account.status == AccountStatus.READY:
        if account.mode == AccountMode.PLAN_ONLY:
            return "It is ready for plans: what is approved is not carried out until a canary has passed."
        return "It is ready: environments can be requested in it."
    if latest is not None:
        return str(latest.sentence)
    return "Nothing was done with it yet."
