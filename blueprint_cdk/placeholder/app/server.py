"""A small web application on the standard library's server.

GET /              what this is, as a page
GET /healthz       200 while the process serves: the load balancer asks it
GET /healthz/deep  200 when the database answers a query and the uploads bucket may be listed, else 503
GET /sign-in       to Cognito's sign-in pages; GET /me tells who is signed in (with the module identity)
PUT /items/<key>   writes a value (at most 64 KB); GET reads it; GET /items lists the keys
PUT /uploads/<key> stores a file (at most 10 MB); GET reads it; GET /uploads lists the keys
POST /events       takes a usage event or a list of them, where the environment has analytics (usage.py)
GET /orders/<id>   how far an order to notify people has come, where it has notifications (orders.py)

Items are kept in the environment's database (DATABASE_HOST, DATABASE_READER_HOST, DATABASE_SECRET_ARN), uploads in
its bucket (UPLOADS_BUCKET); without these, on the instance, below DATA_DIR. What a dependency refuses is told with
503. The environment's names are shown, never a secret.
"""

from __future__ import annotations

import http.server
import json
import re
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .aws import Unavailable
from .notifications import Notifications
from .orders import Orders
from .storage import Bucket, Database, Files, Storage
from .usage import BadEvent, Usage, event_of
from .users import Answer, Refused, Users

KEY = re.compile(r"[A-Za-z0-9_.-]{1,100}")
LIMITS = {"items": 64 * 1024, "uploads": 10 * 1024 * 1024, "events": 256 * 1024}
MOST_EVENTS = 100
SHOWN = ("SWITCHYARD_ENVIRONMENT", "AWS_REGION", "DATABASE_HOST", "DATABASE_READER_HOST", "UPLOADS_BUCKET")
SIGN_IN = "<p><a href=/sign-in>Sign in</a> · <a href=/me>Who is signed in</a></p>"
CHECKED = {"database": ("items", "DATABASE_HOST"), "uploads": ("uploads", "UPLOADS_BUCKET")}


def storages(environment: Mapping[str, str]) -> dict[str, Storage]:
    """Where items and uploads are kept in this environment."""
    root = Path(environment.get("DATA_DIR") or tempfile.mkdtemp(prefix="placeholder-"))
    return {
        "items": Database(environment) if environment.get("DATABASE_HOST") else Files(root / "items"),
        "uploads": Bucket(environment) if environment.get("UPLOADS_BUCKET") else Files(root / "uploads"),
    }


def deep_checks(environment: Mapping[str, str], kept: Mapping[str, Storage]) -> dict[str, str]:
    """What each dependency said: "ok", "not configured", or why not."""
    checks = {}
    for name, (kind, variable) in CHECKED.items():
        try:
            kept[kind].check()
        except Unavailable as problem:
            checks[name] = str(problem)
        else:
            checks[name] = "ok" if environment.get(variable) else "not configured"
    return checks


