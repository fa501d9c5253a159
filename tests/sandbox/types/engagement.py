"""A template's resources of usage events and of messages to people, one of each type."""

import json
from typing import Any

from tests.sandbox.types.support import REGION, Resources, att, ref

ACCOUNT = "210000000013"
EVENTS, RESULTS = f"types-events-{ACCOUNT}", f"types-results-{ACCOUNT}"
DATABASE, TABLE, STREAM, WORKGROUP = "types_events", "events", "types-events", "types-questions"
ZONE = "engaged.example.com"
DOMAIN = f"shop.{ZONE}"


def of_account(resources: Resources, account: str) -> Resources:
    """The same in another account: names that all accounts share are its own."""
    text = json.dumps(resources).replace(ACCOUNT, account).replace(ZONE, f"a{account}.example.com")
    moved: Resources = json.loads(text)
    return moved


def domain_of(account: str) -> str:
    """The domain that sends mail in that account."""
    return f"shop.a{account}.example.com"


def columns(**types: str) -> list[dict[str, str]]:
    return [{"Name": name, "Type": kind} for name, kind in types.items()]


def role(service: str, *statements: dict[str, Any]) -> dict[str, Any]:
    trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
            "Policies": [
                {
                    "PolicyName": "own",
                    "PolicyDocument": {"Version": "2012-10-17", "Statement": list(statements)},
                }
            ],
        },
    }


