"""A small web application on the standard library alone.

GET /              what this is, as a page
GET /healthz       200 while the process serves: the load balancer asks it
GET /healthz/deep  200 when the database's proxy and the DNS name of the uploads bucket answer, else 503
PUT /items/<key>   writes a value (at most 64 KB); GET reads it; GET /items lists the keys
PUT /uploads/<key> stores a file (at most 10 MB); GET reads it

It carries no database driver and no AWS library, so items and uploads are kept on the instance, below DATA_DIR:
enough to see that requests are routed, written and read. The environment's names are shown, never a secret.
"""

from __future__ import annotations

import http.server
import json
import re
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

KEY = re.compile(r"[A-Za-z0-9_.-]{1,100}")
LIMITS = {"items": 64 * 1024, "uploads": 10 * 1024 * 1024}
SHOWN = ("SWITCHYARD_ENVIRONMENT", "DATABASE_HOST", "DATABASE_READER_HOST", "UPLOADS_BUCKET")
CHECK_TIMEOUT_S = 2.0


class Store:
    """Values by kind and key, each a file: written beside its place and then moved there, so none is read half."""

    def __init__(self, root: Path) -> None:
        self._root = root
        for kind in LIMITS:
            (root / kind).mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()

    def write(self, kind: str, key: str, value: bytes) -> None:
        with self._lock:
            part = self._root / kind / f".{key}.part"
            part.write_bytes(value)
            part.replace(self._root / kind / key)

    def read(self, kind: str, key: str) -> bytes | None:
        path = self._root / kind / key
        return path.read_bytes() if path.is_file() else None

    def keys(self, kind: str) -> list[str]:
        return sorted(path.name for path in (self._root / kind).iterdir() if not path.name.endswith(".part"))


def deep_checks(environment: Mapping[str, str]) -> dict[str, str]:
    """What each dependency said: "ok", "not configured", or why not. Takes at most 2 s for each."""
    checks = {"database": "not configured", "uploads": "not configured"}
    if host := environment.get("DATABASE_HOST"):
        port = int(environment.get("DATABASE_PORT", "3306"))
        checks["database"] = _attempt(lambda: socket.create_connection((host, port), CHECK_TIMEOUT_S).close())
    if bucket := environment.get("UPLOADS_BUCKET"):
        region = environment.get("AWS_REGION", "us-east-1")
        name = f"{bucket}.s3.{region}.amazonaws.com"
        checks["uploads"] = _attempt(lambda: socket.create_connection((name, 443), CHECK_TIMEOUT_S).close())
    return checks


def _attempt(check: Callable[[], object]) -> str:
    try:
        check()
    except OSError as error:
        return f"{type(error).__name__}: {error}"
    return "ok"


class Handler(http.server.BaseHTTPRequestHandler):
    """One request. `store`, `environment` and `started` are set on the class that make_server derives."""

    protocol_version = "HTTP/1.1"
    server_version = "placeholder"
    sys_version = ""
    store: Store
    environment: Mapping[str, str]
    started: float

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/":
            return self._send(200, self._page().encode(), "text/html; charset=utf-8")
        if path == "/healthz":
            return self._json(200, {"status": "ok", "uptime_s": round(time.time() - self.started)})
        if path == "/healthz/deep":
            checks = deep_checks(self.environment)
            good = all(said in ("ok", "not configured") for said in checks.values())
            return self._json(200 if good else 503, {"status": "ok" if good else "failing", "checks": checks})
        if path in ("/items", "/uploads"):
            return self._json(200, {"keys": self.store.keys(path[1:])})
        kind, key = self._place(path)
        if kind is None or (value := self.store.read(kind, key)) is None:
            return self._json(404, {"error": "There is nothing here."})
        return self._send(200, value, "application/octet-stream")

    do_HEAD = do_GET

    def do_PUT(self) -> None:
        kind, key = self._place(self.path)
        length = self.headers.get("Content-Length", "")
        if kind is None or not length.isdigit() or int(length) > LIMITS[kind]:
            # The body is not read: the connection cannot be used again.
            self.close_connection = True
            if kind is None:
                return self._json(404, {"error": "Write to /items/<key> or /uploads/<key>."})
            if not length.isdigit():
                return self._json(411, {"error": "The length of the value must be stated."})
            return self._json(413, {"error": f"A value of {kind} may have at most {LIMITS[kind]} bytes."})
        self.store.write(kind, key, self.rfile.read(int(length)))
        return self._json(201, {"key": key})

    def _place(self, path: str) -> tuple[str | None, str]:
        kind, _, key = path.removeprefix("/").partition("/")
        if kind in LIMITS and KEY.fullmatch(key) and not key.startswith("."):
            return kind, key
        return None, ""

    def _page(self) -> str:
        rows = "".join(
            f"<tr><th>{name}</th><td>{self.environment.get(name, 'not set')}</td></tr>" for name in SHOWN
        )
        return (
            "<!doctype html><html lang=en><title>Switchyard placeholder</title>"
            "<h1>This environment works.</h1><p>Deploy a version of your application to replace this page.</p>"
            f"<table>{rows}</table></html>"
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


def make_server(host: str, port: int, environment: Mapping[str, str]) -> http.server.ThreadingHTTPServer:
    """A server that is bound but does not serve yet; port 0 takes any free one."""
    root = Path(environment.get("DATA_DIR") or tempfile.mkdtemp(prefix="placeholder-"))
    handler = type(
        "BoundHandler",
        (Handler,),
        {"store": Store(root), "environment": dict(environment), "started": time.time()},
    )
    server = http.server.ThreadingHTTPServer((host, port), handler)
    server.daemon_threads = True
    return server
