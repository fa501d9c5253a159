"""What a program of an account finds around it: its region, the sandbox as AWS, names, trust; nothing of the host."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.application import hosting
from sandbox.iam import sight
from sandbox.store import Record

if TYPE_CHECKING:
    from sandbox.context import Context

RESOLVER = Path(__file__).parent / "resolver"
INSTANCE_PATH = "/_sandbox/instance"


def variables(ctx: Context, home: Path, role: str) -> dict[str, str]:
    """Environment variables of a program with the rights of an IAM role ("" : none)."""
    here = hosting.of(ctx.world)
    given = {
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
        # A real instance has its names from the VPC's resolver; a process here by this module.
        "PYTHONPATH": str(RESOLVER),
        "SANDBOX_NAMESERVER": here.nameserver,
        "SSL_CERT_FILE": str(here.authority.ensure().absolute()),
        "AWS_REGION": ctx.region,
        "AWS_DEFAULT_REGION": ctx.region,
        "AWS_ENDPOINT_URL": ctx.world.base_url,
    }
    if role:
        token = secrets.token_urlsafe(24)
        here.instances[token] = (ctx.account, ctx.region, role)
        given["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = f"{ctx.world.base_url}{INSTANCE_PATH}/{token}/"
    else:
        given["AWS_EC2_METADATA_DISABLED"] = "true"
    return given


def role_of_profile(ctx: Context, profile: str) -> str:
    """The role in an instance profile (name or ARN); "" where there is none."""
    record: Record | None = None
    if profile.startswith("arn:"):
        record = sight.by_arn(ctx.world, profile)
    elif profile:
        record = sight.get(ctx.world, ctx.account, "AWS::IAM::InstanceProfile", profile)
    roles = record.properties.get("Roles") or [] if record else []
    return str(roles[0]) if roles else ""
