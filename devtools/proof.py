"""`make proof`: each requirement's test turns red when its construct is taken out of the blueprint.

For every construct of the table in docs/blueprint.md the tests of its rows run once on a blueprint without it
(tests/blueprint_cdk/without.py). A row is proved when one of its tests fails; a test that errs before it begins, or
still passes, proves nothing.
"""

import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from devtools.places import ROOT
from devtools.requirements import Requirement, requirements
from devtools.results import cases
from devtools.trouble import Trouble

TESTS = "tests/blueprint_cdk"


def main(chosen: list[str]) -> int:
    """Exit code 0 when every row is proved. Arguments choose some constructs. Raises Trouble for an unknown one."""
    rows: dict[str, list[Requirement]] = defaultdict(list)
    for row in requirements():
        for construct in row.constructs:
            rows[construct].append(row)
    if unknown := sorted(set(chosen) - set(rows)):
        raise Trouble(
            f"No row of docs/blueprint.md names {', '.join(unknown)}; there are {', '.join(sorted(rows))}."
        )
    unproved = 0
    for construct in chosen or sorted(rows):
        red = failing(construct, sorted({test for row in rows[construct] for test in row.tests}))
        for row in rows[construct]:
            proved = any(f"{file}::{test}" in red for file, test in row.tests)
            unproved += not proved
            print(f"{'red ' if proved else 'GREEN'} {row.number} {row.text}: without {construct}", flush=True)
    print(f"{unproved} rows are not proved." if unproved else "Every row is proved.")
    return 1 if unproved else 0


def failing(construct: str, tests: list[tuple[str, str]]) -> set[str]:
    """Those of the tests that fail in their call on a blueprint without the construct, as `file::test`."""
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results.xml"
        nodes = [f"{TESTS}/{file}.py::{test}" for file, test in tests]
        command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.blueprint_cdk.without", "-m", ""]
        subprocess.run(
            [*command, f"--junit-xml={results}", *nodes],
            cwd=ROOT,
            env={**os.environ, "SWITCHYARD_WITHOUT": construct, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL,
            check=False,
        )
        return {
            f"{case.module.rpartition('.')[2]}::{case.function}"
            for case in cases(results)
            if case.problem == "failure"
        }


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Trouble as trouble:
        print(trouble, file=sys.stderr)
        sys.exit(1)
