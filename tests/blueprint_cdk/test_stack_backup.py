"""Backups: vaults in both regions, a plan with copies, and a role that reads this environment and no other."""

from __future__ import annotations

import json
from typing import Any

import pytest

from blueprint_cdk.constructs.storage import ARCHIVE_AFTER_DAYS
from blueprint_cdk.data import load
from blueprint_cdk.sizes import tier_of
from tests.blueprint_cdk.support import ALL_MODULES, OTHER, Assembly, Synthesise

VAULT = "AWS::Backup::BackupVault"
THERE = f"arn:aws:backup:{OTHER}:111122223333:backup-vault:sy-shop-k3x9-other"


@pytest.fixture(scope="module")
def wide(synthesise: Synthesise) -> Assembly:
    return synthesise(tier="prod", standby="pilot-light", modules=ALL_MODULES)


def of(assembly: Assembly, kind: str, key: str = "backup") -> list[dict[str, Any]]:
    rows = assembly.template(key)["Resources"].values()
    return [row["Properties"] for row in rows if row["Type"] == kind]


def statements(assembly: Assembly) -> dict[str, dict[str, Any]]:
    [policy] = of(assembly, "AWS::IAM::Policy")
    return {row["Sid"]: row for row in policy["PolicyDocument"]["Statement"]}


@pytest.mark.parametrize("tier", ["dev", "staging", "prod"])
def test_tiers_with_backups_have_the_stacks_that_the_data_says(synthesise: Synthesise, tier: str) -> None:
    """data/tiers.json says what is kept, data/stacks.json which tiers have the stacks: both say the same tiers."""
    rows = {
        row["key"]: row["when"]["tier"] for row in load("stacks")["environment"] if "backup" in row["key"]
    }
    assert set(rows) == {"backup", "other-backup"}
    has = bool(tier_of(tier).backups)  # type: ignore[arg-type]
    assert all((tier in tiers) is has for tiers in rows.values())
    templates = synthesise(tier=tier, standby="warm", modules=ALL_MODULES).templates()
    assert {key for key in rows if f"sy-shop-k3x9-{key}" in templates} == (set(rows) if has else set())


def test_vaults_are_sealed_with_the_environments_key_and_only_the_portal_deletes(wide: Assembly) -> None:
    names = {}
    for key, stack in (("backup", "keys"), ("other-backup", "other-keys")):
        [vault] = of(wide, VAULT, key)
        names[key] = vault["BackupVaultName"]
        assert vault["EncryptionKeyArn"]["Fn::ImportValue"].startswith(f"sy-shop-k3x9-{stack}:")
        [row] = vault["AccessPolicy"]["Statement"]
        assert row["Effect"] == "Deny" and row["Principal"] == "*"
        assert {"backup:DeleteRecoveryPoint", "backup:UpdateRecoveryPointLifecycle"} <= set(row["Action"])
        assert row["Condition"]["ArnNotLike"]["aws:PrincipalArn"] == [
            "arn:aws:iam::111122223333:role/SwitchyardDeployer",
            "arn:aws:iam::111122223333:role/cdk-swyard-cfn-exec-role-111122223333-*",
        ]
        [made] = [row for row in wide.template(key)["Resources"].values() if row["Type"] == VAULT]
        assert made["UpdateReplacePolicy"] == "Retain"
    assert names == {"backup": "sy-shop-k3x9", "other-backup": "sy-shop-k3x9-other"}


def test_plan_is_daily_kept_by_tier_and_copied_where_there_is_a_standby(
    wide: Assembly, synthesise: Synthesise
) -> None:
    [plan] = of(wide, "AWS::Backup::BackupPlan")
    rules = {row["RuleName"]: row for row in plan["BackupPlan"]["BackupPlanRule"]}
    assert {name: row["Lifecycle"]["DeleteAfterDays"] for name, row in rules.items()} == {
        "daily": 7,
        "weekly": 35,
        "monthly": 365,
    }
    assert rules["daily"]["ScheduleExpression"] == "cron(0 1 * * ? *)"
    assert rules["monthly"]["Lifecycle"]["MoveToColdStorageAfterDays"] < ARCHIVE_AFTER_DAYS
    copies = {name: row.get("CopyActions") for name, row in rules.items()}
    assert copies["daily"] is None
    for name in ("weekly", "monthly"):
        [copy] = copies[name]
        assert copy["DestinationBackupVaultArn"] == THERE
        assert copy["Lifecycle"] == rules[name]["Lifecycle"]
    alone = synthesise(tier="prod", modules=ALL_MODULES)
    assert "CopyActions" not in json.dumps(alone.template("backup"))
    assert THERE not in json.dumps(alone.template("backup"))


