"""Plans in the API: what an operation would change, by the operation's number."""

from typing import Any

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field, extend_schema_view
from rest_framework import serializers

from environments.lifecycle.models import Plan, PlanVersion, Risk
from environments.lifecycle.moved import plan_moves
from environments.operations.api.shapes import PlanBriefSerializer, operation_url
from environments.rest.views import ReadOnlyResource


class PlanSerializer(PlanBriefSerializer):
    """A plan in short."""

    operation = serializers.IntegerField(source="operation_id")
    operation_url = serializers.SerializerMethodField()
    kind = serializers.CharField(source="operation.kind")
    subject = serializers.CharField(source="operation.subject_label")
    status = serializers.CharField(source="operation.status", help_text="The operation's status.")

    def get_operation_url(self, plan: Plan) -> str:
        return operation_url(plan.operation, self.context.get("request"))


class PropertySerializer(serializers.Serializer):
    """One property of a resource that changes."""

    path = serializers.CharField()
    before = serializers.CharField(allow_blank=True)
    after = serializers.CharField(allow_blank=True)
    replaces = serializers.CharField(help_text="always, maybe or never.")


class ChangeSerializer(serializers.Serializer):
    """One resource that changes."""

    logical_id = serializers.CharField()
    type = serializers.CharField()
    action = serializers.CharField(help_text="added, modified, replaced or removed.")
    detail = serializers.CharField(required=False, allow_blank=True, allow_null=True)
    properties = PropertySerializer(many=True, required=False)


class PermissionSerializer(serializers.Serializer):
    """Something that policies newly allow, or that nobody could judge."""

    sentence = serializers.CharField()
    who = serializers.CharField()
    action = serializers.CharField(allow_blank=True)
    count = serializers.IntegerField(help_text="How many actions.")
    resource = serializers.CharField(allow_blank=True)
    judged = serializers.BooleanField(help_text="False: it could not be judged.")


class QuotaSerializer(serializers.Serializer):
    """What the plan adds to one of AWS's quotas, and the room that is left."""

    key = serializers.CharField(help_text="service/code")
    name = serializers.CharField()
    scope = serializers.CharField(help_text="region or account.")
    need = serializers.IntegerField()
    used = serializers.IntegerField(allow_null=True)
    pending = serializers.IntegerField(
        help_text="What other operations add, or have added since it was counted."
    )
    limit = serializers.FloatField(allow_null=True)
    link = serializers.CharField(help_text="Where more is asked for.")
    known = serializers.BooleanField()
    counted_at = serializers.DateTimeField()


class UnpricedSerializer(serializers.Serializer):
    """A type that has no price and is not known to be free."""

    type = serializers.CharField()
    count = serializers.IntegerField()


class MoveSerializer(serializers.Serializer):
    """One part that moved since an earlier plan of the operation."""

    part = serializers.CharField(help_text="release, spec, facts, stack, template, tags, policy or price.")
    name = serializers.CharField()
    before = serializers.CharField(allow_blank=True)
    after = serializers.CharField(allow_blank=True)
    sentence = serializers.CharField()


class PlanVersionSerializer(serializers.Serializer):
    """An earlier plan of the operation, and what has moved since."""

    number = serializers.IntegerField()
    hash = serializers.CharField()
    made_at = serializers.DateTimeField()
    moved = MoveSerializer(many=True)


class StackPlanSerializer(serializers.Serializer):
    """One stack of a plan."""

    key = serializers.CharField()
    name = serializers.CharField()
    region = serializers.CharField()
    action = serializers.CharField()
    changes = ChangeSerializer(many=True)


class PlanDetailSerializer(PlanSerializer):
    """A plan: per stack and resource what changes, its risks, what is lost, and what it costs."""

    summary = serializers.SerializerMethodField()
    counts = serializers.DictField(child=serializers.IntegerField(), help_text="Changes by action.")
    stacks = serializers.SerializerMethodField()
    risks = serializers.SerializerMethodField()
    risk_kinds = serializers.SerializerMethodField(help_text="Of: " + ", ".join(Risk.values) + ".")
    iam = serializers.SerializerMethodField(help_text="What policies newly allow, judged by simulation.")
    quotas = serializers.SerializerMethodField(help_text="Room in the account.")
    unpriced = serializers.SerializerMethodField(help_text="Types that the cost does not cover.")
    versions = serializers.SerializerMethodField(help_text="Earlier plans of the operation, newest first.")
    losses = serializers.SerializerMethodField(help_text="What a teardown would lose, per store.")
    cost = serializers.DictField(help_text="Per month and item, each with its source and date.")

    def get_summary(self, plan: Plan) -> str:
        return plan.document.get("summary", "")

    @extend_schema_field(StackPlanSerializer(many=True))
    def get_stacks(self, plan: Plan) -> list[dict[str, Any]]:
        return plan.document.get("stacks", [])

    def get_risks(self, plan: Plan) -> list[str]:
        return plan.document.get("risks", [])

    def get_risk_kinds(self, plan: Plan) -> list[str]:
        return plan.document.get("risk_kinds", [])

    @extend_schema_field(PermissionSerializer(many=True))
    def get_iam(self, plan: Plan) -> list[dict[str, Any]]:
        return plan.document.get("iam", [])

    @extend_schema_field(QuotaSerializer(many=True))
    def get_quotas(self, plan: Plan) -> list[dict[str, Any]]:
        return plan.document.get("quotas", [])

    @extend_schema_field(UnpricedSerializer(many=True))
    def get_unpriced(self, plan: Plan) -> list[dict[str, Any]]:
        return plan.document.get("unpriced", [])

    @extend_schema_field(PlanVersionSerializer(many=True))
    def get_versions(self, plan: Plan) -> list[dict[str, Any]]:
        earlier = PlanVersion.objects.filter(operation_id=plan.operation_id).defer("document")
        return [
            {
                "number": version.number,
                "hash": version.hash,
                "made_at": version.made_at.isoformat(),
                "moved": plan_moves(version, plan),
            }
            for version in earlier.order_by("-number")
        ]

    def get_losses(self, plan: Plan) -> list[dict[str, Any]]:
        return plan.document.get("losses", [])


class PlanFilters(django_filters.FilterSet):
    kind = django_filters.CharFilter("operation__kind")
    subject = django_filters.CharFilter("operation__subject_label")
    hash = django_filters.CharFilter()

    class Meta:
        model = Plan
        fields: list[str] = []


@extend_schema_view(
    list=extend_schema(summary="Plans, newest first"),
    retrieve=extend_schema(summary="The plan of the operation with this id"),
)
class PlanViewSet(ReadOnlyResource):
    """What operations would change, in words and as data."""

    noun = "plan of operation"
    view_right = "operation.view"
    queryset = Plan.objects.select_related("operation").order_by("-operation_id")
    serializer_class = PlanSerializer
    serializers = {"retrieve": PlanDetailSerializer}
    lookup_field = "operation_id"
    lookup_url_kwarg = "operation"
    lookup_value_regex = r"[0-9]{1,18}"
    filterset_class = PlanFilters
    search_fields = ["operation__subject_label", "operation__kind"]
    ordering_fields = ["operation_id", "made_at", "monthly_cost_after"]

    def get_queryset(self) -> QuerySet[Plan]:
        rows = super().get_queryset()
        return rows.defer("document", "cost") if self.action == "list" else rows
