"""`make torture`: run the long fault matrices and keep their report in docs/torture.md."""

import sys
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from devtools import machine, processes
from devtools.places import ROOT, STATE, shown
from devtools.results import cases
from devtools.trouble import Trouble

REPORT = ROOT / "docs" / "torture.md"


@dataclass
class Matrix:
    """The results of one test function over all its parameters."""

    passed: int = 0
    seconds: float = 0.0
    failed: list[str] = field(default_factory=list)


def main(arguments: list[str]) -> int:
    """Run `pytest -m torture`, write the report, answer pytest's exit code. Arguments choose some tests."""
    results = STATE / "torture.xml"
    results.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pytest", "-m", "torture", "--timeout=600", f"--junit-xml={results}"]
    run = processes.start("pytest", [*command, *arguments], log=STATE / "logs" / "torture.log")
    try:
        code = run.popen.wait()
    finally:
        run.stop()
    if not results.exists():
        raise Trouble(f"pytest wrote no results; its log is {shown(run.log)}: {run.last_lines(5)}")
    matrices = read(results)
    if not matrices:
        raise Trouble("No test is marked `torture` among those chosen.")
    if arguments:
        # Some of the tests only: no report of the whole.
        print(f"{report(matrices)}\n{run.last_lines(1)}")
    else:
        REPORT.write_text(report(matrices))
        print(f"{run.last_lines(1)}\nThe report is {shown(REPORT)}.")
    return code


def read(results: Path) -> dict[str, Matrix]:
    """Matrices by the name of their test, from a JUnit file."""
    matrices: dict[str, Matrix] = defaultdict(Matrix)
    for case in cases(results):
        matrix = matrices[f"{case.module}.{case.function}"]
        matrix.seconds += case.seconds
        if case.problem:
            matrix.failed.append(f"`{case.parameters or case.function}`: {case.said[:200]}")
        else:
            matrix.passed += 1
    return dict(matrices)


def report(matrices: dict[str, Matrix]) -> str:
    """The page: one row per matrix, then every failure with its first line."""
    lines = ["# Torture", "", "Written by `make torture`: the long fault matrices, with real processes.", ""]
    lines += [
        f"Machine: {machine.described()}.",
        "",
        "| matrix | passed | failed | minutes |",
        "|---|---|---|---|",
    ]
    for name, matrix in sorted(matrices.items()):
        lines.append(f"| {name} | {matrix.passed} | {len(matrix.failed)} | {matrix.seconds / 60:.1f} |")
    failures = [(name, failure) for name, matrix in sorted(matrices.items()) for failure in matrix.failed]
    if failures:
        lines += ["", "## Failures", "", *(f"- {name} {failure}" for name, failure in failures)]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Trouble as trouble:
        print(trouble, file=sys.stderr)
        sys.exit(1)
