"""Requesting an environment: the form, and the panel beside it that answers while one types."""

from decimal import Decimal
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from environments.display import place
from environments.errors import DomainError, Forbidden
from environments.lifecycle.costs import cost_estimate
from environments.lifecycle.environments import environment_request, spec_preview, spec_problems
from environments.lifecycle.expiry import expiry_wanted
from environments.lifecycle.limits import limit_problems
from environments.lifecycle.models import ExpiryRule, Release
from environments.lifecycle.modules import modules_default, modules_offered
from environments.lifecycle.naming import names_derive
from environments.lifecycle.rules import approval_expected, facts_of_request
from environments.lifecycle.selectors import accounts_ready, release_default, releases_offered
from environments.lifecycle.stacks import NO_STANDBY
from environments.lifecycle.standby import standbys_of
from environments.lifecycle.states import AccountMode, Tier
from environments.lifecycle.validation import owner_problem
from environments.people.models import User
from portal.pages.base import page, problems_of, view_requires
from portal.pages.environment_typed import FIELDS, SAME, Request, teams_for

TIER_WORDS = {
    Tier.DEV: "To try things out",
    Tier.STAGING: "To prove a release",
    Tier.PROD: "For customers",
}
SIZE_WORDS = {"small": "one of each", "medium": "two zones", "large": "three zones, more room"}
STANDBY_WORDS = {
    NO_STANDBY: "one region",
    "pilot-light": "data there, the rest starts when needed",
    "warm": "a small one serves at once",
}
OWNERS_OFFERED = 200


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """The form; a POST requests it and leads to the operation."""
    user = view_requires(request, "environment.request")
    if request.method != "POST":
        form = Request.read(_defaults(user, request.GET), user)
        form.problems = {}
        return _form(request, user, form)
    form = Request.read(request.POST, user)
    if not form.problems:
        try:
            operation = _request(form, user)
        except Forbidden:
            raise
        except DomainError as error:
            form.problems = {SAME.get(name, name): text for name, text in problems_of(error).items()}
        else:
            return redirect("admin:operation", operation.pk)
    return _form(request, user, form, status=400)


@require_POST
def preview(request: HttpRequest) -> HttpResponse:
    """Cost, names and problems of the form as it stands; nothing is written."""
    user = view_requires(request, "environment.request")
    form = Request.read(request.POST, user)
    touched = {name for name, value in form.typed.items() if value}
    if "name" in touched:
        touched.add("domain")  # made from it
    context = _preview(form, user)
    shown = {**form.problems, **context["problems"]}
    touched.add("modules")
    context |= {"shown": {name: shown.get(name, "") if name in touched else "" for name in FIELDS}}
    context |= {"fields": FIELDS, "regions": _regions(form), "standbys": _standbys(form), "typed": form.typed}
    context["live_account"] = _live(form)
    context["new_regions"] = request.headers.get("HX-Trigger-Name") in ("account", "release")
    # Drawn anew only when they differ: whoever is about to tick one must not lose the place.
    context["new_modules"] = form.modules_shown_for != form.modules_for
    context["modules"] = _modules(form)
    context["modules_for"] = form.modules_for
    return render(request, "portal/environment/preview.html", context)


def _request(form: Request, user: User) -> Any:
    assert form.release and form.account and form.team
    return environment_request(
        name=form.typed["name"],
        team=form.team,
        tier=form.typed["tier"],
        size=form.typed["size"],
        account=form.account,
        home_region=form.typed["home_region"],
        release=form.release,
        cidr=form.typed["cidr"],
        domain=form.typed["domain"],
        restore_source=form.restore_source,
        **form.standby,
        modules=form.modules,
        secrets=form.secrets,
        owner=form.owner,
        is_protected={"on": True, "off": False}.get(form.typed["is_protected"]),
        expires_at=form.expires_at,
        actor=user,
    )


def _form(request: HttpRequest, user: User, form: Request, status: int = 200) -> HttpResponse:
    context = _preview(form, user)
    context["problems"] = form.problems
    release = form.release or release_default()
    return page(
        request,
        "portal/environment/new.html",
        "New environment",
        status=status,
        typed=form.typed,
        releases=releases_offered(),
        accounts=accounts_ready(),
        teams=teams_for(user),
        owners=owners_for(user),
        tiers=[(tier.value, tier.label, TIER_WORDS[tier]) for tier in Tier],
        sizes=[(size, SIZE_WORDS.get(size, "")) for size in _sizes(release)],
        regions=_regions(form),
        standbys=_standbys(form),
        live_account=_live(form),
        expiry_words=expiry_help(),
        modules=_modules(form),
        modules_for=form.modules_for,
        top_problem=form.problems.get("") or form.problems.get("spec", ""),
        **context,
    )


