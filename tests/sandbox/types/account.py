"""A template's resources of buckets, identities, queues, rules and what `cdk bootstrap` makes, one of each type."""

import json

from tests.sandbox.types.support import Resources, att, ref

ACCOUNT = "210000000016"

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}
READS = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}],
}
RESOURCES: Resources = {
    "Bucket": {
        "Type": "AWS::S3::Bucket",
        "Properties": {
            "BucketName": "types-of-an-account",
            "VersioningConfiguration": {"Status": "Enabled"},
        },
    },
    "BucketPolicy": {
        "Type": "AWS::S3::BucketPolicy",
        "Properties": {
            "Bucket": ref("Bucket"),
            "PolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Deny",
                        "Principal": "*",
                        "Action": "s3:*",
                        "Resource": {"Fn::Join": ["", [att("Bucket", "Arn"), "/*"]]},
                        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                    }
                ],
            },
        },
    },
    "Role": {
        "Type": "AWS::IAM::Role",
        "Properties": {"RoleName": "types-role", "AssumeRolePolicyDocument": TRUST},
    },
    "Policy": {
        "Type": "AWS::IAM::Policy",
        "Properties": {"PolicyName": "reads", "PolicyDocument": READS, "Roles": [ref("Role")]},
    },
    "ManagedPolicy": {
        "Type": "AWS::IAM::ManagedPolicy",
        "Properties": {"ManagedPolicyName": "types-policy", "PolicyDocument": READS},
    },
    "Profile": {
        "Type": "AWS::IAM::InstanceProfile",
        "Properties": {"InstanceProfileName": "types-profile", "Roles": [ref("Role")]},
    },
    "Queue": {
        "Type": "AWS::SQS::Queue",
        "Properties": {"QueueName": "types-queue", "VisibilityTimeout": 45},
    },
    "QueuePolicy": {
        "Type": "AWS::SQS::QueuePolicy",
        "Properties": {
            "Queues": [ref("Queue")],
            "PolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Principal": {"Service": "events.amazonaws.com"},
                        "Action": "sqs:SendMessage",
                        "Resource": att("Queue", "Arn"),
                    }
                ],
            },
        },
    },
    "Rule": {
        "Type": "AWS::Events::Rule",
        "Properties": {
            "Name": "types-rule",
            "EventPattern": {"source": ["aws.cloudformation"]},
            "Targets": [{"Id": "queue", "Arn": att("Queue", "Arn")}],
        },
    },
    "Logs": {
        "Type": "AWS::Logs::LogGroup",
        "Properties": {"LogGroupName": "/types/logs", "RetentionInDays": 30},
    },
    "Repository": {
        "Type": "AWS::ECR::Repository",
        "Properties": {"RepositoryName": "types-repository", "ImageTagMutability": "IMMUTABLE"},
    },
    "Parameter": {
        "Type": "AWS::SSM::Parameter",
        "Properties": {"Name": "/types/parameter", "Type": "String", "Value": json.dumps({"version": 1})},
    },
    "TrailBucket": {
        "Type": "AWS::S3::Bucket",
        "Properties": {"BucketName": "types-of-an-account-trail"},
    },
    "TrailBucketPolicy": {
        "Type": "AWS::S3::BucketPolicy",
        "Properties": {
            "Bucket": ref("TrailBucket"),
            "PolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Principal": {"Service": "cloudtrail.amazonaws.com"},
                        "Action": ["s3:GetBucketAcl", "s3:PutObject"],
                        "Resource": [
                            att("TrailBucket", "Arn"),
                            {"Fn::Join": ["", [att("TrailBucket", "Arn"), "/AWSLogs/*"]]},
                        ],
                    }
                ],
            },
        },
    },
    "Trail": {
        "Type": "AWS::CloudTrail::Trail",
        "DependsOn": "TrailBucketPolicy",
        "Properties": {"TrailName": "types-trail", "S3BucketName": ref("TrailBucket"), "IsLogging": True},
    },
    "Analyzer": {
        "Type": "AWS::AccessAnalyzer::Analyzer",
        "Properties": {"AnalyzerName": "types-analyzer", "Type": "ACCOUNT"},
    },
    "Monitor": {
        "Type": "AWS::CE::AnomalyMonitor",
        "Properties": {
            "MonitorName": "types-monitor",
            "MonitorType": "DIMENSIONAL",
            "MonitorDimension": "SERVICE",
        },
    },
    "Scanning": {
        "Type": "AWS::ECR::RegistryScanningConfiguration",
        "Properties": {
            "ScanType": "ENHANCED",
            "Rules": [
                {
                    "ScanFrequency": "SCAN_ON_PUSH",
                    "RepositoryFilters": [{"Filter": "*", "FilterType": "WILDCARD"}],
                }
            ],
        },
    },
    "Group": {"Type": "AWS::IAM::Group", "Properties": {"GroupName": "types-group"}},
}
