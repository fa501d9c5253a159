"""Where CloudFormation may do what it needs for usage data: stream into S3, catalog, queries, dashboards."""

from __future__ import annotations

from blueprint_cdk.access.scopes import Scope
from blueprint_cdk.access.statements import OWN_ROLES, arn, bucket, passed_to

# Athena's names know no hyphens: the environment's prefix with underscores.
_CATALOG = [
    arn("glue", "catalog"),
    arn("glue", "database/sy_*"),
    arn("glue", "table/sy_*/*"),
    # A database is deleted with a right to the functions in it, which it has none of.
    arn("glue", "userDefinedFunction/sy_*/*"),
]

ANALYTICS: tuple[Scope, ...] = (
    Scope(
        "Streams",
        "firehose",
        "CreateDeliveryStream DeleteDeliveryStream DescribeDeliveryStream TagDeliveryStream UntagDeliveryStream "
        "ListTagsForDeliveryStream *DeliveryStreamEncryption UpdateDestination",
        arn("firehose", "deliverystream/sy-*"),
    ),
    Scope(
        "Catalog",
        "glue",
        "*Database *Table",
        _CATALOG,
    ),
    Scope(
        "Queries",
        "athena",
        "*WorkGroup *NamedQuery *Resource",
        arn("athena", "workgroup/sy-*"),
    ),
    # Athena looks whether it could write where answers are to go.
    Scope(
        "QueriesAnswers",
        "s3",
        "AbortMultipartUpload GetBucketLocation GetObject ListBucket ListBucketMultipartUploads "
        "ListMultipartUploadParts PutObject",
        [bucket("sy-*-results-*"), bucket("sy-*-results-*/*")],
    ),
    # Firehose's own grant on the key goes with its stream.
    Scope("StreamsKeys", "kms", "RevokeGrant", arn("kms", "key/*")),
    Scope(
        "LogStreams",
        "logs",
        "CreateLogStream DeleteLogStream DescribeLogStreams",
        arn("logs", "log-group:/switchyard/sy-*"),
    ),
    Scope(
        "Dashboards",
        "quicksight",
        "*DataSource *DataSourcePermissions *DataSet *DataSetPermissions *Dashboard *DashboardPermissions "
        "*DashboardPublishedVersion DescribeDataSetRefreshProperties ListFoldersForResource *Ingestion ListIngestions "
        "*Resource",
        [arn("quicksight", f"{kind}/sy-*") for kind in ("datasource", "dataset", "dashboard")],
    ),
    Scope("DashboardsAnywhere", "quicksight", "CreateDataSource ListIngestions"),
    Scope(
        "AnalyticsRoles",
        "iam",
        "PassRole",
        OWN_ROLES,
        passed_to("firehose", "quicksight"),
    ),
)
