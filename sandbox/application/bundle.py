"""A source bundle as the sandbox runs it: unpacked, with the run command and variables of its Dockerfile.

No Docker: the exec form of CMD is started as a process, with the sandbox's own Python where it says python. What else a
Dockerfile does (RUN, COPY) does not happen; the libraries that the sandbox itself has are there. Of Beanstalk's
configuration files two things are taken: how far tokens of instance metadata come, and how large a body nginx takes.
"""

from __future__ import annotations

import io
import json
import re
import shutil
import sys
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

LARGEST = 512 * 1024 * 1024
"""Bytes: Elastic Beanstalk's limit for a source bundle."""


class CannotRun(Exception):
    """Why this bundle is no process here; the text is shown where its health is."""


@dataclass(frozen=True)
class RunCommand:
    """What to start, in which folder, with which variables of the image's own."""

    command: list[str]
    folder: Path
    variables: dict[str, str] = field(default_factory=dict)
    token_hops: int = 1
    largest_body: int = 1024 * 1024
    """Bytes."""


def unpack(content: bytes, folder: Path) -> None:
    """Unpack a zip file into a new folder. Raises CannotRun."""
    shutil.rmtree(folder, ignore_errors=True)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > LARGEST:
                raise CannotRun("The source bundle is larger than 512 MB.")
            archive.extractall(folder)
    except zipfile.BadZipFile:
        raise CannotRun("The source bundle is no zip file.") from None


def run_command(folder: Path) -> RunCommand:
    """The command of an unpacked bundle. Raises CannotRun where there is none that can run without Docker."""
    file = folder / "Dockerfile"
    if not file.is_file():
        raise CannotRun("The source bundle has no Dockerfile: the sandbox does not know how to run it.")
    variables: dict[str, str] = {}
    command: list[str] = []
    for line in re.sub(r"\\\n", " ", file.read_text()).splitlines():
        word, _, rest = line.strip().partition(" ")
        if word.upper() == "ENV":
            variables |= dict(re.findall(r'(\w+)=("[^"]*"|\S*)', rest))
        elif word.upper() == "CMD" and rest.strip().startswith("["):
            command = [str(part) for part in json.loads(rest)]
    if not command:
        raise CannotRun("The Dockerfile has no CMD in exec form: the sandbox does not know how to run it.")
    if re.fullmatch(r"python(3(\.\d+)?)?", command[0]):
        command[0] = sys.executable
    elif shutil.which(command[0]) is None:
        raise CannotRun(f"The Dockerfile runs {command[0]}, which this machine does not have.")
    given = {k: v.strip('"') for k, v in variables.items()}
    return RunCommand(command, folder, given, _token_hops(folder), _largest_body(folder))


def _token_hops(folder: Path) -> int:
    """How many hops a token of instance metadata comes: what configuration files say of Beanstalk's launch template,
    else one (Beanstalk guide, "Modifying the resources"; aws/elastic-beanstalk-roadmap#242).
    """
    hops = 1
    for file in sorted(folder.glob(".ebextensions/*.config")):
        try:
            found: Any = yaml.safe_load(file.read_text())
        except yaml.YAMLError:
            raise CannotRun(f"{file.name} is neither YAML nor JSON.") from None
        for part in (
            "Resources",
            "AWSEBEC2LaunchTemplate",
            "Properties",
            "LaunchTemplateData",
            "MetadataOptions",
        ):
            found = (found or {}).get(part)
        hops = int((found or {}).get("HttpPutResponseHopLimit", hops))
    return hops


def _largest_body(folder: Path) -> int:
    """Bytes that nginx takes of a request: client_max_body_size, 1 MB by itself (nginx, ngx_http_core_module)."""
    text = "".join(file.read_text() for file in sorted(folder.glob(".platform/nginx/conf.d/*.conf")))
    found = re.findall(r"^\s*client_max_body_size\s+(\d+)([kKmMgG]?)\s*;", text, re.M)
    if not found:
        return RunCommand.largest_body
    number, unit = found[-1]
    return int(number) * 1024 ** " kmg".index(unit.lower() or " ")
