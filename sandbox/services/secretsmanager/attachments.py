"""What CloudFormation hangs on a secret: rotation schedule, resource policy, the database it belongs to."""

from __future__ import annotations

import json
from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import resource_type
from sandbox.resource_types import ResourceType
from sandbox.services.secretsmanager import secrets
from sandbox.store import Record

DATABASES = ("AWS::RDS::DBCluster", "AWS::RDS::DBInstance")


class OnSecret(ResourceType):
    """Its physical id is the secret's ARN."""

    def identify(self, ctx: Context, properties: dict[str, Any], hint: str) -> str:
        return secrets.find(ctx, properties["SecretId"]).id

    def arn_for(self, ctx: Context, id: str, properties: dict[str, Any]) -> str:
        return ""

    def secret(self, ctx: Context, record: Record) -> Record | None:
        return ctx.store.get(ctx.account, ctx.region, secrets.TYPE, record.id)


@resource_type("AWS::SecretsManager::ResourcePolicy")
class ResourcePolicy(OnSecret):
    """The policy of a secret; kept on the secret as data["policy"] (JSON text)."""

    def created(self, ctx: Context, record: Record) -> None:
        secret = self.secret(ctx, record)
        if secret is not None:
            secret.data["policy"] = json.dumps(record.properties["ResourcePolicy"])
            ctx.store.put(secret)

    def updated(self, ctx: Context, record: Record, before: dict[str, Any]) -> None:
        self.created(ctx, record)

    def deleting(self, ctx: Context, record: Record) -> None:
        secret = self.secret(ctx, record)
        if secret is not None:
            secret.data.pop("policy", None)
            ctx.store.put(secret)


@resource_type("AWS::SecretsManager::RotationSchedule")
class RotationSchedule(OnSecret):
    """When a secret is rotated. It is recorded; the sandbox calls no Lambda."""

    def created(self, ctx: Context, record: Record) -> None:
        secret = self.secret(ctx, record)
        if secret is not None:
            names = ("RotationLambdaARN", "RotationRules")
            given = {n: record.properties[n] for n in names if n in record.properties}
            secret.data["rotation"] = {**given, "since": ctx.now}
            ctx.store.put(secret)

    def updated(self, ctx: Context, record: Record, before: dict[str, Any]) -> None:
        self.created(ctx, record)

    def deleting(self, ctx: Context, record: Record) -> None:
        secret = self.secret(ctx, record)
        if secret is not None:
            secret.data.pop("rotation", None)
            ctx.store.put(secret)


@resource_type("AWS::SecretsManager::SecretTargetAttachment")
class SecretTargetAttachment(OnSecret):
    """Writes a database's address into the secret's JSON."""

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        _document(ctx, secrets.find(ctx, properties["SecretId"]))
        _target(ctx, properties)

    def created(self, ctx: Context, record: Record) -> None:
        secret = secrets.find(ctx, record.properties["SecretId"])
        document = {**_document(ctx, secret), **_address(_target(ctx, record.properties))}
        secrets.add_version(ctx, secret, {"SecretString": json.dumps(document, separators=(",", ":"))})

    def updated(self, ctx: Context, record: Record, before: dict[str, Any]) -> None:
        self.created(ctx, record)


def _document(ctx: Context, secret: Record) -> dict[str, Any]:
    try:
        document = json.loads(secrets.value_of(ctx, secret).get("SecretString", ""))
    except ValueError as problem:
        text = f"Unable to parse the secret {secret.data['Name']} as JSON."
        raise AwsError("InvalidRequestException", text) from problem
    if not isinstance(document, dict):
        raise AwsError("InvalidRequestException", f"Secret {secret.data['Name']} is not a JSON object.")
    return document


def _target(ctx: Context, properties: dict[str, Any]) -> Record:
    kind, id = properties["TargetType"], properties["TargetId"]
    if kind not in DATABASES:
        raise AwsError("InvalidRequestException", f"Target type {kind} is not supported.")
    record = ctx.store.get(ctx.account, ctx.region, kind, id.lower())
    if record is None:
        raise AwsError("InvalidRequestException", f"Target {id} of type {kind} does not exist.")
    return record


def _address(record: Record) -> dict[str, Any]:
    endpoint = record.attributes.get("Endpoint", {})
    engine = str(record.get("Engine", ""))
    known = {"aurora-mysql": "mysql", "aurora-postgresql": "postgres"}
    id = "dbClusterIdentifier" if record.type == DATABASES[0] else "dbInstanceIdentifier"
    document: dict[str, Any] = {"engine": known.get(engine, engine), id: record.id}
    if endpoint:
        document.update(host=endpoint["Address"], port=int(endpoint["Port"]))
    name = record.get("DatabaseName") or record.get("DBName")
    if name:
        document["dbname"] = name
    return document
