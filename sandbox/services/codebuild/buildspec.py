"""A buildspec as data. Source: CodeBuild user guide, "Build specification reference", version 0.2."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

PHASES = ("install", "pre_build", "build", "post_build")
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_SHELL = {"|", "||", "&&", ";", ">", ">>", "<", "&", "2>&1"}


class BadSpec(Exception):
    """The buildspec cannot be used, or asks for a shell; the text is the phase's message."""


@dataclass(frozen=True)
class Spec:
    """commands and finally by phase; on_failure by phase (ABORT, CONTINUE); variables by kind; files to keep."""

    commands: dict[str, list[str]]
    finally_: dict[str, list[str]]
    on_failure: dict[str, str]
    variables: dict[str, str]
    secrets: dict[str, str]
    parameters: dict[str, str]
    exported: list[str]
    files: list[str] = field(default_factory=list)
    base: str = ""


def parse(text: str) -> Spec:
    """Raises BadSpec."""
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as problem:
        raise BadSpec(f"YAML_FILE_ERROR Message: {problem}") from problem
    if not isinstance(document, dict) or "phases" not in document:
        raise BadSpec("YAML_FILE_ERROR Message: Invalid buildspec: phases is required")
    if str(document.get("version")) not in ("0.1", "0.2"):
        raise BadSpec("YAML_FILE_ERROR Message: unknown version; must be 0.1 or 0.2")
    phases: dict[str, Any] = document["phases"] or {}
    unknown = set(phases) - set(PHASES)
    if unknown:
        raise BadSpec(f"YAML_FILE_ERROR Message: unknown phase {', '.join(sorted(unknown))}")
    given = document.get("env") or {}
    kept = document.get("artifacts") or {}
    return Spec(
        {name: _lines(phase.get("commands")) for name, phase in phases.items()},
        {name: _lines(phase.get("finally")) for name, phase in phases.items()},
        {name: str(phase.get("on-failure", "ABORT")) for name, phase in phases.items()},
        _texts(given.get("variables")),
        _texts(given.get("secrets-manager")),
        _texts(given.get("parameter-store")),
        [str(n) for n in given.get("exported-variables") or ()],
        [str(f) for f in kept.get("files") or ()],
        str(kept.get("base-directory") or ""),
    )


def _lines(value: Any) -> list[str]:
    return [str(line) for line in value or ()]


def _texts(value: Any) -> dict[str, str]:
    return {str(k): str(v) for k, v in (value or {}).items()}


def arguments(command: str, variables: Mapping[str, str]) -> list[str]:
    """A command as a list, its variables filled in. Raises BadSpec where only a shell could run it."""

    def value(match: re.Match[str]) -> str:
        return variables.get(match[1] or match[2], "")

    try:
        parts = shlex.split(command)
    except ValueError as problem:
        raise BadSpec(f"The command cannot be read: {problem}.") from problem
    if not parts or _SHELL & set(parts) or "$(" in command or "`" in command:
        raise BadSpec("The sandbox runs commands without a shell: no pipes, redirections or substitutions.")
    filled = [_VARIABLE.sub(value, part) for part in parts]
    if re.fullmatch(r"python(3(\.\d+)?)?", filled[0]):
        filled[0] = sys.executable
    elif shutil.which(filled[0]) is None:
        raise BadSpec(f"{filled[0]}: not found")
    return filled
