"""The blueprint's commands. Each answers on standard output; faults of the request are answers, not tracebacks."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from blueprint_cdk import runtime
from blueprint_cdk.contract import command as contract
from blueprint_cdk.refusals import SpecError


def main(arguments: list[str] | None = None) -> int:
    """Runs one command and answers its exit status: 0, or 1 for a request that was refused."""
    parser = argparse.ArgumentParser(prog="python -m blueprint_cdk", description=__doc__)
    parser.add_argument(
        "--cache",
        type=Path,
        default=os.environ.get("SWITCHYARD_JSII_CACHE"),
        help="folder where jsii keeps its unpacked packages between runs (default: its own)",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("describe", help="schema, names, costs, stacks and lock, as JSON")
    commands.add_parser("synth", help="one JSON request on standard input; the assembly into its 'out'")
    serve = commands.add_parser("serve", help="the same, kept warm, on a Unix socket")
    serve.add_argument("--socket", type=Path, required=True)
    serve.add_argument("--max-rss-mb", type=int, default=600, help="begin anew above this, Node included")
    role = commands.add_parser("role-template", help="a template that lets the portal into an account")
    role.add_argument("--format", choices=("yaml", "json"), default="yaml")
    role.add_argument(
        "--stack", default="switchyard-access", help="the stack it is of, or `all`: one JSON object by stack"
    )
    commands.add_parser("policies", help="what the portal's roles may do in an account, and why, as Markdown")
    bundle = commands.add_parser("placeholder-bundle", help="the placeholder application as a zip file")
    bundle.add_argument("--out", type=Path, required=True)
    contract.add_to(commands)
    options = parser.parse_args(arguments)
    if options.command == "check-application":
        return contract.run(options)
    runtime.prepare(Path(options.cache) if options.cache else None)
    return _run(options)


def _run(options: argparse.Namespace) -> int:
    if options.command == "describe":
        from blueprint_cdk.describe import describe

        print(json.dumps(describe(), indent=1))
        return 0
    if options.command == "role-template":
        return _role_template(options.stack, options.format)
    if options.command == "policies":
        from blueprint_cdk.access.told import section

        print(section())
        return 0
    if options.command == "placeholder-bundle":
        from blueprint_cdk.bundle import placeholder_bundle

        options.out.write_bytes(placeholder_bundle())
        return 0
    if options.command == "serve":
        runtime.trust_arguments()
        from blueprint_cdk.serve import Server

        return Server(options.socket, max_rss_mb=options.max_rss_mb).run()
    reply = answer(sys.stdin.read())
    print(json.dumps(reply))
    return 0 if reply["ok"] else 1


def _role_template(stack: str, form: Literal["yaml", "json"]) -> int:
    from blueprint_cdk.access.templates import role_templates

    templates = role_templates(form)
    if stack == "all":
        print(json.dumps(templates))
        return 0
    if stack not in templates:
        print(f"There is no stack {stack}: there are {', '.join(templates)}.", file=sys.stderr)
        return 1
    print(templates[stack], end="")
    return 0


def answer(line: str) -> dict[str, Any]:
    """The answer to one request line: ok and seconds, or a sentence and its field."""
    started = time.monotonic()
    try:
        data = json.loads(line)
    except json.JSONDecodeError as error:
        return {"ok": False, "error": f"The request is not JSON: {error}.", "field": None}
    try:
        _synthesise()(data)
    except SpecError as error:
        return {"ok": False, "error": error.sentence, "field": error.field}
    return {"ok": True, "seconds": round(time.monotonic() - started, 3)}


def _synthesise() -> Callable[[Any], Path]:
    """Imported when first needed: it starts Node, which `describe` does without."""
    from blueprint_cdk.synthesis import synthesise

    return synthesise


if __name__ == "__main__":
    sys.exit(main())
