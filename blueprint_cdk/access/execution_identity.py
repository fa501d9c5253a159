"""Where CloudFormation may do what it needs for sign-in, identities, and user data that devices share."""

from __future__ import annotations

from blueprint_cdk.access.scopes import Scope
from blueprint_cdk.access.statements import OWN_ROLES, SERVICE_LINKED, arn, linked_to, passed_to

IDENTITY: tuple[Scope, ...] = (
    # Pools have generated ids; making one, and looking at a domain, know no resource.
    Scope("UserPoolsMake", "cognito-idp", "CreateUserPool DescribeUserPoolDomain"),
    Scope(
        "UserPools",
        "cognito-idp",
        "AddCustomAttributes DeleteUserPool DescribeUserPool UpdateUserPool *UserPoolReplica ListUserPoolReplicas "
        "*UserPoolMfaConfig *UserPoolClient *UserPoolClientSecrets *UserPoolDomain *Group *ManagedLoginBranding "
        "*ManagedLoginBrandingByClient *Resource *WebACL *WebACLForResource",
        arn("cognito-idp", "userpool/*"),
    ),
    # A firewall is put on a pool with a right to both.
    Scope("UserPoolsFirewall", "cognito-idp", "AssociateWebACL", arn("wafv2", "regional/webacl/sy-*")),
    Scope(
        "IdentityPoolsMake",
        "cognito-identity",
        "CreateIdentityPool SetIdentityPoolRoles SetPrincipalTagAttributeMap",
    ),
    Scope(
        "IdentityPools",
        "cognito-identity",
        "DeleteIdentityPool DescribeIdentityPool UpdateIdentityPool GetIdentityPoolRoles GetPrincipalTagAttributeMap "
        "*Resource",
        arn("cognito-identity", "identitypool/*"),
    ),
    # The Service Authorization Reference knows no resources for most of them.
    Scope(
        "UserDataApi",
        "appsync",
        "*GraphqlApi *GraphqlApiEnvironmentVariables *DataSource *Resolver *SchemaCreation* *Resource *WebACL "
        "*WebACLForResource",
    ),
    Scope(
        "UserDataTables",
        "dynamodb",
        "CreateTable DeleteTable UpdateTable Describe* UpdateTimeToLive UpdateContinuousBackups *TagsOfResource "
        "*Resource GetResourcePolicy "
        # A new replica is filled with the rights of who makes it (developer guide, "Using IAM with global tables").
        "*TableReplica BatchWriteItem DeleteItem GetItem PutItem Query Scan UpdateItem",
        arn("dynamodb", "table/sy-*"),
    ),
    # DynamoDB's own role carries writes from replica to replica, Cognito's sends by SES.
    Scope(
        "IdentityServiceRoles",
        "iam",
        "CreateServiceLinkedRole",
        SERVICE_LINKED,
        linked_to("replication.dynamodb", "email.cognito-idp"),
    ),
    Scope("UserDataTablesTell", "cloudwatch", "PutMetricData"),
    Scope("UserKeys", "kms", "ReEncryptFrom ReEncryptTo RevokeGrant", arn("kms", "key/*")),
    Scope(
        "UserDataLogs",
        "logs",
        "CreateLogGroup DeleteLogGroup *RetentionPolicy *KmsKey *Resource",
        arn("logs", "log-group:/aws/appsync/apis/*"),
    ),
    Scope("RolesToIdentity", "iam", "PassRole", OWN_ROLES, passed_to("appsync", "cognito-identity")),
)
