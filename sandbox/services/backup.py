"""AWS Backup: vaults, plans and selections as stacks make them, and recovery points on request.

A job is done as soon as it is asked for, and holds no data: a recovery point says of what it is and by which key it is
sealed. No plan runs by itself. Source: AWS Backup API reference, of each operation; developer guide, "Deleting backup
vaults" (an empty one only), "Backup copies".
"""

from __future__ import annotations

import uuid
from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.iam.authorize import demand
from sandbox.iam.keys import request_keys
from sandbox.iam.service_roles import acting, need
from sandbox.registry import operation, resource_type
from sandbox.schema_types import SchemaType
from sandbox.services._listing import page
from sandbox.store import Record

SERVICE = "backup"
VAULT, PLAN, SELECTION = (f"AWS::Backup::Backup{kind}" for kind in ("Vault", "Plan", "Selection"))
POINT, SETTINGS = "Sandbox::Backup::RecoveryPoint", "Sandbox::Backup::RegionSettings"
KINDS = {"rds": "Aurora", "s3": "S3", "dynamodb": "DynamoDB"}
"""By the service in an ARN: what AWS Backup calls the type, of those that an environment has."""
ITS_OWN = frozenset({"S3", "DynamoDB"})
"""Types under full AWS Backup management, whose recovery points are sealed with the vault's key and not their own."""


def _missing(message: str) -> AwsError:
    return AwsError("ResourceNotFoundException", message, 400)


@resource_type(VAULT)
class Vault(SchemaType):
    """A vault: one of a name in a region, and deleted only when it is empty."""

    def arn_for(self, ctx: Context, id: str, properties: dict[str, Any]) -> str:
        return ctx.arn("backup", f"backup-vault:{id}")

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        name = properties["BackupVaultName"]
        if ctx.store.get(ctx.account, ctx.region, VAULT, name):
            said = f"Backup vault with the same name already exists: {name}"
            raise AwsError("AlreadyExistsException", said, 400)

    def check_delete(self, ctx: Context, record: Record) -> None:
        count = len(_points(ctx, record.id))
        if count:
            said = f"Backup vault cannot be deleted because it contains recovery points: {count}"
            raise AwsError("InvalidRequestException", said, 400)


@resource_type(PLAN)
class Plan(SchemaType):
    """A plan; its id is a UUID. Its vault has to be there, those that it copies to are looked for by its jobs."""

    def identify(self, ctx: Context, properties: dict[str, Any], hint: str) -> str:
        return str(uuid.uuid4())

    def arn_for(self, ctx: Context, id: str, properties: dict[str, Any]) -> str:
        return ctx.arn("backup", f"backup-plan:{id}")

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        for rule in properties["BackupPlan"]["BackupPlanRule"]:
            _vault(ctx, ctx.region, rule["TargetBackupVault"])
            for told in (rule, *(rule.get("CopyActions") or ())):
                _check_lifecycle(told.get("Lifecycle") or {})

    def check_update(self, ctx: Context, record: Record, properties: dict[str, Any]) -> None:
        self.check_create(ctx, properties)

    def check_delete(self, ctx: Context, record: Record) -> None:
        selections = ctx.store.list(ctx.account, ctx.region, SELECTION)
        if any(row.properties["BackupPlanId"] == record.id for row in selections):
            said = "Related backup plan selections must be deleted prior to backup plan deletion"
            raise AwsError("InvalidRequestException", said, 400)


@resource_type(SELECTION)
class Selection(SchemaType):
    """What a plan backs up; Ref answers plan and selection, each a UUID."""

    def identify(self, ctx: Context, properties: dict[str, Any], hint: str) -> str:
        return f"{properties['BackupPlanId']}_{uuid.uuid4()}"

    def arn_for(self, ctx: Context, id: str, properties: dict[str, Any]) -> str:
        # It has none; IAM is asked about its plan.
        return ctx.arn("backup", f"backup-plan:{id}")

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        if ctx.store.get(ctx.account, ctx.region, PLAN, properties["BackupPlanId"]) is None:
            raise _missing(f"Cannot find Backup plan with ID {properties['BackupPlanId']}")


