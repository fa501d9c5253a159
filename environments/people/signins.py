"""What allauth's own pages do, in the audit: sign-ins, passwords, second factors. Never a secret among it.

SelfServiceMiddleware (portal) runs those pages in a transaction with `by_themselves` set, so that the act and its
entry are written together. Elsewhere, services audit what they do.
"""

from contextvars import ContextVar
from typing import Any

from allauth.account.internal.flows.login import get_authentication_records
from allauth.account.signals import password_changed, password_reset, password_set, user_logged_in
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authentication_failed
from django.db.models.signals import post_delete, post_save
from django.http import HttpRequest

from environments.operations.audit import audit_record
from environments.people.models import User

# Whether somebody is at allauth's pages, where people change nobody but themselves.
by_themselves: ContextVar[bool] = ContextVar("by_themselves", default=False)

UNKNOWN = "user:unknown"
KINDS = {Authenticator.Type.TOTP: "second-factor", Authenticator.Type.RECOVERY_CODES: "recovery-codes"}


def connect() -> None:
    """Listen; called once, when the app is ready."""
    user_logged_in.connect(_signed_in, dispatch_uid="audit")
    authentication_failed.connect(_code_refused, dispatch_uid="audit")
    password_changed.connect(_password_changed, dispatch_uid="audit")
    password_set.connect(_password_changed, dispatch_uid="audit")
    password_reset.connect(_password_reset, dispatch_uid="audit")
    # allauth's own signal of a new authenticator comes after the commit, too late for the same transaction.
    post_save.connect(_authenticator_saved, sender=Authenticator, dispatch_uid="audit")
    post_delete.connect(_authenticator_deleted, sender=Authenticator, dispatch_uid="audit")


def password_refused(credentials: dict[str, Any]) -> None:
    """A wrong password, or nobody of that name. What was typed is kept only when it names a person: people
    type passwords into the wrong field."""
    user = _named(credentials)
    audit_record("person.sign-in-refused", user or UNKNOWN, actor=None, after={"wrong": "password"})


def _named(credentials: dict[str, Any]) -> User | None:
    if credentials.get("username"):
        return User.objects.filter(username=str(credentials["username"])).first()
    if credentials.get("email"):
        return User.objects.filter(email__iexact=str(credentials["email"])).first()
    return None


def _signed_in(request: HttpRequest, user: User, **_: Any) -> None:
    steps = [record.get("type") or record["method"] for record in get_authentication_records(request, user)]
    audit_record("person.signed-in", user, actor=user, after={"by": steps})


def _code_refused(user: User, authenticator: Authenticator | None = None, **_: Any) -> None:
    audit_record("person.sign-in-refused", user, actor=None, after={"wrong": "code"})


def _password_changed(user: User, **_: Any) -> None:
    audit_record("person.password-changed", user, actor=user)


def _password_reset(user: User, **_: Any) -> None:
    audit_record("person.password-reset", user, actor=user)


def _authenticator_saved(instance: Authenticator, created: bool, **_: Any) -> None:
    if created and by_themselves.get():
        verb = "generated" if instance.type == Authenticator.Type.RECOVERY_CODES else "activated"
        _audit_authenticator(instance, verb)


def _authenticator_deleted(instance: Authenticator, **_: Any) -> None:
    if by_themselves.get():
        _audit_authenticator(instance, "removed")


def _audit_authenticator(authenticator: Authenticator, verb: str) -> None:
    kind = KINDS.get(authenticator.type, authenticator.type)
    audit_record(f"person.{kind}-{verb}", authenticator.user, actor=authenticator.user)
