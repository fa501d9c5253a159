"""DynamoDB: tables."""

from botocore.exceptions import ClientError

from workers.aws.faults import error_code
from workers.aws.session import Session

SERVICE = "dynamodb"


def items_count(session: Session, table: str) -> int | None:
    """How many items the table has, as DynamoDB counts about every six hours; None when there is no such table."""
    try:
        found = session.client(SERVICE).describe_table(TableName=table)["Table"]
    except ClientError as error:
        if error_code(error) == "ResourceNotFoundException":
            return None
        raise
    return int(found.get("ItemCount", 0))
