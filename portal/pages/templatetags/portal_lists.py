"""What the admin's lists say above their rows, and what they teach while they have none."""

from dataclasses import dataclass
from typing import Any

from django import template
from django.conf import settings
from django.template import Context
from django.urls import reverse

from environments.lifecycle.views import VIEW, VIEWS
from environments.people.rights import may

register = template.Library()


@dataclass(frozen=True)
class About:
    """A list in words: what is in it, what belongs there, the button that adds to it, the same by API."""

    says: str
    icon: str
    title: str
    teaches: str
    api: str = ""
    button: str = ""
    page: str = ""
    verb: str = ""


ABOUT = {
    "environment": About(
        "Whole AWS environments from one blueprint. Those that are gone are under the status filter.",
        "deployed_code",
        "No environment is up",
        "Ask for one: you see what it would create and cost before anything is built.",
        "environments/",
        "New environment",
        "environment-new",
        "environment.request",
    ),
    "operation": About(
        "Everything that was ever asked for, newest first.",
        "play_circle",
        "Nothing has been asked for yet",
        "Building, tearing down and adding accounts are operations: they plan, wait for approval, and run here.",
        "operations/",
    ),
    "account": About(
        "AWS accounts that the portal may deploy to, by a role that a person has put there.",
        "cloud",
        "No account yet",
        "Add one, deploy the role template that its page shows, and the portal puts the baseline in place.",
        "accounts/",
        "Add an account",
        "account-new",
        "account.add",
    ),
    "application": About(
        "Teams' own applications: repository, pipeline, registry. They belong to an account and outlive environments.",
        "package_2",
        "No application yet",
        "Add one: its pipeline makes versions of what a team commits, each scanned and approved.",
        "applications/",
        "New application",
        "application-new",
        "application.add",
    ),
    "release": About(
        "Snapshots of the blueprint. An environment keeps the release that it was made from.",
        "new_releases",
        "No release yet",
        "A release is registered from a checkout by a command: manage.py register_release.",
        "releases/",
    ),
    "user": About(
        "Who uses the portal. What a role may do is the same here, in the API and in commands.",
        "group",
        "Nobody yet",
        "Take people in and give each a role and teams.",
        "people/",
        "Take a person in",
        "person-new",
        "person.change",
    ),
    "team": About(
        "Teams own environments.",
        "groups",
        "No team yet",
        "An environment belongs to a team; its lead and engineers may request in its name.",
        "teams/",
        "New team",
        "team-new",
        "team.change",
    ),
    "apitoken": About(
        "Keys for scripts. A token is shown once, when it is made; only a hash of it is kept.",
        "key",
        "No token yet",
        "Make one and drive everything from a script, within your role and the token's scopes.",
        "environments/",
        "New token",
        "token-new",
        "token.own",
    ),
    "auditentry": About(
        "Who did what, from where. Rows are only ever added; each holds the hash of the one before it.",
        "history_edu",
        "Nothing was done yet",
        "Every act that changes something is recorded here, by people, scripts and the portal itself.",
        "audit/",
    ),
}


@register.inclusion_tag("portal/parts/list_head.html", takes_context=True)
def list_head(context: Context, cl: Any) -> dict[str, Any]:
    """The line above a list, and its button for those who may."""
    about = ABOUT.get(cl.opts.model_name)
    views = []
    if cl.opts.model_name == "environment":
        chosen = cl.params.get(VIEW, "")
        views = [(f"?{VIEW}={key}", view.title, key == chosen) for key, view in VIEWS.items()]
        views = [("?", "All", not chosen), *views]
    return {"says": about.says if about else "", "button": _button(context, about), "views": views}


@register.inclusion_tag("portal/parts/list_empty.html")
def list_empty(cl: Any) -> dict[str, Any]:
    """What an empty list teaches: what belongs there and the curl line. The button stands above (list_head):
    unfold renders this part without the request, so who looks is not known here.
    """
    about = ABOUT.get(cl.opts.model_name)
    return {
        "filtered": bool(cl.query or cl.has_active_filters),
        "noun": cl.opts.verbose_name,
        "icon": about.icon if about else "inbox",
        "title": about.title if about else "Nothing here yet",
        "teaches": about.teaches if about else "",
        "curl": _curl(about.api) if about and about.api else "",
    }


@register.inclusion_tag("portal/parts/api.html")
def list_api(cl: Any) -> dict[str, Any]:
    """The list as an API call, below its rows; an empty one teaches it in their place."""
    about = ABOUT.get(cl.opts.model_name)
    return {"api_lines": [_curl(about.api)] if about and about.api and cl.result_list else []}


@register.inclusion_tag("portal/parts/api.html")
def api_call(*paths: str, title: str = "As API call") -> dict[str, Any]:
    """What a page shows, as API calls: addresses below /api/v1/. A page with several of them names each."""
    return {"api_lines": [_curl(path) for path in paths], "api_title": title}


@register.inclusion_tag("portal/parts/api.html")
def api_post(path: str, body: str) -> dict[str, Any]:
    """What a form does, as an API call."""
    head = 'curl -X POST -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json" \\'
    lines = [head, f"  -d '{body}' \\", f"  {settings.PUBLIC_URL}/api/v1/{path}"]
    return {"api_lines": lines, "api_title": "As API call"}


def _curl(path: str) -> str:
    address = f"{settings.PUBLIC_URL}/api/v1/{path}"
    # A shell would take a question mark for a pattern.
    quoted = f'"{address}"' if "?" in address else address
    return f'curl -H "Authorization: Bearer $TOKEN" {quoted}'


def _button(context: Context, about: About | None) -> dict[str, str] | None:
    if about is None or not about.page or not may(context["request"].user, about.verb):
        return None
    return {"title": about.button, "address": reverse(f"admin:{about.page}")}
