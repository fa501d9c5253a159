"""The log of deliveries in the API."""

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from environments.notifications.api.shapes import DeliverySerializer
from environments.notifications.log import deliveries_seen_by, delivery_redeliver
from environments.notifications.models import Delivery, Medium
from environments.rest.filters import Moment, YesNo
from environments.rest.serializers import Nothing
from environments.rest.views import ReadOnlyResource


class DeliveryFilters(django_filters.FilterSet):
    """?status= may be given several times."""

    status = django_filters.MultipleChoiceFilter(choices=Delivery.Status.choices)
    medium = django_filters.ChoiceFilter(choices=Medium.choices)
    topic = django_filters.CharFilter()
    channel = django_filters.CharFilter(method="of_channel", label="Id or name of a chat or webhook.")
    person = django_filters.CharFilter("person__username")
    is_test = YesNo()
    created_after = Moment("created_at", "gte")

    class Meta:
        model = Delivery
        fields: list[str] = []

    def of_channel(self, rows: QuerySet[Delivery], _name: str, value: str) -> QuerySet[Delivery]:
        if value.isascii() and value.isdigit() and len(value) < 19:
            return rows.filter(channel_id=int(value))
        return rows.filter(channel__name=value)


@extend_schema_view(
    list=extend_schema(summary="What was sent to whom, and how it went, newest first"),
    retrieve=extend_schema(summary="One delivery"),
)
class DeliveryViewSet(ReadOnlyResource):
    """Deliveries of channels that you may see; of everything for administrators and auditors."""

    noun = "delivery"
    view_right = "channel.view"
    queryset = Delivery.objects.select_related("channel__team", "person")
    serializer_class = DeliverySerializer
    inputs = {"redeliver": Nothing}
    scopes = {"redeliver": "administer"}
    lookup_value_regex = r"[0-9]{1,18}"
    filterset_class = DeliveryFilters
    search_fields = ["topic", "channel__name", "person__username", "sentence"]
    ordering_fields = ["id", "created_at", "next_try_at"]

    def get_queryset(self) -> QuerySet[Delivery]:
        if self.action == "redeliver":
            return super().get_queryset()
        return deliveries_seen_by(self.person)

    @extend_schema(
        summary="Send it again now, under the same id", request=Nothing, responses={200: DeliverySerializer}
    )
    @action(detail=True, methods=["post"])
    def redeliver(self, request: Request, pk: str) -> Response:
        self.said()
        row = delivery_redeliver(delivery=self.get_object(), actor=self.person)
        return self.show(self.get_queryset().get(pk=row.pk))
