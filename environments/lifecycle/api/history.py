"""The history of environments in the API: revisions, differences between any two, rolling back."""

from collections.abc import Callable
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from environments.errors import InvalidFields
from environments.lifecycle.api.control import NAME_OR_ID
from environments.lifecycle.api.plans import ChangeSerializer
from environments.lifecycle.comparison import (
    Side,
    comparison_ask,
    environments_compare,
    releases_compare,
    side_of_environment,
    side_of_release,
)
from environments.lifecycle.history import environment_rollback, revision_approvers, revisions_list
from environments.lifecycle.models import Comparison, Revision
from environments.lifecycle.reference import sizes_of
from environments.operations.api.shapes import OperationSerializer, accepted
from environments.operations.waiting import LONGEST_S, wait_until
from environments.rest.fields import Whole, shown_by
from environments.rest.serializers import Input
from environments.rest.views import Resource

SIDE = "A revision's number, now, a moment (ISO 8601) or a day; of another environment as name@3 or name@now."
FROM = OpenApiParameter("from", str, description=f"{SIDE} Left out: the revision before `to`.")
TO = OpenApiParameter("to", str, description=f"{SIDE} Left out: now.")
WAIT = OpenApiParameter(
    "wait",
    {"type": "number", "minimum": 0, "maximum": LONGEST_S},
    description="Hold the answer until the templates are compared, at most so many seconds.",
)


class RevisionSerializer(serializers.ModelSerializer):
    """One state that the environment was brought to."""

    release = shown_by("version")
    requested_by = shown_by("username", allow_null=True)
    operation = serializers.IntegerField(source="operation_id", read_only=True, allow_null=True)
    back_to = serializers.SerializerMethodField(help_text="The revision that it was rolled back to.")
    approved_by = serializers.SerializerMethodField(help_text="Who approved; or the rule that did.")
    spec = serializers.DictField(read_only=True)

    class Meta:
        model = Revision
        fields = [
            "number",
            "outcome",
            "kind",
            "made_at",
            "release",
            "facts_version",
            "monthly_cost",
            "operation",
            "back_to",
            "requested_by",
            "approved_by",
            "spec",
        ]
        read_only_fields = fields

    def get_back_to(self, revision: Revision) -> int | None:
        return revision.back_to.number if revision.back_to else None

    def get_approved_by(self, revision: Revision) -> list[str]:
        return revision_approvers(revision)


class FieldDifferenceSerializer(serializers.Serializer):
    """A field of the spec."""

    field = serializers.CharField()
    title = serializers.CharField()
    before = serializers.JSONField(allow_null=True)
    after = serializers.JSONField(allow_null=True)


class BeforeAfterSerializer(serializers.Serializer):
    """A word on either side."""

    before = serializers.CharField(allow_null=True)
    after = serializers.CharField(allow_null=True)


class NamedDifferenceSerializer(BeforeAfterSerializer):
    """Something with a name; empty where a side has none of it."""

    name = serializers.CharField()


class CostItemDifferenceSerializer(BeforeAfterSerializer):
    """One line of the estimates."""

    key = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]


class CostDifferenceSerializer(BeforeAfterSerializer):
    """Two estimates, USD a month, as text."""

    difference = serializers.CharField()
    items = CostItemDifferenceSerializer(many=True)


class StackDifferenceSerializer(serializers.Serializer):
    """A stack whose templates differ."""

    key = serializers.CharField()
    action = serializers.CharField(help_text="create, update or delete: from one to the other.")
    changes = ChangeSerializer(many=True)


class TemplatesSerializer(serializers.ModelSerializer):
    """Templates by resource and property. A worker compares them; ask again, or with ?wait=, while it is pending."""

    counts = serializers.SerializerMethodField(help_text="Resources by action.")
    stacks = serializers.SerializerMethodField()

    class Meta:
        model = Comparison
        fields = ["status", "sentence", "counts", "stacks"]
        read_only_fields = fields

    def get_counts(self, row: Comparison) -> dict[str, int]:
        return row.document.get("counts", {})

    @extend_schema_field(StackDifferenceSerializer(many=True))
    def get_stacks(self, row: Comparison) -> list[dict[str, Any]]:
        return row.stacks


class SideSerializer(serializers.Serializer):
    """What is compared."""

    label = serializers.CharField()  # type: ignore[assignment]
    release = serializers.CharField(source="release.version")
    environment = serializers.CharField(source="environment.name", allow_null=True, default=None)
    revision = serializers.IntegerField(source="revision.number", allow_null=True, default=None)


class EnvironmentDiffSerializer(serializers.Serializer):
    """What differs from one to the other."""

    left = SideSerializer(help_text="What `from` named.")
    right = SideSerializer(help_text="What `to` named.")
    release = BeforeAfterSerializer()
    spec = FieldDifferenceSerializer(many=True)
    cost = CostDifferenceSerializer()
    facts = BeforeAfterSerializer(help_text="Versions of what is known of the home region.")
    templates = TemplatesSerializer()


