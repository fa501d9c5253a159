"""Asking for an environment's end: what is lost, a last copy or no for each store, and its name typed."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from environments.lifecycle.rules import facts_of_teardown, rule_deciding
from environments.lifecycle.selectors import environments_list
from environments.lifecycle.states import Tier
from environments.lifecycle.stores import stores_of
from environments.lifecycle.teardown import MAY_TEAR_DOWN, PROD_NOTICE, environment_teardown
from environments.people.rights import require
from portal.pages.base import page, refusals, viewer
from portal.pages.operation import stacks_of

CHOICES = {"yes": True, "no": False}


@require_http_methods(["GET", "HEAD", "POST"])
def teardown(request: HttpRequest, pk: int) -> HttpResponse:
    """The form; a POST opens the teardown and leads to its operation."""
    environment = environments_list().get(pk=pk)
    user = viewer(request)
    require(user, "environment.teardown", team=environment.team)
    stores, problems = stores_of(environment), dict[str, str]()
    if request.method == "POST":
        typed = {store.key: request.POST.get(f"copy_{store.key}", "") for store in stores}
        with refusals() as problems:
            operation = environment_teardown(
                environment=environment,
                confirm=request.POST.get("confirm", "").strip(),
                copies={key: CHOICES[value] for key, value in typed.items() if value in CHOICES},
                reason=request.POST.get("reason", ""),
                actor=user,
            )
        if not problems:
            return redirect("admin:operation", operation.pk)
    stacks = stacks_of(environment)
    return page(
        request,
        "portal/environment/teardown.html",
        f"Tear down {environment.name}",
        status=400 if problems else 200,
        env=environment,
        stores=[(store, request.POST.get(f"copy_{store.key}", ""), f"copy_{store.key}") for store in stores],
        stacks=stacks,
        resource_count=sum(len(stack.resources.all()) for stack in stacks),
        notice_days=PROD_NOTICE.days if environment.tier == Tier.PROD else 0,
        rule=rule_deciding(facts_of_teardown(environment)),
        possible=environment.status in MAY_TEAR_DOWN and not environment.is_protected,
        problems=problems,
        typed=request.POST,
    )
