"""Resource Groups Tagging API: everything that carries a tag, in one region."""

from collections.abc import Sequence

from workers.aws.session import Session

SERVICE = "resourcegroupstaggingapi"


def arns_tagged(session: Session, key: str, value: str, *, types: Sequence[str] = ()) -> list[str]:
    """ARNs of the region's resources with that tag; `types` as cloudformation:stack narrow it."""
    request = {"TagFilters": [{"Key": key, "Values": [value]}], "ResourceTypeFilters": list(types)}
    pages = session.client(SERVICE).get_paginator("get_resources").paginate(**request)
    return [entry["ResourceARN"] for page in pages for entry in page["ResourceTagMappingList"]]
