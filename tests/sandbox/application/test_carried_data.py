"""What data snapshots, global databases and those that leave them hold, by SQL at the clusters' endpoints."""

from typing import Any

import pymysql
import pytest

from devtools.sandbox import Sandbox
from tests.sandbox.application.building import Place
from tests.sandbox.application.test_database import address, refused, rows

ACCOUNT = "310000000009"
LOGIN = {"username": "swadmin", "password": "correct-horse"}
HOME, OTHER = "eu-west-1", "eu-central-1"


@pytest.fixture(scope="module")
def place(sandbox: Sandbox) -> Place:
    made = Place(sandbox, sandbox.account(ACCOUNT), HOME, "carried.apps.example.com")
    made.made = {"login": LOGIN}
    return made


def rds(place: Place, region: str = HOME) -> Any:
    return place.sandbox.client("rds", place.keys, region)


def connect(place: Place, name: str) -> Any:
    return pymysql.connect(
        host=address(place, name),
        user=LOGIN["username"],
        password=LOGIN["password"],
        database="app",
        autocommit=True,
        read_timeout=10,
        ssl_disabled=True,
    )


def instance(place: Place, cluster: str, region: str = HOME) -> dict[str, Any]:
    """Give a cluster an instance; answers the cluster."""
    rds(place, region).create_db_instance(
        DBInstanceIdentifier=f"{cluster}-1",
        DBClusterIdentifier=cluster,
        Engine="aurora-mysql",
        DBInstanceClass="db.r7g.large",
    )
    found: dict[str, Any] = rds(place, region).describe_db_clusters(DBClusterIdentifier=cluster)[
        "DBClusters"
    ][0]
    return found


def cluster(place: Place, id: str) -> dict[str, Any]:
    rds(place).create_db_cluster(
        DBClusterIdentifier=id,
        Engine="aurora-mysql",
        DatabaseName="app",
        MasterUsername=LOGIN["username"],
        MasterUserPassword=LOGIN["password"],
    )
    return instance(place, id)


def numbers(connection: Any) -> list[int]:
    return [row[0] for row in rows(connection, "SELECT id FROM kept ORDER BY id")]


def test_snapshot_holds_the_data_of_its_moment(place: Place) -> None:
    source = connect(place, cluster(place, "filmed")["Endpoint"])
    rows(source, "CREATE TABLE kept (id INT PRIMARY KEY)")
    rows(source, "INSERT INTO kept VALUES (1)")
    rows(source, "CREATE VIEW doubled AS SELECT id * 2 FROM kept")
    rds(place).create_db_cluster_snapshot(DBClusterIdentifier="filmed", DBClusterSnapshotIdentifier="film")
    # The copy begins at once; a connection to what it makes waits for it.
    rds(place).restore_db_cluster_from_snapshot(
        DBClusterIdentifier="shown", SnapshotIdentifier="film", Engine="aurora-mysql"
    )
    restored = connect(place, instance(place, "shown")["Endpoint"])
    rows(source, "INSERT INTO kept VALUES (2)")
    assert numbers(restored) == [1]
    assert rows(restored, "SELECT * FROM doubled") == [(2,)]
    rds(place).delete_db_instance(DBInstanceIdentifier="filmed-1")
    rds(place).delete_db_cluster(DBClusterIdentifier="filmed", SkipFinalSnapshot=True)
    rds(place).restore_db_cluster_from_snapshot(
        DBClusterIdentifier="shown-again", SnapshotIdentifier="film", Engine="aurora-mysql"
    )
    again = connect(place, instance(place, "shown-again")["Endpoint"])
    assert numbers(again) == [1]


def test_secondary_reads_its_primarys_data_until_it_stands_alone(place: Place) -> None:
    home = cluster(place, "world-home")
    writer = connect(place, home["Endpoint"])
    rows(writer, "CREATE TABLE kept (id INT PRIMARY KEY)")
    rds(place).create_global_cluster(
        GlobalClusterIdentifier="world", SourceDBClusterIdentifier=home["DBClusterArn"]
    )
    rds(place, OTHER).create_db_cluster(
        DBClusterIdentifier="world-other", Engine="aurora-mysql", GlobalClusterIdentifier="world"
    )
    other = instance(place, "world-other", OTHER)
    reader = connect(place, other["ReaderEndpoint"])
    rows(writer, "INSERT INTO kept VALUES (1)")
    assert numbers(reader) == [1]
    assert refused(rows, reader, "INSERT INTO kept VALUES (2)")[0] == 1290
    assert refused(connect, place, other["Endpoint"])[0] == 2003
    rds(place).remove_from_global_cluster(
        GlobalClusterIdentifier="world", DbClusterIdentifier=other["DBClusterArn"]
    )
    alone = connect(place, other["Endpoint"])
    rows(alone, "INSERT INTO kept VALUES (2)")
    rows(writer, "INSERT INTO kept VALUES (3)")
    assert (numbers(alone), numbers(writer)) == ([1, 2], [1, 3])