class Handler(http.server.BaseHTTPRequestHandler):
    """One request. `kept`, `environment` and `started` are set on the class that make_server derives."""

    protocol_version = "HTTP/1.1"
    server_version = "placeholder"
    sys_version = ""
    kept: Mapping[str, Storage]
    users: Users
    environment: Mapping[str, str]
    started: float
    usage: Usage
    orders: Orders

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/":
            if self.usage.on:
                self.usage.take(event_of({"name": "opened", "platform": "web"}))
            return self._send(200, self._page().encode(), "text/html; charset=utf-8")
        if path == "/healthz":
            return self._json(200, {"status": "ok", "uptime_s": round(time.time() - self.started)})
        if path == "/healthz/deep":
            checks = deep_checks(self.environment, self.kept)
            good = all(said in ("ok", "not configured") for said in checks.values())
            return self._json(200 if good else 503, {"status": "ok" if good else "failing", "checks": checks})
        if self.users.is_on and path in ("/sign-in", "/signed-in", "/me"):
            return self._user(path)
        if path.startswith("/orders/"):
            return self._order(path.removeprefix("/orders/"))
        kind, key = self._place(path)
        try:
            if path in ("/items", "/uploads"):
                return self._json(200, {"keys": self.kept[path[1:]].keys()})
            if kind is None or (value := self.kept[kind].read(key)) is None:
                return self._json(404, {"error": "There is nothing here."})
        except Unavailable as problem:
            return self._json(503, {"error": str(problem)})
        return self._send(200, value, "application/octet-stream")

    do_HEAD = do_GET

    def do_PUT(self) -> None:
        kind, key = self._place(self.path)
        value = self._value(kind, "Write to /items/<key> or /uploads/<key>.")
        if kind is None or value is None:
            return None
        try:
            self.kept[kind].write(key, value)
        except Unavailable as problem:
            return self._json(503, {"error": str(problem)})
        return self._json(201, {"key": key})

    def _user(self, path: str) -> None:
        host = self.headers.get("Host", "")
        try:
            if path == "/me":
                claims = self.users.who(self.headers)
                told: dict[str, Any] = {
                    name: claims[name] for name in ("sub", "email", "cognito:groups") if name in claims
                }
                return self._json(200, told)
            if path == "/sign-in":
                return self._redirect(self.users.begin(host))
            return self._redirect(self.users.end(host, self.path.partition("?")[2], self.headers))
        except Refused as problem:
            return self._json(401, {"error": str(problem)})

    def _redirect(self, answer: Answer) -> None:
        self.send_response(302)
        self.send_header("Location", answer.location)
        for cookie in answer.cookies:
            self.send_header("Set-Cookie", cookie)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_POST(self) -> None:
        kind = "events" if self.path == "/events" and self.usage.on else None
        value = self._value(kind, "Nothing is posted here: this environment has no analytics.")
        if value is None:
            return None
        try:
            given = json.loads(value)
            listed = given if isinstance(given, list) else [given]
            if len(listed) > MOST_EVENTS:
                raise BadEvent(f"At most {MOST_EVENTS} events at a time.")
            events = [event_of(one) for one in listed]
        except BadEvent as problem:
            return self._json(400, {"error": str(problem)})
        except ValueError:
            return self._json(400, {"error": "Events are JSON."})
        taken = sum(self.usage.take(event) for event in events)
        # What there is no room for now may be sent again later.
        return self._json(202 if taken == len(events) else 503, {"taken": taken})

    def _value(self, kind: str | None, nothing: str) -> bytes | None:
        """The request's body; None: the request was refused."""
        length = self.headers.get("Content-Length", "")
        if kind is not None and length.isdigit() and int(length) <= LIMITS[kind]:
            return self.rfile.read(int(length))
        # The body is not read: the connection cannot be used again.
        self.close_connection = True
        if kind is None:
            self._json(404, {"error": nothing})
        elif not length.isdigit():
            self._json(411, {"error": "The length of the value must be stated."})
        else:
            self._json(413, {"error": f"A value of {kind} may have at most {LIMITS[kind]} bytes."})
        return None

    def _order(self, id: str) -> None:
        try:
            note = self.orders.note(id) if self.orders.on and KEY.fullmatch(id) else None
        except Unavailable as problem:
            return self._json(503, {"error": str(problem)})
        return self._json(200 if note else 404, note or {"error": "There is no such order."})

    def _place(self, path: str) -> tuple[str | None, str]:
        kind, _, key = path.removeprefix("/").partition("/")
        if kind in ("items", "uploads") and KEY.fullmatch(key) and not key.startswith("."):
            return kind, key
        return None, ""

    def _page(self) -> str:
        rows = "".join(
            f"<tr><th>{name}</th><td>{self.environment.get(name, 'not set')}</td></tr>" for name in SHOWN
        )
        return (
            "<!doctype html><html lang=en><title>Switchyard placeholder</title>"
            "<h1>This environment works.</h1><p>Deploy a version of your application to replace this page.</p>"
            f"<table>{rows}</table>{SIGN_IN if self.users.is_on else ''}</html>"
        )

    def _json(self, status: int, body: Mapping[str, Any]) -> None:
        self._send(status, json.dumps(body).encode(), "application/json")

    def _send(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


class Server(http.server.ThreadingHTTPServer):
    """The server, and what works beside the requests: it ends with it."""

    def __init__(
        self, address: tuple[str, int], handler: type[Handler], usage: Usage, orders: Orders
    ) -> None:
        super().__init__(address, handler)
        self._usage, self._orders = usage, orders

    def server_close(self) -> None:
        super().server_close()
        self._orders.close()
        self._usage.close()


def make_server(host: str, port: int, environment: Mapping[str, str]) -> Server:
    """A server that is bound but does not serve yet; port 0 takes any free one."""
    usage, notifications = Usage(environment), Notifications(environment)
    orders = Orders(environment, notifications)
    handler = type(
        "BoundHandler",
        (Handler,),
        {
            "kept": storages(environment),
            "users": Users(environment),
            "environment": dict(environment),
            "started": time.time(),
            "usage": usage,
            "orders": orders,
        },
    )
    server = Server((host, port), handler, usage, orders)
    server.daemon_threads = True
    return server