class ChangeTextSerializer(serializers.Serializer):
    """What a version of the blueprint brought."""

    version = serializers.CharField()
    text = serializers.CharField()


class ReleaseDiffSerializer(serializers.Serializer):
    """What differs from one release to another."""

    left = SideSerializer()
    right = SideSerializer()
    changes = ChangeTextSerializer(many=True, help_text="In the blueprint's own words.")
    fields = NamedDifferenceSerializer(many=True, help_text="Of the spec's schema.")  # type: ignore[assignment]
    stacks = NamedDifferenceSerializer(many=True)
    prices = NamedDifferenceSerializer(many=True)
    lock = NamedDifferenceSerializer(many=True)
    regions = NamedDifferenceSerializer(many=True)
    templates = TemplatesSerializer(help_text="Of a reference environment of that size.")


class RollbackInput(Input):
    """A revision to go back to."""

    revision = Whole(min_value=1, max_value=2**31 - 1, help_text="Its number, as revisions/ lists it.")


INPUTS = {"rollback": RollbackInput}
SERIALIZERS: dict[str, type[serializers.Serializer]] = {
    "revisions": RevisionSerializer,
    "diff": EnvironmentDiffSerializer,
}
PARAMETERS = {"revisions": {"page", "page_size"}, "diff": {"from", "to", "wait"}}


class HistoryActions(Resource):
    """What the resource of environments gets from here."""

    @extend_schema(
        summary="What it was deployed as, newest first",
        parameters=[NAME_OR_ID],
        responses=RevisionSerializer(many=True),
        filters=False,
    )
    @action(detail=True)
    def revisions(self, request: Request, environment: str) -> Response:
        return self.show_list(revisions_list(self.get_object()), RevisionSerializer)

    @extend_schema(
        summary="What differs between two revisions, moments or environments",
        parameters=[NAME_OR_ID, FROM, TO, WAIT],
        responses=EnvironmentDiffSerializer,
    )
    @action(detail=True, pagination_class=None, filter_backends=[])
    def diff(self, request: Request, environment: str) -> Response:
        row = self.get_object()
        asked = request.query_params
        right = _side("to", lambda: side_of_environment(asked.get("to", ""), row))
        assert right.revision is not None
        default = f"{right.environment}@{max(1, right.revision.number - 1)}"
        left = _side("from", lambda: side_of_environment(asked.get("from") or default, row))
        return self.show(
            {"left": left, "right": right}
            | environments_compare(left, right)
            | {"templates": _templates(left, right, asked.get("wait", "0"))}
        )

    @extend_schema(
        summary="Bring it back to a revision, as a new planned update",
        parameters=[NAME_OR_ID],
        request=RollbackInput,
        responses={202: OperationSerializer},
    )
    @action(detail=True, methods=["post"])
    def rollback(self, request: Request, environment: str) -> Response:
        row = self.get_object()
        return accepted(environment_rollback(environment=row, **self.said(), actor=self.person), request)


class ReleaseHistoryActions(Resource):
    """What the resource of releases gets from here."""

    @extend_schema(
        summary="What differs between this release and another",
        parameters=[
            OpenApiParameter(
                "to", str, description="Version of another release of the blueprint.", required=True
            ),
            OpenApiParameter(
                "size", str, description="Of the reference environment. Left out: the smallest."
            ),
            WAIT,
        ],
        responses=ReleaseDiffSerializer,
    )
    @action(detail=True, pagination_class=None, filter_backends=[])
    def diff(self, request: Request, pk: str) -> Response:
        release = self.get_object()
        asked = request.query_params
        if not asked.get("to"):
            raise ValidationError({"to": "Say the version of the release to compare with: ?to=1.2.0."})
        size = asked.get("size") or next(iter(sizes_of(release)), "")
        left = _side("size", lambda: side_of_release("", release, size))
        right = _side("to", lambda: side_of_release(asked["to"], release, size))
        return self.show(
            {"left": left, "right": right}
            | releases_compare(left.release, right.release)
            | {"templates": _templates(left, right, asked.get("wait", "0"))}
        )


def _side(parameter: str, find: Callable[[], Side]) -> Side:
    try:
        return find()
    except InvalidFields as error:
        raise ValidationError({name or parameter: told for name, told in error.errors.items()}) from error


def _templates(left: Side, right: Side, wait: str) -> Comparison:
    """Their comparison, after having waited for it for `wait` seconds."""
    try:
        seconds = float(wait)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= LONGEST_S:
        raise ValidationError({"wait": f"wait is a number of seconds from 0 to {LONGEST_S}."})
    row = comparison_ask(left, right)

    def is_over() -> bool:
        row.refresh_from_db()
        return row.status != Comparison.Status.PENDING

    if seconds:
        wait_until(is_over, seconds)
    return row
