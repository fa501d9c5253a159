"""Backups through the portal: what is in an environment's vault is counted, and kept or deleted with it."""

import pytest

from environments.errors import InvalidFields
from environments.lifecycle.stores import stores_of
from environments.lifecycle.teardown import environment_teardown
from tests.workers.support import ACCOUNT_ID, REGION, approve, drive

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(400)]


@pytest.fixture
def staging(build):
    """An environment of a tier with backups."""
    return build(tier="staging", is_protected=False)


@pytest.fixture
def backup(sandbox, keys):
    return sandbox.client("backup", keys, REGION)


def back_up(backup, environment):
    """What the plan does at night: a recovery point of each of its stores. Answers the vault's name."""
    vault = f"sy-{environment.full_name}"
    role = environment.resources().get(type="AWS::IAM::Role", stack__key="backup").physical_id
    for arn in (
        f"arn:aws:rds:{REGION}:{ACCOUNT_ID}:cluster:{vault}",
        f"arn:aws:s3:::{vault}-uploads-{ACCOUNT_ID}-{REGION}",
    ):
        backup.start_backup_job(
            BackupVaultName=vault, ResourceArn=arn, IamRoleArn=f"arn:aws:iam::{ACCOUNT_ID}:role/{role}"
        )
    return vault


def points(backup, vault):
    return backup.list_recovery_points_by_backup_vault(BackupVaultName=vault)["RecoveryPoints"]


def test_region_backs_up_what_an_environment_has(staging, backup):
    """Aurora is backed up only where the region's settings say so, whatever a plan names."""
    told = backup.describe_region_settings()
    assert told["ResourceTypeOptInPreference"] == {"Aurora": True, "S3": True, "DynamoDB": True}
    assert told["ResourceTypeManagementPreference"] == {"DynamoDB": True}


def test_vault_is_counted_and_kept_with_its_key_when_it_is_asked_for(staging, backup, people, sandbox, keys):
    vault = back_up(backup, staging)
    stores = [store.key for store in stores_of(staging)]
    [held] = [key for key in stores if key.startswith("backup.")]
    asked = {"environment": staging, "confirm": staging.name, "actor": people["team-lead"]}
    with pytest.raises(InvalidFields, match=f"the recovery points of vault {vault}"):
        environment_teardown(copies=dict.fromkeys(["database", "uploads", "logs"], False), **asked)
    operation = drive(environment_teardown(copies={key: key == held for key in stores}, **asked))
    if operation.status == "awaiting-approval":
        drive(approve(operation, people), within_s=180)
    assert operation.status == "succeeded", operation.sentence
    [loss] = [row for row in operation.plan.document["losses"] if row["key"] == held]
    assert (loss["count"], loss["copy"]) == (2, True) and "2 recovery points" in loss["what"]
    assert len(points(backup, vault)) == 2
    report = operation.teardown_report
    kept = {row["type"]: row for row in report.kept}
    assert set(kept) == {"AWS::Backup::BackupVault", "AWS::KMS::Key"} and report.left_over == []
    assert kept["AWS::Backup::BackupVault"]["id"].endswith(vault)
    assert kept["AWS::Backup::BackupVault"]["why"].startswith("Last copy of the recovery points of vault")
    key = backup.describe_backup_vault(BackupVaultName=vault)["EncryptionKeyArn"]
    state = sandbox.client("kms", keys, REGION).describe_key(KeyId=key)["KeyMetadata"]["KeyState"]
    assert state == "Enabled"


def test_vault_is_emptied_and_goes_when_no_copy_is_asked_for(staging, backup, people):
    vault = back_up(backup, staging)
    copies = dict.fromkeys([store.key for store in stores_of(staging)], False)
    asked = {"environment": staging, "confirm": staging.name, "actor": people["team-lead"]}
    operation = drive(environment_teardown(copies=copies, **asked))
    if operation.status == "awaiting-approval":
        drive(approve(operation, people), within_s=180)
    assert operation.status == "succeeded", operation.sentence
    assert any(
        "Lost for good: the recovery points of vault" in risk for risk in operation.plan.document["risks"]
    )
    assert vault not in {row["BackupVaultName"] for row in backup.list_backup_vaults()["BackupVaultList"]}
    assert operation.teardown_report.left_over == operation.teardown_report.kept == []
