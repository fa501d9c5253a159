"""Buckets: what users upload, and logs."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

ARCHIVE_AFTER_DAYS = 180
"""The scenario's archival strategy: objects inactive for more than six months."""

LOAD_BALANCER_PREFIX = "load-balancer"


class LogsBucket(Construct):
    """Where the load balancer and S3 write their access logs.

    SSE-S3, for load balancers can write to no other (https://docs.aws.amazon.com/elasticloadbalancing/latest/application/enable-access-logging.html).
    """

    def __init__(
        self, scope: Construct, id: str, *, name: str, elb_account_id: str | None, keep_days: int
    ) -> None:
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
                    expiration=cdk.Duration.days(keep_days),
                    noncurrent_version_expiration=cdk.Duration.days(7),
                    abort_incomplete_multipart_upload_after=cdk.Duration.days(7),
                )
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


class UploadsBucket(Construct):
    """What users upload: versioned, encrypted with the environment's key, archived after six months."""

    def __init__(self, scope: Construct, id: str, *, name: str, key: kms.IKey, logs: s3.IBucket) -> None:
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
            server_access_logs_prefix="uploads/",
            # A full bucket is never deleted by CloudFormation: the portal's teardown empties it, after asking.
            removal_policy=cdk.RemovalPolicy.DESTROY,
            lifecycle_rules=[
                s3.LifecycleRule(
                    id="archive",
                    transitions=[
                        s3.Transition(
                            storage_class=s3.StorageClass.GLACIER,
                            transition_after=cdk.Duration.days(ARCHIVE_AFTER_DAYS),
                        )
                    ],
                    noncurrent_version_expiration=cdk.Duration.days(90),
                    abort_incomplete_multipart_upload_after=cdk.Duration.days(7),
                )
            ],
        )
        # Replaced buckets would lose data; the policy of deletion (empty only) is S3's own.
        resource = self.bucket.node.default_child
        assert isinstance(resource, s3.CfnBucket)
        resource.cfn_options.update_replace_policy = cdk.CfnDeletionPolicy.RETAIN
