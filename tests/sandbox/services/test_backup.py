"""AWS Backup: recovery points on request, their copies in another region, and vaults that are not empty."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from devtools.sandbox import Keys, Sandbox
from tests.sandbox.support import Stacks, refused, service_role, template, with_credentials

ACCOUNT = "210000000087"
HOME, OTHER = "eu-west-1", "eu-central-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/backups"


@pytest.fixture(scope="module")
def keys(sandbox: Sandbox) -> Keys:
    return sandbox.account(ACCOUNT)


@pytest.fixture(scope="module")
def backups(sandbox: Sandbox, keys: Keys) -> Iterator[dict[str, Any]]:
    """Clients by region; each has a vault, made by CloudFormation, and home a bucket with a tag."""
    vault = {"Type": "AWS::Backup::BackupVault", "Properties": {"BackupVaultName": "kept"}}
    for region in (HOME, OTHER):
        Stacks(sandbox.client("cloudformation", keys, region)).create("vault", template(Vault=vault))
    s3 = sandbox.client("s3", keys, HOME)
    s3.create_bucket(Bucket="backed-up-87", CreateBucketConfiguration={"LocationConstraint": HOME})
    every = {"Effect": "Allow", "Action": "backup:*", "Resource": "*"}
    service_role(sandbox.client("iam", keys, HOME), "backups", "backup.amazonaws.com", every)
    yield {region: sandbox.client("backup", keys, region) for region in (HOME, OTHER)}


def points(client: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.list_recovery_points_by_backup_vault(BackupVaultName="kept")[
        "RecoveryPoints"
    ]
    return found


def test_recovery_points_are_made_copied_and_hold_their_vault(
    backups: dict[str, Any], sandbox: Sandbox, keys: Keys
) -> None:
    home, other = backups[HOME], backups[OTHER]
    job = home.start_backup_job(
        BackupVaultName="kept", ResourceArn="arn:aws:s3:::backed-up-87", IamRoleArn=ROLE
    )
    [point] = points(home)
    assert point["RecoveryPointArn"] == job["RecoveryPointArn"] and point["ResourceType"] == "S3"
    home.start_copy_job(
        RecoveryPointArn=point["RecoveryPointArn"],
        SourceBackupVaultName="kept",
        DestinationBackupVaultArn=f"arn:aws:backup:{OTHER}:{ACCOUNT}:backup-vault:kept",
        IamRoleArn=ROLE,
    )
    [copy] = points(other)
    assert f":{OTHER}:" in copy["RecoveryPointArn"] and copy["SourceBackupVaultArn"].endswith(":kept")
    assert other.describe_backup_vault(BackupVaultName="kept")["NumberOfRecoveryPoints"] == 1
    stacks = Stacks(sandbox.client("cloudformation", keys, OTHER))
    assert stacks.delete("vault")["StackStatus"] == "DELETE_FAILED"
    assert any("contains recovery points" in str(event) for event in stacks.events("vault"))
    other.delete_recovery_point(BackupVaultName="kept", RecoveryPointArn=copy["RecoveryPointArn"])
    assert points(other) == []
    assert stacks.delete("vault")["StackStatus"] == "DELETE_COMPLETE"


def test_a_copy_is_from_a_recovery_point_and_into_a_vault(
    backups: dict[str, Any], sandbox: Sandbox, keys: Keys
) -> None:
    home = backups[HOME]
    home.start_backup_job(BackupVaultName="kept", ResourceArn="arn:aws:s3:::backed-up-87", IamRoleArn=ROLE)
    arn = points(home)[-1]["RecoveryPointArn"]
    vaults = f"arn:aws:backup:*:{ACCOUNT}:backup-vault:*"
    statements = (("CopyIntoBackupVault", vaults), ("CopyFromBackupVault", vaults))
    rights = [
        {"Effect": "Allow", "Action": f"backup:{name}", "Resource": where} for name, where in statements
    ]
    role = service_role(sandbox.client("iam", keys, HOME), "copies", "backup.amazonaws.com", *rights)
    code, said = refused(
        home.start_copy_job,
        RecoveryPointArn=arn,
        SourceBackupVaultName="kept",
        DestinationBackupVaultArn=f"arn:aws:backup:{HOME}:{ACCOUNT}:backup-vault:kept",
        IamRoleArn=role,
    )
    assert code.startswith("AccessDenied") and f"backup:CopyFromBackupVault on resource: {arn}" in said


def test_the_snapshot_of_a_database_goes_with_the_rights_of_who_asks(
    backups: dict[str, Any], sandbox: Sandbox, keys: Keys
) -> None:
    home, iam = backups[HOME], sandbox.client("iam", keys, HOME)
    rds = sandbox.client("rds", keys, HOME)
    rds.create_db_cluster(
        DBClusterIdentifier="backed-up",
        Engine="aurora-mysql",
        MasterUsername="admin",
        MasterUserPassword="longenough",
    )
    cluster = f"arn:aws:rds:{HOME}:{ACCOUNT}:cluster:backed-up"
    home.start_backup_job(BackupVaultName="kept", ResourceArn=cluster, IamRoleArn=ROLE)
    [arn] = [row["RecoveryPointArn"] for row in points(home) if row["ResourceType"] == "Aurora"]
    iam.create_user(UserName="deletes")
    key = iam.create_access_key(UserName="deletes")["AccessKey"]
    client = with_credentials(sandbox, key, "backup", HOME)

    def may(*rows: dict[str, Any]) -> None:
        document = json.dumps({"Version": "2012-10-17", "Statement": list(rows)})
        iam.put_user_policy(UserName="deletes", PolicyName="p", PolicyDocument=document)

    asks = {"Effect": "Allow", "Action": "backup:DeleteRecoveryPoint", "Resource": "*"}
    through = {"ForAnyValue:StringEquals": {"aws:CalledVia": "backup.amazonaws.com"}}
    deletes = {"Effect": "Allow", "Action": "rds:DeleteDBClusterSnapshot", "Resource": arn}
    may(asks)
    code, said = refused(client.delete_recovery_point, BackupVaultName="kept", RecoveryPointArn=arn)
    assert code.startswith("AccessDenied") and "rds:DeleteDBClusterSnapshot" in said
    may(asks, {**deletes, "Condition": through})
    client.delete_recovery_point(BackupVaultName="kept", RecoveryPointArn=arn)
    assert arn not in {row["RecoveryPointArn"] for row in points(home)}


def test_what_is_not_there_is_refused(backups: dict[str, Any]) -> None:
    for call in (
        lambda: backups[HOME].start_backup_job(
            BackupVaultName="kept", ResourceArn="arn:aws:s3:::nobody-has-it", IamRoleArn=ROLE
        ),
        lambda: backups[HOME].describe_backup_vault(BackupVaultName="gone"),
        lambda: backups[HOME].delete_recovery_point(BackupVaultName="kept", RecoveryPointArn="arn:aws:none"),
    ):
        with pytest.raises(ClientError, match="ResourceNotFoundException"):
            call()


def test_cold_storage_lasts_ninety_days(sandbox: Sandbox, keys: Keys) -> None:
    rule = {
        "RuleName": "short",
        "TargetBackupVault": "kept",
        "Lifecycle": {"DeleteAfterDays": 60, "MoveToColdStorageAfterDays": 30},
    }
    plan = {"BackupPlan": {"BackupPlanName": "short", "BackupPlanRule": [rule]}}
    stacks = Stacks(sandbox.client("cloudformation", keys, HOME))
    stack = stacks.create("short", template(Plan={"Type": "AWS::Backup::BackupPlan", "Properties": plan}))
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert any("90 days apart" in str(event) for event in stacks.events("short"))


def test_services_are_opted_in_region_by_region_and_others_stay(backups: dict[str, Any]) -> None:
    backups[HOME].update_region_settings(ResourceTypeOptInPreference={"Aurora": True})
    backups[HOME].update_region_settings(
        ResourceTypeOptInPreference={"DynamoDB": True}, ResourceTypeManagementPreference={"DynamoDB": True}
    )
    told = backups[HOME].describe_region_settings()
    assert told["ResourceTypeOptInPreference"] == {"Aurora": True, "S3": False, "DynamoDB": True}
    assert told["ResourceTypeManagementPreference"] == {"DynamoDB": True}
    assert not any(backups[OTHER].describe_region_settings()["ResourceTypeOptInPreference"].values())
