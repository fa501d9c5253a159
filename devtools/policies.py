"""`make policies`: put what the portal's roles may do, and why, into docs/going-live.md.

The blueprint tells it (`python -m blueprint_cdk policies`); the page's other text stays.
"""

import subprocess
import sys

from devtools.places import ROOT

PAGE = ROOT / "docs" / "going-live.md"
BEGIN, END = "<!-- policies: made by `make policies` -->\n", "\n<!-- policies: end -->"


def main() -> int:
    """Write the section."""
    command = [sys.executable, "-m", "blueprint_cdk", "policies"]
    made = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.rstrip()
    text = PAGE.read_text()
    before, after = text[: text.index(BEGIN) + len(BEGIN)], text[text.index(END) :]
    PAGE.write_text(f"{before}{made}{after}")
    return 0


def kept(text: str) -> str:
    """The section as the page has it. Raises ValueError where a marker is missing."""
    return text[text.index(BEGIN) + len(BEGIN) : text.index(END)]


if __name__ == "__main__":
    sys.exit(main())
