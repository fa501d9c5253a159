"""Deploy and promote: what may run where, and who may put it there."""

import pytest

from environments.errors import Conflict, Forbidden, InvalidFields
from environments.lifecycle.deploy import (
    environment_deploy,
    environment_promote,
    label_of,
    version_of,
    version_running,
)
from environments.lifecycle.models import Account
from environments.people.models import Team, User
from tests import factories

pytestmark = pytest.mark.django_db
COMMIT, DIGEST = "c0ffee" + "0" * 34, "sha256:" + "ab" * 32


@pytest.fixture
def make(shop, account, release, lead):
    """make("environment", name) and make("application", name), of the team, the account and the release."""

    def one(what, name, **fields):
        factory = getattr(factories, f"{what}_make")
        return factory(name, **{"team": shop, "owner": lead, "account": account, "release": release} | fields)

    return one


@pytest.fixture
def version(make):
    return factories.version_make(make("application", "till"), COMMIT, digest=DIGEST)


@pytest.fixture
def web(make):
    return make("environment", "web")


def test_a_deployment_is_told_image_label_and_registry(web, version, lead):
    operation = environment_deploy(environment=web, version=version, actor=lead)
    assert (operation.kind, operation.subject) == ("deploy", web)
    application = version.application
    label = f"till-{application.suffix}-c0ffee000000-abababababab"
    assert operation.parameters["version"] == {
        "label": label,
        "application": "till",
        "commit": COMMIT,
        "digest": DIGEST,
        "registry": application.stack_name,
        "port": 8080,
    }
    assert operation.parameters["spec"] == web.spec and len(label) <= 100


def test_what_runs_is_found_by_its_label(web, version):
    assert version_running(web) is None
    web.runtime = {"version_label": label_of(version)}
    assert version_running(web) == version
    for label in ("v7", "till-0001-c0ffee000000-ffffffffffff", "some-label-of-others-here"):
        web.runtime = {"version_label": label}
        assert version_running(web) is None


@pytest.mark.parametrize("status", ["requested", "provisioning", "stopped", "tearing-down", "broken"])
def test_only_what_is_active_is_deployed_to(web, version, lead, status):
    web.status = status
    web.save(update_fields=["status"])
    with pytest.raises(Conflict, match=f"web is {status}"):
        environment_deploy(environment=web, version=version, actor=lead)


def test_what_runs_already_is_refused_and_so_is_an_older_release(web, version, lead):
    web.runtime = {"version_label": label_of(version)}
    web.save(update_fields=["runtime"])
    with pytest.raises(Conflict, match="web runs till c0ffee000000 already"):
        environment_deploy(environment=web, version=version, actor=lead)
    web.runtime, web.release = {}, factories.release_make("0.9.0", description={"costs": {}, "stacks": []})
    web.save(update_fields=["runtime", "release"])
    with pytest.raises(Conflict, match="may pull no image"):
        environment_deploy(environment=web, version=version, actor=lead)


def test_a_version_of_another_account_or_team_or_gone_is_refused_with_the_reason(web, version, lead):
    def refused():
        with pytest.raises(InvalidFields) as caught:
            environment_deploy(environment=web, version=version, actor=lead)
        return caught.value.errors["version"]

    application, home = version.application, version.application.account
    application.account = Account.objects.create(
        name="second", account_id="999988887777", mode="sandbox", is_on_sandbox=True, regions=["eu-west-1"]
    )
    assert "may not pull from another account's registry" in refused()
    application.account, application.team = home, Team.objects.create(name="Else", slug="else")
    assert "of team Else" in refused()
    application.team = web.team
    web.other_region = "us-east-1"
    web.save(update_fields=["other_region"])
    assert "The registry is not copied to us-east-1" in refused()
    version.gone_at = web.created_at
    assert "no longer in its registry" in refused()


def test_promote_takes_what_runs_on_the_other_environment(web, make, version, lead):
    staging = make("environment", "staging", runtime={"version_label": label_of(version)})
    operation = environment_promote(environment=web, source=staging, actor=lead)
    assert operation.kind == "deploy"
    assert operation.parameters["version"]["digest"] == DIGEST
    assert operation.parameters["promoted_from"] == "staging"


@pytest.mark.parametrize(("runtime", "told"), [({}, "the placeholder"), ({"version_label": "v7"}, "runs v7")])
def test_what_no_application_has_cannot_be_promoted(web, make, lead, runtime, told):
    staging = make("environment", "staging", runtime=runtime)
    with pytest.raises(InvalidFields) as caught:
        environment_promote(environment=web, source=staging, actor=lead)
    assert told in caught.value.errors["source"]


def test_a_stranger_may_neither_deploy_nor_promote(web, make, version):
    stranger = User.objects.create(username="stranger", portal_role="team-lead")
    staging = make("environment", "staging")
    with pytest.raises(Forbidden):
        environment_deploy(environment=web, version=version, actor=stranger)
    with pytest.raises(Forbidden):
        environment_promote(environment=web, source=staging, actor=stranger)


def test_a_version_is_named_by_application_and_enough_of_its_commit(version):
    factories.version_make(version.application, "c0ffee" + "1" * 34)
    assert version_of(application="till", commit=COMMIT) == version
    for application, commit, field in (
        ("till", "c0ffee", "commit"),
        ("till", "beef", "commit"),
        ("till", "", "commit"),
        ("none", "c0ffee", "application"),
    ):
        with pytest.raises(InvalidFields) as caught:
            version_of(application=application, commit=commit)
        assert set(caught.value.errors) == {field}
