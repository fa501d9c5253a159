"""Usage events: a bucket that keeps them as Parquet, a table that describes them, queries. The stream that takes them
is in delivery.py.

What Pinpoint did before it ended: docs/decisions/0218-events-instead-of-pinpoint.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_athena as athena
from aws_cdk import aws_glue as glue
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from blueprint_cdk.constructs.storage import DataBucket, archived, tidied

TABLE = "events"
QUERIES = Path(__file__).parent.parent / "queries"
COLUMNS = (
    ("event_id", "string", "Unique; a sender that tries again may deliver an event twice"),
    ("name", "string", "What happened: opened, searched, booked …"),
    ("happened_at", "timestamp", "When, in UTC, by the client's clock"),
    ("user_sub", "string", "Who, as Cognito names them; empty before sign-in"),
    ("session_id", "string", "Events of one visit share it"),
    ("platform", "string", "ios, android, web"),
    ("properties", "map<string,string>", "What else there is to say"),
)
"""Columns of the table and fields of an event: name, type, meaning. Only add at the end: old files stay readable."""

PARTITION = "day"
FIRST_DAY = "2026-01-01"
"""No event is older than the blueprint that takes them."""

_MEGABYTE = 1024 * 1024
SCAN_LIMIT = 10 * 1024 * _MEGABYTE
"""Bytes that one query may read before Athena stops it: 5 cents' worth."""
_RESULTS_DAYS = 30
_ERRORS_DAYS = 90


@dataclass(frozen=True)
class Query:
    """A named query: a file below queries/, whose first line is a comment with its description."""

    name: str
    description: str
    text: str


def queries() -> list[Query]:
    """All named queries, by name."""
    found = []
    for path in sorted(QUERIES.glob("*.sql")):
        text = path.read_text(encoding="utf-8")
        found.append(Query(path.stem, text.partition("\n")[0].removeprefix("-- "), text))
    return found


class EventsBucket(DataBucket):
    """Events by day. Written once, read often while they are new, archived by age."""

    def __init__(self, scope: Construct, id: str, *, name: str, key: kms.IKey, logs: s3.IBucket) -> None:
        super().__init__(
            scope,
            id,
            name=name,
            key=key,
            logs=logs,
            logs_prefix="events/",
            rules=[
                s3.LifecycleRule(id="archive", prefix=f"{TABLE}/", transitions=archived()),
                s3.LifecycleRule(id="errors", prefix="errors/", expiration=cdk.Duration.days(_ERRORS_DAYS)),
                tidied(30),
            ],
        )


class ResultsBucket(DataBucket):
    """Answers of queries: anybody may ask again, so they go after a month."""

    def __init__(self, scope: Construct, id: str, *, name: str, key: kms.IKey, logs: s3.IBucket) -> None:
        super().__init__(
            scope,
            id,
            name=name,
            key=key,
            logs=logs,
            logs_prefix="results/",
            rules=[
                s3.LifecycleRule(id="expire", expiration=cdk.Duration.days(_RESULTS_DAYS)),
                tidied(1),
            ],
        )


class Catalog(Construct):
    """Database and table. Partitions are projected: Athena computes the days from the table's properties, so that a new
    day needs neither a crawler (which costs, comes late and needs rights) nor ALTER TABLE.
    """

    def __init__(self, scope: Construct, id: str, *, database: str, events: s3.IBucket) -> None:
        super().__init__(scope, id)
        stack = cdk.Stack.of(self)
        self.database = glue.CfnDatabase(
            self,
            "Database",
            catalog_id=stack.account,
            database_input=glue.CfnDatabase.DatabaseInputProperty(
                name=database, description="Usage events of a Switchyard environment"
            ),
        )
        location = f"s3://{events.bucket_name}/{TABLE}/"
        self.table = glue.CfnTable(
            self,
            "Events",
            catalog_id=stack.account,
            database_name=self.database.ref,
            table_input=glue.CfnTable.TableInputProperty(
                name=TABLE,
                description="Usage events, a partition per day of arrival (UTC)",
                table_type="EXTERNAL_TABLE",
                parameters={
                    "classification": "parquet",
                    "projection.enabled": "true",
                    f"projection.{PARTITION}.type": "date",
                    f"projection.{PARTITION}.format": "yyyy-MM-dd",
                    f"projection.{PARTITION}.range": f"{FIRST_DAY},NOW",
                    f"projection.{PARTITION}.interval": "1",
                    f"projection.{PARTITION}.interval.unit": "DAYS",
                    "storage.location.template": f"{location}{PARTITION}=${{{PARTITION}}}",
                },
                partition_keys=[glue.CfnTable.ColumnProperty(name=PARTITION, type="string")],
                storage_descriptor=glue.CfnTable.StorageDescriptorProperty(
                    columns=[
                        glue.CfnTable.ColumnProperty(name=name, type=kind, comment=comment)
                        for name, kind, comment in COLUMNS
                    ],
                    location=location,
                    input_format="org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
                    output_format="org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
                    serde_info=glue.CfnTable.SerdeInfoProperty(
                        serialization_library="org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
                    ),
                ),
            ),
        )


