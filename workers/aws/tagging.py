"""Resource Groups Tagging API: everything that carries a tag, in one region."""

import re
from collections.abc import Sequence

from workers.aws.session import Session

SERVICE = "resourcegroupstaggingapi"

# ARN's service and resource kind to the type that listers by name report.
TYPES: dict[tuple[str, str], str] = {
    ("cloudformation", "stack"): "AWS::CloudFormation::Stack",
    ("rds", "cluster"): "AWS::RDS::DBCluster",
    ("rds", "db"): "AWS::RDS::DBInstance",
    ("rds", "cluster-snapshot"): "AWS::RDS::DBClusterSnapshot",
    ("rds", "subgrp"): "AWS::RDS::DBSubnetGroup",
    ("rds", "cluster-pg"): "AWS::RDS::DBClusterParameterGroup",
    ("rds", "db-proxy"): "AWS::RDS::DBProxy",
    ("rds", "es"): "AWS::RDS::EventSubscription",
    ("elasticloadbalancing", "loadbalancer"): "AWS::ElasticLoadBalancingV2::LoadBalancer",
    ("elasticloadbalancing", "targetgroup"): "AWS::ElasticLoadBalancingV2::TargetGroup",
    ("elasticbeanstalk", "application"): "AWS::ElasticBeanstalk::Application",
    ("elasticbeanstalk", "environment"): "AWS::ElasticBeanstalk::Environment",
    ("autoscaling", "autoScalingGroup"): "AWS::AutoScaling::AutoScalingGroup",
    ("wafv2", "regional"): "AWS::WAFv2::WebACL",
    ("cloudwatch", "alarm"): "AWS::CloudWatch::Alarm",
    ("cloudwatch", "dashboard"): "AWS::CloudWatch::Dashboard",
    ("codebuild", "project"): "AWS::CodeBuild::Project",
    ("secretsmanager", "secret"): "AWS::SecretsManager::Secret",
    ("ssm", "parameter"): "AWS::SSM::Parameter",
    ("s3", ""): "AWS::S3::Bucket",
    ("sns", ""): "AWS::SNS::Topic",
    ("sqs", ""): "AWS::SQS::Queue",
    ("iam", "role"): "AWS::IAM::Role",
    ("acm", "certificate"): "AWS::CertificateManager::Certificate",
    ("ecr", "repository"): "AWS::ECR::Repository",
    ("logs", "log-group"): "AWS::Logs::LogGroup",
    ("events", "rule"): "AWS::Events::Rule",
    ("backup", "backup-plan"): "AWS::Backup::BackupPlan",
    ("backup", "backup-vault"): "AWS::Backup::BackupVault",
    ("appsync", "apis"): "AWS::AppSync::GraphQLApi",
    ("cognito-idp", "userpool"): "AWS::Cognito::UserPool",
    ("cognito-identity", "identitypool"): "AWS::Cognito::IdentityPool",
    ("dynamodb", "table"): "AWS::DynamoDB::GlobalTable",
    ("firehose", "deliverystream"): "AWS::KinesisFirehose::DeliveryStream",
    ("athena", "workgroup"): "AWS::Athena::WorkGroup",
    ("mobiletargeting", "apps"): "AWS::Pinpoint::App",
    ("ses", "identity"): "AWS::SES::EmailIdentity",
    ("ses", "configuration-set"): "AWS::SES::ConfigurationSet",
    ("synthetics", "canary"): "AWS::Synthetics::Canary",
    ("quicksight", "dashboard"): "AWS::QuickSight::Dashboard",
    ("quicksight", "dataset"): "AWS::QuickSight::DataSet",
    ("quicksight", "datasource"): "AWS::QuickSight::DataSource",
}


def arns_tagged(session: Session, key: str, value: str, *, types: Sequence[str] = ()) -> list[str]:
    """ARNs of the region's resources with that tag; `types` as cloudformation:stack narrow it."""
    request = {"TagFilters": [{"Key": key, "Values": [value]}], "ResourceTypeFilters": list(types)}
    pages = session.client(SERVICE).get_paginator("get_resources").paginate(**request)
    return [entry["ResourceARN"] for page in pages for entry in page["ResourceTagMappingList"]]


def type_of(arn: str) -> str:
    """The CloudFormation type of what an ARN names; of a kind that the table has not, service and kind."""
    service, resource = arn.split(":", 5)[2], arn.split(":", 5)[5]
    kind = _kind(resource)
    return TYPES.get((service, kind), f"{service} {kind}".strip())


def _kind(resource: str) -> str:
    """What stands before the first separator: a name may have the other one (log-group:/aws/rds/x)."""
    kind, *name = re.split("[/:]", resource, maxsplit=1)
    return kind if name else ""
