"""An environment in two regions whose workers are killed at every point: when it is built, deployed to, given its
standby, rid of it, and torn down.

No list of points is kept: each operation is first run undisturbed, on an environment of its own, and what that passed
is where the next ones die. What it came to is what they have to come to, by as many deeds. They run side by side, for
each waits for the lease of whoever died, and share the deaths: at each point one of them dies.
"""

import itertools
from collections import Counter

import pytest

from environments.lifecycle.deploy import environment_deploy, label_of
from environments.lifecycle.environments import environment_request
from environments.lifecycle.models import Environment, QuotaSnapshot
from environments.lifecycle.stores import stores_of
from environments.lifecycle.teardown import environment_teardown
from environments.lifecycle.update import environment_update
from environments.people.models import Team
from tests.torture.test_killed_workers import CHANGING, counter, no_event_is_lost
from tests.workers.delivering import label_running, registry, version_push, versions_named
from tests.workers.houses import AT_REST, wait_ended
from tests.workers.support import approve, assets_take_back
from tests.workers.test_standby import ACCOUNT, HOME, OTHER, wide  # noqa: F401
from workers.joining import JOINED
from workers.names import names_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.torture, pytest.mark.timeout(1800)]

REGIONS = (HOME, OTHER)
STANDBY = {"standby": "pilot-light", "other_region": OTHER}
MODULES = ["identity"]
"""With users and tables that are replicated, and stacks that are joined for them."""
BESIDE = 4
"""How many are killed side by side."""
CHILDREN = 2 * BESIDE + 2
"""Of the house's worker: those that move them, and those that Celery has not replaced yet."""
ONCE = ("CreateStack", "ExecuteChangeSet", "DeleteStack", "CreateApplicationVersion")
"""Calls that an operation makes once for each thing, whoever died."""
WITHIN_S = 1500
numbers = itertools.count(1)


@pytest.fixture
def keys(sandbox):
    """Root keys of the account that uses two regions."""
    return sandbox.account(ACCOUNT)


@pytest.fixture
def request_one(release, wide, people):  # noqa: F811
    """request_one(**fields) asks for an environment; answers the operation."""

    def request_one(**fields):
        asked = {
            "name": f"wide-{next(numbers)}",
            "team": Team.objects.get(),
            "tier": "dev",
            "size": "small",
            "account": wide,
            "home_region": HOME,
            "modules": MODULES,
            "release": release,
            "actor": people["team-lead"],
        }
        return environment_request(**asked | fields)

    return request_one


@pytest.fixture
def several(house, request_one, people):
    """several(**fields) are environments that run: the one that is left alone, and those to be killed."""

    def several(**fields):
        house.arm()
        operations = [request_one(**fields) for _ in range(1 + BESIDE)]
        carried_out(operations, people)
        return [operation.subject for operation in operations]

    return several


def carried_out(operations, people, by=("approver",)):
    """Wait for them all; what waits for approval gets it from others."""
    for operation in operations:
        wait_ended(operation, within_s=WITHIN_S, statuses=AT_REST)
        if operation.status == "awaiting-approval":
            approve(operation, people, by)
    for operation in operations:
        wait_ended(operation, within_s=WITHIN_S)
        assert operation.status == "succeeded", operation.sentence


@pytest.fixture
def survive(house, people, sandbox, keys):
    """survive(begin, things) runs begin(thing) undisturbed for the first thing, and for the others with workers dying
    at each point that the first passed; answers the operations, when all is as it has to be.
    """

    def survive(begin, things, by=("approver",)):
        house.arm()
        before = counter(sandbox)
        first = begin(things[0])
        carried_out([first], people, by)
        points = house.passed()
        # What the first looked for and found missing, the others miss as well.
        QuotaSnapshot.objects.all().delete()
        for region in REGIONS:
            assets_take_back(sandbox, keys, region)
        house.arm(*points)
        others = [begin(thing) for thing in things[1:]]
        carried_out(others, people, by)
        missed = house.unmet()
        # How often a step only looks depends on the clock; that it changes something does not.
        assert len(missed) < len(points) / 10, missed
        assert not [point for point in missed if point.split(".")[3] in CHANGING], missed
        done, found = deeds(first, sandbox, before), found_of(first, sandbox, keys)
        for operation in others:
            no_event_is_lost(operation)
            assert deeds(operation, sandbox, before) == done
            assert found_of(operation, sandbox, keys) == found
        return [first, *others]

    return survive


def deeds(operation, sandbox, after):
    """What was done for an operation since then, and how often: (region, deed, what), by its own calls, and by
    CloudFormation in its stacks, whose key and type that is: logical ids may hold the environment's name.
    """

    def rows(via):
        found = sandbox.control("GET", "requests", after=after, limit=100_000, via=via)
        return [row for row in found if not row["error"]]

    own = [
        (row["region"], row["operation"], "")
        for row in rows("api")
        if row["operation"] in ONCE and row["principal"].endswith(f"/operation-{operation.pk}")
    ]
    stem = f" sy-{operation.subject.full_name}-"
    made = [
        (row["region"], row["operation"], row["resource"].replace(stem, " ").partition("/")[0])
        for row in rows("cloudformation")
        if stem in row["resource"]
    ]
    assert own and made
    return Counter([*own, *made])


