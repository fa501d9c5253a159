"""What operations look like in the API, and what requests about them may say."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from environments.operations.models import Decision, Event, Operation, Step
from environments.operations.pauses import operation_pause
from environments.operations.places import HIGHEST, Place, places_of, queue_told
from environments.operations.selectors import operations_list
from environments.rest.fields import Text, Whole, shown_by
from environments.rest.serializers import Input


class SubjectSerializer(serializers.Serializer):
    """What an operation is about."""

    type = serializers.CharField(help_text="environment or account.")
    id = serializers.IntegerField()
    name = serializers.CharField()


class FailureSerializer(serializers.Serializer):
    """Why an operation failed, as far as it is known."""

    step = serializers.CharField(required=False)
    resource = serializers.CharField(required=False, allow_null=True)
    reason = serializers.CharField(required=False)
    remedy = serializers.CharField(required=False, allow_null=True)


class PlanBriefSerializer(serializers.Serializer):
    """A plan's hash and price; its url has the whole."""

    hash = serializers.CharField(help_text="What an approval has to carry.")
    monthly_cost_before = serializers.DecimalField(max_digits=12, decimal_places=2)
    monthly_cost_after = serializers.DecimalField(max_digits=12, decimal_places=2)
    made_at = serializers.DateTimeField()
    url = serializers.SerializerMethodField()

    def get_url(self, plan: Any) -> str:
        return reverse("plan-detail", args=[plan.operation_id], request=self.context.get("request"))


class StuckSerializer(serializers.Serializer):
    """Why an operation does not move, as the watchdog found."""

    cause = serializers.CharField(
        help_text="lease, untaken, cancelling, queued, one-look, person, unreachable or slow."
    )
    why = serializers.CharField()
    remedy = serializers.CharField()
    since = serializers.DateTimeField(help_text="When it was found.")


class ApprovalTermsSerializer(serializers.Serializer):
    """Whose approval is wanted, besides how many."""

    roles = serializers.ListField(
        child=serializers.CharField(), help_text="Only these portal roles approve; empty: all that may."
    )
    another_team = serializers.BooleanField(
        help_text="One at least of those who approve is not of the environment's team."
    )


class OperationSerializer(serializers.ModelSerializer):
    """One operation, as lists show it."""

    url = serializers.SerializerMethodField()
    subject = serializers.SerializerMethodField()
    failure = serializers.SerializerMethodField()
    requested_by = shown_by("username", allow_null=True)
    blocked_by = serializers.IntegerField(source="blocked_by_id", read_only=True, allow_null=True)
    queue_position = serializers.SerializerMethodField(
        help_text="1 is next in its scope; null: not queued, or its notice runs."
    )
    queue_sentence = serializers.SerializerMethodField(
        help_text="Its place, and which operation blocks it; empty: not queued."
    )
    plan = serializers.SerializerMethodField()
    approval_terms = serializers.SerializerMethodField(help_text="What its rule asks of those who approve.")
    stuck = serializers.SerializerMethodField(help_text="null: it moves, or waits for what it should.")

    class Meta:
        model = Operation
        fields = [
            "id",
            "url",
            "kind",
            "subject",
            "status",
            "phase",
            "sentence",
            "failure",
            "scope",
            "more_scopes",
            "priority",
            "requested_by",
            "requested_at",
            "not_before",
            "started_at",
            "ended_at",
            "approvals_needed",
            "approval_rule",
            "approval_terms",
            "approval_expires_at",
            "cancel_requested_at",
            "blocked_by",
            "queue_position",
            "queue_sentence",
            "stuck",
            "event_count",
            "plan",
        ]
        read_only_fields = fields

    @extend_schema_field(ApprovalTermsSerializer)
    def get_approval_terms(self, operation: Operation) -> dict[str, Any]:
        terms = operation.approval_terms
        return {"roles": terms.get("roles", []), "another_team": terms.get("another_team", False)}

    def _place(self, operation: Operation) -> Place | None:
        """Out of those that the view has read for a whole list, or asked for."""
        places = self.context.get("places")
        return (places_of([operation]) if places is None else places).get(operation.pk)

    def get_queue_position(self, operation: Operation) -> int | None:
        place = self._place(operation)
        return place.position if place else None

    def get_queue_sentence(self, operation: Operation) -> str:
        return queue_told(operation, self._place(operation))

    def get_url(self, operation: Operation) -> str:
        return operation_url(operation, self.context.get("request"))

    @extend_schema_field(SubjectSerializer)
    def get_subject(self, operation: Operation) -> dict[str, Any]:
        return {
            "type": operation.subject_type.model,
            "id": operation.subject_id,
            "name": operation.subject_label,
        }

    @extend_schema_field(FailureSerializer(allow_null=True))
    def get_failure(self, operation: Operation) -> dict[str, Any] | None:
        return operation.failure

    @extend_schema_field(StuckSerializer(allow_null=True))
    def get_stuck(self, operation: Operation) -> dict[str, Any] | None:
        if operation.stuck_since is None:
            return None
        return StuckSerializer({**operation.stuck, "since": operation.stuck_since}).data

    @extend_schema_field(PlanBriefSerializer(allow_null=True))
    def get_plan(self, operation: Operation) -> dict[str, Any] | None:
        # The plan's model is of an app that the engine does not know; the relation is its own.
        plan = getattr(operation, "plan", None)
        return PlanBriefSerializer(plan, context=self.context).data if plan is not None else None


