"""What people do about an environment's drift: look, accept, take that back, have it put back."""

from datetime import date

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from environments.errors import Invalid
from environments.lifecycle.drift import drift_accept, drift_check_ask, drift_reopen
from environments.lifecycle.drift_fix import environment_drift_fix
from environments.lifecycle.models import Environment
from environments.lifecycle.selectors import environments_list
from environments.operations.models import Operation
from environments.people.models import User
from portal.pages.base import attempt, viewer


@require_POST
def act(request: HttpRequest, pk: int, verb: str) -> HttpResponse:
    """Carry out `verb`, say what came of it on the environment's tab; a fix leads to its operation."""
    acts = {"check": _check, "accept": _accept, "reopen": _reopen, "fix": _fix}
    if verb not in acts:
        raise Http404(verb)
    environment = environments_list().get(pk=pk)
    return acts[verb](request, environment, viewer(request))


def _tab(environment: Environment) -> HttpResponse:
    return redirect(f"{reverse('admin:environment', args=[environment.pk])}?tab=drift")


def _chosen(request: HttpRequest) -> list[int]:
    """Ids of the findings that were ticked. What is no id names none."""
    return [int(text) for text in request.POST.getlist("findings") if text.isdecimal() and len(text) < 18]


def _check(request: HttpRequest, environment: Environment, user: User) -> HttpResponse:
    attempt(
        request,
        lambda: drift_check_ask(environment=environment, actor=user),
        done=f"CloudFormation is asked what {environment.name} really is; the findings appear here.",
    )
    return _tab(environment)


def _accept(request: HttpRequest, environment: Environment, user: User) -> HttpResponse:
    def accept() -> None:
        try:
            until = date.fromisoformat(request.POST.get("until", ""))
        except ValueError as error:
            raise Invalid("Choose the last day on which it is accepted.", field="until") from error
        drift_accept(
            environment=environment,
            findings=_chosen(request),
            why=request.POST.get("why", "")[:500],
            until=until,
            actor=user,
        )

    attempt(request, accept, done="Accepted. It is told again when the day has passed, or when it moves on.")
    return _tab(environment)


def _reopen(request: HttpRequest, environment: Environment, user: User) -> HttpResponse:
    attempt(
        request,
        lambda: drift_reopen(environment=environment, findings=_chosen(request), actor=user),
        done="The acceptance was taken back.",
    )
    return _tab(environment)


def _fix(request: HttpRequest, environment: Environment, user: User) -> HttpResponse:
    made: list[Operation] = []
    stack = request.POST.get("stack", "")
    attempt(
        request,
        lambda: made.append(
            environment_drift_fix(
                environment=environment,
                stacks=[stack] if stack else [],
                findings=[] if stack else _chosen(request),
                actor=user,
            )
        ),
    )
    return redirect("admin:operation", made[0].pk) if made else _tab(environment)
