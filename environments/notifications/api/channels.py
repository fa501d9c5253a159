"""Chats and webhooks in the API."""

from typing import Any

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from environments.notifications.api.shapes import (
    ChatChange,
    ChatInput,
    ChatSerializer,
    DeliverySerializer,
    SecretWebhookSerializer,
    WebhookChange,
    WebhookInput,
    WebhookSerializer,
)
from environments.notifications.channels import (
    channel_change,
    channel_create,
    channel_enable,
    channel_remove,
    channel_rotate,
    channel_test,
    channels_seen_by,
)
from environments.notifications.models import Channel
from environments.rest.filters import YesNo
from environments.rest.serializers import Nothing
from environments.rest.views import ReadOnlyResource

CHANGING = ("create", "update_channel", "enable", "disable", "test", "destroy", "rotate")


class ChannelFilters(django_filters.FilterSet):
    team = django_filters.CharFilter("team__slug")
    is_enabled = YesNo()

    class Meta:
        model = Channel
        fields: list[str] = []


class ChannelViewSet(ReadOnlyResource):
    """What chats and webhooks share. Who may change one is settled by the service, so who may not gets 403."""

    view_right = "channel.view"
    kind: Channel.Kind
    address_field = "url"
    queryset = Channel.objects.filter(person__isnull=True).select_related("team", "created_by")
    scopes = dict.fromkeys(CHANGING, "administer")
    lookup_value_regex = r"[0-9]{1,18}"
    filterset_class = ChannelFilters
    search_fields = ["name", "masked"]
    ordering_fields = ["name", "created_at", "id"]

    def get_queryset(self) -> QuerySet[Channel]:
        rows: QuerySet[Channel] = super().get_queryset().filter(kind=self.kind)
        if self.action in CHANGING:
            return rows
        seen = channels_seen_by(self.person).filter(kind=self.kind, person__isnull=True)
        return seen.order_by("name", "id")

    def create(self, request: Request) -> Response:
        said = self._said()
        made = channel_create(kind=self.kind, team=said.pop("team"), **said, actor=self.person)
        return self._with_secret(made.channel, made.secret, status=status.HTTP_201_CREATED)

    @action(detail=True, methods=["post"], url_path="update", url_name="update")
    def update_channel(self, request: Request, pk: str) -> Response:
        row = self.get_object()
        return self.show(channel_change(channel=row, **self._said(), actor=self.person))

    @action(detail=True, methods=["post"])
    def enable(self, request: Request, pk: str) -> Response:
        self.said()
        return self.show(channel_enable(channel=self.get_object(), is_enabled=True, actor=self.person))

    @action(detail=True, methods=["post"])
    def disable(self, request: Request, pk: str) -> Response:
        self.said()
        return self.show(channel_enable(channel=self.get_object(), is_enabled=False, actor=self.person))

    @action(detail=True, methods=["post"])
    def test(self, request: Request, pk: str) -> Response:
        self.said()
        delivery = channel_test(channel=self.get_object(), actor=self.person)
        return self.show(delivery, DeliverySerializer, status=status.HTTP_202_ACCEPTED)

    def destroy(self, request: Request, pk: str) -> Response:
        channel_remove(channel=self.get_object(), actor=self.person)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _said(self) -> dict[str, Any]:
        said = self.said()
        address = said.pop(self.address_field)
        return {**said, "address": address}

    def _with_secret(self, channel: Channel, secret: str, **options: Any) -> Response:
        return self.show(channel, **options)


def _documented(noun: str, shown: type[Serializer], inputs: dict[str, type[Serializer]]) -> Any:
    """The document's words for what a kind of channel does."""
    return extend_schema_view(
        list=extend_schema(summary=f"{noun.capitalize()}s that you may see"),
        retrieve=extend_schema(summary=f"One {noun}"),
        update_channel=extend_schema(
            summary=f"Change a {noun}",
            operation_id=f"{noun}s_update",
            request=inputs["update_channel"],
            responses={200: shown},
        ),
        enable=extend_schema(summary=f"Enable a {noun} again", request=Nothing, responses={200: shown}),
        disable=extend_schema(
            summary=f"Disable a {noun}; what is open is given up", request=Nothing, responses={200: shown}
        ),
        test=extend_schema(
            summary="Send a test at once; the delivery tells how it went",
            request=Nothing,
            responses={202: DeliverySerializer},
        ),
        destroy=extend_schema(summary=f"Remove a {noun} and its deliveries", responses={204: None}),
    )


WEBHOOK_INPUTS: dict[str, type[Serializer]] = {
    "create": WebhookInput,
    "update_channel": WebhookChange,
    **dict.fromkeys(("enable", "disable", "test", "rotate"), Nothing),
}
CHAT_INPUTS: dict[str, type[Serializer]] = {
    "create": ChatInput,
    "update_channel": ChatChange,
    **dict.fromkeys(("enable", "disable", "test"), Nothing),
}


@_documented("webhook", WebhookSerializer, WEBHOOK_INPUTS)
class WebhookViewSet(ChannelViewSet):
    """Receivers of signed documents (docs/webhooks.md)."""

    noun = "webhook"
    kind = Channel.Kind.WEBHOOK
    serializer_class = WebhookSerializer
    inputs = WEBHOOK_INPUTS
    secret_fields = {"create": {"secret"}, "rotate": {"secret"}}

    @extend_schema(summary="Make a webhook", request=WebhookInput, responses={201: SecretWebhookSerializer})
    def create(self, request: Request) -> Response:
        return super().create(request)

    @extend_schema(
        summary="A new secret; for a day the one before signs too",
        request=Nothing,
        responses={200: SecretWebhookSerializer},
    )
    @action(detail=True, methods=["post"])
    def rotate(self, request: Request, pk: str) -> Response:
        self.said()
        made = channel_rotate(channel=self.get_object(), actor=self.person)
        return self._with_secret(made.channel, made.secret)

    def _with_secret(self, channel: Channel, secret: str, **options: Any) -> Response:
        answer = self.show(channel, **options)
        answer.data = {**answer.data, "secret": secret}
        return answer


@_documented("chat", ChatSerializer, CHAT_INPUTS)
class ChatViewSet(ChannelViewSet):
    """Chats of teams, by apprise."""

    noun = "chat"
    kind = Channel.Kind.CHAT
    address_field = "address"
    serializer_class = ChatSerializer
    inputs = CHAT_INPUTS

    @extend_schema(summary="Make a chat", request=ChatInput, responses={201: ChatSerializer})
    def create(self, request: Request) -> Response:
        return super().create(request)
