"""What reports say: matrices out of JUnit files, percentiles, tables, rows made out of rows."""

import os
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from devtools import places, processes, torture
from devtools.bench.multiply import multiply
from devtools.bench.report import Section, percentile_95, verdict, write
from devtools.postgres import Postgres
from devtools.slots import take_folder

JUNIT = """<testsuites><testsuite>
<testcase classname="tests.workers.test_matrix" name="test_killed[network-before]" time="30"/>
<testcase classname="tests.workers.test_matrix" name="test_killed[network-after]" time="30"/>
<testcase classname="tests.workers.test_matrix" name="test_killed[data-before]" time="60">
<failure message="AssertionError: two clusters\nsecond line">long text</failure></testcase>
<testcase classname="tests.workers.test_frozen" name="test_frozen_worker" time="12">
<error message="no database"/></testcase>
</testsuite></testsuites>"""


def test_a_matrix_is_counted_and_its_failures_are_named(tmp_path: Path) -> None:
    (tmp_path / "results.xml").write_text(JUNIT)
    matrices = torture.read(tmp_path / "results.xml")
    killed = matrices["tests.workers.test_matrix.test_killed"]
    assert (killed.passed, killed.seconds) == (2, 120.0)
    assert killed.failed == ["`data-before`: AssertionError: two clusters second line"]
    page = torture.report(matrices)
    assert "| tests.workers.test_matrix.test_killed | 2 | 1 | 2.0 |" in page
    assert "- tests.workers.test_frozen.test_frozen_worker `test_frozen_worker`: no database" in page


def test_the_percentile_passes_95_of_100() -> None:
    assert percentile_95([float(n) for n in range(1, 102)]) == 96
    assert verdict(150, 150) == "met"
    assert verdict(170, 150) == "**missed by 20**"


def test_a_section_is_a_table() -> None:
    section = Section("Pages", "How.", ("what", "ms"), [("start", "12")], ["A note."])
    assert section.markdown() == "## Pages\n\nHow.\n\n| what | ms |\n|---|---|\n| start | 12 |\n\nA note.\n"


def test_a_section_takes_the_place_of_its_older_self_and_the_others_stay(tmp_path: Path) -> None:
    page = tmp_path / "benchmarks.md"
    write(Section("Pages", "How.", ("what", "ms"), [("start", "12")]), page)
    write(Section("Fleet", "How.", ("what", "s"), [("all", "70")], ["A note."]), page)
    write(Section("Pages", "How.", ("what", "ms"), [("start", "34")]), page)
    text = page.read_text()
    assert [line for line in text.splitlines() if line.startswith("#")] == [
        "# Benchmarks",
        "## Pages",
        "## Fleet",
    ]
    assert "| start | 34 |" in text
    assert "| start | 12 |" not in text
    assert text.count("A note.") == 1
    assert text.count("Machine: ") == 2


@pytest.fixture(scope="module")
def connection() -> Iterator[psycopg.Connection]:
    """A superuser's connection to a server of this module."""
    slot = take_folder(places.STATE / "test" / f"reports-{os.getpid()}")
    assert slot is not None
    server = Postgres(home=slot.folder, port=processes.free_port(), durable=False)
    server.start()
    with server.superuser() as opened:
        yield opened
    server.stop()
    slot.release()
    processes.run(["rm", "-rf", slot.folder])


def test_rows_are_multiplied_with_changed_columns(connection: psycopg.Connection) -> None:
    connection.execute("CREATE TABLE thing (id serial PRIMARY KEY, name text UNIQUE, kind text)")
    connection.execute("INSERT INTO thing (name, kind) VALUES ('one', 'round')")
    multiply(connection, "thing", 1, 3, {"name": "'copy-' || n"})
    rows = connection.execute("SELECT name, kind FROM thing ORDER BY id").fetchall()
    assert rows == [("one", "round"), ("copy-1", "round"), ("copy-2", "round"), ("copy-3", "round")]


def test_an_unknown_column_or_table_is_refused(connection: psycopg.Connection) -> None:
    connection.execute("CREATE TABLE other (id serial PRIMARY KEY, name text)")
    with pytest.raises(ValueError, match="other has no column colour"):
        multiply(connection, "other", 1, 1, {"colour": "'red'"})
    with pytest.raises(ValueError, match="nothing has no column at all"):
        multiply(connection, "nothing", 1, 1, {})