def found_of(operation, sandbox, keys):
    """What AWS and the portal have of an operation's environment, but for what is each one's own."""
    environment = Environment.objects.get(pk=operation.subject_id)
    mine = f"sy-{environment.full_name}-"
    found = {}
    for region in REGIONS:
        client = sandbox.client("cloudformation", keys, region)
        for page in client.get_paginator("describe_stacks").paginate():
            for stack in page["Stacks"]:
                if stack["StackName"].startswith(mine):
                    key = stack["StackName"].removeprefix(mine)
                    found[region, key] = found_of_stack(client, stack)
    rows = {(row.region, row.key): row for row in environment.stacks.exclude(status="DELETE_COMPLETE")}
    assert rows.keys() == found.keys()
    for place, row in rows.items():
        assert row.status == found[place]["status"], place
        living = row.resources.exclude(status__in=["DELETE_COMPLETE", "DELETE_SKIPPED"])
        assert living.count() == found[place]["resources"].total(), place
    return {
        "status": environment.status,
        "spec": [environment.standby, environment.other_region, environment.size, environment.active_region],
        "stacks": found,
    }


def found_of_stack(client, stack):
    """Its state, whether it is joined, and how many resources it has of each type and state."""
    pages = client.get_paginator("list_stack_resources").paginate(StackName=stack["StackName"])
    rows = [row for page in pages for row in page["StackResourceSummaries"]]
    return {
        "status": stack["StackStatus"],
        "joined": [
            row["ParameterValue"] for row in stack.get("Parameters", ()) if row["ParameterKey"] == JOINED
        ],
        "resources": Counter((row["ResourceType"], row["ResourceStatus"]) for row in rows),
    }


def homes_data(environment):
    """Physical ids of what holds data at home: no standby that comes or goes may make one anew."""
    rows = environment.resources().filter(
        stack__region=HOME,
        type__in=[
            "AWS::Cognito::UserPool",
            "AWS::DynamoDB::GlobalTable",
            "AWS::KMS::Key",
            "AWS::RDS::DBCluster",
            "AWS::S3::Bucket",
        ],
    )
    return dict(rows.values_list("logical_id", "physical_id"))


def upload(environment, sandbox, keys):
    """A file that somebody uploaded."""
    bucket = names_of(environment)["uploads-bucket"]
    client = sandbox.client("s3", keys, HOME)
    client.put_object(Bucket=bucket, Key="kept.txt", Body=b"kept")
    return lambda: client.get_object(Bucket=bucket, Key="kept.txt")["Body"].read()


def test_two_regions_are_built(survive, request_one):
    operations = survive(lambda _: request_one(**STANDBY), range(1 + BESIDE))
    for operation in operations:
        environment = operation.subject
        assert (environment.status, environment.regions) == ("active", [HOME, OTHER])


def test_a_version_comes_to_home_and_pilot_light(survive, several, people, sandbox, keys):
    environments = several(**STANDBY)
    with registry(sandbox, keys, environments[0]) as till:
        version = version_push(sandbox, keys, till, "c0ffee")
        survive(
            lambda environment: environment_deploy(
                environment=environment, version=version, actor=people["team-lead"]
            ),
            environments,
        )
        label = label_of(version)
        for environment in environments:
            environment.refresh_from_db()
            for region in REGIONS:
                assert label_running(sandbox, keys, environment, region) == label
                assert len(versions_named(sandbox, keys, environment, label, region)) == 1
            runs = environment.runtime
            assert (runs["version_label"], runs["other"]["version_label"]) == (label, label)


def test_a_standby_is_added(survive, several, people, sandbox, keys):
    environments = several()
    before = [(homes_data(environment), upload(environment, sandbox, keys)) for environment in environments]
    survive(
        lambda environment: environment_update(
            environment=environment, changes=STANDBY, actor=people["team-lead"]
        ),
        environments,
    )
    for environment, (data, uploaded) in zip(environments, before, strict=True):
        assert homes_data(environment) == data and uploaded() == b"kept"


def test_a_standby_is_taken_away(survive, several, people, sandbox, keys):
    environments = several(**STANDBY)
    before = [(homes_data(environment), upload(environment, sandbox, keys)) for environment in environments]

    def ask(environment, replace=()):
        return environment_update(
            environment=environment,
            changes={"standby": "none"},
            replace=replace,
            actor=people["team-lead"],
        )

    refusal = wait_ended(ask(environments[0]))
    lost = [loss["name"] for loss in refusal.failure["losses"]]
    survive(lambda environment: ask(environment, lost), environments, by=("approver", "administrator"))
    for environment, (data, uploaded) in zip(environments, before, strict=True):
        assert homes_data(environment) == data and uploaded() == b"kept"
        assert not environment.stacks.filter(region=OTHER).exclude(status="DELETE_COMPLETE").exists()


def test_two_regions_are_torn_down(survive, several, people, sandbox, keys):
    environments = several(**STANDBY)
    for environment in environments:
        upload(environment, sandbox, keys)

    def ask(environment):
        return environment_teardown(
            environment=environment,
            confirm=environment.name,
            copies={store.key: False for store in stores_of(environment)},
            actor=people["team-lead"],
        )

    for operation in survive(ask, environments):
        report = operation.teardown_report
        assert (report.left_over, report.kept) == ([], [])
        assert {row["region"] for row in report.searched} == {HOME, OTHER}
