"""AWS accounts in the API."""

from typing import Any

import django_filters
from django.db.models import Count, Q, QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from environments.lifecycle.accounts import account_add, account_add_again
from environments.lifecycle.api.control import ReasonInput
from environments.lifecycle.api.named import team_named
from environments.lifecycle.baseline import account_update, baseline_behind
from environments.lifecycle.canary import account_canary
from environments.lifecycle.models import Account
from environments.lifecycle.pauses import account_pause, account_pause_lift
from environments.lifecycle.role_stacks import role_stacks
from environments.lifecycle.settings import account_change_propose
from environments.lifecycle.states import GONE, AccountMode, AccountStatus
from environments.operations.api.shapes import OperationSerializer, accepted
from environments.people.api.control import PauseSerializer
from environments.people.api.proposals import PROPOSED, proposed
from environments.people.rights import may
from environments.rest.fields import Text
from environments.rest.serializers import Input, Nothing
from environments.rest.views import ReadOnlyResource


class AccountSerializer(serializers.ModelSerializer):
    """An account that environments can be in."""

    url = serializers.SerializerMethodField()
    environments = serializers.IntegerField(
        source="living", read_only=True, help_text="How many are in it and not gone."
    )

    class Meta:
        model = Account
        fields = [
            "id",
            "url",
            "name",
            "account_id",
            "mode",
            "is_on_sandbox",
            "status",
            "regions",
            "zone_name",
            "zone_id",
            "added_at",
            "environments",
        ]
        read_only_fields = fields

    def get_url(self, account: Account) -> str:
        return reverse("account-detail", args=[account.name], request=self.context.get("request"))


class RoleStackSerializer(serializers.Serializer):
    """A stack that a person deploys in the account, with the account's own credentials, to let the portal in."""

    stack_name = serializers.CharField()
    template = serializers.CharField(help_text="CloudFormation, as YAML.")
    parameters = serializers.DictField(child=serializers.CharField())
    command = serializers.CharField(help_text="Deploys the template, saved as <stack name>.yaml.")


class AccountDetailSerializer(AccountSerializer):
    """An account with its baseline, and for administrators how to let the portal in."""

    baseline = serializers.DictField(read_only=True, help_text="Per region, what the baseline put there.")
    is_behind = serializers.SerializerMethodField(
        help_text="Whether the default release has a newer baseline: bring it here with update."
    )
    role_stacks = serializers.SerializerMethodField(
        help_text="What a person deploys to let the portal in, in this order. For administrators; null for others."
    )

    class Meta(AccountSerializer.Meta):
        fields = [*AccountSerializer.Meta.fields, "baseline", "is_behind", "role_stacks"]
        read_only_fields = fields

    def get_is_behind(self, account: Account) -> bool:
        return baseline_behind(account)

    @extend_schema_field(RoleStackSerializer(many=True, allow_null=True))
    def get_role_stacks(self, account: Account) -> Any:
        if not may(self.context["request"].user, "account.add"):
            return None
        return RoleStackSerializer(role_stacks(account), many=True).data


class AccountInput(Input):
    """An account to take in."""

    name = Text(max_length=40)
    account_id = Text(max_length=12, help_text="12 digits.")
    mode = Text(max_length=10, help_text=f"One of: {', '.join(AccountMode.values)}.")
    regions = serializers.ListField(
        child=Text(max_length=30), max_length=30, help_text="Regions that environments may use."
    )
    zone_name = Text(max_length=200, help_text="The hosted zone that is delegated to it: dev.example.org.")


class AccountChangeInput(Input):
    """What an account should be like; what is left out stays as it is."""

    regions = serializers.ListField(
        child=Text(max_length=30),
        max_length=30,
        required=False,
        help_text="All regions that environments may use.",
    )
    mode = Text(
        max_length=10, required=False, help_text="plan-only, for a live account that should be no more."
    )
    reason = Text(required=False, allow_blank=True, default="")


class CanaryInput(Input):
    """Who owns the environment that comes and goes."""

    team = team_named("Slug of the team that owns its environment.")


class AccountPauseInput(ReasonInput):
    """What of the account is paused, and why."""

    region = Text(
        max_length=30, required=False, allow_blank=True, default="", help_text="Left out, all of it."
    )


