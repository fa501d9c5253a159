"""Secrets Manager by its API: versions, the recovery window, replicas, keys, passwords."""

import json
import string
from typing import Any

import pytest
from botocore.exceptions import ClientError

from devtools.sandbox import OFTEN, Sandbox

ACCOUNT = "210000000014"


@pytest.fixture(scope="module")
def secrets(sandbox: Sandbox) -> Any:
    return sandbox.client("secretsmanager", sandbox.account(ACCOUNT))


def refused(call: Any, **params: Any) -> tuple[str, str]:
    """Code and message that a call is refused with."""
    with pytest.raises(ClientError) as caught:
        call(**params)
    error = caught.value.response["Error"]
    return str(error["Code"]), str(error["Message"])


def test_new_value_becomes_current_and_the_old_one_previous(secrets: Any) -> None:
    secrets.create_secret(Name="versions", SecretString="one")
    secrets.put_secret_value(SecretId="versions", SecretString="two")
    assert secrets.get_secret_value(SecretId="versions")["SecretString"] == "two"
    previous = secrets.get_secret_value(SecretId="versions", VersionStage="AWSPREVIOUS")
    assert previous["SecretString"] == "one"


def test_same_token_with_another_value_is_refused(secrets: Any) -> None:
    token = "0123456789abcdef0123456789abcdef"
    secrets.create_secret(Name="token", SecretString="one", ClientRequestToken=token)
    secrets.put_secret_value(SecretId="token", SecretString="one", ClientRequestToken=token)
    params = {"SecretId": "token", "SecretString": "two", "ClientRequestToken": token}
    assert refused(secrets.put_secret_value, **params)[0] == "ResourceExistsException"


def test_binary_value_comes_back(secrets: Any) -> None:
    secrets.create_secret(Name="binary", SecretBinary=b"\x00\xff")
    assert secrets.get_secret_value(SecretId="binary")["SecretBinary"] == b"\x00\xff"


def test_deleted_secret_blocks_its_name_until_it_is_restored(secrets: Any) -> None:
    secrets.create_secret(Name="blocked", SecretString="x")
    answer = secrets.delete_secret(SecretId="blocked", RecoveryWindowInDays=7)
    assert secrets.describe_secret(SecretId="blocked")["DeletedDate"] == answer["DeletionDate"]
    assert refused(secrets.create_secret, Name="blocked", SecretString="y") == (
        "InvalidRequestException",
        "You can't create this secret because a secret with this name is already scheduled for deletion.",
    )
    assert refused(secrets.get_secret_value, SecretId="blocked")[0] == "InvalidRequestException"
    assert "blocked" not in [s["Name"] for s in secrets.list_secrets()["SecretList"]]
    planned = secrets.list_secrets(IncludePlannedDeletion=True)["SecretList"]
    assert "blocked" in [s["Name"] for s in planned]
    secrets.restore_secret(SecretId="blocked")
    assert secrets.get_secret_value(SecretId="blocked")["SecretString"] == "x"


def test_forced_deletion_frees_the_name_at_once(secrets: Any) -> None:
    secrets.create_secret(Name="forced", SecretString="x")
    secrets.delete_secret(SecretId="forced", ForceDeleteWithoutRecovery=True)
    assert refused(secrets.describe_secret, SecretId="forced")[0] == "ResourceNotFoundException"
    secrets.create_secret(Name="forced", SecretString="y")
    assert secrets.get_secret_value(SecretId="forced")["SecretString"] == "y"


def test_taken_name_is_refused(secrets: Any) -> None:
    secrets.create_secret(Name="taken", SecretString="x")
    assert refused(secrets.create_secret, Name="taken", SecretString="y")[0] == "ResourceExistsException"


def test_secret_is_found_by_name_arn_and_partial_arn(secrets: Any) -> None:
    arn = secrets.create_secret(Name="names/one", SecretString="x")["ARN"]
    found = [secrets.describe_secret(SecretId=id)["ARN"] for id in ("names/one", arn, arn[:-7])]
    assert found == [arn] * 3


