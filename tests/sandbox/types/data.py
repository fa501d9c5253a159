"""A template's resources of keys, secrets, databases and Beanstalk, one of each type."""

from typing import Any

from tests.sandbox.types.support import REGION, Resources, ref, subnet

ACCOUNT = "210000000011"
OPEN = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
            "Action": "kms:*",
            "Resource": "*",
        }
    ],
}
BUCKET = f"types-bundles-{ACCOUNT}"
PLATFORM = f"arn:aws:elasticbeanstalk:{REGION}::platform/Docker running on 64bit Amazon Linux 2023/4.6.0"


def option(namespace: str, name: str, value: Any) -> dict[str, Any]:
    return {"Namespace": namespace, "OptionName": name, "Value": value}


SUBNETS = [ref("SubnetA"), ref("SubnetB")]
OPTIONS = [
    option("aws:ec2:vpc", "VPCId", ref("Vpc")),
    option("aws:ec2:vpc", "Subnets", {"Fn::Join": [",", SUBNETS]}),
    option("aws:elasticbeanstalk:environment", "EnvironmentType", "SingleInstance"),
]
RESOURCES: Resources = {
    "Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.31.0.0/16"}},
    "SubnetA": subnet("10.31.0.0/24", "eu-west-1a"),
    "SubnetB": subnet("10.31.1.0/24", "eu-west-1b"),
    "Key": {"Type": "AWS::KMS::Key", "Properties": {"MultiRegion": True, "PendingWindowInDays": 7}},
    "Replica": {
        "Type": "AWS::KMS::ReplicaKey",
        "Properties": {
            "PrimaryKeyArn": "PRIMARY",
            "PendingWindowInDays": 7,
            "KeyPolicy": OPEN,
        },
    },
    "Alias": {
        "Type": "AWS::KMS::Alias",
        "Properties": {"AliasName": "alias/types", "TargetKeyId": ref("Key")},
    },
    "Secret": {
        "Type": "AWS::SecretsManager::Secret",
        "Properties": {
            "GenerateSecretString": {
                "SecretStringTemplate": '{"username":"swadmin"}',
                "GenerateStringKey": "password",
                "ExcludePunctuation": True,
            }
        },
    },
    "Rotation": {
        "Type": "AWS::SecretsManager::RotationSchedule",
        "Properties": {"SecretId": ref("Secret"), "RotationRules": {"AutomaticallyAfterDays": 30}},
    },
    "Policy": {
        "Type": "AWS::SecretsManager::ResourcePolicy",
        "Properties": {
            "SecretId": ref("Secret"),
            "ResourcePolicy": {"Version": "2012-10-17", "Statement": []},
        },
    },
    "Attachment": {
        "Type": "AWS::SecretsManager::SecretTargetAttachment",
        "Properties": {
            "SecretId": ref("Secret"),
            "TargetId": ref("Cluster"),
            "TargetType": "AWS::RDS::DBCluster",
        },
    },
    "Subnets": {
        "Type": "AWS::RDS::DBSubnetGroup",
        "Properties": {"DBSubnetGroupDescription": "two", "SubnetIds": SUBNETS},
    },
    "ClusterParameters": {
        "Type": "AWS::RDS::DBClusterParameterGroup",
        "Properties": {
            "Description": "cluster",
            "Family": "aurora-mysql8.0",
            "Parameters": {"require_secure_transport": "ON"},
        },
    },
    "InstanceParameters": {
        "Type": "AWS::RDS::DBParameterGroup",
        "Properties": {"Description": "instance", "Family": "aurora-mysql8.0"},
    },
    "Cluster": {
        "Type": "AWS::RDS::DBCluster",
        "DeletionPolicy": "Delete",
        "Properties": {
            "Engine": "aurora-mysql",
            "MasterUsername": "swadmin",
            "MasterUserPassword": {"Fn::Sub": "{{resolve:secretsmanager:${Secret}:SecretString:password}}"},
            "DBSubnetGroupName": ref("Subnets"),
            "DBClusterParameterGroupName": ref("ClusterParameters"),
        },
    },
    "GlobalCluster": {
        "Type": "AWS::RDS::GlobalCluster",
        "Properties": {
            "GlobalClusterIdentifier": "types-global",
            "SourceDBClusterIdentifier": {
                "Fn::Sub": "arn:${AWS::Partition}:rds:${AWS::Region}:${AWS::AccountId}:cluster:${Cluster}"
            },
        },
    },
    "Instance": {
        "Type": "AWS::RDS::DBInstance",
        "Properties": {
            "Engine": "aurora-mysql",
            "DBClusterIdentifier": ref("Cluster"),
            "DBInstanceClass": "db.r7g.large",
            "DBParameterGroupName": ref("InstanceParameters"),
        },
    },
    "Proxy": {
        "Type": "AWS::RDS::DBProxy",
        "Properties": {
            "DBProxyName": "types",
            "EngineFamily": "MYSQL",
            "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/proxy",
            "Auth": [{"AuthScheme": "SECRETS", "SecretArn": ref("Secret"), "IAMAuth": "DISABLED"}],
            "VpcSubnetIds": SUBNETS,
        },
    },
    "Targets": {
        "Type": "AWS::RDS::DBProxyTargetGroup",
        "DependsOn": "Instance",
        "Properties": {
            "DBProxyName": ref("Proxy"),
            "TargetGroupName": "default",
            "DBClusterIdentifiers": [ref("Cluster")],
        },
    },
    "Reader": {
        "Type": "AWS::RDS::DBProxyEndpoint",
        "Properties": {
            "DBProxyName": ref("Proxy"),
            "DBProxyEndpointName": "types-reader",
            "TargetRole": "READ_ONLY",
            "VpcSubnetIds": SUBNETS,
        },
    },
    "Application": {"Type": "AWS::ElasticBeanstalk::Application", "Properties": {"Description": "types"}},
    "Version": {
        "Type": "AWS::ElasticBeanstalk::ApplicationVersion",
        "Properties": {
            "ApplicationName": ref("Application"),
            "SourceBundle": {"S3Bucket": BUCKET, "S3Key": "bundle.zip"},
        },
    },
    "Template": {
        "Type": "AWS::ElasticBeanstalk::ConfigurationTemplate",
        "Properties": {
            "ApplicationName": ref("Application"),
            "PlatformArn": PLATFORM,
            "OptionSettings": [option("aws:autoscaling:asg", "MaxSize", "2")],
        },
    },
    "Environment": {
        "Type": "AWS::ElasticBeanstalk::Environment",
        "Properties": {
            "ApplicationName": ref("Application"),
            "VersionLabel": ref("Version"),
            "PlatformArn": PLATFORM,
            "OptionSettings": OPTIONS,
        },
    },
}
