"""RDS: Aurora versions, clusters, snapshots."""

import re
from typing import Any

from botocore.exceptions import ClientError

from workers.aws.faults import error_code
from workers.aws.paging import entries
from workers.aws.session import Session

SERVICE = "rds"
VERSION = re.compile(r"^8\.0\.mysql_aurora\.3\.(\d+)\.(\d+)$")
# 3.10 is Aurora MySQL's long-term support line:
# https://docs.aws.amazon.com/AmazonRDS/latest/AuroraMySQLReleaseNotes/AuroraMySQL.Updates.LTS.html
LONG_TERM_MINOR = 10


def aurora_version(session: Session) -> str:
    """The Aurora MySQL 3 version for new clusters: the newest of the long-term line, else the newest; "" if none."""
    pages = session.client(SERVICE).get_paginator("describe_db_engine_versions")
    found = [
        (int(match[1]), int(match[2]), entry["EngineVersion"])
        for page in pages.paginate(Engine="aurora-mysql")
        for entry in page["DBEngineVersions"]
        if (match := VERSION.match(entry["EngineVersion"]))
    ]
    long_term = [entry for entry in found if entry[0] == LONG_TERM_MINOR]
    return max(long_term or found, default=(0, 0, ""))[2]


def cluster_find(session: Session, identifier: str) -> dict[str, Any] | None:
    """The cluster as RDS describes it; None when there is none."""
    try:
        answer = session.client(SERVICE).describe_db_clusters(DBClusterIdentifier=identifier)
    except ClientError as error:
        if error_code(error) == "DBClusterNotFoundFault":
            return None
        raise
    found: dict[str, Any] = answer["DBClusters"][0]
    return found


def snapshot_find(session: Session, identifier: str) -> dict[str, Any] | None:
    """The cluster snapshot as RDS describes it; None when there is none."""
    try:
        answer = session.client(SERVICE).describe_db_cluster_snapshots(DBClusterSnapshotIdentifier=identifier)
    except ClientError as error:
        if error_code(error) in ("DBClusterSnapshotNotFoundFault", "DBClusterSnapshotNotFound"):
            return None
        raise
    found = answer["DBClusterSnapshots"]
    return dict(found[0]) if found else None


def snapshot_create(session: Session, identifier: str, cluster: str, tags: dict[str, str]) -> None:
    """Begin a snapshot; one of that name that is there already is no error."""
    try:
        session.client(SERVICE).create_db_cluster_snapshot(
            DBClusterSnapshotIdentifier=identifier,
            DBClusterIdentifier=cluster,
            Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
        )
    except ClientError as error:
        if error_code(error) not in ("DBClusterSnapshotAlreadyExistsFault", "DBClusterSnapshotAlreadyExists"):
            raise


def snapshot_delete(session: Session, identifier: str) -> None:
    """Delete a snapshot; one that is gone is no error."""
    try:
        session.client(SERVICE).delete_db_cluster_snapshot(DBClusterSnapshotIdentifier=identifier)
    except ClientError as error:
        if error_code(error) not in ("DBClusterSnapshotNotFoundFault", "DBClusterSnapshotNotFound"):
            raise


def snapshots_of(session: Session, cluster: str) -> list[dict[str, Any]]:
    """Snapshots of a cluster, manual and automated, also when it is gone."""
    pages = session.client(SERVICE).get_paginator("describe_db_cluster_snapshots")
    return [
        dict(snapshot)
        for page in pages.paginate(DBClusterIdentifier=cluster)
        for snapshot in page["DBClusterSnapshots"]
    ]


SCALED = "application-autoscaling-"
"""How the readers are named that Aurora Auto Scaling adds (Aurora user guide, Auto Scaling with Aurora Replicas)."""


def scaled_readers(session: Session, cluster: str) -> dict[str, str]:
    """Statuses of the cluster's readers that came with demand, by identifier: no template holds them."""
    filters = [{"Name": "db-cluster-id", "Values": [cluster]}]
    found = entries(session.client(SERVICE), "describe_db_instances", "DBInstances", Filters=filters)
    return {
        row["DBInstanceIdentifier"]: row["DBInstanceStatus"]
        for row in found
        if row["DBInstanceIdentifier"].startswith(SCALED)
    }


def reader_delete(session: Session, identifier: str) -> None:
    """Delete a reader; one that is gone is no error. Its data is the cluster's: there is nothing to copy."""
    try:
        session.client(SERVICE).delete_db_instance(DBInstanceIdentifier=identifier)
    except ClientError as error:
        if error_code(error) not in ("DBInstanceNotFoundFault", "DBInstanceNotFound"):
            raise