def test_cold_storage_is_for_a_time_that_aws_takes() -> None:
    """What is moved there stays for 90 days at least."""
    rules = [rule for tier in ("staging", "prod") for rule in tier_of(tier).backups]
    assert any(rule.cold_after_days for rule in rules)
    for rule in rules:
        for days in filter(None, (rule.keep_days, rule.copy_days)):
            assert not rule.cold_after_days or days >= rule.cold_after_days + 90


def test_database_uploads_and_users_data_are_backed_up_by_name(
    wide: Assembly, synthesise: Synthesise
) -> None:
    expected = {
        "database": "arn:aws:rds:eu-west-1:111122223333:cluster:sy-shop-k3x9",
        "uploads": "arn:aws:s3:::sy-shop-k3x9-uploads-111122223333-eu-west-1",
        "userdata": "arn:aws:dynamodb:eu-west-1:111122223333:table/sy-shop-k3x9-user-data",
    }
    assert selected(wide) == expected
    del expected["userdata"]
    assert selected(synthesise(tier="staging", modules=["proxy"])) == expected
    # AWS Backup asks for versions, and turns on what tells it of changes.
    [uploads] = [row for row in of(wide, "AWS::S3::Bucket", "storage") if "-uploads-" in row["BucketName"]]
    assert uploads["VersioningConfiguration"] == {"Status": "Enabled"}
    assert uploads["NotificationConfiguration"]["EventBridgeConfiguration"] == {"EventBridgeEnabled": True}


def selected(assembly: Assembly) -> dict[str, str]:
    found = {}
    for row in of(assembly, "AWS::Backup::BackupSelection"):
        [arn] = row["BackupSelection"]["Resources"]
        found[row["BackupSelection"]["SelectionName"]] = arn
        assert row["BackupSelection"]["IamRoleArn"]["Fn::GetAtt"][0].startswith("AccessRole")
    return found


def test_role_reads_this_environment_and_writes_recovery_points_only(wide: Assembly) -> None:
    found = statements(wide)
    assert found["UploadsRead"]["Resource"].endswith(":::sy-shop-k3x9-uploads-111122223333-eu-west-1/*")
    assert found["DatabaseBackup"]["Resource"][0].endswith(":cluster:sy-shop-k3x9")
    assert set(found["Vaults"]["Resource"]) == {
        "arn:aws:backup:eu-west-1:111122223333:backup-vault:sy-shop-k3x9",
        THERE,
    }
    # The action is about recovery points: by the vaults alone a copy would be refused.
    points, snapshots, *vaults = found["Copies"]["Resource"]
    assert vaults == found["Vaults"]["Resource"]
    assert found["Copies"]["Action"] == "backup:CopyFromBackupVault"
    assert points == "arn:aws:backup:*:111122223333:recovery-point:*"
    assert snapshots == "arn:aws:rds:*:111122223333:cluster-snapshot:awsbackup:*"
    assert found["KeyGrants"]["Condition"] == {"Bool": {"kms:GrantIsForAWSResource": "true"}}
    actions = {action for row in found.values() for action in listed(row["Action"])}
    written = {
        action for action in actions if action.partition(":")[2].startswith(("Delete", "Restore", "Modify"))
    }
    assert written == {"rds:DeleteDBClusterSnapshot", "events:DeleteRule"}
    [role] = of(wide, "AWS::IAM::Role")
    [trust] = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "backup.amazonaws.com"}
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": "111122223333"}}
    assert role["PermissionsBoundary"]


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_backups_and_copies_that_fail_are_told(wide: Assembly, synthesise: Synthesise) -> None:
    watched = {}
    for row in of(wide, "AWS::CloudWatch::Alarm"):
        assert (row["Namespace"], row["Threshold"]) == ("AWS/Backup", 0)
        watched[row["AlarmName"]] = row["MetricName"]
        assert row["AlarmActions"][0]["Fn::ImportValue"].startswith("sy-shop-k3x9-operations:")
        assert row["Dimensions"] == [{"Name": "BackupVaultName", "Value": "sy-shop-k3x9"}]
    assert set(watched) == {f"sy-shop-k3x9-backup-{what}" for what in ("failed", "expired", "copyfailed")}
    assert watched["sy-shop-k3x9-backup-copyfailed"] == "NumberOfCopyJobsFailed"
    alone = synthesise(tier="staging", modules=["proxy"])
    assert len(of(alone, "AWS::CloudWatch::Alarm")) == 2


def test_nothing_is_exported_by_home_for_backups_alone(synthesise: Synthesise) -> None:
    """So that a tier without backups may come: what is exported and used cannot be taken away."""
    exports = {
        tier: {
            output["Export"]["Name"]
            for name, template in synthesise(tier=tier, modules=ALL_MODULES).templates().items()
            for output in template["Outputs"].values()
            if "Export" in output
        }
        for tier in ("dev", "prod")
    }
    assert exports["dev"] == exports["prod"]
