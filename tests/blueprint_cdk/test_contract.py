"""An application held against the contract: the placeholder keeps to it, and every rule is broken by one that does
not, and named in a sentence.
"""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from blueprint_cdk.bundle import PLACEHOLDER, placeholder_bundle
from blueprint_cdk.contract import RULES, Finding
from blueprint_cdk.contract import running as live
from blueprint_cdk.contract.dockerfile import last_stage, read
from blueprint_cdk.contract.running import check_address, check_running
from blueprint_cdk.contract.static import SHIPPED, check_bundle, check_dockerfile
from devtools.places import ROOT
from tests.blueprint_cdk.support import Assembly
from tests.blueprint_cdk.test_placeholder import start, stop
from tests.blueprint_cdk.test_stack_app import options

PHP = ROOT / "docs/examples/php"
GOOD = f"""\
FROM python:3.13-slim@sha256:{"0" * 64} AS build
RUN pip install \\
    # a comment in between
    --no-cache-dir thing
FROM python:3.13-slim@sha256:{"0" * 64}
COPY --from=build /srv /srv
RUN <<END
USER root
END
ENV PORT=8080 SECRET_ARN_NAME=x
USER 10001
EXPOSE 8080
HEALTHCHECK CMD ["true"]
CMD ["python", "-m", "app"]
"""


def keys(findings: list[Finding]) -> list[str]:
    return [one.rule.key for one in findings]


def test_the_placeholder_keeps_to_the_contract(tmp_path: Path) -> None:
    """As a process in a folder of its own. Its base is not pinned: the registry that it comes from keeps no digest of
    which is known from here that it stays.
    """
    folder = tmp_path / "placeholder"
    shutil.copytree(PLACEHOLDER, folder, ignore=shutil.ignore_patterns("__pycache__"))
    run = f"env --chdir={folder} HOST=127.0.0.1 PYTHONDONTWRITEBYTECODE=1 {sys.executable} -m app"
    assert check_running(run, folder=folder, page="/items") == []
    assert keys(check_bundle(folder)) == ["pinned-base"]
    zipped = tmp_path / "bundle.zip"
    zipped.write_bytes(placeholder_bundle())
    assert keys(check_bundle(zipped)) == ["pinned-base"]


def test_the_php_example_keeps_to_the_contract_as_far_as_its_files_tell() -> None:
    assert check_bundle(PHP) == []


def test_the_page_tells_the_rules_that_are_held_and_the_variables_that_there_are(whole: Assembly) -> None:
    page = (ROOT / "docs/your-application.md").read_text()
    rows = re.findall(r"^\| ([a-z-]+) \| (must|should) \|", page, re.M)
    assert dict(rows) == {rule.key: rule.level for rule in RULES.values()}
    space = "aws:elasticbeanstalk:application:environment"
    variables = {name for namespace, name in options(whole) if namespace == space}
    assert {name for name in variables if f"`{name}`" not in page} == set()
    found = options(whole)
    process = "aws:elasticbeanstalk:environment:process:default"
    assert found[process, "HealthCheckPath"] == live.HEALTH
    assert f"every {found[process, 'HealthCheckInterval']} seconds" in page
    assert f"out of the load balancer ({found[process, 'DeregistrationDelay']} seconds)" in page


def test_what_runs_already_is_asked_and_not_stopped(tmp_path: Path) -> None:
    running = start(tmp_path)
    assert check_address(f"http://127.0.0.1:{running.port}") == []
    assert running.ask("GET", "/healthz")[0] == 200
    assert stop(running) == 0
    [finding, *_] = check_address(f"http://127.0.0.1:{running.port}")
    assert finding.rule.key == "health"
    with pytest.raises(ValueError, match="no http:// address"):
        check_address("ftp://x")


def test_a_dockerfile_is_read_as_docker_reads_it() -> None:
    stage = last_stage(read(GOOD))
    assert [row.word for row in stage] == [
        "FROM",
        "COPY",
        "RUN",
        "ENV",
        "USER",
        "EXPOSE",
        "HEALTHCHECK",
        "CMD",
    ]
    assert check_dockerfile(read(GOOD)) == []


