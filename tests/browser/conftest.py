"""A real Chromium before a live server; people who sign in with password and code.

Imports of Django's within the fixtures: this file is read before Django is set up.
"""

import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.workers.conftest import account, ask, keys, release  # noqa: F401 - fixtures

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from environments.people.models import User
    from tests.workers.houses import House

WIDE = {"width": 1440, "height": 900}
NARROW = {"width": 390, "height": 844}


@pytest.fixture
def people(transactional_db: None) -> "dict[str, User]":
    """One person per role, all in the team Shop, each with PASSWORD."""
    from environments.people.models import PortalRole
    from tests import factories

    team = factories.team_make("Shop")
    return {role: factories.person_make(role, teams=[team], username=role) for role in PortalRole.values}


@pytest.fixture
def visit(browser: "Browser", live_server: Any, people: "dict[str, User]") -> "Iterator[Callable[..., Page]]":
    """`visit("team-lead", dark=True, narrow=True)`: a page of a person who has signed in by hand.

    Errors of scripts and of the policy on any of its pages fail the test at its end.
    """
    import pyotp
    from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
    from playwright.sync_api import expect

    from tests import factories

    wrong: list[str] = []
    contexts = []

    def signed_in(role: str, *, dark: bool = False, narrow: bool = False) -> "Page":
        context = browser.new_context(
            viewport=NARROW if narrow else WIDE,
            color_scheme="dark" if dark else "light",
            base_url=live_server.url,
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda line: wrong.append(line.text) if "Content Security" in line.text else None)
        secret = generate_totp_secret()
        user = people[role]
        user.authenticator_set.all().delete()
        TOTP.activate(user, secret)
        page.goto("/")
        page.get_by_label("User name or e-mail").fill(user.username)
        page.get_by_label("Password").fill(factories.PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_label("Code from your authenticator").fill(pyotp.TOTP(secret).now())
        page.get_by_role("button", name="Sign in").click()
        expect(page).to_have_title("Start | Switchyard")
        return page

    yield signed_in
    for context in contexts:
        context.close()
    assert wrong == []


@pytest.fixture
def house(portal_env: dict[str, str], portal_principal: Any, tmp_path: Any) -> "Iterator[House]":
    """A worker with a beat, on the test's own database, queue and sandbox."""
    from tests.workers.houses import House

    names = ("PORTAL_AWS_ACCESS_KEY_ID", "PORTAL_AWS_SECRET_ACCESS_KEY")
    house = House(tmp_path, {**portal_env, **{name: os.environ[name] for name in names}}).start()
    yield house
    house.stop()
