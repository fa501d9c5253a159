"""A pool's signing keys: made once, the same in every region, public at the issuer's address."""

from __future__ import annotations

import asyncio
import base64
import functools
import secrets
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from sandbox.services.cognito_idp.names import POOL
from sandbox.services.cognito_idp.secondary import COPY_OF
from sandbox.store import Record
from sandbox.world import World

ID, ACCESS = 0, 1
"""Which of a pool's two keys signs what (developer guide, "Verifying JSON web tokens")."""


def _make_keys() -> list[dict[str, str]]:
    made = []
    for _ in (ID, ACCESS):
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        made.append({"kid": base64.b64encode(secrets.token_bytes(32)).decode(), "pem": pem.decode()})
    return made


async def ready_keys(world: World, pool: Record) -> None:
    """See that the pool has its keys; they are made at the first need, beside the event loop."""
    if "keys" not in pool.data:
        made = await asyncio.to_thread(_make_keys)
        for place in world.store.list(pool.account, None, POOL):
            if place.id == pool.id and "keys" not in place.data:
                place.data["keys"] = made
                world.store.put(place)
    loaded = world.memory.setdefault("cognito keys", set())
    if pool.id not in loaded:
        for key in pool.data["keys"]:
            await asyncio.to_thread(private_key, key["pem"])
        loaded.add(pool.id)


def jwks(pool: Record) -> dict[str, Any]:
    """The pool's public keys, the same in every region."""
    keys = []
    for entry in pool.data["keys"]:
        public = private_key(entry["pem"]).public_key()
        found = RSAAlgorithm.to_jwk(public, as_dict=True)
        keys.append(
            {
                "alg": "RS256",
                "e": found["e"],
                "kid": entry["kid"],
                "kty": "RSA",
                "n": found["n"],
                "use": "sig",
            }
        )
    return {"keys": keys}


@functools.lru_cache(maxsize=512)
def private_key(pem: str) -> rsa.RSAPrivateKey:
    # Loading checks the numbers, which takes 35 ms.
    key = serialization.load_pem_private_key(pem.encode(), password=None)
    assert isinstance(key, rsa.RSAPrivateKey)  # _make_keys makes no others
    return key


def issuer(pool: Record) -> str:
    """The iss of tokens made here: the updated issuer is the primary region's everywhere, the original one the region's
    that serves (API reference, IssuerConfigurationType)."""
    if (pool.properties.get("IssuerConfiguration") or {}).get("Type") == "UPDATED":
        home = pool.data.get(COPY_OF, pool.region)
        return f"https://issuer-cognito-idp.{home}.amazonaws.com/{pool.id}"
    return f"https://cognito-idp.{pool.region}.amazonaws.com/{pool.id}"