@operation("backup", "ListBackupVaults")
def list_backup_vaults(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    vaults = ctx.store.list(ctx.account, ctx.region, VAULT)
    some, token = page(vaults, params.get("MaxResults"), params.get("NextToken"))
    return {"BackupVaultList": [_shape(ctx, row) for row in some], **({"NextToken": token} if token else {})}


@operation("backup", "DescribeBackupVault")
def describe_backup_vault(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    return _shape(ctx, _vault(ctx, ctx.region, params["BackupVaultName"]))


@operation("backup", "ListBackupPlans")
def list_backup_plans(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    plans = ctx.store.list(ctx.account, ctx.region, PLAN)
    some, token = page(plans, params.get("MaxResults"), params.get("NextToken"))
    told = [
        {
            "BackupPlanArn": row.arn,
            "BackupPlanId": row.id,
            "BackupPlanName": row.properties["BackupPlan"]["BackupPlanName"],
            "CreationDate": row.created_at,
        }
        for row in some
    ]
    return {"BackupPlansList": told, **({"NextToken": token} if token else {})}


@operation("backup", "StartBackupJob")
def start_backup_job(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    vault, arn = _vault(ctx, ctx.region, params["BackupVaultName"]), params["ResourceArn"]
    source = ctx.store.by_arn(arn)
    kind = KINDS.get(arn.split(":")[2])
    if source is None or kind is None:
        raise _missing(f"The resource {arn} does not exist")
    job = str(uuid.uuid4())
    point = (
        ctx.arn("backup", f"recovery-point:{uuid.uuid4()}")
        if kind in ITS_OWN
        else ctx.arn("rds", f"cluster-snapshot:awsbackup:job-{job}")
    )
    key = vault.get("EncryptionKeyArn") if kind in ITS_OWN else source.get("KmsKeyId")
    told = {"ResourceArn": arn, "ResourceType": kind, "EncryptionKeyArn": key}
    _made(ctx, ctx.region, vault, point, params, told, source.tags)
    return {"BackupJobId": job, "RecoveryPointArn": point, "CreationDate": ctx.now}


@operation("backup", "StartCopyJob")
def start_copy_job(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    source = _point(ctx, params["SourceBackupVaultName"], params["RecoveryPointArn"])
    *_, region, _account, _kind, name = params["DestinationBackupVaultArn"].split(":")
    vault = _vault(ctx, region, name)
    if ctx.world.settings["enforce_iam"]:
        # From a recovery point, into a vault (Service Authorization Reference).
        role = acting(ctx.world, params["IamRoleArn"], ctx.region, "AWSBackup")
        need(role, "backup:CopyFromBackupVault", source.id)
        need(role, "backup:CopyIntoBackupVault", vault.arn)
    told = {
        "ResourceArn": source.data["ResourceArn"],
        "ResourceType": source.data["ResourceType"],
        "EncryptionKeyArn": vault.get("EncryptionKeyArn"),
        "SourceBackupVaultArn": ctx.arn("backup", f"backup-vault:{params['SourceBackupVaultName']}"),
    }
    job = str(uuid.uuid4())
    is_own = source.data["ResourceType"] in ITS_OWN
    point = (
        ctx.arn("backup", f"recovery-point:{uuid.uuid4()}", region=region)
        if is_own
        else ctx.arn("rds", f"cluster-snapshot:awsbackup:copyjob-{job}", region=region)
    )
    _made(ctx, region, vault, point, params, told, source.tags)
    return {"CopyJobId": job, "CreationDate": ctx.now}


@operation("backup", "ListRecoveryPointsByBackupVault")
def list_recovery_points(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    vault = _vault(ctx, ctx.region, params["BackupVaultName"])
    some, token = page(_points(ctx, vault.id), params.get("MaxResults"), params.get("NextToken"))
    points = [{"RecoveryPointArn": row.id, **row.data} for row in some]
    return {"RecoveryPoints": points, **({"NextToken": token} if token else {})}


@operation("backup", "DeleteRecoveryPoint")
def delete_recovery_point(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    point = _point(ctx, params["BackupVaultName"], params["RecoveryPointArn"])
    if point.data["ResourceType"] not in ITS_OWN:
        # A snapshot is RDS's: AWS Backup deletes it with the rights of who asks (AWSBackupFullAccess has them).
        via = {"aws:CalledVia": [f"{SERVICE}.amazonaws.com"], "aws:ViaAWSService": "true"}
        keys = {**request_keys(ctx, {}), **via}
        demand(ctx, "rds:DeleteDBClusterSnapshot", point.id, keys, SERVICE)
    ctx.store.remove(point)
    return {}


@operation("backup", "DescribeRegionSettings")
def describe_region_settings(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = ctx.store.get(ctx.account, ctx.region, SETTINGS, "settings")
    off = dict.fromkeys(KINDS.values(), False)
    return {
        "ResourceTypeOptInPreference": record.data["opted"] if record else off,
        "ResourceTypeManagementPreference": record.data["managed"] if record else {"DynamoDB": False},
    }


@operation("backup", "UpdateRegionSettings")
def update_region_settings(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    now = describe_region_settings(ctx, {})
    record = Record(
        ctx.account,
        ctx.region,
        SETTINGS,
        "settings",
        created_at=ctx.now,
        data={
            "opted": {
                **now["ResourceTypeOptInPreference"],
                **(params.get("ResourceTypeOptInPreference") or {}),
            },
            "managed": {
                **now["ResourceTypeManagementPreference"],
                **(params.get("ResourceTypeManagementPreference") or {}),
            },
        },
    )
    ctx.store.put(record)
    return {}


def _vault(ctx: Context, region: str, name: str) -> Record:
    record = ctx.store.get(ctx.account, region, VAULT, name)
    if record is None:
        raise _missing(f"Backup vault {name} does not exist")
    return record


def _points(ctx: Context, vault: str) -> list[Record]:
    """The recovery points of a vault of the region, oldest first."""
    return [
        row for row in ctx.store.list(ctx.account, ctx.region, POINT) if row.data["BackupVaultName"] == vault
    ]


def _point(ctx: Context, vault: str, arn: str) -> Record:
    found = next((row for row in _points(ctx, vault) if row.id == arn), None)
    if found is None:
        raise _missing(f"Cannot find recovery point {arn} in backup vault {vault}")
    return found


def _made(
    ctx: Context,
    region: str,
    vault: Record,
    arn: str,
    params: dict[str, Any],
    told: dict[str, Any],
    tags: dict[str, str],
) -> None:
    """A recovery point, with the tags of what it is of."""
    data = {
        "BackupVaultName": vault.id,
        "BackupVaultArn": vault.arn,
        "IamRoleArn": params["IamRoleArn"],
        "Status": "COMPLETED",
        "CreationDate": ctx.now,
        "CompletionDate": ctx.now,
        "BackupSizeInBytes": 0,
        "Lifecycle": params.get("Lifecycle") or {},
        "IsEncrypted": True,
        **told,
    }
    record = Record(ctx.account, region, POINT, arn, arn=arn, created_at=ctx.now, data=data, tags=dict(tags))
    ctx.store.put(record)


def _check_lifecycle(told: dict[str, Any]) -> None:
    cold, gone = told.get("MoveToColdStorageAfterDays"), told.get("DeleteAfterDays")
    if cold and gone and int(gone) < int(cold) + 90:
        said = "DeleteAfterDays cannot be less than 90 days apart from MoveToColdStorageAfterDays"
        raise AwsError("InvalidParameterValueException", said, 400)


def _shape(ctx: Context, record: Record) -> dict[str, Any]:
    return {
        "BackupVaultName": record.id,
        "BackupVaultArn": record.arn,
        "EncryptionKeyArn": record.get("EncryptionKeyArn"),
        "CreationDate": record.created_at,
        "NumberOfRecoveryPoints": len(_points(ctx, record.id)),
        "Locked": bool(record.properties.get("LockConfiguration")),
    }
