"""S3."""

from __future__ import annotations

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import resource_type
from sandbox.resource_types import ResourceType


def object_body(ctx: Context, bucket: str, key: str) -> bytes:
    """The current version of an object."""
    raise AwsError("NoSuchBucket", "The specified bucket does not exist")


@resource_type("AWS::S3::Bucket", "AWS::S3::BucketPolicy", "AWS::IAM::Role", "AWS::SQS::Queue", "AWS::SQS::QueuePolicy",
    "AWS::IAM::Policy","AWS::IAM::ManagedPolicy","AWS::IAM::InstanceProfile","AWS::ECR::Repository","AWS::Events::Rule","AWS::Logs::LogGroup")
class Placeholder(ResourceType):
    """x"""
