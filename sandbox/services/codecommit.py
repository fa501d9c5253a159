"""CodeCommit's repositories, as far as a stack makes them: no code is kept in them.

Source: CodeCommit user guide, "Quotas" (names) and "Connect to a repository" (addresses); service authorization
reference (ARNs).
"""

from __future__ import annotations

import uuid
from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import resource_type
from sandbox.schema_types import SchemaType
from sandbox.store import Record

REPOSITORY = "AWS::CodeCommit::Repository"


@resource_type(REPOSITORY)
class Repository(SchemaType):
    """One of a name in a region; its id is a UUID, its ARN and its addresses are made of the name."""

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        name = properties["RepositoryName"]
        if any(
            other.properties["RepositoryName"] == name
            for other in ctx.store.list(ctx.account, ctx.region, REPOSITORY)
        ):
            raise AwsError("RepositoryNameExistsException", f"Repository named {name} already exists", 400)

    def identify(self, ctx: Context, properties: dict[str, Any], hint: str) -> str:
        return str(uuid.uuid4())

    def arn_for(self, ctx: Context, id: str, properties: dict[str, Any]) -> str:
        return ctx.arn("codecommit", str(properties["RepositoryName"]))

    def created(self, ctx: Context, record: Record) -> None:
        name = record.properties["RepositoryName"]
        place = f"git-codecommit.{ctx.region}.amazonaws.com/v1/repos/{name}"
        record.attributes |= {
            "RepositoryId": record.id,
            "Name": name,
            "Arn": record.arn,
            "CloneUrlHttp": f"https://{place}",
            "CloneUrlSsh": f"ssh://{place}",
        }