BROKEN_FILES: list[tuple[str, Callable[[str], str], str]] = [
    ("exposed-port", lambda text: text.replace("EXPOSE 8080\n", ""), "Nothing is exposed"),
    (
        "exposed-port",
        lambda text: text.replace("EXPOSE 8080", "EXPOSE 8080 9000"),
        "the first one, 8080, alone",
    ),
    ("exposed-port", lambda text: text.replace("EXPOSE 8080", "EXPOSE 53/udp"), "is no TCP port"),
    ("user", lambda text: text.replace("USER 10001\n", ""), "no USER after the last FROM"),
    ("user", lambda text: text.replace("USER 10001", "USER root:root"), "runs as root"),
    (
        "exec-form",
        lambda text: text.replace('CMD ["python", "-m", "app"]', "CMD python -m app"),
        "keeps SIGTERM",
    ),
    (
        "health-check",
        lambda text: text.replace('HEALTHCHECK CMD ["true"]', "HEALTHCHECK NONE"),
        "no HEALTHCHECK",
    ),
    ("volume", lambda text: text + "VOLUME /data\n", "gone with its instance"),
    (
        "pinned-base",
        lambda text: text.replace(f"slim@sha256:{'0' * 64}\nC", "slim\nC"),
        "another image tomorrow",
    ),
    ("secret-in-image", lambda text: text + "ENV SMTP_PASSWORD=hunter2\n", "ENV SMTP_PASSWORD has a value"),
    ("secret-in-image", lambda text: text + "ARG API_KEY=abc\n", "ARG API_KEY has a value"),
    ("dockerfile", lambda text: "# empty", "has no FROM"),
]


@pytest.mark.parametrize(
    ("rule", "spoil", "words"), BROKEN_FILES, ids=lambda value: value if isinstance(value, str) else ""
)
def test_each_rule_of_the_dockerfile_is_named_when_it_is_broken(
    rule: str, spoil: Callable[[str], str], words: str
) -> None:
    text = spoil(GOOD)
    assert text != GOOD
    [finding] = check_dockerfile(read(text))
    assert finding.rule.key == rule
    assert words in finding.sentence


def test_secrets_and_missing_files_of_a_bundle_are_named(tmp_path: Path) -> None:
    assert keys(check_bundle(tmp_path)) == ["dockerfile"]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("Dockerfile", GOOD)
        archive.writestr(".env", "A=1")
        archive.writestr(".env.example", "A=")
        archive.writestr("config/deploy.pem", "-----BEGIN RSA PRIVATE KEY-----")
        archive.writestr("src/aws.php", "'key' => 'AKIAIOSFODNN7EXAMPLE'")
    place = tmp_path / "bundle.zip"
    place.write_bytes(buffer.getvalue())
    findings = check_bundle(place)
    assert keys(findings) == ["secret-in-image"] * 3 + ["bundle-files"] * len(SHIPPED)
    assert [one.sentence.split(" ")[0] for one in findings[:3]] == [
        ".env",
        "config/deploy.pem",
        "src/aws.php",
    ]
    with pytest.raises(ValueError, match="neither a folder nor a zip file"):
        check_bundle(ROOT / "README.md")


