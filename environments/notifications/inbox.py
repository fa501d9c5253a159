"""The inbox in the portal: what concerned a person, and whether they have seen it."""

from django.db.models import QuerySet
from django.utils import timezone

from environments.notifications.models import Entry
from environments.people.models import User
from environments.people.rights import require


def inbox_of(user: User) -> QuerySet[Entry]:
    """A person's notices, newest first, with what pages show of them."""
    return (
        Entry.objects.filter(person=user)
        .select_related("notice__operation__requested_by")
        .order_by("-notice_id")
    )


def unread_count(user: User) -> int:
    """How many a person has not seen; by an index of unread entries alone."""
    return Entry.objects.filter(person=user, read_at__isnull=True).count()


def entries_read(*, actor: User) -> int:
    """Mark all of one's own as read; answers how many that were. Seeing something is no act for the audit."""
    require(actor, "notification.own")
    return Entry.objects.filter(person=actor, read_at__isnull=True).update(read_at=timezone.now())
