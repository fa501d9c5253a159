"""The page of figures: what was measured, against which aim, and how it was taken."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

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
    return "met" if value <= aim else f"**missed by {value - aim:.0f}**"


def write(sections: Sequence[Section]) -> None:
    """Write docs/benchmarks.md."""
    head = (
        "# Benchmarks\n\nWritten by `make bench`; a report, not a test. Ratios are of figures from one run on one "
        "machine. AWS is the local sandbox: its durations are settings, so only what comes on top of them, and "
        "ratios, say something about AWS.\n\n"
        f"Machine: {machine.described()}.\n\n"
    )
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(head + "\n".join(section.markdown() for section in sections))
