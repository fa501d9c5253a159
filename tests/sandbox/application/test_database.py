"""Database endpoints by their names: who is let in, who may write, what happens when the writer leaves."""

import ssl
import threading
from typing import Any

import dns.message
import dns.query
import pymysql
import pytest

from devtools.sandbox import Sandbox
from tests.sandbox.application.building import Place


def address(place: Place, name: str) -> str:
    answers = place.sandbox.control("GET", "resolve", name=name)["answers"]
    return str(answers[0]["value"])


def connect(place: Place, name: str, **more: Any) -> Any:
    """A client of an endpoint; its name is checked against the certificate."""
    trusted = ssl.create_default_context(cafile=str(place.sandbox.home / "certificates" / "authority.pem"))
    login = {"user": place.made["login"]["username"], "password": place.made["login"]["password"]}
    options = {"database": "app", "ssl": trusted, "autocommit": True, "read_timeout": 10, **login, **more}
    connection = pymysql.connect(host=name, defer_connect=True, **options)
    # The machine's resolver does not know the name; the certificate has to.
    connection.connect(_socket(place, name, int(more.get("port", 3306))))
    return connection


def _socket(place: Place, name: str, port: int) -> Any:
    import socket

    return socket.create_connection((address(place, name), port), 10)


def rows(connection: Any, statement: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return list(cursor.fetchall())


def refused(call: Any, *args: Any, **more: Any) -> tuple[int, str]:
    with pytest.raises(pymysql.MySQLError) as caught:
        call(*args, **more)
    return caught.value.args[0], str(caught.value.args[1])


@pytest.fixture(scope="module", autouse=True)
def _engine_runs(shop: Place) -> None:
    assert shop.ask("GET", "/healthz/deep").status_code == 200


def test_resolver_speaks_dns_over_udp_and_tcp(shop: Place) -> None:
    server, _, port = shop.sandbox.control("GET", "resolve", name=shop.domain)["nameserver"].rpartition(":")
    for name in (shop.domain, shop.made["writer"], shop.made["balancer"]["DNSName"]):
        question = dns.message.make_query(name, "A")
        for ask in (dns.query.udp, dns.query.tcp):
            answer = ask(question, server, port=int(port), timeout=5)
            given = sorted(item.address for rrset in answer.answer for item in rrset)
            expected = sorted(
                a["value"] for a in shop.sandbox.control("GET", "resolve", name=name)["answers"]
            )
            assert given == expected
            assert given


def test_writer_endpoint_writes_and_reader_endpoint_refuses(shop: Place) -> None:
    writer = connect(shop, shop.made["writer"])
    rows(writer, "CREATE TABLE IF NOT EXISTS notes (id INT PRIMARY KEY, said VARCHAR(20))")
    rows(writer, "REPLACE INTO notes VALUES (1, 'one')")
    reader = connect(shop, shop.made["reader"])
    assert rows(reader, "SELECT said FROM notes WHERE id = 1") == [("one",)]
    code, text = refused(rows, reader, "INSERT INTO notes VALUES (2, 'two')")
    assert code == 1290
    assert "--read-only" in text


def test_cluster_and_instance_endpoints_lead_by_role(shop: Place) -> None:
    rds = shop.client("rds")
    cluster = rds.describe_db_clusters(DBClusterIdentifier="shop")["DBClusters"][0]
    writer = connect(shop, cluster["Endpoint"])
    rows(writer, "CREATE TABLE IF NOT EXISTS roles (id INT PRIMARY KEY)")
    assert refused(rows, connect(shop, cluster["ReaderEndpoint"]), "DELETE FROM roles")[0] == 1290
    for instance in rds.describe_db_instances()["DBInstances"]:
        if instance["DBInstanceIdentifier"] == "shop-1":
            reader = connect(shop, instance["Endpoint"]["Address"])
            assert refused(rows, reader, "DELETE FROM roles")[0] == 1290


def test_proxy_lets_in_whom_its_secret_names(shop: Place) -> None:
    name = shop.made["writer"]
    assert refused(connect, shop, name, password="wrong")[0] == 1045
    assert refused(connect, shop, name, user="root")[0] == 1045
    assert refused(connect, shop, name, ssl=None, ssl_disabled=True)[0] == 3159
    assert refused(connect, shop, name, database="other")[0] == 1049


def test_one_environments_data_is_out_of_anothers_reach(shop: Place) -> None:
    connection = connect(shop, shop.made["writer"])
    names = {row[0] for row in rows(connection, "SHOW DATABASES")}
    assert len([n for n in names if n.startswith("v_")]) == 1
    assert refused(rows, connection, "SELECT * FROM mysql.user")[0] in (1142, 1044)


@pytest.fixture(scope="module")
def leaving(shop: Place) -> Place:
    """A cluster of its own, with a writer and a reader."""
    place = Place(shop.sandbox, shop.keys, shop.region, "leaving.apps.example.com")
    place.made = {n: shop.made[n] for n in ("vpc", "subnets", "balancer")}
    place.database("leaving", readers=1)
    return place


def test_writes_are_refused_after_the_writer_has_left(leaving: Place) -> None:
    before = connect(leaving, leaving.made["writer"])
    rows(before, "CREATE TABLE left_here (id INT PRIMARY KEY)")
    rds = leaving.client("rds")
    rds.failover_db_cluster(DBClusterIdentifier="leaving")
    after = connect(leaving, leaving.made["writer"])
    rows(after, "INSERT INTO left_here VALUES (1)")
    rds.stop_db_cluster(DBClusterIdentifier="leaving")
    # What was open is cut, and nothing new is opened.
    assert refused(rows, after, "INSERT INTO left_here VALUES (2)")[0] in (2013, 2006)
    assert refused(connect, leaving, leaving.made["writer"]) == (
        9501,
        "Timed-out waiting to acquire database connection",
    )
    rds.start_db_cluster(DBClusterIdentifier="leaving")
    again = connect(leaving, leaving.made["writer"])
    assert rows(again, "SELECT COUNT(*) FROM left_here") == [(1,)]


def test_proxy_waits_for_a_connection_as_long_as_it_is_told(shop: Place, sandbox: Sandbox) -> None:
    rds = shop.client("rds")
    sandbox.settings(speed=1, durations={"AWS::RDS::DBCluster": {"update": 0.0}})
    rds.modify_db_proxy_target_group(
        DBProxyName="shop-proxy",
        TargetGroupName="default",
        ConnectionPoolConfig={"ConnectionBorrowTimeout": 20},
    )
    sandbox.settings(speed=0)
    rds.stop_db_cluster(DBClusterIdentifier="shop")
    sandbox.settings(speed=1)
    found: list[Any] = []
    waiting = threading.Thread(target=lambda: found.append(connect(shop, shop.made["writer"])))
    waiting.start()
    waiting.join(0.5)
    assert waiting.is_alive()
    sandbox.settings(speed=0)
    rds.start_db_cluster(DBClusterIdentifier="shop")
    sandbox.settings(speed=1)
    waiting.join(10)
    sandbox.settings(speed=0)
    assert len(found) == 1
    rds.modify_db_proxy_target_group(
        DBProxyName="shop-proxy",
        TargetGroupName="default",
        ConnectionPoolConfig={"ConnectionBorrowTimeout": 1},
    )


def test_secret_that_the_database_does_not_know_serves_nobody(leaving: Place) -> None:
    rds = leaving.client("rds")
    rds.modify_db_cluster(
        DBClusterIdentifier="leaving", MasterUserPassword="another-1234", ApplyImmediately=True
    )
    assert refused(connect, leaving, leaving.made["writer"])[0] == 9501


def test_clone_begins_with_its_sources_data(shop: Place) -> None:
    source = connect(shop, shop.made["writer"])
    rows(source, "CREATE TABLE IF NOT EXISTS cloned (id INT PRIMARY KEY)")
    rows(source, "INSERT INTO cloned VALUES (1)")
    rds = shop.client("rds")
    rds.restore_db_cluster_to_point_in_time(
        DBClusterIdentifier="clone",
        SourceDBClusterIdentifier="shop",
        RestoreType="copy-on-write",
        UseLatestRestorableTime=True,
        DBSubnetGroupName="shop",
    )
    # At once, while the clone is still being made: it must not see this.
    rows(source, "INSERT INTO cloned VALUES (2)")
    shop.instance("clone", "clone-0")
    place = Place(shop.sandbox, shop.keys, shop.region, "clone.apps.example.com")
    place.made = {n: shop.made[n] for n in ("vpc", "subnets", "balancer", "login")}
    place.proxy("clone", shop.made["secret"], shop.made["proxy_role"])
    clone = connect(place, place.made["writer"])
    assert rows(clone, "SELECT id FROM cloned") == [(1,)]
    rows(clone, "INSERT INTO cloned VALUES (3)")
    assert rows(source, "SELECT id FROM cloned") == [(1,), (2,)]
