"""AppSync's GraphQL APIs, as far as a stack makes them: with their addresses, and no service behind these.

Source: AppSync developer guide, "Securing and monitoring" (addresses); template reference, AWS::AppSync::GraphQLApi.
"""

from __future__ import annotations

from typing import Any

from sandbox.context import Context
from sandbox.registry import resource_type
from sandbox.resource_types import random_name
from sandbox.schema_types import SchemaType
from sandbox.store import Record

API = "AWS::AppSync::GraphQLApi"


@resource_type(API)
class GraphQLApi(SchemaType):
    """An API. Its addresses have ids of their own, which are not the API's."""

    def arn_for(self, ctx: Context, id: str, properties: dict[str, Any]) -> str:
        return ctx.arn("appsync", f"apis/{id}")

    def created(self, ctx: Context, record: Record) -> None:
        super().created(ctx, record)
        dns = f"{random_name(26).lower()}.appsync-api.{record.region}.amazonaws.com"
        real_time = dns.replace(".appsync-api.", ".appsync-realtime-api.")
        record.attributes |= {
            "GraphQLDns": dns,
            "GraphQLUrl": f"https://{dns}/graphql",
            "RealtimeDns": real_time,
            "RealtimeUrl": f"wss://{real_time}/graphql",
        }
