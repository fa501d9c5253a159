"""A template's resources of alarms, topics, dashboards, budgets and scaling, one of each type."""

import json

from tests.sandbox.types.support import Resources, att, ref

ACCOUNT = "210000000062"
NAME = "types-of-operations"


def lets(service: str, action: str, resource: object) -> dict[str, object]:
    principal = {"Service": service}
    statement = {"Effect": "Allow", "Principal": principal, "Action": action, "Resource": resource}
    return {"Version": "2012-10-17", "Statement": [statement]}


RESOURCES: Resources = {
    "Topic": {
        "Type": "AWS::SNS::Topic",
        "Properties": {
            "TopicName": NAME,
            "Subscription": [{"Protocol": "email", "Endpoint": "on@example.com"}],
        },
    },
    "TopicPolicy": {
        "Type": "AWS::SNS::TopicPolicy",
        "Properties": {
            "Topics": [ref("Topic")],
            "PolicyDocument": lets("cloudwatch.amazonaws.com", "sns:Publish", ref("Topic")),
        },
    },
    "Queue": {"Type": "AWS::SQS::Queue"},
    "Subscription": {
        "Type": "AWS::SNS::Subscription",
        "Properties": {"TopicArn": ref("Topic"), "Protocol": "sqs", "Endpoint": att("Queue", "Arn")},
    },
    "Alarm": {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "AlarmName": NAME,
            "Namespace": "Switchyard/Types",
            "MetricName": "Any",
            "Statistic": "Sum",
            "Period": 60,
            "EvaluationPeriods": 1,
            "Threshold": 1,
            "ComparisonOperator": "GreaterThanThreshold",
        },
    },
    "Composite": {
        "Type": "AWS::CloudWatch::CompositeAlarm",
        "DependsOn": "Alarm",
        "Properties": {
            "AlarmName": f"{NAME}-all",
            "AlarmRule": f'ALARM("{NAME}")',
            "OKActions": [ref("Topic")],
        },
    },
    "Dashboard": {
        "Type": "AWS::CloudWatch::Dashboard",
        "Properties": {"DashboardName": NAME, "DashboardBody": json.dumps({"widgets": []})},
    },
    "Logs": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": f"/{NAME}"}},
    "Filter": {
        "Type": "AWS::Logs::MetricFilter",
        "Properties": {
            "LogGroupName": ref("Logs"),
            "FilterPattern": "ERROR",
            "MetricTransformations": [
                {"MetricNamespace": "Switchyard/Types", "MetricName": "Errors", "MetricValue": "1"}
            ],
        },
    },
    "Events": {
        "Type": "AWS::RDS::EventSubscription",
        "Properties": {"SnsTopicArn": ref("Topic"), "SourceType": "db-cluster"},
    },
    "Budget": {
        "Type": "AWS::Budgets::Budget",
        "Properties": {
            "Budget": {
                "BudgetType": "COST",
                "TimeUnit": "MONTHLY",
                "BudgetLimit": {"Amount": 100, "Unit": "USD"},
                "CostFilters": {"TagKeyValue": ["user:row$types"]},
            },
            "NotificationsWithSubscribers": [
                {
                    "Notification": {
                        "NotificationType": "ACTUAL",
                        "ComparisonOperator": "GREATER_THAN",
                        "Threshold": 80,
                    },
                    "Subscribers": [{"SubscriptionType": "SNS", "Address": ref("Topic")}],
                }
            ],
        },
    },
    "Target": {
        "Type": "AWS::ApplicationAutoScaling::ScalableTarget",
        "Properties": {
            "ServiceNamespace": "rds",
            "ScalableDimension": "rds:cluster:ReadReplicaCount",
            "ResourceId": f"cluster:{NAME}",
            "MinCapacity": 1,
            "MaxCapacity": 3,
        },
    },
    "Scaling": {
        "Type": "AWS::ApplicationAutoScaling::ScalingPolicy",
        "Properties": {
            "PolicyName": NAME,
            "PolicyType": "TargetTrackingScaling",
            "ScalingTargetId": ref("Target"),
            "TargetTrackingScalingPolicyConfiguration": {
                "TargetValue": 60,
                "PredefinedMetricSpecification": {"PredefinedMetricType": "RDSReaderAverageCPUUtilization"},
            },
        },
    },
    "Role": {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "RoleName": NAME,
            "AssumeRolePolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Principal": {"Service": "codebuild.amazonaws.com"},
                        "Action": "sts:AssumeRole",
                    }
                ],
            },
        },
    },
    "Canary": {
        "Type": "AWS::Synthetics::Canary",
        "Properties": {
            "Name": NAME,
            "RuntimeVersion": "syn-python-selenium-14.0",
            "Code": {"Handler": "index.handler", "Script": "def handler(event, context): pass"},
            "ExecutionRoleArn": att("Role", "Arn"),
            "ArtifactS3Location": f"s3://{NAME}/canary",
            "Schedule": {"Expression": "rate(5 minutes)"},
        },
    },
    "Project": {
        "Type": "AWS::CodeBuild::Project",
        "Properties": {
            "Name": NAME,
            "ServiceRole": att("Role", "Arn"),
            "Source": {"Type": "NO_SOURCE", "BuildSpec": "{}"},
            "Artifacts": {"Type": "NO_ARTIFACTS"},
            "Environment": {
                "Type": "LINUX_CONTAINER",
                "ComputeType": "BUILD_GENERAL1_SMALL",
                "Image": "aws/codebuild/amazonlinux-x86_64-standard:5.0",
            },
        },
    },
    "Repository": {"Type": "AWS::CodeCommit::Repository", "Properties": {"RepositoryName": NAME}},
    "Connection": {
        "Type": "AWS::CodeConnections::Connection",
        "Properties": {"ConnectionName": NAME, "ProviderType": "GitHub"},
    },
    "Pipeline": {
        "Type": "AWS::CodePipeline::Pipeline",
        "Properties": {
            "Name": NAME,
            "PipelineType": "V2",
            "RoleArn": att("Role", "Arn"),
            "ArtifactStore": {"Type": "S3", "Location": "types-artifacts"},
            "Stages": [
                {
                    "Name": "Source",
                    "Actions": [
                        {
                            "Name": "Source",
                            "ActionTypeId": {
                                "Category": "Source",
                                "Owner": "AWS",
                                "Provider": "CodeCommit",
                                "Version": "1",
                            },
                            "Configuration": {"RepositoryName": att("Repository", "Name")},
                        }
                    ],
                },
                {
                    "Name": "Build",
                    "Actions": [
                        {
                            "Name": "Build",
                            "ActionTypeId": {
                                "Category": "Build",
                                "Owner": "AWS",
                                "Provider": "CodeBuild",
                                "Version": "1",
                            },
                            "Configuration": {"ProjectName": ref("Project")},
                        }
                    ],
                },
            ],
        },
    },
    "Vault": {"Type": "AWS::Backup::BackupVault", "Properties": {"BackupVaultName": NAME}},
    "Plan": {
        "Type": "AWS::Backup::BackupPlan",
        "Properties": {
            "BackupPlan": {
                "BackupPlanName": NAME,
                "BackupPlanRule": [
                    {
                        "RuleName": "daily",
                        "TargetBackupVault": ref("Vault"),
                        "ScheduleExpression": "cron(0 2 * * ? *)",
                        "Lifecycle": {"DeleteAfterDays": 120, "MoveToColdStorageAfterDays": 30},
                    }
                ],
            }
        },
    },
    "Selection": {
        "Type": "AWS::Backup::BackupSelection",
        "Properties": {
            "BackupPlanId": ref("Plan"),
            "BackupSelection": {
                "SelectionName": NAME,
                "IamRoleArn": att("Role", "Arn"),
                "Resources": [f"arn:aws:rds:eu-west-1:{ACCOUNT}:cluster:{NAME}"],
            },
        },
    },
}
