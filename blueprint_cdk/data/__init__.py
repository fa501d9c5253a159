"""Data that the blueprint is made of: names, sizes, prices, regions. Read by `load`."""

from __future__ import annotations

import functools
import importlib.resources
import json
from typing import Any


@functools.cache
def load(name: str) -> Any:
    """The parsed JSON file `name`.json of this folder. Callers must not change what they get."""
    text = importlib.resources.files(__name__).joinpath(f"{name}.json").read_text(encoding="utf-8")
    return json.loads(text)
