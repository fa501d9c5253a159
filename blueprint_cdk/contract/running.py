"""What a running application does: asked as the load balancer and a browser ask, on a day when its database is dark.

The command may be `docker run`: it passes SIGTERM on to the container, and ends with the container's status.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import secrets
import shlex
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from blueprint_cdk.contract import Finding, found

HEALTH = "/healthz"
START_S = 60.0
HEALTH_S = 5.0
"""The load balancer's time limit for a health check."""
PAGE_S = 30.0
STOP_S = 10.0
"""Docker's own: then it sends SIGKILL."""
VERSION = re.compile(r"/\d|\d+\.\d+")
INSTANCE_HOST = "10.20.1.7"
"""The load balancer calls an instance by its address, not by the application's name."""


@dataclass(frozen=True)
class Answer:
    """One answer, its body and how long it took. `headers` are in lower case; `cookies` are whole."""

    status: int
    headers: Mapping[str, str]
    cookies: tuple[str, ...]
    body: bytes
    seconds: float


@dataclass
class Started:
    """A process of the application, its log so far, and the secret that it was given."""

    process: subprocess.Popen[bytes]
    log: Path
    secret: bytes
    is_over: bool = field(default=False)

    def output(self) -> bytes:
        return self.log.read_bytes()


def check_running(
    command: str, *, folder: Path | None = None, variables: Mapping[str, str] | None = None, page: str = "/"
) -> list[Finding]:
    """Starts the command with a database that is not there, asks it, stops it, and tells what it broke.

    In the command {port} stands for a free port, which PORT says as well, and {env_file} for a file of the
    environment's variables as `docker run --env-file` reads it. `folder` is where a process (not a container) must
    not write; `variables` are those of the image. `page` is one that needs the database.
    """
    port = _free_port()
    before = _files(folder)
    with _started(command, port, variables or {}) as application:
        findings = list(_while_it_runs(application, port, page))
        if not application.is_over:
            findings += _stop(application, port)
        if application.secret in application.output():
            findings.append(found("tells-no-secret", "A secret that it was given stands in its log."))
        if not application.output().strip():
            findings.append(found("logs", "It wrote nothing to its standard output."))
    changed = sorted(name for name, seen in _files(folder).items() if before.get(name) != seen)
    if changed:
        findings.append(found("read-only", f"It wrote {changed[0]}" + _more(len(changed) - 1) + "."))
    return findings


def check_address(address: str, page: str = "/", secret: bytes = b"") -> list[Finding]:
    """What requests alone can tell of an application that somebody else started, at http://host:port."""
    parts = urlsplit(address)
    if parts.scheme != "http" or not parts.hostname:
        raise ValueError(f"{address} is no http:// address.")
    asked = (parts.hostname, parts.port or 80)
    return [*_health(asked), *_page(asked, page, secret)]


def _while_it_runs(application: Started, port: int, page: str) -> Iterator[Finding]:
    process = application.process
    if not _listens(process, port):
        application.is_over = process.poll() is not None
        how = f"ended with status {process.returncode}" if application.is_over else "did not listen"
        tail = application.output()[-300:].decode(errors="replace").strip().splitlines()
        yield found(
            "starts", f"It {how} within {START_S:.0f} s. Last it said: {tail[-1] if tail else 'nothing'}"
        )
        return
    asked = ("127.0.0.1", port)
    yield from _health(asked)
    yield from _page(asked, page, application.secret)
    time.sleep(0.2)
    if process.poll() is not None:
        application.is_over = True
        yield found("survives-database", f"It ended with status {process.returncode} after GET {page}.")
    elif _ask(asked, HEALTH, HEALTH_S) is None:
        yield found("survives-database", f"After GET {page} it no longer answered GET {HEALTH}.")


def _health(asked: tuple[str, int]) -> Iterator[Finding]:
    """There is no database while we ask: an answer of another status says so, and takes every instance away."""
    answer = _ask(asked, HEALTH, HEALTH_S, Host=INSTANCE_HOST)
    if answer is None:
        yield found("health", f"GET {HEALTH} was not answered within {HEALTH_S:.0f} s.")
    elif answer.status in (301, 302, 307, 308):
        yield found(
            "health", f"GET {HEALTH} is sent on to {answer.headers.get('location')}; it must answer itself."
        )
    elif answer.status >= 500:
        yield found(
            "health-without-database",
            f"GET {HEALTH} answers {answer.status} while the database is away: every instance would be replaced.",
        )
    elif answer.status != 200:
        yield found("health", f"GET {HEALTH} answers {answer.status} to a request for {INSTANCE_HOST}.")


