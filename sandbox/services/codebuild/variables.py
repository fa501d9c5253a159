"""The variables of a build: CodeBuild's own, the project's, and values of secrets and parameters."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.errors import AwsError
from sandbox.services.secretsmanager import secrets
from sandbox.store import Record

if TYPE_CHECKING:
    from sandbox.context import Context
    from sandbox.services.codebuild.buildspec import Spec

PARAMETER = "AWS::SSM::Parameter"


def of_build(build: Record, source: Path) -> dict[str, str]:
    """What CodeBuild sets by itself."""
    return {
        "CODEBUILD_BUILD_ID": build.id,
        "CODEBUILD_BUILD_ARN": build.arn,
        "CODEBUILD_BUILD_NUMBER": str(build.data["number"]),
        "CODEBUILD_BUILD_SUCCEEDING": "1",
        "CODEBUILD_INITIATOR": build.data["initiator"],
        "CODEBUILD_SRC_DIR": str(source),
        "CODEBUILD_START_TIME": str(int(build.created_at * 1000)),
    }


def of_project(ctx: Context, build: Record) -> dict[str, str]:
    """The project's and the overriding ones; they win over the buildspec's. Raises AwsError."""
    found = {}
    for given in build.properties["Environment"].get("EnvironmentVariables") or ():
        kind, value = given.get("Type", "PLAINTEXT"), str(given["Value"])
        if kind == "SECRETS_MANAGER":
            value = secret(ctx, value)
        elif kind == "PARAMETER_STORE":
            value = parameter(ctx, value)
        found[str(given["Name"])] = value
    return found


def fetched(ctx: Context, spec: Spec) -> dict[str, str]:
    """The buildspec's own secrets and parameters. Raises AwsError."""
    return {
        **{name: secret(ctx, value) for name, value in spec.secrets.items()},
        **{name: parameter(ctx, value) for name, value in spec.parameters.items()},
    }


def secret(ctx: Context, reference: str) -> str:
    """`<secret id>:<json key>:<version stage>:<version id>`; an ARN has seven parts before the key."""
    parts = reference.split(":")
    count = 7 if reference.startswith("arn:") else 1
    id, rest = ":".join(parts[:count]), [*parts[count:], "", "", ""]
    answer = secrets.value_of(ctx, secrets.find(ctx, id), rest[2] or None, rest[1] or None)
    text = str(answer["SecretString"])
    if not rest[0]:
        return text
    try:
        return str(json.loads(text)[rest[0]])
    except (ValueError, KeyError) as problem:
        raise AwsError("SecretsManagerError", f"The secret {id} has no key {rest[0]}.", 400) from problem


def parameter(ctx: Context, name: str) -> str:
    record = ctx.store.get(ctx.account, ctx.region, PARAMETER, name)
    if record is None:
        raise AwsError("ParameterNotFound", f"The parameter {name} does not exist.", 400)
    return str(record.properties["Value"])