APPLICATION = """
import http.server, os, signal, sys, threading
print("listening", flush=True)
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "app", ""
    HEALTH, PAGE, LOCATION, BODY, COOKIE, SNIFF = 200, 503, "", b"", "a=b; Secure; HttpOnly", "nosniff"
    def do_GET(self):
        status = self.HEALTH if self.path == "/healthz" else self.page()
        self.send_response(status)
        self.send_header("Content-Length", str(len(self.BODY)))
        for name, value in (("Location", self.LOCATION), ("Set-Cookie", self.COOKIE),
                            ("X-Content-Type-Options", self.SNIFF)):
            if value:
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(self.BODY)
    def page(self):
        return self.PAGE
    def log_message(self, *_):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler)
server.daemon_threads = True
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
{change}
server.serve_forever()
"""
BROKEN_PROCESSES = [
    ("starts", "sys.exit(3)", "ended with status 3"),
    ("health", "Handler.HEALTH, Handler.LOCATION = 302, '/login'", "sent on to /login"),
    ("health", "Handler.HEALTH = 400", "answers 400 to a request for 10.20.1.7"),
    ("health-without-database", "Handler.HEALTH = 503", "every instance would be replaced"),
    ("survives-database", "Handler.page = lambda self: os._exit(7)", "ended with status 7"),
    ("behind-tls", "Handler.PAGE, Handler.LOCATION = 301, 'https://shop.example.com/'", "sent to itself"),
    ("headers", "Handler.server_version = 'Apache/2.4.66'", "tells server: Apache/2.4.66"),
    ("headers", "Handler.SNIFF = ''", "no X-Content-Type-Options"),
    ("cookies", "Handler.COOKIE = 'PHPSESSID=1; HttpOnly'", "PHPSESSID is not Secure"),
    (
        "tells-no-secret",
        "Handler.BODY = os.environ['AWS_SECRET_ACCESS_KEY'].encode()",
        "in the answer to GET /",
    ),
    ("tells-no-secret", "print(dict(os.environ), flush=True)", "stands in its log"),
    ("logs", "os.ftruncate(1, 0)", "wrote nothing"),
    ("read-only", "open('cache', 'w').close()", "It wrote cache."),
    ("stops", "signal.signal(signal.SIGTERM, signal.SIG_IGN)", "still ran"),
    ("stops", "signal.signal(signal.SIGTERM, lambda *_: os._exit(5))", "ended with status 5"),
]


def spoiled(folder: Path, change: str) -> str:
    """A command that starts an application with one change to its good self."""
    (folder / "app.py").write_text(APPLICATION.replace("{change}", change))
    return f"env --chdir={folder} PYTHONUNBUFFERED=1 {sys.executable} app.py"


def test_an_application_without_a_fault_is_found_none(tmp_path: Path) -> None:
    assert check_running(spoiled(tmp_path, ""), folder=tmp_path) == []


@pytest.mark.parametrize(("rule", "change", "words"), BROKEN_PROCESSES)
def test_each_rule_of_the_process_is_named_when_it_is_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rule: str, change: str, words: str
) -> None:
    monkeypatch.setattr(live, "STOP_S", 1.0)
    findings = check_running(spoiled(tmp_path, change), folder=tmp_path)
    assert {one.rule.key for one in findings} == {rule}
    assert any(words in one.sentence for one in findings), findings


def test_every_rule_is_broken_somewhere() -> None:
    tried = {row[0] for row in (*BROKEN_FILES, *BROKEN_PROCESSES)} | {"bundle-files"}
    assert tried == set(RULES)


def test_the_command_tells_in_words_or_json_and_by_its_status(tmp_path: Path) -> None:
    script = [sys.executable, "-m", "blueprint_cdk", "check-application"]
    nothing = subprocess.run(script, cwd=ROOT, capture_output=True, text=True)
    assert (nothing.returncode, nothing.stdout) == (
        2,
        "Name a --bundle, a command to --run, or an --address.\n",
    )
    asked = subprocess.run([*script, "--bundle", str(PHP)], cwd=ROOT, capture_output=True, text=True)
    assert (asked.returncode, asked.stdout) == (0, "It keeps to the contract, as far as was asked.\n")
    (tmp_path / "Dockerfile").write_text(GOOD.replace("USER 10001\n", ""))
    told = subprocess.run(
        [*script, "--bundle", str(tmp_path), "--json"], cwd=ROOT, capture_output=True, text=True
    )
    assert told.returncode == 1
    rows = json.loads(told.stdout)
    assert rows[0] == {
        "rule": "user",
        "level": "must",
        "sentence": "There is no USER after the last FROM: the application would run as root.",
    }
