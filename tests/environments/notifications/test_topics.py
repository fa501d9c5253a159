"""Every topic that is written anywhere has a group."""

import ast
from pathlib import Path

from devtools.places import ROOT
from environments.notifications.topics import GROUP_WORDS, TOPICS, Group
from environments.operations.states import ENDED

WRITERS = {"notice_write": 0, "operation_notice": 1}
"""Who writes notices, and which argument is the topic."""


def topics_written(path: Path) -> set[str]:
    """The topics that a module writes; one that is put together is every status that it can end in."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        if name not in WRITERS:
            continue
        named = [keyword.value for keyword in node.keywords if keyword.arg == "topic"]
        topic = named[0] if named else node.args[WRITERS[name]]
        found |= _read(topic, f"{path.name}:{node.lineno}")
    return found


def _read(topic: ast.expr, where: str) -> set[str]:
    if isinstance(topic, ast.Constant):
        return {topic.value}
    if isinstance(topic, ast.IfExp):
        return _read(topic.body, where) | _read(topic.orelse, where)
    if isinstance(topic, ast.JoinedStr) and ast.unparse(topic) == "f'operation.{status}'":
        return {f"operation.{status}" for status in ENDED}
    raise AssertionError(f"{where}: write the topic in full, so that this test can read it.")


def modules():
    for wing in ("environments", "workers", "portal"):
        for path in (ROOT / wing).rglob("*.py"):
            if path.name != "notices.py":
                yield path


def test_every_topic_that_is_written_has_a_group():
    written = {topic: path for path in modules() for topic in topics_written(path)}
    assert {"operation.awaiting-approval", "operation.failed", "channel.disabled"} <= set(written)
    assert {topic: str(path) for topic, path in written.items() if topic not in TOPICS} == {}


def test_the_reader_finds_what_has_no_group(tmp_path):
    module = tmp_path / "made_up.py"
    module.write_text("notice_write('environment.vanished', subject, 'Gone.')")
    assert topics_written(module) == {"environment.vanished"}


def test_every_group_has_words_and_topics():
    assert set(GROUP_WORDS) == set(Group)
    assert {topic.group for topic in TOPICS.values()} == set(Group)