def test_replica_follows_its_primary(secrets: Any, sandbox: Sandbox) -> None:
    there = sandbox.client("secretsmanager", sandbox.account(ACCOUNT), "eu-central-1")
    answer = secrets.create_secret(
        Name="copied", SecretString="1", AddReplicaRegions=[{"Region": "eu-central-1"}]
    )
    assert [(r["Region"], r["Status"]) for r in answer["ReplicationStatus"]] == [("eu-central-1", "InSync")]
    secrets.put_secret_value(SecretId="copied", SecretString="2")
    assert there.get_secret_value(SecretId="copied")["SecretString"] == "2"
    assert (
        refused(there.put_secret_value, SecretId="copied", SecretString="3")[0] == "InvalidRequestException"
    )
    code, text = refused(secrets.delete_secret, SecretId="copied")
    assert (code, "eu-central-1" in text) == ("InvalidParameterException", True)
    secrets.remove_regions_from_replication(SecretId="copied", RemoveReplicaRegions=["eu-central-1"])
    assert refused(there.describe_secret, SecretId="copied")[0] == "ResourceNotFoundException"


def test_secret_cannot_be_read_while_its_key_waits_for_deletion(secrets: Any, sandbox: Sandbox) -> None:
    kms = sandbox.client("kms", sandbox.account(ACCOUNT))
    key = kms.create_key()["KeyMetadata"]["Arn"]
    secrets.create_secret(Name="locked", SecretString="x", KmsKeyId=key)
    kms.schedule_key_deletion(KeyId=key)
    assert refused(secrets.get_secret_value, SecretId="locked")[0] == "DecryptionFailure"
    assert refused(secrets.create_secret, Name="locked-2", KmsKeyId=key)[0] == "EncryptionFailure"


def test_secrets_are_filtered_by_tag_and_name(secrets: Any) -> None:
    secrets.create_secret(Name="filter/a", SecretString="x", Tags=[{"Key": "fruit", "Value": "apple"}])
    secrets.create_secret(Name="filter/b", SecretString="x", Tags=[{"Key": "fruit", "Value": "pear"}])

    def names(*filters: tuple[str, str]) -> list[str]:
        rules = [{"Key": key, "Values": [value]} for key, value in filters]
        return [s["Name"] for s in secrets.list_secrets(Filters=rules)["SecretList"]]

    assert names(("tag-value", "pear")) == ["filter/b"]
    assert names(("name", "filter/")) == ["filter/a", "filter/b"]
    assert names(("name", "filter/"), ("tag-value", "apple")) == ["filter/a"]


def test_random_password_holds_what_was_asked(secrets: Any) -> None:
    answer = secrets.get_random_password(
        PasswordLength=40, ExcludePunctuation=True, ExcludeCharacters="abcABC012"
    )
    password = answer["RandomPassword"]
    assert len(password) == 40
    assert set(password) <= set(string.ascii_letters + string.digits) - set("abcABC012")


def test_stack_generates_the_password_and_deletes_without_recovery(secrets: Any, sandbox: Sandbox) -> None:
    cloudformation = sandbox.client("cloudformation", sandbox.account(ACCOUNT))
    generate = {"SecretStringTemplate": '{"username":"swadmin"}', "GenerateStringKey": "password"}
    secret = {
        "Type": "AWS::SecretsManager::Secret",
        "Properties": {"Name": "generated", "GenerateSecretString": generate},
    }
    cloudformation.create_stack(
        StackName="secret", TemplateBody=json.dumps({"Resources": {"Secret": secret}})
    )
    cloudformation.get_waiter("stack_create_complete").wait(StackName="secret", WaiterConfig=OFTEN)
    value = json.loads(secrets.get_secret_value(SecretId="generated")["SecretString"])
    assert (value["username"], len(value["password"])) == ("swadmin", 32)
    cloudformation.delete_stack(StackName="secret")
    cloudformation.get_waiter("stack_delete_complete").wait(StackName="secret", WaiterConfig=OFTEN)
    secrets.create_secret(Name="generated", SecretString="free again")
