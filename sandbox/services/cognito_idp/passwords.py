"""Passwords: the pool's policy, what is kept of them (an SRP verifier, never the password), and the lock-out."""

from __future__ import annotations

import secrets
import string
from typing import Any

from sandbox.errors import AwsError
from sandbox.services.cognito_idp import srp
from sandbox.services.cognito_idp.names import not_authorized
from sandbox.store import Record

DEFAULT_POLICY: dict[str, Any] = {
    "MinimumLength": 8,
    "RequireUppercase": True,
    "RequireLowercase": True,
    "RequireNumbers": True,
    "RequireSymbols": True,
    "TemporaryPasswordValidityDays": 7,
}
SYMBOLS = "^$*.[]{}()?\"!@#%&/\\,><':;|_~`=+- "
"""Developer guide, "Adding user pool password requirements"."""
DAY_S = 86400
FREE_FAILURES = 5
LONGEST_LOCK_S = 900.0


def policy_of(pool: Record) -> dict[str, Any]:
    """The pool's password policy; what is not set is Cognito's default."""
    return {**DEFAULT_POLICY, **((pool.properties.get("Policies") or {}).get("PasswordPolicy") or {})}


def check(pool: Record, password: str) -> None:
    """Raise InvalidPasswordException unless the password conforms to the pool's policy."""
    policy = policy_of(pool)
    problem = None
    if len(password) < int(policy["MinimumLength"]):
        problem = "Password not long enough"
    elif policy["RequireUppercase"] and not any(c in string.ascii_uppercase for c in password):
        problem = "Password must have uppercase characters"
    elif policy["RequireLowercase"] and not any(c in string.ascii_lowercase for c in password):
        problem = "Password must have lowercase characters"
    elif policy["RequireNumbers"] and not any(c in string.digits for c in password):
        problem = "Password must have numeric characters"
    elif policy["RequireSymbols"] and not any(c in SYMBOLS for c in password.strip()):
        problem = "Password must have symbol characters"
    if problem:
        raise AwsError("InvalidPasswordException", f"Password did not conform with policy: {problem}")


def made() -> str:
    """A temporary password, as AdminCreateUser makes one when none is given."""
    parts = [string.ascii_uppercase, string.ascii_lowercase, string.digits, "!#%&*+-=?@^_"]
    letters = [secrets.choice(part) for part in parts for _ in range(3)]
    secrets.SystemRandom().shuffle(letters)
    return "".join(letters)


def put(pool: Record, user: Record, password: str, *, temporary_since: float | None = None) -> None:
    """Make this the user's password. temporary_since: it is a temporary one, made then.

    Raises PasswordHistoryPolicyViolationException where the pool remembers it.
    """
    remembered = int(policy_of(pool).get("PasswordHistorySize") or 0)
    past = ([user.data["password"]] if user.data.get("password") else []) + user.data.get(
        "past_passwords", []
    )
    if temporary_since is None and any(_fits(pool, user, password, old) for old in past[:remembered]):
        raise AwsError(
            "PasswordHistoryPolicyViolationException", "Password has previously been used or is too similar."
        )
    salt = secrets.token_hex(16)
    verifier = srp.verifier(pool.id, user.data["username"], password, salt)
    user.data["past_passwords"] = past[: max(0, remembered)]
    user.data["password"] = {"salt": salt, "verifier": f"{verifier:x}"}
    user.data.pop("temporary_until", None)
    if temporary_since is not None:
        days = int(policy_of(pool)["TemporaryPasswordValidityDays"])
        user.data["temporary_until"] = temporary_since + days * DAY_S


def _fits(pool: Record, user: Record, password: str, kept: dict[str, str]) -> bool:
    found = srp.verifier(pool.id, user.data["username"], password, kept["salt"])
    return secrets.compare_digest(f"{found:x}", kept["verifier"])


def fits(pool: Record, user: Record, password: str) -> bool:
    """Whether this is the user's password."""
    return bool(user.data.get("password")) and _fits(pool, user, password, user.data["password"])


# -- the lock-out: after five failures 1 s, doubled by each further one, at most about 15 minutes (developer guide,
# "Lockout behavior for failed sign-in attempts"). Each replica counts for itself.


def refuse_locked(user: Record, now: float) -> None:
    if now < float(user.data.get("locked_until", 0.0)):
        raise not_authorized("Password attempts exceeded")


def failed(user: Record, now: float) -> None:
    """Count a failure, and lock."""
    before = int(user.data.get("failures", 0))
    if now - float(user.data.get("failed_at", now)) > LONGEST_LOCK_S:
        before = 0
    user.data.update(failures=before + 1, failed_at=now)
    if before + 1 > FREE_FAILURES - 1:
        user.data["locked_until"] = now + min(2.0 ** (before + 1 - FREE_FAILURES), LONGEST_LOCK_S)


def succeeded(user: Record) -> None:
    for name in ("failures", "failed_at", "locked_until"):
        user.data.pop(name, None)
