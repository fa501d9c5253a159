"""The AWS roles of an environment or an application, in words and commands, as its own release has them
(docs/decisions/0209, 0240).
"""

import json
import shlex
from dataclasses import dataclass
from typing import Any

from environments.lifecycle.models import Application, Environment
from environments.people.models import User


@dataclass(frozen=True)
class Part:
    """Something that a role may do. `commands`: what does it, filled in but for capitals."""

    words: str
    commands: tuple[str, ...]
    statements: str
    """As JSON, with tags and names as the release has them."""


@dataclass(frozen=True)
class AwsRole:
    """An AWS role of one environment or application. `take` is the command that takes it, under the name of whoever
    looks.
    """

    key: str
    title: str
    who: str
    arn: str
    hours: int
    take: str
    parts: tuple[Part, ...]


def aws_roles(environment: Environment, user: User) -> list[AwsRole]:
    """The environment's AWS roles, empty for a release from before there were any."""
    data: dict[str, Any] = environment.release.description.get("aws_roles", {})
    place = (environment.account.account_id, environment.home_region)
    return _roles(data, f"sy-{environment.full_name}", *place, user)


def application_aws_roles(application: Application, user: User) -> list[AwsRole]:
    """The application's AWS roles, empty for a release from before there were any."""
    data: dict[str, Any] = application.release.description.get("application", {}).get("aws_roles", {})
    if application.spec.get("source") != "codecommit":
        # Its code is not AWS's: none of its roles is about it (blueprint_cdk.aws_roles).
        data = {
            "parts": data.get("parts", {}),
            "roles": [
                {**row, "parts": [part for part in row["parts"] if part != "code"]}
                for row in data.get("roles", ())
            ],
        }
    return _roles(data, application.stack_name, application.account.account_id, application.region, user)


def _roles(data: dict[str, Any], prefix: str, account_id: str, region: str, user: User) -> list[AwsRole]:
    fields = {"prefix": prefix, "account_id": account_id, "region": region}
    return [
        AwsRole(
            row["key"],
            row["title"],
            row["who"],
            arn := f"arn:aws:iam::{account_id}:role/{prefix}-{row['key']}",
            row["session_s"] // 3600,
            _take(arn, account_id, user.username, row["session_s"]),
            tuple(_part(data["parts"][key], fields) for key in row["parts"]),
        )
        for row in data.get("roles", ())
    ]


def _part(row: dict[str, Any], fields: dict[str, str]) -> Part:
    commands = tuple(_filled(command, fields) for command in row.get("commands", ()))
    return Part(row["words"], commands, json.dumps(row["statements"], indent=1))


def _take(arn: str, account_id: str, username: str, seconds: int) -> str:
    """The trust policy wants source identity and session name to be the IAM user's own name, and a second factor."""
    name = shlex.quote(username)
    parts = [
        "aws sts assume-role",
        f"--role-arn {arn}",
        f"--role-session-name {name}",
        f"--source-identity {name}",
        f"--serial-number {shlex.quote(f'arn:aws:iam::{account_id}:mfa/{username}')}",
        "--token-code CODE",
        f"--duration-seconds {seconds}",
    ]
    return " \\\n  ".join(parts)


def _filled(text: str, fields: dict[str, str]) -> str:
    for name, value in fields.items():
        text = text.replace(f"{{{name}}}", value)
    return text
