"""AppSync's GraphQL APIs and their parts, as far as a stack makes them: with addresses, and no service behind these.

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

    def new_id(self, ctx: Context, properties: dict[str, Any], hint: str) -> str:
        # Two APIs may have one name: what tells them apart is made up.
        return ctx.arn("appsync", f"apis/{random_name(26).lower()}")

    def arn_for(self, ctx: Context, id: str, properties: dict[str, Any]) -> str:
        return id

    def created(self, ctx: Context, record: Record) -> None:
        super().created(ctx, record)
        dns = f"{random_name(26).lower()}.appsync-api.{record.region}.amazonaws.com"
        real_time = dns.replace(".appsync-api.", ".appsync-realtime-api.")
        record.attributes |= {
            "ApiId": record.id.rpartition("/")[2],
            "GraphQLDns": dns,
            "GraphQLUrl": f"https://{dns}/graphql",
            "RealtimeDns": real_time,
            "RealtimeUrl": f"wss://{real_time}/graphql",
        }


@resource_type("AWS::AppSync::DataSource", "AWS::AppSync::Resolver")
class Part(SchemaType):
    """A part of an API, named within it: other APIs may have one of the same name."""

    def new_id(self, ctx: Context, properties: dict[str, Any], hint: str) -> str:
        if self.name.endswith("::DataSource"):
            rest = f"datasources/{properties['Name']}"
        else:
            rest = f"types/{properties['TypeName']}/resolvers/{properties['FieldName']}"
        return ctx.arn("appsync", f"apis/{properties['ApiId']}/{rest}")

    def arn_for(self, ctx: Context, id: str, properties: dict[str, Any]) -> str:
        return id
