"""What anybody may ask of user pools: operations without a signature, and the documents at the issuer's address."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from sandbox.application.dark import darkness
from sandbox.services.cognito_idp import signing_keys, tokens
from sandbox.services.cognito_idp.names import CHALLENGE, CLIENT, POOL, SERVICE, not_authorized, not_found
from sandbox.services.cognito_idp.secondary import COPY_OF
from sandbox.store import Record

if TYPE_CHECKING:
    from sandbox.world import World

_HOST = re.compile(r"^(issuer-)?cognito-(?:idp|identity)\.([a-z0-9-]+)\.", re.IGNORECASE)
_DOCUMENT = re.compile(r"^/([\w-]+_[0-9a-zA-Z]+)/\.well-known/(jwks\.json|openid-configuration)$")


def region_of_host(host: str) -> str:
    """The region in a Host header as AWS's endpoints are called (cognito-idp.eu-west-1.amazonaws.com), or ""."""
    match = _HOST.match(host)
    return match[2] if match else ""


def whose(world: World, params: dict[str, Any]) -> tuple[str, str]:
    """Account and home region of the pool that a request without a signature is about: by its client, token or session.

    Raises what Cognito answers where there is none.
    """
    if params.get("ClientId"):
        found = _first(world, CLIENT, params["ClientId"])
        if found is None:
            raise not_found(f"User pool client {params['ClientId']} does not exist.")
    elif params.get("AccessToken"):
        issuer = str(tokens.unverified(params["AccessToken"]).get("iss", ""))
        found = _first(world, POOL, issuer.rpartition("/")[2])
        if found is None:
            raise not_authorized("Invalid Access Token")
    else:
        found = _first(world, CHALLENGE, str(params.get("Session") or ""))
        if found is None:
            raise not_authorized("Invalid session for the user.")
    return found.account, str(found.data.get(COPY_OF, found.region))


def _first(world: World, type_name: str, id: str) -> Record | None:
    return next((r for r in world.store.everywhere(type_name) if r.id == id), None)


def is_document(path: str) -> bool:
    """Whether a path is one of the issuer's public documents."""
    return _DOCUMENT.match(path) is not None


async def document(world: World, host: str, path: str) -> tuple[int, bytes] | str:
    """Status and JSON of a public document, or `refuse` or `hang` where its regions are dark.

    The original issuer is its host's region (else the pool's own); the updated one answers as long as a region of the
    pool does (API reference, IssuerConfigurationType).
    """
    match, named = _DOCUMENT.match(path), _HOST.match(host)
    assert match is not None  # is_document saw it
    places = [p for p in world.store.everywhere(POOL) if p.id == match[1]]
    if named is None:
        places = [p for p in places if COPY_OF not in p.data]
    elif not named[1]:
        places = [p for p in places if p.region == named[2]]
    if not places:
        told = {"message": f"User pool {match[1]} does not exist."}
        return 404, json.dumps(told).encode()
    states = [darkness(world, p.account, p.region, SERVICE) for p in places]
    if all(states):
        return str(states[0])
    pool = places[states.index(None)]
    await signing_keys.ready_keys(world, pool)
    shown = signing_keys.jwks(pool) if match[2] == "jwks.json" else _configuration(pool)
    return 200, json.dumps(shown).encode()


def _configuration(pool: Record) -> dict[str, Any]:
    issuer = signing_keys.issuer(pool)
    return {
        "id_token_signing_alg_values_supported": ["RS256"],
        "issuer": issuer,
        "jwks_uri": f"{issuer}/.well-known/jwks.json",
        "response_types_supported": ["code", "token"],
        "scopes_supported": ["openid", "email", "phone", "profile"],
        "subject_types_supported": ["public"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
    }
