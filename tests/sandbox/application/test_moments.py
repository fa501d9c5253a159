"""What data a restore to a moment and a secondary cluster that lags hold, by SQL at the clusters' endpoints."""

import os
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from devtools import processes
from devtools.sandbox import Sandbox
from sandbox.application.journal import RESOLUTION_S
from tests.sandbox.application.building import Place
from tests.sandbox.application.test_carried_data import (
    HOME,
    LOGIN,
    OTHER,
    cluster,
    connect,
    instance,
    numbers,
    rds,
)
from tests.sandbox.application.test_database import refused, rows

ACCOUNT = "310000000013"


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox of these tests' own, for they put its clock forward and kill it."""
    sandbox = Sandbox(home=tmp_path_factory.mktemp("moments") / "state", port=processes.free_port())
    sandbox.start()
    yield sandbox
    sandbox.stop()


@pytest.fixture(scope="module")
def place(own: Sandbox) -> Place:
    made = Place(own, own.account(ACCOUNT), HOME, "moments.apps.example.com")
    made.made = {"login": LOGIN}
    return made


def kill(sandbox: Sandbox) -> None:
    assert sandbox.process is not None
    os.kill(sandbox.process.popen.pid, signal.SIGKILL)
    sandbox.process.popen.wait()


def now(place: Place) -> float:
    return float(place.sandbox.control("GET", "clock")["now"])


def after_a_look(place: Place) -> None:
    """The log is looked at so often and no oftener: what is written now is told apart from what was before."""
    place.sandbox.control("POST", "clock", {"advance_s": 2 * RESOLUTION_S})


def restored(place: Place, source: str, id: str, moment: float) -> Any:
    """A connection to a cluster that is restored as of a moment (epoch seconds of the sandbox)."""
    rds(place).restore_db_cluster_to_point_in_time(
        DBClusterIdentifier=id,
        SourceDBClusterIdentifier=source,
        RestoreToTime=datetime.fromtimestamp(moment, UTC),
    )
    return connect(place, instance(place, id)["Endpoint"])


def test_restore_has_the_data_of_its_moment(place: Place) -> None:
    writer = connect(place, cluster(place, "lived")["Endpoint"])
    rows(writer, "CREATE TABLE kept (id INT PRIMARY KEY, said VARCHAR(20))")
    rows(writer, "CREATE VIEW seen AS SELECT id FROM kept")
    rows(writer, "INSERT INTO kept VALUES (1, 'first')")
    place.sandbox.control("POST", "clock", {"advance_s": 3600})
    rows(writer, "UPDATE kept SET said = 'changed' WHERE id = 1")
    rows(writer, "INSERT INTO kept VALUES (2, 'second')")
    place.sandbox.control("POST", "clock", {"advance_s": 3600})
    rows(writer, "DROP TABLE kept")
    rows(writer, "CREATE TABLE later (id INT PRIMARY KEY)")
    end = now(place)
    # The view of a dropped table keeps no copy from being made.
    rds(place).restore_db_cluster_to_point_in_time(
        DBClusterIdentifier="lived-clone",
        SourceDBClusterIdentifier="lived",
        RestoreType="copy-on-write",
        UseLatestRestorableTime=True,
    )
    clone = connect(place, instance(place, "lived-clone")["Endpoint"])
    assert rows(clone, "SHOW TABLES") == [("later",)]
    before = restored(place, "lived", "lived-before", end - 1800)
    assert rows(before, "SELECT id, said FROM kept ORDER BY id") == [(1, "changed"), (2, "second")]
    assert rows(before, "SHOW TABLES") == [("kept",), ("seen",)]
    first = restored(place, "lived", "lived-first", end - 5400)
    assert rows(first, "SELECT id, said FROM kept") == [(1, "first")]
    assert rows(first, "SELECT id FROM seen") == [(1,)]


