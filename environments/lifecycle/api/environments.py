"""Environments in the API: reading, requesting, previewing, protecting, withdrawing, tearing down."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db.models import Prefetch, Q, QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from environments.lifecycle.api import history
from environments.lifecycle.api.control import NAME_OR_ID, EnvironmentControl
from environments.lifecycle.api.delivery import EnvironmentDelivery
from environments.lifecycle.api.drift import EnvironmentDrift
from environments.lifecycle.api.filters import EnvironmentFilters
from environments.lifecycle.api.inputs import (
    EnvironmentInput,
    ExtendInput,
    PreviewInput,
    ProtectInput,
    TeardownInput,
    UpdateInput,
)
from environments.lifecycle.api.shapes import (
    EnvironmentDetailSerializer,
    EnvironmentSerializer,
    PreviewSerializer,
    ResourceSerializer,
)
from environments.lifecycle.costs import cost_estimate
from environments.lifecycle.environments import (
    environment_protect,
    environment_request,
    environment_withdraw,
    spec_preview,
    spec_problems,
)
from environments.lifecycle.extend import environment_extend, environment_extend_hours
from environments.lifecycle.limits import limit_problems
from environments.lifecycle.models import Environment, TeardownReport
from environments.lifecycle.naming import names_derive
from environments.lifecycle.rules import approval_expected, facts_of_request
from environments.lifecycle.selectors import environment_audit, environments_list, release_default
from environments.lifecycle.standby import FIELDS as STANDBY_FIELDS
from environments.lifecycle.states import GONE
from environments.lifecycle.teardown import environment_teardown
from environments.lifecycle.update import environment_update
from environments.lifecycle.validation import owner_problem
from environments.operations.api.shapes import OperationSerializer, accepted
from environments.operations.models import Operation
from environments.operations.states import OPEN
from environments.people.api.control import AuditEntrySerializer
from environments.people.rights import require
from environments.rest.serializers import Nothing
from environments.rest.views import ReadOnlyResource

ID_DIGITS = 18

# A release's description is large, and a list shows none of it.
LISTED = Environment.objects.select_related("team", "account", "owner", "release").defer(
    "release__description", "account__baseline"
)


def open_operations_attach(environments: Sequence[Any]) -> None:
    """Give each row of a page its newest open operation, as environments_list() annotates it.

    After the page is cut, by one query: annotated, it would be looked up for every row that a page skips.
    """
    columns = ("id", "kind", "status", "sentence")
    newest = (
        Operation.objects.filter(
            subject_type=ContentType.objects.get_for_model(Environment),
            subject_id__in=[environment.pk for environment in environments],
            status__in=OPEN,
        )
        .order_by("subject_id", "-id")
        .distinct("subject_id")
    )
    found = {row["subject_id"]: row for row in newest.values("subject_id", *columns)}
    for environment in environments:
        row = found.get(environment.pk, {})
        for column in columns:
            setattr(environment, f"open_operation_{column}", row.get(column))


@extend_schema_view(
    list=extend_schema(summary="Environments"),
    retrieve=extend_schema(summary="One environment", parameters=[NAME_OR_ID]),
)
class EnvironmentViewSet(
    EnvironmentControl, EnvironmentDelivery, EnvironmentDrift, history.HistoryActions, ReadOnlyResource
):
    """Instances of a blueprint."""

    noun = "environment"
    view_right = "environment.view"
    queryset = Environment.objects.all()
    serializer_class = EnvironmentSerializer
    serializers = dict.fromkeys(
        ("retrieve", "protect", "withdraw", "extend"), EnvironmentDetailSerializer
    ) | {
        "preview": PreviewSerializer,
        "resources": ResourceSerializer,
        "audit": AuditEntrySerializer,
        **EnvironmentControl.control_serializers,
        **EnvironmentDrift.drift_serializers,
        **history.SERIALIZERS,
    }
    inputs = {
        **EnvironmentControl.control_inputs,
        **EnvironmentDrift.drift_inputs,
        **EnvironmentDelivery.delivery_inputs,
        "create": EnvironmentInput,
        "preview": PreviewInput,
        "teardown": TeardownInput,
        "update_environment": UpdateInput,
        "extend": ExtendInput,
        "protect": ProtectInput,
        "withdraw": Nothing,
        **history.INPUTS,
    }
    # A preview posts because it carries a whole request; it changes nothing.
    scopes = {"preview": "read"}
    parameters = {key: {"page", "page_size"} for key in ("resources", "audit")}
    parameters |= EnvironmentDrift.drift_parameters | history.PARAMETERS
    lookup_url_kwarg = "environment"
    lookup_value_regex = r"[a-z0-9-]{1,40}"
    filterset_class = EnvironmentFilters
    search_fields = ["name", "team__name", "owner__username", "cidr"]
    ordering_fields = [
        "id",
        "name",
        "status",
        "status_since",
        "tier",
        "size",
        "home_region",
        "monthly_cost",
        "expires_at",
        "created_at",
    ]

    def get_queryset(self) -> QuerySet[Environment]:
        if self.action == "list":
            return Environment.objects.all()
        rows = environments_list()
        reports = Prefetch("teardown_reports", TeardownReport.objects.order_by("-made_at"))
        return rows.prefetch_related("stacks", reports)

    def get_object(self) -> Environment:
        asked = self.kwargs["environment"]
        # A name begins with a letter, so digits alone are an id; the database counts no further than this.
        which = Q(pk=int(asked)) if asked.isdigit() else Q(name=asked) & ~Q(status__in=GONE)
        beyond = asked.isdigit() and len(asked) > ID_DIGITS
        found = None if beyond else self.get_queryset().filter(which).first()
        if found is None:
            raise NotFound(
                f"There is no environment {asked}. One that is gone is reached by its id: see ?gone=true."
            )
        return found

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        # Ids first: sorting and skipping thousands of whole rows is what would make a page slow.
        ids = self.paginate_queryset(self.filter_queryset(self.get_queryset()).values_list("pk", flat=True))
        rows = {row.pk: row for row in LISTED.filter(pk__in=ids or [])}
        page = [rows[number] for number in ids or [] if number in rows]
        open_operations_attach(page)
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(
        summary="Ask for an environment",
        request=EnvironmentInput,
        responses={202: OperationSerializer},
    )
    def create(self, request: Request) -> Response:
        return accepted(environment_request(**self._asked(), actor=self.person), request)

    @extend_schema(
        summary="Names, cost and problems of a request, without asking",
        request=PreviewInput,
        responses={200: PreviewSerializer},
    )
    @action(detail=False, methods=["post"])
    def preview(self, request: Request) -> Response:
        asked = self._asked()
        require(self.person, "environment.request", team=asked["team"])
        release = asked["release"]
        fields = (
            *(
                "name",
                "team",
                "owner",
                "tier",
                "size",
                "account",
                "home_region",
                "cidr",
                "domain",
                "release",
                "modules",
                "secrets",
            ),
            *STANDBY_FIELDS,
        )
        spec = spec_preview(
            **{"cidr": "", "domain": ""} | {key: asked[key] for key in fields if key in asked},
            actor=self.person,
        )
        problems = spec_problems(spec, account=asked["account"], release=release)
        if wrong := owner_problem(asked.get("owner"), asked["team"], self.person):
            problems["owner"] = wrong
        cost = cost_estimate(release.costs, spec)
        problems |= limit_problems(asked["team"], cost=Decimal(cost["total"]))
        facts = facts_of_request(tier=spec["tier"], size=spec["size"], cost=Decimal(cost["total"]))
        return self.show(
            {
                "name": spec["name"],
                "domain": spec["domain"],
                "cidr": spec["cidr"],
                "other_cidr": spec.get("other_cidr"),
                "release": release.version,
                "names": names_derive(release.naming, spec),
                "cost": cost,
                "approval": approval_expected(facts),
                "problems": [{"field": field, "detail": sentence} for field, sentence in problems.items()],
            }
        )

    @extend_schema(
        summary="Tear it down",
        parameters=[NAME_OR_ID],
        request=TeardownInput,
        responses={202: OperationSerializer},
    )
    @action(detail=True, methods=["post"])
    def teardown(self, request: Request, environment: str) -> Response:
        row = self.get_object()
        return accepted(environment_teardown(environment=row, **self.said(), actor=self.person), request)

    @extend_schema(
        summary="Change it, or bring it to another release",
        operation_id="environments_update",
        parameters=[NAME_OR_ID],
        request=UpdateInput,
        responses={202: OperationSerializer},
    )
    @action(detail=True, methods=["post"], url_path="update", url_name="update")
    def update_environment(self, request: Request, environment: str) -> Response:
        row = self.get_object()
        return accepted(environment_update(environment=row, **self.said(), actor=self.person), request)

    @extend_schema(
        summary="Let it expire later, or earlier",
        description="Within its tier's maximum at once (200); beyond it another person approves first (202).",
        parameters=[NAME_OR_ID],
        request=ExtendInput,
        responses={200: EnvironmentDetailSerializer, 202: OperationSerializer},
    )
    @action(detail=True, methods=["post"])
    def extend(self, request: Request, environment: str) -> Response:
        row, said = self.get_object(), self.said()
        extend = environment_extend_hours if "hours" in said else environment_extend
        done = extend(environment=row, **said, actor=self.person)
        return accepted(done.operation, request) if done.operation else self._fresh(done.environment)

    @extend_schema(
        summary="Turn protection against teardown on or off",
        parameters=[NAME_OR_ID],
        request=ProtectInput,
        responses={200: EnvironmentDetailSerializer},
    )
    @action(detail=True, methods=["post"])
    def protect(self, request: Request, environment: str) -> Response:
        row = self.get_object()
        return self._fresh(environment_protect(environment=row, **self.said(), actor=self.person))

    @extend_schema(
        summary="Give up a request that never began",
        parameters=[NAME_OR_ID],
        request=Nothing,
        responses={200: EnvironmentDetailSerializer},
    )
    @action(detail=True, methods=["post"])
    def withdraw(self, request: Request, environment: str) -> Response:
        self.said()
        return self._fresh(environment_withdraw(environment=self.get_object(), actor=self.person))

    @extend_schema(
        summary="Its AWS resources, as workers saw them last",
        parameters=[NAME_OR_ID],
        responses=ResourceSerializer(many=True),
        filters=False,
    )
    @action(detail=True)
    def resources(self, request: Request, environment: str) -> Response:
        rows = self.get_object().resources().order_by("stack_id", "logical_id")
        return self.show_list(rows, ResourceSerializer)

    @extend_schema(
        summary="What was done to it, newest first; not to others of its name",
        parameters=[NAME_OR_ID],
        responses=AuditEntrySerializer(many=True),
        filters=False,
    )
    @action(detail=True)
    def audit(self, request: Request, environment: str) -> Response:
        require(self.person, "audit.view")
        return self.show_list(environment_audit(self.get_object()), AuditEntrySerializer)

    def _asked(self) -> dict[str, Any]:
        said = self.said()
        said["release"] = said.get("release") or release_default()
        if said["release"] is None:
            raise ValidationError({"release": "No release is registered yet, so nothing can be requested."})
        return said

    def _fresh(self, environment: Environment) -> Response:
        return self.show(self.get_queryset().get(pk=environment.pk))
