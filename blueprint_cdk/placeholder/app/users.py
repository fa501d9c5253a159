"""Who asks: users of the environment's user pool, by the tokens that Cognito signs.

GET /sign-in leads to Cognito's pages (code grant with PKCE: the client has no secret); GET /signed-in, where Cognito
sends the browser back to, fetches the tokens; GET /me tells whose token a request carries, as Bearer or as cookie.
"""

from __future__ import annotations

import base64
import hashlib
import http.cookies
import json
import secrets
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from typing import Any

TIMEOUT_S = 5
KEYS_FOR_S = 3600
"""For how long keys are kept; one that is not among them is asked for at once, at most every ten seconds."""
SHA256 = bytes.fromhex("3031300d060960864801650304020105000420")
"""What stands before a SHA-256 in a PKCS #1 v1.5 signature (RFC 8017, 9.2)."""


class Refused(Exception):
    """A token that proves nothing, or a sign-in that did not end; the message is for who asked."""


@dataclass(frozen=True)
class Answer:
    """A redirect, with the cookies that go with it."""

    location: str
    cookies: tuple[str, ...] = ()


class Users:
    """The users of one environment. Not `is_on`: it has no user pool, and nobody signs in."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.issuer = environment.get("USER_POOL_ISSUER", "")
        self.client = environment.get("USER_POOL_CLIENT_ID", "")
        self.pages = environment.get("SIGN_IN_URL", "")
        self._keys: dict[str, tuple[int, int]] = {}
        self._asked = 0.0

    @property
    def is_on(self) -> bool:
        return bool(self.issuer and self.client)

    def who(self, headers: Message) -> dict[str, Any]:
        """The claims of the token that a request carries. Raises Refused."""
        kind, _, token = headers.get("Authorization", "").partition(" ")
        if kind.lower() != "bearer":
            token = _cookies(headers).get("id_token", "")
        if not token:
            raise Refused("Nobody is signed in.")
        return self.claims(token)

    def claims(self, token: str) -> dict[str, Any]:
        """The claims of a token that this pool signed for this client, and that still holds. Raises Refused."""
        header: dict[str, Any]
        claims: dict[str, Any]
        try:
            signed, _, signature = token.rpartition(".")
            header, claims = (json.loads(_decoded(part)) for part in signed.split("."))
            key = self._key(str(header["kid"]))
            is_signed = header["alg"] == "RS256" and _is_signed(signed.encode(), _decoded(signature), *key)
        except (KeyError, TypeError, ValueError) as problem:
            raise Refused("This is no token.") from problem
        if not is_signed or claims.get("iss") != self.issuer:
            raise Refused("This token is not this environment's.")
        # An ID token names its client as audience, an access token as client_id.
        if self.client not in (claims.get("aud"), claims.get("client_id")):
            raise Refused("This token is for another application.")
        if not isinstance(claims.get("exp"), int) or claims["exp"] <= time.time():
            raise Refused("This token has expired: sign in again.")
        found: dict[str, Any] = claims
        return found

    def begin(self, host: str) -> Answer:
        """To Cognito's pages; what proves the way back is in cookies that scripts cannot read."""
        verifier, state = secrets.token_urlsafe(48), secrets.token_urlsafe(16)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "response_type": "code",
            "client_id": self.client,
            "redirect_uri": f"https://{host}/signed-in",
            "scope": "openid email",
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        address = f"{self.pages}/oauth2/authorize?{urllib.parse.urlencode(query)}"
        return Answer(address, (_cookie("verifier", verifier, 600), _cookie("state", state, 600)))

    def end(self, host: str, query: str, headers: Message) -> Answer:
        """Fetch the tokens for the code that Cognito has sent the browser back with. Raises Refused."""
        told = {name: values[0] for name, values in urllib.parse.parse_qs(query).items()}
        kept = _cookies(headers)
        if not told.get("state") or not secrets.compare_digest(told["state"], kept.get("state", "")):
            raise Refused("This is not the way back of a sign-in that began here.")
        asked = {
            "grant_type": "authorization_code",
            "client_id": self.client,
            "code": told.get("code", ""),
            "redirect_uri": f"https://{host}/signed-in",
            "code_verifier": kept.get("verifier", ""),
        }
        tokens = _fetched(f"{self.pages}/oauth2/token", urllib.parse.urlencode(asked).encode())
        token = str(tokens.get("id_token", ""))
        claims = self.claims(token)
        lasts = max(0, int(claims["exp"] - time.time()))
        gone = (_cookie("verifier", "", 0), _cookie("state", "", 0))
        return Answer("/", (_cookie("id_token", token, lasts), *gone))

    def _key(self, kid: str) -> tuple[int, int]:
        """The public key of this id: modulus and exponent. Raises Refused, KeyError for one that is not the pool's."""
        age = time.time() - self._asked
        if age > KEYS_FOR_S or (kid not in self._keys and age > 10):
            self._asked = time.time()
            told = _fetched(f"{self.issuer}/.well-known/jwks.json")
            self._keys = {key["kid"]: (_number(key["n"]), _number(key["e"])) for key in told["keys"]}
        return self._keys[kid]


def _fetched(address: str, form: bytes | None = None) -> dict[str, Any]:
    """A JSON answer. Raises Refused."""
    try:
        with urllib.request.urlopen(address, form, timeout=TIMEOUT_S) as answer:  # noqa: S310 - Cognito's, as configured
            found: dict[str, Any] = json.load(answer)
    except (OSError, ValueError) as problem:
        raise Refused(f"Cognito does not answer as it should: {problem}.") from problem
    return found


def _is_signed(text: bytes, signature: bytes, modulus: int, exponent: int) -> bool:
    """Whether the signature (RS256) is of this text by the key."""
    size = (modulus.bit_length() + 7) // 8
    tail = SHA256 + hashlib.sha256(text).digest()
    wanted = b"\x00\x01" + b"\xff" * (size - len(tail) - 3) + b"\x00" + tail
    shown = pow(int.from_bytes(signature, "big"), exponent, modulus).to_bytes(size, "big")
    return len(signature) == size and secrets.compare_digest(shown, wanted)


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _number(text: str) -> int:
    return int.from_bytes(_decoded(text), "big")


def _cookies(headers: Message) -> dict[str, str]:
    jar = http.cookies.SimpleCookie(headers.get("Cookie", ""))
    return {name: morsel.value for name, morsel in jar.items()}


def _cookie(name: str, value: str, lasts_s: int) -> str:
    return f"{name}={value}; Max-Age={lasts_s}; Path=/; Secure; HttpOnly; SameSite=Lax"
