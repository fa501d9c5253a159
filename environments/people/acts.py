"""What changes who may do what, done at once. Faces do not come here: they propose (proposals.py), and a second person
lets the act happen. Commands act, as the owner of the host; so does whoever is the only one that could.
"""

from collections.abc import Sequence

from allauth.mfa.models import Authenticator
from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from environments.errors import Conflict, Forbidden, Invalid
from environments.operations.audit import audit_record
from environments.people.models import PortalRole, Team, User
from environments.people.rights import require
from environments.people.values import value_require


def person_create(
    *,
    username: str,
    email: str,
    portal_role: str,
    teams: Sequence[Team] = (),
    password: str | None = None,
    first_name: str = "",
    last_name: str = "",
    password_hash: str = "",
    actor: User | None,
) -> User:
    """Take a person in. Without a password, or the hash of one, they cannot sign in until one is set."""
    require(actor, "person.change")
    if portal_role not in PortalRole.values:
        raise Invalid(f"There is no portal role {portal_role}.", field="portal_role")
    if User.objects.filter(username=username).exists():
        raise Invalid(f"There is a person {username} already.", field="username")
    value_require(User, "username", username)
    value_require(User, "email", email)
    user = User(username=username, email=email, first_name=first_name, last_name=last_name)
    if password is not None:
        password_hash = password_seal(password, user)
    if password_hash:
        user.password = password_hash
    else:
        user.set_unusable_password()
    user.portal_role = portal_role
    user.is_staff = True
    with transaction.atomic():
        user.save()
        user.teams.set(teams)
        audit_record(
            "person.created",
            user,
            actor=actor,
            after={"username": username, "role": portal_role, "teams": [team.slug for team in teams]},
        )
    return user


def person_change(
    *, user: User, portal_role: str, teams: Sequence[Team], is_active: bool, actor: User | None
) -> User:
    """Change what a person may do. Nobody changes their own role, and one administrator always remains."""
    require(actor, "person.change")
    if actor is not None and actor.pk == user.pk and portal_role != user.portal_role:
        raise Forbidden("Another administrator has to change your own role.", field="portal_role")
    if portal_role not in PortalRole.values:
        raise Invalid(f"There is no portal role {portal_role}.", field="portal_role")
    with transaction.atomic():
        # All administrators, so that two who demote each other at once are one after the other.
        list(User.objects.select_for_update().filter(portal_role=PortalRole.ADMINISTRATOR).order_by("pk"))
        user = User.objects.select_for_update().get(pk=user.pk)
        demoted = user.portal_role == PortalRole.ADMINISTRATOR and (
            portal_role != PortalRole.ADMINISTRATOR or not is_active
        )
        others = User.objects.filter(portal_role=PortalRole.ADMINISTRATOR, is_active=True).exclude(pk=user.pk)
        if demoted and not others.exists():
            raise Conflict("This is the last administrator. Make another one first.", field="portal_role")
        before = {"role": user.portal_role, "active": user.is_active, "teams": _slugs(user)}
        user.portal_role, user.is_active = portal_role, is_active
        user.save(update_fields=["portal_role", "is_active"])
        user.teams.set(teams)
        after = {"role": portal_role, "active": is_active, "teams": _slugs(user)}
        audit_record("person.changed", user, actor=actor, before=before, after=after)
    return user


def totp_reset(*, user: User, reason: str, actor: User | None) -> int:
    """Take a lost second factor away, so that the person sets up a new one at the next sign-in.

    Answers how many authenticators were removed.
    """
    require(actor, "person.change")
    if not reason.strip():
        raise Invalid("Say how you know that it is really them; it is kept in the audit.", field="reason")
    with transaction.atomic():
        removed: int = Authenticator.objects.filter(user=user).delete()[0]
        audit_record("person.totp-reset", user, actor=actor, after={"removed": removed, "reason": reason})
    return removed


def password_seal(password: str, user: User) -> str:
    """The hash of a first password that is strong enough for this person. Raises Invalid."""
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise Invalid(" ".join(error.messages), field="password") from error
    return make_password(password)


def _slugs(user: User) -> list[str]:
    return sorted(user.teams.values_list("slug", flat=True))
