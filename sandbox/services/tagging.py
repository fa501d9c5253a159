"""The tagging API: what has which tags, over all services."""

from __future__ import annotations

from typing import Any

from sandbox.context import Context
from sandbox.registry import operation
from sandbox.resource_types import tag_list
from sandbox.store import Record

SERVICE = "resourcegroupstaggingapi"


def _tagged(ctx: Context) -> list[Record]:
    """Everything with an ARN and tags in the region; what is global shows in us-east-1 (tagging API user guide)."""
    return sorted(
        (
            r
            for r in ctx.store.in_region(ctx.account, ctx.region, with_global=ctx.region == "us-east-1")
            if r.arn and r.tags and r.state != "DELETE_COMPLETE"
        ),
        key=lambda r: r.arn,
    )


def _arn(record: Record) -> str:
    return record.arn.removesuffix(":*") if record.type == "AWS::Logs::LogGroup" else record.arn


def _kinds(arn: str) -> set[str]:
    """`rds` and `rds:cluster` for the ARN of a cluster; S3 buckets are `s3` and `s3:bucket`."""
    parts = arn.split(":", 5)
    service, rest = parts[2], parts[5]
    kind = rest.replace(":", "/").split("/")[0]
    kinds = {service, f"{service}:{kind}"}
    if service == "s3":
        kinds.add("s3:bucket")
    if "loadbalancer/app" in rest:
        kinds.add("elasticloadbalancing:loadbalancer/app")
    return kinds


def _fits(record: Record, filters: list[dict[str, Any]]) -> bool:
    return all(
        f["Key"] in record.tags and (not f.get("Values") or record.tags[f["Key"]] in f["Values"])
        for f in filters
    )


@operation(SERVICE, "GetResources")
def get_resources(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    records = _tagged(ctx)
    wanted = params.get("ResourceARNList")
    types = set(params.get("ResourceTypeFilters") or ())
    if wanted:
        records = [r for r in records if _arn(r) in wanted]
    if types:
        records = [r for r in records if types & _kinds(r.arn)]
    records = [r for r in records if _fits(r, params.get("TagFilters") or [])]
    start = int(params.get("PaginationToken") or 0)
    end = start + min(int(params.get("ResourcesPerPage") or 100), 100)
    return {
        "ResourceTagMappingList": [
            {"ResourceARN": _arn(r), "Tags": tag_list(r.tags)} for r in records[start:end]
        ],
        "PaginationToken": str(end) if end < len(records) else "",
    }


def _each(ctx: Context, arns: list[str]) -> tuple[list[Record], dict[str, Any]]:
    found, failed = [], {}
    for arn in arns:
        record = ctx.store.by_arn(arn) or ctx.store.by_arn(arn + ":*")
        if record is None or record.account != ctx.account:
            failed[arn] = {
                "ErrorCode": "InvalidParameterException",
                "ErrorMessage": "The resource does not exist.",
                "StatusCode": 400,
            }
        else:
            found.append(record)
    return found, failed


@operation(SERVICE, "TagResources")
def tag_resources(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    found, failed = _each(ctx, params["ResourceARNList"])
    for record in found:
        record.tags.update(params["Tags"])
        ctx.store.put(record)
    return {"FailedResourcesMap": failed}


@operation(SERVICE, "UntagResources")
def untag_resources(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    found, failed = _each(ctx, params["ResourceARNList"])
    for record in found:
        for key in params["TagKeys"]:
            record.tags.pop(key, None)
        ctx.store.put(record)
    return {"FailedResourcesMap": failed}


@operation(SERVICE, "GetTagKeys")
def get_tag_keys(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    return {"TagKeys": sorted({k for r in _tagged(ctx) for k in r.tags}), "PaginationToken": ""}


@operation(SERVICE, "GetTagValues")
def get_tag_values(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    values = {r.tags[params["Key"]] for r in _tagged(ctx) if params["Key"] in r.tags}
    return {"TagValues": sorted(values), "PaginationToken": ""}
