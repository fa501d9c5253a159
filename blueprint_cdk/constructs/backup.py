"""Backups beside those that the services make themselves: in a vault, by a plan, with copies in the other region.

Aurora's own backups go with its cluster and a bucket's versions with the bucket; what is in the vault stays. Which
tiers have it and how long it is kept is data (data/tiers.json); why so: docs/decisions/0226-backups.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import aws_cdk as cdk
from aws_cdk import aws_backup as backup
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from constructs import Construct

from blueprint_cdk.constructs.service_roles import own_service
from blueprint_cdk.sizes import BackupRule

START_WITHIN_MINUTES, COMPLETE_WITHIN_MINUTES = 60, 720
"""A job that has not begun by then is told as failed, and so is one that has not ended."""

_CHANGES = (
    "backup:DeleteBackupVault",
    "backup:DeleteBackupVaultAccessPolicy",
    "backup:DeleteRecoveryPoint",
    "backup:PutBackupVaultAccessPolicy",
    "backup:UpdateRecoveryPointLifecycle",
)
"""What takes recovery points away. What expires by its own lifecycle asks nobody."""


class Vault(Construct):
    """Where recovery points are kept, encrypted with the environment's data key of the vault's region.

    Nobody deletes from it but the portal's deployer (a teardown that was told so) and
    CloudFormation's role; the environment's own roles and an account's administrator do not. A vault that is not empty
    is never deleted.
    """

    def __init__(self, scope: Construct, id: str, *, name: str, key_arn: str) -> None:
        super().__init__(scope, id)
        stack = cdk.Stack.of(self)
        roles = f"arn:{stack.partition}:iam::{stack.account}:role"
        self.vault = backup.CfnBackupVault(
            self,
            "Vault",
            backup_vault_name=name,
            encryption_key_arn=key_arn,
            access_policy={
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Sid": "OnlyByThePortal",
                        "Effect": "Deny",
                        "Principal": "*",
                        "Action": list(_CHANGES),
                        "Resource": "*",
                        "Condition": {
                            "ArnNotLike": {
                                "aws:PrincipalArn": [
                                    f"{roles}/SwitchyardDeployer",
                                    f"{roles}/cdk-swyard-cfn-exec-role-{stack.account}-*",
                                ]
                            }
                        },
                    }
                ],
            },
        )
        self.vault.apply_removal_policy(cdk.RemovalPolicy.DESTROY, apply_to_update_replace_policy=False)
        self.vault.cfn_options.update_replace_policy = cdk.CfnDeletionPolicy.RETAIN


class BackupRole(Construct):
    """What AWS Backup does it with: reads this environment's stores, writes recovery points, and copies them.

    The statements are those of AWS's own policies for its default role (AWSBackupServiceRolePolicyForBackup and
    …ForS3Backup), of the services that an environment has, on its own resources.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        cluster: str,
        bucket: str,
        table: str | None,
        vaults: Sequence[str],
        key_arns: Sequence[str],
    ) -> None:
        super().__init__(scope, id)
        stack = cdk.Stack.of(self)
        self.role = iam.Role(
            self,
            "Role",
            assumed_by=own_service(self, "backup.amazonaws.com"),
            description="Backs up the environment's stores, and copies recovery points to the other region",
        )
        snapshots = f"arn:{stack.partition}:rds:*:{stack.account}:cluster-snapshot:awsbackup:*"
        clusters = f"arn:{stack.partition}:rds:{stack.region}:{stack.account}:cluster:{cluster}"
        bucket_arn = f"arn:{stack.partition}:s3:::{bucket}"
        points = f"arn:{stack.partition}:backup:*:{stack.account}:recovery-point:*"
        statements = [
            _allow("DatabaseLook", "rds:DescribeDBClusters rds:ListTagsForResource", [clusters]),
            _allow("DatabaseBackup", "rds:CreateDBClusterSnapshot", [clusters, snapshots]),
            _allow(
                "DatabaseCopies",
                "rds:AddTagsToResource rds:CopyDBClusterSnapshot rds:DeleteDBClusterSnapshot "
                "rds:DescribeDBClusterSnapshots rds:ListTagsForResource",
                [snapshots],
            ),
            _allow(
                "UploadsLook",
                "s3:GetBucketAcl s3:GetBucketLocation s3:GetBucketNotification s3:GetBucketTagging "
                "s3:GetBucketVersioning s3:GetInventoryConfiguration s3:ListBucket s3:ListBucketVersions "
                "s3:ListTagsForResource s3:PutBucketNotification s3:PutInventoryConfiguration",
                [bucket_arn],
            ),
            _allow(
                "UploadsRead",
                "s3:GetObject s3:GetObjectAcl s3:GetObjectTagging s3:GetObjectVersion s3:GetObjectVersionAcl "
                "s3:GetObjectVersionTagging",
                [f"{bucket_arn}/*"],
            ),
            # AWS Backup hears of new objects by rules of its own.
            _allow(
                "UploadsChanges",
                "events:DeleteRule events:DescribeRule events:DisableRule events:EnableRule "
                "events:ListTargetsByRule events:PutRule events:PutTargets events:RemoveTargets",
                [f"arn:{stack.partition}:events:{stack.region}:{stack.account}:rule/AwsBackupManagedRule*"],
            ),
            _allow("Rates", "cloudwatch:GetMetricData events:ListRules s3:ListAllMyBuckets", ["*"]),
            _allow("Vaults", "backup:CopyIntoBackupVault backup:DescribeBackupVault", vaults),
            # A copy is asked for by the recovery point, a snapshot of RDS by that one's own ARN (Service Authorization
            # Reference); the vault is there for whoever reads the action's name as AWS Backup may.
            _allow("Copies", "backup:CopyFromBackupVault", [points, snapshots, *vaults]),
            # A recovery point bears the tags of what it is of.
            _allow("Points", "backup:TagResource", [points]),
            _allow("Keys", "kms:Decrypt kms:DescribeKey kms:GenerateDataKey", key_arns),
            _allow("KeyGrants", "kms:CreateGrant", key_arns, {"Bool": {"kms:GrantIsForAWSResource": "true"}}),
        ]
        if table:
            statements.append(
                _allow(
                    "UserData",
                    "dynamodb:DescribeTable dynamodb:ListTagsOfResource dynamodb:StartAwsBackupJob",
                    [f"arn:{stack.partition}:dynamodb:{stack.region}:{stack.account}:table/{table}"],
                )
            )
        self.policy = iam.Policy(self, "Policy", roles=[self.role], statements=statements)


