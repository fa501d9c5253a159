"""`make proof`: each requirement's test turns red when its construct is taken out of the blueprint.

For every construct of the table in docs/blueprint.md the tests of its rows run once on a blueprint without it
(tests/blueprint_cdk/without.py). A row is proved when one of its tests fails; a test that errs before it begins, or
still passes, proves nothing.
"""

import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections import defaultdict
from pathlib import Path

from devtools.places import ROOT
from devtools.requirements import Requirement, requirements

TESTS = "tests/blueprint_cdk"


def main(chosen: list[str]) -> int:
    """Exit code 0 when every row is proved. Arguments choose some constructs."""
    rows: dict[str, list[Requirement]] = defaultdict(list)
    for row in requirements():
        for construct in row.constructs:
            rows[construct].append(row)
    wanted = chosen or sorted(rows)
    unproved = 0
    for construct in wanted:
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
            f"{(case.get('classname') or '').rpartition('.')[2]}::{(case.get('name') or '').partition('[')[0]}"
            for case in ElementTree.parse(results).getroot().iter("testcase")  # noqa: S314 - our own file
            if case.find("failure") is not None
        }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
