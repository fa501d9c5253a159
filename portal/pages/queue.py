"""The queue: per account and region what runs, what waits in which order, and what holds it up."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from environments.operations.models import Pause
from environments.operations.places import queues
from environments.people.rights import may
from portal.pages.base import page, view_requires


@require_safe
def show(request: HttpRequest) -> HttpResponse:
    """Every scope in which something runs or waits."""
    user = view_requires(request, "operation.view")
    found = queues()
    waiting, running = sum(len(q.waiting) for q in found), sum(len(q.running) for q in found)
    return page(
        request,
        "portal/queue.html",
        "Queue",
        queues=found,
        pauses=Pause.objects.select_related("set_by").order_by("since"),
        may_prioritise=may(user, "operation.prioritise"),
        says=_sentence(running, waiting),
        tone="amber" if waiting else "blue" if running else "green",
    )


def _sentence(running: int, waiting: int) -> str:
    runs = (
        "Nothing runs"
        if not running
        else "One operation runs"
        if running == 1
        else f"{running} operations run"
    )
    waits = (
        "nothing waits for a place"
        if not waiting
        else "one waits for its place"
        if waiting == 1
        else f"{waiting} wait for their place"
    )
    return f"{runs}, and {waits}."
