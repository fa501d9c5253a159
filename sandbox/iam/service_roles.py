"""A service that acts with a role that it was given: Firehose that writes a bucket, Athena's readers.

Source: IAM user guide, "Create a role to delegate permissions to an AWS service".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.context import Context, Principal
from sandbox.errors import AwsError
from sandbox.iam import sight
from sandbox.iam.authorize import demand
from sandbox.iam.keys import request_keys
from sandbox.iam.principals import MFA_PRESENT

if TYPE_CHECKING:
    from sandbox.world import World


def acting(world: World, role_arn: str, region: str, session: str) -> Context:
    """The context of a service that has taken the role. Raises AccessDenied where there is no such role."""
    role = sight.by_arn(world, role_arn)
    if role is None or role.type != "AWS::IAM::Role":
        raise AwsError("AccessDenied", f"{session} is unable to assume the role {role_arn}.", 403)
    principal = Principal(
        role.account,
        f"arn:aws:sts::{role.account}:assumed-role/{role.id}/{session}",
        f"{role.data['id']}:{session}",
        "role",
        role,
        tags=role.tags,
        keys={MFA_PRESENT: "false"},
        issued_at=world.scheduler.now(),
    )
    return world.context(role.account, region, principal=principal)


def need(ctx: Context, action: str, *resources: str, via: str = "") -> None:
    """Raise AccessDenied unless the context's principal may do it. via: the service by which a key is used ("s3")."""
    keys = request_keys(ctx, {})
    if via:
        keys["kms:ViaService"] = f"{via}.{ctx.region}.amazonaws.com"
    for resource in resources:
        demand(ctx, action, resource, keys, action.partition(":")[0])
