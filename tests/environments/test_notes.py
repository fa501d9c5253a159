"""Notes beside the artifacts: there at every moment, whatever their writer dies of."""

from pathlib import Path

import pytest
from django.core.files.storage import storages

from environments.notes import note_read, note_write


@pytest.fixture(autouse=True)
def own_folder(settings, tmp_path):
    """A store of the test's own."""
    backend = "django.core.files.storage.FileSystemStorage"
    settings.STORAGES = {
        **settings.STORAGES,
        "artifacts": {"BACKEND": backend, "OPTIONS": {"location": tmp_path}},
    }
    return tmp_path


def files() -> list[Path]:
    return sorted(Path(storages["artifacts"].location).rglob("*.json"))


def test_the_last_note_is_read():
    assert note_read("mark") is None
    for number in range(5):
        note_write("mark", {"number": number})
        assert note_read("mark") == {"number": number}
    assert len(files()) == 2


@pytest.mark.parametrize("left", ["", '{"serial": 9, "no'])
def test_a_writer_that_dies_in_the_middle_leaves_the_note_before(left):
    note_write("mark", {"number": 1})
    note_write("mark", {"number": 2})
    newest = max(files(), key=lambda path: path.read_text().count('"number": 2'))
    newest.write_text(left)
    assert note_read("mark") == {"number": 1}
    note_write("mark", {"number": 3})
    assert note_read("mark") == {"number": 3}


def test_notes_have_names_of_their_own():
    note_write("one", {"a": 1})
    note_write("two", {"b": 2})
    assert (note_read("one"), note_read("two")) == ({"a": 1}, {"b": 2})
