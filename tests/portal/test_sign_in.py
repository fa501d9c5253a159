"""Sign-in: password and second factor, no way around, headers, and health for machines."""

from typing import Any

import pyotp
import pytest
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.test import Client
from django.urls import reverse

from environments.people.models import User
from tests import factories


@pytest.fixture
def person(db: None) -> User:
    return factories.person_make("engineer", username="erik")


def test_sign_in_asks_for_the_code_and_ends_on_start(person: User, client: Client) -> None:
    secret = generate_totp_secret()
    TOTP.activate(person, secret)
    first = client.post(reverse("account_login"), {"login": "erik", "password": factories.PASSWORD})
    assert first.url == reverse("mfa_authenticate")
    assert client.get("/", follow=True).redirect_chain[-1][0] == reverse("mfa_authenticate")
    wrong = client.post(reverse("mfa_authenticate"), {"code": "000000"})
    assert wrong.status_code == 200
    last = client.post(reverse("mfa_authenticate"), {"code": pyotp.TOTP(secret).now()})
    assert last.url == "/"
    assert client.get("/").status_code == 200


def test_person_without_second_factor_is_led_to_set_one_up(person: User, client: Client) -> None:
    client.post(reverse("account_login"), {"login": "erik", "password": factories.PASSWORD})
    for address in ("/", reverse("admin:environment-new"), reverse("admin:approvals")):
        answer = client.get(address)
        assert (answer.status_code, answer.url) == (302, reverse("mfa_activate_totp"))
    # Who has just typed the password is not asked for it again.
    shown = client.get("/", follow=True)
    assert shown.redirect_chain == [(reverse("mfa_activate_totp"), 302)]
    secret = client.session["mfa.totp.secret"]
    assert secret in shown.content.decode()
    client.post(reverse("mfa_activate_totp"), {"code": pyotp.TOTP(secret).now()})
    assert client.get("/").status_code == 200


def test_later_the_password_is_asked_for_again_before_a_second_factor_changes(
    person: User, client: Client, settings: Any
) -> None:
    client.post(reverse("account_login"), {"login": "erik", "password": factories.PASSWORD})
    settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = 0
    asked = client.get(reverse("mfa_activate_totp"))
    assert asked.url.startswith(reverse("account_reauthenticate"))


def test_wrong_password_tells_nothing_about_the_person(person: User, client: Client) -> None:
    def said(name: str) -> str:
        page = client.post(reverse("account_login"), {"login": name, "password": "wrong-password"})
        return str(page.context["form"].non_field_errors())

    assert said("erik") == said("nobody")


def test_nobody_signs_up(db: None, client: Client) -> None:
    fields = {"username": "eve", "email": "eve@example.org", "password1": "a" * 20, "password2": "a" * 20}
    client.post(reverse("account_signup"), fields)
    assert not User.objects.filter(username="eve").exists()


def test_admins_own_login_is_closed(person: User, client: Client) -> None:
    answer = client.post("/login/", {"username": "erik", "password": factories.PASSWORD})
    assert answer.status_code == 302
    assert answer.url.startswith("/accounts/login/")
    assert "_auth_user_id" not in client.session


def test_who_has_left_is_out(person: User, client: Client) -> None:
    TOTP.activate(person, generate_totp_secret())
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    assert client.get("/").status_code == 200
    User.objects.filter(pk=person.pk).update(is_active=False)
    assert client.get("/").status_code == 302


def test_pages_forbid_foreign_and_inline_scripts(person: User, sign_in: Any) -> None:
    answer = sign_in(person).get("/")
    policy = answer["Content-Security-Policy"]
    scripts = next(part for part in policy.split(";") if part.strip().startswith("script-src"))
    assert "'self'" in scripts
    assert "'unsafe-inline'" not in scripts
    assert "frame-ancestors 'none'" in policy
    assert answer["X-Frame-Options"] == "DENY"
    assert "<script>" not in answer.content.decode()


def test_forms_need_their_csrf_token(person: User) -> None:
    TOTP.activate(person, generate_totp_secret())
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    answer = strict.post(reverse("admin:token-new"), {"name": "x", "scopes": ["read"], "days": "3"})
    assert answer.status_code == 403
    assert "too old" in answer.content.decode()
    assert not person.api_tokens.exists()


def test_times_are_told_in_the_viewers_zone(world: Any, sign_in: Any) -> None:
    person = world.people["engineer"]
    User.objects.filter(pk=person.pk).update(time_zone="Asia/Tokyo")
    environment = factories.environment_make(
        "shop", team=world.team, owner=person, account=world.account, release=world.release
    )
    page = sign_in(person).get(reverse("admin:environment", args=[environment.pk])).content.decode()
    assert "JST" in page


def test_health_answers_machines_without_signing_in(db: None, client: Client) -> None:
    assert client.get("/healthz").content == b"ok"
    ready = client.get("/readyz")
    assert ready.status_code == 200
    assert ready.json() == {"database": True, "broker": True}
    assert b"django_http_requests_total" in client.get("/metrics").content


def test_broker_that_is_down_delays_but_does_not_take_the_portal_out(
    db: None, client: Client, valkey: Any
) -> None:
    valkey.stop()
    try:
        ready = client.get("/readyz")
    finally:
        valkey.start()
    assert ready.status_code == 200
    assert ready.json() == {"database": True, "broker": False}
