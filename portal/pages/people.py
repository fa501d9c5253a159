"""People and teams: taking them in and changing what they may do, by the services."""

import zoneinfo

from allauth.mfa.models import Authenticator
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from environments.errors import DomainError
from environments.people.models import PortalRole, Team, User
from environments.people.persons import (
    person_change_propose,
    person_create_propose,
    totp_reset_propose,
)
from environments.people.rights import RIGHTS, Reach, may
from environments.people.selectors import proposal_of
from environments.people.services import profile_change, team_create
from portal.pages.base import page, problems_of, proposed, refusals, view_requires, viewer

ROLE_WORDS = {
    PortalRole.ADMINISTRATOR: "Everything, everywhere; still never approves an own request or proposal.",
    PortalRole.APPROVER: "Approves and rejects plans of every team, and what administrators propose.",
    PortalRole.TEAM_LEAD: "Requests, tears down and approves for own teams.",
    PortalRole.ENGINEER: "Requests for own teams, and sees everything.",
    PortalRole.AUDITOR: "Sees everything, the audit too; changes nothing.",
}
# Where the verb's own words are no English.
VERB_WORDS = {
    "environment.protect": "turn protection on and off",
    "environment.teardown": "tear down environments",
    "operation.force-cancel": "force-cancel operations",
    "operation.shorten-notice": "shorten the notice of a teardown",
    "account.approve": "approve adding accounts",
    "rule.change": "propose rules of approval",
    "proposal.decide": "decide about what others propose: people, rules, accounts, releases",
    "account.change": "propose to change accounts",
    "release.change": "propose which releases are offered",
    "limit.change": "set limits",
    "pause.change": "pause everything, and lift it",
    "team.change": "make teams",
    "person.change": "propose to take people in, and to change what they may do",
    "token.own": "make API tokens",
    "token.revoke-any": "revoke anybody's API tokens",
    "sandbox.change": "change the sandbox",
}
REACH_WORDS = {("environment", Reach.ALL): "everywhere", ("operation", Reach.ALL): "everywhere"}


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """Take a person in."""
    actor = view_requires(request, "person.change")
    problems: dict[str, str] = {}
    if request.method == "POST":
        typed = {
            key: request.POST.get(key, "").strip()
            for key in ("username", "email", "first_name", "last_name", "portal_role")
        }
        if not typed["username"]:
            problems = {"username": "Give a user name."}
        else:
            with refusals() as problems:
                proposal = person_create_propose(
                    **typed, teams=_teams(request), password=request.POST.get("password", ""), actor=actor
                )
            if not problems:
                done = f"{typed['username']} is in. Their second factor is set up at the first sign-in."
                return proposed(request, proposal, done=done, then="admin:person", pk=proposal.subject_id)
    return _page(request, "Take a person in", None, problems, may_change=True)


@require_http_methods(["GET", "HEAD", "POST"])
def show(request: HttpRequest, pk: int) -> HttpResponse:
    """One person; a POST changes role, teams and whether they may sign in."""
    actor = view_requires(request, "person.view")
    person = User.objects.prefetch_related("teams").get(pk=pk)
    problems: dict[str, str] = {}
    if request.method == "POST":
        try:
            proposal = person_change_propose(
                user=person,
                portal_role=request.POST.get("portal_role", ""),
                teams=_teams(request),
                is_active=request.POST.get("is_active") == "on",
                actor=actor,
            )
        except DomainError as error:
            problems = problems_of(error)
        else:
            return proposed(request, proposal, done=f"{person} was changed.", then="admin:person", pk=pk)
    return _page(request, str(person), person, problems, may_change=may(actor, "person.change"))


@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: HttpRequest) -> HttpResponse:
    """One's own page: the time zone that all pages tell times in, and where the rest is."""
    user = viewer(request)
    problems: dict[str, str] = {}
    typed = request.POST.get("time_zone", user.time_zone).strip()
    if request.method == "POST":
        try:
            profile_change(user=user, time_zone=typed, actor=user)
        except DomainError as error:
            problems = problems_of(error)
        else:
            messages.success(request, f"Times are told in {typed} from now on.")
            return redirect("admin:profile")
    return page(
        request,
        "portal/people/profile.html",
        "Profile",
        status=400 if problems else 200,
        typed=typed,
        problems=problems,
        zones=sorted(zoneinfo.available_timezones()),
        now=timezone.now(),
        rights=_rights(user),
    )


@require_POST
def reset_totp(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a lost second factor away."""
    person = User.objects.get(pk=pk)
    try:
        proposal = totp_reset_propose(
            user=person, reason=request.POST.get("reason", ""), actor=viewer(request)
        )
    except DomainError as error:
        messages.error(request, error.message)
        return redirect("admin:person", pk)
    done = f"{person} sets up a new second factor at the next sign-in."
    return proposed(request, proposal, done=done, then="admin:person", pk=pk)


@require_http_methods(["GET", "HEAD", "POST"])
def team_new(request: HttpRequest) -> HttpResponse:
    """Make a team."""
    actor = view_requires(request, "team.change")
    problems: dict[str, str] = {}
    if request.method == "POST":
        with refusals() as problems:
            team = team_create(
                name=request.POST.get("name", "").strip()[:60],
                email=request.POST.get("email", "").strip(),
                actor=actor,
            )
        if not problems:
            messages.success(request, f"Team {team} was made.")
            return redirect("admin:people_team_changelist")
    return page(
        request,
        "portal/people/team.html",
        "New team",
        status=400 if problems else 200,
        problems=problems,
        typed=request.POST,
    )


def _page(
    request: HttpRequest, title: str, person: User | None, problems: dict[str, str], *, may_change: bool
) -> HttpResponse:
    return page(
        request,
        "portal/people/page.html",
        title,
        status=400 if problems else 200,
        person=person,
        problems=problems,
        typed=request.POST,
        roles=[(role.value, role.label, ROLE_WORDS[role]) for role in PortalRole],
        role=request.POST.get("portal_role") or (person.portal_role if person else PortalRole.ENGINEER),
        teams=Team.objects.all(),
        in_teams=[team.pk for team in (person.teams.all() if person else [])],
        may_change=may_change,
        has_totp=person is not None
        and Authenticator.objects.filter(user=person, type=Authenticator.Type.TOTP).exists(),
        rights=_rights(person) if person else [],
        proposal=proposal_of(person) if person else None,
    )


def _rights(person: User) -> list[tuple[str, str]]:
    """What the person's role allows, in words: [(what, how far)]."""
    rows: list[tuple[str, str]] = []
    for verb, reaches in RIGHTS.items():
        reach = reaches.get(PortalRole(person.portal_role))
        if reach is not None and not verb.endswith(".view"):
            noun, _, action = verb.partition(".")
            what = VERB_WORDS.get(verb, f"{action.replace('-', ' ')} {noun}s")
            rows.append((what, REACH_WORDS.get((noun, reach), "" if reach is Reach.ALL else reach.value)))
    return rows


def _teams(request: HttpRequest) -> list[Team]:
    keys = [key for key in request.POST.getlist("teams") if key.isdecimal()]
    return list(Team.objects.filter(pk__in=keys))
