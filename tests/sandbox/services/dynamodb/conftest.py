"""What DynamoDB's tests share: an account each, and a table."""

from collections.abc import Iterator
from typing import Any

import pytest

from devtools.sandbox import Sandbox


@pytest.fixture(scope="module")
def dynamodb(sandbox: Sandbox, request: pytest.FixtureRequest) -> Any:
    """A client in the account of the module that asks: its ACCOUNT."""
    return sandbox.client("dynamodb", sandbox.account(request.module.ACCOUNT))


@pytest.fixture
def table(dynamodb: Any, request: pytest.FixtureRequest) -> Iterator[str]:
    """A table with partition key pk, sort key sk (a number) and the index by-kind."""
    name = request.node.name.removeprefix("test_").split("[")[0]
    dynamodb.create_table(
        TableName=name,
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "N"},
            {"AttributeName": "kind", "AttributeType": "S"},
        ],
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by-kind",
                "KeySchema": [
                    {"AttributeName": "kind", "KeyType": "HASH"},
                    {"AttributeName": "sk", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    # At once here; a live account takes a few seconds.
    dynamodb.get_waiter("table_exists").wait(TableName=name)
    yield name
    dynamodb.delete_table(TableName=name)
