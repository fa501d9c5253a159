"""`make conform ACCOUNT=…`: ask a live account what the sandbox's tests ask of the sandbox.

Each test that passes was observed there; the report in .data/conform.md names them with the date, for docs/sandbox.md.
"""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from devtools import processes
from devtools.live import COUNTED, LEFT_OVER
from devtools.places import STATE, shown
from devtools.results import cases
from devtools.trouble import Trouble

REPORT = STATE / "conform.md"
TESTS = ("tests/sandbox/test_cloudformation.py", "tests/sandbox/test_stack_templates.py",
         "tests/sandbox/test_stack_updates.py", "tests/sandbox/test_change_sets.py",
         "tests/sandbox/test_events_and_queues.py", "tests/sandbox/test_s3.py",
         "tests/sandbox/services/test_kms.py", "tests/sandbox/services/test_secretsmanager.py",
         "tests/sandbox/services/test_ecr.py", "tests/sandbox/services/edge/test_route53.py",
         "tests/sandbox/services/dynamodb/test_tables.py", "tests/sandbox/services/dynamodb/test_items.py",
         "tests/sandbox/services/dynamodb/test_queries.py")  # fmt: skip


def main(account: str, cap: str, *tests: str) -> int:
    """Run the tests (TESTS when none are named) with the credentials of the person's environment.

    Answers pytest's exit code. Raises Trouble.
    """
    if not (len(account) == 12 and account.isdigit()):
        raise Trouble(
            "Name the account of your credentials, 12 digits: make conform ACCOUNT=… (CAP=1, in USD)."
        )
    results = STATE / "conform.xml"
    results.parent.mkdir(parents=True, exist_ok=True)
    results.unlink(missing_ok=True)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "tests.conforming",
        f"--conform={account}",
        f"--cap={cap}",
    ]
    command += ["--timeout=3600", f"--junit-xml={results}", *(tests or TESTS)]
    log = STATE / "logs" / "conform.log"
    log.unlink(missing_ok=True)
    run = processes.start("pytest", command, log=log, env=dict(os.environ))
    try:
        code = run.popen.wait()
    finally:
        run.stop()
    if not results.exists():
        raise Trouble(run.last_lines(3))
    REPORT.write_text(report(results, account))
    told = [line for line in log.read_text().splitlines() if line.startswith((COUNTED, LEFT_OVER))]
    print("\n".join([*told, run.last_lines(1), f"The report is {shown(REPORT)}."]))
    return code


def report(results: Path, account: str) -> str:
    """The tests that passed and those that differed, from a JUnit file."""
    found = cases(results)
    seen = [f"- {case.name}" for case in found if not case.problem]
    differ = [f"- {case.name}: {case.said}" for case in found if case.problem]
    day = datetime.now(UTC).date().isoformat()
    lines = [f"# Asked of account {account} on {day}", "", f"## Observed on AWS on {day}: {len(seen)}", ""]
    return "\n".join([*lines, *seen, "", f"## Different, or not answered: {len(differ)}", "", *differ, ""])


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:]))
    except Trouble as trouble:
        print(trouble, file=sys.stderr)
        sys.exit(1)
