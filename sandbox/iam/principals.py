"""Credentials and whose they are: root keys, users' keys, sessions of assumed roles."""

from __future__ import annotations

import base64
import secrets
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sandbox.context import Principal
from sandbox.errors import AwsError
from sandbox.iam import sight
from sandbox.resource_types import random_name
from sandbox.store import GLOBAL, Record

if TYPE_CHECKING:
    from sandbox.world import World

ACCOUNT = "Sandbox::Account"
ACCESS_KEY = "AWS::IAM::AccessKey"
SESSION = "Sandbox::STS::Session"
MFA_PRESENT = "aws:MultiFactorAuthPresent"
"""Only requests with temporary credentials have this key. A role's are never made with MFA: what AssumeRole answers
"does not include MFA information in the context" (IAM user guide, "Secure API access with MFA")."""


def new_id(prefix: str) -> str:
    """An IAM unique id: AKIA…, ASIA…, AROA…, AIDA… (prefix and 16 of A-Z2-7)."""
    return prefix + base64.b32encode(secrets.token_bytes(10)).decode()


def new_secret() -> str:
    return random_name(40)


def account_create(world: World, account_id: str, alias: str) -> dict[str, str]:
    """Make an account with root keys, or answer those it has. Raises ValueError with a sentence."""
    if not (account_id.isdigit() and len(account_id) == 12):
        raise ValueError("account_id must have 12 digits")
    record = world.store.get(account_id, GLOBAL, ACCOUNT, account_id)
    if record is None:
        key, secret = new_id("AKIA"), new_secret()
        data = {"alias": alias, "access_key_id": key, "secret_access_key": secret}
        record = Record(account_id, GLOBAL, ACCOUNT, account_id, created_at=world.scheduler.now(), data=data)
        world.store.put(record)
        key_data = {"kind": "root", "secret": secret, "status": "Active"}
        key_put(
            world, Record(account_id, GLOBAL, ACCESS_KEY, key, created_at=record.created_at, data=key_data)
        )
    elif alias and alias != record.data["alias"]:
        record.data["alias"] = alias
        world.store.put(record)
    names = ("access_key_id", "secret_access_key")
    return {"account_id": account_id, **{n: record.data[n] for n in names}, "alias": record.data["alias"]}


def _keys(world: World) -> dict[str, Record]:
    keys: dict[str, Record] | None = world.memory.get("access keys")
    if keys is None:
        keys = {r.id: r for t in (ACCESS_KEY, SESSION) for r in world.store.everywhere(t)}
        world.memory["access keys"] = keys
    return keys


def key_put(world: World, record: Record) -> Record:
    """Store an access key or a session, found by its access key id from now on."""
    _keys(world)[record.id] = record
    return world.store.put(record)


def key_remove(world: World, record: Record) -> None:
    _keys(world).pop(record.id, None)
    world.store.remove(record)


def _invalid() -> AwsError:
    return AwsError("InvalidClientTokenId", "The security token included in the request is invalid.", 403)


def principal_of(world: World, access_key: str, token: str | None) -> Principal:
    """Whose key this is. Raises InvalidClientTokenId or ExpiredToken as AWS does."""
    record = _keys(world).get(access_key) or sight.deleted(world, ACCESS_KEY, access_key)
    if record is None:
        raise _invalid()
    if record.type == SESSION:
        return _session(world, record, token)
    account = record.account
    if record.data["kind"] == "root":
        return Principal(account, f"arn:aws:iam::{account}:root", account, access_key=access_key)
    record = sight.get(world, account, ACCESS_KEY, access_key)
    if record is None or record.data.get("status", "Active") != "Active":
        raise _invalid()
    user = sight.get(world, account, "AWS::IAM::User", record.data["user"])
    if user is None:
        raise _invalid()
    return Principal(
        account, user.arn, user.data["id"], "user", entity=user, tags=user.tags, access_key=access_key
    )


def _session(world: World, record: Record, token: str | None) -> Principal:
    data: dict[str, Any] = record.data
    if token != data["token"]:
        raise _invalid()
    if world.scheduler.now() >= data["expires_at"]:
        raise AwsError("ExpiredToken", "The security token included in the request is expired", 403)
    if data.get("user"):  # GetSessionToken: the user or root itself, for a while
        return replace(
            principal_of(world, data["user_key"], None),
            keys=data["keys"],
            access_key=record.id,
            issued_at=record.created_at,
            mfa_at=float(data.get("mfa_at") or 0),
        )
    role = sight.get(world, record.account, "AWS::IAM::Role", data["role"])
    if role is None or role.data["id"] != data["role_id"]:
        raise _invalid()
    return Principal(
        record.account,
        data["arn"],
        f"{data['role_id']}:{data['session_name']}",
        "role",
        role,
        tuple(data["policies"]),
        {**role.tags, **data["tags"]},
        {MFA_PRESENT: "false", **data["keys"]},
        record.id,
        record.created_at,
        transitive=tuple(data.get("transitive", ())),
    )


def principal_dump(principal: Principal) -> dict[str, Any]:
    """A principal as JSON, for work that goes on after the request (a stack's operation)."""
    return {
        "account": principal.account,
        "arn": principal.arn,
        "user_id": principal.user_id,
        "kind": principal.kind,
        "entity": list(principal.entity.key) if principal.entity else None,
        "session_policies": list(principal.session_policies),
        "tags": principal.tags,
        "keys": principal.keys,
        "issued_at": principal.issued_at,
        "mfa_at": principal.mfa_at,
    }


def principal_load(world: World, data: dict[str, Any]) -> Principal:
    """The principal of `principal_dump`, with its user or role as it is now."""
    account, _, type_name, id = data["entity"] or ("", "", "", "")
    entity = sight.get(world, account, type_name, id) if account else None
    policies = tuple(data["session_policies"])
    return Principal(
        data["account"],
        data["arn"],
        data["user_id"],
        data["kind"],
        entity,
        policies,
        data["tags"],
        data["keys"],
        issued_at=float(data.get("issued_at", 0)),
        mfa_at=float(data.get("mfa_at", 0)),
    )
