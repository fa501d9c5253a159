"""Lists that are read to their end."""

from collections.abc import Iterator
from typing import Any


def entries(client: Any, operation: str, member: str, **request: Any) -> Iterator[Any]:
    """Each entry of `member` in all answers of a list or describe operation, page after page.

    Operations that boto3 knows no pages of answer everything at once.
    """
    if not client.can_paginate(operation):
        yield from getattr(client, operation)(**request)[member]
        return
    for page in client.get_paginator(operation).paginate(**request):
        yield from page.get(member, [])
