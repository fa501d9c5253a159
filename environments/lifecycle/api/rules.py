"""Approval rules in the API. What changes them is a proposal, which a second person approves."""

from typing import Any

import django_filters
from django.db.models import Q, QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from environments.errors import InvalidFields
from environments.lifecycle.models import ApprovalRule, Risk
from environments.lifecycle.rule_fields import rule_defaults, rule_state, rule_values
from environments.lifecycle.rules import LATELY, Tried, rule_try
from environments.lifecycle.settings import (
    rule_change_propose,
    rule_create_propose,
    rule_delete_propose,
    rules_order_propose,
)
from environments.lifecycle.states import Tier
from environments.people.api.proposals import PROPOSED, proposed
from environments.people.models import PortalRole
from environments.people.rights import require
from environments.rest.fields import Flag, Text, Whole
from environments.rest.filters import YesNo
from environments.rest.serializers import Input
from environments.rest.views import ReadOnlyResource


class RuleSerializer(serializers.ModelSerializer):
    """Which plans need the yes of how many people."""

    class Meta:
        model = ApprovalRule
        fields = [
            "id",
            "position",
            "name",
            "is_enabled",
            "operation_kinds",
            "tiers",
            "sizes",
            "min_monthly_cost",
            "max_monthly_cost",
            "min_cost_increase",
            "max_cost_increase",
            "risks_needed",
            "risks_covered",
            "approvals",
            "approver_roles",
            "another_team",
            "expires_after_h",
            "remind_after_h",
        ]
        read_only_fields = fields


def _words(what: str, *, most: int = 20, size: int = 40) -> Any:
    return serializers.ListField(child=Text(max_length=size), max_length=most, required=False, help_text=what)


