"""What the portal itself may do: read, drive CloudFormation, and what a teardown must do beside it."""

from __future__ import annotations

from blueprint_cdk.access.statements import BOUND, allow, arn, bucket, deny, iam

OWN_STACKS = [
    arn("cloudformation", f"{kind}/{name}/*")
    for kind in ("stack", "changeSet")
    for name in ("sy-*", "CDKToolkit-swyard*", "switchyard-*")
]
ASSETS = "cdk-swyard-assets-${AWS::AccountId}-*"
RECORD_KEYS = "route53:ChangeResourceRecordSets"
TAGGED = {"StringLike": {"aws:ResourceTag/switchyard:environment": "*"}}

READER = [
    allow(
        "Stacks",
        "cloudformation",
        "Describe* List* Get* ValidateTemplate DetectStackDrift DetectStackResourceDrift",
    ),
    allow("Tags", "tag", "GetResources GetTagKeys GetTagValues"),
    allow("Network", "ec2", "Describe*"),
    allow("Databases", "rds", "Describe* ListTagsForResource"),
    allow("LoadBalancers", "elasticloadbalancing", "Describe*"),
    allow(
        "Beanstalk",
        "elasticbeanstalk",
        "Describe* ListPlatformVersions ListPlatformBranches ListTagsForResource",
    ),
    allow("Groups", "autoscaling", "Describe*"),
    allow("Firewalls", "wafv2", "List* GetWebACL GetWebACLForResource GetLoggingConfiguration"),
    allow("Certificates", "acm", "ListCertificates DescribeCertificate ListTagsForCertificate"),
    allow(
        "Zones",
        "route53",
        "ListHostedZones ListHostedZonesByName GetHostedZone ListResourceRecordSets ListTagsForResource",
    ),
    allow(
        "Keys", "kms", "ListKeys ListAliases DescribeKey ListResourceTags GetKeyRotationStatus GetKeyPolicy"
    ),
    allow("Secrets", "secretsmanager", "ListSecrets DescribeSecret"),
    allow("Logs", "logs", "DescribeLogGroups ListTagsForResource ListTagsLogGroup"),
    allow("Metrics", "cloudwatch", "DescribeAlarms GetMetricData GetMetricStatistics ListMetrics"),
    allow("BucketsList", "s3", "ListAllMyBuckets GetAccountPublicAccessBlock"),
    allow(
        "Buckets",
        "s3",
        "ListBucket ListBucketVersions GetBucketLocation GetBucketTagging GetBucketVersioning GetBucketPolicy "
        "GetEncryptionConfiguration GetLifecycleConfiguration",
        [bucket("sy-*"), bucket(ASSETS), bucket("elasticbeanstalk-*-${AWS::AccountId}")],
    ),
    allow("Images", "ecr", "DescribeRepositories DescribeImages ListImages ListTagsForResource"),
    allow("Events", "events", "ListRules DescribeRule ListTargetsByRule ListTagsForResource"),
    allow("Queues", "sqs", "ListQueues GetQueueAttributes GetQueueUrl ListQueueTags"),
    allow("Roles", "iam", "Get* List* SimulateCustomPolicy SimulatePrincipalPolicy"),
    allow("Quotas", "servicequotas", "GetServiceQuota ListServiceQuotas"),
    allow(
        "BootstrapVersion",
        "ssm",
        "GetParameter GetParameters",
        arn("ssm", "parameter/cdk-bootstrap/swyard/*"),
    ),
]

DEPLOYER = [
    allow(
        "OwnStacks",
        "cloudformation",
        "CreateStack UpdateStack DeleteStack CreateChangeSet ExecuteChangeSet DeleteChangeSet CancelUpdateStack "
        "ContinueUpdateRollback RollbackStack SetStackPolicy UpdateTerminationProtection TagResource UntagResource",
        OWN_STACKS,
    ),
    deny(
        "NotItsOwnAccess",
        (
            "cloudformation:CreateStack",
            "cloudformation:UpdateStack",
            "cloudformation:DeleteStack",
            "cloudformation:CreateChangeSet",
            "cloudformation:ExecuteChangeSet",
            "cloudformation:SetStackPolicy",
            "cloudformation:UpdateTerminationProtection",
        ),
        arn("cloudformation", "stack/switchyard-access*/*"),
    ),
    allow(
        "ToCloudFormationOnly",
        "iam",
        "PassRole",
        [iam("role/cdk-swyard-cfn-exec-role-${AWS::AccountId}-*"), iam("role/SwitchyardBootstrap")],
        {"StringEquals": {"iam:PassedToService": "cloudformation.amazonaws.com"}},
    ),
    allow(
        "Assets",
        "s3",
        "ListBucket GetBucketLocation GetObject PutObject AbortMultipartUpload",
        [bucket(ASSETS), bucket(f"{ASSETS}/*")],
    ),
    allow(
        "Events",
        "sqs",
        "ReceiveMessage DeleteMessage ChangeMessageVisibility GetQueueUrl GetQueueAttributes",
        arn("sqs", "switchyard-events*"),
    ),
]

