"""Who may do what, and on what not: a row for each right of the portal's roles and CloudFormation's."""

from __future__ import annotations

from typing import Any

import pytest

from blueprint_cdk.access.templates import ACCESS, ACCESS_EXECUTION
from tests.blueprint_cdk.permissions import ACCOUNT, BACKUP, BOUNDARY, CFN, DEPLOYER, EXECUTION, IAM, allowed

ZONE = "arn:aws:route53:::hostedzone/Z1"
GUARD = f"{IAM}:role/SwitchyardGuard"
AUDIT = f"arn:aws:s3:::switchyard-audit-{ACCOUNT}-eu-west-1"
BACKED_UP = f"arn:aws:rds:eu-west-1:{ACCOUNT}:cluster-snapshot:awsbackup"
PATCHES = "arn:aws:s3:::elasticbeanstalk-env-resources-eu-west-1"
"""AWS's own, which Beanstalk reads with the rights of whoever makes an environment."""
BEANSTALKS = f"arn:aws:s3:::elasticbeanstalk-eu-west-1-{ACCOUNT}"
TRAIL = f"arn:aws:cloudtrail:eu-west-1:{ACCOUNT}:trail/switchyard"


def record_change(action: str, kind: str, *names: str) -> dict[str, Any]:
    """The condition keys of a change of records."""
    told = "ChangeResourceRecordSets"
    return {
        f"{told}Actions": [action],
        f"{told}RecordTypes": [kind],
        f"{told}NormalizedRecordNames": list(names),
    }


