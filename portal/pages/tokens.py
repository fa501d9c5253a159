"""API tokens: making one's own, shown once, and revoking."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from environments.errors import DomainError
from environments.people.models import ApiToken, TokenScope
from environments.people.rights import require
from environments.people.services import token_create, token_revoke
from portal.pages.base import attempt, page, problems_of, view_requires, viewer

DEFAULT_DAYS = 90


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """Make a token. The answer to the POST is the only place where it is ever shown."""
    user = view_requires(request, "token.own")
    problems: dict[str, str] = {}
    token = ""
    if request.method == "POST":
        days = request.POST.get("days", "")
        try:
            _, token = token_create(
                user=user,
                name=request.POST.get("name", "")[:80],
                scopes=request.POST.getlist("scopes"),
                days=int(days) if days.isdecimal() and len(days) < 5 else 0,
                actor=user,
            )
        except DomainError as error:
            problems = problems_of(error)
    return page(
        request,
        "portal/people/token.html",
        "New API token",
        status=400 if problems else 200,
        token=token,
        problems=problems,
        typed=request.POST,
        chosen=request.POST.getlist("scopes") or [TokenScope.READ],
        scopes=TokenScope.choices,
        days=request.POST.get("days") or DEFAULT_DAYS,
    )


@require_http_methods(["GET", "HEAD", "POST"])
def revoke(request: HttpRequest, pk: str) -> HttpResponse:
    """Ask once more, then end the token."""
    user = viewer(request)
    token = ApiToken.objects.select_related("user").get(pk=pk)
    if token.user_id != user.pk:
        require(user, "token.revoke-any")
    if request.method != "POST":
        return page(request, "portal/people/token_revoke.html", "Revoke a token", token=token)
    attempt(
        request,
        lambda: token_revoke(token=token, actor=user),
        done=f"The token {token.name} opens nothing any more.",
    )
    return redirect("admin:people_apitoken_changelist")
