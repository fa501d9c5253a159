"""The points that good runs pass, as points.txt keeps them for the tests that kill workers there."""

import os
from pathlib import Path

FILE = Path(__file__).with_name("points.txt")
LOOKS = ("Describe", "AssumeRole")
POINTS = FILE.read_text().split()
"""kind.step.service.Operation.before|after"""
CANCELLED = "cancelled-"
"""What stands before the kind for points that only a cancelled run passes."""


def points_recorded(trace: Path, prefix: str = "") -> int:
    """Compare what a good run passed with points.txt, or add it there; answers how many points it passed."""
    passed = {prefix + point for point in trace.read_text().split()}
    if os.environ.get("SWITCHYARD_RECORD_POINTS"):
        FILE.write_text("\n".join(sorted(passed | set(FILE.read_text().split()))) + "\n")
    # How often a step only looks depends on the clock; that it changes something does not.
    missing = sorted(
        point for point in passed - set(FILE.read_text().split()) if not point.split(".")[3].startswith(LOOKS)
    )
    assert not missing, f"Run this test with SWITCHYARD_RECORD_POINTS=1, which adds {missing}"
    return len(passed)
