"""KMS over regions and time: replicas, a new primary, rotation, what waits for deletion, grants."""

from collections.abc import Callable
from typing import Any

import pytest

from devtools.sandbox import Sandbox
from tests.sandbox.support import Stacks, refused, template

ACCOUNT = "210000000045"
HOME, OTHER, THIRD = "eu-west-1", "eu-central-1", "us-east-1"
Kms = Callable[[str], Any]


@pytest.fixture(scope="module")
def kms(sandbox: Sandbox) -> Kms:
    keys = sandbox.account(ACCOUNT)
    return lambda region: sandbox.client("kms", keys, region)


def multi(kms: Kms, *regions: str) -> str:
    id = str(kms(HOME).create_key(MultiRegion=True)["KeyMetadata"]["KeyId"])
    for region in regions:
        kms(HOME).replicate_key(KeyId=id, ReplicaRegion=region)
    return id


def metadata(kms: Kms, region: str, id: str) -> dict[str, Any]:
    found: dict[str, Any] = kms(region).describe_key(KeyId=id)["KeyMetadata"]
    return found


def kinds(kms: Kms, id: str) -> dict[str, str]:
    found = {}
    for region in (HOME, OTHER):
        configuration = metadata(kms, region, id)["MultiRegionConfiguration"]
        found[region] = configuration["MultiRegionKeyType"]
        assert {r["Region"] for r in configuration["ReplicaKeys"]} | {
            configuration["PrimaryKey"]["Region"]
        } == {HOME, OTHER}
    return found


def test_new_primary_takes_over(kms: Kms) -> None:
    id = multi(kms, OTHER)
    assert kinds(kms, id) == {HOME: "PRIMARY", OTHER: "REPLICA"}
    code = "UnsupportedOperationException"
    assert refused(kms(OTHER).update_primary_region, KeyId=id, PrimaryRegion=HOME)[0] == code
    assert refused(kms(HOME).update_primary_region, KeyId=id, PrimaryRegion=THIRD)[0] == "NotFoundException"
    sealed = kms(HOME).encrypt(KeyId=id, Plaintext=b"text")["CiphertextBlob"]
    kms(HOME).update_primary_region(KeyId=id, PrimaryRegion=OTHER)
    assert kinds(kms, id) == {HOME: "REPLICA", OTHER: "PRIMARY"}
    assert kms(OTHER).decrypt(CiphertextBlob=sealed)["Plaintext"] == b"text"
    assert refused(kms(HOME).replicate_key, KeyId=id, ReplicaRegion=THIRD)[0] == code
    kms(OTHER).replicate_key(KeyId=id, ReplicaRegion=THIRD)
    assert metadata(kms, THIRD, id)["MultiRegionConfiguration"]["MultiRegionKeyType"] == "REPLICA"


def test_former_primary_is_deleted_as_a_replica(kms: Kms) -> None:
    id = multi(kms, OTHER)
    kms(HOME).update_primary_region(KeyId=id, PrimaryRegion=OTHER)
    assert kms(OTHER).schedule_key_deletion(KeyId=id)["KeyState"] == "PendingReplicaDeletion"
    kms(OTHER).cancel_key_deletion(KeyId=id)
    assert kms(HOME).schedule_key_deletion(KeyId=id)["KeyState"] == "PendingDeletion"


def test_one_region_pending_deletion_leaves_the_other_readable(kms: Kms) -> None:
    id = multi(kms, OTHER)
    sealed = kms(HOME).encrypt(KeyId=id, Plaintext=b"text")["CiphertextBlob"]
    kms(OTHER).schedule_key_deletion(KeyId=id, PendingWindowInDays=7)
    code = "KMSInvalidStateException"
    assert refused(kms(OTHER).decrypt, CiphertextBlob=sealed)[0] == code
    assert kms(HOME).decrypt(CiphertextBlob=sealed)["Plaintext"] == b"text"
    kms(OTHER).cancel_key_deletion(KeyId=id)
    assert refused(kms(OTHER).decrypt, CiphertextBlob=sealed)[0] == "DisabledException"
    kms(OTHER).enable_key(KeyId=id)
    assert kms(OTHER).decrypt(CiphertextBlob=sealed)["Plaintext"] == b"text"


