"""The tables of docs/blueprint.md: what was asked for, which construct answers it, which test proves it."""

import re
from dataclasses import dataclass

from devtools.places import ROOT

PAGE = ROOT / "docs" / "blueprint.md"
HEADING = "## What was asked for, where it is, what proves it"
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
