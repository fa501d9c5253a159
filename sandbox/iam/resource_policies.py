"""Policies of resources: which types have one, and where it is. What is not here has none.

Source: IAM user guide, "AWS services that work with IAM"; KMS developer guide, "Key policies in AWS KMS".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sandbox.iam.documents import parsed
from sandbox.iam.policy import Document
from sandbox.services.kms.keys import policy_text
from sandbox.services.s3.state import policy_of as bucket_policy
from sandbox.store import Record

if TYPE_CHECKING:
    from sandbox.world import World

DELEGATED = ("AWS::KMS::Key", "AWS::KMS::ReplicaKey")
"""Types with which identity policies count only if the resource's policy names the account."""

SHARED_BY_SERVICE = ("Sandbox::RDS::DBClusterSnapshot",)
"""Types whose service itself says who of other accounts may use one; IAM asks the caller's own policies only."""


def _data(name: str) -> Callable[[World, Record], Any]:
    return lambda _world, record: record.data.get(name)


def _property(name: str) -> Callable[[World, Record], Any]:
    return lambda _world, record: record.properties.get(name)


_POLICIES: dict[str, Callable[[World, Record], Any]] = {
    "AWS::ECR::Repository": _property("RepositoryPolicyText"),
    "AWS::KMS::Key": lambda _world, key: policy_text(key),
    "AWS::KMS::ReplicaKey": lambda _world, key: policy_text(key),
    "AWS::S3::Bucket": bucket_policy,
    "AWS::SQS::Queue": _data("policy"),
    "AWS::SecretsManager::Secret": _data("policy"),
}


def policy_of(world: World, record: Record | None) -> Document | None:
    """The policy of a resource; None: it has none."""
    find = _POLICIES.get(record.type) if record is not None else None
    document = find(world, record) if find is not None and record is not None else None
    return parsed(document) if document else None
