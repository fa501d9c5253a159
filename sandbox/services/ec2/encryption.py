"""EBS encryption by default, a setting of the account in a region.

Source: EBS user guide, "Enable Amazon EBS encryption by default". New volumes here tell it; nothing is encrypted.
"""

from __future__ import annotations

from typing import Any

from sandbox.context import Context
from sandbox.registry import operation
from sandbox.store import Record

SETTING = "Sandbox::EC2::EbsEncryptionByDefault"


def by_default(ctx: Context) -> bool:
    """Whether new volumes are encrypted."""
    return ctx.store.get(ctx.account, ctx.region, SETTING, ctx.account) is not None


@operation("ec2", "GetEbsEncryptionByDefault")
def get_ebs_encryption_by_default(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    return {"EbsEncryptionByDefault": by_default(ctx)}


@operation("ec2", "EnableEbsEncryptionByDefault")
def enable_ebs_encryption_by_default(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    ctx.store.put(Record(ctx.account, ctx.region, SETTING, ctx.account, created_at=ctx.now))
    return {"EbsEncryptionByDefault": True}


@operation("ec2", "DisableEbsEncryptionByDefault")
def disable_ebs_encryption_by_default(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = ctx.store.get(ctx.account, ctx.region, SETTING, ctx.account)
    if record is not None:
        ctx.store.remove(record)
    return {"EbsEncryptionByDefault": False}
