"""IAM's limits on names, sizes and counts.

Source: IAM user guide, "IAM and AWS STS quotas"; the sentences are those that people report ("Cannot exceed quota for
PoliciesPerRole: 10", "Maximum policy size of 10240 bytes exceeded for role …"), for the other names in the same form.
"""

from __future__ import annotations

import json
import re
from typing import Any

from sandbox import quotas
from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.quotas import Quota
from sandbox.store import GLOBAL, Record

ACCESS_KEYS, GROUPS, MFA_DEVICES, TAGS, VERSIONS = 2, 10, 8, 50, 5
MANAGED_SIZE = 6144
INLINE_SIZES = {"user": 2048, "role": 10240, "group": 5120}
SESSION_SECONDS = (3600, 43200)
NAME = r"[\w+=,.@-]+"
PATH = r"(\u002F)|(\u002F[\u0021-\u007E]+\u002F)"
LONGEST = {"roleName": 64, "userName": 64}
_ATTACHED = {
    "role": quotas.POLICIES_OF_ROLE,
    "user": quotas.POLICIES_OF_USER,
    "group": quotas.POLICIES_OF_GROUP,
}


def exceeded(name: str, most: float) -> AwsError:
    return AwsError("LimitExceeded", f"Cannot exceed quota for {name}: {most:.0f}", 409)


def refuse(name: str, used: int, most: int) -> None:
    """Refuse one thing more than there may be."""
    if used >= most:
        raise exceeded(name, most)


def refuse_attached(ctx: Context, word: str, attached: int) -> None:
    """Refuse one managed policy more on a role, user or group."""
    most = _value(ctx, _ATTACHED[word])
    if attached >= most:
        raise exceeded(f"PoliciesPer{word.capitalize()}", most)


def _value(ctx: Context, quota: Quota) -> float:
    return quotas.value(ctx.world, ctx.account, GLOBAL, quota)


def size(document: Any) -> int:
    """Characters of a policy document as IAM counts them: without white space."""
    text = document if isinstance(document, str) else json.dumps(document, separators=(",", ":"))
    return len(re.sub(r"\s", "", text))


def check_managed_size(document: Any) -> None:
    if size(document) > MANAGED_SIZE:
        raise exceeded("PolicySize", MANAGED_SIZE)


def check_trust_size(ctx: Context, document: Any) -> None:
    most = _value(ctx, quotas.TRUST_POLICY_LENGTH)
    if size(document) > most:
        raise exceeded("ACLSizePerRole", most)


def check_inline_size(word: str, name: str, documents: list[Any]) -> None:
    """All inline policies of a role, user or group together."""
    most = INLINE_SIZES[word]
    if sum(size(document) for document in documents) > most:
        text = f"Maximum policy size of {most} bytes exceeded for {word} {name}"
        raise AwsError("LimitExceeded", text, 409)


def check_tags(kind: str, before: dict[str, str], new: dict[str, str]) -> None:
    if len(before | new) > TAGS:
        raise exceeded(f"TagsPer{kind}", TAGS)


def check_name(member: str, value: str) -> None:
    """member: as the API calls it, `roleName`. Raises ValidationError."""
    longest = LONGEST.get(member, 128)
    wrong = ""
    if len(value) > longest:
        wrong = f"Member must have length less than or equal to {longest}"
    elif not re.fullmatch(NAME, value, re.ASCII):
        wrong = f"Member must satisfy regular expression pattern: {NAME}"
    _refuse_value(member, value, wrong)


def check_path(value: str) -> None:
    wrong = ""
    if len(value) > 512 or not re.fullmatch(r"/|/[!-\x7e]*/", value):
        wrong = rf"Member must satisfy regular expression pattern: {PATH}"
    _refuse_value("path", value, wrong)


def check_session_seconds(value: Any) -> None:
    """A role's MaxSessionDuration."""
    least, most = SESSION_SECONDS
    wrong = ""
    if int(value) < least:
        wrong = f"Member must have value greater than or equal to {least}"
    elif int(value) > most:
        wrong = f"Member must have value less than or equal to {most}"
    _refuse_value("maxSessionDuration", str(value), wrong)


def _refuse_value(member: str, value: str, wrong: str) -> None:
    if wrong:
        said = f"1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: {wrong}"
        raise AwsError("ValidationError", said, 400)


def same_name(records: list[Record], name: str) -> bool:
    """Names that differ in case only are the same."""
    return any(record.id.lower() == name.lower() for record in records)
