"""A Dockerfile as a list of instructions: as far as the contract asks, and no further."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

HEREDOC = re.compile(r"<<-?\s*[\"']?(\w+)[\"']?")


@dataclass(frozen=True)
class Instruction:
    """One instruction: its word in upper case, the rest of it on one line, and the line on which it begins."""

    word: str
    rest: str
    line: int

    @property
    def is_list(self) -> bool:
        """Whether the rest is in exec form, a JSON list of texts."""
        try:
            value = json.loads(self.rest)
        except json.JSONDecodeError:
            return False
        return isinstance(value, list) and bool(value) and all(isinstance(one, str) for one in value)


def read(text: str) -> list[Instruction]:
    """All instructions of a Dockerfile. Comments and bodies of heredocs are left out."""
    found: list[Instruction] = []
    lines = iter(enumerate(text.splitlines(), start=1))
    for number, line in lines:
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        whole = line
        while whole.rstrip().endswith("\\"):
            whole = whole.rstrip()[:-1]
            following = next(lines, None)
            if following is None:
                break
            if not following[1].lstrip().startswith("#"):
                whole += following[1]
            else:
                whole += "\\"
        for end in HEREDOC.findall(whole):
            for _, inner in lines:
                if inner.strip() == end:
                    break
        word, _, rest = whole.strip().partition(" ")
        found.append(Instruction(word.upper(), rest.strip(), number))
    return found


def last_stage(instructions: list[Instruction]) -> list[Instruction]:
    """What the image is made of: from the last FROM on."""
    starts = [number for number, row in enumerate(instructions) if row.word == "FROM"]
    return instructions[starts[-1] :] if starts else []


def bases(instructions: list[Instruction]) -> list[tuple[str, int]]:
    """Images that stages begin with, and the lines; not those that are earlier stages, nor the empty one."""
    stages: set[str] = {"scratch"}
    found: list[tuple[str, int]] = []
    for row in instructions:
        if row.word != "FROM":
            continue
        words = [word for word in row.rest.split() if not word.startswith("--")]
        if words and words[0].lower() not in stages:
            found.append((words[0], row.line))
        if len(words) == 3 and words[1].lower() == "as":
            stages.add(words[2].lower())
    return found


def assigned(row: Instruction) -> dict[str, str]:
    """Names and values of an ENV, ARG or LABEL; "" where an ARG has none."""
    pairs = re.findall(r"(\w+)=(\"(?:[^\"\\]|\\.)*\"|'[^']*'|\S*)", row.rest)
    if pairs:
        return {name: value.strip("\"'") for name, value in pairs}
    name, _, value = row.rest.partition(" ")
    return {name: value.strip()} if name else {}
