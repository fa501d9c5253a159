"""A version on an environment: deployed by CloudFormation, seen as what runs, kept by later updates, taken back."""

import io
import json
import zipfile
from functools import partial

import pytest

from environments.lifecycle.deploy import environment_deploy, environment_promote, label_of
from environments.lifecycle.models import Environment
from environments.lifecycle.update import environment_update
from environments.operations.control import operation_retry
from tests.factories import version_make
from tests.workers.delivering import label_running, registry, version_push
from tests.workers.support import ACCOUNT_ID, REGION, approve, drive
from workers.workflows.deploy import bundle_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def till(active, sandbox, keys):
    """An application with a registry, as its stack makes one."""
    with registry(sandbox, keys, active) as row:
        yield row


@pytest.fixture
def release_of(till, sandbox, keys):
    """release_of(commit): a version whose image is in the registry."""
    return partial(version_push, sandbox, keys, till)


@pytest.fixture
def running(active, sandbox, keys):
    """running() is the label of the version that Beanstalk says the environment has."""
    return partial(label_running, sandbox, keys, active)


def approved(operation, people):
    drive(operation, until=lambda row: row.status == "awaiting-approval" or row.is_ended)
    assert operation.status == "awaiting-approval", operation.sentence
    return approve(operation, people)


def deploy(environment, version, people):
    return drive(
        approved(
            environment_deploy(environment=environment, version=version, actor=people["team-lead"]), people
        )
    )


def test_a_version_is_planned_named_deployed_seen_and_kept(
    active, release_of, running, people, sandbox, keys
):
    version = release_of("c0ffee")
    operation = approved(
        environment_deploy(environment=active, version=version, actor=people["team-lead"]), people
    )
    changed = {
        row["key"]: [change["type"] for change in row["changes"]]
        for row in operation.plan.document["stacks"]
        if row["action"] != "none"
    }
    assert changed == {"app": ["AWS::ElasticBeanstalk::Environment"]}
    drive(operation)
    assert operation.status == "succeeded", operation.sentence
    assert operation.sentence == f"{active.name} runs till c0ffee."
    assert running() == label_of(version)
    active.refresh_from_db()
    assert active.runtime["version_label"] == label_of(version)
    [told] = sandbox.client("elasticbeanstalk", keys, REGION).describe_application_versions(
        ApplicationName=f"sy-{active.full_name}", VersionLabels=[label_of(version)]
    )["ApplicationVersions"]
    source = told["SourceBundle"]
    body = sandbox.client("s3", keys, REGION).get_object(Bucket=source["S3Bucket"], Key=source["S3Key"])
    archive = zipfile.ZipFile(io.BytesIO(body["Body"].read()))
    run = json.loads(archive.read("Dockerrun.aws.json"))
    place = f"{ACCOUNT_ID}.dkr.ecr.{REGION}.amazonaws.com/{version.application.stack_name}"
    assert run["Image"]["Name"] == f"{place}@{version.digest}"
    assert ".ebextensions/scaling.config" in archive.namelist()
    # No later update puts the placeholder back.
    update = environment_update(
        environment=active, changes={"log_retention_days": 60}, actor=people["team-lead"]
    )
    drive(approved(update, people))
    assert update.status == "succeeded", update.sentence
    assert running() == label_of(version)


def test_a_version_that_comes_up_unhealthy_leaves_the_one_before(
    active, release_of, running, people, sandbox
):
    first, second = release_of("aaaa"), release_of("bbbb")
    assert deploy(active, first, people).status == "succeeded"
    active.refresh_from_db()
    sandbox.fault(
        "failing-type",
        type="AWS::ElasticBeanstalk::Environment",
        action="update",
        account=ACCOUNT_ID,
        message="Failed to deploy application version: unhealthy instances.",
        count=1,
    )
    operation = deploy(active, second, people)
    assert operation.status == "failed", operation.sentence
    assert "unhealthy instances" in operation.sentence
    assert running() == label_of(first)
    sandbox.lift_faults()
    operation_retry(operation_id=operation.pk, actor=people["team-lead"])
    drive(operation)
    assert operation.status == "succeeded", operation.sentence
    assert running() == label_of(second)


def test_an_image_that_the_registry_has_not_is_told_before_anybody_is_asked(active, till, people, running):
    before = running()
    version = version_make(till, "dead", digest="sha256:" + "0" * 64)
    operation = drive(environment_deploy(environment=active, version=version, actor=people["team-lead"]))
    assert operation.status == "failed"
    assert "has no image sha256:000000000000… of till" in operation.sentence
    assert running() == before


def test_promote_brings_the_same_digest_to_another_environment(
    active, ask, release_of, people, sandbox, keys
):
    version = release_of("c0ffee")
    assert deploy(active, version, people).status == "succeeded"
    assert drive(ask()).status == "succeeded"
    second = Environment.objects.exclude(pk=active.pk).get()
    active.refresh_from_db()
    operation = environment_promote(environment=second, source=active, actor=people["team-lead"])
    drive(approved(operation, people))
    assert operation.status == "succeeded", operation.sentence
    second.refresh_from_db()
    assert second.runtime["version_label"] == active.runtime["version_label"] == label_of(version)


def test_a_bundle_is_the_same_bytes_every_time_and_names_the_region_it_is_for():
    told = {"registry": "sy-app-till-0001", "digest": "sha256:" + "a" * 64, "port": 8080}
    one, two = (bundle_of(told, "eu-west-1", ACCOUNT_ID, {"b": "2", "a": "1"}) for _ in range(2))
    assert one == two != bundle_of(told, "us-east-1", ACCOUNT_ID, {"b": "2", "a": "1"})