DEPLOYER_TEARDOWN = [
    allow(
        "BucketsEmptyList", "s3", "ListBucket ListBucketVersions ListBucketMultipartUploads", bucket("sy-*")
    ),
    allow(
        "BucketsEmpty",
        "s3",
        "DeleteObject DeleteObjectVersion AbortMultipartUpload",
        bucket("sy-*/*"),
    ),
    allow(
        "LastCopies",
        "rds",
        "CreateDBClusterSnapshot CopyDBClusterSnapshot DeleteDBClusterSnapshot AddTagsToResource "
        "RemoveTagsFromResource",
        [arn("rds", "cluster:sy-*"), arn("rds", "cluster-snapshot:sy-*")],
    ),
    allow(
        "KeysOfWhatIsGone",
        "kms",
        "ScheduleKeyDeletion CancelKeyDeletion TagResource",
        arn("kms", "key/*"),
        TAGGED,
    ),
    allow(
        "KeysOfLastCopies",
        "kms",
        "CreateGrant Decrypt Encrypt GenerateDataKey GenerateDataKeyWithoutPlaintext ReEncryptFrom ReEncryptTo "
        "DescribeKey",
        arn("kms", "key/*"),
        {"StringLike": {"kms:ViaService": "rds.*.amazonaws.com"}},
    ),
    allow("ImagesOfWhatIsGone", "ecr", "BatchDeleteImage", arn("ecr", "repository/sy-*")),
    # CloudFormation cannot close a VPC's default security group. It can only be taken from, not given to.
    allow(
        "DefaultGroups",
        "ec2",
        "RevokeSecurityGroupIngress RevokeSecurityGroupEgress",
        arn("ec2", "security-group/*"),
    ),
    # CloudFormation leaves the CNAME that proved a certificate. Nothing but such a record can be taken away.
    allow(
        "ValidationRecords",
        "route53",
        "ChangeResourceRecordSets",
        {"Fn::Sub": "arn:${AWS::Partition}:route53:::hostedzone/*"},
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
]

BOOTSTRAP = [
    allow(
        "RolesWithinTheBoundary",
        "iam",
        "CreateRole PutRolePolicy AttachRolePolicy PutRolePermissionsBoundary",
        iam("role/cdk-swyard-*"),
        BOUND,
    ),
    allow(
        "Roles",
        "iam",
        "DeleteRole DeleteRolePolicy DetachRolePolicy GetRole GetRolePolicy ListRolePolicies "
        "ListAttachedRolePolicies ListRoleTags TagRole UntagRole UpdateRole UpdateRoleDescription "
        "UpdateAssumeRolePolicy",
        iam("role/cdk-swyard-*"),
    ),
    allow(
        "AssetsBucket",
        "s3",
        "CreateBucket DeleteBucket ListBucket GetBucket* PutBucket* DeleteBucketPolicy GetEncryptionConfiguration "
        "PutEncryptionConfiguration GetLifecycleConfiguration PutLifecycleConfiguration "
        "GetAccelerateConfiguration GetAnalyticsConfiguration GetInventoryConfiguration GetMetricsConfiguration "
        "GetReplicationConfiguration GetIntelligentTieringConfiguration TagResource UntagResource ListTagsForResource",
        bucket(ASSETS),
    ),
    allow(
        "AssetsRepository",
        "ecr",
        "CreateRepository DeleteRepository DescribeRepositories SetRepositoryPolicy GetRepositoryPolicy "
        "DeleteRepositoryPolicy PutLifecyclePolicy GetLifecyclePolicy DeleteLifecyclePolicy PutImageTagMutability "
        "PutImageScanningConfiguration ListTagsForResource TagResource UntagResource",
        arn("ecr", "repository/cdk-swyard-*"),
    ),
    allow(
        "Version",
        "ssm",
        "PutParameter DeleteParameter GetParameter GetParameters AddTagsToResource RemoveTagsFromResource "
        "ListTagsForResource",
        arn("ssm", "parameter/cdk-bootstrap/swyard/*"),
    ),
]
