"""What environments look like in the API, and what requests about them may say."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.reverse import reverse

from environments.lifecycle.extend import extend_limit
from environments.lifecycle.models import Account, Environment, Release, TeardownReport
from environments.lifecycle.naming import names_derive
from environments.lifecycle.pauses import environment_pause_of
from environments.lifecycle.runtime import runtime_shown
from environments.lifecycle.teardown import STORES
from environments.operations.api.shapes import PauseBriefSerializer
from environments.operations.models import Resource, Stack
from environments.people.models import Team, User
from environments.rest.fields import Flag, Named, Text, Whole, shown_by
from environments.rest.serializers import Input


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


class EnvironmentDetailSerializer(EnvironmentSerializer):
    """One environment with its spec, its names, its stacks, and what its teardown left."""

    spec = serializers.DictField(read_only=True)
    names = serializers.SerializerMethodField()
    stacks = StackSerializer(many=True, read_only=True)
    teardown_report = serializers.SerializerMethodField()
    expiry_limit = serializers.SerializerMethodField(
        help_text="As far as it is extended without another person's approval; null: no maximum."
    )
    pause = serializers.SerializerMethodField(help_text="What holds it back now; null: nothing does.")
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
            "teardown_report",
            "pause",
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

    @extend_schema_field(ReportSerializer(allow_null=True))
    def get_teardown_report(self, environment: Environment) -> dict[str, Any] | None:
        newest = next(iter(environment.teardown_reports.all()), None)
        return ReportSerializer(newest).data if newest is not None else None

    @extend_schema_field(PauseBriefSerializer(allow_null=True))
    def get_pause(self, environment: Environment) -> dict[str, Any] | None:
        pause = None if environment.is_gone else environment_pause_of(environment)
        return PauseBriefSerializer(pause).data if pause else None


class RestoreSourceInput(Input):
    """Where the database's first data comes from."""

    kind = serializers.ChoiceField(["snapshot", "cluster"])
    id = Text(max_length=255, help_text="Identifier of the snapshot or cluster.")


class PreviewInput(Input):
    """A request for an environment. Sizes, tiers and regions are those of the release."""

    name = Text(max_length=200, help_text="3 to 20 lower-case letters, digits and single hyphens.")
    team = Named("team", Team.objects.all(), by="slug", help_text="The team's slug.")
    owner = Named(
        "person",
        User.objects.all(),
        by="username",
        required=False,
        help_text="User name of who answers for it, somebody of the team; left out, you.",
    )
    tier = Text(max_length=20, help_text="dev, staging or prod.")
    size = Text(max_length=20, help_text="small, medium or large.")
    account = Named("account", Account.objects.all(), by="name", help_text="The account's name.")
    home_region = Text(max_length=30, help_text="Fixed for its life.")
    release = Named(
        "release",
        Release.objects.select_related("blueprint"),
        by="version",
        required=False,
        help_text="A version; left out, the default release.",
    )
    cidr = Text(
        max_length=50,
        required=False,
        allow_blank=True,
        help_text="As 10.12.0.0/16; left out, the account's next free /16.",
    )
    domain = Text(
        max_length=255, required=False, allow_blank=True, help_text="Left out, <name>.<the account's zone>."
    )


class EnvironmentInput(PreviewInput):
    """A request for an environment."""

    expires_at = serializers.DateTimeField(
        required=False,
        allow_null=True,
        help_text="When it is torn down; left out, as its tier's rule says (expiry-rules/); null: never, where the"
        " rule has no maximum.",
    )

    restore_source = RestoreSourceInput(required=False, allow_null=True)
    is_protected = Flag(required=False, help_text="Left out: true outside dev.")


class ProtectInput(Input):
    """Protection against teardown."""

    is_protected = Flag(default=True)


class UpdateInput(Input):
    """Other values of the spec, another release, or both."""

    changes = serializers.DictField(
        child=serializers.JSONField(),
        required=False,
        default=dict,
        help_text='Fields that the release marks as changeable in its schema: {"size": "medium"}.',
    )
    release = Named(
        "release",
        Release.objects.select_related("blueprint"),
        by="version",
        required=False,
        help_text="A version to upgrade to (or to go back to); left out, the environment's own.",
    )
    replace = serializers.ListField(
        child=serializers.CharField(max_length=300),
        required=False,
        default=list,
        max_length=50,
        help_text="What holds data and may be replaced or removed all the same, each named: data/Cluster. A plan that"
        ' was refused lists them in its operation\'s failure, as "losses".',
    )


class ExtendInput(Input):
    """Another end: a moment, or so many hours more."""

    until = serializers.DateTimeField(
        required=False,
        allow_null=True,
        help_text="When it expires; null: never. An earlier one takes time back.",
    )
    hours = Whole(
        min_value=1,
        max_value=87_600,
        required=False,
        help_text="On top of its expiry, or of now when that has passed.",
    )
    reason = Text(
        required=False, allow_blank=True, default="", help_text="For who approves it, and the audit."
    )

    def validate(self, said: dict[str, Any]) -> dict[str, Any]:
        if ("until" in said) == ("hours" in said):
            raise serializers.ValidationError(
                {"until": "Say until when, or by how many hours: one of the two."}
            )
        return said


class TeardownInput(Input):
    """The end of an environment."""

    confirm = Text(max_length=200, help_text="The environment's name, typed.")
    copies = serializers.DictField(
        child=Flag(),
        help_text=f"Per store, whether a last copy is kept: {', '.join(STORES)}. Each needs its true or false.",
    )
    reason = Text(required=False, allow_blank=True, default="")


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


class CostSerializer(serializers.Serializer):
    """An estimate, in amounts as text."""

    currency = serializers.CharField()
    period = serializers.CharField()
    as_of = serializers.CharField()
    total = serializers.CharField()
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
    release = serializers.CharField()
    names = NameSerializer(many=True)
    cost = CostSerializer()
    approval = ExpectedSerializer()
    problems = ErrorSerializer(many=True)
