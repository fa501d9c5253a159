"""Changing an environment: the fields that its release lets change, and the releases it can be brought to."""

import json
from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from environments.lifecycle.models import Environment, Release
from environments.lifecycle.modules import modules_completed, modules_offered
from environments.lifecycle.selectors import environments_list, releases_offered
from environments.lifecycle.states import EnvironmentStatus
from environments.lifecycle.update import environment_update, fields_changeable
from environments.operations.models import Operation
from environments.people.rights import require
from portal.pages.base import page, refusals, viewer
from portal.pages.environment_typed import modules_typed

MOST_TEXT = 4000
"""Characters of what is typed for one field."""


@require_http_methods(["GET", "HEAD", "POST"])
def update(request: HttpRequest, pk: int) -> HttpResponse:
    """The form; a POST asks for the change and leads to its operation, whose plan tells what it does."""
    environment = environments_list().get(pk=pk)
    user = viewer(request)
    require(user, "environment.request", team=environment.team)
    releases = releases_for(environment.release)
    refused = _refused(environment, request.POST.get("refused") or request.GET.get("refused", ""))
    asked = request.POST.get("release") or request.GET.get("release") or _release_of(refused)
    release = release_chosen(releases, asked)
    problems: dict[str, str] = {}
    if request.method == "POST":
        with refusals() as problems:
            changes = _changes(environment, release, request.POST)
            operation = environment_update(
                environment=environment,
                changes=changes,
                release=release,
                replace=request.POST.getlist("replace")[:50],
                actor=user,
            )
        if not problems:
            return redirect("admin:operation", operation.pk)
    return page(
        request,
        "portal/environment/update.html",
        f"Change {environment.name}",
        status=400 if problems else 200,
        env=environment,
        releases=releases,
        release=release,
        fields=[
            _field(name, rule, environment, release, request.POST or _asked(refused, release))
            for name, rule in fields_changeable(release).items()
        ],
        refused=refused,
        losses=(refused.failure or {})["losses"] if refused else [],
        named=request.POST.getlist("replace"),
        possible=environment.status == EnvironmentStatus.ACTIVE,
        problems=problems,
    )


def releases_for(own: Release) -> list[Release]:
    """The release that something has first, then what is offered of the same blueprint, newest first."""
    return [own, *releases_offered().filter(blueprint=own.blueprint).exclude(pk=own.pk)]


def _refused(environment: Environment, asked: str) -> Operation | None:
    """The update of this environment whose plan was refused for what it would lose, when that is what is asked."""
    if not (asked.isascii() and asked.isdigit() and len(asked) < 18):
        return None
    operation = environment.operations.filter(pk=int(asked), kind="update").first()
    return operation if operation and (operation.failure or {}).get("losses") else None


def _release_of(refused: Operation | None) -> str:
    return str(refused.parameters.get("release_id", "")) if refused else ""


def _asked(refused: Operation | None, release: Release) -> dict[str, Any]:
    """What the refused update asked for, as it is typed; modules as the list they are."""
    asked = refused.parameters["changes"].items() if refused else ()
    rules = fields_changeable(release)
    return {
        name: value if name == "modules" else value_shown(value, rules.get(name, {})) for name, value in asked
    }


def release_chosen(releases: list[Release], asked: str) -> Release:
    """What was asked for of `releases_for`, else the first."""
    return next((release for release in releases if str(release.pk) == asked), releases[0])


def _field(
    name: str, rule: dict[str, Any], environment: Environment, release: Release, typed: Any
) -> dict[str, Any]:
    """{"name", "label", "help", "now", "value", "choices"}, values and choices as text; or {"name", "modules"}."""
    value = environment.spec.get(name, rule.get("default"))
    if name == "modules":
        return {"name": name, "modules": _modules(release, environment, typed)}
    choices = (
        ["yes", "no"] if rule.get("type") == "boolean" else [str(value) for value in rule.get("enum", [])]
    )
    if name == "other_region":
        # The schema has the blueprint's regions; the account uses some of them.
        choices = [
            "",
            *(region for region in environment.account.regions if region != environment.home_region),
        ]
    return field_shown(name, rule, value, choices, typed)


def field_shown(
    name: str, rule: dict[str, Any], value: Any, choices: list[str], typed: Any
) -> dict[str, Any]:
    """{"name", "label", "help", "now", "value", "choices"}, values and choices as text."""
    now = value_shown(value, rule)
    return {
        "name": name,
        "label": rule.get("title", name),
        "help": rule.get("description", ""),
        "now": now,
        "value": typed.get(name, now),
        "choices": choices,
    }


def _modules(release: Release, environment: Environment, typed: Any) -> list[dict[str, Any]]:
    """The release's modules: on are those that were ticked or asked for, else those that the environment comes with."""
    asked = typed.get("modules") if isinstance(typed, dict) and not isinstance(typed, QueryDict) else None
    on = modules_typed(typed) if isinstance(typed, QueryDict) else asked
    on = modules_completed(release, environment.spec) or [] if on is None else on
    offered = modules_offered(release, environment.spec)
    return [{**row, "is_on": row["required"] or row["key"] in on} for row in offered]


def _changes(environment: Environment, release: Release, typed: Any) -> dict[str, Any]:
    """What was typed and differs from what the environment has, in the schema's types."""
    found: dict[str, Any] = {}
    for name, rule in fields_changeable(release).items():
        if name == "modules":
            ticked = modules_typed(typed)
            if ticked is not None and set(ticked) != set(modules_completed(release, environment.spec) or []):
                found[name] = ticked
            continue
        text = str(typed.get(name, "")).strip()[:MOST_TEXT]
        if text == value_shown(environment.spec.get(name, rule.get("default")), rule):
            continue
        if text:
            found[name] = value_typed(text, rule)
        elif name in typed and _may_be_empty(rule):
            found[name] = value_emptied(rule)
    return found


def value_typed(text: str, rule: dict[str, Any]) -> Any:
    """What was typed, in the type of the schema; what fits none stays a text, and is refused as that."""
    if rule.get("type") == "boolean":
        return {"yes": True, "no": False}.get(text, text)
    if rule.get("type") == "integer" and text.lstrip("-").isdecimal():
        return int(text)
    if _is_of_words(rule):
        return text.replace(",", " ").split()
    return _parsed(text) if rule.get("type") == "array" else text


def _is_of_words(rule: dict[str, Any]) -> bool:
    return rule.get("type") == "array" and rule.get("items", {}).get("type") == "string"


def _parsed(text: str) -> Any:
    """A list of more than words is typed as JSON; what is none stays text, which the schema refuses by its field."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _may_be_empty(rule: dict[str, Any]) -> bool:
    """Whether a field can be emptied: a list, what may be null, or a text that is empty by default."""
    return (
        rule.get("type") == "array" or rule.get("default") == "" or {"type": "null"} in rule.get("anyOf", ())
    )


def value_emptied(rule: dict[str, Any]) -> Any:
    """What an emptied field is, in the type of the schema."""
    if rule.get("type") == "array":
        return []
    return "" if rule.get("default") == "" else None


def value_shown(value: Any, rule: dict[str, Any]) -> str:
    """A value of the spec as it is typed."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list) and _is_of_words(rule):
        return ", ".join(value)
    if isinstance(value, list | dict):
        return json.dumps(value)
    return "" if value is None else str(value)
