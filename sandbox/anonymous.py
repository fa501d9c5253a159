"""Requests without a signature: the operations that AWS lets anybody call (`auth` none in botocore's model)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from starlette.datastructures import Headers

from sandbox.context import Principal
from sandbox.errors import AwsError
from sandbox.services.cognito_identity import credentials
from sandbox.services.cognito_idp import public
from sandbox.signing import Scope

if TYPE_CHECKING:
    from sandbox.wire.protocol import Asked
    from sandbox.world import World

_TARGETS = {
    "AWSCognitoIdentityProviderService": "cognito-idp",
    "AWSCognitoIdentityService": "cognito-identity",
}
_WHOSE = {"cognito-idp": public.whose, "cognito-identity": credentials.whose}


def scope_without_signature(headers: Headers) -> Scope | None:
    """The scope of an unsigned request for a service that has operations for anybody; None for all others.

    Its region is the Host header's, if that is called as AWS's endpoints are, else "" (`caller` finds the pool's own).
    """
    service = _TARGETS.get(headers.get("x-amz-target", "").partition(".")[0])
    if service is None or headers.get("authorization"):
        return None
    return Scope("", public.region_of_host(headers.get("host", "")), service, None)


def is_public(asked: Asked) -> bool:
    """Whether the operation is one that anybody may call; a signature is not looked at then."""
    return asked.service in _TARGETS.values() and asked.operation.auth_type == "none"


def caller(world: World, scope: Scope, asked: Asked) -> tuple[Principal, Scope]:
    """Nobody, in the account of the pool (or identity) that the request is about, and the scope with its region.

    Raises AwsError where there is no such pool.
    """
    account, home = _WHOSE[asked.service](world, asked.params)
    nobody = Principal(account, "anonymous", "anonymous", "anonymous")
    return nobody, replace(scope, region=scope.region or home)


def refuse_unsigned(scope: Scope) -> None:
    """Refuse an unsigned request for an operation that asks for a signature."""
    if not scope.access_key:
        raise AwsError("MissingAuthenticationTokenException", "Missing Authentication Token", 403)
