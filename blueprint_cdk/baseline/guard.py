"""What watches over an account, made once and never changed: the trail, two locked buckets, the groups of people.

The portal's deployer may create this stack and nothing after that (access/portal.py): whoever takes the portal over can
neither stop the trail, nor touch what was recorded, nor give a group more. A change is a person's, with rights of
their own.
"""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_cloudtrail as cloudtrail
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from blueprint_cdk.aws_roles import aws_roles
from blueprint_cdk.baseline_spec import BaselineSpec
from blueprint_cdk.stacks import synthesizer

STACK_NAME = "switchyard-guard"
ROLE_NAME = "SwitchyardGuard"
TRAIL_NAME = "switchyard"
AWS_ROLES = tuple(role.key for role in aws_roles())
"""AWS roles that environments have, each an IAM role whose name ends so; a group of people for each."""
PEOPLE_PATH = "/people/"
WITHOUT_MFA = (
    "iam:ChangePassword",
    "iam:CreateVirtualMFADevice",
    "iam:EnableMFADevice",
    "iam:GetAccountPasswordPolicy",
    "iam:GetUser",
    "iam:ListMFADevices",
    "iam:ListVirtualMFADevices",
    "iam:ResyncMFADevice",
    "sts:GetSessionToken",
)
"""All that a person may do before the second factor: without ChangePassword the first sign-in would be the last one."""
OWN_CREDENTIALS = (
    "iam:ChangePassword",
    "iam:CreateVirtualMFADevice",
    "iam:DeactivateMFADevice",
    "iam:DeleteVirtualMFADevice",
    "iam:EnableMFADevice",
    "iam:GetUser",
    "iam:ListMFADevices",
    "iam:ResyncMFADevice",
)


class GuardStack(cdk.Stack):
    """Deployed in the account's home region with a role of its own, SwitchyardGuard."""

    def __init__(self, scope: Construct, spec: BaselineSpec) -> None:
        super().__init__(
            scope,
            STACK_NAME,
            stack_name=STACK_NAME,
            description=f"Switchyard baseline of {spec.account_id}: trail, locked buckets, groups",
            env=cdk.Environment(account=spec.account_id, region=spec.region),
            synthesizer=synthesizer(
                spec.account_id,
                spec.region,
                spec.qualifier,
                execution_role=f"arn:aws:iam::{spec.account_id}:role/{ROLE_NAME}",
            ),
            termination_protection=True,
        )
        place = f"{spec.account_id}-{spec.region}"
        audit = LockedBucket(self, "Audit", name=f"switchyard-audit-{place}", days=spec.retention_days)
        Trail(self, "Trail", bucket_name=f"switchyard-trail-{place}", watched=audit.bucket, spec=spec)
        People(self, "People")
        cdk.CfnOutput(
            self,
            "AuditBucket",
            value=audit.bucket.bucket_name,
            description="What the portal's audit is kept in",
        )


class LockedBucket(Construct):
    """A bucket whose objects nobody deletes or writes over for `days`, the account's root user included.

    SSE-S3 on purpose: with a key of ours, whoever may disable the key could take the records away after all.
    """

    def __init__(self, scope: Construct, id: str, *, name: str, days: int) -> None:
        super().__init__(scope, id)
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
            object_lock_enabled=True,
            object_lock_default_retention=s3.ObjectLockRetention.compliance(cdk.Duration.days(days)),
            # S3 deletes no bucket with something in it. Retain would also keep what a failed creation has made, and
            # stand in the way of the next one.
            removal_policy=cdk.RemovalPolicy.DESTROY,
            lifecycle_rules=[
                s3.LifecycleRule(
                    id="archive",
                    transitions=[
                        s3.Transition(
                            storage_class=s3.StorageClass.GLACIER, transition_after=cdk.Duration.days(180)
                        )
                    ],
                    abort_incomplete_multipart_upload_after=cdk.Duration.days(7),
                )
            ],
        )
        resource = self.bucket.node.default_child
        assert isinstance(resource, s3.CfnBucket)
        resource.cfn_options.update_replace_policy = cdk.CfnDeletionPolicy.RETAIN


