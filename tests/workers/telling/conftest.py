"""A team with an environment, and a mail server on this machine.

Imports within the fixtures: this file is read before Django is set up.
"""

from types import SimpleNamespace

import pytest

from tests.receiving import mail_server


@pytest.fixture
def world(transactional_db, settings):
    """A team with a lead and an environment; this machine may be sent to."""
    from tests import factories

    settings.NOTIFY_NETWORKS = ["127.0.0.0/8"]
    settings.NOTIFY_TIMEOUT_S = 1.0
    team = factories.team_make("Shop")
    lead = factories.person_make("team-lead", teams=[team], username="lead")
    administrator = factories.person_make("administrator", username="administrator")
    environment = factories.environment_make(
        "shop", team=team, owner=lead, account=factories.account_make(), release=factories.release_make()
    )
    return SimpleNamespace(team=team, lead=lead, administrator=administrator, environment=environment)


@pytest.fixture
def mail(settings):
    """Mails go to a server on this machine, by SMTP."""
    with mail_server() as server:
        settings.MAIL_IS_ON, settings.EMAIL_BACKEND = True, "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", server.port, 2
        settings.PUBLIC_URL = "https://portal.example.org"
        yield server