class AccountLiftInput(Input):
    """Which pause is lifted."""

    region = Text(
        max_length=30, required=False, allow_blank=True, default="", help_text="Left out, the account's own."
    )


class AccountFilters(django_filters.FilterSet):
    mode = django_filters.ChoiceFilter(choices=AccountMode.choices)
    status = django_filters.ChoiceFilter(choices=AccountStatus.choices)
    account_id = django_filters.CharFilter()
    region = django_filters.CharFilter("regions", "contains", method="by_region")

    class Meta:
        model = Account
        fields: list[str] = []

    def by_region(self, rows: QuerySet[Account], _name: str, value: str) -> QuerySet[Account]:
        return rows.filter(regions__contains=[value])


@extend_schema_view(
    list=extend_schema(summary="Accounts"),
    retrieve=extend_schema(summary="One account"),
)
class AccountViewSet(ReadOnlyResource):
    """AWS accounts that the portal may deploy to."""

    noun = "account"
    view_right = "account.view"
    queryset = Account.objects.annotate(
        living=Count("environments", filter=~Q(environments__status__in=sorted(GONE)))
    ).order_by("name")
    serializer_class = AccountSerializer
    serializers = {"retrieve": AccountDetailSerializer, "pause": PauseSerializer}
    inputs = {
        "create": AccountInput,
        "add_again": Nothing,
        "canary": CanaryInput,
        "update_baseline": Nothing,
        "pause": AccountPauseInput,
        "lift_pause": AccountLiftInput,
        "change": AccountChangeInput,
    }
    scopes = dict.fromkeys(
        ("create", "add_again", "canary", "update_baseline", "pause", "lift_pause", "change"), "administer"
    )
    lookup_field = "name"
    lookup_value_regex = r"[a-z0-9-]{1,60}"
    filterset_class = AccountFilters
    search_fields = ["name", "account_id", "zone_name"]
    ordering_fields = ["name", "account_id", "mode", "status", "added_at"]

    @extend_schema(summary="Take an account in", request=AccountInput, responses={202: OperationSerializer})
    def create(self, request: Request) -> Response:
        return accepted(account_add(**self.said(), actor=self.person), request)

    @extend_schema(summary="Run the adding again", request=Nothing, responses={202: OperationSerializer})
    @action(detail=True, methods=["post"], url_path="add")
    def add_again(self, request: Request, name: str) -> Response:
        self.said()
        return accepted(account_add_again(account=self.get_object(), actor=self.person), request)

    @extend_schema(
        summary="Propose other regions, or plan-only for a live account",
        request=AccountChangeInput,
        responses=PROPOSED,
    )
    @action(detail=True, methods=["post"])
    def change(self, request: Request, name: str) -> Response:
        account = self.get_object()
        said = {"regions": account.regions, "mode": account.mode, **self.said()}
        return proposed(account_change_propose(account=account, **said, actor=self.person), request)

    @extend_schema(
        summary="Bring its baseline to the default release",
        request=Nothing,
        responses={202: OperationSerializer},
    )
    @action(detail=True, methods=["post"], url_path="update")
    def update_baseline(self, request: Request, name: str) -> Response:
        self.said()
        return accepted(account_update(account=self.get_object(), actor=self.person), request)

    @extend_schema(
        summary="Make a plan-only account live, by a canary",
        request=CanaryInput,
        responses={202: OperationSerializer},
    )
    @action(detail=True, methods=["post"])
    def canary(self, request: Request, name: str) -> Response:
        return accepted(account_canary(account=self.get_object(), **self.said(), actor=self.person), request)

    @extend_schema(
        summary="Let nothing start, go on or expire in it, or in one of its regions",
        request=AccountPauseInput,
        responses={200: PauseSerializer},
    )
    @action(detail=True, methods=["post"])
    def pause(self, request: Request, name: str) -> Response:
        return self.show(account_pause(account=self.get_object(), **self.said(), actor=self.person))

    @extend_schema(summary="Lift its pause", request=AccountLiftInput, responses={204: None})
    @action(detail=True, methods=["post"], url_path="lift-pause")
    def lift_pause(self, request: Request, name: str) -> Response:
        account_pause_lift(account=self.get_object(), **self.said(), actor=self.person)
        return Response(status=204)
