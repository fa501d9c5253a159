"""The account's password policy, and which passwords it refuses.

Source: IAM API reference, UpdateAccountPasswordPolicy ("If you do not specify a value for a parameter, then its default
is used"); IAM user guide, "Set an account password policy for IAM users" (the default policy). The sentence of a
refused password is the sandbox's.
"""

from __future__ import annotations

from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import operation
from sandbox.store import GLOBAL, Record

POLICY = "Sandbox::IAM::PasswordPolicy"
SYMBOLS = "!@#$%^&*()_+-=[]{}|'"
DEFAULTS: dict[str, Any] = {
    "MinimumPasswordLength": 6,
    "RequireSymbols": False,
    "RequireNumbers": False,
    "RequireUppercaseCharacters": False,
    "RequireLowercaseCharacters": False,
    "AllowUsersToChangePassword": False,
}
GIVEN_ONLY = ("MaxPasswordAge", "PasswordReusePrevention", "HardExpiry")


def _record(ctx: Context) -> Record | None:
    return ctx.store.get(ctx.account, GLOBAL, POLICY, ctx.account)


@operation("iam", "UpdateAccountPasswordPolicy")
def update_account_password_policy(ctx: Context, params: dict[str, Any]) -> None:
    given = {name: params[name] for name in (*DEFAULTS, *GIVEN_ONLY) if params.get(name) is not None}
    policy = {**DEFAULTS, **given}
    ctx.store.put(
        Record(
            ctx.account,
            GLOBAL,
            POLICY,
            ctx.account,
            properties=policy,
            created_at=ctx.now,
            updated_at=ctx.now,
        )
    )


@operation("iam", "GetAccountPasswordPolicy")
def get_account_password_policy(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = _need(ctx)
    return {"PasswordPolicy": {**record.properties, "ExpirePasswords": bool(record.get("MaxPasswordAge"))}}


@operation("iam", "DeleteAccountPasswordPolicy")
def delete_account_password_policy(ctx: Context, params: dict[str, Any]) -> None:
    ctx.store.remove(_need(ctx))


def _need(ctx: Context) -> Record:
    record = _record(ctx)
    if record is None:
        said = f"The Password Policy with domain name {ctx.account} cannot be found."
        raise AwsError("NoSuchEntity", said, 404)
    return record


def refuse_weak(ctx: Context, password: str) -> None:
    """Raises PasswordPolicyViolation for what the account's policy, else the default one, does not take."""
    record = _record(ctx)
    kinds = (
        any(c in SYMBOLS for c in password),
        any(c.isdigit() for c in password),
        any(c.isupper() for c in password),
        any(c.islower() for c in password),
    )
    if record is None:
        # The default: eight characters of at least three kinds.
        weak = len(password) < 8 or sum(kinds) < 3
    else:
        names = ("Symbols", "Numbers", "UppercaseCharacters", "LowercaseCharacters")
        asked = [record.properties[f"Require{name}"] for name in names]
        short = len(password) < int(record.properties["MinimumPasswordLength"])
        weak = short or any(need and not has for need, has in zip(asked, kinds, strict=True))
    if weak:
        said = "Password does not conform to the account password policy."
        raise AwsError("PasswordPolicyViolation", said, 400)
