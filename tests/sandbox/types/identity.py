"""A template's resources of users, their credentials and their own data, one of each type."""

from tests.sandbox.types.support import Resources, att, ref

ACCOUNT = "210000000043"

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "appsync.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}
USERS_TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Federated": "cognito-identity.amazonaws.com"},
            "Action": ["sts:AssumeRoleWithWebIdentity", "sts:TagSession"],
            "Condition": {"StringEquals": {"cognito-identity.amazonaws.com:aud": ref("Credentials")}},
        }
    ],
}
RESOURCES: Resources = {
    "Pool": {
        "Type": "AWS::Cognito::UserPool",
        "Properties": {
            "UserPoolName": "types",
            "UsernameAttributes": ["email"],
            "UserPoolTier": "ESSENTIALS",
        },
    },
    "Client": {
        "Type": "AWS::Cognito::UserPoolClient",
        "Properties": {"UserPoolId": ref("Pool"), "ClientName": "app"},
    },
    "Domain": {
        "Type": "AWS::Cognito::UserPoolDomain",
        "Properties": {"UserPoolId": ref("Pool"), "Domain": "sy-types-210000000043"},
    },
    "Branding": {
        "Type": "AWS::Cognito::ManagedLoginBranding",
        "Properties": {
            "UserPoolId": ref("Pool"),
            "ClientId": ref("Client"),
            "UseCognitoProvidedValues": True,
        },
    },
    "Group": {
        "Type": "AWS::Cognito::UserPoolGroup",
        "Properties": {"UserPoolId": ref("Pool"), "GroupName": "provider", "Precedence": 0},
    },
    "TwoRegions": {
        "Type": "AWS::Cognito::UserPool",
        "Properties": {
            "UserPoolTier": "ESSENTIALS",
            # A key of both regions: the test has one.
            "KeyConfiguration": {"KeyType": "CUSTOMER_MANAGED_KEY", "KmsKeyArn": "given"},
        },
    },
    "Replica": {
        "Type": "AWS::Cognito::UserPoolReplica",
        "Properties": {"UserPoolId": ref("TwoRegions"), "RegionName": "eu-central-1"},
    },
    "Settings": {
        "Type": "AWS::Cognito::UserPoolRegionalConfigurationAttachment",
        # A pool of another region that has its replica here: the test has one.
        "Properties": {"UserPoolId": "given", "Status": "ACTIVE"},
    },
    "Credentials": {
        "Type": "AWS::Cognito::IdentityPool",
        "Properties": {
            "AllowUnauthenticatedIdentities": False,
            "CognitoIdentityProviders": [
                {"ClientId": ref("Client"), "ProviderName": att("Pool", "ProviderName")}
            ],
        },
    },
    "Tags": {
        "Type": "AWS::Cognito::IdentityPoolPrincipalTag",
        "Properties": {
            "IdentityPoolId": ref("Credentials"),
            "IdentityProviderName": att("Pool", "ProviderName"),
            "PrincipalTags": {"user": "sub"},
        },
    },
    "UserRole": {
        "Type": "AWS::IAM::Role",
        "Properties": {"RoleName": "types-user", "AssumeRolePolicyDocument": USERS_TRUST},
    },
    "Roles": {
        "Type": "AWS::Cognito::IdentityPoolRoleAttachment",
        "Properties": {
            "IdentityPoolId": ref("Credentials"),
            "Roles": {"authenticated": att("UserRole", "Arn")},
        },
    },
    "Table": {
        "Type": "AWS::DynamoDB::GlobalTable",
        "Properties": {
            "TableName": "types-user-data",
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [
                {"AttributeName": name, "AttributeType": "S"} for name in ("owner", "id")
            ],
            "KeySchema": [
                {"AttributeName": "owner", "KeyType": "HASH"},
                {"AttributeName": "id", "KeyType": "RANGE"},
            ],
            "StreamSpecification": {"StreamViewType": "NEW_AND_OLD_IMAGES"},
            "TimeToLiveSpecification": {"Enabled": True, "AttributeName": "_ttl"},
            "Replicas": [
                {
                    "Region": "eu-west-1",
                    "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
                }
            ],
        },
    },
    "ApiRole": {
        "Type": "AWS::IAM::Role",
        "Properties": {"RoleName": "types-api", "AssumeRolePolicyDocument": TRUST},
    },
    "Api": {
        "Type": "AWS::AppSync::GraphQLApi",
        "Properties": {
            "Name": "types",
            "AuthenticationType": "AMAZON_COGNITO_USER_POOLS",
            "UserPoolConfig": {
                "UserPoolId": ref("Pool"),
                "AwsRegion": "eu-west-1",
                "DefaultAction": "ALLOW",
            },
        },
    },
    "Schema": {
        "Type": "AWS::AppSync::GraphQLSchema",
        "Properties": {"ApiId": att("Api", "ApiId"), "Definition": "type Query { one: Int }"},
    },
    "Source": {
        "Type": "AWS::AppSync::DataSource",
        "Properties": {
            "ApiId": att("Api", "ApiId"),
            "Name": "items",
            "Type": "AMAZON_DYNAMODB",
            "ServiceRoleArn": att("ApiRole", "Arn"),
            "DynamoDBConfig": {"AwsRegion": "eu-west-1", "TableName": ref("Table")},
        },
    },
    "Resolver": {
        "Type": "AWS::AppSync::Resolver",
        "DependsOn": "Schema",
        "Properties": {
            "ApiId": att("Api", "ApiId"),
            "TypeName": "Query",
            "FieldName": "one",
            "DataSourceName": att("Source", "Name"),
            "Runtime": {"Name": "APPSYNC_JS", "RuntimeVersion": "1.0.0"},
            "Code": "export function request() {} export function response() { return 1; }",
        },
    },
}
