"""What a bundle's files say, before anything runs: a folder, or the zip file that Beanstalk gets."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from blueprint_cdk.contract import Finding, found
from blueprint_cdk.contract.dockerfile import Instruction, assigned, bases, last_stage, read

DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")
SECRET_NAME = re.compile(
    r"PASS(WORD|WD|PHRASE)?$|SECRET|TOKEN|PRIVATE|CREDENTIAL|(API|ACCESS|ENCRYPTION|APP)_?KEY", re.I
)
NO_SECRET = re.compile(r"(_ARN|_FILE|_PATH|_NAME|_URL|_HEADER|_TTL|_DAYS)$", re.I)
KEY_TEXT = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----|\b(AKIA|ASIA)[A-Z0-9]{16}\b")
SECRET_FILES = re.compile(
    r"(^|/)(\.env(\.(?!example|dist|sample|template)[\w-]+)?|id_rsa|id_ed25519|\.netrc|\.npmrc|auth\.json|\.aws/credentials)$"
)
SHIPPED = (
    ".ebextensions/healing.config",
    ".ebextensions/instances.config",
    ".ebextensions/scaling.config",
    ".platform/nginx/conf.d/bodies.conf",
    ".platform/nginx/conf.d/timeouts.conf",
)
LARGEST = 2 * 1024 * 1024
"""Bytes of a file in which keys are looked for."""
IGNORED = ("vendor/", "node_modules/", ".git/")


def check_bundle(place: Path) -> list[Finding]:
    """Every rule that the files break. ValueError: there is no such folder, and no zip file."""
    files = _files(place)
    if "Dockerfile" not in files:
        return [found("dockerfile", f"{place.name} has no Dockerfile at its top.")]
    instructions = read(files["Dockerfile"].decode(errors="replace"))
    return [*check_dockerfile(instructions), *_secret_files(files), *_shipped(files)]


def check_dockerfile(instructions: list[Instruction]) -> list[Finding]:
    """Every rule that a Dockerfile breaks."""
    stage = last_stage(instructions)
    if not stage:
        return [found("dockerfile", "The Dockerfile has no FROM.")]
    checks = (_port, _user, _command, _health, _volume)
    return [*(one for check in checks for one in check(stage)), *_pinned(instructions), *_named(instructions)]


def _port(stage: list[Instruction]) -> Iterator[Finding]:
    ports = [word for row in stage if row.word == "EXPOSE" for word in row.rest.split()]
    if not ports:
        yield found(
            "exposed-port", "Nothing is exposed: Beanstalk's nginx passes requests on to the port of EXPOSE."
        )
    elif not re.fullmatch(r"\d+(/tcp)?", ports[0]) or not 0 < int(ports[0].partition("/")[0]) < 65536:
        yield found("exposed-port", f"EXPOSE {ports[0]} is no TCP port.")
    elif len(set(ports)) > 1:
        yield found(
            "exposed-port",
            f"{len(set(ports))} ports are exposed: requests come to the first one, {ports[0]}, alone.",
        )


def _user(stage: list[Instruction]) -> Iterator[Finding]:
    users = [row for row in stage if row.word == "USER"]
    if not users:
        yield found("user", "There is no USER after the last FROM: the application would run as root.")
    elif users[-1].rest.partition(":")[0] in ("root", "0"):
        yield found("user", f"Line {users[-1].line}: the application runs as root.")


def _command(stage: list[Instruction]) -> Iterator[Finding]:
    for row in stage:
        if row.word in ("CMD", "ENTRYPOINT") and not row.is_list:
            yield found(
                "exec-form",
                f"Line {row.line}: {row.word} {row.rest} runs in a shell, which keeps SIGTERM to itself; write a list.",
            )


def _health(stage: list[Instruction]) -> Iterator[Finding]:
    checks = [row for row in stage if row.word == "HEALTHCHECK"]
    if not checks or checks[-1].rest.upper() == "NONE":
        yield found("health-check", "There is no HEALTHCHECK: Docker cannot tell a container that hangs.")


def _volume(stage: list[Instruction]) -> Iterator[Finding]:
    for row in stage:
        if row.word == "VOLUME":
            yield found(
                "volume",
                f"Line {row.line}: VOLUME {row.rest} is gone with its instance; keep it in the uploads bucket.",
            )


def _pinned(instructions: list[Instruction]) -> Iterator[Finding]:
    for image, line in bases(instructions):
        if not DIGEST.search(image):
            yield found(
                "pinned-base",
                f"Line {line}: {image} may be another image tomorrow; add its digest, @sha256:…",
            )


def _named(instructions: list[Instruction]) -> Iterator[Finding]:
    for row in instructions:
        if row.word not in ("ENV", "ARG"):
            continue
        for name, value in assigned(row).items():
            if (
                value
                and SECRET_NAME.search(name)
                and not NO_SECRET.search(name)
                and not value.startswith("$")
            ):
                yield found(
                    "secret-in-image",
                    f"Line {row.line}: {row.word} {name} has a value, which everybody with the image can read; "
                    "name it in the environment's secrets.",
                )


def _secret_files(files: Mapping[str, bytes]) -> Iterator[Finding]:
    for name, body in sorted(files.items()):
        if SECRET_FILES.search(name):
            yield found("secret-in-image", f"{name} is in the bundle.")
        elif KEY_TEXT.search(body):
            yield found("secret-in-image", f"{name} holds a private key or an AWS access key.")


def _shipped(files: Mapping[str, bytes]) -> Iterator[Finding]:
    for name in SHIPPED:
        if name not in files:
            yield found("bundle-files", f"{name} is missing; take it from blueprint_cdk/placeholder/.")


def _files(place: Path) -> dict[str, bytes]:
    """Contents by name; of what is larger than LARGEST, its beginning."""
    if place.is_dir():
        paths = {path.relative_to(place).as_posix(): path for path in place.rglob("*") if path.is_file()}
        return {name: _beginning(path) for name, path in paths.items() if not name.startswith(IGNORED)}
    if not zipfile.is_zipfile(place):
        raise ValueError(f"{place} is neither a folder nor a zip file.")
    with zipfile.ZipFile(place) as archive:
        found_files = {}
        for entry in archive.infolist():
            if not entry.is_dir() and not entry.filename.startswith(IGNORED):
                with archive.open(entry) as file:
                    found_files[entry.filename] = file.read(LARGEST)
        return found_files


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(LARGEST)
