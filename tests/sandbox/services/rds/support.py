"""Helpers of Aurora's tests: clusters and instances with few words."""

from collections.abc import Callable
from typing import Any

ENGINE = {"Engine": "aurora-mysql", "EngineVersion": "8.0.mysql_aurora.3.10.0"}
LOGIN = {"MasterUsername": "swadmin", "MasterUserPassword": "correct-horse"}
Client = Callable[..., Any]


def cluster(rds: Any, id: str, **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = rds.create_db_cluster(DBClusterIdentifier=id, **{**ENGINE, **LOGIN, **more})[
        "DBCluster"
    ]
    return made


def instance(rds: Any, id: str, cluster: str, **more: Any) -> None:
    params = {"Engine": "aurora-mysql", "DBInstanceClass": "db.r7g.large", **more}
    rds.create_db_instance(DBInstanceIdentifier=id, DBClusterIdentifier=cluster, **params)


def described(rds: Any, id: str) -> dict[str, Any]:
    found: dict[str, Any] = rds.describe_db_clusters(DBClusterIdentifier=id)["DBClusters"][0]
    return found
