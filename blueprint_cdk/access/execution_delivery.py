"""Where CloudFormation may do what it needs for repositories, pipelines and registries of images."""

from __future__ import annotations

from blueprint_cdk.access.scopes import Scope
from blueprint_cdk.access.statements import OWN_ROLES, arn, passed_to

DELIVERY: tuple[Scope, ...] = (
    Scope("Repositories", "codecommit", "*", arn("codecommit", "sy-app-*")),
    Scope("RepositoriesList", "codecommit", "ListRepositories"),
    Scope("Pipelines", "codepipeline", "*", arn("codepipeline", "sy-app-*")),
    # A connection has a generated id in its ARN.
    Scope("Connections", "codeconnections", "*", arn("codeconnections", "connection/*")),
    Scope("ConnectionsMake", "codeconnections", "CreateConnection TagResource"),
    Scope(
        "ImageRegistries",
        "ecr",
        "*Repository *Repositories *RepositoryPolicy *LifecyclePolicy PutImage* *Resource",
        arn("ecr", "repository/sy-app-*"),
    ),
    # A registry with a key of its own holds a grant on it.
    Scope("ImageKeys", "kms", "RetireGrant", arn("kms", "key/*")),
    Scope("DeliveryRules", "events", "*", arn("events", "rule/sy-app-*")),
    Scope(
        "ScanLogs",
        "logs",
        "CreateLogGroup DeleteLogGroup *RetentionPolicy *KmsKey *Resource",
        arn("logs", "log-group:/aws/codepipeline/sy-app-*"),
    ),
    Scope("PipelineRoles", "iam", "PassRole", OWN_ROLES, passed_to("codepipeline", "events")),
)