class Workbench(Construct):
    """Athena: a workgroup that nobody's settings override, and the named queries."""

    def __init__(
        self, scope: Construct, id: str, *, name: str, catalog: Catalog, results: s3.IBucket, key: kms.IKey
    ) -> None:
        super().__init__(scope, id)
        stack = cdk.Stack.of(self)
        self.group = athena.CfnWorkGroup(
            self,
            "Group",
            name=name,
            description="Questions about usage events",
            # A query that was run is a thing in the workgroup, with which it could not be deleted.
            recursive_delete_option=True,
            work_group_configuration=athena.CfnWorkGroup.WorkGroupConfigurationProperty(
                enforce_work_group_configuration=True,
                publish_cloud_watch_metrics_enabled=True,
                bytes_scanned_cutoff_per_query=SCAN_LIMIT,
                engine_version=athena.CfnWorkGroup.EngineVersionProperty(
                    selected_engine_version="Athena engine version 3"
                ),
                result_configuration=athena.CfnWorkGroup.ResultConfigurationProperty(
                    output_location=f"s3://{results.bucket_name}/",
                    expected_bucket_owner=stack.account,
                    encryption_configuration=athena.CfnWorkGroup.EncryptionConfigurationProperty(
                        encryption_option="SSE_KMS", kms_key=key.key_arn
                    ),
                ),
            ),
        )
        for query in queries():
            named = athena.CfnNamedQuery(
                self,
                query.name.title().replace("-", ""),
                name=query.name,
                description=query.description,
                database=catalog.database.ref,
                work_group=self.group.ref,
                query_string=query.text,
            )
            named.add_resource_dependency(catalog.table)


def catalog_arns(stack: cdk.Stack, database: str) -> list[str]:
    """ARNs that reading the table asks for: catalog, database and table."""
    glue_arn = f"arn:{stack.partition}:glue:{stack.region}:{stack.account}"
    return [f"{glue_arn}:catalog", f"{glue_arn}:database/{database}", f"{glue_arn}:table/{database}/{TABLE}"]


def reading(
    stack: cdk.Stack, workgroup: str, database: str, events_arn: str, results_arn: str
) -> list[iam.PolicyStatement]:
    """What whoever asks Athena about events needs: the workgroup, the table, the events, a place for answers."""

    return [
        allow(
            "Queries",
            [
                "athena:BatchGetNamedQuery",
                "athena:GetQueryExecution",
                "athena:GetQueryResults",
                "athena:GetWorkGroup",
                "athena:ListNamedQueries",
                "athena:StartQueryExecution",
                "athena:StopQueryExecution",
            ],
            [workgroup],
        ),
        allow(
            "Table",
            ["glue:GetDatabase", "glue:GetTable", "glue:GetPartitions"],
            catalog_arns(stack, database),
        ),
        allow("EventsList", ["s3:GetBucketLocation", "s3:ListBucket"], [events_arn, results_arn]),
        allow("Events", ["s3:GetObject"], [f"{events_arn}/{TABLE}/*"]),
        # Athena user guide, "Control access to Amazon S3 from Athena": long answers come in parts.
        allow("ResultsParts", ["s3:ListBucketMultipartUploads"], [results_arn]),
        allow(
            "Results",
            ["s3:AbortMultipartUpload", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:PutObject"],
            [f"{results_arn}/*"],
        ),
    ]


def through(key: kms.IKey, services: list[str], actions: list[str]) -> iam.PolicyStatement:
    """Use of a key, by way of services only."""
    stack = cdk.Stack.of(key)
    return iam.PolicyStatement(
        sid="Key",
        actions=actions,
        resources=[key.key_arn],
        conditions={
            "StringEquals": {"kms:ViaService": [f"{name}.{stack.region}.amazonaws.com" for name in services]}
        },
    )


def allow(sid: str, actions: list[str], resources: list[str]) -> iam.PolicyStatement:
    """A statement without conditions."""
    return iam.PolicyStatement(sid=sid, actions=actions, resources=resources)
