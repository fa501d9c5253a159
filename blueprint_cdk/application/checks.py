"""What the pipeline runs: a build project for each function, each with a role, a log group and a buildspec of its own.

Buildspecs are files of the folder `buildspecs`, and go into the template as they are: a commit of the team's cannot
change what it is checked by.
"""

from __future__ import annotations

import importlib.resources
from collections.abc import Mapping, Sequence

import aws_cdk as cdk
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from blueprint_cdk.application.keeping import Place, Registry
from blueprint_cdk.application.roles import artifacts, policy_of, service_role, writes_to

IMAGE = "aws/codebuild/amazonlinux-x86_64-standard:5.0"


def buildspec(function: str) -> str:
    """The text of buildspecs/<function>.yml, comments and all."""
    folder = importlib.resources.files("blueprint_cdk.application").joinpath("buildspecs")
    return folder.joinpath(f"{function}.yml").read_text(encoding="utf-8")


class Check(Construct):
    """A build project that reads the code and says yes or no. Others of this module may do more, by `more`."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        place: Place,
        function: str,
        more: Sequence[iam.PolicyStatement] = (),
        variables: Mapping[str, str] | None = None,
        builds_images: bool = False,
        minutes: int = 30,
    ) -> None:
        super().__init__(scope, id)
        spec, key = place.spec, place.key
        name = spec.named("check-log-group", function=function)
        group = logs.CfnLogGroup(
            self,
            "Log",
            log_group_name=name,
            kms_key_id=key.key_arn,
            retention_in_days=spec.log_retention_days,
        )
        group.apply_removal_policy(cdk.RemovalPolicy.DESTROY)
        role = service_role(
            self,
            "Role",
            "codebuild.amazonaws.com",
            f"Runs {function} of {spec.prefix}",
            [writes_to(self, name), *artifacts(place.bucket, key, writes=False), *more],
        )
        self.project = codebuild.CfnProject(
            self,
            "Project",
            name=spec.named("project", function=function),
            description=f"Stage {function} of the pipeline of {spec.name}",
            service_role=role.role_arn,
            encryption_key=key.key_arn,
            source=codebuild.CfnProject.SourceProperty(type="CODEPIPELINE", build_spec=buildspec(function)),
            artifacts=codebuild.CfnProject.ArtifactsProperty(type="CODEPIPELINE"),
            environment=codebuild.CfnProject.EnvironmentProperty(
                type="LINUX_CONTAINER",
                compute_type="BUILD_GENERAL1_SMALL",
                image=IMAGE,
                privileged_mode=builds_images,
                environment_variables=[
                    codebuild.CfnProject.EnvironmentVariableProperty(name=variable, value=value)
                    for variable, value in (variables or {}).items()
                ],
            ),
            logs_config=codebuild.CfnProject.LogsConfigProperty(
                cloud_watch_logs=codebuild.CfnProject.CloudWatchLogsConfigProperty(
                    status="ENABLED", group_name=name
                )
            ),
            timeout_in_minutes=minutes,
            queued_timeout_in_minutes=60,
        )
        self.project.add_resource_dependency(group)
        self.policy = policy_of(role)


class ImageBuild(Check):
    """Builds the image of the commit and pushes it. Docker in a build needs privileged mode."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        place: Place,
        registry: Registry,
    ) -> None:
        super().__init__(
            scope,
            id,
            place=place,
            function="image",
            builds_images=True,
            minutes=60,
            variables={"REGISTRY": place.spec.named("registry"), "REGISTRY_URI": registry.uri},
            more=[
                iam.PolicyStatement(
                    sid="RegistrySignIn", actions=["ecr:GetAuthorizationToken"], resources=["*"]
                ),
                # ECR user guide, "Required IAM permissions for pushing an image".
                iam.PolicyStatement(
                    sid="Push",
                    actions=[
                        "ecr:BatchCheckLayerAvailability",
                        "ecr:BatchGetImage",
                        "ecr:CompleteLayerUpload",
                        "ecr:DescribeImages",
                        "ecr:GetDownloadUrlForLayer",
                        "ecr:InitiateLayerUpload",
                        "ecr:PutImage",
                        "ecr:UploadLayerPart",
                    ],
                    resources=[registry.arn],
                ),
            ],
        )


class Release(Check):
    """Marks the image that passed every check and a person's approval as a version. It pushes no layer."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        place: Place,
        registry: Registry,
    ) -> None:
        super().__init__(
            scope,
            id,
            place=place,
            function="release",
            variables={"REGISTRY": place.spec.named("registry")},
            more=[
                iam.PolicyStatement(
                    sid="Mark",
                    actions=["ecr:BatchGetImage", "ecr:DescribeImages", "ecr:PutImage"],
                    resources=[registry.arn],
                )
            ],
        )
