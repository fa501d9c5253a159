"""Cost Explorer: cost-allocation tags, and monitors of anomalies. No cost is counted.

Source: Cost Explorer API reference; AWS Billing user guide, "Activating user-defined cost allocation tags" (a key is
seen up to a day after a resource has it); Cost Management user guide, "Getting started with AWS Cost Anomaly Detection"
(one AWS managed monitor of services).
"""

from __future__ import annotations

from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import operation, resource_type
from sandbox.schema_types import SchemaType
from sandbox.services._listing import page
from sandbox.store import GLOBAL, Record

MONITOR = "AWS::CE::AnomalyMonitor"
TAG = "Sandbox::CE::CostAllocationTag"
DAY_S = 86400
ACTIVE, INACTIVE = "Active", "Inactive"


@resource_type(MONITOR)
class AnomalyMonitor(SchemaType):
    """A monitor; one of all services."""

    def region_of(self, ctx: Context) -> str:
        return GLOBAL

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        dimension = properties.get("MonitorDimension")
        if dimension in ("TAG", "COST_CATEGORY") and not properties.get("MonitorSpecification"):
            raise AwsError("ValidationException", f"{dimension} monitors need a MonitorSpecification", 400)
        others = ctx.store.list(ctx.account, GLOBAL, MONITOR)
        if dimension == "SERVICE" and any(row.get("MonitorDimension") == "SERVICE" for row in others):
            raise AwsError(
                "LimitExceededException", "Limit exceeded on dimensional spend monitor creation", 400
            )


def _active(ctx: Context) -> dict[str, Record]:
    return {row.id: row for row in ctx.store.list(ctx.account, GLOBAL, TAG)}


def _seen(ctx: Context) -> list[str]:
    """Keys of tags that some resource has had for a day."""
    rows = (row for row in ctx.store.all() if row.account == ctx.account)
    return sorted({key for row in rows if ctx.now - row.created_at >= DAY_S for key in row.tags})


@operation("ce", "ListCostAllocationTags")
def list_cost_allocation_tags(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    known = _active(ctx)
    wanted = params.get("TagKeys") or ()
    rows = []
    for key in sorted({*_seen(ctx), *known}):
        status = known[key].state if key in known else INACTIVE
        if (wanted and key not in wanted) or params.get("Status") not in (None, status):
            continue
        rows.append({"TagKey": key, "Type": "UserDefined", "Status": status})
    if params.get("Type") == "AWSGenerated":
        rows = []
    some, token = page(rows, params.get("MaxResults"), params.get("NextToken"), most=1000)
    return {"CostAllocationTags": some, **({"NextToken": token} if token else {})}


@operation("ce", "UpdateCostAllocationTagsStatus")
def update_cost_allocation_tags_status(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    known, seen, errors = _active(ctx), _seen(ctx), []
    for row in params["CostAllocationTagsStatus"]:
        key = row["TagKey"]
        if key not in seen and key not in known:
            errors.append({"TagKey": key, "Code": "TagKeysNotFound", "Message": "Tag key not found"})
            continue
        ctx.store.put(Record(ctx.account, GLOBAL, TAG, key, state=row["Status"], created_at=ctx.now))
    return {"Errors": errors}
