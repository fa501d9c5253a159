"""What a run of pytest wrote into its JUnit file."""

import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Case:
    """One test. problem: "failure" (in its own call), "error" (before or after it), or "" when it passed; said: the
    problem's first line."""

    module: str
    name: str
    seconds: float
    problem: str
    said: str

    @property
    def function(self) -> str:
        """The name without its parameters."""
        return self.name.partition("[")[0]

    @property
    def parameters(self) -> str:
        """What stands in the name's brackets."""
        return self.name.partition("[")[2].rstrip("]")


def cases(results: Path) -> list[Case]:
    """All tests of a JUnit file, in its order."""
    found = []
    for row in ElementTree.parse(results).getroot().iter("testcase"):  # noqa: S314 - our own file
        problem = next((part for part in row if part.tag in ("failure", "error")), None)
        said = "" if problem is None else (problem.get("message") or "").strip()
        found.append(
            Case(
                module=row.get("classname") or "",
                name=row.get("name") or "",
                seconds=float(row.get("time") or 0),
                problem="" if problem is None else problem.tag,
                said=" ".join(said.splitlines()[:1]),
            )
        )
    return found
