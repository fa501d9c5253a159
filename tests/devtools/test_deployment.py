"""docker-compose.yml and Dockerfile, read and judged; they cannot be built here."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from devtools.places import ROOT, tool

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
SECRET = re.compile(r"PASSWORD|SECRET|KEY|TOKEN")
# Ends by itself; the others wait for its end instead of its health.
ONE_SHOT = {"migrate"}


def lint(tool_name: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(tool(tool_name)), *map(str, arguments)], cwd=ROOT, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("path", ["Dockerfile", "blueprint_cdk/placeholder/Dockerfile"])
def test_hadolint_finds_nothing(path: str) -> None:
    done = lint("hadolint", path)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_compose_file_is_one_by_its_specification(tmp_path: Path) -> None:
    schema = ("--builtin-schema", "vendor.compose-spec")
    done = lint("check-jsonschema", *schema, "docker-compose.yml")
    assert done.returncode == 0, done.stdout
    wrong = tmp_path / "docker-compose.yml"
    wrong.write_text((ROOT / "docker-compose.yml").read_text().replace("read_only:", "readonly:"))
    assert "readonly" in lint("check-jsonschema", *schema, wrong).stdout


def test_the_settings_take_the_values_that_the_image_is_built_with(tmp_path: Path) -> None:
    """The only part of the build that can be run here."""
    [command] = re.findall(r"^RUN (SECRET_KEY=[^#]*?)\n(?=\S)", DOCKERFILE, re.MULTILINE)
    words = shlex.split(command.replace("\\\n", " "))
    values = dict(word.split("=", 1) for word in words if re.match(r"[A-Z_]+=", word))
    assert "FIELD_ENCRYPTION_KEYS" in values and words[len(values)] == "python"
    done = subprocess.run(
        [sys.executable, *words[len(values) + 1 :], "--dry-run"],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "DJANGO_SETTINGS_MODULE": "portal.settings.production",
            "STATIC_ROOT": str(tmp_path),
            **values,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_runs_bare_of_rights(name: str) -> None:
    service = SERVICES[name]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", service["user"]), "a numeric user that is not root"
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("name", sorted(set(SERVICES) - ONE_SHOT))
def test_every_service_has_a_health_check(name: str) -> None:
    if name == "web":
        assert re.search(r"^HEALTHCHECK .*\n.*healthz", DOCKERFILE, re.MULTILINE), "web has the image's own"
        return
    assert SERVICES[name]["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")


@pytest.mark.parametrize("name", SERVICES)
def test_no_secret_has_a_default(name: str) -> None:
    for variable, value in (SERVICES[name].get("environment") or {}).items():
        if not SECRET.search(variable) and "PASSWORD" not in str(value):
            continue
        for reference in re.findall(r"\$\{([^}]*)\}", str(value)):
            optional = reference.startswith("PORTAL_AWS_") and reference.endswith(":-")
            assert ":?" in reference or optional, f"{name}.{variable} must be required"
        bare = re.sub(r"\$\{[^}]*\}", "", str(value))
        assert not re.search(r":[^/@\d]+@", bare), f"{name}.{variable} has a secret in clear"
        assert bare != str(value), f"{name}.{variable} has a secret in clear"


def test_only_migrations_get_the_owner_of_the_tables() -> None:
    owners = {
        name for name, service in SERVICES.items() if "DATABASE_OWNER_URL" in service.get("environment", {})
    }
    assert owners == {"migrate"}


def test_synthesis_has_no_network_and_no_secret() -> None:
    service = SERVICES["synthesis"]
    assert service["network_mode"] == "none"
    assert not [name for name in service["environment"] if SECRET.search(name)]


def test_aws_credentials_reach_workers_only() -> None:
    holders = {
        name
        for name, service in SERVICES.items()
        if "PORTAL_AWS_SECRET_ACCESS_KEY" in service.get("environment", {})
    }
    assert holders == {"worker"}


def test_nothing_but_the_loopback_is_published_and_data_reaches_nothing_outside() -> None:
    for service in SERVICES.values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
    assert COMPOSE["networks"]["data"] == {"internal": True}
    assert {name for name, service in SERVICES.items() if "aws" in service.get("networks", [])} == {"worker"}


def test_every_variable_that_compose_requires_is_in_the_example() -> None:
    required = set(re.findall(r"\$\{(\w+):\?", (ROOT / "docker-compose.yml").read_text()))
    lines = (ROOT / ".env.example").read_text().splitlines()
    offered = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    assert required <= set(offered)
    assert not [name for name, value in offered.items() if SECRET.search(name) and value]


def test_the_image_installs_by_hash_and_runs_as_nobody_in_particular() -> None:
    assert re.search(r"^USER 10001:10001$", DOCKERFILE, re.MULTILINE)
    assert DOCKERFILE.index("USER 10001") < DOCKERFILE.index("\nCMD ")
    assert DOCKERFILE.count("--require-hashes") == 2
    assert "requirements/dev.txt" not in DOCKERFILE


def test_only_the_web_counts_requests_over_its_processes() -> None:
    assert '"--config", "python:portal.gunicorn"' in DOCKERFILE
    # Set for all, it would make workers and commands count too, in a folder that is not there.
    assert "PROMETHEUS_MULTIPROC_DIR" not in DOCKERFILE
    assert not [
        name for name, row in SERVICES.items() if "PROMETHEUS_MULTIPROC_DIR" in row.get("environment", {})
    ]


def test_the_image_holds_neither_sandbox_nor_developers_tools() -> None:
    copied = set(re.findall(r"^COPY (?!--from)(\S+) \S+$", DOCKERFILE, re.MULTILINE))
    assert copied == {"manage.py", "environments", "portal", "workers", "blueprint_cdk"}
    allowed = (ROOT / ".dockerignore").read_text()
    assert "!sandbox" not in allowed
    assert "!devtools" not in allowed
