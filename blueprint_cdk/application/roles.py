"""Roles of the pipeline: one for each function, and what most of them may do."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from blueprint_cdk.constructs.keys import log_group_arn
from blueprint_cdk.constructs.service_roles import own_service


def service_role(
    scope: Construct,
    id: str,
    service: str,
    description: str,
    statements: Sequence[iam.PolicyStatement],
) -> iam.Role:
    """A role that one AWS service takes in this account, and its policy."""
    return _role(scope, id, own_service(scope, service), description, statements)


def action_role(
    scope: Construct,
    id: str,
    pipeline: iam.Role,
    description: str,
    statements: Sequence[iam.PolicyStatement],
) -> iam.Role:
    """A role that the pipeline takes for the actions of one kind; the pipeline may take it, and nobody else."""
    role = _role(scope, id, iam.ArnPrincipal(pipeline.role_arn), description, statements)
    pipeline.add_to_policy(iam.PolicyStatement(sid=id, actions=["sts:AssumeRole"], resources=[role.role_arn]))
    return role


def policy_of(role: iam.Role) -> Construct:
    """The role's policy: what starts with the role must not start before the role may do anything."""
    return role.node.find_child("DefaultPolicy")  # type: ignore[return-value]


def _role(
    scope: Construct,
    id: str,
    principal: iam.IPrincipal,
    description: str,
    statements: Sequence[iam.PolicyStatement],
) -> iam.Role:
    role = iam.Role(scope, id, assumed_by=principal, description=description)
    for statement in statements:
        role.add_to_policy(statement)
    return role


def artifacts(bucket: s3.Bucket, key: kms.Key, *, writes: bool) -> list[iam.PolicyStatement]:
    """Reading what passes between stages, or writing it too."""
    objects = ["s3:GetObject", "s3:GetObjectVersion", *(["s3:PutObject"] if writes else [])]
    return [
        iam.PolicyStatement(
            sid="Artifacts", actions=["s3:GetBucketVersioning"], resources=[bucket.bucket_arn]
        ),
        iam.PolicyStatement(sid="Objects", actions=objects, resources=[bucket.arn_for_objects("*")]),
        iam.PolicyStatement(
            sid="ArtifactsKey",
            actions=["kms:Decrypt", *(["kms:GenerateDataKey"] if writes else [])],
            resources=[key.key_arn],
        ),
    ]


def writes_to(scope: Construct, group: str, sid: str = "Log") -> iam.PolicyStatement:
    """Writing into the streams of one log group."""
    actions = ["logs:CreateLogStream", "logs:PutLogEvents"]
    return iam.PolicyStatement(sid=sid, actions=actions, resources=[f"{log_group_arn(scope, group)}:*"])
