"""A small house: a team, its people, an environment, and one person of each other role."""

from types import SimpleNamespace

import pytest

from environments.people.models import PortalRole
from tests import factories


@pytest.fixture
def world(db, settings):
    settings.MAIL_IS_ON = True
    team, other = factories.team_make("Shop"), factories.team_make("Elsewhere")
    people = {
        "lead": factories.person_make(PortalRole.TEAM_LEAD, teams=[team], username="lead"),
        "lead-2": factories.person_make(PortalRole.TEAM_LEAD, teams=[team], username="lead-2"),
        "stranger": factories.person_make(PortalRole.TEAM_LEAD, teams=[other], username="stranger"),
        "engineer": factories.person_make(PortalRole.ENGINEER, teams=[team], username="engineer"),
        "approver": factories.person_make(PortalRole.APPROVER, username="approver"),
        "administrator": factories.person_make(PortalRole.ADMINISTRATOR, username="administrator"),
        "auditor": factories.person_make(PortalRole.AUDITOR, username="auditor"),
        "gone": factories.person_make(PortalRole.APPROVER, username="gone", is_active=False),
    }
    account = factories.account_make()
    environment = factories.environment_make(
        "shop", team=team, owner=people["engineer"], account=account, release=factories.release_make()
    )
    return SimpleNamespace(team=team, other=other, people=people, account=account, environment=environment)
