"""What every page shares: the frame, and services' refusals as messages or at their fields."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse

from environments.errors import DomainError, Forbidden, Invalid, InvalidFields
from environments.people.models import Proposal, User
from environments.people.rights import require


def page(
    request: HttpRequest, template: str, title: str, *, status: int = 200, **context: Any
) -> TemplateResponse:
    """A page within the portal's frame."""
    frame = admin.site.each_context(request)
    return TemplateResponse(request, template, {**frame, "title": title, **context}, status=status)


def viewer(request: HttpRequest) -> User:
    """Who looks; pages are for signed-in people only, which admin_view has seen to."""
    assert isinstance(request.user, User)
    return request.user


def view_requires(request: HttpRequest, verb: str) -> User:
    """The viewer, when their role may see this page; Forbidden (a page that says who may) otherwise."""
    user = viewer(request)
    require(user, verb)
    return user


def attempt(request: HttpRequest, act: Callable[[], Any], *, done: str = "") -> bool:
    """Call a service; its refusal becomes a message. Answers whether it went through."""
    try:
        act()
    except DomainError as error:
        messages.error(request, error.message)
        return False
    if done:
        messages.success(request, done)
    return True


def proposed(
    request: HttpRequest, proposal: Proposal, *, done: str, then: str, pk: Any = None
) -> HttpResponse:
    """Lead to a proposal that waits for a second person; where it was done at once, say so and go on to `then`."""
    if proposal.is_open:
        messages.success(request, "Proposed. It is done once another person has approved it.")
        return redirect("admin:proposal", proposal.pk)
    messages.success(request, f"{done} Nobody else could have approved it; the audit says so.")
    return redirect(then, *([] if pk is None else [pk]))


@contextmanager
def refusals() -> Iterator[dict[str, str]]:
    """Around a service that a form calls: its refusal, as sentences by field (see `problems_of`); empty when it went
    through. Who may not is no matter of a field, and is told on a page of its own.
    """
    problems: dict[str, str] = {}
    try:
        yield problems
    except Forbidden:
        raise
    except DomainError as error:
        problems.update(problems_of(error))


def problems_of(error: DomainError) -> dict[str, str]:
    """A refusal as sentences by field; what belongs to no field is under ""."""
    if isinstance(error, InvalidFields):
        return error.errors
    if isinstance(error, Invalid) and error.field:
        return {error.field: error.message}
    return {error.field or "": error.message}
