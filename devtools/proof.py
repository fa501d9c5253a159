"""`make proof`: each requirement's test turns red when its construct is taken out of the blueprint.

For every construct of the table in docs/blueprint.md the tests of its rows run once on a blueprint without it
(tests/blueprint_cdk/without.py), all in one process. A row is proved when one of its tests fails; a test that errs
before it begins, or still passes, proves nothing. A concern or a step of the scenario is proved when each construct
that answers it is.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from devtools.places import ROOT
from devtools.requirements import Requirement, answers, requirements
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
    taken = chosen or sorted(rows)
    red = failing({name: sorted({test for row in rows[name] for test in row.tests}) for name in taken})
    unproved: set[str] = set()
    for construct in taken:
        for row in rows[construct]:
            proved = not red[construct].isdisjoint(row.tests)
            if not proved:
                unproved.add(construct)
            print(f"{_word(proved)} {row.number} {row.text}: without {construct}")
    for answer in answers():
        named = {name for name in rows for row in rows[name] if row.number in answer.requirements}
        named |= set(answer.constructs)
        if named and named <= set(taken):
            print(f"{_word(unproved.isdisjoint(named))} scenario, {answer.text}")
    print(f"Not proved: {', '.join(sorted(unproved))}." if unproved else "Every row is proved.")
    return 1 if unproved else 0


def _word(proved: bool) -> str:
    return "red  " if proved else "GREEN"


def failing(plan: Mapping[str, list[tuple[str, str]]]) -> dict[str, set[tuple[str, str]]]:
    """Of each construct's tests those that fail in their call on a blueprint without it, each as (file, test)."""
    nodes = sorted({f"{TESTS}/{file}.py::{test}" for tests in plan.values() for file, test in tests})
    told = json.dumps({name: [f"{file}::{test}" for file, test in tests] for name, tests in plan.items()})
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results.xml"
        # Of its own output the dots alone: failures are what is wanted, and told row by row.
        command = [sys.executable, "-m", "pytest", "-q", "--tb=no", "--no-summary", "-m", ""]
        subprocess.run(
            [*command, "-p", "tests.blueprint_cdk.without", f"--junit-xml={results}", *nodes],
            cwd=ROOT,
            env={**os.environ, "SWITCHYARD_WITHOUT": told, "PYTHONPATH": str(ROOT)},
            check=False,
        )
        if not results.exists():
            raise Trouble("The tests did not begin: pytest said why.")
        red: dict[str, set[tuple[str, str]]] = {name: set() for name in plan}
        for case in cases(results):
            if case.problem == "failure":
                # Its construct is among its parameters, whose other values have no such name.
                [construct] = red.keys() & set(case.parameters.split("-"))
                red[construct].add((case.module.rpartition(".")[2], case.function))
        return red


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Trouble as trouble:
        print(trouble, file=sys.stderr)
        sys.exit(1)