def test_restore_has_moments_of_its_own_that_outlive_a_killed_sandbox(place: Place) -> None:
    writer = connect(place, cluster(place, "first")["Endpoint"])
    rows(writer, "CREATE TABLE kept (id INT PRIMARY KEY)")
    rows(writer, "INSERT INTO kept VALUES (1)")
    place.sandbox.control("POST", "clock", {"advance_s": 60})
    second = restored(place, "first", "second", now(place) - 30)
    rows(second, "INSERT INTO kept VALUES (2)")
    place.sandbox.control("POST", "clock", {"advance_s": 60})
    rows(second, "DELETE FROM kept")
    kill(place.sandbox)
    place.sandbox.start()
    assert numbers(restored(place, "second", "third", now(place) - 30)) == [1, 2]


def test_backup_of_a_deleted_cluster_is_restored_to_a_moment(place: Place) -> None:
    writer = connect(place, cluster(place, "gone")["Endpoint"])
    rows(writer, "CREATE TABLE kept (id INT PRIMARY KEY)")
    rows(writer, "INSERT INTO kept VALUES (1)")
    place.sandbox.control("POST", "clock", {"advance_s": 60})
    moment = now(place) - 30
    rows(writer, "DELETE FROM kept")
    rds(place).delete_db_instance(DBInstanceIdentifier="gone-1")
    rds(place).delete_db_cluster(
        DBClusterIdentifier="gone", SkipFinalSnapshot=True, DeleteAutomatedBackups=False
    )
    [backup] = rds(place).describe_db_cluster_automated_backups(DBClusterIdentifier="gone")[
        "DBClusterAutomatedBackups"
    ]
    for id, asked, expected in (
        ("gone-then", {"RestoreToTime": datetime.fromtimestamp(moment, UTC)}, [1]),
        ("gone-last", {"UseLatestRestorableTime": True}, []),
    ):
        rds(place).restore_db_cluster_to_point_in_time(
            DBClusterIdentifier=id, SourceDbClusterResourceId=backup["DbClusterResourceId"], **asked
        )
        assert numbers(connect(place, instance(place, id)["Endpoint"])) == expected


def test_latest_restorable_time_is_what_is_restored(place: Place) -> None:
    writer = connect(place, cluster(place, "delayed")["Endpoint"])
    rows(writer, "CREATE TABLE kept (id INT PRIMARY KEY)")
    place.sandbox.control("POST", "clock", {"advance_s": 3600})
    rows(writer, "INSERT INTO kept VALUES (1)")
    # Real AWS's five minutes; nothing else of it.
    place.sandbox.settings(speed=1, durations={})
    rds(place).restore_db_cluster_to_point_in_time(
        DBClusterIdentifier="delayed-then",
        SourceDBClusterIdentifier="delayed",
        UseLatestRestorableTime=True,
    )
    place.sandbox.settings(speed=0)
    place.sandbox.control("POST", "clock", {"advance_s": 7200})
    assert numbers(connect(place, instance(place, "delayed-then")["Endpoint"])) == []


def test_log_that_is_too_long_is_cut_and_the_window_begins_later(place: Place) -> None:
    made = cluster(place, "wordy")
    writer = connect(place, made["Endpoint"])
    rows(writer, "CREATE TABLE kept (id INT PRIMARY KEY)")
    rows(writer, "CREATE TABLE words (said LONGBLOB)")
    for _ in range(10):
        rows(writer, "INSERT INTO words SELECT REPEAT('x', 8000000)")
        rows(writer, "TRUNCATE words")
    rows(writer, "INSERT INTO kept VALUES (1)")
    deadline = time.monotonic() + 60
    while earliest(place, "wordy") <= made["ClusterCreateTime"].timestamp() + 0.001:
        assert time.monotonic() < deadline, "the log was not cut"
        # A cut that found a copy at work is tried again with the log's next file.
        rows(writer, "INSERT INTO words SELECT REPEAT('x', 8000000)")
        rows(writer, "TRUNCATE words")
        time.sleep(0.2)
    # What was written may be cut more than once: until the window stays, no moment in it is sure.
    seen = 0.0
    while (begins := earliest(place, "wordy")) != seen:
        assert time.monotonic() < deadline, "the log is cut again and again"
        seen = begins
        time.sleep(2)
    with pytest.raises(ClientError) as caught:
        restored(place, "wordy", "wordy-early", made["ClusterCreateTime"].timestamp())
    assert "is not within the restorable window" in str(caught.value)
    place.sandbox.control("POST", "clock", {"advance_s": 60})
    rows(writer, "DELETE FROM kept")
    assert numbers(restored(place, "wordy", "wordy-late", now(place) - 30)) == [1]