def _page(asked: tuple[str, int], page: str, secret: bytes) -> Iterator[Finding]:
    answer = _ask(asked, page, PAGE_S, **{"Host": "shop.example.com", "X-Forwarded-Proto": "https"})
    if answer is None:
        yield found("survives-database", f"GET {page} was not answered within {PAGE_S:.0f} s.")
        return
    place = answer.headers.get("location", "")
    if answer.status in (301, 302, 307, 308) and place == f"https://shop.example.com{page}":
        yield found(
            "behind-tls", f"GET {page} is sent to itself: X-Forwarded-Proto says that it came by HTTPS."
        )
    for name in ("server", "x-powered-by"):
        if VERSION.search(answer.headers.get(name, "")):
            yield found("headers", f"GET {page} tells {name}: {answer.headers[name]}.")
    if answer.headers.get("x-content-type-options", "").lower() != "nosniff":
        yield found("headers", f"GET {page} has no X-Content-Type-Options: nosniff.")
    for cookie in answer.cookies:
        said = {part.strip().lower() for part in cookie.split(";")[1:]}
        missing = [word for word in ("Secure", "HttpOnly") if word.lower() not in said]
        if missing:
            yield found(
                "cookies", f"The cookie {cookie.partition('=')[0]} is not {' and not '.join(missing)}."
            )
    if secret and secret in answer.body:
        yield found("tells-no-secret", f"A secret that it was given stands in the answer to GET {page}.")


def _stop(application: Started, port: int) -> list[Finding]:
    # A browser keeps its connection: whoever waits for it to be closed does not end.
    with contextlib.closing(socket.create_connection(("127.0.0.1", port), HEALTH_S)) as idle:
        idle.sendall(f"GET {HEALTH} HTTP/1.1\r\nHost: {INSTANCE_HOST}\r\n\r\n".encode())
        idle.recv(1)
        application.process.send_signal(signal.SIGTERM)
        try:
            status = application.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            return [
                found("stops", f"It still ran {STOP_S:.0f} s after SIGTERM: what it did then is cut off.")
            ]
    if status not in (0, -signal.SIGTERM, 128 + signal.SIGTERM):
        return [found("stops", f"After SIGTERM it ended with status {status}.")]
    return []


@contextlib.contextmanager
def _started(command: str, port: int, variables: Mapping[str, str]) -> Iterator[Started]:
    secret = f"canary-{secrets.token_hex(12)}"
    given = surroundings(secret)
    with tempfile.TemporaryDirectory() as folder:
        env_file, log = Path(folder) / "variables", Path(folder) / "log"
        env_file.write_text("".join(f"{name}={value}\n" for name, value in given.items()))
        words = [word.format(port=port, env_file=env_file) for word in shlex.split(command)]
        with log.open("wb") as output:
            process = subprocess.Popen(
                words,
                env={"PATH": os.environ["PATH"], **variables, **given, "PORT": str(port)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        application = Started(process, log, secret.encode())
        try:
            yield application
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def surroundings(secret: str) -> dict[str, str]:
    """The variables of an environment whose database and AWS are both out of reach."""
    nowhere = _free_port()
    return {
        "SWITCHYARD_ENVIRONMENT": "check-0000",
        "AWS_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "AKIA0000000000000000",
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{nowhere}",
        "DATABASE_HOST": "127.0.0.1",
        "DATABASE_READER_HOST": "127.0.0.1",
        "DATABASE_PORT": str(nowhere),
        "DATABASE_NAME": "app",
        "DATABASE_SECRET_ARN": "arn:aws:secretsmanager:eu-west-1:000000000000:secret:check-0000/database",
        "UPLOADS_BUCKET": "check-0000-uploads",
    }


def _ask(asked: tuple[str, int], path: str, within_s: float, **headers: str) -> Answer | None:
    """None: nobody answered, or not in time."""
    connection = http.client.HTTPConnection(*asked, timeout=within_s)
    begun = time.monotonic()
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        body = answer.read(2 * 1024 * 1024)
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    rows = answer.getheaders()
    return Answer(
        answer.status,
        {name.lower(): value for name, value in rows},
        tuple(value for name, value in rows if name.lower() == "set-cookie"),
        body,
        time.monotonic() - begun,
    )


def _listens(process: subprocess.Popen[bytes], port: int) -> bool:
    until = time.monotonic() + START_S
    while time.monotonic() < until and process.poll() is None:
        if _ask(("127.0.0.1", port), HEALTH, HEALTH_S) is not None:
            return True
        time.sleep(0.1)
    return False


def _files(folder: Path | None) -> dict[str, tuple[int, int]]:
    """Size and time of every file, by name."""
    if folder is None:
        return {}
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {
        path.relative_to(folder).as_posix(): (path.stat().st_size, path.stat().st_mtime_ns) for path in paths
    }


def _more(number: int) -> str:
    return f" and {number} more" if number else ""


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
