"""The placeholder's sign-in: tokens of the environment's user pool, and of nobody else."""

from __future__ import annotations

import base64
import http.server
import json
import threading
import time
import urllib.parse
from collections.abc import Iterator
from email.message import Message
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from blueprint_cdk.placeholder.app.users import Refused, Users

CLIENT = "client-of-the-shop"
KEY, OTHER = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))


class Cognito:
    """An issuer on a real port: its keys, and its token endpoint."""

    def __init__(self) -> None:
        shown = {**RSAAlgorithm.to_jwk(KEY.public_key(), as_dict=True), "kid": "one", "alg": "RS256"}
        self.asked: list[dict[str, str]] = []
        self.answer: dict[str, Any] = {}
        outside = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._send({"keys": [shown]} if self.path == "/.well-known/jwks.json" else {})

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                outside.asked.append(dict(urllib.parse.parse_qsl(body)))
                self._send(outside.answer)

            def _send(self, body: dict[str, Any]) -> None:
                text = json.dumps(body).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *told: Any) -> None:
                """Nothing on the terminal."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def token(self, key: Any = KEY, algorithm: str = "RS256", kid: str = "one", **claims: Any) -> str:
        told = {"iss": self.url, "aud": CLIENT, "sub": "ann", "exp": int(time.time()) + 60, **claims}
        return jwt.encode(told, key, algorithm, headers={"kid": kid})


@pytest.fixture
def cognito() -> Iterator[Cognito]:
    made = Cognito()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def users(cognito: Cognito) -> Users:
    named = {"USER_POOL_ISSUER": cognito.url, "USER_POOL_CLIENT_ID": CLIENT, "SIGN_IN_URL": cognito.url}
    return Users(named)


def headers(**told: str) -> Message:
    made = Message()
    for name, value in told.items():
        made[name] = value
    return made


def test_token_of_the_pool_tells_who_asks(cognito: Cognito, users: Users) -> None:
    token = cognito.token(email="ann@example.com")
    assert users.who(headers(Authorization=f"Bearer {token}"))["email"] == "ann@example.com"
    assert users.who(headers(Cookie=f"id_token={token}"))["sub"] == "ann"
    access = cognito.token(aud=None, client_id=CLIENT)
    assert users.who(headers(Authorization=f"Bearer {access}"))["sub"] == "ann"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"key": OTHER}, "not this environment's"),
        ({"iss": "https://elsewhere.example.com"}, "not this environment's"),
        ({"aud": "another"}, "another application"),
        ({"exp": 1}, "expired"),
        ({"exp": "never"}, "expired"),
        ({"kid": "unknown"}, "no token"),
        ({"key": "secret" * 8, "algorithm": "HS256"}, "not this environment's"),
    ],
)
def test_other_tokens_are_refused(cognito: Cognito, users: Users, change: dict[str, Any], words: str) -> None:
    if change.get("exp") == "never":
        header, claims, _ = cognito.token().split(".")
        told = json.loads(base64.urlsafe_b64decode(claims + "==")) | {"exp": "never"}
        claims = base64.urlsafe_b64encode(json.dumps(told).encode()).rstrip(b"=").decode()
        signature = RSAAlgorithm(RSAAlgorithm.SHA256).sign(f"{header}.{claims}".encode(), KEY)
        token = f"{header}.{claims}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"
    else:
        token = cognito.token(**change)
    with pytest.raises(Refused, match=words):
        users.claims(token)


@pytest.mark.parametrize("text", ["", "a.b.c", "no token at all", "e30.e30."])
def test_what_is_no_token_is_refused(users: Users, text: str) -> None:
    with pytest.raises(Refused):
        users.who(headers(Authorization=f"Bearer {text}"))


def test_sign_in_goes_by_code_and_proves_that_it_began_here(cognito: Cognito, users: Users) -> None:
    begun = users.begin("shop.example.com")
    asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(begun.location).query))
    assert asked["redirect_uri"] == "https://shop.example.com/signed-in"
    assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
    assert all("HttpOnly" in cookie and "Secure" in cookie for cookie in begun.cookies)
    kept = "; ".join(cookie.partition(";")[0] for cookie in begun.cookies)
    cognito.answer = {"id_token": cognito.token()}
    with pytest.raises(Refused, match="began here"):
        users.end("shop.example.com", "code=c&state=forged", headers(Cookie=kept))
    ended = users.end("shop.example.com", f"code=c&state={asked['state']}", headers(Cookie=kept))
    assert ended.location == "/" and ended.cookies[0].startswith("id_token=ey")
    [sent] = cognito.asked
    assert sent["code"] == "c" and len(sent["code_verifier"]) >= 43 and "client_secret" not in sent


def test_without_a_user_pool_nobody_signs_in() -> None:
    assert not Users({}).is_on
