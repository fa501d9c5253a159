"""`make docs`: the parts of documents that are made from the blueprint, each between its two marks.

A document holds `<!-- made: picture -->` and `<!-- end: picture -->`; what lies between is written anew. A test says
so when a part is not what it would be made into.
"""

import sys
from collections.abc import Callable
from pathlib import Path

from devtools import pictures, prices
from devtools.asked import ask
from devtools.places import ROOT, shown
from devtools.trouble import Trouble

BLUEPRINT, GOING_LIVE = ROOT / "docs" / "blueprint.md", ROOT / "docs" / "going-live.md"
PARTS: dict[tuple[Path, str], Callable[[], str]] = {
    (BLUEPRINT, "picture"): pictures.picture,
    (BLUEPRINT, "prices"): prices.tables,
    (GOING_LIVE, "policies"): lambda: ask("policies"),
}


def main() -> int:
    """Write all parts; exit code 0."""
    try:
        for path in sorted({path for path, _ in PARTS}):
            text = path.read_text()
            made_text = made(path, text)
            if made_text != text:
                path.write_text(made_text)
                print(f"Written: {shown(path)}")
    except Trouble as trouble:
        print(trouble, file=sys.stderr)
        return 1
    return 0


def made(path: Path, text: str) -> str:
    """The document's text with its parts made anew. Raises Trouble where a mark is missing."""
    for (place, name), make in PARTS.items():
        if place == path:
            begin, end = f"<!-- made: {name} -->\n", f"<!-- end: {name} -->"
            before, found, rest = text.partition(begin)
            _, closed, after = rest.partition(end)
            if not found or not closed:
                raise Trouble(f"{shown(path)} lacks {begin.strip()} or {end}.")
            text = f"{before}{begin}{make().strip()}\n{end}{after}"
    return text


if __name__ == "__main__":
    sys.exit(main())
