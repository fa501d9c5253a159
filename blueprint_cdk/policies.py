"""Stack policies: what an update may never do to what cannot be made again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

STATEFUL_TYPES = frozenset(
    {
        "AWS::CodeCommit::Repository",
        "AWS::Backup::BackupVault",
        "AWS::Cognito::UserPool",
        "AWS::DynamoDB::GlobalTable",
        "AWS::ECR::Repository",
        "AWS::KMS::Key",
        "AWS::KMS::ReplicaKey",
        "AWS::RDS::DBCluster",
        "AWS::RDS::GlobalCluster",
        "AWS::S3::Bucket",
        "AWS::SecretsManager::Secret",
    }
)
"""Types whose replacement or deletion loses data. Instances and parameter groups are not among them: sizes change."""


def stack_policy(template: Mapping[str, Any]) -> dict[str, Any] | None:
    """The policy for a template, or None where it holds nothing stateful.

    It names logical ids: they are pinned by a test, and a policy may not name a resource that does not exist.
    """
    stateful = sorted(
        logical_id
        for logical_id, resource in template["Resources"].items()
        if resource["Type"] in STATEFUL_TYPES
    )
    if not stateful:
        return None
    return {
        "Statement": [
            {"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"},
            {
                "Effect": "Deny",
                "Action": ["Update:Replace", "Update:Delete"],
                "Principal": "*",
                "Resource": [f"LogicalResourceId/{logical_id}" for logical_id in stateful],
            },
        ]
    }
