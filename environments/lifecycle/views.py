"""Views of the list of environments that come ready: each is an address to bookmark, the same words in page and API."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from django.contrib.contenttypes.models import ContentType
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from environments.lifecycle.models import Environment
from environments.lifecycle.states import GONE, EnvironmentStatus
from environments.operations.models import Operation
from environments.operations.states import RETRYABLE, OperationStatus
from environments.people.models import User

VIEW = "view"
"""The query parameter that chooses one."""
EXPIRING = timedelta(days=7)
"""How near an expiry is "soon"."""


@dataclass(frozen=True)
class View:
    """A view's title, and which environments are in it for whoever looks."""

    title: str
    holds: Callable[[User], Q]


def _failed(_user: User) -> Q:
    """Whose newest operation failed, and those that never came up. From the operations, which are few."""
    newer = Operation.objects.filter(
        subject_type=OuterRef("subject_type"), subject_id=OuterRef("subject_id"), pk__gt=OuterRef("pk")
    )
    failed = _of_environments().filter(status__in=RETRYABLE).exclude(Exists(newer))
    return Q(pk__in=failed.values("subject_id")) | Q(status=EnvironmentStatus.BROKEN)


def _awaiting(_user: User) -> Q:
    waiting = _of_environments().filter(status=OperationStatus.AWAITING_APPROVAL)
    return Q(pk__in=waiting.values("subject_id"))


def _expiring(_user: User) -> Q:
    """What expires within a week, or has expired. Protection suspends that."""
    soon = Q(expires_at__lte=timezone.now() + EXPIRING, is_protected=False)
    return soon & ~Q(status__in=GONE)


def _of_environments() -> QuerySet[Operation]:
    return Operation.objects.filter(subject_type=ContentType.objects.get_for_model(Environment))


VIEWS: dict[str, View] = {
    "mine": View("Mine", lambda user: Q(owner=user)),
    "team": View("My teams'", lambda user: Q(team__in=user.teams.values("pk"))),
    "failed": View("Failed", _failed),
    "approval": View("Awaiting approval", _awaiting),
    "expiring": View("Expiring soon", _expiring),
    "drifted": View("Drifted", lambda _user: Q(drift_since__isnull=False)),
    "behind": View("Not in the default release", lambda _user: Q(release__is_default=False)),
}
