"""A version on an environment in two regions: home first, the other only when home runs it, and what is said when the
other keeps the version before.
"""

from functools import partial

import pytest

from environments.errors import Conflict
from environments.lifecycle.deploy import environment_deploy, environment_promote, label_of
from environments.lifecycle.models import Environment
from environments.lifecycle.runtime import labels_running, runtime_shown
from environments.operations.control import operation_retry
from tests.factories import version_make
from tests.workers.delivering import changed_stacks, label_running, registry, version_push
from tests.workers.support import approve, drive
from tests.workers.test_standby import ACCOUNT, HOME, OTHER, WITHIN_S, ask, wide  # noqa: F401

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]
REGIONS = (HOME, OTHER)


@pytest.fixture
def keys(sandbox):
    """Root keys of the account that uses two regions."""
    return sandbox.account(ACCOUNT)


@pytest.fixture
def warm(ask, moments):  # noqa: F811
    """An environment that stands warm in its other region."""
    moments.once("stands warm", lambda: ask("both", standby="warm", other_region=OTHER))
    return Environment.objects.get(name="both")


@pytest.fixture
def till(warm, sandbox, keys):
    """An application whose images are copied to the other region."""
    with registry(sandbox, keys, warm) as row:
        yield row


@pytest.fixture
def running(warm, sandbox, keys):
    """running() is what Beanstalk says that each region runs, and what the portal says of it."""

    def labels():
        warm.refresh_from_db()
        there = {region: label_running(sandbox, keys, warm, region) for region in REGIONS}
        assert labels_running(warm) == there
        return there

    return labels


def put(environment, version, people):
    """Ask for a version, and drive the operation to its end; answers it."""
    environment.refresh_from_db()
    operation = environment_deploy(environment=environment, version=version, actor=people["team-lead"])
    drive(operation, within_s=WITHIN_S)
    if operation.status == "awaiting-approval":
        drive(approve(operation, people), within_s=WITHIN_S)
    return operation


def test_both_regions_run_it_home_first_and_a_failure_in_the_other_says_what_runs_where(
    warm, till, running, people, sandbox, keys
):
    first, second = (version_push(sandbox, keys, till, commit) for commit in ("aaaa", "bbbb"))
    operation = put(warm, first, people)
    assert operation.status == "succeeded", operation.sentence
    assert sorted(changed_stacks(operation)) == ["app", "other-app"]
    assert running() == dict.fromkeys(REGIONS, label_of(first))
    at = {step.key: step for step in operation.steps.all()}
    assert at["app"].ended_at <= at["other-app"].started_at
    with pytest.raises(Conflict, match="runs till aaaa already"):
        put(warm, first, people)

    # An image that was pushed before the registry was copied: told before anybody is asked.
    alone = version_push(sandbox, keys, till, "cccc")
    sandbox.client("ecr", keys, OTHER).batch_delete_image(
        repositoryName=till.stack_name, imageIds=[{"imageDigest": alone.digest}]
    )
    refused = put(warm, alone, people)
    assert refused.status == "failed"
    assert f"The registry of {OTHER} has no image" in refused.sentence
    assert running() == dict.fromkeys(REGIONS, label_of(first))

    # The other region's instances do not come up: home keeps the new one, the other the one before.
    fault = partial(
        sandbox.fault,
        "failing-type",
        type="AWS::ElasticBeanstalk::Environment",
        action="update",
        account=ACCOUNT,
        message="Failed to deploy application version: unhealthy instances.",
        count=1,
    )
    fault(region=OTHER)
    operation = put(warm, second, people)
    assert operation.status == "failed", operation.sentence
    assert "unhealthy instances" in operation.sentence
    assert operation.sentence.endswith(f"{HOME} runs till bbbb, {OTHER} runs till aaaa.")
    assert running() == {HOME: label_of(second), OTHER: label_of(first)}
    shown = runtime_shown(warm)
    assert (shown["version"], shown["version_in_other_region"]) == (label_of(second), label_of(first))

    # Back: the version before is no longer what runs everywhere, so it may be asked for; home alone changes.
    back = put(warm, first, people)
    assert back.status == "succeeded", back.sentence
    assert changed_stacks(back) == ["app"]
    assert running() == dict.fromkeys(REGIONS, label_of(first))

    # Or forward: the retry brings it to the other region, and does nothing at home.
    fault(region=OTHER)
    operation = put(warm, second, people)
    assert operation.status == "failed", operation.sentence
    sandbox.lift_faults()
    before = operation.steps.get(key="app").ended_at
    operation_retry(operation_id=operation.pk, actor=people["team-lead"])
    drive(operation, within_s=WITHIN_S)
    assert operation.status == "succeeded", operation.sentence
    assert operation.steps.get(key="app").ended_at == before
    assert running() == dict.fromkeys(REGIONS, label_of(second))

    # Where home does not come up, the other region is not touched.
    fault(region=HOME)
    operation = put(warm, first, people)
    assert operation.status == "failed", operation.sentence
    assert operation.sentence.endswith(f"{HOME} runs till bbbb, {OTHER} runs till bbbb.")
    assert operation.steps.get(key="version-other-app").status in ("pending", "succeeded")
    assert operation.steps.get(key="other-app").status == "pending"
    assert running() == dict.fromkeys(REGIONS, label_of(second))


def test_a_version_is_promoted_to_both_regions_of_what_stands_by(
    warm,
    till,
    running,
    ask,  # noqa: F811
    people,
    sandbox,
    keys,
):
    source = ask("before")
    version = version_push(sandbox, keys, till, "dddd")
    assert put(source, version, people).status == "succeeded"
    source.refresh_from_db()
    assert "other" not in source.runtime
    operation = environment_promote(environment=warm, source=source, actor=people["team-lead"])
    drive(operation, within_s=WITHIN_S)
    drive(approve(operation, people), within_s=WITHIN_S)
    assert operation.status == "succeeded", operation.sentence
    assert running() == dict.fromkeys(REGIONS, label_of(version))
    # What neither registry has.
    nowhere = put(warm, version_make(till, "dead", digest="sha256:" + "0" * 64), people)
    assert f"The registry of {HOME}, {OTHER} has no image" in nowhere.sentence
