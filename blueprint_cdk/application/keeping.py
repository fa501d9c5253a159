"""What an Application keeps: its key, the artifacts of its pipeline, its images."""

from __future__ import annotations

import json
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from blueprint_cdk.application_spec import ApplicationSpec
from blueprint_cdk.constructs.keys import logs_may_use
from blueprint_cdk.constructs.storage import tidied

ARTIFACT_DAYS = 180
"""SBOMs are among them: half a year tells what a version had in it, for longer than any version is kept."""
IMAGE_DAYS = 90
KEPT = cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE
"""Not after a creation that failed: names that are taken would stand in the way of the next one."""
VERSIONS_KEPT = 200


class DeliveryKey(Construct):
    """The key of repository, images, artifacts, topic and logs. It is kept: without it no image can be pulled."""

    def __init__(self, scope: Construct, id: str, *, spec: ApplicationSpec) -> None:
        super().__init__(scope, id)
        self.key = kms.Key(
            self,
            "Key",
            description=f"Repository, images and artifacts of {spec.prefix}",
            enable_key_rotation=True,
            removal_policy=KEPT,
        )
        groups = [spec.named("check-log-group", function="*"), spec.named("scan-log-group")]
        logs_may_use(self.key, groups, sid="Logs")
        # EventBridge puts messages into the topic, and names neither account nor rule to KMS: with such a condition
        # nothing would arrive (docs/decisions/0273-eventbridge-tells-no-source-to-a-topic.md).
        self.key.add_to_resource_policy(
            iam.PolicyStatement(
                sid="Findings",
                principals=[iam.ServicePrincipal("events.amazonaws.com")],
                actions=["kms:Decrypt", "kms:GenerateDataKey*"],
                resources=["*"],
            )
        )
        kms.CfnAlias(self, "Alias", alias_name=spec.named("key"), target_key_id=self.key.key_arn)


class Artifacts(Construct):
    """What passes between the pipeline's stages, and the SBOMs that its scans write."""

    def __init__(self, scope: Construct, id: str, *, key: kms.Key) -> None:
        super().__init__(scope, id)
        # CloudFormation names it after the stack: a name with account and region in it would be too long for S3.
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            encryption=s3.BucketEncryption.KMS,
            encryption_key=key,
            bucket_key_enabled=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            versioned=True,
            removal_policy=KEPT,
            lifecycle_rules=[
                tidied(noncurrent_days=30),
                s3.LifecycleRule(id="expire", expiration=cdk.Duration.days(ARTIFACT_DAYS)),
            ],
        )


@dataclass(frozen=True)
class Place:
    """What each function of the pipeline needs to know: the Application, its key, and where artifacts are."""

    spec: ApplicationSpec
    key: kms.Key
    bucket: s3.Bucket


class Registry(Construct):
    """Images: tags never move, each is scanned, encrypted with the Application's key. The baseline copies them to the
    account's other regions.

    A version (its tag begins with release-) stays until there are 200 newer ones; other images go after 90 days.
    """

    def __init__(self, scope: Construct, id: str, *, spec: ApplicationSpec, key: kms.Key) -> None:
        super().__init__(scope, id)
        stack = cdk.Stack.of(self)
        name = spec.named("registry")
        self.resource = ecr.CfnRepository(
            self,
            "Repository",
            repository_name=name,
            image_tag_mutability="IMMUTABLE",
            image_scanning_configuration=ecr.CfnRepository.ImageScanningConfigurationProperty(
                scan_on_push=True
            ),
            encryption_configuration=ecr.CfnRepository.EncryptionConfigurationProperty(
                encryption_type="KMS", kms_key=key.key_arn
            ),
            lifecycle_policy=ecr.CfnRepository.LifecyclePolicyProperty(
                lifecycle_policy_text=json.dumps({"rules": _expiry()}, separators=(",", ":"))
            ),
        )
        self.resource.apply_removal_policy(KEPT)
        self.arn = f"arn:{stack.partition}:ecr:{stack.region}:{stack.account}:repository/{name}"
        self.uri = f"{stack.account}.dkr.ecr.{stack.region}.{stack.url_suffix}/{name}"


def _expiry() -> list[dict[str, object]]:
    """An image that a rule speaks of is no later rule's to expire (ECR user guide, How the lifecycle policy works)."""
    rows: list[tuple[str, dict[str, object]]] = [
        (
            "versions",
            {
                "tagStatus": "tagged",
                "tagPatternList": ["release-*"],
                "countType": "imageCountMoreThan",
                "countNumber": VERSIONS_KEPT,
            },
        ),
        (
            "what no tag is left of",
            {
                "tagStatus": "untagged",
                "countType": "sinceImagePushed",
                "countUnit": "days",
                "countNumber": 14,
            },
        ),
        (
            "what never became a version",
            {
                "tagStatus": "tagged",
                "tagPatternList": ["*"],
                "countType": "sinceImagePushed",
                "countUnit": "days",
                "countNumber": IMAGE_DAYS,
            },
        ),
    ]
    return [
        {"rulePriority": number, "description": said, "selection": chosen, "action": {"type": "expire"}}
        for number, (said, chosen) in enumerate(rows, 1)
    ]
