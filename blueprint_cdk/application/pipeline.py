"""The pipeline: from a commit to a version. Its stages, in the order that they are passed in."""

from __future__ import annotations

import json
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

from blueprint_cdk.application.checks import Check
from blueprint_cdk.application.keeping import Place, Registry
from blueprint_cdk.application.roles import (
    action_role,
    artifacts,
    policy_of,
    service_role,
    writes_to,
)
from blueprint_cdk.application.source import Connection, Repository
from blueprint_cdk.application_spec import ApplicationSpec
from blueprint_cdk.constructs.keys import log_group_arn
from blueprint_cdk.data import load

_Action = codepipeline.CfnPipeline.ActionDeclarationProperty
_Stage = codepipeline.CfnPipeline.StageDeclarationProperty
CODE = "Code"
COMMIT = "#{source.CommitId}"
DIGEST = "#{image.IMAGE_DIGEST}"


class Pipeline(Construct):
    """CodePipeline V2, one run after the other. The pipeline's own role may do nothing but hand on artifacts and take
    the role of each kind of action.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        place: Place,
        source: Repository | Connection,
        secrets: Check,
        quality: Check,
        image: Check,
        release: Check,
        registry: Registry,
        topic_arn: str,
    ) -> None:
        super().__init__(scope, id)
        stack = cdk.Stack.of(self)
        spec, key, bucket = place.spec, place.key, place.bucket
        self._spec = spec
        name = spec.named("pipeline")
        self.arn = f"arn:{stack.partition}:codepipeline:{stack.region}:{stack.account}:{name}"
        self.role = service_role(
            self,
            "Role",
            "codepipeline.amazonaws.com",
            f"The pipeline of {spec.prefix}",
            artifacts(bucket, key, writes=True),
        )
        scans = ScanLog(self, "Scans", spec=spec, key=key)
        roles = _Roles(
            self,
            role=self.role,
            source=[*artifacts(bucket, key, writes=True), *source.statements()],
            builds=[secrets, quality, image, release],
            scans=[
                *artifacts(bucket, key, writes=True),
                writes_to(self, scans.name),
                # It asks for the group as if it made it (the same page, and aws-cdk-lib's InspectorScanAction).
                iam.PolicyStatement(
                    sid="LogGroup",
                    actions=["logs:CreateLogGroup"],
                    resources=[log_group_arn(self, scans.name)],
                ),
                *_scan_statements(registry.arn),
            ],
            topic=topic_arn,
            topic_key=key,
        )
        self.resource = codepipeline.CfnPipeline(
            self,
            "Pipeline",
            name=name,
            pipeline_type="V2",
            execution_mode="QUEUED",
            role_arn=self.role.role_arn,
            restart_execution_on_update=False,
            artifact_store=codepipeline.CfnPipeline.ArtifactStoreProperty(
                type="S3",
                location=bucket.bucket_name,
                encryption_key=codepipeline.CfnPipeline.EncryptionKeyProperty(id=key.key_arn, type="KMS"),
            ),
            stages=[
                self._stage(
                    "Source",
                    ("Source", source.provider),
                    source.configuration,
                    roles.source,
                    output=CODE,
                    namespace="source",
                ),
                self._stage("Secrets", ("Test", "CodeBuild"), _build(secrets), roles.builds, input=CODE),
                self._stage("Quality", ("Test", "CodeBuild"), _build(quality), roles.builds, input=CODE),
                self._stage(
                    "Dependencies",
                    ("Invoke", "InspectorScan"),
                    {"InspectorRunMode": "SourceCodeScan", **self._thresholds()},
                    roles.scans,
                    input=CODE,
                    output="CodeSbom",
                ),
                self._stage(
                    "Image",
                    ("Build", "CodeBuild"),
                    _build(image, COMMIT=COMMIT),
                    roles.builds,
                    input=CODE,
                    namespace="image",
                ),
                self._stage(
                    "Gate",
                    ("Invoke", "InspectorScan"),
                    {
                        "InspectorRunMode": "ECRImageScan",
                        "ECRRepositoryName": registry.resource.ref,
                        "ImageTag": COMMIT,
                        **self._thresholds(),
                    },
                    roles.scans,
                    output="ImageSbom",
                ),
                self._stage(
                    "Approval",
                    ("Approval", "Manual"),
                    {
                        "NotificationArn": topic_arn,
                        "CustomData": f"{spec.name} {COMMIT}: image {DIGEST} passed every check.",
                    },
                    roles.approval,
                ),
                # CodeDeploy's place. It cannot deploy to Beanstalk: the portal's deploy does, by the tag that this
                # stage sets.
                self._stage(
                    "Deploy",
                    ("Build", "CodeBuild"),
                    _build(release, COMMIT=COMMIT, IMAGE_DIGEST=DIGEST),
                    roles.builds,
                    input=CODE,
                ),
            ],
        )
        # A new pipeline runs at once.
        checks = (secrets, quality, image, release)
        self.resource.node.add_dependency(scans, *roles.policies(), *(check.policy for check in checks))

    def _thresholds(self) -> dict[str, str]:
        """No finding of a level that blocks passes."""
        blocked = load("application")["blocked"][self._spec.blocks_from]
        return {f"{level}Threshold": "0" for level in blocked}

    @staticmethod
    def _stage(
        name: str,
        does: tuple[str, str],
        configuration: dict[str, Any],
        role: iam.Role,
        *,
        input: str = "",
        output: str = "",
        namespace: str | None = None,
    ) -> codepipeline.CfnPipeline.StageDeclarationProperty:
        category, provider = does
        return _Stage(
            name=name,
            actions=[
                _Action(
                    name=name,
                    action_type_id=codepipeline.CfnPipeline.ActionTypeIdProperty(
                        category=category, owner="AWS", provider=provider, version="1"
                    ),
                    configuration=configuration,
                    role_arn=role.role_arn,
                    run_order=1,
                    namespace=namespace,
                    input_artifacts=[codepipeline.CfnPipeline.InputArtifactProperty(name=input)]
                    if input
                    else None,
                    output_artifacts=[codepipeline.CfnPipeline.OutputArtifactProperty(name=output)]
                    if output
                    else None,
                )
            ],
        )


class ScanLog(Construct):
    """What Inspector's actions write. CodePipeline would make the group itself, without key and retention."""

    def __init__(self, scope: Construct, id: str, *, spec: ApplicationSpec, key: kms.Key) -> None:
        super().__init__(scope, id)
        self.name = spec.named("scan-log-group")
        group = logs.CfnLogGroup(
            self,
            "Log",
            log_group_name=self.name,
            kms_key_id=key.key_arn,
            retention_in_days=spec.log_retention_days,
        )
        group.apply_removal_policy(cdk.RemovalPolicy.DESTROY)


