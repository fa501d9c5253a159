"""One's own notifications in the API: the inbox, and what one is told by which way."""

from typing import Any

import django_filters
from django.conf import settings
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from environments.notifications.api.shapes import (
    DeliverySerializer,
    EntrySerializer,
    PreferencesInput,
    PreferencesSerializer,
    ReadSerializer,
)
from environments.notifications.channels import mail_test, own_chat_remove, own_chat_set
from environments.notifications.inbox import entries_read, inbox_of
from environments.notifications.models import Channel, Entry
from environments.notifications.preferences import matrix_of, preferences_set
from environments.notifications.topics import Group, topics_of
from environments.rest.filters import YesNo
from environments.rest.serializers import Nothing
from environments.rest.views import ReadOnlyResource


class EntryFilters(django_filters.FilterSet):
    read = YesNo("read_at", "isnull", exclude=True)
    group = django_filters.ChoiceFilter(choices=Group.choices, method="of_group")

    class Meta:
        model = Entry
        fields: list[str] = []

    def of_group(self, rows: QuerySet[Entry], _name: str, value: str) -> QuerySet[Entry]:
        return rows.filter(notice__topic__in=topics_of([value]))


@extend_schema_view(
    list=extend_schema(summary="Your notifications, newest first"),
    retrieve=extend_schema(summary="One of your notifications"),
)
class NotificationViewSet(ReadOnlyResource):
    """What concerns you, whether or not it was also mailed."""

    noun = "notification"
    view_right = "notification.own"
    queryset = Entry.objects.select_related("notice__operation")
    serializer_class = EntrySerializer
    inputs = {"read": Nothing, "mail_test": Nothing, "preferences_change": PreferencesInput}
    scopes = {"read": "operate", "mail_test": "operate", "preferences_change": "operate"}
    lookup_field = "notice_id"
    lookup_url_kwarg = "notification"
    lookup_value_regex = r"[0-9]{1,18}"
    filterset_class = EntryFilters
    search_fields = ["notice__sentence", "notice__subject_label"]
    ordering_fields = ["notice_id"]

    def get_queryset(self) -> QuerySet[Entry]:
        return inbox_of(self.person)

    @extend_schema(
        summary="Mark all as read", request=Nothing, responses={200: ReadSerializer}, filters=False
    )
    @action(detail=False, methods=["post"])
    def read(self, request: Request) -> Response:
        self.said()
        return self.show({"read": entries_read(actor=self.person)}, ReadSerializer)

    @extend_schema(
        summary="What you are told, and how", responses={200: PreferencesSerializer}, filters=False
    )
    @action(detail=False)
    def preferences(self, request: Request) -> Response:
        return self._preferences()

    @extend_schema(
        summary="Choose what you are told, and how",
        request=PreferencesInput,
        responses={200: PreferencesSerializer},
        filters=False,
    )
    @preferences.mapping.post
    def preferences_change(self, request: Request) -> Response:
        said = self.said()
        if said["chat"] is not None:
            if said["chat"].strip():
                own_chat_set(address=said["chat"], actor=self.person)
            else:
                own_chat_remove(actor=self.person)
        preferences_set(user=self.person, matrix=said["groups"], actor=self.person)
        return self._preferences()

    @extend_schema(
        summary="Send yourself a test by mail",
        operation_id="notifications_mail_test",
        request=Nothing,
        responses={202: DeliverySerializer},
        filters=False,
    )
    @action(detail=False, methods=["post"], url_path="mail-test")
    def mail_test(self, request: Request) -> Response:
        self.said()
        return self.show(mail_test(actor=self.person), DeliverySerializer, status=status.HTTP_202_ACCEPTED)

    def _preferences(self) -> Response:
        shown: dict[str, Any] = {
            "groups": matrix_of(self.person),
            "mail_to": self.person.email,
            "mail_is_on": settings.MAIL_IS_ON,
            "chat": Channel.objects.filter(person=self.person).first(),
        }
        return self.show(shown, PreferencesSerializer)
