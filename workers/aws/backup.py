"""AWS Backup: vaults and what is in them, and which services a region backs up."""

from collections.abc import Iterable
from itertools import islice
from typing import Any

from botocore.exceptions import ClientError

from workers.aws.faults import error_code
from workers.aws.paging import entries
from workers.aws.session import Session

SERVICE = "backup"
DELETING = "DELETING"
FULLY_MANAGED = ("DynamoDB",)
"""Services whose backups AWS Backup keeps itself only when told so: with cold storage, copies and the vault's key."""


def vaults(session: Session) -> list[str]:
    """Names of the region's vaults."""
    found = entries(session.client(SERVICE), "list_backup_vaults", "BackupVaultList")
    return [vault["BackupVaultName"] for vault in found]


def vault_exists(session: Session, vault: str) -> bool:
    """Whether the vault is there. It is looked for in the list: AWS Backup forbids describing one that is not."""
    return vault in vaults(session)


def points_count(session: Session, vault: str) -> dict[str, int] | None:
    """{"count", "bytes"} of the vault's recovery points; None when there is no such vault."""
    if not vault_exists(session, vault):
        return None
    count = size = 0
    for point in _points(session, vault):
        count += 1
        size += int(point.get("BackupSizeInBytes") or 0)
    return {"count": count, "bytes": size}


def vault_empty(session: Session, vault: str, *, most: int = 200) -> int | None:
    """Begin to delete up to `most` recovery points; answers how many are still there, or None when the vault is empty.

    Called again until it answers None. One that is being copied is refused (InvalidResourceStateException).
    """
    client = session.client(SERVICE)
    left = 0
    for point in islice(_points(session, vault), most):
        left += 1
        if point.get("Status") != DELETING:
            client.delete_recovery_point(BackupVaultName=vault, RecoveryPointArn=point["RecoveryPointArn"])
    return left or None


def is_busy(error: ClientError) -> bool:
    """Whether a refusal passes by itself: a recovery point that is being made or copied."""
    return error_code(error) == "InvalidResourceStateException"


def services(session: Session, names: Iterable[str]) -> dict[str, bool]:
    """Of each service, whether the region's plans back it up and, where that is a choice, keep it fully managed."""
    told = session.client(SERVICE).describe_region_settings()
    opted, managed = told["ResourceTypeOptInPreference"], told["ResourceTypeManagementPreference"]
    return {
        name: bool(opted.get(name) and (name not in FULLY_MANAGED or managed.get(name))) for name in names
    }


def services_enable(session: Session, names: Iterable[str]) -> None:
    """Have plans back these services up. Others stay as they are, for what is not named is not changed."""
    wanted = list(names)
    request: dict[str, Any] = {"ResourceTypeOptInPreference": dict.fromkeys(wanted, True)}
    managed = [name for name in wanted if name in FULLY_MANAGED]
    if managed:
        request["ResourceTypeManagementPreference"] = dict.fromkeys(managed, True)
    session.client(SERVICE).update_region_settings(**request)


def _points(session: Session, vault: str) -> Iterable[dict[str, Any]]:
    client = session.client(SERVICE)
    return entries(client, "list_recovery_points_by_backup_vault", "RecoveryPoints", BackupVaultName=vault)
