"""Where the portal's own roles may do what they need: read, drive CloudFormation, and what a teardown does beside it.

The conditions and the denials are written by hand; which actions of a scope are allowed comes from needs.py.
"""

from __future__ import annotations

from blueprint_cdk.access.needs import policies
from blueprint_cdk.access.scopes import Scope
from blueprint_cdk.access.statements import GUARD_ARN, arn, bucket, deny, iam, passed_to

OWN_STACKS = [
    arn("cloudformation", f"{kind}/{name}/*")
    for kind in ("stack", "changeSet")
    for name in ("sy-*", "CDKToolkit-swyard*", "switchyard-*")
]
AUDIT = "switchyard-audit-${AWS::AccountId}-*"
ASSETS = "cdk-swyard-assets-${AWS::AccountId}-*"
RECORD_KEYS = "route53:ChangeResourceRecordSets"
TAGGED = {"StringLike": {"aws:ResourceTag/switchyard:environment": "*"}}
ZONES = {"Fn::Sub": "arn:${AWS::Partition}:route53:::hostedzone/*"}

READER_SCOPES = {
    "SwitchyardRead": (
        Scope("Stacks", "cloudformation", "Describe* List* Detect* GetTemplate GetTemplateSummary"),
        Scope("Tags", "tag", "Get*"),
        Scope("Network", "ec2", "Describe* GetEbsEncryptionByDefault"),
        Scope("Databases", "rds", "Describe* ListTagsForResource"),
        Scope("LoadBalancers", "elasticloadbalancing", "Describe*"),
        Scope("Beanstalk", "elasticbeanstalk", "Describe* List*"),
        Scope("Groups", "autoscaling", "Describe*"),
        Scope("Firewalls", "wafv2", "List* GetWebACL"),
        Scope("Certificates", "acm", "List* DescribeCertificate"),
        Scope("Zones", "route53", "List* GetHostedZone"),
        Scope("Keys", "kms", "List* DescribeKey"),
        Scope("Secrets", "secretsmanager", "ListSecrets DescribeSecret"),
        Scope("Logs", "logs", "DescribeLogGroups ListTagsForResource"),
        Scope("Metrics", "cloudwatch", "Describe* List* GetMetric*"),
        Scope("BucketsList", "s3", "ListAllMyBuckets"),
        Scope(
            "Buckets",
            "s3",
            "ListBucket ListBucketVersions GetBucket*",
            [bucket("sy-*"), bucket(ASSETS), bucket(AUDIT), bucket("elasticbeanstalk-*-${AWS::AccountId}")],
        ),
        Scope("AuditRead", "s3", "GetObjectVersion", bucket(f"{AUDIT}/*")),
        Scope("Images", "ecr", "Describe* List*"),
        Scope("Events", "events", "Describe* List*"),
        Scope("Queues", "sqs", "List*"),
        Scope("Topics", "sns", "List*"),
        Scope("Budgets", "budgets", "ViewBudget"),
        Scope("BudgetsView", "billing", "GetBillingViewData"),
        Scope("Projects", "codebuild", "ListProjects"),
        Scope(
            "Roles", "iam", "List* GetRole GetAccountSummary GetAccountPasswordPolicy SimulatePrincipalPolicy"
        ),
        Scope("Users", "cognito-idp", "ListUserPools DescribeUserPool"),
        Scope("Identities", "cognito-identity", "ListIdentityPools"),
        Scope("Catalogs", "glue", "GetDatabases"),
        Scope("Tables", "dynamodb", "ListTables DescribeTable"),
        Scope("Backups", "backup", "List* DescribeRegionSettings"),
        Scope("Quotas", "servicequotas", "ListServiceQuotas"),
        Scope("CostTags", "ce", "ListCostAllocationTags"),
        # The preflight: what an account has by subscription, or by asking AWS.
        Scope("SupportPlan", "trustedadvisor", "ListChecks"),
        Scope("Mail", "ses", "GetAccount"),
        Scope("Dashboards", "quicksight", "DescribeAccountSubscription"),
    ),
}

