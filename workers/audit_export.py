"""The audit's copy in a locked bucket: written every hour, and compared with what the database says.

One account holds it: the one that AUDIT_ACCOUNT names, else the oldest one that has a locked bucket. Approvals and
reports of all accounts are in it, so it is not spread over all of them.
"""

import hashlib
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import structlog
from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings

from environments.lifecycle.models import Account
from environments.lifecycle.selectors import audit_account, reports_between
from environments.operations.chain import (
    chain_part,
    decisions_between,
    export_failed,
    export_open,
    export_written,
)
from environments.operations.models import AuditExport
from workers.aws import s3
from workers.aws.faults import explain
from workers.aws.session import Session
from workers.context import DEPLOYER, READER, connection, role_of

log = structlog.get_logger(__name__)

SCHEMA = 1


def audit_export(due_at: datetime) -> bool:
    """Write what is due; answers whether something was. Doubled or killed in the middle, it is written once."""
    place = audit_account()
    if place is None:
        return False
    account, region, bucket = place
    export = export_open(due_at=due_at, account_id=account.account_id, region=region, bucket=bucket)
    if export is None:
        return False
    content = content_of(export)
    try:
        home = Account.objects.get(account_id=export.account_id)
        # The bucket's default retention locks it. What lies there by an earlier try is what this one would write.
        s3.object_put_new(_session(home, export.region, DEPLOYER), export.bucket, export.key, content)
    except (ClientError, BotoCoreError) as error:
        export_failed(export, explain(error)[0])
        log.warning("audit.not-exported", key=export.key, reason=str(error))
        return False
    export_written(export, hashlib.sha256(content).hexdigest())
    return True


def content_of(export: AuditExport) -> bytes:
    """The object: canonical JSON of the chain's part, the approvals and the reports that it is of."""
    content = {
        "schema": SCHEMA,
        "due_at": export.due_at.isoformat(),
        "since": export.since.isoformat(),
        "until": export.until.isoformat(),
        "chain": chain_part(export.after_id, export.through_id),
        "decisions": decisions_between(export.since, export.until),
        "reports": reports_between(export.since, export.until),
    }
    return json.dumps(content, sort_keys=True, separators=(",", ":"), default=str).encode()


def audit_differences() -> Iterator[str]:
    """What the locked objects say otherwise than the database, a sentence each. Makes one call per object."""
    known = {row.key: row for row in AuditExport.objects.all()}
    for account, region, bucket in _places():
        session = _session(account, region, READER)
        found = s3.versions_by_age(session, bucket, settings.AUDIT_PREFIX)
        for key, versions in found.items():
            # The first one is what was written then. Whatever came later cannot have replaced it.
            if len(versions) > 1:
                yield f"{key} in {bucket} has {len(versions)} versions: somebody wrote to it again, after the first."
            content = json.loads(s3.object_get(session, bucket, key, versions[0]))
            yield from _differences(key, content)
        for key, row in known.items():
            if row.bucket == bucket and row.written_at is not None and key not in found:
                yield f"{key} is not in {bucket}, although the portal wrote it at {row.written_at:%Y-%m-%d %H:%M}."


def _differences(key: str, content: dict[str, Any]) -> Iterator[str]:
    chain = content["chain"]
    now = chain_part(chain["after"], chain["through"])
    hashes = {int(row): hash for row, hash in now["rows"]}
    for row, hash in chain["rows"]:
        if row not in hashes:
            yield f"Audit row {row} is gone; its hash lies in {key}."
        elif hashes[row] != hash:
            yield f"Audit row {row} is not what was recorded: its hash in {key} is another one."
    for row in sorted(set(hashes) - {row for row, _ in chain["rows"]}):
        yield f"Audit row {row} was put in later: {key} does not have it."
    if now["head"] != chain["head"]:
        yield f"The chain's head at row {chain['through']} is not the one in {key}."
    since, until = datetime.fromisoformat(content["since"]), datetime.fromisoformat(content["until"])
    for kind, rows in (
        ("Approval", decisions_between(since, until)),
        ("Report", reports_between(since, until)),
    ):
        told = {row["id"]: row for row in content["decisions" if kind == "Approval" else "reports"]}
        have = {row["id"]: json.loads(json.dumps(row, default=str)) for row in rows}
        for number in sorted({*told, *have}):
            if told.get(number) != have.get(number):
                yield f"{kind} {number} is not what lies in {key}."


def _places() -> list[tuple[Account, str, str]]:
    """Every bucket that objects were written to, and the one that the next will be."""
    accounts = {account.account_id: account for account in Account.objects.all()}
    written = AuditExport.objects.order_by().values_list("account_id", "region", "bucket").distinct()
    places = [(accounts[row[0]], row[1], row[2]) for row in written if row[0] in accounts]
    now = audit_account()
    return places if now is None or now in places else [*places, now]


def _session(account: Account, region: str, role: str) -> Session:
    return Session(
        connection(),
        role_of(account, role, session_name="audit", source_identity="switchyard"),
        region,
        before=_nothing,
        after=_nothing,
        is_on_sandbox=account.is_on_sandbox,
    )


def _nothing(_service: str, _operation: str) -> None:
    """The export holds no lease that a call would renew."""