def earliest(place: Place, id: str) -> float:
    [found] = rds(place).describe_db_clusters(DBClusterIdentifier=id)["DBClusters"]
    return float(found["EarliestRestorableTime"].timestamp())


@pytest.fixture
def pair(place: Place) -> Iterator[tuple[Any, dict[str, Any]]]:
    """A writer's connection at the primary of a global database, and its secondary."""
    home = cluster(place, "pair-home")
    writer = connect(place, home["Endpoint"])
    rows(writer, "CREATE TABLE kept (id INT PRIMARY KEY)")
    rows(writer, "INSERT INTO kept VALUES (1)")
    rds(place).create_global_cluster(
        GlobalClusterIdentifier="pair", SourceDBClusterIdentifier=home["DBClusterArn"]
    )
    rds(place, OTHER).create_db_cluster(
        DBClusterIdentifier="pair-other", Engine="aurora-mysql", GlobalClusterIdentifier="pair"
    )
    yield writer, instance(place, "pair-other", OTHER)
    place.sandbox.lift_faults()
    for id, region in (("pair-other", OTHER), ("pair-home", HOME)):
        [found] = rds(place, region).describe_db_clusters(DBClusterIdentifier=id)["DBClusters"]
        for group in rds(place).describe_global_clusters()["GlobalClusters"]:
            if found["DBClusterArn"] in [m["DBClusterArn"] for m in group["GlobalClusterMembers"]]:
                rds(place).remove_from_global_cluster(
                    GlobalClusterIdentifier="pair", DbClusterIdentifier=found["DBClusterArn"]
                )
        rds(place, region).delete_db_instance(DBInstanceIdentifier=f"{id}-1")
        rds(place, region).delete_db_cluster(DBClusterIdentifier=id, SkipFinalSnapshot=True)
    rds(place).delete_global_cluster(GlobalClusterIdentifier="pair")


def test_secondary_that_lags_has_its_primarys_data_of_then(
    place: Place, pair: tuple[Any, dict[str, Any]]
) -> None:
    writer, other = pair
    place.sandbox.fault("lag", account=ACCOUNT, region=OTHER, service="rds", seconds=300)
    after_a_look(place)
    rows(writer, "INSERT INTO kept VALUES (2)")
    reader = connect(place, other["ReaderEndpoint"])
    # What had arrived before the lag began stays; the rest comes five minutes later.
    assert numbers(reader) == [1]
    place.sandbox.control("POST", "clock", {"advance_s": 200})
    rows(writer, "DELETE FROM kept WHERE id = 1")
    assert numbers(reader) == [1]
    place.sandbox.control("POST", "clock", {"advance_s": 200})
    assert numbers(reader) == [1, 2]
    place.sandbox.control("POST", "clock", {"advance_s": 200})
    assert numbers(reader) == [2]
    assert refused(rows, reader, "INSERT INTO kept VALUES (3)")[0] == 1290
    rows(writer, "INSERT INTO kept VALUES (4)")
    place.sandbox.lift_faults()
    assert numbers(connect(place, other["ReaderEndpoint"])) == [2, 4]


def test_secondary_taken_out_while_it_lags_has_lost_what_had_not_arrived(
    place: Place, pair: tuple[Any, dict[str, Any]]
) -> None:
    writer, other = pair
    place.sandbox.fault("lag", account=ACCOUNT, service="rds", seconds=60)
    rows(writer, "INSERT INTO kept VALUES (2)")
    place.sandbox.control("POST", "clock", {"advance_s": 90})
    rows(writer, "INSERT INTO kept VALUES (3)")
    rds(place).remove_from_global_cluster(
        GlobalClusterIdentifier="pair", DbClusterIdentifier=other["DBClusterArn"]
    )
    place.sandbox.control("POST", "clock", {"advance_s": 90})
    alone = connect(place, other["Endpoint"])
    assert numbers(alone) == [1, 2]
    rows(alone, "INSERT INTO kept VALUES (9)")
    assert (numbers(alone), numbers(writer)) == ([1, 2, 9], [1, 2, 3])
