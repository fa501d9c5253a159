"""Operations in the API: reading them, waiting for them, and what people do to them."""

from typing import Any

import django_filters
from django.db.models import Prefetch, QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from environments.errors import DomainError
from environments.operations.api.shapes import (
    ApproveInput,
    EventsSerializer,
    ExtendTimeInput,
    OperationDetailSerializer,
    OperationSerializer,
    PrioritiseInput,
    RejectInput,
    ShortenInput,
    SkipInput,
)
from environments.operations.approvals import operation_approve, operation_reject
from environments.operations.claims import in_scopes
from environments.operations.control import (
    operation_cancel,
    operation_extend_time,
    operation_force_cancel,
    operation_resume,
    operation_retry,
    operation_shorten_notice,
    operation_skip,
)
from environments.operations.models import Operation, Step
from environments.operations.places import operation_prioritise, places_of
from environments.operations.replanning import operation_replan
from environments.operations.selectors import events_after, operations_list
from environments.operations.states import OperationStatus
from environments.operations.waiting import LONGEST_S, RETRY_AFTER_S, operation_wait
from environments.rest.filters import Moment, YesNo
from environments.rest.serializers import Input, Nothing
from environments.rest.views import ReadOnlyResource

EVENTS_AT_ONCE = 500


class OperationFilters(django_filters.FilterSet):
    """?status= may be given several times."""

    status = django_filters.MultipleChoiceFilter(choices=OperationStatus.choices)
    kind = django_filters.CharFilter()
    subject = django_filters.CharFilter("subject_label", label="Name of its environment or account.")
    subject_type = django_filters.CharFilter(
        "subject_type__model", label="environment, account or application."
    )
    requested_by = django_filters.CharFilter("requested_by__username")
    scope = django_filters.CharFilter(method="by_scope", label="account id/region")
    stuck = YesNo(method="by_stuck", label="true: those that do not move.")
    requested_after = Moment("requested_at", "gte")
    requested_before = Moment("requested_at", "lt")

    class Meta:
        model = Operation
        fields: list[str] = []

    def by_scope(self, rows: QuerySet[Operation], _name: str, value: str) -> QuerySet[Operation]:
        return rows.filter(in_scopes([value]))

    def by_stuck(self, rows: QuerySet[Operation], _name: str, value: bool) -> QuerySet[Operation]:
        return rows.filter(stuck_since__isnull=not value)


WAIT = OpenApiParameter(
    "wait",
    {"type": "number", "minimum": 0, "maximum": LONGEST_S},
    description="Hold the answer until the operation ends or changes, at most so many seconds.",
)
NO_PLACE = OpenApiParameter(
    "Retry-After",
    {"type": "integer", "minimum": 0},
    OpenApiParameter.HEADER,
    description="Only when too many wait already: it was not waited, ask again after so many seconds.",
    response=[200],
)
AFTER = OpenApiParameter(
    "after", {"type": "integer", "minimum": 0}, description="Only events with a number above this."
)


def verb(name: str, summary: str, *, input: type[Input]) -> Any:
    """A POST sub-resource that answers with the operation as it then is."""
    described = extend_schema(summary=summary, request=input, responses={200: OperationDetailSerializer})
    served = action(detail=True, methods=["post"], url_path=name)
    # The schema goes on last: action() would drop it.
    return lambda method: described(served(method))


