"""Ways out of the portal: an environment as a zip, read anew after a fix by hand, or forgotten."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST

from environments.lifecycle.export import CONTENT_TYPE, environment_export
from environments.lifecycle.forget import environment_forget, left_in_aws
from environments.lifecycle.resync import environment_resync
from environments.lifecycle.selectors import environments_list
from environments.operations.models import Operation
from environments.people.rights import require
from portal.pages.base import attempt, page, refusals, viewer


@require_POST
def export(request: HttpRequest, pk: int) -> HttpResponse:
    """The zip, as a download."""
    environment = environments_list().get(pk=pk)
    made: list[HttpResponse] = []

    def make() -> None:
        exported = environment_export(environment=environment, actor=viewer(request))
        made.append(zip_answer(exported.name, exported.content))

    attempt(request, make)
    return made[0] if made else redirect("admin:environment", pk)


@require_POST
def resync(request: HttpRequest, pk: int) -> HttpResponse:
    """Have it read anew; leads to the operation."""
    environment = environments_list().get(pk=pk)
    opened: list[Operation] = []
    attempt(
        request,
        lambda: opened.append(environment_resync(environment=environment, actor=viewer(request))),
        done="A worker reads it anew from AWS.",
    )
    return redirect("admin:operation", opened[0].pk) if opened else redirect("admin:environment", pk)


@require_http_methods(["GET", "HEAD", "POST"])
def forget(request: HttpRequest, pk: int) -> HttpResponse:
    """What would stay in AWS, and the name typed; a POST forgets it."""
    environment = environments_list().get(pk=pk)
    user = viewer(request)
    require(user, "environment.forget")
    problems: dict[str, str] = {}
    if request.method == "POST":
        with refusals() as problems:
            environment_forget(
                environment=environment,
                confirm=request.POST.get("confirm", "").strip(),
                reason=request.POST.get("reason", ""),
                actor=user,
            )
        if not problems:
            return redirect("admin:environment", pk)
    return page(
        request,
        "portal/environment/forget.html",
        f"Forget {environment.name}",
        status=400 if problems else 200,
        env=environment,
        left=left_in_aws(environment),
        problems=problems,
        typed=request.POST,
    )


def zip_answer(name: str, content: bytes) -> HttpResponse:
    """A download that no browser opens by itself, and no cache keeps."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return HttpResponse(content, content_type=CONTENT_TYPE, headers=headers)
