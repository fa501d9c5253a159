"""Global tables: of one region from the start, with the stream that replicas need, so that a standby adds a replica to
each and replaces nothing. Table name and keys can never be changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct


class TableReplica(NamedTuple):
    """Where a standby's replica of a table is, the key that seals it there, and when both can be."""

    region: str
    key_arn: str
    condition: cdk.CfnCondition


def global_table(
    scope: Construct,
    id: str,
    *,
    name: str,
    partition: str,
    sort: str,
    ttl: str,
    key_arn: str,
    deletion_protection: bool,
    tags: Mapping[str, str],
    replica: TableReplica | None = None,
) -> dynamodb.CfnGlobalTable:
    """The table: both of its keys are strings, and items go when `ttl` says so. Tags are a replica's own, where CDK
    does not put the stack's.
    """
    kinds = dynamodb.CfnGlobalTable
    home = kinds.ReplicaSpecificationProperty(
        region=cdk.Stack.of(scope).region,
        deletion_protection_enabled=deletion_protection,
        point_in_time_recovery_specification=kinds.PointInTimeRecoverySpecificationProperty(
            point_in_time_recovery_enabled=True
        ),
        sse_specification=kinds.ReplicaSSESpecificationProperty(kms_master_key_id=key_arn),
        tags=[cdk.CfnTag(key=key, value=value) for key, value in sorted(tags.items())],
    )
    replicas: list[Any] = [home, _standing_by(replica, tags)] if replica else [home]
    table = kinds(
        scope,
        id,
        table_name=name,
        billing_mode="PAY_PER_REQUEST",
        attribute_definitions=[
            kinds.AttributeDefinitionProperty(attribute_name=key, attribute_type="S")
            for key in (partition, sort)
        ],
        key_schema=[
            kinds.KeySchemaProperty(attribute_name=partition, key_type="HASH"),
            kinds.KeySchemaProperty(attribute_name=sort, key_type="RANGE"),
        ],
        stream_specification=kinds.StreamSpecificationProperty(stream_view_type="NEW_AND_OLD_IMAGES"),
        time_to_live_specification=kinds.TimeToLiveSpecificationProperty(enabled=True, attribute_name=ttl),
        sse_specification=kinds.SSESpecificationProperty(sse_enabled=True, sse_type="KMS"),
        replicas=replicas,
    )
    table.apply_removal_policy(cdk.RemovalPolicy.DESTROY, apply_to_update_replace_policy=False)
    table.cfn_options.update_replace_policy = cdk.CfnDeletionPolicy.RETAIN
    return table


def _standing_by(replica: TableReplica, tags: Mapping[str, str]) -> cdk.IResolvable:
    """The replica of the other region, once its key is there.

    Not protected from deletion: it goes with the standby, and all of its items are at home, which is protected.
    """
    specification = {
        "Region": replica.region,
        "DeletionProtectionEnabled": False,
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
        "SSESpecification": {"KMSMasterKeyId": replica.key_arn},
        "Tags": [{"Key": key, "Value": value} for key, value in sorted(tags.items())],
    }
    return cdk.Fn.condition_if(replica.condition.logical_id, specification, cdk.Aws.NO_VALUE)
