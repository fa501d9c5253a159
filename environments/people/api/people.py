"""Teams and people in the API."""

import django_filters
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from environments.people.models import PortalRole, Team, User
from environments.people.services import team_create
from environments.rest.fields import Text, shown_by
from environments.rest.filters import YesNo
from environments.rest.serializers import Input
from environments.rest.views import ReadOnlyResource


class TeamSerializer(serializers.ModelSerializer):
    """Who owns environments."""

    email = serializers.CharField(read_only=True)

    class Meta:
        model = Team
        fields = ["id", "slug", "name", "email"]
        read_only_fields = fields


class TeamInput(Input):
    """A new team. Its slug is made from its name."""

    name = Text(max_length=60)
    email = serializers.EmailField(required=False, allow_blank=True, default="", max_length=254)


class TeamFilters(django_filters.FilterSet):
    slug = django_filters.CharFilter()

    class Meta:
        model = Team
        fields: list[str] = []


@extend_schema_view(
    list=extend_schema(summary="Teams"),
    retrieve=extend_schema(summary="One team"),
)
class TeamViewSet(ReadOnlyResource):
    """Teams own environments."""

    noun = "team"
    view_right = "team.view"
    queryset = Team.objects.all()
    serializer_class = TeamSerializer
    inputs = {"create": TeamInput}
    scopes = {"create": "administer"}
    lookup_field = "slug"
    lookup_value_regex = r"[a-zA-Z0-9_-]{1,60}"
    filterset_class = TeamFilters
    search_fields = ["name", "slug"]
    ordering_fields = ["name", "slug", "id"]

    @extend_schema(summary="Make a team", request=TeamInput, responses={201: TeamSerializer})
    def create(self, request: Request) -> Response:
        return self.created(team_create(**self.said(), actor=self.person))


class PersonSerializer(serializers.ModelSerializer):
    """A person of the portal."""

    name = serializers.CharField(source="get_full_name", read_only=True)
    # Empty where nobody gave one, which is no address.
    email = serializers.CharField(read_only=True)
    teams = shown_by("slug", many=True)

    class Meta:
        model = User
        fields = ["id", "username", "name", "email", "portal_role", "teams", "is_active"]
        read_only_fields = fields


class PersonFilters(django_filters.FilterSet):
    portal_role = django_filters.ChoiceFilter(choices=PortalRole.choices)
    team = django_filters.CharFilter("teams__slug")
    is_active = YesNo()

    class Meta:
        model = User
        fields: list[str] = []


@extend_schema_view(
    list=extend_schema(summary="People and their portal roles"),
    retrieve=extend_schema(summary="One person"),
)
class PersonViewSet(ReadOnlyResource):
    """People; administrators take them in on the portal's pages."""

    noun = "person"
    view_right = "person.view"
    queryset = User.objects.prefetch_related("teams")
    serializer_class = PersonSerializer
    lookup_field = "username"
    lookup_value_regex = r"[\w.@+-]{1,150}"
    filterset_class = PersonFilters
    search_fields = ["username", "first_name", "last_name", "email"]
    ordering_fields = ["username", "portal_role", "id"]
