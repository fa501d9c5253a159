"""Reading environments, accounts and releases, with a constant number of queries."""

from django.contrib.contenttypes.models import ContentType
from django.db.models import OuterRef, QuerySet, Subquery

from environments.lifecycle.models import Account, Environment, Release
from environments.operations.models import Operation
from environments.operations.states import OPEN


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


def release_default() -> Release | None:
    """The release offered first in new requests."""
    return Release.objects.select_related("blueprint").filter(is_default=True, is_withdrawn=False).first()


def releases_offered() -> QuerySet[Release]:
    """Releases that new environments may be made from."""
    return Release.objects.select_related("blueprint").filter(is_withdrawn=False)


def accounts_ready() -> QuerySet[Account]:
    """Accounts that environments can be requested in."""
    return Account.objects.filter(status="ready")
