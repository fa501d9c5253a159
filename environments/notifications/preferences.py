"""What a person wants to be told, and how: their choice, or the default of their role."""

from collections.abc import Mapping

from django.db import transaction

from environments.errors import Forbidden, Invalid
from environments.notifications.models import Medium, Preference
from environments.notifications.topics import Group
from environments.operations.audit import audit_record
from environments.people.models import PortalRole, User
from environments.people.rights import require

R = PortalRole
CHOSEN = (Medium.MAIL, Medium.CHAT)

EVERY_ROLE = frozenset(R.values)
# People are told only what concerns them (audience.py); this is what of it is worth a mail.
MAILED: dict[str, frozenset[str]] = {
    Group.WAITING: EVERY_ROLE,
    Group.HANDLED: frozenset({R.TEAM_LEAD, R.ENGINEER}),
    Group.FAILED: EVERY_ROLE,
    Group.DONE: frozenset({R.TEAM_LEAD, R.ENGINEER}),
    Group.EXPIRING: EVERY_ROLE,
    Group.DRIFT: frozenset({R.TEAM_LEAD, R.ENGINEER}),
}
# Who has set up a chat of their own wants it for what hurries.
CHATTED = frozenset({Group.WAITING, Group.FAILED, Group.EXPIRING})

Matrix = dict[str, dict[str, bool]]
"""{group: {"mail": whether, "chat": whether}}, every group."""


def matrix_default(role: str) -> Matrix:
    """What holds for a role until its person chooses otherwise."""
    return {
        group.value: {Medium.MAIL.value: role in MAILED[group], Medium.CHAT.value: group in CHATTED}
        for group in Group
    }


def matrix_of(user: User) -> Matrix:
    """What holds for a person."""
    matrix = matrix_default(user.portal_role)
    for row in Preference.objects.filter(person=user):
        matrix[row.group] = {Medium.MAIL.value: row.mail, Medium.CHAT.value: row.chat}
    return matrix


def preferences_set(*, user: User, matrix: Mapping[str, Mapping[str, bool]], actor: User) -> Matrix:
    """Choose for some groups or all: {"drift": {"mail": False}}; what is not named stays. Raises Forbidden, Invalid."""
    require(actor, "notification.own")
    if actor.pk != user.pk:
        raise Forbidden("Notifications are chosen by the person they are for.")
    for group, ways in matrix.items():
        if group not in Group.values:
            raise Invalid(
                f"{group[:40]} is not known. Groups are: {', '.join(Group.values)}.", field="groups"
            )
        unknown = sorted(set(ways) - {medium.value for medium in CHOSEN})
        if unknown:
            raise Invalid(f"{unknown[0][:40]} is not known. Ways are: mail, chat.", field="groups")
    with transaction.atomic():
        User.objects.select_for_update().get(pk=user.pk)
        before = matrix_of(user)
        after = {group: {**ways, **matrix.get(group, {})} for group, ways in before.items()}
        if after != before:
            Preference.objects.bulk_create(
                [Preference(person=user, group=group, **after[group]) for group in matrix],
                update_conflicts=True,
                unique_fields=["person", "group"],
                update_fields=["mail", "chat"],
            )
            audit_record("notifications.chosen", user, actor=actor, before=before, after=after)
    return after
