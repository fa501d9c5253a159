"""What environments look like in the API."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.reverse import reverse

from environments.lifecycle.extend import extend_limit
from environments.lifecycle.models import Environment, TeardownReport
from environments.lifecycle.naming import names_derive
from environments.lifecycle.pauses import environment_pause_of
from environments.lifecycle.runtime import runtime_shown
from environments.lifecycle.secrets import secrets_of
from environments.lifecycle.stores import stores_of
from environments.operations.api.shapes import PauseBriefSerializer
from environments.operations.models import Resource, Stack
from environments.rest.fields import shown_by


def _rows() -> serializers.ListField:
    return serializers.ListField(child=serializers.DictField(), read_only=True)


class OpenOperationSerializer(serializers.Serializer):
    """What goes on with an environment besides its status."""

    id = serializers.IntegerField()
    kind = serializers.CharField()
    status = serializers.CharField()
    sentence = serializers.CharField()
    url = serializers.CharField()


class RuntimeSerializer(serializers.Serializer):
    """What runs now, as workers saw it last. No update and no drift fix puts it back."""

    version = serializers.CharField(allow_null=True, help_text='"placeholder" before the first deployment.')
    version_in_other_region = serializers.CharField(
        allow_null=True, help_text="The same as version, unless a deployment failed in the other region."
    )
    platform = serializers.CharField(allow_null=True)
    instances = serializers.CharField(allow_null=True, help_text='Fewest and most: "1 to 2".')
    database = serializers.CharField(allow_null=True, help_text="Aurora MySQL version.")
    capacity = serializers.CharField(allow_null=True, help_text="Of a serverless database, in Aurora units.")
    active_region = serializers.CharField()
    at = serializers.DateTimeField()


class EnvironmentSerializer(serializers.ModelSerializer):
    """One environment, as lists show it."""

    url = serializers.SerializerMethodField(help_text="By id, which stays right when it is gone.")
    team = shown_by("slug")
    owner = shown_by("username")
    account = shown_by("name")
    release = shown_by("version")
    domain = serializers.SerializerMethodField()
    addresses = serializers.DictField(child=serializers.CharField(), read_only=True)
    runtime = serializers.SerializerMethodField()
    open_operation = serializers.SerializerMethodField()

    class Meta:
        model = Environment
        fields = [
            "id",
            "url",
            "name",
            "full_name",
            "status",
            "status_since",
            "team",
            "owner",
            "tier",
            "size",
            "account",
            "home_region",
            "other_region",
            "active_region",
            "cidr",
            "other_cidr",
            "standby",
            "domain",
            "release",
            "is_protected",
            "is_canary",
            "addresses",
            "runtime",
            "drift_since",
            "drift_count",
            "drift_checked_at",
            "monthly_cost",
            "expires_at",
            "created_at",
            "gone_at",
            "forgotten_at",
            "open_operation",
        ]
        read_only_fields = fields

    def get_url(self, environment: Environment) -> str:
        return reverse("environment-detail", args=[environment.pk], request=self.context.get("request"))

    def get_domain(self, environment: Environment) -> str:
        return environment.spec.get("domain", "")

    @extend_schema_field(RuntimeSerializer(allow_null=True))
    def get_runtime(self, environment: Environment) -> dict[str, Any] | None:
        return runtime_shown(environment)

    @extend_schema_field(OpenOperationSerializer(allow_null=True))
    def get_open_operation(self, environment: Any) -> dict[str, Any] | None:
        number = environment.open_operation_id
        if number is None:
            return None
        return {
            "id": number,
            "kind": environment.open_operation_kind,
            "status": environment.open_operation_status,
            "sentence": environment.open_operation_sentence,
            "url": reverse("operation-detail", args=[number], request=self.context.get("request")),
        }


class NameSerializer(serializers.Serializer):
    """A physical name that follows from the environment's name."""

    key = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    value = serializers.CharField()
    error = serializers.CharField(
        allow_blank=True, help_text="Why AWS would refuse it; empty when it is fine."
    )


class StackSerializer(serializers.ModelSerializer):
    """A CloudFormation stack, as seen last."""

    outputs = serializers.DictField(read_only=True)

    class Meta:
        model = Stack
        fields = ["key", "name", "region", "stack_id", "status", "status_reason", "outputs", "seen_at"]
        read_only_fields = fields


class ResourceSerializer(serializers.ModelSerializer):
    """A resource of a stack, as seen last."""

    stack = shown_by("name")

    class Meta:
        model = Resource
        fields = [
            "stack",
            "logical_id",
            "physical_id",
            "type",
            "status",
            "reason",
            "started_at",
            "ended_at",
            "seen_at",
        ]
        read_only_fields = fields


class ReportSerializer(serializers.ModelSerializer):
    """What remained after a teardown. It is torn down when left_over is empty."""

    kept = _rows()
    deleting = _rows()
    left_over = _rows()

    class Meta:
        model = TeardownReport
        fields = ["operation", "made_at", "kept", "deleting", "left_over"]
        read_only_fields = fields


