"""The log of deliveries: what was sent to whom, how it went, and sending it again."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from environments.errors import DomainError, Forbidden
from environments.notifications.channels import may_change
from environments.notifications.log import deliveries_seen_by, delivery_redeliver
from environments.notifications.models import Delivery, Medium
from environments.people.models import User
from environments.people.rights import require
from portal.pages.base import page, view_requires, viewer

ROWS = 30


@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    """What was sent, newest first; by status, way and channel."""
    user = view_requires(request, "channel.view")
    rows = deliveries_seen_by(user)
    chosen = {key: request.GET.get(key, "") for key in ("status", "medium", "channel")}
    if chosen["status"] in Delivery.Status.values:
        rows = rows.filter(status=chosen["status"])
    if chosen["medium"] in Medium.values:
        rows = rows.filter(medium=chosen["medium"])
    if chosen["channel"].isdecimal() and len(chosen["channel"]) < 19:
        rows = rows.filter(channel=int(chosen["channel"]))
    shown = Paginator(rows.order_by("-id"), ROWS).get_page(request.GET.get("p"))
    return page(
        request,
        "portal/notifications/deliveries.html",
        "Deliveries",
        rows=shown,
        chosen=chosen,
        is_filtered=any(chosen.values()),
        statuses=Delivery.Status.choices,
        media=Medium.choices,
        query="&".join(f"{key}={value}" for key, value in chosen.items() if value),
    )


@require_safe
def show(request: HttpRequest, pk: int) -> HttpResponse:
    """One delivery; while it is open, the page looks again by itself."""
    user = viewer(request)
    delivery = Delivery.objects.select_related("channel__team", "person").get(pk=pk)
    if not _is_own(delivery, user):
        require(user, "channel.view")
        delivery = deliveries_seen_by(user).get(pk=pk)
    notices = list(delivery.notices.select_related("operation").order_by("id")[:ROWS])
    context: dict[str, Any] = {
        "delivery": delivery,
        "notices": notices,
        "may_redeliver": _may_redeliver(delivery, user),
    }
    if request.headers.get("HX-Target") == "delivery":
        return render(request, "portal/notifications/delivery_live.html", context)
    return page(request, "portal/notifications/delivery.html", f"Delivery {pk}", **context)


@require_POST
def redeliver(request: HttpRequest, pk: int) -> HttpResponse:
    """Send it again, under the same id."""
    user = viewer(request)
    delivery = Delivery.objects.select_related("channel__team", "person").get(pk=pk)
    try:
        delivery_redeliver(delivery=delivery, actor=user)
    except Forbidden:
        raise
    except DomainError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, "It is sent again.")
    return redirect("admin:delivery", pk)


def _is_own(delivery: Delivery, user: User) -> bool:
    """Whether it is for this very person: by mail, or to a chat of their own."""
    channel = delivery.channel
    return delivery.person_id == user.pk or (channel is not None and channel.person_id == user.pk)


def _may_redeliver(delivery: Delivery, user: User) -> bool:
    if delivery.is_open or delivery.is_test:
        return False
    if delivery.channel is None:
        return delivery.person_id == user.pk
    return delivery.channel.is_enabled and may_change(user, delivery.channel)
