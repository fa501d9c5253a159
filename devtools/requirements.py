"""The tables of docs/blueprint.md: what was asked for, which construct answers it, which test proves it; and the
scenario's concerns and steps, with what answers them.
"""

import re
from dataclasses import dataclass

from devtools.places import ROOT

PAGE = ROOT / "docs" / "blueprint.md"
HEADING = "## What was asked for, where it is, what proves it"
SCENARIO = "## The scenario, by number"
NUMBERS, LEADING, LAST_BRACKETS = re.compile(r"\d+"), re.compile(r"[\d, ]+"), re.compile(r"\([\d, ]+\)$")
CONSTRUCT = re.compile(r"`((?:[a-z_]+\.)+[A-Z][A-Za-z]*)`")
TEST = re.compile(r"`(test_[a-z_0-9]+)::(test_[a-z_0-9]+)`")


@dataclass(frozen=True)
class Requirement:
    """A row: constructs as modules below blueprint_cdk with a class, tests as files of tests/blueprint_cdk with a
    function."""

    number: str
    text: str
    constructs: tuple[str, ...]
    stacks: tuple[str, ...]
    tests: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Answer:
    """A row of the scenario. kind: "concern" or "step"; numbers: which ones of that kind; requirements: the numbers in
    its last brackets, those of the first table.
    """

    kind: str
    numbers: tuple[int, ...]
    text: str
    constructs: tuple[str, ...]
    requirements: tuple[str, ...]
    tests: tuple[tuple[str, str], ...]


def requirements(page: str | None = None) -> list[Requirement]:
    """The rows of the first table below the heading; the page is docs/blueprint.md."""
    text = PAGE.read_text() if page is None else page
    rows = []
    for line in text.partition(HEADING)[2].partition("\n## ")[0].splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and len(cells) == 5 and cells[0][:1].isdigit():
            number, said, constructs, stacks, tests = cells
            rows.append(
                Requirement(
                    number,
                    said,
                    tuple(CONSTRUCT.findall(constructs)),
                    tuple(stack.strip() for stack in stacks.split(",")),
                    tuple(TEST.findall(tests)),
                )
            )
    return rows


def answers(page: str | None = None) -> list[Answer]:
    """The rows of the two tables of the scenario: its concerns, then the steps of its flow."""
    text = PAGE.read_text() if page is None else page
    rows, kind = [], ""
    for line in text.partition(SCENARIO)[2].partition("\n## ")[0].splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("|") or len(cells) != 2:
            continue
        asked, answer = cells
        if not asked[:1].isdigit():
            kind = {"concern": "concern", "step of the flow": "step"}.get(asked, kind)
            continue
        numbers, brackets = LEADING.match(asked), LAST_BRACKETS.search(answer)
        rows.append(
            Answer(
                kind,
                tuple(map(int, NUMBERS.findall(numbers[0]))) if numbers else (),
                f"{kind} {asked}",
                tuple(CONSTRUCT.findall(answer)),
                tuple(NUMBERS.findall(brackets[0])) if brackets else (),
                tuple(TEST.findall(answer)),
            )
        )
    return rows
