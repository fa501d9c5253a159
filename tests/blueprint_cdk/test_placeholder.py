"""The placeholder as a real process on a real port."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from blueprint_cdk.bundle import BUNDLED, PLACEHOLDER

WAIT_S = 20


class Running:
    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self.process = process
        self.port = port

    def ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WAIT_S)
        try:
            connection.request(method, path, body)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


def start(folder: Path, **environment: str) -> Running:
    process = subprocess.Popen(
        [sys.executable, "-m", "app"],
        cwd=PLACEHOLDER,
        env={
            "PATH": os.environ["PATH"],
            "HOST": "127.0.0.1",
            "PORT": "0",
            "DATA_DIR": str(folder),
            "PYTHONDONTWRITEBYTECODE": "1",
            **environment,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout
    return Running(process, int(process.stdout.readline().rpartition(" ")[2]))


def stop(running: Running) -> int:
    running.process.send_signal(signal.SIGTERM)
    status = running.process.wait(WAIT_S)
    if running.process.stdout:
        running.process.stdout.close()
    return status


@pytest.fixture(scope="module")
def placeholder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = start(tmp_path_factory.mktemp("data"), SWITCHYARD_ENVIRONMENT="shop-k3x9")
    yield running
    assert stop(running) == 0


def test_page_names_the_environment(placeholder: Running) -> None:
    status, page = placeholder.ask("GET", "/")
    assert status == 200
    assert b"shop-k3x9" in page


def test_health_is_ok_while_it_serves(placeholder: Running) -> None:
    status, body = placeholder.ask("GET", "/healthz")
    assert (status, json.loads(body)["status"]) == (200, "ok")
    status, body = placeholder.ask("GET", "/healthz/deep")
    assert (status, json.loads(body)["checks"]["database"]) == (200, "not configured")


@pytest.mark.parametrize("kind", ["items", "uploads"])
def test_what_is_written_is_read_again(placeholder: Running, kind: str) -> None:
    assert placeholder.ask("PUT", f"/{kind}/greeting.txt", b"hello")[0] == 201
    assert placeholder.ask("GET", f"/{kind}/greeting.txt") == (200, b"hello")
    assert json.loads(placeholder.ask("GET", f"/{kind}")[1]) == {"keys": ["greeting.txt"]}


@pytest.mark.parametrize(
    "path", ["/nothing", "/items/none", "/items/../x", "/items/..", "/items/a%2Fb", "/uploads/.x"]
)
def test_what_is_not_there_is_not_found(placeholder: Running, path: str) -> None:
    assert placeholder.ask("GET", path)[0] == 404
    assert placeholder.ask("PUT", path.replace("/items/none", "/other/none"), b"x")[0] == 404


def test_too_large_a_value_is_refused(placeholder: Running) -> None:
    assert placeholder.ask("PUT", "/items/large", b"x" * (64 * 1024))[0] == 201
    connection = http.client.HTTPConnection("127.0.0.1", placeholder.port, timeout=WAIT_S)
    connection.putrequest("PUT", "/items/larger")
    connection.putheader("Content-Length", str(64 * 1024 + 1))
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()


def test_deep_health_tells_of_a_database_that_does_not_answer(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound but not listening: refuses
        running = start(
            tmp_path,
            DATABASE_HOST="127.0.0.1",
            DATABASE_PORT=str(taken.getsockname()[1]),
            DATABASE_SECRET='{"username": "u", "password": "p"}',
        )
        status, body = running.ask("GET", "/healthz/deep")
        assert status == 503
        assert "refused" in json.loads(body)["checks"]["database"]
        status, body = running.ask("PUT", "/items/a", b"x")
        assert status == 503
        assert "refused" in json.loads(body)["error"]
        assert running.ask("GET", "/healthz")[0] == 200
        assert stop(running) == 0


def authority_make(folder: Path) -> Path:
    """A certificate of an authority that nobody knows, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Authority of databases")])
    begins = datetime.now(UTC) - timedelta(days=1)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, begins, begins + timedelta(days=9))
    signed = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True).sign(
        key, hashes.SHA256()
    )
    path = folder / "authority.pem"
    path.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    return path


def test_an_authority_of_databases_is_trusted_beside_the_public_ones(tmp_path: Path) -> None:
    look = (
        "import os; from app.storage import trusted; found = trusted(os.environ); "
        "print(found.check_hostname, [dict(*row['subject'])['commonName'] for row in found.get_ca_certs() "
        "if len(row['subject']) == 1])"
    )

    def told(**environment: str) -> str:
        clean = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", **environment}
        return subprocess.run(
            [sys.executable, "-c", look],
            cwd=PLACEHOLDER,
            env=clean,
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    assert "Authority of databases" not in told()
    found = told(DATABASE_CA=str(authority_make(tmp_path)))
    assert found.startswith("True ") and "Authority of databases" in found


def test_bundle_holds_every_file_of_the_application() -> None:
    files = {
        str(path.relative_to(PLACEHOLDER))
        for path in PLACEHOLDER.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert files == set(BUNDLED)


def test_container_runs_as_nobody_special_on_the_port_it_exposes() -> None:
    lines = (PLACEHOLDER / "Dockerfile").read_text().splitlines()
    assert "USER 10001" in lines
    assert lines.index("USER 10001") < next(i for i, line in enumerate(lines) if line.startswith("CMD"))
    assert "EXPOSE 8080" in lines
    assert any("PORT=8080" in line for line in lines)
