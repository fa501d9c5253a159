"""Modules through the portal: an environment with users and their data, turned on, counted and torn down."""

import pytest

from environments.errors import InvalidFields
from environments.lifecycle.models import Environment
from environments.lifecycle.stores import stores_of
from environments.lifecycle.teardown import environment_teardown
from environments.lifecycle.update import environment_update
from tests.workers.support import REGION, approve, drive

pytestmark = pytest.mark.django_db(transaction=True)


def update(people, **fields):
    """Ask for a change of the one environment, have it approved, and drive it to its end."""
    operation = environment_update(environment=Environment.objects.get(), actor=people["team-lead"], **fields)
    drive(operation)
    if operation.status == "awaiting-approval":
        drive(approve(operation, people))
    return operation


def variables(sandbox, keys, environment):
    """What the application is told."""
    client = sandbox.client("elasticbeanstalk", keys, REGION)
    name = f"sy-{environment.full_name}"
    [found] = client.describe_configuration_settings(ApplicationName=name, EnvironmentName=name)[
        "ConfigurationSettings"
    ]
    space = "aws:elasticbeanstalk:application:environment"
    return {row["OptionName"]: row["Value"] for row in found["OptionSettings"] if row["Namespace"] == space}


@pytest.mark.timeout(400)
def test_identity_is_turned_on_serves_and_goes_with_its_users_counted(active, people, sandbox, keys):
    assert "USER_POOL_ID" not in variables(sandbox, keys, active)
    operation = update(people, changes={"modules": ["identity"]})
    assert operation.status == "succeeded", operation.sentence
    environment = Environment.objects.get()
    assert operation.sentence == f"{environment.name} is up to date: modules identity."
    added = {row["key"]: row["action"] for row in operation.plan.document["stacks"]}
    assert added["identity"] == "create" and added["data"] == "none"
    assert operation.plan.document["losses"] == []
    told = variables(sandbox, keys, environment)
    pool = told["USER_POOL_ID"]
    assert told["USER_POOL_ISSUER"] == f"https://issuer-cognito-idp.{REGION}.amazonaws.com/{pool}"
    assert told["USER_DATA_URL"].endswith(".amazonaws.com/graphql")
    cognito = sandbox.client("cognito-idp", keys, REGION)
    client = cognito.describe_user_pool_client(UserPoolId=pool, ClientId=told["USER_POOL_CLIENT_ID"])
    assert "ClientSecret" not in client["UserPoolClient"]
    for number in range(2):
        cognito.admin_create_user(UserPoolId=pool, Username=f"ann{number}@example.com")
    keys_of_stores = [store.key for store in stores_of(environment)]
    assert len([key for key in keys_of_stores if key.startswith("identity.")]) == 3
    asked = {"environment": environment, "confirm": environment.name, "actor": people["team-lead"]}
    with pytest.raises(InvalidFields, match="the users of pool"):
        environment_teardown(copies=dict.fromkeys(["database", "uploads", "logs"], False), **asked)
    operation = environment_teardown(copies=dict.fromkeys(keys_of_stores, False), **asked)
    drive(operation)
    assert operation.status == "succeeded", operation.sentence
    [users] = [row for row in operation.plan.document["losses"] if "users" in row["store"]]
    assert users["count"] == 2 and users["copy"] is False
    left = [row["Id"] for row in cognito.list_user_pools(MaxResults=60)["UserPools"]]
    assert pool not in left


@pytest.mark.timeout(400)
def test_proxy_is_turned_off_and_on_and_nothing_stateful_is_touched(ask, people, sandbox, keys):
    assert drive(ask(modules=["proxy"])).status == "succeeded"
    environment = Environment.objects.get()
    through = variables(sandbox, keys, environment)["DATABASE_HOST"]
    assert ".proxy-" in through
    rds = sandbox.client("rds", keys, REGION)
    [cluster] = rds.describe_db_clusters(DBClusterIdentifier=f"sy-{environment.full_name}")["DBClusters"]
    for modules, host in (([], cluster["Endpoint"]), (["proxy"], "")):
        operation = update(people, changes={"modules": modules})
        assert operation.status == "succeeded", operation.sentence
        changes = [change for stack in operation.plan.document["stacks"] for change in stack["changes"]]
        assert not [change for change in changes if change["stateful"]]
        told = variables(sandbox, keys, environment)["DATABASE_HOST"]
        assert told == host if host else ".proxy-" in told
    [again] = rds.describe_db_clusters(DBClusterIdentifier=f"sy-{environment.full_name}")["DBClusters"]
    assert again["DbClusterResourceId"] == cluster["DbClusterResourceId"]
