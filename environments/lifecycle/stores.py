"""What an environment holds that nobody could make again. At its end each store needs a last copy, or an explicit no.

Three are of every environment. Those of modules and of the standby's region follow from its resources, as last seen.
The standby's database is no store of its own: it is the same data.
"""

from dataclasses import dataclass

from django.db.models import Q

from environments.lifecycle.models import Environment

CORE = {
    "database": "the database",
    "uploads": "the uploaded files",
    "logs": "the access logs of load balancer and uploads",
}
CORE_STACKS = ("data", "storage")
SECRET_TYPE = "AWS::SecretsManager::Secret"  # noqa: S105 - a type's name
APPLICATIONS = "/app/"
"""In the name of an application's own secret. The database's goes with it, and whoever restores gets a new one."""
TYPES = {
    "AWS::Backup::BackupVault": "the recovery points of vault",
    "AWS::S3::Bucket": "the objects of bucket",
    "AWS::DynamoDB::Table": "the items of table",
    "AWS::DynamoDB::GlobalTable": "the items of table",
    "AWS::Cognito::UserPool": "the users of pool",
    "AWS::SecretsManager::Secret": "the value of secret",
}
"""Types that hold what nobody could make again, and what that is, in words."""
KEEPABLE = frozenset({"AWS::Backup::BackupVault", "AWS::S3::Bucket"})
"""Those of which a last copy can be kept: the bucket or the vault itself stays. Of users AWS gives no copy with which
they could sign in, and the items of a table are theirs."""


@dataclass(frozen=True)
class Store:
    """One store. `key` is what a teardown's `copies` calls it; stack, region and physical id are empty for the three
    that every environment has.
    """

    key: str
    what: str
    can_keep: bool = True
    type: str = ""
    stack: str = ""
    region: str = ""
    physical_id: str = ""


def stores_of(environment: Environment) -> list[Store]:
    """Its stores, by one query."""
    return [*(Store(key, what) for key, what in CORE.items()), *stores_beside(environment)]


def stores_beside(environment: Environment) -> list[Store]:
    """Those besides the three of every environment. A table that is in both regions is told once."""
    rows = environment.resources().filter(type__in=TYPES).exclude(physical_id="")
    rows = rows.exclude(Q(type=SECRET_TYPE) & ~Q(physical_id__contains=APPLICATIONS))
    rows = rows.exclude(stack__key__in=CORE_STACKS).exclude(status__in=["DELETE_COMPLETE", "DELETE_SKIPPED"])
    found: dict[tuple[str, str], Store] = {}
    for row in rows.order_by("stack_id", "logical_id"):
        told = Store(
            key=f"{row.stack.key}.{row.logical_id}",
            what=f"{TYPES[row.type]} {_shown(row.type, row.physical_id)}",
            can_keep=row.type in KEEPABLE,
            type=row.type,
            stack=row.stack.key,
            region=row.stack.region,
            physical_id=row.physical_id,
        )
        found.setdefault((row.type, row.physical_id), told)
    return list(found.values())


def _shown(kind: str, physical_id: str) -> str:
    """A secret by the name that the spec has for it: its physical id is an ARN, with six letters at its end."""
    return physical_id.rpartition(APPLICATIONS)[2][:-7] if kind == SECRET_TYPE else physical_id


def copies_problem(environment: Environment, copies: dict[str, bool]) -> str:
    """Why these answers to "is a last copy kept" will not do, or an empty string."""
    stores = {store.key: store for store in stores_of(environment)}
    unknown = sorted(set(copies) - set(stores))
    missing = [store.what for store in stores.values() if not isinstance(copies.get(store.key), bool)]
    cannot = [store.what for store in stores.values() if copies.get(store.key) and not store.can_keep]
    if unknown:
        return f"{', '.join(unknown)} is no store. Stores are: {', '.join(stores)}."
    if missing:
        whats = " and ".join(filter(None, [", ".join(missing[:-1]), missing[-1]]))
        return f"Say for {whats} whether a last copy is kept (true) or not (false)."
    if cannot:
        return f"No copy of {' and '.join(cannot)} can be kept: export what you need of it, and say no."
    return ""
