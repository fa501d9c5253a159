"""Names and keys of secrets: what secrets and their replicas are found and refused by."""

from __future__ import annotations

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.services.kms import keys
from sandbox.store import Record

TYPE = "AWS::SecretsManager::Secret"
DEFAULT_KEY = "alias/aws/secretsmanager"
DAY_S = 86400


def name_of(arn: str) -> str:
    """The friendly name in a secret's complete ARN."""
    return arn.split(":secret:", 1)[1][:-7]


def by_name(ctx: Context, name: str) -> Record | None:
    records = ctx.store.list(ctx.account, ctx.region, TYPE)
    return next((r for r in records if r.data.get("Name") == name), None)


def refuse_bad_key(ctx: Context, key: str | None) -> None:
    """Refuse a KMS key that secrets cannot be encrypted with."""
    if not key or key == DEFAULT_KEY:
        return
    try:
        keys.usable(ctx, key)
    except AwsError as problem:
        text = (
            "Secrets Manager can't encrypt the protected secret text using the provided KMS key. Check that the KMS "
            f"key is available, enabled, and not in an invalid state. ({problem.message})"
        )
        raise AwsError("EncryptionFailure", text) from problem