class Backups(Construct):
    """The plan: what is backed up, when, how long it is kept, and the copy in the other region where there is one.

    `stores` are names and ARNs; each has a selection of its own, since a selection is never changed in place. Only
    types that AWS Backup moves to cold storage are moved (DynamoDB of these); it ignores the wish for others.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        name: str,
        vault: backup.CfnBackupVault,
        rules: Sequence[BackupRule],
        role: BackupRole,
        stores: Mapping[str, str],
        copy_to: str | None,
    ) -> None:
        super().__init__(scope, id)
        kinds = backup.CfnBackupPlan
        self.plan = kinds(
            self,
            "Plan",
            backup_plan=kinds.BackupPlanResourceTypeProperty(
                backup_plan_name=name,
                backup_plan_rule=[
                    kinds.BackupRuleResourceTypeProperty(
                        rule_name=rule.name,
                        target_backup_vault=vault.ref,
                        schedule_expression=rule.schedule,
                        schedule_expression_timezone="Etc/UTC",
                        start_window_minutes=START_WITHIN_MINUTES,
                        completion_window_minutes=COMPLETE_WITHIN_MINUTES,
                        lifecycle=_kept(rule.keep_days, rule),
                        copy_actions=[
                            kinds.CopyActionResourceTypeProperty(
                                destination_backup_vault_arn=copy_to, lifecycle=_kept(rule.copy_days, rule)
                            )
                        ]
                        if copy_to and rule.copy_days
                        else None,
                    )
                    for rule in rules
                ],
            ),
        )
        for store, arn in stores.items():
            selection = backup.CfnBackupSelection(
                self,
                store.title(),
                backup_plan_id=self.plan.ref,
                backup_selection=backup.CfnBackupSelection.BackupSelectionResourceTypeProperty(
                    iam_role_arn=role.role.role_arn, selection_name=store, resources=[arn]
                ),
            )
            selection.node.add_dependency(role.policy)


class BackupAlarms(Construct):
    """A backup or a copy of one that failed, and recovery points that did not go when they should: told, for nobody
    would miss the first before it is needed, and the last cost.
    """

    def __init__(
        self, scope: Construct, id: str, *, prefix: str, vault: str, copied: bool, topic_arn: str
    ) -> None:
        super().__init__(scope, id)
        metrics = {"Failed": "NumberOfBackupJobsFailed", "Expired": "NumberOfBackupJobsExpired"}
        if copied:
            metrics["CopyFailed"] = "NumberOfCopyJobsFailed"
        for key, metric in metrics.items():
            cloudwatch.CfnAlarm(
                self,
                key,
                alarm_name=f"{prefix}-backup-{key.lower()}",
                alarm_description=f"AWS Backup: {metric} of vault {vault}. The vault's jobs say of what and why.",
                namespace="AWS/Backup",
                metric_name=metric,
                dimensions=[cloudwatch.CfnAlarm.DimensionProperty(name="BackupVaultName", value=vault)],
                statistic="Sum",
                period=3600,
                comparison_operator="GreaterThanThreshold",
                threshold=0,
                evaluation_periods=1,
                treat_missing_data="notBreaching",
                alarm_actions=[topic_arn],
            )


def _kept(days: int, rule: BackupRule) -> backup.CfnBackupPlan.LifecycleResourceTypeProperty:
    return backup.CfnBackupPlan.LifecycleResourceTypeProperty(
        delete_after_days=days, move_to_cold_storage_after_days=rule.cold_after_days
    )


def _allow(
    sid: str,
    actions: str,
    resources: Sequence[str],
    conditions: Mapping[str, Mapping[str, str]] | None = None,
) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        sid=sid, actions=actions.split(), resources=list(resources), conditions=conditions
    )
