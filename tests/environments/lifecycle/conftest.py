"""A release as the blueprint itself describes it, an account that is ready, and people."""

import json
import subprocess
import sys

import pytest

from environments.lifecycle.environments import environment_request
from environments.lifecycle.models import Account, Environment, RegionFacts
from environments.lifecycle.releases import release_register
from environments.operations.models import Notice, Operation
from environments.people.models import PortalRole, Team, User

FACTS = {
    "azs": ["eu-west-1a", "eu-west-1b", "eu-west-1c"],
    "beanstalk_platform_arn": (
        "arn:aws:elasticbeanstalk:eu-west-1::platform/Docker running on 64bit Amazon Linux 2023/4.6.0"
    ),
    "aurora_mysql_version": "8.0.mysql_aurora.3.10.0",
}


@pytest.fixture(scope="session")
def description():
    done = subprocess.run(
        [sys.executable, "-m", "blueprint_cdk", "describe"], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


@pytest.fixture
def release(db, description):
    return release_register(
        blueprint="environment",
        title="Environment",
        version=description["version"],
        digest="d" * 64,
        artifact="releases/test.zip",
        description=description,
        actor=None,
    )


@pytest.fixture
def account(db):
    account = Account.objects.create(
        name="sandbox-1",
        account_id="111122223333",
        mode="sandbox",
        is_on_sandbox=True,
        status="ready",
        regions=["eu-west-1"],
        zone_name="dev.example.org",
        zone_id="Z0123456789ABC",
        external_id="x" * 24,
    )
    RegionFacts.objects.create(account=account, region="eu-west-1", version=1, facts=FACTS)
    return account


@pytest.fixture
def shop(db):
    return Team.objects.create(name="Shop", slug="shop")


@pytest.fixture
def people(shop):
    made = {}
    for role in PortalRole:
        made[role.value] = User.objects.create(username=role.value, portal_role=role, is_staff=True)
        made[role.value].teams.add(shop)
    return made


@pytest.fixture
def lead(people):
    return people["team-lead"]


@pytest.fixture
def asked(shop, account, release, lead):
    """Arguments of a request that is in order."""
    return {
        "name": "orders",
        "team": shop,
        "tier": "dev",
        "size": "small",
        "account": account,
        "home_region": "eu-west-1",
        "release": release,
        "actor": lead,
    }


@pytest.fixture
def environment(asked):
    """An active development environment without an operation, owned by the engineer."""
    engineer = User.objects.get(username="engineer")
    made = environment_request(**asked | {"owner": engineer}).subject
    Environment.objects.update(status="active")
    Operation.objects.all().delete()
    Notice.objects.all().delete()
    return Environment.objects.get(pk=made.pk)
