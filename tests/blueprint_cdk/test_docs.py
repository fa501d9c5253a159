"""The parts of documents that are made from the blueprint are as it would make them."""

from __future__ import annotations

from pathlib import Path

import pytest

from devtools.docs import BLUEPRINT, PARTS, made
from devtools.trouble import Trouble


@pytest.mark.parametrize("path", sorted({path for path, _ in PARTS}), ids=lambda path: path.name)
def test_what_is_made_is_as_it_would_be_made(path: Path) -> None:
    text = path.read_text()
    assert made(path, text) == text, "Run `make docs`."


def test_a_document_without_its_marks_is_refused() -> None:
    with pytest.raises(Trouble, match="lacks <!-- made: picture -->"):
        made(BLUEPRINT, "# The blueprint\n")
