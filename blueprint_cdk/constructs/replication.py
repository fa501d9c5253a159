"""Replication of a bucket to another region."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from blueprint_cdk.constructs.service_roles import service_role
from blueprint_cdk.constructs.storage import DataBucket


class Replication(Construct):
    """New objects of a bucket, and what becomes of them, go to a bucket of another region.

    Both ways, each bucket with a rule of its own: whichever region is active, the other follows. Delete markers are
    replicated too, or a file that a user has deleted would be back after a failover; the versions below stay on both
    sides as long as the buckets' lifecycles say. Lifecycles are each bucket's own: S3 replicates none of their deeds.
    What was there before the rule is not copied: see Backfill.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        what: str,
        source: DataBucket,
        source_name: str,
        source_key_arn: str,
        to_region: str,
        to_bucket: str,
        to_key_arn: str,
        condition: cdk.CfnCondition | None = None,
    ) -> None:
        """what: what is in the bucket, in a word. condition: on which it is done, always where there is none."""
        super().__init__(scope, id)
        stack = cdk.Stack.of(self)
        # By name: the bucket waits for the role, so the role cannot wait for the bucket.
        source_arn, to_arn = (f"arn:{stack.partition}:s3:::{name}" for name in (source_name, to_bucket))
        role, policy = service_role(
            self,
            "s3.amazonaws.com",
            f"Replicates {what} to the other region",
            statements=[
                iam.PolicyStatement(
                    sid="Source",
                    actions=["s3:GetReplicationConfiguration", "s3:ListBucket"],
                    resources=[source_arn],
                ),
                iam.PolicyStatement(
                    sid="Read",
                    actions=[
                        "s3:GetObjectVersionForReplication",
                        "s3:GetObjectVersionAcl",
                        "s3:GetObjectVersionTagging",
                    ],
                    resources=[f"{source_arn}/*"],
                ),
                iam.PolicyStatement(
                    sid="Write",
                    actions=["s3:ReplicateObject", "s3:ReplicateDelete", "s3:ReplicateTags"],
                    resources=[f"{to_arn}/*"],
                ),
                _use_of_key("Open", ["kms:Decrypt"], source_key_arn, stack.region),
                # The buckets have bucket keys: S3 opens the one there before it seals a copy with it (S3 user guide,
                # "Using an S3 Bucket Key with replication").
                _use_of_key("Seal", ["kms:Decrypt", "kms:Encrypt"], to_key_arn, to_region),
            ],
        )
        configuration = {
            "Role": role.role_arn,
            "Rules": [
                {
                    "Id": "other-region",
                    "Priority": 1,
                    "Status": "Enabled",
                    "Filter": {"Prefix": ""},
                    "DeleteMarkerReplication": {"Status": "Enabled"},
                    "SourceSelectionCriteria": {
                        "SseKmsEncryptedObjects": {"Status": "Enabled"},
                        # Changes of tags and metadata of a copy go back to where it came from.
                        "ReplicaModifications": {"Status": "Enabled"},
                    },
                    "Destination": {
                        "Bucket": to_arn,
                        "EncryptionConfiguration": {"ReplicaKmsKeyID": to_key_arn},
                        "Metrics": {"Status": "Enabled"},
                    },
                }
            ],
        }
        source.resource.add_property_override(
            "ReplicationConfiguration",
            cdk.Fn.condition_if(condition.logical_id, configuration, cdk.Aws.NO_VALUE)
            if condition
            else configuration,
        )
        # S3 tries the role when the rule is set.
        source.resource.node.add_dependency(policy)


class Backfill(Construct):
    """The role that S3 Batch Replication copies with what was in a bucket before its rule, when somebody makes a job.

    Which rights it needs: S3 user guide, "Configuring an IAM role for S3 Batch Replication", for a list that S3 makes
    and does not keep. The copying itself the rule's own role does.
    """

    def __init__(self, scope: Construct, id: str, *, what: str, name: str, source_name: str) -> None:
        """what: what is in the bucket, in a word. name: the role's; who makes a job may pass roles of such a name."""
        super().__init__(scope, id)
        stack = cdk.Stack.of(self)
        source_arn = f"arn:{stack.partition}:s3:::{source_name}"
        self.role = iam.Role(
            self,
            "Role",
            role_name=name,
            assumed_by=iam.ServicePrincipal("batchoperations.s3.amazonaws.com"),
            description=f"Has {what} of before the standby copied to the other region",
            inline_policies={
                "Backfill": iam.PolicyDocument(
                    statements=[
                        iam.PolicyStatement(
                            sid="List",
                            actions=["s3:GetReplicationConfiguration", "s3:PutInventoryConfiguration"],
                            resources=[source_arn],
                        ),
                        iam.PolicyStatement(
                            sid="Begin", actions=["s3:InitiateReplication"], resources=[f"{source_arn}/*"]
                        ),
                    ]
                )
            },
        )


def _use_of_key(sid: str, actions: list[str], key_arn: str, region: str) -> iam.PolicyStatement:
    """A use of a key, by S3 of its region alone."""
    return iam.PolicyStatement(
        sid=sid,
        actions=actions,
        resources=[key_arn],
        conditions={"StringEquals": {"kms:ViaService": f"s3.{region}.amazonaws.com"}},
    )
