"""Helpers of DynamoDB's tests: plain values as attributes, and one item in and out."""

from decimal import Decimal
from typing import Any

FAILED = "ConditionalCheckFailedException"
INVALID = "ValidationException"


def typed(**values: Any) -> dict[str, Any]:
    """Attribute values of plain ones."""

    def one(value: Any) -> dict[str, Any]:
        if isinstance(value, bool):
            return {"BOOL": value}
        if isinstance(value, (int, Decimal)):
            return {"N": str(value)}
        if isinstance(value, bytes):
            return {"B": value}
        if isinstance(value, set):
            return {"SS": sorted(value)}
        if isinstance(value, list):
            return {"L": [one(v) for v in value]}
        if isinstance(value, dict):
            return {"M": typed(**value)}
        return {"S": value}

    return {name: one(value) for name, value in values.items()}


def put(dynamodb: Any, table: str, **item: Any) -> None:
    dynamodb.put_item(TableName=table, Item=typed(**item))


def got(dynamodb: Any, table: str, pk: str, sk: int, **more: Any) -> Any:
    answer = dynamodb.get_item(TableName=table, Key=typed(pk=pk, sk=sk), **more)
    return answer.get("Item")
