"""Secrets Manager: which secrets there are, and whether they have a value. Never the value."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from workers.aws.faults import error_code
from workers.aws.paging import entries
from workers.aws.session import Session

SERVICE = "secretsmanager"
CURRENT = "AWSCURRENT"


def secrets_beginning(session: Session, prefix: str) -> dict[str, datetime | None]:
    """When the value of each secret whose name begins so was changed last; None for one that has no value.

    AWS tells that of a secret, and not of its value: tags and replicas count as well.
    """
    # The filter takes beginnings, of any word in the name.
    filters = [{"Key": "name", "Values": [prefix]}]
    rows = entries(session.client(SERVICE), "list_secrets", "SecretList", Filters=filters)
    return {
        str(row["Name"]): row.get("LastChangedDate") if has_value(row.get("SecretVersionsToStages")) else None
        for row in rows
        if row["Name"].startswith(prefix)
    }


def secret_has_value(session: Session, arn: str) -> bool | None:
    """Whether the secret has a value; None when there is no such secret."""
    try:
        found = session.client(SERVICE).describe_secret(SecretId=arn)
    except ClientError as error:
        if error_code(error) == "ResourceNotFoundException":
            return None
        raise
    return has_value(found.get("VersionIdsToStages"))


def has_value(stages: Mapping[str, Any] | None) -> bool:
    """Whether a version is the current one, of {version: [stages]}."""
    return any(CURRENT in said for said in (stages or {}).values())
