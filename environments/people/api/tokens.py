"""API tokens in the API: one's own; an administrator sees and revokes everybody's."""

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from environments.errors import Forbidden
from environments.people.models import ApiToken, TokenScope, User
from environments.people.rights import may
from environments.people.services import MAX_TOKEN_DAYS, token_create, token_revoke
from environments.rest.fields import Text, Whole, shown_by
from environments.rest.filters import YesNo
from environments.rest.serializers import Input, Nothing
from environments.rest.views import ReadOnlyResource

# A token's key is its SHA-512 digest; its first 64 bits name it well enough.
ID_LENGTH = 16
TOKEN_ID = OpenApiParameter("token", {"type": "string", "pattern": "^[0-9a-f]{16}$"}, OpenApiParameter.PATH)


class TokenSerializer(serializers.ModelSerializer):
    """A token, without the token itself."""

    id = serializers.SerializerMethodField()
    user = shown_by("username")
    created_at = serializers.DateTimeField(source="created", read_only=True)
    expires_at = serializers.DateTimeField(source="expiry", read_only=True, allow_null=True)
    is_usable = serializers.BooleanField(read_only=True)

    class Meta:
        model = ApiToken
        fields = [
            "id",
            "user",
            "name",
            "scopes",
            "created_at",
            "expires_at",
            "revoked_at",
            "last_used_at",
            "is_usable",
        ]
        read_only_fields = fields

    def get_id(self, token: ApiToken) -> str:
        return token.digest[:ID_LENGTH]


class NewTokenSerializer(TokenSerializer):
    """A token that was just made: the only time that it is shown."""

    token = serializers.CharField(
        read_only=True, allow_null=True, help_text="Null when the answer is repeated for its key."
    )

    class Meta(TokenSerializer.Meta):
        fields = [*TokenSerializer.Meta.fields, "token"]
        read_only_fields = fields


class TokenInput(Input):
    """A new token of one's own."""

    name = Text(max_length=80, help_text="What it is for: nightly-tests.")
    scopes = serializers.ListField(
        child=Text(max_length=20), max_length=20, help_text=f"Any of: {', '.join(TokenScope.values)}."
    )
    days = Whole(
        default=90,
        min_value=-(2**31),
        max_value=2**31,
        help_text=f"Days that it lives, 1 to {MAX_TOKEN_DAYS}.",
    )


class TokenFilters(django_filters.FilterSet):
    user = django_filters.CharFilter("user__username")
    revoked = YesNo("revoked_at", "isnull", exclude=True)

    class Meta:
        model = ApiToken
        fields: list[str] = []


@extend_schema_view(
    list=extend_schema(summary="Your tokens; everybody's for an administrator"),
    retrieve=extend_schema(summary="One token, without the token itself", parameters=[TOKEN_ID]),
)
class TokenViewSet(ReadOnlyResource):
    """Keys for scripts."""

    noun = "token"
    view_right = "token.own"
    queryset = ApiToken.objects.select_related("user")
    serializer_class = TokenSerializer
    inputs = {"create": TokenInput, "revoke": Nothing}
    scopes = {"create": "administer", "revoke": "administer"}
    secret_fields = {"create": {"token"}}
    lookup_field = "digest__startswith"
    lookup_url_kwarg = "token"
    lookup_value_regex = rf"[0-9a-f]{{{ID_LENGTH}}}"
    filterset_class = TokenFilters
    search_fields = ["name", "user__username"]
    ordering_fields = ["created", "expiry", "name", "last_used_at"]

    def get_queryset(self) -> QuerySet[ApiToken]:
        rows = super().get_queryset()
        user = self.person
        return rows if may(user, "token.revoke-any") else rows.filter(user_id=user.pk)

    @extend_schema(
        summary="Make a token of your own", request=TokenInput, responses={201: NewTokenSerializer}
    )
    def create(self, request: Request) -> Response:
        said = self.said()
        if isinstance(request.auth, ApiToken):
            known = set(said["scopes"]).intersection(TokenScope.values)
            wider = sorted(known - set(request.auth.scopes))
            if wider:
                raise Forbidden(
                    f"A token cannot make one that may do more: it lacks {', '.join(wider)}.", field="scopes"
                )
        user: User = self.person
        row, token = token_create(user=user, **said, actor=user)
        row.token = token
        return self.created(row, NewTokenSerializer)

    @extend_schema(
        summary="End a token now", parameters=[TOKEN_ID], request=Nothing, responses={200: TokenSerializer}
    )
    @action(detail=True, methods=["post"])
    def revoke(self, request: Request, token: str) -> Response:
        self.said()
        return self.show(token_revoke(token=self.get_object(), actor=self.person))
