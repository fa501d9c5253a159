"""Reading environments, accounts and releases, with a constant number of queries."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from environments.lifecycle.models import Account, Environment, Release, TeardownReport
from environments.lifecycle.states import GONE
from environments.operations.models import AuditEntry, Operation
from environments.operations.states import OPEN, OperationStatus
from environments.people.models import User


def environments_list() -> QuerySet[Environment]:
    """All environments, with names of what they refer to and their newest open operation.

    Annotated: open_operation_id, open_operation_kind, open_operation_status, open_operation_sentence.
    """
    newest_open = Operation.objects.filter(
        subject_type=ContentType.objects.get_for_model(Environment),
        subject_id=OuterRef("pk"),
        status__in=OPEN,
    ).order_by("-id")
    related = Environment.objects.select_related("team", "account", "owner", "release__blueprint")
    # A release describes itself at length; no list shows that.
    return related.defer("release__description").annotate(
        open_operation_id=Subquery(newest_open.values("pk")[:1]),
        open_operation_kind=Subquery(newest_open.values("kind")[:1]),
        open_operation_status=Subquery(newest_open.values("status")[:1]),
        open_operation_sentence=Subquery(newest_open.values("sentence")[:1]),
    )


def environments_expiring(user: User, within: timedelta = timedelta(days=7)) -> QuerySet[Environment]:
    """What expires soon or has expired and is still there, soonest first: of the person's teams, or of all teams for
    who is in none. What is protected does not expire, and is left out.
    """
    rows = environments_list().exclude(status__in=GONE)
    rows = rows.filter(expires_at__lte=timezone.now() + within, is_protected=False)
    teams = list(user.teams.values_list("pk", flat=True))
    return (rows.filter(team__in=teams) if teams else rows).order_by("expires_at")


def environment_audit(environment: Environment) -> QuerySet[AuditEntry]:
    """What was done to this environment, newest first, and to no other one of its name.

    Entries have its full name. Those from before they had have the name alone, which was this one's from its
    creation until that of the next with the name.
    """
    name = environment.name
    stem, _, suffix = name.rpartition("-")
    whose = Q(subject=f"environment:{environment.full_name}")
    # "shop-k3x9" may be a name, and the full name of another one.
    if not Environment.objects.filter(name=stem, suffix=suffix).exists():
        later = Environment.objects.filter(name=name, pk__gt=environment.pk).order_by("pk").first()
        older = Q(subject=f"environment:{name}", at__gte=environment.created_at)
        whose |= older & Q(at__lt=later.created_at) if later else older
    return AuditEntry.objects.filter(whose)


def drift_open_environments() -> QuerySet[Environment]:
    """Environments with open findings of drift, the longest since first; their `drift_count` says how many."""
    rows = Environment.objects.filter(drift_since__isnull=False).exclude(status__in=GONE)
    return rows.select_related("team", "account").defer("spec").order_by("drift_since")


def release_default() -> Release | None:
    """The release offered first in new requests."""
    return Release.objects.select_related("blueprint").filter(is_default=True, is_withdrawn=False).first()


def releases_offered() -> QuerySet[Release]:
    """Releases that new environments may be made from."""
    return Release.objects.select_related("blueprint").filter(is_withdrawn=False)


def audit_account() -> tuple[Account, str, str] | None:
    """Where the audit's copy goes: (account, region, bucket). The account that AUDIT_ACCOUNT names, else the oldest
    one that has a locked bucket; None when none has.
    """
    accounts = Account.objects.order_by("pk")
    if settings.AUDIT_ACCOUNT:
        accounts = accounts.filter(name=settings.AUDIT_ACCOUNT)
    for account in accounts:
        bucket = account.baseline.get(account.home_region, {}).get("audit_bucket")
        if bucket:
            return account, account.home_region, bucket
    return None


def reports_between(since: datetime, until: datetime) -> list[dict[str, Any]]:
    """Reports of teardowns that succeeded in that time (`until` is no part of it): nothing changes them any more."""
    rows = TeardownReport.objects.filter(
        operation__ended_at__gte=since,
        operation__ended_at__lt=until,
        operation__status=OperationStatus.SUCCEEDED,
    )
    return [
        {
            "id": row.pk,
            "operation": row.operation_id,
            "environment": row.environment.full_name,
            "kept": row.kept,
            "deleting": row.deleting,
            "left_over": row.left_over,
            "searched": row.searched,
        }
        for row in rows.select_related("environment").order_by("pk")
    ]


def accounts_ready() -> QuerySet[Account]:
    """Accounts that environments can be requested in."""
    return Account.objects.filter(status="ready")