class StoreSerializer(serializers.Serializer):
    """What nobody could make again. A teardown's `copies` names each by its key."""

    key = serializers.CharField()
    what = serializers.CharField()
    can_keep = serializers.BooleanField(help_text="Whether a last copy of it can be kept.")


class SecretSerializer(serializers.Serializer):
    """A secret of the application's. Its value is in AWS, and told to nobody here."""

    name = serializers.CharField()
    full_name = serializers.CharField(help_text="What Secrets Manager calls it.")
    variable = serializers.CharField(help_text="The variable that tells the application its ARN.")
    is_set = serializers.BooleanField(allow_null=True, help_text="null: nobody has looked yet.")
    changed_at = serializers.DateTimeField(allow_null=True)
    seen_at = serializers.DateTimeField(allow_null=True)
    command = serializers.CharField(help_text="Sets it from standard input.")


class EnvironmentDetailSerializer(EnvironmentSerializer):
    """One environment with its spec, its names, its stacks, and what its teardown left."""

    spec = serializers.DictField(read_only=True)
    names = serializers.SerializerMethodField()
    stacks = StackSerializer(many=True, read_only=True)
    stores = serializers.SerializerMethodField(
        help_text="Each needs a word at a teardown; none once it is gone."
    )
    teardown_report = serializers.SerializerMethodField()
    expiry_limit = serializers.SerializerMethodField(
        help_text="As far as it is extended without another person's approval; null: no maximum."
    )
    pause = serializers.SerializerMethodField(help_text="What holds it back now; null: nothing does.")
    secrets = serializers.SerializerMethodField(
        help_text="The application's own secrets: set or not, as a worker saw last, and the command that sets each."
    )
    left_behind = serializers.DictField(
        read_only=True, help_text="What it had in AWS when it was forgotten; else empty."
    )

    class Meta(EnvironmentSerializer.Meta):
        fields = [
            *EnvironmentSerializer.Meta.fields,
            "expiry_limit",
            "spec",
            "names",
            "stacks",
            "stores",
            "teardown_report",
            "pause",
            "secrets",
            "left_behind",
        ]
        read_only_fields = fields

    @extend_schema_field(serializers.DateTimeField(allow_null=True))
    def get_expiry_limit(self, environment: Environment) -> str | None:
        limit = extend_limit(environment)
        return serializers.DateTimeField().to_representation(limit) if limit is not None else None

    @extend_schema_field(NameSerializer(many=True))
    def get_names(self, environment: Environment) -> list[dict[str, str]]:
        return names_derive(environment.release.naming, environment.spec)

    @extend_schema_field(StoreSerializer(many=True))
    def get_stores(self, environment: Environment) -> Any:
        return StoreSerializer([] if environment.is_gone else stores_of(environment), many=True).data

    @extend_schema_field(ReportSerializer(allow_null=True))
    def get_teardown_report(self, environment: Environment) -> dict[str, Any] | None:
        newest = next(iter(environment.teardown_reports.all()), None)
        return ReportSerializer(newest).data if newest is not None else None

    @extend_schema_field(PauseBriefSerializer(allow_null=True))
    def get_pause(self, environment: Environment) -> dict[str, Any] | None:
        pause = None if environment.is_gone else environment_pause_of(environment)
        return PauseBriefSerializer(pause).data if pause else None

    @extend_schema_field(SecretSerializer(many=True))
    def get_secrets(self, environment: Environment) -> list[dict[str, Any]]:
        return list(SecretSerializer(secrets_of(environment), many=True).data)


class ErrorSerializer(serializers.Serializer):
    """A sentence at its field."""

    field = serializers.CharField()
    detail = serializers.CharField()


class CostItemSerializer(serializers.Serializer):
    """One line of the estimate."""

    key = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    quantity = serializers.CharField()
    unit = serializers.CharField()
    unit_price = serializers.CharField()
    amount = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]
    verified = serializers.BooleanField()
    region = serializers.CharField()


class CostSerializer(serializers.Serializer):
    """An estimate, in amounts as text."""

    currency = serializers.CharField()
    period = serializers.CharField()
    as_of = serializers.CharField()
    total = serializers.CharField()
    by_region = serializers.DictField(child=serializers.CharField(), help_text="The parts by region.")
    unverified = serializers.CharField(help_text="The part whose prices are not verified.")
    items = CostItemSerializer(many=True)


class ExpectedSerializer(serializers.Serializer):
    """How many people will have to approve, as far as that is known before the plan."""

    approvals = serializers.IntegerField()
    rule = serializers.CharField(
        help_text="The rule that says so; empty: none fits, one other person decides."
    )


class PreviewSerializer(serializers.Serializer):
    """What a request would come to. With problems, it would be refused."""

    name = serializers.CharField()
    domain = serializers.CharField()
    cidr = serializers.CharField()
    other_cidr = serializers.CharField(allow_null=True)
    release = serializers.CharField()
    names = NameSerializer(many=True)
    cost = CostSerializer()
    approval = ExpectedSerializer()
    problems = ErrorSerializer(many=True)
