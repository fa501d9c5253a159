"""docs/sandbox.md keeps its form: every line that claims something names a source, a trust and tests that exist."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import pytest

from devtools.places import ROOT

AWS = ("behaviour", "source", "trust", "test")
OWN = ("of the sandbox itself", "test")
BEGINS, ENDS = "## What it is trusted for", "## What it does not do, on purpose"
TRUST = re.compile(r"documented|observed on AWS on (\d{4}-\d{2}-\d{2})")
REFERENCE = re.compile(r"(test_\w+): (all|test_\w+(?:, test_\w+)*)")


@dataclass(frozen=True)
class Row:
    """One line of a table, and the header of that."""

    number: int
    header: tuple[str, ...]
    cells: tuple[str, ...]


def rows() -> Iterator[Row]:
    """The lines of all tables between the headings."""
    text = (ROOT / "docs" / "sandbox.md").read_text()
    assert text.count(f"\n{BEGINS}\n") == text.count(f"\n{ENDS}\n") == 1
    header: tuple[str, ...] = ()
    inside = False
    for number, line in enumerate(text.splitlines(), 1):
        inside = line == BEGINS or (inside and line != ENDS)
        if not line.startswith("|"):
            header = ()
        elif inside and not set(line) <= set("|- "):
            cells = tuple(cell.strip() for cell in line.strip("|").split(" | "))
            if header:
                yield Row(number, header, cells)
            else:
                header = cells


def modules_found() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for path in (ROOT / "tests" / "sandbox").rglob("test_*.py"):
        assert path.stem not in found, f"two modules are called {path.stem}"
        body = ast.parse(path.read_text()).body
        found[path.stem] = {
            n.name for n in body if isinstance(n, ast.FunctionDef) and n.name.startswith("test_")
        }
    return found


def problem_of(row: Row, modules: dict[str, set[str]]) -> str:
    """What is wrong with a line; "" for nothing."""
    if row.header not in (AWS, OWN):
        return f"a table of {row.header} is neither about AWS nor about the sandbox itself"
    if len(row.cells) != len(row.header) or not all(row.cells):
        return "a cell is missing or empty"
    if row.header == AWS:
        _, source, trust, _ = row.cells
        if not re.search(r"[A-Za-z]{3}", source):
            return "no source"
        observed = TRUST.fullmatch(trust)
        if observed is None:
            return f"trust is {trust}"
        if observed[1] and date.fromisoformat(observed[1]) > date.today():
            return f"observed in the future: {observed[1]}"
    for part in row.cells[-1].split("; "):
        reference = REFERENCE.fullmatch(part)
        if reference is None:
            return f"{part} is no `module: test, test`"
        module, names = reference.groups()
        if module not in modules:
            return f"there is no module {module}"
        if names != "all" and (gone := set(names.split(", ")) - modules[module]):
            return f"{module} has no {', '.join(sorted(gone))}"
    return ""


def test_every_line_has_source_trust_and_tests_that_exist() -> None:
    modules = modules_found()
    problems = [
        f"docs/sandbox.md:{row.number}: {said}" for row in rows() if (said := problem_of(row, modules))
    ]
    assert problems == []


def test_every_module_of_tests_has_a_line() -> None:
    told = " ".join(row.cells[-1] for row in rows())
    assert [name for name in sorted(modules_found()) if f"{name}: " not in told] == []


@pytest.mark.parametrize(
    ("header", "cells", "said"),
    [
        (AWS, ("a", "EC2 guide", "documented", "test_x: test_a, test_b"), ""),
        (AWS, ("a", "EC2 guide", "observed on AWS on 2026-01-02", "test_x: all"), ""),
        (OWN, ("a", "test_x: test_a; test_y: all"), ""),
        (AWS, ("a", "-", "documented", "test_x: all"), "no source"),
        (AWS, ("a", "EC2 guide", "the sandbox's own", "test_x: all"), "trust is the sandbox's own"),
        (AWS, ("a", "EC2 guide", "observed on AWS", "test_x: all"), "trust is observed on AWS"),
        (AWS, ("a", "EC2 guide", "observed on AWS on 2999-01-01", "test_x: all"), "observed in the future: 2999-01-01"),
        (AWS, ("a", "EC2 guide", "documented", ""), "a cell is missing or empty"),
        (AWS, ("a", "EC2 guide", "documented"), "a cell is missing or empty"),
        (AWS, ("a", "EC2 guide", "documented", "test_a"), "test_a is no `module: test, test`"),
        (AWS, ("a", "EC2 guide", "documented", "test_z: all"), "there is no module test_z"),
        (OWN, ("a", "test_y: test_a"), "test_y has no test_a"),
        (("behaviour", "test"), ("a", "test_x: all"), "is neither about AWS nor about the sandbox itself"),
    ],
)  # fmt: skip
def test_line_that_claims_too_much_is_found(
    header: tuple[str, ...], cells: tuple[str, ...], said: str
) -> None:
    found = problem_of(Row(1, header, cells), {"test_x": {"test_a", "test_b"}, "test_y": {"test_c"}})
    assert found == said or (said and found.endswith(said))
