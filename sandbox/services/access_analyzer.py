"""IAM Access Analyzer's analyzers, as far as a stack makes them: they find nothing.

Source: IAM user guide, "IAM Access Analyzer quotas" (one analyzer of external access for the account in a region).
"""

from __future__ import annotations

from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import resource_type
from sandbox.schema_types import SchemaType

ANALYZER = "AWS::AccessAnalyzer::Analyzer"


@resource_type(ANALYZER)
class Analyzer(SchemaType):
    """One of a name; one of type ACCOUNT."""

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        for other in ctx.store.list(ctx.account, ctx.region, ANALYZER):
            name = properties.get("AnalyzerName")
            if name and other.properties.get("AnalyzerName") == name:
                raise AwsError("ConflictException", f"Analyzer {name} already exists", 409)
            if properties["Type"] == "ACCOUNT" == other.properties["Type"]:
                said = "You have reached the maximum number of analyzers of type ACCOUNT: 1"
                raise AwsError("ServiceQuotaExceededException", said, 402)
