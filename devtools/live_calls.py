"""What calls make in a live account, for `make conform`: what one costs at most there, and how it goes away again."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from botocore.exceptions import ClientError

# Any: boto3's clients, and parameters and answers of whatever operation it is.
Delete = Callable[[Any, Mapping[str, Any], Mapping[str, Any]], None]
SETTLED_WITHIN_S = 300


@dataclass(frozen=True)
class Made:
    """What an operation makes. price: USD, set by hand above what it costs in the minutes that it lives.

    name: the member of the input that names it. delete: called with the client, the input and the answer.
    """

    price_usd: Decimal
    name: str
    delete: Delete


def _bucket(s3: Any, asked: Mapping[str, Any], _: Mapping[str, Any]) -> None:
    bucket = asked["Bucket"]
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        for row in [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]:
            s3.delete_object(Bucket=bucket, Key=row["Key"], VersionId=row["VersionId"])
    s3.delete_bucket(Bucket=bucket)


def _key(kms: Any, _: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
    id = answer["KeyMetadata"]["KeyId"]
    if kms.describe_key(KeyId=id)["KeyMetadata"]["KeyState"] != "PendingDeletion":
        # The shortest wait that there is; a key that waits costs nothing.
        kms.schedule_key_deletion(KeyId=id, PendingWindowInDays=7)


def _zone(route53: Any, _: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
    id = answer["HostedZone"]["Id"]
    apex = answer["HostedZone"]["Name"]
    rows = route53.list_resource_record_sets(HostedZoneId=id)["ResourceRecordSets"]
    own = [row for row in rows if not (row["Name"] == apex and row["Type"] in ("NS", "SOA"))]
    if own:
        changes = [{"Action": "DELETE", "ResourceRecordSet": row} for row in own]
        route53.change_resource_record_sets(HostedZoneId=id, ChangeBatch={"Changes": changes})
    route53.delete_hosted_zone(Id=id)


def _table(dynamodb: Any, asked: Mapping[str, Any], _: Mapping[str, Any]) -> None:
    name, until = asked["TableName"], time.monotonic() + SETTLED_WITHIN_S
    while (table := dynamodb.describe_table(TableName=name)["Table"])["TableStatus"] != "ACTIVE":
        if table["TableStatus"] == "DELETING" or time.monotonic() > until:
            return
        time.sleep(1)
    if table.get("DeletionProtectionEnabled"):
        dynamodb.update_table(TableName=name, DeletionProtectionEnabled=False)
    dynamodb.delete_table(TableName=name)


def _secret(secrets: Any, asked: Mapping[str, Any], _: Mapping[str, Any]) -> None:
    secrets.delete_secret(SecretId=asked["Name"], ForceDeleteWithoutRecovery=True)


CENT = Decimal("0.01")
CALLS: Mapping[tuple[str, str], Made] = {
    ("dynamodb", "CreateTable"): Made(CENT, "TableName", _table),
    ("ecr", "CreateRepository"): Made(
        CENT,
        "repositoryName",
        lambda ecr, asked, _: ecr.delete_repository(repositoryName=asked["repositoryName"], force=True),
    ),
    ("kms", "CreateKey"): Made(CENT, "Description", _key),
    # Nothing for one that is deleted within twelve hours (Route 53's pricing); a cent for its queries.
    ("route53", "CreateHostedZone"): Made(CENT, "Name", _zone),
    ("s3", "CreateBucket"): Made(CENT, "Bucket", _bucket),
    ("secretsmanager", "CreateSecret"): Made(CENT, "Name", _secret),
    ("sqs", "CreateQueue"): Made(
        CENT, "QueueName", lambda sqs, _, answer: sqs.delete_queue(QueueUrl=answer["QueueUrl"])
    ),
    ("ssm", "PutParameter"): Made(
        Decimal(0), "Name", lambda ssm, asked, _: ssm.delete_parameters(Names=[asked["Name"]])
    ),
}
PRICED = frozenset(service for service, _ in CALLS)
# Operations of these services that have no line above and make what costs, or change what the whole account shares.
REFUSED: Mapping[str, tuple[str, ...]] = {
    "dynamodb": ("CreateGlobalTable", "RestoreTableFromBackup", "RestoreTableToPointInTime", "ImportTable"),
    "ecr": ("CreatePullThroughCacheRule", "PutReplicationConfiguration", "PutRegistryScanningConfiguration"),
    "kms": ("ReplicateKey", "CreateCustomKeyStore"),
    "route53": ("CreateHealthCheck", "CreateTrafficPolicyInstance"),
    "s3": ("PutBucketReplication",),
    "secretsmanager": ("ReplicateSecretToRegions",),
}


def is_gone(error: ClientError) -> bool:
    """Whether an error says that there is nothing of the name (any more)."""
    code = str(error.response["Error"]["Code"])
    return any(word in code for word in ("NotFound", "NoSuch", "NonExistent"))
