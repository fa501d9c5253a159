"""Addresses of the portal's own pages, below the admin site."""

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ObjectDoesNotExist
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path

from environments.errors import Forbidden
from portal.pages import (
    accounts,
    administration,
    application_update,
    applications,
    approvals,
    bulk,
    channels,
    deliveries,
    deploy,
    drift,
    environment,
    environment_new,
    extend,
    fault_scripts,
    faults,
    history,
    notifications,
    operation,
    pauses,
    people,
    policies,
    proposals,
    queue,
    releases,
    rules,
    teardown,
    tokens,
    update,
    ways_out,
)
from portal.pages.base import page

if TYPE_CHECKING:
    from portal.site import PortalSite


View = Callable[..., HttpResponse]


def _guarded(view: View) -> View:
    """A missing right is a page that says who may; a missing row is a 404."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except Forbidden as error:
            return page(
                request, "portal/forbidden.html", "Not for your role", status=403, sentence=error.message
            )
        except ObjectDoesNotExist as error:
            raise Http404 from error

    return guarded


def page_urls(site: "PortalSite") -> list[URLPattern]:
    """Every page of ours; each needs a signed-in person, as the admin's own do."""
    pages: list[tuple[str, View, str]] = [
        ("environments/new/", environment_new.new, "environment-new"),
        ("environments/new/preview/", environment_new.preview, "environment-new-preview"),
        ("environments/bulk/<slug:verb>/", bulk.bulk, "environment-bulk"),
        ("environments/<int:pk>/", environment.show, "environment"),
        ("environments/<int:pk>/protect/", environment.protect, "environment-protect"),
        ("environments/<int:pk>/withdraw/", environment.withdraw, "environment-withdraw"),
        ("environments/<int:pk>/pause/", pauses.environment_set, "environment-pause"),
        ("environments/<int:pk>/lift-pause/", pauses.environment_lift, "environment-pause-lift"),
        ("environments/<int:pk>/export/", ways_out.export, "environment-export"),
        ("environments/<int:pk>/resync/", ways_out.resync, "environment-resync"),
        ("environments/<int:pk>/forget/", ways_out.forget, "environment-forget"),
        ("environments/<int:pk>/update/", update.update, "environment-update"),
        ("environments/<int:pk>/deploy/", deploy.deploy, "environment-deploy"),
        ("environments/<int:pk>/compare/", history.compare, "environment-compare"),
        ("environments/<int:pk>/rollback/<int:number>/", history.rollback, "environment-rollback"),
        ("environments/<int:pk>/extend/", extend.extend, "environment-extend"),
        ("environments/<int:pk>/drift/<slug:verb>/", drift.act, "environment-drift"),
        ("environments/<int:pk>/teardown/", teardown.teardown, "environment-teardown"),
        ("operations/<int:pk>/", operation.show, "operation"),
        ("operations/<int:pk>/live/", operation.live, "operation-live"),
        ("operations/<int:pk>/<slug:verb>/", operation.act, "operation-act"),
        ("queue/", queue.show, "queue"),
        ("approvals/", approvals.inbox, "approvals"),
        ("rules/", rules.index, "rules"),
        ("rules/new/", rules.new, "rule-new"),
        ("rules/<int:pk>/", rules.show, "rule"),
        ("rules/<int:pk>/<slug:verb>/", rules.act, "rule-act"),
        ("proposals/<int:pk>/", proposals.show, "proposal"),
        ("proposals/<int:pk>/<slug:verb>/", proposals.act, "proposal-act"),
        ("applications/new/", applications.new, "application-new"),
        ("applications/<int:pk>/", applications.show, "application"),
        ("applications/<int:pk>/update/", application_update.update, "application-update"),
        ("applications/<int:pk>/remove/", applications.remove, "application-remove"),
        ("cloud-accounts/new/", accounts.new, "account-new"),
        ("cloud-accounts/<int:pk>/", accounts.show, "account"),
        ("cloud-accounts/<int:pk>/change/", accounts.change, "account-change"),
        ("cloud-accounts/<int:pk>/update/", accounts.update, "account-update"),
        ("cloud-accounts/<int:pk>/canary/", accounts.canary, "account-canary"),
        ("cloud-accounts/<int:pk>/pause/", pauses.account_set, "account-pause"),
        ("cloud-accounts/<int:pk>/lift-pause/", pauses.account_lift, "account-pause-lift"),
        ("cloud-accounts/<int:pk>/add-again/", accounts.add_again, "account-add-again"),
        ("releases/<int:pk>/", releases.show, "release"),
        ("releases/<int:pk>/compare/", history.release_compare, "release-compare"),
        ("releases/<int:pk>/<slug:verb>/", releases.act, "release-act"),
        ("people/new/", people.new, "person-new"),
        ("people/<int:pk>/", people.show, "person"),
        ("people/<int:pk>/reset-totp/", people.reset_totp, "person-reset-totp"),
        ("profile/", people.profile, "profile"),
        ("teams/new/", people.team_new, "team-new"),
        ("tokens/new/", tokens.new, "token-new"),
        ("tokens/<str:pk>/revoke/", tokens.revoke, "token-revoke"),
        ("notifications/", notifications.inbox, "notifications"),
        ("notifications/read/", notifications.read, "notifications-read"),
        ("notifications/preferences/", notifications.preferences, "notification-preferences"),
        ("notifications/preferences/test/", notifications.test, "notification-test"),
        ("channels/", channels.listing, "channels"),
        ("channels/new/", channels.new, "channel-new"),
        ("channels/<int:pk>/", channels.show, "channel"),
        ("channels/<int:pk>/<slug:verb>/", channels.act, "channel-act"),
        ("deliveries/", deliveries.listing, "deliveries"),
        ("deliveries/<int:pk>/", deliveries.show, "delivery"),
        ("deliveries/<int:pk>/redeliver/", deliveries.redeliver, "delivery-redeliver"),
        ("administration/", administration.show, "administration"),
        ("administration/pause/", administration.pause, "administration-pause"),
        ("administration/lift/", administration.lift, "administration-lift"),
        ("administration/limit/", administration.limit, "administration-limit"),
        ("administration/limit/drop/", administration.limit_drop, "administration-limit-drop"),
        ("administration/compare/", administration.compare, "administration-compare"),
        ("expiry-and-limits/", policies.show, "policies"),
        ("expiry-and-limits/rule/", policies.rule, "policies-rule"),
        ("expiry-and-limits/limit/", policies.limit, "policies-limit"),
        ("expiry-and-limits/unlimit/", policies.unlimit, "policies-unlimit"),
        ("sandbox/faults/", faults.show, "sandbox-faults"),
        ("sandbox/faults/fields/", faults.fields, "sandbox-faults-fields"),
        ("sandbox/faults/live/", faults.live, "sandbox-faults-live"),
        ("sandbox/faults/end/", faults.end, "sandbox-faults-end"),
        ("sandbox/faults/end-all/", faults.end_all, "sandbox-faults-end-all"),
        ("sandbox/faults/script/", fault_scripts.order, "sandbox-faults-script"),
        ("sandbox/faults/script/drop/", fault_scripts.drop, "sandbox-faults-script-drop"),
        ("sandbox/faults/script/end/", fault_scripts.end, "sandbox-faults-script-end"),
        ("sandbox/clock/", fault_scripts.forward, "sandbox-clock"),
    ]
    return [path(address, site.admin_view(_guarded(view)), name=name) for address, view, name in pages]
