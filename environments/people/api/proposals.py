"""Proposals in the API: what waits for a second person, and deciding about it."""

from typing import Any

import django_filters
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from environments.people.changes import proposal_moved, title_of
from environments.people.models import Proposal
from environments.people.proposals import proposal_approve, proposal_reject, proposal_withdraw
from environments.rest.fields import Text, shown_by
from environments.rest.serializers import Input, Nothing
from environments.rest.views import ReadOnlyResource


class ProposalSerializer(serializers.ModelSerializer):
    """A change of the portal's settings, with what it was and would be."""

    url = serializers.SerializerMethodField()
    title = serializers.SerializerMethodField(help_text="What it would do, in words.")
    subject = serializers.CharField(source="subject_label", read_only=True)
    subject_id = serializers.IntegerField(read_only=True, allow_null=True)
    before = serializers.DictField(read_only=True, allow_null=True, help_text="Null: it is not there yet.")
    after = serializers.DictField(read_only=True, allow_null=True, help_text="Null: it would go.")
    proposed_by = shown_by("username")
    decided_by = shown_by("username", allow_null=True)

    class Meta:
        model = Proposal
        fields = [
            "id",
            "url",
            "verb",
            "title",
            "subject",
            "subject_id",
            "before",
            "after",
            "digest",
            "reason",
            "status",
            "proposed_by",
            "proposed_at",
            "expires_at",
            "decided_by",
            "decided_at",
            "comment",
            "is_alone",
        ]
        read_only_fields = fields

    def get_url(self, proposal: Proposal) -> str:
        return reverse("proposal-detail", args=[proposal.pk], request=self.context.get("request"))

    def get_title(self, proposal: Proposal) -> str:
        return title_of(proposal)


class ProposalDetailSerializer(ProposalSerializer):
    """A proposal, and whether its subject is still what it was."""

    moved = serializers.SerializerMethodField(
        help_text="What has changed of its subject since; empty while it can be carried out."
    )

    class Meta(ProposalSerializer.Meta):
        fields = [*ProposalSerializer.Meta.fields, "moved"]
        read_only_fields = fields

    def get_moved(self, proposal: Proposal) -> str:
        return proposal_moved(proposal) if proposal.is_open else ""


class ProposalApproveInput(Input):
    """An approval is of the proposal that the person saw."""

    digest = Text(max_length=64, help_text="The proposal's digest, as proposals/{id}/ shows it.")
    comment = Text(required=False, allow_blank=True, default="")


class ProposalRejectInput(Input):
    """A rejection says why."""

    comment = Text(help_text="What who proposed it should change.")


class ProposalFilters(django_filters.FilterSet):
    status = django_filters.ChoiceFilter(choices=Proposal.Status.choices)
    verb = django_filters.CharFilter()
    proposed_by = django_filters.CharFilter("proposed_by__username")
    subject = django_filters.CharFilter("subject_label")

    class Meta:
        model = Proposal
        fields: list[str] = []


def proposed(proposal: Proposal, request: Request) -> Response:
    """202 with the proposal that waits for a second person; 200 when it was done at once, for there is none."""
    body = ProposalSerializer(proposal, context={"request": request}).data
    code = status.HTTP_202_ACCEPTED if proposal.is_open else status.HTTP_200_OK
    return Response(body, status=code, headers={"Location": body["url"]})


PROPOSED = {
    202: OpenApiResponse(ProposalSerializer, "It waits for a second person."),
    200: OpenApiResponse(ProposalSerializer, "Nobody else could decide about it, so it is done."),
}
"""What verbs that need a second person answer, for the OpenAPI document."""


@extend_schema_view(
    list=extend_schema(summary="Proposals, newest first"),
    retrieve=extend_schema(summary="One proposal"),
)
class ProposalViewSet(ReadOnlyResource):
    """Changes of rules, people, accounts and releases that a second person decides about."""

    noun = "proposal"
    view_right = "proposal.view"
    queryset = Proposal.objects.select_related("proposed_by", "decided_by", "subject_type")
    serializer_class = ProposalSerializer
    serializers = dict.fromkeys(("retrieve", "approve", "reject", "withdraw"), ProposalDetailSerializer)
    inputs = {"approve": ProposalApproveInput, "reject": ProposalRejectInput, "withdraw": Nothing}
    scopes = {"approve": "approve", "reject": "approve", "withdraw": "administer"}
    lookup_value_regex = r"[0-9]{1,18}"
    filterset_class = ProposalFilters
    search_fields = ["subject_label", "verb", "reason", "proposed_by__username"]
    ordering_fields = ["id", "verb", "status", "proposed_at", "decided_at"]

    @extend_schema(
        summary="Approve it, and have it done",
        request=ProposalApproveInput,
        responses={200: ProposalDetailSerializer},
    )
    @action(detail=True, methods=["post"])
    def approve(self, request: Request, pk: str) -> Response:
        return self._act(proposal_approve, **self.said())

    @extend_schema(summary="Say no", request=ProposalRejectInput, responses={200: ProposalDetailSerializer})
    @action(detail=True, methods=["post"])
    def reject(self, request: Request, pk: str) -> Response:
        return self._act(proposal_reject, **self.said())

    @extend_schema(summary="Take one's own back", request=Nothing, responses={200: ProposalDetailSerializer})
    @action(detail=True, methods=["post"])
    def withdraw(self, request: Request, pk: str) -> Response:
        return self._act(proposal_withdraw, **self.said())

    def _act(self, service: Any, **said: Any) -> Response:
        service(proposal_id=self.get_object().pk, actor=self.person, **said)
        return self.show(self.get_object())
