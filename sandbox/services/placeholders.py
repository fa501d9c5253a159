"""Generic for now."""

from sandbox.registry import resource_type
from sandbox.resource_types import ResourceType


@resource_type("AWS::SQS::Queue", "AWS::SQS::QueuePolicy",
    "AWS::ECR::Repository", "AWS::Events::Rule", "AWS::Logs::LogGroup")
class Placeholder(ResourceType):
    """Carried by the generic handler."""
