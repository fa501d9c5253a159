"""Tables: states, rights, settings, keys, stacks."""

import json
import time
from typing import Any

import pytest

from devtools.sandbox import OFTEN, Sandbox
from tests.sandbox.services.dynamodb.support import INVALID, got, put, typed
from tests.sandbox.support import Stacks, refused, template, with_credentials

ACCOUNT = "210000000047"


def test_table_is_creating_then_active(dynamodb: Any, sandbox: Sandbox) -> None:
    sandbox.settings(speed=1, durations={"AWS::DynamoDB::Table": {"create": 1, "delete": 0.5}})
    params: dict[str, Any] = {
        "TableName": "slow",
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
    }
    made = dynamodb.create_table(**params)["TableDescription"]
    assert (made["TableStatus"], made["TableArn"]) == (
        "CREATING",
        f"arn:aws:dynamodb:eu-west-1:{ACCOUNT}:table/slow",
    )
    assert refused(dynamodb.get_item, TableName="slow", Key=typed(pk="1"))[0] == "ResourceNotFoundException"
    assert refused(dynamodb.create_table, **params) == (
        "ResourceInUseException",
        "Table already exists: slow",
    )
    assert refused(dynamodb.delete_table, TableName="slow")[0] == "ResourceInUseException"
    dynamodb.get_waiter("table_exists").wait(TableName="slow", WaiterConfig=OFTEN)
    dynamodb.delete_table(TableName="slow")
    dynamodb.get_waiter("table_not_exists").wait(TableName="slow", WaiterConfig=OFTEN)
    assert refused(dynamodb.describe_table, TableName="slow") == (
        "ResourceNotFoundException",
        "Requested resource not found: Table: slow not found",
    )


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (
            {"KeySchema": [{"AttributeName": "other", "KeyType": "HASH"}]},
            "not defined in AttributeDefinitions",
        ),
        ({"BillingMode": "PROVISIONED"}, "must both be specified when BillingMode is PROVISIONED"),
        (
            {"ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}},
            "when BillingMode is PAY_PER_REQUEST",
        ),
    ],
    ids=["keys", "capacity", "on demand"],
)
def test_table_is_refused(dynamodb: Any, change: dict[str, Any], text: str) -> None:
    params: dict[str, Any] = {
        "TableName": "refused",
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
        **change,
    }
    code, said = refused(dynamodb.create_table, **params)
    assert (code, text in said) == (INVALID, True)


def test_protected_table_is_not_deleted(dynamodb: Any, table: str) -> None:
    dynamodb.update_table(TableName=table, DeletionProtectionEnabled=True)
    code, text = refused(dynamodb.delete_table, TableName=table)
    assert (code, "DeletionProtectionEnabled is set to True" in text) == (INVALID, True)
    dynamodb.update_table(TableName=table, DeletionProtectionEnabled=False)


def test_rights_on_one_table_are_none_on_another(dynamodb: Any, sandbox: Sandbox, table: str) -> None:
    iam = sandbox.client("iam", sandbox.account(ACCOUNT))
    iam.create_user(UserName="writes")
    arn = f"arn:aws:dynamodb:eu-west-1:{ACCOUNT}:table/{table}"
    statement = {"Effect": "Allow", "Action": "dynamodb:*", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName="writes", PolicyName="one-table", PolicyDocument=policy)
    key = iam.create_access_key(UserName="writes")["AccessKey"]
    theirs = with_credentials(sandbox, key, "dynamodb")
    item = typed(pk="a", sk=1)
    theirs.put_item(TableName=table, Item=item)
    theirs.batch_write_item(RequestItems={table: [{"PutRequest": {"Item": item}}]})
    theirs.transact_write_items(TransactItems=[{"Put": {"TableName": table, "Item": item}}])
    other = {"other": [{"PutRequest": {"Item": item}}]}
    assert refused(theirs.batch_write_item, RequestItems=other)[0] == "AccessDeniedException"
    assert refused(theirs.get_item, TableName="other", Key=item)[0] == "AccessDeniedException"


def test_time_to_live_and_recovery_are_settings(dynamodb: Any, table: str) -> None:
    given = {"Enabled": True, "AttributeName": "until"}
    dynamodb.update_time_to_live(TableName=table, TimeToLiveSpecification=given)
    found = dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    assert found == {"TimeToLiveStatus": "ENABLED", "AttributeName": "until"}
    again = refused(dynamodb.update_time_to_live, TableName=table, TimeToLiveSpecification=given)
    assert again == (INVALID, "TimeToLive is already enabled")
    put(dynamodb, table, pk="a", sk=1, until=int(time.time()) - 60)
    assert got(dynamodb, table, "a", 1) is not None, "expired items stay until they are looked for"
    recovery = dynamodb.update_continuous_backups(
        TableName=table, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
    assert recovery["PointInTimeRecoveryStatus"] == "ENABLED"
    assert recovery["EarliestRestorableDateTime"] <= recovery["LatestRestorableDateTime"]
    missing = refused(dynamodb.describe_continuous_backups, TableName="nowhere")
    assert missing[0] == "TableNotFoundException"


def test_table_of_a_key_that_waits_for_deletion_is_not_read(dynamodb: Any, sandbox: Sandbox) -> None:
    kms = sandbox.client("kms", sandbox.account(ACCOUNT))
    key = kms.create_key()["KeyMetadata"]["Arn"]
    dynamodb.create_table(
        TableName="sealed",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        SSESpecification={"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": key},
    )
    described = dynamodb.describe_table(TableName="sealed")["Table"]
    assert described["SSEDescription"]["KMSMasterKeyArn"] == key
    kms.schedule_key_deletion(KeyId=key)
    refusal = refused(dynamodb.get_item, TableName="sealed", Key=typed(pk="1"))
    assert refusal[0] == "AccessDeniedException"


def test_stack_makes_a_table_with_tags(dynamodb: Any, sandbox: Sandbox) -> None:
    keys = sandbox.account(ACCOUNT)
    stacks = Stacks(sandbox.client("cloudformation", keys))
    properties = {
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
        "StreamSpecification": {"StreamViewType": "KEYS_ONLY"},
        "Tags": [{"Key": "team", "Value": "one"}],
    }
    body = template(
        {"Stream": {"Value": {"Fn::GetAtt": ["Table", "StreamArn"]}}},
        Table={"Type": "AWS::DynamoDB::Table", "Properties": properties},
    )
    stack = stacks.create("makes-a-table", body)
    name = stacks.physical("makes-a-table")["Table"]
    described = dynamodb.describe_table(TableName=name)["Table"]
    assert stack["Outputs"][0]["OutputValue"] == described["LatestStreamArn"]
    assert described["StreamSpecification"]["StreamViewType"] == "KEYS_ONLY"
    tags = dynamodb.list_tags_of_resource(ResourceArn=described["TableArn"])["Tags"]
    assert {"Key": "team", "Value": "one"} in tags
    tagging = sandbox.client("resourcegroupstaggingapi", keys)
    found = tagging.get_resources(TagFilters=[{"Key": "team"}], ResourceTypeFilters=["dynamodb:table"])
    assert [r["ResourceARN"] for r in found["ResourceTagMappingList"]] == [described["TableArn"]]
    stacks.delete("makes-a-table")
    assert refused(dynamodb.describe_table, TableName=name)[0] == "ResourceNotFoundException"
