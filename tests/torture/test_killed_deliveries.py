"""A worker killed at every point of what brings a version to an environment, and of an application's coming and going.

The matrix is made from points.txt, as in test_killed_workers.py. A promotion has the steps of a deployment: it meets
all of their points in one run.
"""

import pytest

from environments.lifecycle.application_update import application_update
from environments.lifecycle.applications import application_add, application_remove
from environments.lifecycle.deploy import environment_deploy, environment_promote, label_of
from environments.lifecycle.models import Application, Environment
from environments.people.models import Team
from tests.torture.test_killed_workers import (
    calls,
    counter,
    died_everywhere,
    no_event_is_lost,
    points,
    steps,
    wait_approved,
)
from tests.workers.delivering import (
    changed_stacks,
    label_running,
    registry,
    version_push,
    versions_named,
)
from tests.workers.houses import wait_ended

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.torture, pytest.mark.timeout(1200)]


@pytest.fixture
def running(house, ask):
    """running() is an environment that runs the placeholder; nobody has died yet."""

    def make():
        house.arm()
        operation = wait_ended(ask(), within_s=200)
        assert operation.status == "succeeded", operation.sentence
        return Environment.objects.get(pk=operation.subject_id)

    return make


def deployed_once(operation, sandbox, keys, environment, version, before):
    """One version of Beanstalk's, by one call; one change set; and that is what runs, here and there."""
    assert operation.status == "succeeded", operation.sentence
    assert changed_stacks(operation) == ["app"]
    assert calls(sandbox, "ExecuteChangeSet", before) == 1
    label = label_of(version)
    assert len(versions_named(sandbox, keys, environment, label)) == 1
    assert label_running(sandbox, keys, environment) == label
    environment.refresh_from_db()
    assert environment.runtime["version_label"] == label
    assert environment.stacks.get(key="app").status == "UPDATE_COMPLETE"
    no_event_is_lost(operation)


@pytest.mark.parametrize("step", steps("deploy"))
def test_deploy_survives(step, house, running, people, sandbox, keys):
    environment = running()
    with registry(sandbox, keys, environment) as till:
        version = version_push(sandbox, keys, till, f"c0ffee{step.encode().hex()}"[:40])
        before = counter(sandbox)
        house.arm(*points("deploy", step))
        operation = environment_deploy(environment=environment, version=version, actor=people["team-lead"])
        wait_approved(operation, people, within_s=300)
        died_everywhere(house, "deploy", step)
        deployed_once(operation, sandbox, keys, environment, version, before)


def test_promote_survives(house, running, people, sandbox, keys):
    first, second = running(), running()
    with registry(sandbox, keys, first) as till:
        version = version_push(sandbox, keys, till, "bead")
        deployed = environment_deploy(environment=first, version=version, actor=people["team-lead"])
        assert wait_approved(deployed, people).status == "succeeded", deployed.sentence
        first.refresh_from_db()
        before = counter(sandbox)
        house.arm(*points("deploy"))
        operation = environment_promote(environment=second, source=first, actor=people["team-lead"])
        wait_approved(operation, people, within_s=900)
        died_everywhere(house, "deploy")
        deployed_once(operation, sandbox, keys, second, version, before)
        assert label_running(sandbox, keys, first) == label_of(version)


def asked(account, release, people, name="till"):
    """The operation that adds an application."""
    team = Team.objects.get()
    return application_add(name=name, team=team, account=account, release=release, actor=people["team-lead"])


@pytest.mark.parametrize("step", steps("application-add"))
def test_application_add_survives(step, house, release, account, people, sandbox):
    before = counter(sandbox)
    house.arm(*points("application-add", step))
    operation = wait_approved(asked(account, release, people), people, within_s=300)
    assert operation.status == "succeeded", operation.sentence
    died_everywhere(house, "application-add", step)
    application = Application.objects.get()
    assert calls(sandbox, "CreateStack", before) == application.stacks.count() == 1
    assert application.status == "ready"
    assert application.outputs["PipelineName"] == application.stack_name
    no_event_is_lost(operation)


@pytest.mark.parametrize("step", steps("application-update"))
def test_application_update_survives(step, house, release, account, people, sandbox):
    house.arm()
    assert wait_approved(asked(account, release, people), people).status == "succeeded"
    application = Application.objects.get()
    before = counter(sandbox)
    house.arm(*points("application-update", step))
    operation = application_update(
        application=application, changes={"branch": "trunk"}, actor=people["team-lead"]
    )
    wait_approved(operation, people, within_s=300)
    assert operation.status == "succeeded", operation.sentence
    died_everywhere(house, "application-update", step)
    assert calls(sandbox, "ExecuteChangeSet", before) == 1
    application.refresh_from_db()
    assert (application.status, application.spec["branch"]) == ("ready", "trunk")
    assert application.stacks.get().status == "UPDATE_COMPLETE"
    no_event_is_lost(operation)


@pytest.mark.parametrize("step", steps("application-remove"))
def test_application_remove_survives(step, house, release, account, people, sandbox, keys):
    house.arm()
    assert wait_approved(asked(account, release, people), people).status == "succeeded"
    application = Application.objects.get()
    before = counter(sandbox)
    house.arm(*points("application-remove", step))
    operation = application_remove(
        application=application, confirm=application.name, actor=people["team-lead"]
    )
    wait_approved(operation, people, within_s=300)
    assert operation.status == "succeeded", operation.sentence
    died_everywhere(house, "application-remove", step)
    assert calls(sandbox, "DeleteStack", before) == 1
    application.refresh_from_db()
    assert application.status == "gone"
    assert application.stacks.get().status == "DELETE_COMPLETE"
    # What nobody could make again is there, whoever died.
    kept = {row["type"] for row in application.left_behind}
    assert kept == {
        "AWS::CodeCommit::Repository",
        "AWS::ECR::Repository",
        "AWS::KMS::Key",
        "AWS::S3::Bucket",
    }
    client = sandbox.client("ecr", keys, application.region)
    assert client.describe_repositories(repositoryNames=[application.stack_name])["repositories"]
    no_event_is_lost(operation)
