"""Secrets over regions: replicas and how far they are, what a replica refuses, staging labels, rotation schedules."""

import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from devtools.sandbox import Sandbox
from tests.sandbox.support import refused

ACCOUNT = "210000000046"
HOME, OTHER = "eu-west-1", "eu-central-1"
FUNCTION = f"arn:aws:lambda:{HOME}:{ACCOUNT}:function:rotates"
Secrets = Callable[..., Any]


@pytest.fixture(scope="module")
def client(sandbox: Sandbox) -> Secrets:
    keys = sandbox.account(ACCOUNT)
    return lambda region=HOME, service="secretsmanager": sandbox.client(service, keys, region)


def state(client: Secrets, name: str) -> dict[str, Any]:
    [found] = client().describe_secret(SecretId=name)["ReplicationStatus"]
    return dict(found)


def until_in_sync(client: Secrets, name: str) -> None:
    deadline = time.monotonic() + 10
    while (found := state(client, name))["Status"] != "InSync":
        assert time.monotonic() < deadline, found
        time.sleep(0.02)


def test_replica_is_in_progress_then_in_sync(client: Secrets, sandbox: Sandbox) -> None:
    there = client(OTHER)  # before the clock runs: making a client takes a busy machine its time
    sandbox.settings(speed=1, durations={"Sandbox::SecretsManager::Replication": {"create": 4}})
    client().create_secret(Name="slow", SecretString="1", AddReplicaRegions=[{"Region": OTHER}])
    assert state(client, "slow")["Status"] == "InProgress"
    assert refused(there.get_secret_value, SecretId="slow")[0] == "ResourceNotFoundException"
    until_in_sync(client, "slow")
    assert there.get_secret_value(SecretId="slow")["SecretString"] == "1"
    client().put_secret_value(SecretId="slow", SecretString="2")
    assert there.get_secret_value(SecretId="slow")["SecretString"] == "1"
    until_in_sync(client, "slow")
    assert there.get_secret_value(SecretId="slow")["SecretString"] == "2"


def test_replication_fails_on_a_taken_name_until_it_may_overwrite(client: Secrets) -> None:
    client(OTHER).create_secret(Name="taken", SecretString="theirs")
    client().create_secret(Name="taken", SecretString="ours")
    replicate = client().replicate_secret_to_regions
    regions = [{"Region": OTHER}]
    replicate(SecretId="taken", AddReplicaRegions=regions)
    found = state(client, "taken")
    assert (found["Status"], found["StatusMessage"]) == (
        "Failed",
        f"Replication failed: Secret name taken already exists in region {OTHER}.",
    )
    assert client(OTHER).get_secret_value(SecretId="taken")["SecretString"] == "theirs"
    replicate(SecretId="taken", AddReplicaRegions=regions, ForceOverwriteReplicaSecret=True)
    assert state(client, "taken")["Status"] == "InSync"
    assert client(OTHER).get_secret_value(SecretId="taken")["SecretString"] == "ours"


def test_replica_has_a_key_of_its_own(client: Secrets) -> None:
    key = client(OTHER, "kms").create_key()["KeyMetadata"]["Arn"]
    regions = [{"Region": OTHER, "KmsKeyId": key}]
    client().create_secret(Name="sealed", SecretString="x", AddReplicaRegions=regions)
    assert state(client, "sealed")["KmsKeyId"] == key
    client(OTHER, "kms").schedule_key_deletion(KeyId=key)
    assert refused(client(OTHER).get_secret_value, SecretId="sealed")[0] == "DecryptionFailure"
    assert client().get_secret_value(SecretId="sealed")["SecretString"] == "x"
    client().put_secret_value(SecretId="sealed", SecretString="y")
    assert state(client, "sealed")["Status"] == "Failed"


def test_dark_region_is_told_later(client: Secrets, sandbox: Sandbox) -> None:
    client().create_secret(Name="waits", SecretString="1", AddReplicaRegions=[{"Region": OTHER}])
    sandbox.fault("dark", region=OTHER, account=ACCOUNT)
    client().put_secret_value(SecretId="waits", SecretString="2")
    assert state(client, "waits")["Status"] == "InProgress"
    sandbox.lift_faults()
    until_in_sync(client, "waits")
    assert client(OTHER).get_secret_value(SecretId="waits")["SecretString"] == "2"


