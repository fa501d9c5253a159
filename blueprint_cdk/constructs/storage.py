"""Buckets: what users upload, and logs; and what becomes of objects that nobody has touched for six months.

The buckets of a standby's region are made by the same constructs, so what is archived here is archived there.
"""

from __future__ import annotations

from collections.abc import Mapping

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

ARCHIVE_AFTER_DAYS = 180
"""The scenario's archival strategy: what is older than six months, or was not touched for as long."""

DEEP_ARCHIVE_AFTER_DAYS = 365
"""Another half year later. Glacier bills 90 days at least: what goes on before that is paid for twice."""

LOAD_BALANCER_PREFIX = "load-balancer"

_INCOMPLETE_DAYS = 7


def archived(keep_days: int | None = None) -> list[s3.Transition]:
    """Glacier, then Deep Archive, by age: for objects that are written once, such as logs and exports.

    keep_days: when they expire; what would be gone before it is archived is not.
    """
    steps = (
        (s3.StorageClass.GLACIER, ARCHIVE_AFTER_DAYS),
        (s3.StorageClass.DEEP_ARCHIVE, DEEP_ARCHIVE_AFTER_DAYS),
    )
    return [
        s3.Transition(storage_class=storage, transition_after=cdk.Duration.days(days))
        for storage, days in steps
        if keep_days is None or days < keep_days
    ]


def tidied(noncurrent_days: int) -> s3.LifecycleRule:
    """Old versions, markers of deletions with nothing behind them, and uploads that were never completed go."""
    return s3.LifecycleRule(
        id="tidy",
        noncurrent_version_expiration=cdk.Duration.days(noncurrent_days),
        abort_incomplete_multipart_upload_after=cdk.Duration.days(_INCOMPLETE_DAYS),
        expired_object_delete_marker=True,
    )


class LogsBucket(Construct):
    """Where the load balancer and S3 write their access logs: archived as long as they are kept, then gone.

    SSE-S3, for load balancers can write to no other (https://docs.aws.amazon.com/elasticloadbalancing/latest/application/enable-access-logging.html).
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        name: str,
        elb_account_id: str | None,
        keep_days: int,
        also_of: Mapping[str, str],
    ) -> None:
        """also_of: names of buckets in stacks that may come later, by the prefix that their access logs get.

        They are told here and at all times: the policy of this bucket is one resource, and a module that is turned
        on must not need it changed.
        """
        super().__init__(scope, id)
        stack = cdk.Stack.of(self)
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            bucket_name=name,
            encryption=s3.BucketEncryption.S3_MANAGED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            versioned=True,
            removal_policy=cdk.RemovalPolicy.DESTROY,
            lifecycle_rules=[
                s3.LifecycleRule(
                    id="expire",
                    transitions=archived(keep_days) or None,
                    expiration=cdk.Duration.days(keep_days),
                ),
                tidied(7),
            ],
        )
        writer: iam.IPrincipal = iam.ServicePrincipal("logdelivery.elasticloadbalancing.amazonaws.com")
        if elb_account_id:
            writer = iam.AccountPrincipal(elb_account_id)
        self.bucket.add_to_resource_policy(
            iam.PolicyStatement(
                sid="LoadBalancerLogs",
                principals=[writer],
                actions=["s3:PutObject"],
                resources=[self.bucket.arn_for_objects(f"{LOAD_BALANCER_PREFIX}/AWSLogs/{stack.account}/*")],
            )
        )
        for prefix, source in also_of.items():
            self.bucket.add_to_resource_policy(
                iam.PolicyStatement(
                    principals=[iam.ServicePrincipal("logging.s3.amazonaws.com")],
                    actions=["s3:PutObject"],
                    resources=[self.bucket.arn_for_objects(f"{prefix}/*")],
                    conditions={
                        "ArnLike": {"aws:SourceArn": f"arn:{stack.partition}:s3:::{source}"},
                        "StringEquals": {"aws:SourceAccount": stack.account},
                    },
                )
            )


class DataBucket(Construct):
    """A bucket of the environment's data: closed, versioned, encrypted with its key, its access logged.

    `rules` say how long what is in it is kept, and where.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        name: str,
        key: kms.IKey,
        logs: s3.IBucket,
        logs_prefix: str,
        rules: list[s3.LifecycleRule],
        tiers: list[s3.IntelligentTieringConfiguration] | None = None,
    ) -> None:
        super().__init__(scope, id)
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            bucket_name=name,
            encryption=s3.BucketEncryption.KMS,
            encryption_key=key,
            bucket_key_enabled=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            versioned=True,
            server_access_logs_bucket=logs,
            server_access_logs_prefix=logs_prefix,
            # A full bucket is never deleted by CloudFormation: the portal's teardown empties it, after asking.
            removal_policy=cdk.RemovalPolicy.DESTROY,
            lifecycle_rules=rules,
            intelligent_tiering_configurations=tiers,
        )
        # Replaced buckets would lose data; the policy of deletion (empty only) is S3's own.
        resource = self.bucket.node.default_child
        assert isinstance(resource, s3.CfnBucket)
        resource.cfn_options.update_replace_policy = cdk.CfnDeletionPolicy.RETAIN
        self.resource = resource


class UploadsBucket(DataBucket):
    """What users upload. Archived by use and not by age: a picture that is seen every day stays at hand.

    Intelligent-Tiering watches each object; the archive tiers are asked for, they are not on by themselves. An archived
    object is restored by RestoreObject before it can be read (hours).
    """

    def __init__(self, scope: Construct, id: str, *, name: str, key: kms.IKey, logs: s3.IBucket) -> None:
        super().__init__(
            scope,
            id,
            name=name,
            key=key,
            logs=logs,
            logs_prefix="uploads/",
            rules=[
                s3.LifecycleRule(
                    id="tier",
                    transitions=[
                        s3.Transition(
                            storage_class=s3.StorageClass.INTELLIGENT_TIERING,
                            transition_after=cdk.Duration.days(0),
                        )
                    ],
                ),
                tidied(90),
            ],
            tiers=[
                s3.IntelligentTieringConfiguration(
                    name="inactive",
                    archive_access_tier_time=cdk.Duration.days(ARCHIVE_AFTER_DAYS),
                    deep_archive_access_tier_time=cdk.Duration.days(DEEP_ARCHIVE_AFTER_DAYS),
                )
            ],
        )

    def tells_of_changes(self) -> None:
        """Have EventBridge told of new and deleted objects. AWS Backup turns it on where it is not: that were drift."""
        self.resource.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
            event_bridge_configuration=s3.CfnBucket.EventBridgeConfigurationProperty(
                event_bridge_enabled=True
            )
        )