def allow(actions: list[str], *resources: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": list(resources)}


def record(name: Any, kind: str, value: Any) -> dict[str, Any]:
    return {
        "Type": "AWS::Route53::RecordSet",
        "Properties": {
            "HostedZoneId": ref("Zone"),
            "Name": name,
            "Type": kind,
            "TTL": "60",
            "ResourceRecords": [value],
        },
    }


RESOURCES: Resources = {
    "Events": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": EVENTS}},
    "Results": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": RESULTS}},
    "LogGroup": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "/types/events"}},
    "LogStream": {
        "Type": "AWS::Logs::LogStream",
        "Properties": {"LogGroupName": ref("LogGroup"), "LogStreamName": "delivery"},
    },
    "Database": {
        "Type": "AWS::Glue::Database",
        "Properties": {"CatalogId": ACCOUNT, "DatabaseInput": {"Name": DATABASE}},
    },
    "Table": {
        "Type": "AWS::Glue::Table",
        "Properties": {
            "CatalogId": ACCOUNT,
            "DatabaseName": ref("Database"),
            "TableInput": {
                "Name": TABLE,
                "TableType": "EXTERNAL_TABLE",
                "PartitionKeys": columns(day="string"),
                "StorageDescriptor": {
                    "Location": {"Fn::Sub": "s3://${Events}/events/"},
                    "Columns": columns(
                        name="string",
                        happened_at="timestamp",
                        user_sub="string",
                        count="bigint",
                        properties="map<string,string>",
                    ),
                },
            },
        },
    },
    "StreamRole": role(
        "firehose.amazonaws.com",
        allow(["s3:PutObject"], {"Fn::Sub": "${Events.Arn}/*"}),
        allow(["glue:GetTableVersions"], f"arn:aws:glue:{REGION}:{ACCOUNT}:*"),
        allow(["logs:PutLogEvents"], f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/types/events:log-stream:*"),
    ),
    "Stream": {
        "Type": "AWS::KinesisFirehose::DeliveryStream",
        "Properties": {
            "DeliveryStreamName": STREAM,
            "DeliveryStreamType": "DirectPut",
            "ExtendedS3DestinationConfiguration": {
                "BucketARN": att("Events", "Arn"),
                "RoleARN": att("StreamRole", "Arn"),
                "Prefix": "events/day=!{timestamp:yyyy-MM-dd}/",
                "ErrorOutputPrefix": "errors/!{firehose:error-output-type}/",
                "BufferingHints": {"IntervalInSeconds": 300, "SizeInMBs": 64},
                "CloudWatchLoggingOptions": {
                    "Enabled": True,
                    "LogGroupName": ref("LogGroup"),
                    "LogStreamName": ref("LogStream"),
                },
                "DataFormatConversionConfiguration": {
                    "Enabled": True,
                    "InputFormatConfiguration": {"Deserializer": {"OpenXJsonSerDe": {}}},
                    "OutputFormatConfiguration": {"Serializer": {"ParquetSerDe": {}}},
                    "SchemaConfiguration": {
                        "DatabaseName": ref("Database"),
                        "TableName": ref("Table"),
                        "Region": REGION,
                        "RoleARN": att("StreamRole", "Arn"),
                    },
                },
            },
        },
    },
    "Workgroup": {
        "Type": "AWS::Athena::WorkGroup",
        "Properties": {
            "Name": WORKGROUP,
            "RecursiveDeleteOption": True,
            "WorkGroupConfiguration": {
                "EnforceWorkGroupConfiguration": True,
                "BytesScannedCutoffPerQuery": 10_000_000,
                "ResultConfiguration": {"OutputLocation": {"Fn::Sub": "s3://${Results}/"}},
            },
        },
    },
    "Query": {
        "Type": "AWS::Athena::NamedQuery",
        "Properties": {
            "Name": "everyone",
            "Database": ref("Database"),
            "WorkGroup": ref("Workgroup"),
            "QueryString": "SELECT DISTINCT user_sub FROM events WHERE user_sub <> '' ORDER BY user_sub",
        },
    },
    "Devices": {
        "Type": "AWS::DynamoDB::GlobalTable",
        "Properties": {
            "TableName": "types-devices",
            "AttributeDefinitions": [{"AttributeName": "user_sub", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "user_sub", "KeyType": "HASH"}],
            "BillingMode": "PAY_PER_REQUEST",
            "Replicas": [{"Region": REGION}],
        },
    },
    "Push": {"Type": "AWS::Pinpoint::App", "Properties": {"Name": "types"}},
    "Google": {
        "Type": "AWS::Pinpoint::GCMChannel",
        "Properties": {
            "ApplicationId": ref("Push"),
            "DefaultAuthenticationMethod": "TOKEN",
            "ServiceJson": json.dumps({"type": "service_account", "private_key": "a key"}),
        },
    },
    "Zone": {"Type": "AWS::Route53::HostedZone", "Properties": {"Name": ZONE}},
    "Mails": {"Type": "AWS::SES::ConfigurationSet", "Properties": {"Name": "types"}},
    "Counts": {
        "Type": "AWS::SES::ConfigurationSetEventDestination",
        "Properties": {
            "ConfigurationSetName": ref("Mails"),
            "EventDestination": {
                "Name": "counts",
                "MatchingEventTypes": ["BOUNCE"],
                "CloudWatchDestination": {
                    "DimensionConfigurations": [
                        {
                            "DimensionName": "environment",
                            "DimensionValueSource": "messageTag",
                            "DefaultDimensionValue": "types",
                        }
                    ]
                },
            },
        },
    },
    "Identity": {
        "Type": "AWS::SES::EmailIdentity",
        "Properties": {
            "EmailIdentity": DOMAIN,
            "ConfigurationSetAttributes": {"ConfigurationSetName": ref("Mails")},
            "MailFromAttributes": {
                "MailFromDomain": f"bounce.{DOMAIN}",
                "BehaviorOnMxFailure": "REJECT_MESSAGE",
            },
        },
    },
    "Bounces": record(f"bounce.{DOMAIN}", "MX", f"10 feedback-smtp.{REGION}.amazonses.com"),
    "Source": {
        "Type": "AWS::QuickSight::DataSource",
        "Properties": {
            "AwsAccountId": ACCOUNT,
            "DataSourceId": "types",
            "Name": "types",
            "Type": "ATHENA",
            "DataSourceParameters": {"AthenaParameters": {"WorkGroup": ref("Workgroup")}},
        },
    },
    "DataSet": {
        "Type": "AWS::QuickSight::DataSet",
        "Properties": {
            "AwsAccountId": ACCOUNT,
            "DataSetId": "types",
            "Name": "types",
            "ImportMode": "DIRECT_QUERY",
            "PhysicalTableMap": {
                "events": {
                    "RelationalTable": {
                        "DataSourceArn": att("Source", "Arn"),
                        "Name": TABLE,
                        "InputColumns": [{"Name": "user_sub", "Type": "STRING"}],
                    }
                }
            },
        },
    },
    "Dashboard": {
        "Type": "AWS::QuickSight::Dashboard",
        "Properties": {
            "AwsAccountId": ACCOUNT,
            "DashboardId": "types",
            "Name": "types",
            "Definition": {
                "DataSetIdentifierDeclarations": [
                    {"Identifier": "events", "DataSetArn": att("DataSet", "Arn")}
                ],
                "Sheets": [{"SheetId": "one", "Name": "One"}],
            },
        },
    },
} | {
    f"Dkim{n}": record(
        att("Identity", f"DkimDNSTokenName{n}"), "CNAME", att("Identity", f"DkimDNSTokenValue{n}")
    )
    for n in (1, 2, 3)
}
RESOURCES |= {
    name: {
        "Type": f"AWS::Pinpoint::{kind}Channel",
        "Properties": {
            "ApplicationId": ref("Push"),
            "BundleId": "com.example.shop",
            "TeamId": "A1B2C3D4E5",
            "TokenKeyId": "F6G7H8I9J0",
            "TokenKey": "a key",
        },
    }
    for name, kind in (("Apple", "APNS"), ("AppleSandbox", "APNSSandbox"))
}
