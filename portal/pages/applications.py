"""Applications: taking one in, what it consists of, its versions, and its end."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_safe

from environments.access.roles import application_aws_roles
from environments.display import place
from environments.lifecycle.application_update import update_problem
from environments.lifecycle.applications import (
    SOURCES,
    application_add,
    application_cost,
    application_remove,
    delivery_of,
    remove_problem,
)
from environments.lifecycle.models import Account, Application
from environments.lifecycle.selectors import release_default
from environments.lifecycle.states import AccountStatus, ApplicationStatus
from environments.operations.selectors import operations_list
from environments.people.models import Team
from environments.people.rights import may, require
from portal.pages.base import page, refusals, view_requires, viewer
from portal.pages.operation import stacks_of

ROWS = 20
SOURCE_WORDS = {
    "codecommit": "A new repository in the account.",
    "github": "One that is there. A person connects it once, in AWS's console.",
}
BLOCKS_WORDS = {
    "critical": "Only critical findings stop a version.",
    "high": "Critical and high ones.",
    "medium": "Critical, high and medium ones.",
}
CONSOLE = (
    "https://{region}.console.aws.amazon.com/codesuite/codepipeline/pipelines/{name}/view?region={region}"
)


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """The form; a POST opens the operation that adds the application."""
    user = view_requires(request, "application.add")
    problems: dict[str, str] = {}
    release = release_default()
    accounts = list(Account.objects.filter(status=AccountStatus.READY).order_by("name"))
    teams = [team for team in Team.objects.order_by("name") if may(user, "application.add", team=team)]
    if request.method == "POST":
        team = next((row for row in teams if row.slug == request.POST.get("team")), None)
        account = next((row for row in accounts if str(row.pk) == request.POST.get("account")), None)
        problems = _unchosen(team, account, release)
        if not problems and team and account and release:
            with refusals() as problems:
                operation = application_add(
                    name=request.POST.get("name", "").strip(),
                    team=team,
                    account=account,
                    release=release,
                    source=request.POST.get("source", "codecommit"),
                    github_repository=request.POST.get("github_repository", "").strip(),
                    branch=request.POST.get("branch", "").strip() or "main",
                    blocks_from=request.POST.get("blocks_from", "high"),
                    findings_email=request.POST.get("findings_email", "").strip(),
                    actor=user,
                )
            if not problems:
                return redirect("admin:operation", operation.pk)
    delivers = release is not None and bool(delivery_of(release))
    return page(
        request,
        "portal/applications/new.html",
        "New application",
        status=400 if problems else 200,
        problems=problems,
        typed=request.POST,
        teams=teams,
        accounts=[(row, place(row.home_region)) for row in accounts],
        sources=[(key, label, SOURCE_WORDS[key]) for key, label in SOURCES.items()],
        blocks=[(key, key.capitalize(), words) for key, words in BLOCKS_WORDS.items()],
        chosen_source=request.POST.get("source", "codecommit"),
        chosen_blocks=request.POST.get("blocks_from", "high"),
        release=release,
        delivers=delivers,
        cost=application_cost(release, {"region": accounts[0].home_region})
        if delivers and release and accounts
        else None,
    )


def _unchosen(team: Team | None, account: Account | None, release: Any) -> dict[str, str]:
    problems = {}
    if team is None:
        problems["team"] = "Choose a team of yours."
    if account is None:
        problems["account"] = "Choose an account that is ready."
    if release is None:
        problems["release"] = "No release is registered."
    return problems


@require_safe
def show(request: HttpRequest, pk: int) -> HttpResponse:
    """One application."""
    user = view_requires(request, "application.view")
    application = Application.objects.select_related("team", "owner", "account", "release").get(pk=pk)
    operations = list(
        operations_list().filter(subject_id=pk, subject_type__model="application").order_by("-id")[:ROWS]
    )
    latest = next(iter(operations), None)
    outputs = application.outputs
    pipeline = outputs.get("PipelineName", "")
    versions = list(application.versions.all()[:ROWS])
    return page(
        request,
        "portal/applications/page.html",
        application.name,
        app=application,
        source=SOURCES.get(str(application.spec.get("source")), ""),
        says=_sentence(application, latest),
        latest=latest,
        operations=operations,
        stacks=stacks_of(application),
        outputs=outputs,
        pipeline_url=CONSOLE.format(region=application.region, name=pipeline) if pipeline else "",
        versions=versions,
        versions_count=application.versions.count(),
        aws_roles=application_aws_roles(application, user),
        may_update=may(user, "application.update", team=application.team) and not update_problem(application),
        may_remove=may(user, "application.remove", team=application.team) and not remove_problem(application),
    )


@require_http_methods(["GET", "HEAD", "POST"])
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """The form; a POST opens the removal and leads to its operation."""
    application = Application.objects.select_related("team", "account").get(pk=pk)
    user = viewer(request)
    require(user, "application.remove", team=application.team)
    problems: dict[str, str] = {}
    if request.method == "POST":
        with refusals() as problems:
            operation = application_remove(
                application=application,
                confirm=request.POST.get("confirm", "").strip(),
                reason=request.POST.get("reason", ""),
                actor=user,
            )
        if not problems:
            return redirect("admin:operation", operation.pk)
    return page(
        request,
        "portal/applications/remove.html",
        f"Remove {application.name}",
        status=400 if problems else 200,
        app=application,
        problem=remove_problem(application),
        problems=problems,
        typed=request.POST,
    )


def _sentence(application: Application, latest: Any) -> str:
    if application.status == ApplicationStatus.READY:
        if not application.versions.exists():
            branch = application.spec.get("branch")
            return f"It is ready. A commit on {branch} starts the pipeline; its end is the first version."
        return "It is ready: each commit becomes a version when every check and a person have passed it."
    if application.status == ApplicationStatus.GONE:
        return "It is gone. What stays in AWS is named below."
    return str(latest.sentence) if latest is not None else "Nothing was done with it yet."