class Amount(serializers.DecimalField):
    """USD a month, as text with up to two places, or null."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_digits=12, decimal_places=2, required=False, allow_null=True, **kwargs)


class RuleChangeInput(Input):
    """What a rule should say; what is left out stays as it is."""

    name = Text(max_length=120, required=False)
    is_enabled = Flag(required=False)
    operation_kinds = _words("provision, update, teardown …; empty: every kind.")
    tiers = _words(f"Of {', '.join(Tier.values)}; empty: every tier.")
    sizes = _words("Empty: every size.")
    min_monthly_cost = Amount(help_text="USD a month after the change, at least.")
    max_monthly_cost = Amount(help_text="USD a month after the change, at most.")
    min_cost_increase = Amount(help_text="USD a month more than before, at least.")
    max_cost_increase = Amount(help_text="USD a month more than before, at most.")
    risks_needed = _words(f"The plan carries one of these at least: {', '.join(Risk.values)}.")
    risks_covered = _words("The plan carries no risk beyond these.")
    approvals = Whole(min_value=0, max_value=2, required=False, help_text="How many other people approve.")
    approver_roles = _words(f"Only these approve, of {', '.join(PortalRole.values)}; empty: all who may.")
    another_team = Flag(required=False, help_text="One of them at least is not of the environment's team.")
    expires_after_h = Whole(min_value=1, max_value=ApprovalRule.MOST_HOURS, required=False)
    remind_after_h = Whole(min_value=1, max_value=ApprovalRule.MOST_HOURS, required=False, allow_null=True)
    reason = Text(
        required=False, allow_blank=True, default="", help_text="Why, for who decides and the audit."
    )

    def to_internal_value(self, data: Any) -> Any:
        values = super().to_internal_value(data)
        for name, value in values.items():
            if isinstance(self.fields[name], Amount) and value is not None:
                values[name] = f"{value:.2f}"
            elif isinstance(value, list):
                values[name] = sorted(set(value))
        return values


class RuleInput(RuleChangeInput):
    """A rule to add."""

    name = Text(max_length=120)
    position = Whole(
        min_value=1,
        max_value=1000,
        required=False,
        allow_null=True,
        help_text="1 is asked first; left out: last.",
    )


class RulesOrderInput(Input):
    """All rules, by their ids, the one that is asked first in front."""

    ids = serializers.ListField(child=Whole(min_value=1), max_length=1000)
    reason = Text(required=False, allow_blank=True, default="")


class RuleTryInput(RuleInput):
    """A rule that is not there yet, or other values of one that is, to be tried on the last plans."""

    id = Whole(min_value=1, required=False, allow_null=True, help_text="The rule whose place it takes.")
    name = Text(max_length=120, required=False)


class TriedSerializer(serializers.Serializer):
    """What would have become of one plan."""

    operation = serializers.IntegerField(source="plan.operation_id")
    kind = serializers.CharField(source="facts.kind")
    subject = serializers.CharField(source="plan.operation.subject_label")
    rule_now = serializers.SerializerMethodField(help_text="By the rules as they are; null: none fits.")
    approvals_now = serializers.IntegerField()
    rule_then = serializers.SerializerMethodField(help_text="With this rule among them.")
    approvals_then = serializers.IntegerField()
    differs = serializers.BooleanField()

    def get_rule_now(self, tried: Tried) -> str | None:
        return tried.now.name if tried.now else None

    def get_rule_then(self, tried: Tried) -> str | None:
        return tried.then.name if tried.then else None


class TriesSerializer(serializers.Serializer):
    """The last plans, newest first."""

    results = TriedSerializer(many=True)
    decides = serializers.IntegerField(help_text="How many of them this rule would have decided.")
    differ = serializers.IntegerField(help_text="For how many that would have made a difference.")


class RuleFilters(django_filters.FilterSet):
    operation_kind = django_filters.CharFilter(
        method="by_kind", label="Rules that speak of this kind of change."
    )
    tier = django_filters.ChoiceFilter(choices=Tier.choices, method="by_tier")
    approvals = django_filters.ChoiceFilter(choices=[("0", "none"), ("1", "one"), ("2", "two")])
    is_enabled = YesNo()

    class Meta:
        model = ApprovalRule
        fields: list[str] = []

    def by_kind(self, rows: QuerySet[ApprovalRule], _name: str, value: str) -> QuerySet[ApprovalRule]:
        return rows.filter(Q(operation_kinds=[]) | Q(operation_kinds__contains=[value]))

    def by_tier(self, rows: QuerySet[ApprovalRule], _name: str, value: str) -> QuerySet[ApprovalRule]:
        return rows.filter(Q(tiers=[]) | Q(tiers__contains=[value]))


@extend_schema_view(
    list=extend_schema(summary="Rules that say how many people approve, in their order"),
    retrieve=extend_schema(summary="One rule"),
)
class RuleViewSet(ReadOnlyResource):
    """How many people a plan needs. The first rule that fits decides; where none does, one other person."""

    noun = "rule"
    view_right = "rule.view"
    queryset = ApprovalRule.objects.all()
    serializer_class = RuleSerializer
    inputs = {
        "create": RuleInput,
        "change": RuleChangeInput,
        "order": RulesOrderInput,
        "try_out": RuleTryInput,
    }
    # Trying a rule posts because it carries one; it changes nothing.
    scopes = dict.fromkeys(("create", "change", "destroy", "order"), "administer") | {"try_out": "read"}
    lookup_value_regex = r"[0-9]{1,18}"
    filterset_class = RuleFilters
    search_fields = ["name"]
    ordering_fields = ["position", "name", "approvals", "id"]

    @extend_schema(summary="Propose a rule", request=RuleInput, responses=PROPOSED)
    def create(self, request: Request) -> Response:
        said = self.said()
        reason, position = said.pop("reason"), said.pop("position", None)
        return proposed(
            rule_create_propose(fields=said, position=position, reason=reason, actor=self.person), request
        )

    @extend_schema(summary="Propose other values", request=RuleChangeInput, responses=PROPOSED)
    @action(detail=True, methods=["post"])
    def change(self, request: Request, pk: str) -> Response:
        said = self.said()
        reason = said.pop("reason")
        rule = self.get_object()
        return proposed(
            rule_change_propose(rule=rule, fields=said, reason=reason, actor=self.person), request
        )

    @extend_schema(summary="Propose that it go", request=None, responses=PROPOSED)
    def destroy(self, request: Request, pk: str) -> Response:
        return proposed(rule_delete_propose(rule=self.get_object(), actor=self.person), request)

    @extend_schema(summary="Propose another order", request=RulesOrderInput, responses=PROPOSED)
    @action(detail=False, methods=["post"])
    def order(self, request: Request) -> Response:
        return proposed(rules_order_propose(**self.said(), actor=self.person), request)

    @extend_schema(
        summary=f"Try a rule on the last {LATELY} plans; nothing is changed",
        request=RuleTryInput,
        responses={200: TriesSerializer},
        filters=False,
    )
    @action(detail=False, methods=["post"], url_path="try", pagination_class=None)
    def try_out(self, request: Request) -> Response:
        require(self.person, "rule.view")
        said = self.said()
        said.pop("reason")
        key, position = said.pop("id", None), said.pop("position", None)
        candidate = rule_candidate(key, position, said)
        tried = rule_try(candidate)
        return self.show(
            {
                "results": tried,
                "decides": sum(row.then is candidate for row in tried),
                "differ": sum(row.differs for row in tried),
            },
            TriesSerializer,
        )


def rule_candidate(key: int | None, position: int | None, fields: dict[str, Any]) -> ApprovalRule:
    """The rule that would be: that of the key with these fields changed, or a new one. Raises InvalidFields."""
    rule = ApprovalRule.objects.filter(pk=key).first() if key else ApprovalRule(position=position or 32767)
    if rule is None:
        raise InvalidFields({"id": f"There is no rule {key}."})
    base = rule_state(rule) if key else {**rule_defaults(), "name": "This rule"}
    for name, value in rule_values({**base, **fields}).items():
        setattr(rule, name, value)
    return rule
