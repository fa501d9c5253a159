"""What people do at the sign-in's pages is in the audit, in the same transaction, and without secrets."""

import json
from typing import Any

import pyotp
import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.db.models.signals import pre_save
from django.test import Client
from django.urls import reverse

from environments.operations.models import AuditEntry
from environments.people.models import User
from tests import factories

NEW_PASSWORD = "quiet-harbour-41-lanterns"


@pytest.fixture
def person(db: None) -> User:
    return factories.person_make("engineer", username="erik")


@pytest.fixture
def signed_in(person: User, client: Client) -> Client:
    client.post(reverse("account_login"), {"login": "erik", "password": factories.PASSWORD})
    return client


def entries(action: str) -> list[AuditEntry]:
    return list(AuditEntry.objects.filter(action=action).order_by("id"))


def everything_told() -> str:
    rows = AuditEntry.objects.values("actor_name", "action", "subject", "origin", "before", "after")
    return json.dumps(list(rows))


def test_sign_in_is_told_with_its_steps_once_the_code_was_right(person: User, client: Client) -> None:
    secret = generate_totp_secret()
    TOTP.activate(person, secret)
    client.post(reverse("account_login"), {"login": "erik", "password": factories.PASSWORD})
    assert entries("person.signed-in") == []
    client.post(reverse("mfa_authenticate"), {"code": pyotp.TOTP(secret).now()})
    (entry,) = entries("person.signed-in")
    assert (entry.actor_name, entry.after) == ("erik", {"by": ["password", "totp"]})
    assert entry.origin == "127.0.0.1 browser"


def test_wrong_passwords_and_codes_are_told_without_what_was_typed(person: User, client: Client) -> None:
    login = reverse("account_login")
    client.post(login, {"login": "erik", "password": "not-the-password"})
    client.post(login, {"login": "my-password-in-the-wrong-field", "password": "not-the-password"})
    TOTP.activate(person, generate_totp_secret())
    client.post(login, {"login": "erik", "password": factories.PASSWORD})
    client.post(reverse("mfa_authenticate"), {"code": "000000"})
    told = [(entry.subject, entry.after) for entry in entries("person.sign-in-refused")]
    assert told == [
        (f"user:{person}", {"wrong": "password"}),
        ("user:unknown", {"wrong": "password"}),
        (f"user:{person}", {"wrong": "code"}),
    ]
    for typed in ("not-the-password", "wrong-field", "000000", factories.PASSWORD):
        assert typed not in everything_told()


def test_second_factor_is_told_when_set_up_and_removed_with_its_codes(
    person: User, signed_in: Client
) -> None:
    signed_in.get(reverse("mfa_activate_totp"))
    secret = signed_in.session["mfa.totp.secret"]
    signed_in.post(reverse("mfa_activate_totp"), {"code": pyotp.TOTP(secret).now()})
    assert len(entries("person.second-factor-activated")) == 1
    assert len(entries("person.recovery-codes-generated")) == 1
    signed_in.post(reverse("mfa_generate_recovery_codes"))
    assert len(entries("person.recovery-codes-generated")) == 2
    codes = Authenticator.objects.get(user=person, type="recovery_codes").wrap().get_unused_codes()
    signed_in.post(reverse("mfa_deactivate_totp"))
    assert len(entries("person.second-factor-removed")) == 1
    assert not Authenticator.objects.filter(user=person).exists()
    for kept_back in (secret, *codes):
        assert kept_back not in everything_told()


def test_changed_password_is_told_without_either(person: User, signed_in: Client) -> None:
    TOTP.activate(person, generate_totp_secret())
    fields = {"oldpassword": factories.PASSWORD, "password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    assert signed_in.post(reverse("account_change_password"), fields).status_code == 302
    person.refresh_from_db()
    assert person.check_password(NEW_PASSWORD)
    (entry,) = entries("person.password-changed")
    assert entry.actor_name == "erik"
    assert NEW_PASSWORD not in everything_told()
    assert factories.PASSWORD not in everything_told()


def test_password_is_not_changed_when_it_cannot_be_told(person: User, signed_in: Client) -> None:
    TOTP.activate(person, generate_totp_secret())
    signed_in.raise_request_exception = False
    fields = {"oldpassword": factories.PASSWORD, "password1": NEW_PASSWORD, "password2": NEW_PASSWORD}

    def refuse(**_: Any) -> None:
        raise RuntimeError("the audit cannot be written")

    pre_save.connect(refuse, sender=AuditEntry)
    try:
        assert signed_in.post(reverse("account_change_password"), fields).status_code == 500
    finally:
        pre_save.disconnect(refuse, sender=AuditEntry)
    person.refresh_from_db()
    assert person.check_password(factories.PASSWORD)


def test_password_set_by_mail_is_told(person: User, client: Client, mailoutbox: list[Any]) -> None:
    User.objects.filter(pk=person.pk).update(email="erik@example.org")
    client.post(reverse("account_reset_password"), {"email": "erik@example.org"})
    link = next(word for word in mailoutbox[0].body.split() if "/accounts/password/reset/key/" in word)
    form = client.get(link, follow=True)
    fields = {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    client.post(form.redirect_chain[-1][0], fields)
    person.refresh_from_db()
    assert person.check_password(NEW_PASSWORD)
    assert len(entries("person.password-reset")) == 1
    assert NEW_PASSWORD not in everything_told()
