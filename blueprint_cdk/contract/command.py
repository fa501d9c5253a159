"""`python -m blueprint_cdk check-application`: the contract held against a bundle, a process, or an address."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from blueprint_cdk.contract import RULES, Finding
from blueprint_cdk.contract.dockerfile import assigned, last_stage, read
from blueprint_cdk.contract.running import check_address, check_running
from blueprint_cdk.contract.static import check_bundle


def add_to(commands: Any) -> None:
    """The command's words, in the blueprint's own parser."""
    parser = commands.add_parser(
        "check-application", help="whether a team's application keeps to docs/your-application.md"
    )
    parser.add_argument("--bundle", type=Path, help="its folder or zip file, with the Dockerfile at the top")
    parser.add_argument(
        "--run",
        metavar="COMMAND",
        help="start it and ask it, its database being away; {port} is a free port, {env_file} the variables, as in "
        '"docker run --rm --read-only --tmpfs /tmp --env-file {env_file} -p {port}:8080 shop"',
    )
    parser.add_argument("--address", help="ask what runs already at http://host:port, and stop nothing")
    parser.add_argument("--page", default="/", help="a page that needs the database (default /)")
    parser.add_argument("--json", action="store_true", help="the findings as JSON")


def run(options: argparse.Namespace) -> int:
    """0: nothing that must not be. 1: something is. 2: there was nothing to look at."""
    if not (options.bundle or options.run or options.address):
        print("Name a --bundle, a command to --run, or an --address.")
        return 2
    try:
        findings = _findings(options)
    except (ValueError, OSError) as error:
        print(error)
        return 2
    print(json.dumps([one.told() for one in findings], indent=1) if options.json else _words(findings))
    return 1 if any(one.rule.level == "must" for one in findings) else 0


def _findings(options: argparse.Namespace) -> list[Finding]:
    findings: list[Finding] = []
    if options.bundle:
        findings += check_bundle(options.bundle)
    if options.run:
        folder = options.bundle if options.bundle and options.bundle.is_dir() else None
        findings += check_running(options.run, folder=folder, variables=_of_image(folder), page=options.page)
    if options.address:
        findings += check_address(options.address, page=options.page)
    return findings


def _of_image(folder: Path | None) -> dict[str, str]:
    """What the Dockerfile's ENV says, for a process that runs without its image."""
    if folder is None or not (folder / "Dockerfile").exists():
        return {}
    rows = [row for row in last_stage(read((folder / "Dockerfile").read_text())) if row.word == "ENV"]
    return {name: value for row in rows for name, value in assigned(row).items()}


def _words(findings: Sequence[Finding]) -> str:
    if not findings:
        return "It keeps to the contract, as far as was asked."
    keys = list(RULES)
    rows = sorted(findings, key=lambda one: (one.rule.level != "must", keys.index(one.rule.key)))
    return "\n".join(f"{one.rule.level:6} {one.rule.key}: {one.sentence}" for one in rows)
