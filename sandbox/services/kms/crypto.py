"""Encryption with a key: AES-GCM, the encryption context is authenticated; and grants."""

from __future__ import annotations

import base64
import json
import os
import uuid
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import operation
from sandbox.services.kms import keys, multi_region
from sandbox.services.kms.operations import ALGORITHM, page
from sandbox.store import Record

SIZES = {"AES_128": 16, "AES_256": 32}
SEPARATOR = b"\0"


def _bytes(value: Any) -> bytes:
    return value.encode() if isinstance(value, str) else bytes(value)


def _bound(context: dict[str, str] | None) -> bytes:
    return json.dumps(context or {}, sort_keys=True).encode()


def seal(record: Record, plaintext: bytes, context: dict[str, str] | None = None) -> bytes:
    """Ciphertext that names its key. The multi-Region replicas of a key read it too."""
    nonce = os.urandom(12)
    cipher = AESGCM(base64.b64decode(record.data["material"]))
    return record.id.encode() + SEPARATOR + nonce + cipher.encrypt(nonce, plaintext, _bound(context))


def open_sealed(ctx: Context, blob: bytes, context: dict[str, str] | None = None) -> tuple[Record, bytes]:
    """The key that a ciphertext names and the plaintext. Raises InvalidCiphertextException, or as `usable`."""
    id, separator, rest = blob.partition(SEPARATOR)
    record = keys.anywhere(ctx, id.decode("ascii", "replace")) if separator else None
    if record is None:
        raise AwsError("InvalidCiphertextException", "")
    keys.refuse_unusable(record)
    for material in (record.data["material"], *reversed(record.data.get("old", ()))):
        try:
            cipher = AESGCM(base64.b64decode(material))
            return record, cipher.decrypt(rest[:12], rest[12:], _bound(context))
        except (InvalidTag, ValueError):
            continue  # encrypted before a rotation, or by another key
    raise AwsError("InvalidCiphertextException", "")


@operation("kms", "Encrypt")
def encrypt(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = keys.usable(ctx, params["KeyId"])
    blob = seal(record, _bytes(params["Plaintext"]), params.get("EncryptionContext"))
    return {"CiphertextBlob": blob, "KeyId": record.arn, "EncryptionAlgorithm": ALGORITHM}


@operation("kms", "Decrypt")
def decrypt(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record, plain = open_sealed(ctx, _bytes(params["CiphertextBlob"]), params.get("EncryptionContext"))
    if params.get("KeyId") and keys.find(ctx, params["KeyId"]) is not record:
        text = "The key ID in the request does not identify a CMK that can perform this operation."
        raise AwsError("IncorrectKeyException", text)
    return {"KeyId": record.arn, "Plaintext": plain, "EncryptionAlgorithm": ALGORITHM}


@operation("kms", "ReEncrypt")
def re_encrypt(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    blob = _bytes(params["CiphertextBlob"])
    source, plain = open_sealed(ctx, blob, params.get("SourceEncryptionContext"))
    target = keys.usable(ctx, params["DestinationKeyId"])
    return {
        "CiphertextBlob": seal(target, plain, params.get("DestinationEncryptionContext")),
        "SourceKeyId": source.arn,
        "KeyId": target.arn,
        "SourceEncryptionAlgorithm": ALGORITHM,
        "DestinationEncryptionAlgorithm": ALGORITHM,
    }


@operation("kms", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext")
def generate_data_key(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = keys.usable(ctx, params["KeyId"])
    size = params.get("NumberOfBytes") or SIZES.get(params.get("KeySpec", ""))
    if not size:
        raise AwsError("ValidationException", "Please specify either number of bytes or key spec.")
    plain = os.urandom(int(size))
    answer = {"CiphertextBlob": seal(record, plain, params.get("EncryptionContext")), "KeyId": record.arn}
    if ctx.operation == "GenerateDataKey":
        answer["Plaintext"] = plain
    return answer


@operation("kms", "GenerateRandom")
def generate_random(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    return {"Plaintext": os.urandom(int(params.get("NumberOfBytes") or 32))}


# -- grants: recorded and listed; the permission decision does not read them


@operation("kms", "CreateGrant")
def create_grant(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = keys.usable(ctx, params["KeyId"])
    names = ("Name", "GranteePrincipal", "RetiringPrincipal", "Operations", "Constraints")
    grant = {n: params[n] for n in names if n in params}
    grant.update(
        GrantId=uuid.uuid4().hex * 2, CreationDate=ctx.now, IssuingAccount=ctx.account, KeyId=record.arn
    )
    record.data.setdefault("grants", []).append(grant)
    ctx.store.put(record)
    return {"GrantId": grant["GrantId"], "GrantToken": base64.b64encode(grant["GrantId"].encode()).decode()}


@operation("kms", "ListGrants")
def list_grants(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = keys.find(ctx, params["KeyId"], aliases=False)
    return page(record.data.get("grants", []), params, "Grants", 50)


@operation("kms", "RetireGrant")
def retire_grant(ctx: Context, params: dict[str, Any]) -> None:
    id = params.get("GrantId")
    if params.get("GrantToken"):
        id = base64.b64decode(params["GrantToken"]).decode("ascii", "replace")
    elif not params.get("KeyId") or not id:
        raise AwsError("ValidationException", "Either GrantToken, or KeyId and GrantId must be specified.")
    for type_name in (multi_region.KEY, multi_region.REPLICA):
        for record in ctx.store.list(ctx.account, ctx.region, type_name):
            kept = [g for g in record.data.get("grants", ()) if g["GrantId"] != id]
            if len(kept) < len(record.data.get("grants", ())):
                record.data["grants"] = kept
                ctx.store.put(record)
                return
    raise AwsError("NotFoundException", f"Grant ID {id} not found")


@operation("kms", "ListRetirableGrants")
def list_retirable_grants(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    found = [
        grant
        for type_name in (multi_region.KEY, multi_region.REPLICA)
        for record in ctx.store.list(ctx.account, ctx.region, type_name)
        for grant in record.data.get("grants", ())
        if grant.get("RetiringPrincipal") == params.get("RetiringPrincipal")
    ]
    return page(found, params, "Grants", 50)


@operation("kms", "RevokeGrant")
def revoke_grant(ctx: Context, params: dict[str, Any]) -> None:
    record = keys.find(ctx, params["KeyId"], aliases=False)
    grants = record.data.get("grants", [])
    kept = [g for g in grants if g["GrantId"] != params["GrantId"]]
    if len(kept) == len(grants):
        raise AwsError("NotFoundException", f"Grant ID {params['GrantId']} not found")
    record.data["grants"] = kept
    ctx.store.put(record)
