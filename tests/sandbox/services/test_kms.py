"""KMS by its API: waiting periods, replicas, what a key that may not be used refuses, encryption."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from devtools.sandbox import Sandbox

ACCOUNT = "210000000012"


@pytest.fixture(scope="module")
def kms(sandbox: Sandbox) -> Any:
    return sandbox.client("kms", sandbox.account(ACCOUNT))


def refused(call: Any, **params: Any) -> str:
    """The error code that a call is refused with."""
    with pytest.raises(ClientError) as caught:
        call(**params)
    return str(caught.value.response["Error"]["Code"])


def made(kms: Any, **params: Any) -> dict[str, Any]:
    metadata: dict[str, Any] = kms.create_key(**params)["KeyMetadata"]
    return metadata


def test_key_waits_for_its_deletion_and_comes_back_disabled(kms: Any) -> None:
    key = made(kms, Description="waits")
    answer = kms.schedule_key_deletion(KeyId=key["KeyId"], PendingWindowInDays=7)
    days = (answer["DeletionDate"] - key["CreationDate"]).total_seconds() / 86400
    assert 7 <= days < 7.01
    assert kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]["KeyState"] == "PendingDeletion"
    kms.cancel_key_deletion(KeyId=key["KeyId"])
    metadata = kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]
    assert (metadata["KeyState"], metadata["Enabled"], "DeletionDate" in metadata) == (
        "Disabled",
        False,
        False,
    )


@pytest.mark.parametrize(
    ("stop", "code"),
    [
        (lambda kms, id: kms.schedule_key_deletion(KeyId=id), "KMSInvalidStateException"),
        (lambda kms, id: kms.disable_key(KeyId=id), "DisabledException"),
    ],
    ids=["pending deletion", "disabled"],
)
def test_key_that_may_not_be_used_refuses(kms: Any, stop: Any, code: str) -> None:
    id = made(kms)["KeyId"]
    blob = kms.encrypt(KeyId=id, Plaintext=b"before")["CiphertextBlob"]
    stop(kms, id)
    assert refused(kms.encrypt, KeyId=id, Plaintext=b"x") == code
    assert refused(kms.decrypt, CiphertextBlob=blob) == code
    assert refused(kms.generate_data_key, KeyId=id, KeySpec="AES_256") == code


def test_waiting_key_says_in_whose_words_it_is_refused(kms: Any) -> None:
    key = made(kms)
    kms.schedule_key_deletion(KeyId=key["KeyId"])
    with pytest.raises(ClientError, match=f"{key['Arn']} is pending deletion"):
        kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x")
    assert refused(kms.schedule_key_deletion, KeyId=key["KeyId"]) == "KMSInvalidStateException"


def test_ciphertext_needs_its_key_and_its_context(kms: Any) -> None:
    id = made(kms)["KeyId"]
    blob = kms.encrypt(KeyId=id, Plaintext=b"text", EncryptionContext={"a": "b"})["CiphertextBlob"]
    assert b"text" not in blob
    assert kms.decrypt(CiphertextBlob=blob, EncryptionContext={"a": "b"})["Plaintext"] == b"text"
    assert refused(kms.decrypt, CiphertextBlob=blob) == "InvalidCiphertextException"
    other = made(kms)["KeyId"]
    context = {"a": "b"}
    wrong = refused(kms.decrypt, CiphertextBlob=blob, KeyId=other, EncryptionContext=context)
    assert wrong == "IncorrectKeyException"


def test_data_key_is_what_its_ciphertext_holds(kms: Any) -> None:
    id = made(kms)["KeyId"]
    answer = kms.generate_data_key(KeyId=id, KeySpec="AES_256")
    assert len(answer["Plaintext"]) == 32
    assert kms.decrypt(CiphertextBlob=answer["CiphertextBlob"])["Plaintext"] == answer["Plaintext"]


def test_alias_is_another_name_of_its_key(kms: Any) -> None:
    first, second = made(kms)["KeyId"], made(kms)["KeyId"]
    kms.create_alias(AliasName="alias/switchyard", TargetKeyId=first)
    assert (
        refused(kms.create_alias, AliasName="alias/switchyard", TargetKeyId=second)
        == "AlreadyExistsException"
    )
    kms.update_alias(AliasName="alias/switchyard", TargetKeyId=second)
    assert kms.describe_key(KeyId="alias/switchyard")["KeyMetadata"]["KeyId"] == second
    assert [a["AliasName"] for a in kms.list_aliases(KeyId=second)["Aliases"]] == ["alias/switchyard"]
    kms.delete_alias(AliasName="alias/switchyard")
    assert refused(kms.describe_key, KeyId="alias/switchyard") == "NotFoundException"


def test_replica_opens_what_its_primary_sealed(kms: Any, sandbox: Sandbox) -> None:
    there = sandbox.client("kms", sandbox.account(ACCOUNT), "eu-central-1")
    primary = made(kms, MultiRegion=True)
    assert primary["KeyId"].startswith("mrk-")
    kms.replicate_key(KeyId=primary["KeyId"], ReplicaRegion="eu-central-1")
    blob = kms.encrypt(KeyId=primary["KeyId"], Plaintext=b"both")["CiphertextBlob"]
    assert there.decrypt(CiphertextBlob=blob)["Plaintext"] == b"both"
    configuration = there.describe_key(KeyId=primary["KeyId"])["KeyMetadata"]["MultiRegionConfiguration"]
    assert configuration["MultiRegionKeyType"] == "REPLICA"
    assert configuration["PrimaryKey"] == {"Arn": primary["Arn"], "Region": "eu-west-1"}


def test_primary_with_replicas_waits_for_them(kms: Any) -> None:
    primary = made(kms, MultiRegion=True)["KeyId"]
    kms.replicate_key(KeyId=primary, ReplicaRegion="eu-central-1")
    answer = kms.schedule_key_deletion(KeyId=primary, PendingWindowInDays=7)
    assert (answer["KeyState"], "DeletionDate" in answer) == ("PendingReplicaDeletion", False)


def test_key_of_one_region_has_no_replicas(kms: Any) -> None:
    id = made(kms)["KeyId"]
    assert (
        refused(kms.replicate_key, KeyId=id, ReplicaRegion="eu-central-1") == "UnsupportedOperationException"
    )


def test_rotation_policy_and_tags_are_kept(kms: Any) -> None:
    id = made(kms, Tags=[{"TagKey": "team", "TagValue": "web"}])["KeyId"]
    assert kms.get_key_rotation_status(KeyId=id)["KeyRotationEnabled"] is False
    kms.enable_key_rotation(KeyId=id, RotationPeriodInDays=180)
    assert kms.get_key_rotation_status(KeyId=id)["RotationPeriodInDays"] == 180
    policy = json.loads(kms.get_key_policy(KeyId=id, PolicyName="default")["Policy"])
    policy["Statement"][0]["Sid"] = "Changed"
    kms.put_key_policy(KeyId=id, PolicyName="default", Policy=json.dumps(policy))
    assert json.loads(kms.get_key_policy(KeyId=id, PolicyName="default")["Policy"]) == policy
    kms.tag_resource(KeyId=id, Tags=[{"TagKey": "tier", "TagValue": "dev"}])
    kms.untag_resource(KeyId=id, TagKeys=["team"])
    assert kms.list_resource_tags(KeyId=id)["Tags"] == [{"TagKey": "tier", "TagValue": "dev"}]


def test_key_policy_that_locks_everybody_out_is_refused(kms: Any) -> None:
    id = made(kms)["KeyId"]
    empty = '{"Version":"2012-10-17","Statement":[]}'
    assert (
        refused(kms.put_key_policy, KeyId=id, PolicyName="default", Policy=empty)
        == "MalformedPolicyDocumentException"
    )
    kms.put_key_policy(KeyId=id, PolicyName="default", Policy=empty, BypassPolicyLockoutSafetyCheck=True)
    assert refused(kms.get_key_policy, KeyId=id, PolicyName="default") == "AccessDeniedException"


def test_keys_are_listed_in_pages(sandbox: Sandbox) -> None:
    kms = sandbox.client("kms", sandbox.account("210000000013"))
    ids = {made(kms)["KeyId"] for _ in range(5)}
    pages = list(kms.get_paginator("list_keys").paginate(PaginationConfig={"PageSize": 2}))
    assert len(pages) == 3
    assert {k["KeyId"] for p in pages for k in p["Keys"]} == ids
