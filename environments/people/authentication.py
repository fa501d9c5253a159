"""API tokens: who a bearer token stands for, and which verbs its scopes open."""

from datetime import timedelta
from typing import Any

from django.utils import timezone
from knox.auth import TokenAuthentication
from knox.crypto import hash_token
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from environments.people.models import ApiToken, TokenScope, User
from environments.people.rights import require
from environments.rest.throttling import address_of, count

LAST_USED_PRECISION = timedelta(minutes=1)


class ApiTokenAuthentication(TokenAuthentication):
    """`Authorization: Bearer <token>`; says plainly whether a token is unknown, revoked or expired."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        """Refused tokens are counted by address, and past the rate it is no longer told why. A good token is
        never refused for what its neighbours behind the same proxy send."""
        try:
            found: tuple[User, ApiToken] | None = super().authenticate(request)
        except AuthenticationFailed:
            wait = count("refused", address_of(request) or "")
            if wait is not None:
                raise Throttled(wait) from None
            raise
        return found

    def authenticate_credentials(self, token: bytes) -> tuple[User, ApiToken]:
        row = ApiToken.objects.select_related("user").filter(digest=hash_token(token.decode())).first()
        if row is None:
            raise AuthenticationFailed(
                "This token is unknown. Make a new one under Administration, API tokens."
            )
        if row.revoked_at is not None:
            raise AuthenticationFailed(
                f"This token was revoked on {row.revoked_at:%d %b %Y}. Make a new one."
            )
        if row.expiry is not None and row.expiry <= timezone.now():
            raise AuthenticationFailed(f"This token expired on {row.expiry:%d %b %Y}. Make a new one.")
        if not row.user.is_active:
            raise AuthenticationFailed("The person this token belongs to has left.")
        now = timezone.now()
        if row.last_used_at is None or now - row.last_used_at > LAST_USED_PRECISION:
            ApiToken.objects.filter(pk=row.pk).update(last_used_at=now)
        return row.user, row


class ScopedPermission(BasePermission):
    """Signed in; with a token, within its scopes; and, to read, with the view's right.

    Views name theirs in `scopes = {action: scope}` and `view_right`. What changes something asks for its right in
    the service that does it.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        if not (request.user and request.user.is_authenticated):
            return False
        if isinstance(request.auth, ApiToken) and not self._in_scope(request, request.auth, view):
            return False
        right = getattr(view, "view_right", "")
        if right and request.method in SAFE_METHODS:
            require(request.user, right)
        return True

    def _in_scope(self, request: Request, token: ApiToken, view: Any) -> bool:
        action = getattr(view, "action", None) or (request.method or "").lower()
        needed = getattr(view, "scopes", {}).get(action)
        if needed is None:
            needed = TokenScope.READ if request.method in SAFE_METHODS else TokenScope.OPERATE
        self.message = f"This token lacks the scope {needed}. It has: {', '.join(token.scopes) or 'none'}."
        return needed in token.scopes