class Trail(Construct):
    """Management events of all regions, and every touch of an object of `watched`, into a locked bucket."""

    def __init__(
        self, scope: Construct, id: str, *, bucket_name: str, watched: s3.IBucket, spec: BaselineSpec
    ) -> None:
        super().__init__(scope, id)
        bucket = LockedBucket(self, "Log", name=bucket_name, days=spec.retention_days).bucket
        stack = cdk.Stack.of(self)
        arn = f"arn:{stack.partition}:cloudtrail:{stack.region}:{stack.account}:trail/{TRAIL_NAME}"
        for sid, action, resource, conditions in (
            ("TrailLooks", "s3:GetBucketAcl", bucket.bucket_arn, {}),
            (
                "TrailWrites",
                "s3:PutObject",
                bucket.arn_for_objects(f"AWSLogs/{stack.account}/*"),
                {"s3:x-amz-acl": "bucket-owner-full-control"},
            ),
        ):
            bucket.add_to_resource_policy(
                iam.PolicyStatement(
                    sid=sid,
                    principals=[iam.ServicePrincipal("cloudtrail.amazonaws.com")],
                    actions=[action],
                    resources=[resource],
                    conditions={"StringEquals": {"aws:SourceArn": arn, **conditions}},
                )
            )
        trail = cloudtrail.CfnTrail(
            self,
            "Trail",
            trail_name=TRAIL_NAME,
            s3_bucket_name=bucket.bucket_name,
            is_logging=True,
            is_multi_region_trail=True,
            include_global_service_events=True,
            enable_log_file_validation=True,
            advanced_event_selectors=[
                _selector("Management events", eventCategory=["Management"]),
                _selector(
                    "Objects of the audit",
                    eventCategory=["Data"],
                    **{"resources.type": ["AWS::S3::Object"]},
                    starts={"resources.ARN": [watched.arn_for_objects("")]},
                ),
            ],
        )
        assert bucket.policy is not None
        trail.node.add_dependency(bucket.policy)


def _selector(
    name: str, *, starts: dict[str, list[str]] | None = None, **equal: list[str]
) -> cloudtrail.CfnTrail.AdvancedEventSelectorProperty:
    field = cloudtrail.CfnTrail.AdvancedFieldSelectorProperty
    rows = [field(field=key, equal_to=value) for key, value in equal.items()]
    rows += [field(field=key, starts_with=value) for key, value in (starts or {}).items()]
    return cloudtrail.CfnTrail.AdvancedEventSelectorProperty(name=name, field_selectors=rows)


class People(Construct):
    """A group for each AWS role. Its members take that role in environments, with MFA and under their own name."""

    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(scope, id)
        stack = cdk.Stack.of(self)
        self._iam = f"arn:{stack.partition}:iam::{stack.account}"
        own = iam.CfnManagedPolicy(
            self,
            "Own",
            managed_policy_name="switchyard-own-credentials",
            description="Own password and MFA device; nothing else before the second factor",
            policy_document=_document(*self._own_credentials()),
        )
        for role in AWS_ROLES:
            iam.CfnGroup(
                self,
                role,
                group_name=f"switchyard-{role}",
                managed_policy_arns=[own.ref],
                policies=[
                    iam.CfnGroup.PolicyProperty(
                        policy_name="assume", policy_document=_document(self._assume(role))
                    )
                ],
            )

    def _own_credentials(self) -> list[dict[str, Any]]:
        own = [f"{self._iam}:user{PEOPLE_PATH}${{aws:username}}", f"{self._iam}:mfa/${{aws:username}}"]
        return [
            {"Sid": "Own", "Effect": "Allow", "Action": list(OWN_CREDENTIALS), "Resource": own},
            {
                "Sid": "Look",
                "Effect": "Allow",
                "Action": ["iam:GetAccountPasswordPolicy", "iam:ListVirtualMFADevices"],
                "Resource": "*",
            },
            {
                "Sid": "NothingElseWithoutMfa",
                "Effect": "Deny",
                "NotAction": list(WITHOUT_MFA),
                "Resource": "*",
                "Condition": {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}},
            },
        ]

    def _assume(self, role: str) -> dict[str, Any]:
        return {
            "Sid": "WithMfaAndUnderOnesOwnName",
            "Effect": "Allow",
            "Action": ["sts:AssumeRole", "sts:SetSourceIdentity"],
            "Resource": f"{self._iam}:role/sy-*-{role}",
            "Condition": {
                "Bool": {"aws:MultiFactorAuthPresent": "true"},
                "StringEquals": {"sts:SourceIdentity": "${aws:username}"},
            },
        }


def _document(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}
