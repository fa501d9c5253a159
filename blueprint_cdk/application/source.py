"""Where the code is: a repository of CodeCommit's, or one on GitHub through CodeConnections."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_codecommit as codecommit
from aws_cdk import aws_codeconnections as codeconnections
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from blueprint_cdk.application.keeping import KEPT
from blueprint_cdk.application.roles import policy_of, service_role
from blueprint_cdk.application_spec import ApplicationSpec


class Repository(Construct):
    """A CodeCommit repository, kept whatever becomes of the stack. A commit on the branch starts the pipeline."""

    provider = "CodeCommit"

    def __init__(self, scope: Construct, id: str, *, spec: ApplicationSpec, key: kms.Key) -> None:
        super().__init__(scope, id)
        stack = cdk.Stack.of(self)
        self._spec, self._key = spec, key
        name = spec.named("repository")
        resource = codecommit.CfnRepository(
            self,
            "Repository",
            repository_name=name,
            repository_description=f"Code of {spec.name}, of team {spec.team}",
            kms_key_id=key.key_arn,
        )
        resource.apply_removal_policy(KEPT)
        self.resource = resource
        self.arn = f"arn:{stack.partition}:codecommit:{stack.region}:{stack.account}:{name}"
        self.clone_url = resource.attr_clone_url_http

    @property
    def configuration(self) -> dict[str, Any]:
        """Of the pipeline's action. EventBridge starts the pipeline: nothing polls."""
        return {
            "RepositoryName": self.resource.attr_name,
            "BranchName": self._spec.branch,
            "PollForSourceChanges": "false",
            "OutputArtifactFormat": "CODE_ZIP",
        }

    def statements(self) -> list[iam.PolicyStatement]:
        """What the action of the pipeline asks of the repository (CodePipeline user guide, service role policy)."""
        return [
            iam.PolicyStatement(
                sid="Code",
                actions=[
                    "codecommit:CancelUploadArchive",
                    "codecommit:GetBranch",
                    "codecommit:GetCommit",
                    "codecommit:GetRepository",
                    "codecommit:GetUploadArchiveStatus",
                    "codecommit:UploadArchive",
                ],
                resources=[self.arn],
            ),
            # CodeCommit user guide, "Encryption for repositories": with a key of one's own each has to be allowed.
            iam.PolicyStatement(
                sid="CodeKey",
                actions=[
                    "kms:Decrypt",
                    "kms:DescribeKey",
                    "kms:Encrypt",
                    "kms:GenerateDataKey",
                    "kms:GenerateDataKeyWithoutPlaintext",
                    "kms:ReEncryptFrom",
                    "kms:ReEncryptTo",
                ],
                resources=[self._key.key_arn],
                conditions={"StringLike": {"kms:ViaService": "codecommit.*.amazonaws.com"}},
            ),
        ]

    def starts(self, pipeline: codepipeline.CfnPipeline, pipeline_arn: str) -> None:
        """A commit on the branch starts that pipeline."""
        role = service_role(
            self,
            "StarterRole",
            "events.amazonaws.com",
            f"Starts the pipeline of {self._spec.prefix}",
            [
                iam.PolicyStatement(
                    sid="Start", actions=["codepipeline:StartPipelineExecution"], resources=[pipeline_arn]
                )
            ],
        )
        rule = events.CfnRule(
            self,
            "Commits",
            name=self._spec.named("rule", event="commits"),
            description="A commit starts the pipeline",
            state="ENABLED",
            event_pattern={
                "source": ["aws.codecommit"],
                "detail-type": ["CodeCommit Repository State Change"],
                "resources": [self.arn],
                "detail": {
                    "event": ["referenceCreated", "referenceUpdated"],
                    "referenceType": ["branch"],
                    "referenceName": [self._spec.branch],
                },
            },
            targets=[events.CfnRule.TargetProperty(id="pipeline", arn=pipeline_arn, role_arn=role.role_arn)],
        )
        rule.add_resource_dependency(pipeline)
        rule.node.add_dependency(policy_of(role))


class Connection(Construct):
    """The connection to GitHub. A person completes it once, in the console: until then the source stage fails."""

    provider = "CodeStarSourceConnection"

    def __init__(self, scope: Construct, id: str, *, spec: ApplicationSpec) -> None:
        super().__init__(scope, id)
        self._spec = spec
        self.resource = codeconnections.CfnConnection(
            self, "Connection", connection_name=spec.named("connection")[:32], provider_type="GitHub"
        )
        self.arn = self.resource.attr_connection_arn
        self.clone_url = f"https://github.com/{spec.github_repository}.git"

    @property
    def configuration(self) -> dict[str, Any]:
        """Of the pipeline's action, which starts with each commit by itself."""
        return {
            "ConnectionArn": self.arn,
            "FullRepositoryId": self._spec.github_repository,
            "BranchName": self._spec.branch,
            "DetectChanges": "true",
            "OutputArtifactFormat": "CODE_ZIP",
        }

    def statements(self) -> list[iam.PolicyStatement]:
        """What the action of the pipeline asks of the connection."""
        return [
            iam.PolicyStatement(sid="Code", actions=["codeconnections:UseConnection"], resources=[self.arn])
        ]

    def starts(self, pipeline: codepipeline.CfnPipeline, pipeline_arn: str) -> None:
        """The connection starts the pipeline by itself."""
