"""Instance metadata, as far as the AWS libraries ask for credentials: IMDSv2 below a path that only the program knows.

Source: EC2 user guide, "Use instance metadata to manage your EC2 instance" (token, iam/security-credentials).
"""

from __future__ import annotations

import json
import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sandbox.application import hosting
from sandbox.iam import sight
from sandbox.iam.principals import SESSION, key_put, key_remove, new_id, new_secret
from sandbox.store import GLOBAL, Record

if TYPE_CHECKING:
    from sandbox.world import World

LASTS_S = 6 * 3600
RENEWED_S = 3600
CREDENTIALS = "latest/meta-data/iam/security-credentials/"
_TOKEN = "token-of-the-sandbox"  # noqa: S105 - the path is what is secret


def answer(world: World, method: str, path: str) -> tuple[int, str, bytes]:
    """Status, content type and body for `<secret>/latest/…`."""
    secret, _, rest = path.partition("/")
    found = hosting.of(world).instances.get(secret)
    if found is None:
        return 404, "text/plain", b"Not Found"
    account, region, role = found
    if method == "PUT" and rest == "latest/api/token":
        return 200, "text/plain", _TOKEN.encode()
    if rest == CREDENTIALS:
        return 200, "text/plain", role.encode()
    if rest == CREDENTIALS + role:
        return 200, "application/json", json.dumps(_kept(world, secret, account, role)).encode()
    if rest == "latest/meta-data/placement/region":
        return 200, "text/plain", region.encode()
    return 404, "text/plain", b"Not Found"


def _kept(world: World, secret: str, account: str, role: str) -> dict[str, str]:
    """The credentials of an instance, the same until an hour before their end."""
    kept = hosting.of(world).sessions
    now = world.scheduler.now()
    if secret not in kept or kept[secret][0] < now + RENEWED_S:
        kept[secret] = (now + LASTS_S, session(world, account, role, "instance"))
    return kept[secret][1]


def session(world: World, account: str, role: str, name: str) -> dict[str, str]:
    """Credentials of a session of a role, in the metadata service's form."""
    record = sight.get(world, account, "AWS::IAM::Role", role)
    if record is None:
        text = f"The role {role} does not exist."
        return {"Code": "AssumeRoleUnauthorizedAccess", "Message": text}
    now = world.scheduler.now()
    data = {
        "role": role,
        "role_id": record.data["id"],
        "session_name": name,
        "arn": f"arn:aws:sts::{account}:assumed-role/{role}/{name}",
        "policies": [],
        "tags": {},
        "keys": {},
        "secret": new_secret(),
        "token": secrets.token_urlsafe(120),
        "expires_at": now + LASTS_S,
    }
    made = key_put(world, Record(account, GLOBAL, SESSION, new_id("ASIA"), created_at=now, data=data))
    world.scheduler.at(now + LASTS_S + RENEWED_S, lambda: key_remove(world, made))
    stamps = [datetime.fromtimestamp(t, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") for t in (now, now + LASTS_S)]
    return {
        "Code": "Success",
        "Type": "AWS-HMAC",
        "LastUpdated": stamps[0],
        "AccessKeyId": made.id,
        "SecretAccessKey": data["secret"],
        "Token": data["token"],
        "Expiration": stamps[1],
    }
