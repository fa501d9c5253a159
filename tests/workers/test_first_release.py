"""An environment of the first release comes to this one by the portal, and keeps its data.

`first_release/` has blueprint 1.1.0 as the artifact store keeps a release. Its description says nothing of what came
later: modules, standbys, what runs, which properties replace what.
"""

import zipfile
from pathlib import Path

import httpx
import pytest

from environments.lifecycle.models import Environment
from environments.lifecycle.releases import release_register
from environments.lifecycle.update import environment_update
from tests.workers.support import approve, ask_teardown, drive, look
from tests.workers.test_engagement import asked
from workers.artifacts import artifact_put, files_digest
from workers.blueprint import blueprint_files
from workers.management.commands.register_release import describe

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]

KEPT = Path(__file__).parent / "first_release" / "blueprint-1.1.0.zip"


@pytest.fixture
def first(release, account, tmp_path):
    """The release; role, bootstrap and baseline are those that the account has today, as going on asks for."""
    with zipfile.ZipFile(KEPT) as archive:
        archive.extractall(tmp_path)
    digest = files_digest(tmp_path, blueprint_files(tmp_path))
    description = {**describe(tmp_path), "templates": release.description["templates"]}
    return release_register(
        blueprint=release.blueprint.name,
        title=release.blueprint.title,
        version=description["version"],
        digest=digest,
        artifact=artifact_put(f"releases/{digest}.zip", KEPT.read_bytes()),
        description=description,
        actor=None,
    )


def test_an_environment_of_the_first_release_comes_to_this_one_with_its_data(
    first, release, ask, people, sandbox, keys
):
    operation = drive(ask(release=first, modules=None), within_s=180)
    assert operation.status == "succeeded", operation.sentence
    environment = Environment.objects.get()
    assert environment.release.version == "1.1.0"
    assert set(environment.stacks.values_list("key", flat=True)) == {
        "network",
        "keys",
        "data",
        "storage",
        "app",
    }
    tokens_not_wanted(sandbox, keys, environment)
    told = {"/items/name": "of the first release", "/uploads/photo.jpg": "a photo"}
    for path, text in told.items():
        answer = put(sandbox, environment, path, text)
        assert answer.status_code == 201, answer.text
    holding = held(environment)
    assert len(holding) >= 5

    update = environment_update(
        environment=environment, changes={}, release=release, actor=people["team-lead"]
    )
    drive(update, within_s=180)
    assert update.status == "awaiting-approval", update.sentence
    rows = [row for stack in update.plan.document["stacks"] for row in stack["changes"]]
    assert not [row for row in rows if row["stateful"] and row["action"] in ("replaced", "removed")]
    drive(approve(update, people), within_s=240)
    assert update.status == "succeeded", update.sentence

    environment.refresh_from_db()
    assert environment.release == release
    assert set(environment.stacks.values_list("key", flat=True)) >= {"access", "operations", "runner"}
    assert held(environment).items() >= holding.items()
    for path, text in told.items():
        assert asked(sandbox, environment, "GET", path).text == text
    for _ in range(3):
        look(update.scope)
    gone = drive(ask_teardown(people, environment), within_s=240)
    assert gone.status == "succeeded", gone.sentence
    assert gone.teardown_report.left_over == []


def tokens_not_wanted(sandbox, keys, environment):
    """The first release's container is a hop too far from the instance's credentials (decision 0267): whoever had one
    let instance metadata go without tokens.
    """
    name = environment.resources().get(type="AWS::ElasticBeanstalk::Environment").physical_id
    setting = {
        "Namespace": "aws:autoscaling:launchconfiguration",
        "OptionName": "DisableIMDSv1",
        "Value": "false",
    }
    client = sandbox.client("elasticbeanstalk", keys, environment.home_region)
    client.update_environment(EnvironmentName=name, OptionSettings=[setting])


def put(sandbox, environment, path, text):
    """A value, by the environment's address."""
    return httpx.put(
        sandbox.url + path,
        headers={"Host": environment.spec["domain"]},
        content=text.encode(),
        timeout=60,
        trust_env=False,
    )


def held(environment):
    """Ids of the resources that hold data, by stack and logical id."""
    kinds = ("AWS::RDS::DBCluster", "AWS::S3::Bucket", "AWS::KMS::Key", "AWS::SecretsManager::Secret")
    return {
        (row.stack.key, row.logical_id): row.physical_id
        for row in environment.resources().filter(type__in=kinds)
    }