DEPLOYER_SCOPES = {
    "SwitchyardDeploy": (
        Scope(
            "OwnStacks",
            "cloudformation",
            "CreateStack DeleteStack CancelUpdateStack ContinueUpdateRollback *ChangeSet SetStackPolicy "
            "UpdateTerminationProtection TagResource",
            OWN_STACKS,
        ),
        Scope(
            "ToCloudFormationOnly",
            "iam",
            "PassRole",
            [
                iam("role/cdk-swyard-cfn-exec-role-${AWS::AccountId}-*"),
                iam("role/SwitchyardBootstrap"),
                GUARD_ARN,
            ],
            {"StringEquals": {"iam:PassedToService": "cloudformation.amazonaws.com"}},
        ),
        Scope("Assets", "s3", "ListBucket GetObject PutObject", [bucket(ASSETS), bucket(f"{ASSETS}/*")]),
        # What was in a bucket before its standby: the job copies with the rights of a role that only S3 may take.
        Scope("Backfill", "s3", "CreateJob"),
        Scope("BackfillJobs", "s3", "DescribeJob UpdateJobStatus", arn("s3", "job/*")),
        Scope("BackfillRole", "iam", "PassRole", iam("role/sy-*-backfill"), passed_to("batchoperations.s3")),
        # What is put there stays: the bucket is locked, and its policy and retention are nobody's of the portal's.
        Scope("AuditWrite", "s3", "PutObject", bucket(f"{AUDIT}/*")),
        Scope("Events", "sqs", "ReceiveMessage DeleteMessage", arn("sqs", "switchyard-events*")),
        # A version is named before the stack's update puts it on the environment.
        Scope(
            "Versions",
            "elasticbeanstalk",
            "CreateApplicationVersion",
            [arn("elasticbeanstalk", f"{kind}/sy-*") for kind in ("application", "applicationversion")],
        ),
        # What has no CloudFormation type. They can be set, and not taken back.
        Scope("PasswordPolicy", "iam", "UpdateAccountPasswordPolicy"),
        Scope("DiskEncryption", "ec2", "EnableEbsEncryptionByDefault"),
        Scope("BackupServices", "backup", "UpdateRegionSettings"),
        Scope("CostTagsActivate", "ce", "UpdateCostAllocationTagsStatus"),
    ),
    "SwitchyardTeardown": (
        Scope("BucketsEmptyList", "s3", "ListBucket ListBucket*", bucket("sy-*")),
        Scope(
            "BucketsEmpty", "s3", "DeleteObject DeleteObjectVersion AbortMultipartUpload", bucket("sy-*/*")
        ),
        Scope(
            "LastCopies",
            "rds",
            "CreateDBClusterSnapshot DeleteDBClusterSnapshot AddTagsToResource",
            [arn("rds", "cluster:sy-*"), arn("rds", "cluster-snapshot:sy-*")],
        ),
        # A vault is deleted when it is empty. Recovery points bear the tags of what they are of.
        Scope(
            "RecoveryPoints",
            "backup",
            "DeleteRecoveryPoint",
            [arn("backup", "recovery-point:*"), arn("rds", "cluster-snapshot:awsbackup:*")],
            TAGGED,
        ),
        # Those of Aurora are snapshots, which AWS Backup deletes with the rights of who asks it to (AWS managed policy
        # AWSBackupFullAccess).
        Scope(
            "DatabasePoints",
            "rds",
            "DeleteDBClusterSnapshot",
            arn("rds", "cluster-snapshot:awsbackup:*"),
            {"ForAnyValue:StringEquals": {"aws:CalledVia": "backup.amazonaws.com"}},
        ),
        # Readers that Aurora Auto Scaling named: no stack holds them, and no cluster goes before them.
        Scope("ScaledReaders", "rds", "DeleteDBInstance", arn("rds", "db:application-autoscaling-*")),
        Scope("KeysOfWhatIsGone", "kms", "ScheduleKeyDeletion", arn("kms", "key/*"), TAGGED),
        # CloudFormation cannot close a VPC's default security group. It can only be taken from, not given to.
        Scope("DefaultGroups", "ec2", "RevokeSecurityGroup*", arn("ec2", "security-group/*")),
        # CloudFormation leaves the CNAME that proved a certificate. Nothing but such a record can be taken away.
        Scope(
            "ValidationRecords",
            "route53",
            "ChangeResourceRecordSets",
            ZONES,
            {
                "ForAllValues:StringEquals": {
                    f"{RECORD_KEYS}RecordTypes": ["CNAME"],
                    f"{RECORD_KEYS}Actions": ["DELETE"],
                },
                "ForAllValues:StringLike": {
                    f"{RECORD_KEYS}NormalizedRecordNames": [{"Fn::Sub": "_*.${ZoneName}"}]
                },
                # ForAllValues also holds for a key that is not there.
                "Null": {
                    f"{RECORD_KEYS}{name}": "false"
                    for name in ("RecordTypes", "Actions", "NormalizedRecordNames")
                },
            },
        ),
    ),
}

NOT_ITS_OWN_ACCESS = deny(
    "NotItsOwnAccess",
    (
        "cloudformation:CancelUpdateStack",
        "cloudformation:ContinueUpdateRollback",
        "cloudformation:CreateStack",
        "cloudformation:UpdateStack",
        "cloudformation:DeleteStack",
        "cloudformation:CreateChangeSet",
        "cloudformation:DeleteChangeSet",
        "cloudformation:ExecuteChangeSet",
        "cloudformation:SetStackPolicy",
        "cloudformation:UpdateTerminationProtection",
    ),
    arn("cloudformation", "stack/switchyard-access*/*"),
)

GUARD_STACK = arn("cloudformation", "stack/switchyard-guard/*", region="${AWS::Region}")
"""In the region that the template is deployed to, which is the account's home."""
# Not SetStackPolicy and UpdateTerminationProtection: it is created with both, and AWS may ask for them then. Who may
# neither update nor delete a stack has nothing by taking them away.
GUARD_IS_MADE_ONCE = deny(
    "GuardIsMadeOnce",
    [
        f"cloudformation:{action}"
        for action in (
            "UpdateStack",
            "DeleteStack",
            "CreateChangeSet",
            "ExecuteChangeSet",
            "ContinueUpdateRollback",
        )
    ],
    arn("cloudformation", "stack/switchyard-guard/*"),
)
GUARD_ROLE_MAKES_NOTHING_ELSE = {
    "Sid": "GuardRoleMakesNothingElse",
    "Effect": "Deny",
    "Action": [f"cloudformation:{action}" for action in ("CreateStack", "UpdateStack", "CreateChangeSet")],
    "NotResource": GUARD_STACK,
    "Condition": {"StringEquals": {"cloudformation:RoleArn": GUARD_ARN}},
}

READER = policies("reader", READER_SCOPES)
_DEPLOYER = policies("deployer", DEPLOYER_SCOPES, has=READER["SwitchyardRead"])
DEPLOYER = {
    **_DEPLOYER,
    "SwitchyardDeploy": [
        *_DEPLOYER["SwitchyardDeploy"],
        NOT_ITS_OWN_ACCESS,
        GUARD_IS_MADE_ONCE,
        GUARD_ROLE_MAKES_NOTHING_ELSE,
    ],
}
