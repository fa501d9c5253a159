"""Backup: the vault and, at home, the plan that fills it. In the tiers that have backups (data/tiers.json)."""

from __future__ import annotations

import aws_cdk as cdk
from constructs import Construct

from blueprint_cdk.constructs.backup import BackupAlarms, BackupRole, Backups, Vault
from blueprint_cdk.facts import RegionFacts
from blueprint_cdk.fields import HOME, OTHER, PlaceName
from blueprint_cdk.sizes import tier_of
from blueprint_cdk.spec import Spec
from blueprint_cdk.stacks import EnvironmentStack
from blueprint_cdk.stacks.keys import KeysStack, OtherKeysStack
from blueprint_cdk.stacks.operations import OperationsStack


class VaultStack(EnvironmentStack):
    """The vault of a region. The other region's has no plan: copies come from home, whichever region is active."""

    def __init__(
        self,
        scope: Construct,
        spec: Spec,
        facts: RegionFacts,
        *,
        keys: KeysStack | OtherKeysStack,
        place: PlaceName = HOME,
    ) -> None:
        super().__init__(scope, "backup", spec, facts, protected=True, place=place)
        vault = Vault(self, "Backup", name=self.named("backup-vault"), key_arn=keys.data_key.key_arn)
        self.vault = vault.vault
        self.output("BackupVault", self.vault.ref, "Where recovery points are kept")


class BackupStack(VaultStack):
    """The home region's: vault and plan. Its stores are named and not referred to, and are there before."""

    def __init__(
        self,
        scope: Construct,
        spec: Spec,
        facts: RegionFacts,
        *,
        keys: KeysStack,
        operations: OperationsStack,
    ) -> None:
        super().__init__(scope, spec, facts, keys=keys)
        vault = spec.named("backup-vault")
        cluster, bucket = spec.named("db-cluster"), spec.named("uploads-bucket")
        table = spec.named("user-data-table") if spec.has("identity") else None
        own = f"{self.region}:{self.account}"
        stores = {
            "database": f"arn:{self.partition}:rds:{own}:cluster:{cluster}",
            "uploads": f"arn:{self.partition}:s3:::{bucket}",
        }
        if table:
            stores["userdata"] = f"arn:{self.partition}:dynamodb:{own}:table/{table}"
        copy_to = (
            self._vault_arn(spec.region(OTHER), spec.named("backup-vault", OTHER))
            if spec.has_standby
            else None
        )
        role = BackupRole(
            self,
            "Access",
            cluster=cluster,
            bucket=bucket,
            table=table,
            vaults=[self._vault_arn(self.region, vault), *([copy_to] if copy_to else [])],
            key_arns=self._keys(keys.data_key.key_arn),
        )
        Backups(
            self,
            "Plan",
            name=spec.named("prefix"),
            vault=self.vault,
            rules=tier_of(spec.tier).backups,
            role=role,
            stores=stores,
            copy_to=copy_to,
        )
        BackupAlarms(
            self,
            "Alarms",
            prefix=spec.named("prefix"),
            vault=vault,
            copied=spec.has_standby,
            topic_arn=operations.topic_arn,
        )

    def _vault_arn(self, region: str, name: str) -> str:
        return f"arn:{self.partition}:backup:{region}:{self.account}:backup-vault:{name}"

    def _keys(self, key_arn: str) -> list[str]:
        """The data key, and its replica: keys of one multi-Region key have one id."""
        if not self.spec.has_standby:
            return [key_arn]
        key_id = cdk.Fn.select(1, cdk.Fn.split("/", key_arn))
        return [key_arn, f"arn:{self.partition}:kms:{self.spec.region(OTHER)}:{self.account}:key/{key_id}"]