class StepSerializer(serializers.ModelSerializer):
    """A step: how far it is, and why it waits."""

    may_skip = serializers.CharField(
        read_only=True,
        help_text="What is given up by skipping it when it failed; empty: it cannot be skipped.",
    )

    class Meta:
        model = Step
        fields = [
            "key",
            "title",
            "phase",
            "needs",
            "region",
            "status",
            "sentence",
            "attempts",
            "progress_done",
            "progress_total",
            "started_at",
            "ended_at",
            "time_limit_s",
            "may_skip",
        ]
        read_only_fields = fields


class DecisionSerializer(serializers.ModelSerializer):
    """Who approved or rejected which plan, and why."""

    decided_by = shown_by("username")

    class Meta:
        model = Decision
        fields = ["verdict", "decided_by", "decided_at", "plan_hash", "comment"]
        read_only_fields = fields


class PauseBriefSerializer(serializers.Serializer):
    """The pause that holds something back."""

    covers = serializers.CharField()
    reason = serializers.CharField()
    since = serializers.DateTimeField()


class OperationDetailSerializer(OperationSerializer):
    """One operation with its steps, its decisions, and what holds it back."""

    parameters = serializers.DictField(read_only=True, help_text="What was asked for.")
    steps = StepSerializer(many=True, read_only=True)
    decisions = DecisionSerializer(many=True, read_only=True)
    pause = serializers.SerializerMethodField(help_text="What holds it back now; null: nothing does.")

    class Meta(OperationSerializer.Meta):
        fields = [*OperationSerializer.Meta.fields, "parameters", "pause", "steps", "decisions"]
        read_only_fields = fields

    @extend_schema_field(PauseBriefSerializer(allow_null=True))
    def get_pause(self, operation: Operation) -> dict[str, Any] | None:
        pause = None if operation.is_ended else operation_pause(operation)
        return PauseBriefSerializer(pause).data if pause else None


class EventSerializer(serializers.ModelSerializer):
    """A line of what happened."""

    data = serializers.DictField(read_only=True)  # type: ignore[assignment]

    class Meta:
        model = Event
        fields = ["number", "at", "kind", "level", "step_key", "text", "data"]
        read_only_fields = fields


class EventsSerializer(serializers.Serializer):
    """Events after a number, oldest first."""

    results = EventSerializer(many=True)
    after = serializers.IntegerField(help_text="Ask with this ?after= next.")
    has_more = serializers.BooleanField(help_text="More are there already.")
    is_ended = serializers.BooleanField(
        help_text="The operation has ended: once has_more is false, that is all."
    )


class ApproveInput(Input):
    """An approval is of the plan that the approver saw."""

    hash = Text(max_length=64, help_text="The plan's hash, as operations/{id}/ shows it.")
    comment = Text(required=False, allow_blank=True, default="")


class RejectInput(Input):
    """A rejection says why."""

    comment = Text(help_text="What the requester should change.")


class ShortenInput(Input):
    """The end of a notice, brought forward."""

    not_before = serializers.DateTimeField(help_text="When it may begin.")
    reason = Text(help_text="Kept in the audit.")


class SkipInput(Input):
    """A failed step that is left out."""

    step = Text(max_length=60, source="step_key", help_text="Its key; may_skip tells what is given up.")
    reason = Text(max_length=500, help_text="Kept in the audit.")


class ExtendTimeInput(Input):
    """More time for a step that is not over."""

    step = Text(max_length=60, source="step_key", help_text="Its key.")
    minutes = Whole(min_value=1, max_value=10080, help_text="On top of its limit.")
    reason = Text(max_length=500, help_text="Kept in the audit.")


class PrioritiseInput(Input):
    """Who goes before whom in a scope."""

    priority = Whole(
        min_value=-HIGHEST, max_value=HIGHEST, help_text="Above 0 goes before others; 0: as asked."
    )
    reason = Text(max_length=500, help_text="Kept in the audit.")


def operation_url(operation: Operation, request: Request | None) -> str:
    """The address of an operation in the API."""
    return reverse("operation-detail", args=[operation.pk], request=request)


def accepted(operation: Operation, request: Request) -> Response:
    """202 with the operation that was started, and where to follow it."""
    # Read again: its events were counted by the database.
    row = operations_list().select_related("plan").get(pk=operation.pk)
    body = OperationSerializer(row, context={"request": request}).data
    headers = {"Location": operation_url(operation, request)}
    return Response(body, status=status.HTTP_202_ACCEPTED, headers=headers)
