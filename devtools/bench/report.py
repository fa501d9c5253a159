"""The page of figures: what was measured, against which aim, and how it was taken."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from devtools import machine
from devtools.places import ROOT

PAGE = ROOT / "docs" / "benchmarks.md"


@dataclass
class Section:
    """One table: `rows` below `columns`, with what a reader must know to judge them."""

    title: str
    how: str
    columns: Sequence[str]
    rows: list[Sequence[str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def markdown(self) -> str:
        """The section as Markdown."""
        lines = [f"## {self.title}", "", self.how, "", f"| {' | '.join(self.columns)} |"]
        lines.append("|" + "---|" * len(self.columns))
        lines += [f"| {' | '.join(row)} |" for row in self.rows]
        lines += ["", *self.notes] if self.notes else []
        return "\n".join(lines) + "\n"


def percentile_95(milliseconds: Sequence[float]) -> float:
    """The value that 95 of 100 measurements do not pass."""
    return statistics.quantiles(milliseconds, n=100, method="inclusive")[94]


def verdict(value: float, aim: float) -> str:
    """Met, or by how much not."""
    return "met" if value <= aim else f"**missed by {value - aim:.{0 if aim >= 10 else 2}f}**"


HEAD = (
    "# Benchmarks\n\nWritten by `make bench`; a report, not a test. Each section is of one run on one machine, and "
    "ratios are of figures of that run. AWS is the local sandbox: its durations are settings, so only what comes on "
    "top of them, and ratios, say something about AWS.\n\n"
)


def write(section: Section, page: Path = PAGE) -> None:
    """Put the section in docs/benchmarks.md, in place of an older one of its title; the others stay."""
    kept = page.read_text().split("\n## ")[1:] if page.exists() else []
    texts = {text.split("\n", 1)[0]: f"## {text}".strip() + "\n" for text in kept}
    texts[section.title] = f"{section.markdown()}\nMachine: {machine.described()}.\n"
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(HEAD + "\n".join(texts.values()))