class _Roles:
    """The role of each kind of action."""

    def __init__(
        self,
        scope: Construct,
        *,
        role: iam.Role,
        source: list[iam.PolicyStatement],
        builds: list[Check],
        scans: list[iam.PolicyStatement],
        topic: str,
        topic_key: kms.Key,
    ) -> None:
        self._pipeline = role
        self.source = action_role(scope, "SourceRole", role, "Reads the code", source)
        self.builds = action_role(
            scope,
            "BuildsRole",
            role,
            "Starts the checks",
            [
                iam.PolicyStatement(
                    sid="Start",
                    actions=["codebuild:BatchGetBuilds", "codebuild:StartBuild"],
                    resources=[check.project.attr_arn for check in builds],
                )
            ],
        )
        self.scans = action_role(scope, "ScansRole", role, "Scans dependencies and images", scans)
        self.approval = action_role(
            scope,
            "ApprovalRole",
            role,
            "Tells who has to approve",
            [
                iam.PolicyStatement(sid="Tell", actions=["sns:Publish"], resources=[topic]),
                iam.PolicyStatement(
                    sid="TopicKey",
                    actions=["kms:Decrypt", "kms:GenerateDataKey"],
                    resources=[topic_key.key_arn],
                ),
            ],
        )

    def policies(self) -> list[Construct]:
        """The policies of all of them, and the pipeline's own."""
        roles = (self._pipeline, self.source, self.builds, self.scans, self.approval)
        return [policy_of(role) for role in roles]


def _build(check: Check, **variables: str) -> dict[str, Any]:
    """Configuration of a CodeBuild action; the variables are told to that build."""
    told = [{"name": name, "value": value, "type": "PLAINTEXT"} for name, value in variables.items()]
    return {
        "ProjectName": check.project.ref,
        **({"EnvironmentVariables": json.dumps(told)} if told else {}),
    }


def _scan_statements(registry_arn: str) -> list[iam.PolicyStatement]:
    """https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-InspectorScan.html"""
    return [
        iam.PolicyStatement(sid="Scan", actions=["inspector-scan:ScanSbom"], resources=["*"]),
        iam.PolicyStatement(sid="RegistrySignIn", actions=["ecr:GetAuthorizationToken"], resources=["*"]),
        iam.PolicyStatement(
            sid="Image",
            actions=[
                "ecr:BatchCheckLayerAvailability",
                "ecr:BatchGetImage",
                "ecr:GetDownloadUrlForLayer",
            ],
            resources=[registry_arn],
        ),
    ]
