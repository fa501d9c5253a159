"""Virtual MFA devices of users, and the codes that requests show.

Source: IAM API reference; STS API reference (SerialNumber, TokenCode); codes: RFC 6238 (SHA-1, six digits, 30 s).
"""

from __future__ import annotations

import base64
import secrets
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import operation
from sandbox.resource_types import tag_list, tags_from
from sandbox.services.iam import common, limits
from sandbox.services.iam.common import USER, entity_get
from sandbox.services.iam.entities import user_shape
from sandbox.services.iam.users import user_name
from sandbox.store import GLOBAL, Record

DEVICE = "Sandbox::IAM::VirtualMFADevice"
STEP_S = 30
SEED_BYTES = 40
_FAILED = "MultiFactorAuthentication failed"


def _step(ctx: Context, device: Record, code: str, *, after: int = 0) -> int | None:
    """The period of 30 s whose code this is: now, or one beside it, later than `after`; None: a wrong code."""
    seed = base64.b32decode(device.data["seed"])
    now = int(ctx.now) // STEP_S
    for step in (now, now - 1, now + 1):
        totp = TOTP(seed, 6, SHA1(), STEP_S)  # noqa: S303 (RFC 6238)
        if step > after and secrets.compare_digest(totp.generate(step * STEP_S), code.encode()):
            return step
    return None


def verified(ctx: Context, params: dict[str, Any]) -> bool:
    """Whether SerialNumber and TokenCode are given. Raises AccessDenied if they are not a device's of the caller, or
    not its code now; a code is good once."""
    serial, code = params.get("SerialNumber"), params.get("TokenCode")
    if not serial and not code:
        return False
    if not serial or not code:
        raise _denied("must provide both MFA serial number and one time pass code.")
    device = ctx.store.get(ctx.account, GLOBAL, DEVICE, serial)
    who = ctx.principal
    own = device is not None and who.kind == "user" and who.entity is not None
    if device is None or not own or device.data["user"] != (who.entity.id if who.entity else ""):
        raise _denied(
            "unable to validate MFA code.  Please verify your MFA serial number is valid and associated with this "
            "user."
        )
    step = _step(ctx, device, str(code), after=device.data["used"])
    if step is None:
        raise _denied("with invalid MFA one time pass code.")
    device.data["used"] = step
    ctx.store.put(device)
    return True


def _denied(text: str) -> AwsError:
    comma = "" if text.startswith("with ") else ","
    return AwsError("AccessDenied", f"{_FAILED}{comma} {text}", 403)


def _device(ctx: Context, serial: str) -> Record:
    record = ctx.store.get(ctx.account, GLOBAL, DEVICE, serial)
    if record is None:
        raise AwsError("NoSuchEntity", f"VirtualMFADevice with serial number {serial} does not exist.", 404)
    return record


@operation("iam", "CreateVirtualMFADevice")
def create_virtual_mfa_device(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    serial = f"arn:aws:iam::{ctx.account}:mfa{params.get('Path') or '/'}{params['VirtualMFADeviceName']}"
    if ctx.store.get(ctx.account, GLOBAL, DEVICE, serial) is not None:
        text = "MFADevice entity at the same path and name already exists."
        raise AwsError("EntityAlreadyExists", text, 409)
    seed = base64.b32encode(secrets.token_bytes(SEED_BYTES)).decode()
    data = {"seed": seed, "user": None, "enabled_at": None, "used": 0}
    tags = tags_from(params.get("Tags"))
    limits.check_tags("MFADevice", {}, tags)
    limits.check_name("virtualMFADeviceName", params["VirtualMFADeviceName"])
    ctx.store.put(
        Record(ctx.account, GLOBAL, DEVICE, serial, arn=serial, tags=tags, created_at=ctx.now, data=data)
    )
    return {"VirtualMFADevice": {"SerialNumber": serial, "Base32StringSeed": seed.encode()}}


@operation("iam", "EnableMFADevice")
def enable_mfa_device(ctx: Context, params: dict[str, Any]) -> None:
    user, device = entity_get(ctx, USER, params["UserName"]), _device(ctx, params["SerialNumber"])
    if device.data["user"]:
        text = f"MFA Device with serial number {device.id} is already in use."
        raise AwsError("EntityAlreadyExists", text, 409)
    devices = user.data.setdefault("mfa", [])
    limits.refuse("MFADevicesPerUser", len(devices), limits.MFA_DEVICES)
    first = _step(ctx, device, params["AuthenticationCode1"], after=int(ctx.now) // STEP_S - 3)
    second = _step(ctx, device, params["AuthenticationCode2"], after=first or 0)
    if first is None or second != first + 1:
        raise AwsError("InvalidAuthenticationCode", "Authentication code for device is not valid.", 403)
    device.data.update(user=user.id, enabled_at=ctx.now, used=second)
    devices.append({"UserName": user.id, "SerialNumber": device.id, "EnableDate": ctx.now})
    ctx.store.put(device)
    ctx.store.put(user)


@operation("iam", "DeactivateMFADevice")
def deactivate_mfa_device(ctx: Context, params: dict[str, Any]) -> None:
    user, device = entity_get(ctx, USER, user_name(ctx, params)), _device(ctx, params["SerialNumber"])
    if device.data["user"] != user.id:
        text = f"MFA Device with serial number {device.id} is not associated with user {user.id}."
        raise AwsError("NoSuchEntity", text, 404)
    device.data.update(user=None, enabled_at=None)
    user.data["mfa"] = [d for d in user.data["mfa"] if d["SerialNumber"] != device.id]
    ctx.store.put(device)
    ctx.store.put(user)


@operation("iam", "DeleteVirtualMFADevice")
def delete_virtual_mfa_device(ctx: Context, params: dict[str, Any]) -> None:
    device = _device(ctx, params["SerialNumber"])
    if device.data["user"]:
        raise AwsError("DeleteConflict", "MFA VirtualDevice in use. Must deactivate first.", 409)
    ctx.store.remove(device)


@operation("iam", "ListMFADevices")
def list_mfa_devices(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    user = entity_get(ctx, USER, user_name(ctx, params))
    return common.page(list(user.data.get("mfa") or ()), params, "MFADevices")


@operation("iam", "ListVirtualMFADevices")
def list_virtual_mfa_devices(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    wanted = params.get("AssignmentStatus") or "Any"
    found = []
    for device in ctx.store.list(ctx.account, GLOBAL, DEVICE):
        user = ctx.store.get(ctx.account, GLOBAL, USER, str(device.data["user"]))
        if wanted in ("Any", "Assigned" if user is not None else "Unassigned"):
            shown: dict[str, Any] = {"SerialNumber": device.id}
            if user is not None:
                shown |= {"User": user_shape(user), "EnableDate": device.data["enabled_at"]}
            if device.tags:
                shown["Tags"] = tag_list(device.tags)
            found.append(shown)
    return common.page(found, params, "VirtualMFADevices")