def test_rotation_keeps_what_was_encrypted_before(kms: Kms) -> None:
    id = multi(kms, OTHER)
    sealed = kms(HOME).encrypt(KeyId=id, Plaintext=b"old")["CiphertextBlob"]
    kms(HOME).rotate_key_on_demand(KeyId=id)
    fresh = kms(HOME).encrypt(KeyId=id, Plaintext=b"new")["CiphertextBlob"]
    for region in (HOME, OTHER):
        assert kms(region).decrypt(CiphertextBlob=sealed)["Plaintext"] == b"old"
        assert kms(region).decrypt(CiphertextBlob=fresh)["Plaintext"] == b"new"
        [done] = kms(region).list_key_rotations(KeyId=id)["Rotations"]
        assert done["RotationType"] == "ON_DEMAND"


def test_replica_rotates_with_its_primary(kms: Kms) -> None:
    id = multi(kms, OTHER)
    kms(HOME).enable_key_rotation(KeyId=id, RotationPeriodInDays=90)
    there = kms(OTHER).get_key_rotation_status(KeyId=id)
    assert (there["KeyRotationEnabled"], there["RotationPeriodInDays"]) == (True, 90)
    days = (there["NextRotationDate"] - metadata(kms, HOME, id)["CreationDate"]).total_seconds() / 86400
    assert 90 <= days < 90.01
    code = "UnsupportedOperationException"
    assert refused(kms(OTHER).disable_key_rotation, KeyId=id)[0] == code
    kms(HOME).disable_key(KeyId=id)
    assert refused(kms(HOME).rotate_key_on_demand, KeyId=id)[0] == "DisabledException"


def test_grants_are_retired(kms: Kms) -> None:
    id = kms(HOME).create_key()["KeyMetadata"]["KeyId"]
    person, other = (f"arn:aws:iam::{ACCOUNT}:role/{name}" for name in ("uses", "retires"))
    made = kms(HOME).create_grant(
        KeyId=id, GranteePrincipal=person, RetiringPrincipal=other, Operations=["Decrypt"]
    )
    answer = kms(HOME).list_retirable_grants(RetiringPrincipal=other)
    assert [g["GrantId"] for g in answer["Grants"]] == [made["GrantId"]]
    kms(HOME).retire_grant(GrantToken=made["GrantToken"])
    assert kms(HOME).list_grants(KeyId=id)["Grants"] == []
    again = refused(kms(HOME).retire_grant, KeyId=id, GrantId=made["GrantId"])
    assert again[0] == "NotFoundException"


def test_stack_makes_a_replica(kms: Kms, sandbox: Sandbox) -> None:
    id = multi(kms)
    arn = metadata(kms, HOME, id)["Arn"]
    stacks = Stacks(sandbox.client("cloudformation", sandbox.account(ACCOUNT), OTHER))
    policy = {
        "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "kms:*", "Resource": "*"}]
    }
    properties = {"PrimaryKeyArn": arn, "KeyPolicy": policy}
    body = template(
        {"Arn": {"Value": {"Fn::GetAtt": ["Copy", "Arn"]}}},
        Copy={"Type": "AWS::KMS::ReplicaKey", "Properties": properties},
    )
    stack = stacks.create("copies-a-key", body)
    assert stack["Outputs"][0]["OutputValue"] == arn.replace(HOME, OTHER)
    assert kinds(kms, id) == {HOME: "PRIMARY", OTHER: "REPLICA"}
    stacks.delete("copies-a-key")
    assert metadata(kms, OTHER, id)["KeyState"] == "PendingDeletion"