PROOF, OTHER = "_8f3c.shop.dev.example.org", "_8f3c.shop.payroll.example.org"
MAY = [
    # policies, action, resource, context, allowed
    (DEPLOYER, "cloudformation:CreateChangeSet", f"{CFN}:stack/sy-shop-k3x9-data/1", {}, True),
    (DEPLOYER, "cloudformation:CreateChangeSet", f"{CFN}:stack/CDKToolkit-swyard/1", {}, True),
    (DEPLOYER, "cloudformation:DeleteChangeSet", f"{CFN}:stack/sy-shop-k3x9-data/1", {}, True),
    (DEPLOYER, "cloudformation:DeleteChangeSet", f"{CFN}:stack/payroll/1", {}, False),
    (DEPLOYER, "cloudformation:DeleteStack", f"{CFN}:stack/switchyard-baseline/1", {}, True),
    (DEPLOYER, "cloudformation:DeleteStack", f"{CFN}:stack/switchyard-access/1", {}, False),
    *(
        (who, f"cloudformation:{verb}", f"{CFN}:stack/{name}/1", {}, False)
        for who in (DEPLOYER, EXECUTION)
        for name in (ACCESS, ACCESS_EXECUTION)
        for verb in (
            "CreateStack",
            "UpdateStack",
            "DeleteStack",
            "CancelUpdateStack",
            "ContinueUpdateRollback",
        )
    ),
    (DEPLOYER, "cloudformation:UpdateStack", f"{CFN}:stack/payroll/1", {}, False),
    (
        DEPLOYER,
        "iam:PassRole",
        f"{IAM}:role/cdk-swyard-cfn-exec-role-{ACCOUNT}-eu-west-1",
        {"PassedToService": "cloudformation.amazonaws.com"},
        True,
    ),
    (
        DEPLOYER,
        "iam:PassRole",
        f"{IAM}:role/cdk-swyard-cfn-exec-role-{ACCOUNT}-eu-west-1",
        {"PassedToService": "ec2.amazonaws.com"},
        False,
    ),
    (
        DEPLOYER,
        "iam:PassRole",
        f"{IAM}:role/Admin",
        {"PassedToService": "cloudformation.amazonaws.com"},
        False,
    ),
    (DEPLOYER, "iam:PutRolePolicy", f"{IAM}:role/SwitchyardDeployer", {}, False),
    (DEPLOYER, "iam:CreatePolicyVersion", BOUNDARY, {}, False),
    (DEPLOYER, "cloudtrail:StopLogging", f"arn:aws:cloudtrail:eu-west-1:{ACCOUNT}:trail/main", {}, False),
    (
        DEPLOYER,
        "secretsmanager:GetSecretValue",
        f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:sy-a",
        {},
        False,
    ),
    *(
        (DEPLOYER, "iam:PassRole", f"{IAM}:role/{role}", {"PassedToService": f"{to}.amazonaws.com"}, good)
        for role, to, good in (
            ("sy-shop-k3x9-uploads-backfill", "batchoperations.s3", True),
            ("sy-shop-k3x9-uploads-backfill", "ec2", False),
            ("sy-shop-k3x9-uploads-backfill", "cloudformation", False),
            ("sy-shop-k3x9-app-Role", "batchoperations.s3", False),
            ("payroll-backfill", "batchoperations.s3", False),
        )
    ),
    (DEPLOYER, "s3:UpdateJobStatus", f"arn:aws:s3:eu-west-1:{ACCOUNT}:job/1", {}, True),
    (DEPLOYER, "s3:UpdateJobPriority", f"arn:aws:s3:eu-west-1:{ACCOUNT}:job/1", {}, False),
    (("SwitchyardRead",), "s3:CreateJob", "*", {}, False),
    (("SwitchyardRead",), "s3:UpdateJobStatus", f"arn:aws:s3:eu-west-1:{ACCOUNT}:job/1", {}, False),
    (DEPLOYER, "s3:PutObject", f"arn:aws:s3:::cdk-swyard-assets-{ACCOUNT}-eu-west-1/a.json", {}, True),
    (DEPLOYER, "s3:PutObject", "arn:aws:s3:::sy-shop-k3x9-uploads/x", {}, False),
    (DEPLOYER, "s3:DeleteObjectVersion", "arn:aws:s3:::sy-shop-k3x9-uploads/x", {}, True),
    (DEPLOYER, "s3:DeleteObjectVersion", "arn:aws:s3:::payroll/x", {}, False),
    (
        DEPLOYER,
        "kms:ScheduleKeyDeletion",
        f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/1",
        {"environment": "shop-k3x9"},
        True,
    ),
    (DEPLOYER, "kms:ScheduleKeyDeletion", f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/1", {}, False),
    (
        DEPLOYER,
        "rds:CreateDBClusterSnapshot",
        f"arn:aws:rds:eu-west-1:{ACCOUNT}:cluster:sy-shop-k3x9",
        {},
        True,
    ),
    (DEPLOYER, "route53:ChangeResourceRecordSets", ZONE, record_change("DELETE", "CNAME", PROOF), True),
    (DEPLOYER, "route53:ChangeResourceRecordSets", ZONE, record_change("UPSERT", "CNAME", PROOF), False),
    (DEPLOYER, "route53:ChangeResourceRecordSets", ZONE, record_change("DELETE", "A", PROOF), False),
    (DEPLOYER, "route53:ChangeResourceRecordSets", ZONE, record_change("DELETE", "CNAME", OTHER), False),
    (
        DEPLOYER,
        "route53:ChangeResourceRecordSets",
        ZONE,
        record_change("DELETE", "CNAME", PROOF, "www.dev.example.org"),
        False,
    ),
    (DEPLOYER, "route53:ChangeResourceRecordSets", ZONE, {}, False),
    # The guard is made once, by its own role, and that role makes nothing else.
    (DEPLOYER, "cloudformation:CreateStack", f"{CFN}:stack/switchyard-guard/1", {"RoleArn": GUARD}, True),
    (DEPLOYER, "cloudformation:CreateStack", f"{CFN}:stack/switchyard-x/1", {"RoleArn": GUARD}, False),
    (
        DEPLOYER,
        "cloudformation:CreateStack",
        f"{CFN}:stack/switchyard-guard/1".replace("eu-west-1", "us-east-1"),
        {"RoleArn": GUARD},
        False,
    ),
    (DEPLOYER, "cloudformation:CreateChangeSet", f"{CFN}:stack/sy-a/1", {"RoleArn": GUARD}, False),
    (DEPLOYER, "cloudformation:CreateChangeSet", f"{CFN}:stack/switchyard-guard/1", {}, False),
    (DEPLOYER, "cloudformation:UpdateStack", f"{CFN}:stack/switchyard-guard/1", {}, False),
    (DEPLOYER, "cloudformation:DeleteStack", f"{CFN}:stack/switchyard-guard/1", {}, False),
    # It is created with a policy and protected from its end.
    (DEPLOYER, "cloudformation:SetStackPolicy", f"{CFN}:stack/switchyard-guard/1", {}, True),
    (DEPLOYER, "cloudformation:UpdateTerminationProtection", f"{CFN}:stack/switchyard-guard/1", {}, True),
    (DEPLOYER, "s3:DeleteObjectVersion", f"{AUDIT}/chain/1.json", {}, False),
    (DEPLOYER, "s3:PutBucketPolicy", AUDIT, {}, False),
    (EXECUTION, "cloudtrail:StopLogging", TRAIL, {}, False),
    (EXECUTION, "cloudtrail:CreateTrail", TRAIL, {}, False),
    (EXECUTION, "s3:GetObject", f"{PATCHES}/eb_patching_resources/instance_patch_extension.linux", {}, True),
    (EXECUTION, "s3:PutObject", f"{PATCHES}/eb_patching_resources/instance_patch_extension.linux", {}, False),
    # The create handler of AWS::ElasticBeanstalk::Application documents both: its first one makes this bucket.
    (EXECUTION, "s3:PutBucketAcl", BEANSTALKS, {}, True),
    (EXECUTION, "s3:PutBucketObjectLockConfiguration", BEANSTALKS, {}, True),
    (
        EXECUTION,
        "glue:DeleteDatabase",
        f"arn:aws:glue:eu-west-1:{ACCOUNT}:userDefinedFunction/sy_a/*",
        {},
        True,
    ),
    (
        EXECUTION,
        "cognito-idp:AssociateWebACL",
        f"arn:aws:wafv2:eu-west-1:{ACCOUNT}:regional/webacl/sy-shop-k3x9/0a1b",
        {},
        True,
    ),
    (EXECUTION, "s3:PutBucketPolicy", AUDIT, {}, False),
    (EXECUTION, "s3:PutLifecycleConfiguration", AUDIT, {}, False),
    (EXECUTION, "iam:PutGroupPolicy", f"{IAM}:group/switchyard-aws-operator", {}, False),
    *(
        (("SwitchyardBoundary",), action, resource, {"PrincipalArn": who}, who == GUARD)
        for who in (GUARD, f"{IAM}:role/SwitchyardDeployer", f"{IAM}:role/sy-shop-k3x9-app-Role")
        for action, resource in (
            ("cloudtrail:UpdateTrail", TRAIL),
            ("s3:PutBucketPolicy", AUDIT),
            ("s3:PutLifecycleConfiguration", AUDIT),
            ("s3:DeleteObjectVersion", f"{AUDIT}/chain/1.json"),
            ("s3:PutObjectRetention", f"{AUDIT}/chain/1.json"),
            ("iam:PutGroupPolicy", f"{IAM}:group/switchyard-aws-operator"),
        )
    ),
    (("SwitchyardBoundary",), "s3:PutObject", f"{AUDIT}/chain/1.json", {}, True),
    (("SwitchyardBoundary",), "s3:PutObject", AUDIT.replace("audit", "trail") + "/x", {}, False),
    # Backups: vaults of environments' names; recovery points of theirs, and of nobody else's.
    (EXECUTION, "backup:CreateBackupVault", f"{BACKUP}:backup-vault:sy-shop-k3x9", {}, True),
    (EXECUTION, "backup:DeleteBackupVault", f"{BACKUP}:backup-vault:Default", {}, False),
    (EXECUTION, "backup:DeleteRecoveryPoint", f"{BACKUP}:recovery-point:x", {}, False),
    (DEPLOYER, "backup:DeleteRecoveryPoint", f"{BACKUP}:recovery-point:x", {}, False),
    (
        DEPLOYER,
        "backup:DeleteRecoveryPoint",
        f"{BACKUP}:recovery-point:x",
        {"environment": "shop-k3x9"},
        True,
    ),
    *(
        (DEPLOYER, "rds:DeleteDBClusterSnapshot", f"{BACKED_UP}:job-1", keys, expected)
        for keys, expected in (({}, False), ({"CalledVia": ["backup.amazonaws.com"]}, True))
    ),
    # What knows no resource is asked about for all of them (Service Authorization Reference).
    *(
        (EXECUTION, action, "*", {}, True)
        for action in (
            "cognito-identity:SetIdentityPoolRoles",
            "cognito-identity:SetPrincipalTagAttributeMap",
            "logs:DescribeIndexPolicies",
            "quicksight:CreateDataSource",
            "quicksight:ListIngestions",
            "rds:CreateDBProxy",
            "sns:Unsubscribe",
            "synthetics:CreateCanary",
        )
    ),
    (DEPLOYER, "backup:UpdateRegionSettings", "*", {}, True),
    (("SwitchyardRead",), "backup:UpdateRegionSettings", "*", {}, False),
    (("SwitchyardRead",), "route53:UpdateHostedZoneFeatures", "*", {}, False),
    (DEPLOYER, "route53:UpdateHostedZoneFeatures", "*", {}, False),
    (("SwitchyardRead",), "cloudformation:DeleteStack", f"{CFN}:stack/sy-shop-k3x9-data/1", {}, False),
    (("SwitchyardRead",), "cloudformation:DescribeStacks", f"{CFN}:stack/sy-shop-k3x9-data/1", {}, True),
    (
        EXECUTION,
        "iam:CreateRole",
        f"{IAM}:role/sy-shop-k3x9-app-Role",
        {"PermissionsBoundary": BOUNDARY},
        True,
    ),
    (EXECUTION, "iam:CreateRole", f"{IAM}:role/sy-shop-k3x9-app-Role", {}, False),
    (EXECUTION, "iam:CreateRole", f"{IAM}:role/Admin", {"PermissionsBoundary": BOUNDARY}, False),
    (
        EXECUTION,
        "iam:PutRolePolicy",
        f"{IAM}:role/SwitchyardDeployer",
        {"PermissionsBoundary": BOUNDARY},
        False,
    ),
    (EXECUTION, "iam:DeleteRolePermissionsBoundary", f"{IAM}:role/sy-shop-k3x9-app-Role", {}, False),
    (EXECUTION, "iam:CreateUser", f"{IAM}:user/mallory", {}, False),
    *(
        (EXECUTION, action, f"arn:aws:{service}:eu-west-1:{ACCOUNT}:{resource}", {}, expected)
        for service, action, resource, expected in (
            ("firehose", "firehose:CreateDeliveryStream", "deliverystream/sy-shop-k3x9-events", True),
            ("firehose", "firehose:CreateDeliveryStream", "deliverystream/other", False),
            ("firehose", "firehose:PutRecord", "deliverystream/sy-shop-k3x9-events", False),
            ("glue", "glue:CreateTable", "table/sy_shop_k3x9/events", True),
            ("glue", "glue:CreateTable", "table/default/events", False),
            ("athena", "athena:CreateWorkGroup", "workgroup/sy-shop-k3x9", True),
            ("athena", "athena:UpdateWorkGroup", "workgroup/primary", False),
            ("athena", "athena:StartQueryExecution", "workgroup/sy-shop-k3x9", False),
            ("quicksight", "quicksight:CreateDashboard", "dashboard/sy-shop-k3x9", True),
            ("quicksight", "quicksight:DeleteDashboard", "dashboard/other", False),
            ("quicksight", "quicksight:RegisterUser", "user/default/mallory", False),
            ("dynamodb", "dynamodb:CreateTable", "table/sy-shop-k3x9-devices", True),
            ("dynamodb", "dynamodb:DeleteTable", "table/other", False),
            ("dynamodb", "dynamodb:CreateTableReplica", "table/sy-shop-k3x9-user-data", True),
            ("dynamodb", "dynamodb:Scan", "table/other", False),
            ("cognito-idp", "cognito-idp:CreateUserPoolReplica", "userpool/eu-west-1_abc", True),
            ("cognito-idp", "cognito-idp:UpdateUserPoolReplica", "userpool/eu-west-1_abc", True),
            ("cognito-idp", "cognito-idp:AdminCreateUser", "userpool/eu-west-1_abc", False),
            ("ses", "ses:CreateEmailIdentity", "identity/shop.dev.example.com", True),
            ("ses", "ses:SendEmail", "identity/shop.dev.example.com", False),
            ("ses", "ses:DeleteConfigurationSet", "configuration-set/other", False),
            ("mobiletargeting", "mobiletargeting:UpdateGcmChannel", "apps/1/channels/gcm", True),
            ("mobiletargeting", "mobiletargeting:SendMessages", "apps/1/messages", False),
            ("sqs", "sqs:CreateQueue", "sy-shop-k3x9-orders", True),
            ("sqs", "sqs:DeleteQueue", "other", False),
            ("synthetics", "synthetics:CreateCanary", "canary:sy-shop-k3x9", True),
            ("synthetics", "synthetics:DeleteCanary", "canary:other", False),
            ("lambda", "lambda:CreateFunction", "function:cwsyn-sy-shop-k3x9-1", True),
            ("lambda", "lambda:CreateFunction", "function:other", False),
            ("lambda", "lambda:InvokeFunction", "function:cwsyn-sy-shop-k3x9-1", False),
        )
    ),
    *(
        (EXECUTION, "iam:PassRole", f"{IAM}:role/{role}", {"PassedToService": service}, expected)
        for role, service, expected in (
            ("sy-shop-k3x9-analytics-Role", "firehose.amazonaws.com", True),
            ("sy-shop-k3x9-analytics-Role", "quicksight.amazonaws.com", True),
            ("sy-shop-k3x9-analytics-Role", "glue.amazonaws.com", False),
            ("sy-shop-k3x9-operations-Role", "lambda.amazonaws.com", True),
            ("Admin", "firehose.amazonaws.com", False),
        )
    ),
    (("SwitchyardBoundary",), "iam:CreateRole", f"{IAM}:role/sy-x", {"PermissionsBoundary": BOUNDARY}, True),
    (("SwitchyardBoundary",), "iam:CreateRole", f"{IAM}:role/sy-x", {}, False),
    (("SwitchyardBoundary",), "iam:CreatePolicyVersion", BOUNDARY, {}, False),
    (("SwitchyardBoundary",), "iam:CreateUser", f"{IAM}:user/mallory", {}, False),
    (
        ("SwitchyardBoundary",),
        "cloudtrail:StopLogging",
        f"arn:aws:cloudtrail:eu-west-1:{ACCOUNT}:trail/x",
        {},
        False,
    ),
    *(
        (EXECUTION, action, f"arn:aws:{resource}", {}, expected)
        for action, resource, expected in (
            ("codecommit:CreateRepository", f"codecommit:eu-west-1:{ACCOUNT}:sy-app-shop-k3x9", True),
            ("codecommit:DeleteRepository", f"codecommit:eu-west-1:{ACCOUNT}:payroll", False),
            ("codecommit:GitPush", f"codecommit:eu-west-1:{ACCOUNT}:sy-app-shop-k3x9", False),
            ("codepipeline:CreatePipeline", f"codepipeline:eu-west-1:{ACCOUNT}:sy-app-shop-k3x9", True),
            ("codepipeline:DeletePipeline", f"codepipeline:eu-west-1:{ACCOUNT}:payroll", False),
            ("codepipeline:PutApprovalResult", f"codepipeline:eu-west-1:{ACCOUNT}:sy-app-shop-k3x9", False),
            ("ecr:CreateRepository", f"ecr:eu-west-1:{ACCOUNT}:repository/sy-app-shop-k3x9", True),
            ("ecr:DeleteRepository", f"ecr:eu-west-1:{ACCOUNT}:repository/payroll", False),
            ("ecr:BatchDeleteImage", f"ecr:eu-west-1:{ACCOUNT}:repository/sy-app-shop-k3x9", False),
            ("ecr:PutImage", f"ecr:eu-west-1:{ACCOUNT}:repository/sy-app-shop-k3x9", False),
            ("events:PutRule", f"events:eu-west-1:{ACCOUNT}:rule/sy-app-shop-k3x9-commits", True),
            ("events:PutRule", f"events:eu-west-1:{ACCOUNT}:rule/payroll", False),
        )
    ),
    *(
        (
            EXECUTION,
            "iam:PassRole",
            f"{IAM}:role/{role}",
            {"PassedToService": f"{to}.amazonaws.com"},
            expected,
        )
        for role, to, expected in (
            ("sy-app-shop-k3x9-PipelineRole", "codepipeline", True),
            ("sy-app-shop-k3x9-RepositoryStarterRole", "events", True),
            ("sy-app-shop-k3x9-PipelineRole", "ecs-tasks", False),
            ("Admin", "codepipeline", False),
        )
    ),
    (
        ("SwitchyardRead",),
        "ecr:DescribeImages",
        f"arn:aws:ecr:eu-west-1:{ACCOUNT}:repository/sy-app-shop-k3x9",
        {},
        True,
    ),
    (
        ("SwitchyardRead",),
        "ecr:BatchGetImage",
        f"arn:aws:ecr:eu-west-1:{ACCOUNT}:repository/sy-app-shop-k3x9",
        {},
        False,
    ),
    (
        ("SwitchyardBootstrap",),
        "iam:CreateRole",
        f"{IAM}:role/cdk-swyard-deploy-role",
        {"PermissionsBoundary": BOUNDARY},
        True,
    ),
    (
        ("SwitchyardBootstrap",),
        "iam:CreateRole",
        f"{IAM}:role/Admin",
        {"PermissionsBoundary": BOUNDARY},
        False,
    ),
]


@pytest.mark.parametrize(("policies", "action", "resource", "context", "expected"), MAY)
def test_who_may_do_what(
    policies: tuple[str, ...], action: str, resource: str, context: dict[str, Any], expected: bool
) -> None:
    assert allowed(policies, action, resource, **context) is expected


def test_the_reader_sees_whether_a_secret_is_set_and_what_a_standby_leaves_and_no_value() -> None:
    reader = ("SwitchyardRead",)
    secret = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:sy-shop-k3x9/app/SMTP_PASSWORD-AbCdEf"
    assert allowed(reader, "secretsmanager:DescribeSecret", secret)
    assert allowed(reader, "secretsmanager:ListSecrets", "*")
    for action in ("GetSecretValue", "PutSecretValue", "UpdateSecret", "DeleteSecret"):
        assert not allowed(reader, f"secretsmanager:{action}", secret)
    assert allowed(
        reader, "rds:DescribeGlobalClusters", "arn:aws:rds::111122223333:global-cluster:sy-shop-k3x9"
    )
    assert allowed(reader, "route53:ListHealthChecks", "*")
    assert not allowed(
        reader, "rds:DeleteGlobalCluster", "arn:aws:rds::111122223333:global-cluster:sy-shop-k3x9"
    )


def test_the_reader_reads_quotas_and_asks_for_no_more_of_them() -> None:
    reader = ("SwitchyardRead",)
    assert allowed(reader, "servicequotas:ListServiceQuotas", "*")
    assert allowed(reader, "iam:GetAccountSummary", "*")
    assert not allowed(DEPLOYER, "servicequotas:RequestServiceQuotaIncrease", "*")