@pytest.mark.parametrize(
    ("call", "params"),
    [
        ("put_secret_value", {"SecretString": "x"}),
        ("update_secret", {"Description": "x"}),
        ("delete_secret", {}),
        ("tag_resource", {"Tags": [{"Key": "a", "Value": "b"}]}),
        ("rotate_secret", {"RotationLambdaARN": FUNCTION}),
        ("remove_regions_from_replication", {"RemoveReplicaRegions": [HOME]}),
    ],
)
def test_replica_is_not_written(client: Secrets, call: str, params: dict[str, Any]) -> None:
    name = f"read-only-{call}"
    client().create_secret(Name=name, SecretString="1", AddReplicaRegions=[{"Region": OTHER}])
    assert refused(getattr(client(OTHER), call), SecretId=name, **params) == (
        "InvalidRequestException",
        "Operation not permitted on a replica secret. Call must be made in primary secret's region.",
    )


def test_promoted_replica_goes_its_own_way(client: Secrets) -> None:
    client().create_secret(Name="parts", SecretString="1", AddReplicaRegions=[{"Region": OTHER}])
    stop = client(OTHER).stop_replication_to_replica
    assert refused(client().stop_replication_to_replica, SecretId="parts")[0] == "InvalidRequestException"
    stop(SecretId="parts")
    assert "ReplicationStatus" not in client().describe_secret(SecretId="parts")
    client(OTHER).put_secret_value(SecretId="parts", SecretString="2")
    client().put_secret_value(SecretId="parts", SecretString="3")
    assert client(OTHER).get_secret_value(SecretId="parts")["SecretString"] == "2"


def test_staging_labels_are_moved(client: Secrets) -> None:
    secrets = client()
    first = secrets.create_secret(Name="stages", SecretString="1")["VersionId"]
    pending = secrets.put_secret_value(SecretId="stages", SecretString="2", VersionStages=["AWSPENDING"])[
        "VersionId"
    ]
    assert secrets.get_secret_value(SecretId="stages")["SecretString"] == "1"
    move = secrets.update_secret_version_stage
    current = {"SecretId": "stages", "VersionStage": "AWSCURRENT", "MoveToVersionId": pending}
    assert refused(move, **current) == (
        "InvalidParameterException",
        "The parameter RemoveFromVersionId can't be empty. Staging label AWSCURRENT is currently attached to version "
        f"{first}, so you must explicitly reference that version in RemoveFromVersionId.",
    )
    assert refused(move, RemoveFromVersionId=pending, **current)[0] == "InvalidParameterException"
    move(RemoveFromVersionId=first, **current)
    stages = secrets.describe_secret(SecretId="stages")["VersionIdsToStages"]
    assert {i: sorted(s) for i, s in stages.items()} == {
        pending: ["AWSCURRENT", "AWSPENDING"],
        first: ["AWSPREVIOUS"],
    }
    move(SecretId="stages", VersionStage="AWSPENDING", RemoveFromVersionId=pending)
    stage = {"VersionStage": "AWSPENDING"}
    assert refused(secrets.get_secret_value, SecretId="stages", **stage)[0] == "ResourceNotFoundException"
    token = str(uuid.uuid4())
    missing = {"SecretId": "stages", "VersionStage": "AWSCURRENT", "MoveToVersionId": token}
    assert refused(move, **missing)[0] == "ResourceNotFoundException"


def test_rotation_is_scheduled(client: Secrets) -> None:
    secrets = client()
    secrets.create_secret(Name="rotates", SecretString="1")
    assert refused(secrets.rotate_secret, SecretId="rotates") == (
        "InvalidRequestException",
        "No Lambda rotation function ARN is associated with this secret.",
    )
    both = {"AutomaticallyAfterDays": 30, "ScheduleExpression": "rate(10 days)"}
    params = {"SecretId": "rotates", "RotationLambdaARN": FUNCTION}
    code = "InvalidParameterException"
    assert refused(secrets.rotate_secret, RotationRules=both, **params)[0] == code
    secrets.rotate_secret(RotationRules={"AutomaticallyAfterDays": 30}, **params)
    found = secrets.describe_secret(SecretId="rotates")
    days = (found["NextRotationDate"] - found["CreatedDate"]).total_seconds() / 86400
    assert (found["RotationEnabled"], found["RotationLambdaARN"], round(days)) == (True, FUNCTION, 30)
    secrets.cancel_rotate_secret(SecretId="rotates")
    assert "RotationEnabled" not in secrets.describe_secret(SecretId="rotates")


def test_many_values_at_once(client: Secrets) -> None:
    secrets = client()
    for name in ("many/a", "many/b"):
        secrets.create_secret(Name=name, SecretString=name)
    answer = secrets.batch_get_secret_value(SecretIdList=["many/a", "many/b", "many/none"])
    assert [v["SecretString"] for v in answer["SecretValues"]] == ["many/a", "many/b"]
    assert [e["ErrorCode"] for e in answer["Errors"]] == ["ResourceNotFoundException"]
    answer = secrets.batch_get_secret_value(Filters=[{"Key": "name", "Values": ["many/"]}])
    assert len(answer["SecretValues"]) == 2
