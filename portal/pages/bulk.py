"""One verb on many environments: the page that says what would become of each, and then what did."""

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from environments.lifecycle.bulk import DONE, MOST, VERBS, environments_bulk
from environments.lifecycle.models import Environment
from environments.lifecycle.selectors import environments_list
from environments.lifecycle.states import AccountMode
from portal.pages.base import page, view_requires


@require_http_methods(["GET", "HEAD", "POST"])
def bulk(request: HttpRequest, verb: str) -> HttpResponse:
    """GET previews the verb on the environments of ?ids=1,2,3 and changes nothing; a POST carries it out."""
    if verb not in VERBS:
        raise Http404
    user = view_requires(request, "environment.view")
    rows = _asked(request)
    did = request.method == "POST"
    outcomes = environments_bulk(verb=verb, environments=rows, actor=user, is_preview=not did)
    fine = sum(outcome.result == DONE for outcome in outcomes)
    live = sorted({row.account.account_id for row in rows if row.account.mode == AccountMode.LIVE})
    return page(
        request,
        "portal/environment/bulk.html",
        VERBS[verb].title,
        verb=VERBS[verb],
        outcomes=outcomes,
        fine=fine,
        other=len(outcomes) - fine,
        did=did,
        ids=",".join(str(row.pk) for row in rows),
        live_accounts=live,
        most=MOST,
    )


def _asked(request: HttpRequest) -> list[Environment]:
    """The environments that were named, once each, in the list's order; what is no id is nobody's."""
    data = request.POST if request.method == "POST" else request.GET
    keys = {key for key in data.get("ids", "").split(",") if key.isdecimal() and len(key) < 18}
    return list(environments_list().filter(pk__in=sorted(keys)[:MOST]).order_by("name", "-id"))
