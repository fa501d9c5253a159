"""Who is told, on this machine: a mail server and an HTTP receiver, which do as they are told."""

import contextlib
import email
import email.policy
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller

from devtools.processes import free_port


@dataclass(frozen=True)
class Received:
    """One request."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """An HTTP server. `answers` are taken one by one: a status; (status, headers); "hang", "drip", "drop"; then 200."""

    answers: list[Any] = field(default_factory=list)
    got: list[Received] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.got.append(Received(self.command, self.path, headers, body))
            answer = receiver.answers.pop(0) if receiver.answers else 200
            if answer == "hang":
                time.sleep(3)
            elif answer == "drip":
                self._drip()
            elif answer != "drop":
                code, extra = answer if isinstance(answer, tuple) else (answer, {})
                self.send_response(code)
                for name, value in extra.items():
                    self.send_header(name, value)
                text = f"I say {code}".encode()
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)
            self.close_connection = True

        do_PUT = do_GET = do_POST

        def _drip(self) -> None:
            """A byte now and then, as long as somebody listens."""
            with contextlib.suppress(OSError):
                self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
                for _ in range(100):
                    self.wfile.write(b".")
                    self.wfile.flush()
                    time.sleep(0.1)

        def log_message(self, *_arguments: Any) -> None:
            """Tests look at what was received, and nobody at a log."""

    return Handler


@contextlib.contextmanager
def receiving(*answers: Any) -> Iterator[Receiver]:
    """A receiver that gives these answers, then 200."""
    receiver = Receiver(list(answers))
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(receiver))
    server.daemon_threads = True
    receiver.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@dataclass
class MailServer:
    """An SMTP server. `refusals` are taken one by one for recipients: "550 No such user"; then everything is taken."""

    refusals: list[str] = field(default_factory=list)
    got: list[EmailMessage] = field(default_factory=list)
    port: int = 0

    async def handle_RCPT(
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        if self.refusals:
            return self.refusals.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(mail, EmailMessage)
        mail["X-Envelope-To"] = ", ".join(envelope.rcpt_tos)
        self.got.append(mail)
        return "250 Taken"


@contextlib.contextmanager
def mail_server(*refusals: str) -> Iterator[MailServer]:
    """A mail server on a port of its own."""
    server = MailServer(list(refusals), port=free_port())
    controller = Controller(server, hostname="127.0.0.1", port=server.port)
    controller.start()
    try:
        yield server
    finally:
        controller.stop()
