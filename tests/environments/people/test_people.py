"""People, teams, tokens and rights."""

from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.exceptions import AuthenticationFailed

from environments.errors import Conflict, Forbidden, Invalid
from environments.people.acts import person_change, person_create, totp_reset
from environments.people.adapters import EncryptedMFAAdapter
from environments.people.authentication import ApiTokenAuthentication
from environments.people.models import ApiToken, PortalRole, Team, User
from environments.people.rights import RIGHTS, Reach, may, require
from environments.people.services import team_create, token_create, token_revoke

pytestmark = pytest.mark.django_db
STRONG = "correct-horse-battery-7"


@pytest.fixture
def ada():
    return User.objects.create(username="ada", portal_role=PortalRole.ADMINISTRATOR)


@pytest.fixture
def shop():
    return Team.objects.create(name="Shop", slug="shop")


def someone(role, **fields):
    return User.objects.create(username=f"some-{role}", portal_role=role, **fields)


@pytest.mark.parametrize("verb", sorted(RIGHTS))
@pytest.mark.parametrize("role", PortalRole.values)
def test_each_pair_of_role_and_verb_is_what_the_table_says(verb, role, shop):
    """Everywhere, in the own team, for the own request, or nowhere; superuser plays no part."""
    actor = someone(role, is_superuser=True)
    other = Team.objects.create(name="Other", slug="other")
    actor.teams.add(shop)
    reach = RIGHTS[verb].get(role)
    assert may(actor, verb, team=other, owner_id=0) is (reach is Reach.ALL)
    assert may(actor, verb, team=shop, owner_id=0) is (reach in (Reach.ALL, Reach.TEAM))
    assert may(actor, verb, team=other, owner_id=actor.pk) is (reach in (Reach.ALL, Reach.OWN))
    if reach is None:
        with pytest.raises(Forbidden, match="Ask one of these roles"):
            require(actor, verb)


def test_an_auditor_sees_everything_and_changes_nothing():
    verbs = {verb for verb in RIGHTS if PortalRole.AUDITOR in RIGHTS[verb]}
    assert all(verb.endswith(".view") or verb in ("token.own", "notification.own") for verb in verbs)


def test_who_has_left_may_nothing(shop):
    assert not may(someone("administrator", is_active=False), "environment.view")


def test_a_person_is_taken_in_with_role_and_teams(ada, shop):
    lena = person_create(
        username="lena",
        email="lena@example.org",
        portal_role="team-lead",
        teams=[shop],
        password=STRONG,
        actor=ada,
    )
    assert lena.check_password(STRONG) and lena.is_staff and not lena.is_superuser
    assert list(lena.teams.all()) == [shop]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"username": "ada"}, "username"),
        ({"username": "le na!"}, "username"),
        ({"email": "somewhere"}, "email"),
        ({"portal_role": "king"}, "portal_role"),
        ({"password": "12345"}, "password"),
    ],
)
def test_a_bad_person_is_refused_at_the_field(ada, change, field):
    fields = {"username": "lena", "email": "l@example.org", "portal_role": "engineer", "password": STRONG}
    with pytest.raises(Invalid) as refusal:
        person_create(**fields | change, actor=ada)
    assert refusal.value.field == field and User.objects.count() == 1


def test_nobody_changes_their_own_role_and_one_administrator_remains(ada):
    with pytest.raises(Forbidden, match="Another administrator"):
        person_change(user=ada, portal_role="engineer", teams=[], is_active=True, actor=ada)
    with pytest.raises(Conflict, match="last administrator"):
        person_change(user=ada, portal_role="engineer", teams=[], is_active=True, actor=None)
    second = someone("administrator")
    assert (
        person_change(user=ada, portal_role="auditor", teams=[], is_active=True, actor=second).portal_role
        == "auditor"
    )


def test_teams_have_a_slug_of_their_own(ada):
    assert team_create(name="Shop Front", actor=ada).slug == "shop-front"
    for name in ("shop front", "!!!"):
        with pytest.raises(Invalid):
            team_create(name=name, actor=ada)


def test_a_teams_address_is_an_address_or_nothing(ada):
    with pytest.raises(Invalid, match="Enter a valid email address") as refusal:
        team_create(name="Search", email="somewhere", actor=ada)
    assert refusal.value.field == "email"
    assert team_create(name="Search", email="search@example.org", actor=ada).email == "search@example.org"


def test_a_token_is_kept_as_a_digest_only(ada):
    row, token = token_create(user=ada, name="nightly", scopes=["read"], days=30, actor=ada)
    assert token not in str(vars(ApiToken.objects.get()))
    assert ApiTokenAuthentication().authenticate_credentials(token.encode()) == (ada, row)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": " "}, "name"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["all"]}, "scopes"),
        ({"days": 0}, "days"),
        ({"days": 366}, "days"),
    ],
)
def test_a_bad_token_is_refused_at_the_field(ada, change, field):
    with pytest.raises(Invalid) as refusal:
        token_create(**{"user": ada, "name": "x", "scopes": ["read"], "days": 1, "actor": ada} | change)
    assert refusal.value.field == field


def test_unknown_revoked_expired_and_orphaned_tokens_are_told_apart(ada):
    row, token = token_create(user=ada, name="nightly", scopes=["read"], days=30, actor=ada)
    authenticate = ApiTokenAuthentication().authenticate_credentials
    with pytest.raises(AuthenticationFailed, match="unknown"):
        authenticate(b"0" * 64)
    User.objects.update(is_active=False)
    with pytest.raises(AuthenticationFailed, match="has left"):
        authenticate(token.encode())
    ApiToken.objects.update(expiry=timezone.now() - timedelta(days=1))
    with pytest.raises(AuthenticationFailed, match="expired on"):
        authenticate(token.encode())
    token_revoke(token=row, actor=ada)
    with pytest.raises(AuthenticationFailed, match="revoked on"):
        authenticate(token.encode())
    with pytest.raises(Conflict):
        token_revoke(token=row, actor=ada)


def test_a_token_is_made_by_its_person_and_revoked_by_them_or_an_administrator(ada):
    lena, erik = someone("team-lead"), someone("engineer")
    with pytest.raises(Forbidden):
        token_create(user=lena, name="x", scopes=["read"], days=1, actor=ada)
    row, _ = token_create(user=lena, name="x", scopes=["read"], days=1, actor=lena)
    with pytest.raises(Forbidden):
        token_revoke(token=row, actor=erik)
    assert token_revoke(token=row, actor=ada).revoked_at is not None


def test_totp_secrets_are_encrypted_at_rest_and_reset_with_a_reason(ada):
    box = EncryptedMFAAdapter()
    assert "JBSWY3DP" not in box.encrypt("JBSWY3DP") and box.decrypt(box.encrypt("JBSWY3DP")) == "JBSWY3DP"
    with pytest.raises(Invalid):
        totp_reset(user=ada, reason="", actor=None)
    assert totp_reset(user=ada, reason="saw her passport", actor=None) == 0
