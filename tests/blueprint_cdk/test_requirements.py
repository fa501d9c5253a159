"""The table of docs/blueprint.md names constructs and tests that exist, and every construct.

That each test turns red without its construct is `make proof`'s to show.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from blueprint_cdk.data import load
from devtools.places import ROOT
from devtools.requirements import Answer, Requirement, answers, requirements

BLUEPRINT, HERE = ROOT / "blueprint_cdk", Path(__file__).parent
ROWS, ANSWERS = requirements(), answers()
STACKS = (
    {row["key"] for row in load("stacks")["environment"]}
    | {row["name"] for row in load("stacks")["baseline"]}
    | {row["key"] for row in load("stacks")["application"]}
)


def classes(folder: str) -> set[str]:
    """The constructs of a folder of the blueprint, as `folder.module.Class`."""
    return {
        f"{folder}.{path.stem}.{node.name}"
        for path in (BLUEPRINT / folder).glob("*.py")
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.ClassDef) and any(ast.unparse(base) == "Construct" for base in node.bases)
    }


def functions(file: str) -> set[str]:
    path = HERE / f"{file}.py"
    found = ast.parse(path.read_text()).body if path.exists() else []
    return {node.name for node in found if isinstance(node, ast.FunctionDef)}


def test_every_construct_answers_a_requirement() -> None:
    named = {construct for row in ROWS for construct in row.constructs}
    assert (classes("constructs") | classes("baseline") | classes("application")) - named == set()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.number}-{row.text}")
def test_a_row_names_what_exists(row: Requirement) -> None:
    assert row.number.isdigit() and 1 <= int(row.number) <= 17
    assert row.constructs and row.tests
    assert set(row.stacks) <= STACKS
    for construct in row.constructs:
        module, _, name = construct.rpartition(".")
        tree = ast.parse((BLUEPRINT / f"{module.replace('.', '/')}.py").read_text())
        assert name in {node.name for node in tree.body if isinstance(node, ast.ClassDef)}, construct
    for file, test in row.tests:
        assert test in functions(file), f"{file}::{test}"


def test_every_concern_and_every_step_of_the_scenario_is_answered_once() -> None:
    """Twelve concerns and eighteen steps, in their order."""
    numbers = {
        kind: [n for row in ANSWERS if row.kind == kind for n in row.numbers] for kind in ("concern", "step")
    }
    assert numbers == {"concern": list(range(1, 13)), "step": list(range(1, 19))}


@pytest.mark.parametrize("row", ANSWERS, ids=lambda row: row.text)
def test_what_answers_the_scenario_is_proved_by_a_row_above(row: Answer) -> None:
    assert row.constructs or row.requirements or row.tests
    assert set(row.constructs) <= {construct for above in ROWS for construct in above.constructs}
    assert set(row.requirements) <= {above.number for above in ROWS}
    for file, test in row.tests:
        assert test in functions(file), f"{file}::{test}"


def test_rows_are_read_from_the_page() -> None:
    page = (
        "## What was asked for, where it is, what proves it\n\n| no | what |\n|---|---|\n"
        "| 6 | fast | `constructs.database.Proxy` | data, app | `test_stack_data::test_one` |\n\n## Next\n"
        "| 7 | not of it | `constructs.edge.LoadBalancer` | app | `test_stack_app::test_two` |\n"
    )
    [row] = requirements(page)
    assert row == Requirement(
        "6", "fast", ("constructs.database.Proxy",), ("data", "app"), (("test_stack_data", "test_one"),)
    )


def test_answers_are_read_from_the_page() -> None:
    page = (
        "## The scenario, by number\n\n| concern | answered by |\n|---|---|\n| 8 heals | alarms (8, 14) |\n\n"
        "| step of the flow | answered by |\n|---|---|\n| 1, 2 in | `constructs.identity.SignIn` (hosted) |\n"
        "\n## Next\n| 3 no | more |\n"
    )
    assert answers(page) == [
        Answer("concern", (8,), "concern 8 heals", (), ("8", "14"), ()),
        Answer("step", (1, 2), "step 1, 2 in", ("constructs.identity.SignIn",), (), ()),
    ]