def _preview(form: Request, user: User) -> dict[str, Any]:
    """cost, names and problems, as far as the form allows."""
    if not (form.release and form.account and form.team):
        return {"cost": None, "names": [], "problems": {}, "spec": None, "expires_at": None}
    if form.typed["size"] not in _sizes(form.release) or form.typed["tier"] not in Tier.values:
        return {"cost": None, "names": [], "problems": {}, "spec": None, "expires_at": None}
    spec = spec_preview(
        release=form.release,
        modules=form.modules,
        secrets=form.secrets,
        name=form.typed["name"] or "name",
        team=form.team,
        tier=form.typed["tier"],
        size=form.typed["size"],
        account=form.account,
        home_region=form.typed["home_region"],
        cidr=form.typed["cidr"],
        domain=form.typed["domain"],
        restore_source=form.restore_source,
        owner=form.owner,
        **form.standby,
        actor=user,
    )
    problems = spec_problems(spec, account=form.account, release=form.release)
    if wrong := owner_problem(form.owner, form.team, user):
        problems["owner"] = wrong
    cost = cost_estimate(form.release.costs, spec)
    problems |= limit_problems(form.team, cost=Decimal(cost["total"]))
    expires_at, wrong = expiry_wanted(form.typed["tier"], form.expires_at, timezone.now())
    if wrong:
        problems["expires_at"] = wrong
    facts = facts_of_request(tier=spec["tier"], size=spec["size"], cost=Decimal(cost["total"]))
    return {
        "cost": cost,
        "expires_at": expires_at,
        "approval": approval_expected(facts),
        "names": names_derive(form.release.naming, spec) if form.typed["name"] else [],
        "problems": {SAME.get(name, name): text for name, text in problems.items()},
        "spec": spec,
    }


def _modules(form: Request) -> list[dict[str, Any]]:
    """The release's modules with what each costs, and whether it is on."""
    if form.release is None:
        return []
    on = modules_default(form.release, form.typed["tier"]) if form.modules is None else form.modules
    return [
        {**row, "is_on": row["required"] or row["key"] in on}
        for row in modules_offered(form.release, form.typed)
    ]


def _sizes(release: Release | None) -> list[str]:
    """The sizes that the release's schema knows."""
    if release is None:
        return []
    schema = release.schema
    rule = schema.get("properties", {}).get("size", {})
    if "$ref" in rule:
        rule = schema.get("$defs", {}).get(rule["$ref"].rsplit("/", 1)[-1], {})
    return [str(size) for size in rule.get("enum", [])]


def _regions(form: Request) -> list[tuple[str, str]]:
    if not (form.account and form.release):
        return []
    return [(region, place(region)) for region in form.account.regions if region in form.release.regions]


def _standbys(form: Request) -> list[tuple[str, str]]:
    """The kinds of standby that the release can build, with what each is."""
    kinds = standbys_of(form.release) if form.release else []
    return [(kind, STANDBY_WORDS.get(kind, "")) for kind in (NO_STANDBY, *kinds)] if kinds else []


def owners_for(user: User) -> list[User]:
    """Whom the form offers as owners: people of the teams that the viewer may request for. Others can be typed."""
    people = User.objects.filter(is_active=True, teams__in=[team.pk for team in teams_for(user)])
    return list(people.distinct()[:OWNERS_OFFERED])


def expiry_help() -> str:
    """What an empty expiry means, by tier: Development 14 days, at most 30. Staging never."""
    told = []
    for rule in ExpiryRule.objects.all():
        default = f"{rule.default_days} days" if rule.default_days else "never"
        most = f", at most {rule.maximum_days}" if rule.maximum_days else ""
        told.append(f"{rule.get_tier_display()} {default}{most}.")
    return " ".join(told)


def _live(form: Request) -> str:
    """The chosen account's id when it is a live one."""
    return form.account.account_id if form.account and form.account.mode == AccountMode.LIVE else ""


def _defaults(user: User, given: Any) -> dict[str, str]:
    """The likeliest choice of everything that has one."""
    release, account = release_default(), accounts_ready().first()
    teams = list(user.teams.all()) or teams_for(user)
    regions = [r for r in account.regions if release and r in release.regions] if account else []
    defaults = {
        "release": str(release.pk) if release else "",
        "account": str(account.pk) if account else "",
        "team": str(teams[0].pk) if teams else "",
        "tier": Tier.DEV.value,
        "size": next(iter(_sizes(release)), ""),
        "home_region": regions[0] if regions else "",
    }
    return defaults | {name: given[name] for name in FIELDS if name in given}
