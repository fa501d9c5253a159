"""Engine versions and instance classes: a small canned list.

Source of the versions: Amazon Aurora MySQL release notes (8.0-compatible versions 3.x). What is not in this list is
refused, as AWS refuses a version that it does not have.
"""

from __future__ import annotations

from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import operation
from sandbox.services.rds.common import page

AURORA_MYSQL = ("3.04.4", "3.08.2", "3.09.0", "3.10.0", "3.10.1", "3.11.0", "3.12.0")
DEFAULT_VERSION = "8.0.mysql_aurora.3.08.2"
VERSIONS: dict[str, tuple[str, ...]] = {
    "aurora-mysql": tuple(f"8.0.mysql_aurora.{v}" for v in AURORA_MYSQL),
    "aurora-postgresql": ("15.10", "16.6", "16.8", "17.4"),
    "mysql": ("8.0.40", "8.4.5"),
    "postgres": ("16.8", "17.4"),
}
FAMILIES = (
    "aurora-mysql8.0",
    "aurora-postgresql15",
    "aurora-postgresql16",
    "aurora-postgresql17",
    "mysql8.0",
    "mysql8.4",
    "postgres16",
    "postgres17",
)
CLASSES = (
    "db.serverless",
    "db.t4g.medium",
    "db.t4g.large",
    "db.r6g.large",
    "db.r6g.xlarge",
    "db.r6g.2xlarge",
    "db.r7g.large",
    "db.r7g.xlarge",
    "db.r7g.2xlarge",
    "db.r8g.large",
)
PORTS = {"aurora-mysql": 3306, "mysql": 3306, "aurora-postgresql": 5432, "postgres": 5432}
LOG_TYPES = ["audit", "error", "general", "instance", "slowquery"]


def family_of(engine: str, version: str) -> str:
    """The parameter group family: aurora-mysql8.0, aurora-postgresql16."""
    parts = version.split(".")
    return engine + (".".join(parts[:2]) if "mysql" in engine else parts[0])


def version_of(engine: str, wanted: str | None) -> str:
    """The full version for what was asked; the default for None. Raises for an engine or version that is not there."""
    versions = VERSIONS.get(engine)
    if versions is None:
        raise AwsError("InvalidParameterValue", f"Invalid DB engine: {engine}")
    if not wanted:
        return DEFAULT_VERSION if engine == "aurora-mysql" else versions[-1]
    if wanted in versions:
        return wanted
    if wanted in ("8.0", family_of(engine, versions[-1]).removeprefix(engine)):
        return DEFAULT_VERSION if engine == "aurora-mysql" else versions[-1]
    raise AwsError("InvalidParameterCombination", f"Cannot find version {wanted} for {engine}")


def _shape(item: tuple[str, str]) -> dict[str, Any]:
    engine, version = item
    versions = VERSIONS[engine]
    later = versions[versions.index(version) + 1 :]
    return {
        "Engine": engine,
        "MajorEngineVersion": family_of(engine, version).removeprefix(engine),
        "EngineVersion": version,
        "DBParameterGroupFamily": family_of(engine, version),
        "DBEngineDescription": "Aurora MySQL" if engine == "aurora-mysql" else engine,
        "DBEngineVersionDescription": version,
        "Status": "available",
        "ExportableLogTypes": LOG_TYPES if engine == "aurora-mysql" else ["postgresql"],
        "SupportsLogExportsToCloudwatchLogs": True,
        "SupportedEngineModes": ["provisioned"],
        "SupportsGlobalDatabases": engine.startswith("aurora"),
        "SupportsParallelQuery": engine == "aurora-mysql",
        "ValidUpgradeTarget": [
            {"Engine": engine, "EngineVersion": v, "AutoUpgrade": False, "IsMajorVersionUpgrade": False}
            for v in later
        ],
    }


@operation("rds", "DescribeDBEngineVersions")
def describe_engine_versions(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    found = [(e, v) for e, versions in VERSIONS.items() for v in versions]
    if params.get("Engine"):
        found = [i for i in found if i[0] == params["Engine"]]
    if params.get("EngineVersion"):
        found = [
            i
            for i in found
            if i[1] == params["EngineVersion"] or i[1].startswith(params["EngineVersion"] + ".")
        ]
    if params.get("DBParameterGroupFamily"):
        found = [i for i in found if family_of(*i) == params["DBParameterGroupFamily"]]
    if params.get("DefaultOnly"):
        found = [i for i in found if i[1] == version_of(i[0], None)]
    return page(found, params, "DBEngineVersions", _shape)


@operation("rds", "DescribeOrderableDBInstanceOptions")
def describe_orderable_options(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    engine = params["Engine"]
    versions = [v for v in VERSIONS.get(engine, ()) if params.get("EngineVersion") in (None, v)]
    classes = [c for c in CLASSES if params.get("DBInstanceClass") in (None, c)]

    def option(item: tuple[str, str]) -> dict[str, Any]:
        return {
            "Engine": engine,
            "EngineVersion": item[0],
            "DBInstanceClass": item[1],
            "LicenseModel": "general-public-license",
            "AvailabilityZones": [{"Name": f"{ctx.region}{letter}"} for letter in "abc"],
            "Vpc": True,
            "StorageType": "aurora" if engine.startswith("aurora") else "gp3",
            "SupportsStorageEncryption": True,
            "SupportsIAMDatabaseAuthentication": True,
            "SupportsPerformanceInsights": True,
            "SupportsEnhancedMonitoring": True,
            "SupportedEngineModes": ["provisioned"],
            "SupportedNetworkTypes": ["IPV4"],
            "SupportsGlobalDatabases": engine.startswith("aurora") and not item[1].startswith("db.t"),
            "SupportsClusters": engine.startswith("aurora"),
        }

    return page([(v, c) for v in versions for c in classes], params, "OrderableDBInstanceOptions", option)
