"""The application's own secrets: named in the spec, made without a value, read by the application alone."""

from __future__ import annotations

import json
from typing import Any

import pytest

from blueprint_cdk.estimate import monthly_usd
from blueprint_cdk.refusals import parse
from blueprint_cdk.spec import Spec
from tests.blueprint_cdk.deploying import PREFIX
from tests.blueprint_cdk.support import OTHER, SPEC, Assembly, Synthesise
from tests.blueprint_cdk.test_stack_app import options
from tests.blueprint_cdk.test_standby_deployed import House, within

NAMES = ["SMTP_PASSWORD", "MAPS_KEY"]
VARIABLES = "aws:elasticbeanstalk:application:environment"


@pytest.fixture(scope="module")
def named(synthesise: Synthesise) -> Assembly:
    return synthesise(secrets=NAMES)


def own(assembly: Assembly) -> dict[str, dict[str, Any]]:
    """Properties of the application's own secrets, by the names that Secrets Manager has."""
    rows = [row["Properties"] for row in assembly.all("AWS::SecretsManager::Secret")]
    return {row["Name"]: row for row in rows if "/app/" in row["Name"]}


def test_each_secret_is_made_without_a_value_and_under_the_environments_key(named: Assembly) -> None:
    secrets = own(named)
    assert set(secrets) == {f"sy-shop-k3x9/app/{name}" for name in NAMES}
    for properties in secrets.values():
        assert set(properties) == {"Name", "Description", "KmsKeyId", "Tags"}
        assert "Data" in json.dumps(properties["KmsKeyId"])


def test_the_application_is_told_where_each_is_and_may_read_those_alone(named: Assembly) -> None:
    found = options(named)
    arn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:sy-shop-k3x9/app"
    for name in NAMES:
        assert found[VARIABLES, f"{name}_SECRET_ARN"] == f"{arn}/{name}"
    statements = [
        statement
        for policy in named.all("AWS::IAM::Policy")
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if statement.get("Sid") == "ApplicationSecrets"
    ]
    assert statements == [
        {
            "Sid": "ApplicationSecrets",
            "Effect": "Allow",
            "Action": "secretsmanager:GetSecretValue",
            "Resource": [f"{arn}/{name}-??????" for name in sorted(NAMES)],
        }
    ]


def test_an_environment_that_names_none_has_none_and_no_right_to_any(small: Assembly) -> None:
    assert own(small) == {}
    assert "ApplicationSecrets" not in json.dumps(small.templates())


def test_with_a_standby_each_has_a_replica_which_the_application_there_is_told(
    synthesise: Synthesise,
) -> None:
    both = synthesise(secrets=NAMES, standby="warm")
    assert all(row["ReplicaRegions"] == [{"Region": OTHER}] for row in own(both).values())
    other = both.template("other-app")
    text = json.dumps(other)
    for name in NAMES:
        assert f"arn:aws:secretsmanager:{OTHER}:111122223333:secret:sy-shop-k3x9/app/{name}" in text


def test_each_secret_has_its_price_and_its_replica_another(synthesise: Synthesise) -> None:
    def total(**changes: Any) -> Any:
        spec = parse(Spec, {**SPEC, **changes}).model_dump(mode="json")
        return monthly_usd(spec)

    one = total(secrets=["AA"]) - total()
    assert one > 0
    assert total(secrets=["AA", "BB"]) - total(secrets=["AA"]) == one
    both = {"standby": "warm", "other_region": "eu-west-2", "other_cidr": "10.20.64.0/18"}
    assert total(secrets=["AA"], **both) - total(**both) > one


def test_a_secret_is_set_by_hand_follows_to_the_other_region_and_goes_when_it_is_no_longer_named(
    sandbox: Any, synthesise: Synthesise
) -> None:
    """On the local AWS, by the two stacks that it needs."""
    house = House(sandbox, synthesise, 41)
    deployment = house.deployment
    client = deployment.client("secretsmanager")

    def keys(secrets: list[str]) -> None:
        assembly = house.assembly(
            secrets=secrets, other_region=OTHER, other_cidr="10.20.64.0/18", standby="warm"
        )
        stacks = deployment.stacks["home"]
        body = (assembly.folder / f"{PREFIX}-keys.template.json").read_text()
        made = stacks.update if "keys" in deployment.there else stacks.create
        stack = made(f"{PREFIX}-keys", body, Capabilities=["CAPABILITY_NAMED_IAM"])
        assert stack["StackStatus"].endswith("_COMPLETE"), stacks.events(f"{PREFIX}-keys")
        deployment.there["keys"] = "home"

    keys(NAMES)
    name = f"{PREFIX}/app/SMTP_PASSWORD"
    assert "VersionIdsToStages" not in client.describe_secret(SecretId=name) or not client.describe_secret(
        SecretId=name
    ).get("VersionIdsToStages")
    client.put_secret_value(SecretId=name, SecretString="s3cret")
    region = deployment.client("secretsmanager", "other")
    within(lambda: region.describe_secret(SecretId=name).get("VersionIdsToStages") is not None, True)
    # Without the six letters at its end, as the application is told it.
    arn = client.describe_secret(SecretId=name)["ARN"][:-7]
    assert client.get_secret_value(SecretId=arn)["SecretString"] == "s3cret"
    keys(["MAPS_KEY"])
    listed = client.list_secrets(Filters=[{"Key": "name", "Values": [f"{PREFIX}/app/"]}])["SecretList"]
    assert [row["Name"] for row in listed] == [f"{PREFIX}/app/MAPS_KEY"]
    keys([])
    deployment.delete_all()