@extend_schema_view(
    list=extend_schema(summary="Operations, newest first"),
    retrieve=extend_schema(summary="One operation; may wait for news", parameters=[WAIT, NO_PLACE]),
)
class OperationViewSet(ReadOnlyResource):
    """Long pieces of work on environments and accounts."""

    noun = "operation"
    view_right = "operation.view"
    serializer_class = OperationSerializer
    inputs = {
        "approve": ApproveInput,
        "reject": RejectInput,
        "shorten_notice": ShortenInput,
        "skip": SkipInput,
        "extend_time": ExtendTimeInput,
        "prioritise": PrioritiseInput,
        "cancel": Nothing,
        "force_cancel": Nothing,
        "retry": Nothing,
        "replan": Nothing,
        "resume": Nothing,
    }
    serializers = {"events": EventsSerializer} | dict.fromkeys(
        ("retrieve", *inputs), OperationDetailSerializer
    )
    scopes = {"approve": "approve", "reject": "approve"}
    parameters = {"retrieve": {"wait"}, "events": {"after", "limit"}}
    filterset_class = OperationFilters
    search_fields = ["subject_label", "kind", "sentence", "requested_by__username"]
    ordering_fields = ["id", "kind", "status", "requested_at", "started_at", "ended_at"]
    lookup_value_regex = r"[0-9]{1,18}"
    queryset = Operation.objects.all()

    def get_queryset(self) -> QuerySet[Operation]:
        rows = operations_list().select_related("plan").defer("plan__document", "plan__cost", "state")
        if self.action in ("list", "events"):
            return rows
        steps = Prefetch("steps", Step.objects.order_by("-phase", "position"))
        return rows.prefetch_related(steps, "decisions__decided_by")

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        rows = self.paginate_queryset(self.filter_queryset(self.get_queryset())) or []
        context = {**self.get_serializer_context(), "places": places_of(rows)}
        return self.get_paginated_response(OperationSerializer(rows, many=True, context=context).data)

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        waited = True
        if "wait" in request.query_params:
            waited = operation_wait(int(self.kwargs["pk"]), self._seconds(request.query_params["wait"]))
        answer = self.show(self.get_object())
        if not waited:
            answer["Retry-After"] = str(RETRY_AFTER_S)
        return answer

    @extend_schema(
        summary="What happened, oldest first",
        parameters=[
            AFTER,
            OpenApiParameter("limit", {"type": "integer", "minimum": 1, "maximum": EVENTS_AT_ONCE}),
        ],
        responses=EventsSerializer,
        filters=False,
    )
    @action(detail=True, pagination_class=None)
    def events(self, request: Request, pk: str) -> Response:
        after = self._whole("after", 0, (0, 2**31 - 1))
        limit = self._whole("limit", EVENTS_AT_ONCE, (1, EVENTS_AT_ONCE))
        # The operation first: what it wrote before it ended is then surely among the events.
        operation = self.get_object()
        rows = events_after(operation.pk, after, limit=limit + 1)
        shown = rows[:limit]
        return self.show(
            {
                "results": shown,
                "after": shown[-1].number if shown else after,
                "has_more": len(rows) > limit,
                "is_ended": operation.is_ended,
            }
        )

    @verb("approve", "Approve the plan with this hash", input=ApproveInput)
    def approve(self, request: Request, pk: str) -> Response:
        said = self.said()
        try:
            return self._act(operation_approve, plan_hash=said["hash"], comment=said["comment"])
        except DomainError as error:
            # The service's word for it is plan_hash; the body's is hash.
            error.field = "hash" if error.field == "plan_hash" else error.field
            raise

    @verb("reject", "Reject the plan", input=RejectInput)
    def reject(self, request: Request, pk: str) -> Response:
        return self._act(operation_reject, **self.said())

    @verb("cancel", "Ask it to stop at its next step", input=Nothing)
    def cancel(self, request: Request, pk: str) -> Response:
        return self._act(operation_cancel, **self.said())

    @verb("force-cancel", "End a cancelling that does not come to an end", input=Nothing)
    def force_cancel(self, request: Request, pk: str) -> Response:
        return self._act(operation_force_cancel, **self.said())

    @verb("retry", "Go on at the step that failed", input=Nothing)
    def retry(self, request: Request, pk: str) -> Response:
        return self._act(operation_retry, **self.said())

    @verb("skip", "Leave a failed step out, and go on", input=SkipInput)
    def skip(self, request: Request, pk: str) -> Response:
        return self._act(operation_skip, **self.said())

    @verb("extend-time", "Give a step more time", input=ExtendTimeInput)
    def extend_time(self, request: Request, pk: str) -> Response:
        return self._act(operation_extend_time, **self.said())

    @verb("prioritise", "Let it go before or after others in its scope", input=PrioritiseInput)
    def prioritise(self, request: Request, pk: str) -> Response:
        return self._act(operation_prioritise, **self.said())

    @verb("replan", "Plan it again, while it waits or after it failed", input=Nothing)
    def replan(self, request: Request, pk: str) -> Response:
        return self._act(operation_replan, **self.said())

    @verb("resume", "Let a paused operation look again", input=Nothing)
    def resume(self, request: Request, pk: str) -> Response:
        return self._act(operation_resume, **self.said())

    @verb("shorten-notice", "Let a notice end earlier", input=ShortenInput)
    def shorten_notice(self, request: Request, pk: str) -> Response:
        return self._act(operation_shorten_notice, **self.said())

    def _act(self, service: Any, **said: Any) -> Response:
        service(operation_id=self.get_object().pk, actor=self.person, **said)
        return self.show(self.get_object())

    def _seconds(self, text: str) -> float:
        try:
            seconds = float(text)
        except ValueError:
            seconds = -1.0
        if not 0 <= seconds <= LONGEST_S:
            raise ValidationError({"wait": f"wait is a number of seconds from 0 to {LONGEST_S}."})
        return seconds

    def _whole(self, name: str, default: int, bounds: tuple[int, int]) -> int:
        text = self.request.query_params.get(name, str(default))
        if not (text.isascii() and text.isdigit() and len(text) < 11) or not (
            bounds[0] <= int(text) <= bounds[1]
        ):
            raise ValidationError({name: f"{name} is a whole number from {bounds[0]} to {bounds[1]}."})
        return int(text)
