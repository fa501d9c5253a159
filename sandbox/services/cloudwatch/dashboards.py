"""Dashboards: a document under a name; what it shows is not drawn.

Source: CloudWatch API reference, PutDashboard, GetDashboard, ListDashboards. Names are one space per account, whatever
the region; here they are kept where they were made, and listed from everywhere.
"""

from __future__ import annotations

import json
from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import operation, resource_type
from sandbox.resource_types import ResourceType
from sandbox.services._listing import page
from sandbox.store import Record

DASHBOARD = "AWS::CloudWatch::Dashboard"


@resource_type(DASHBOARD)
class Dashboard(ResourceType):
    """A dashboard; its body is JSON."""

    def arn_for(self, ctx: Context, id: str, properties: dict[str, Any]) -> str:
        return f"arn:aws:cloudwatch::{ctx.account}:dashboard/{id}"

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        name = properties.get("DashboardName")
        if name and any(r.id == name for r in _all(ctx)):
            raise AwsError("AlreadyExists", f"The dashboard {name} already exists", 400)
        self._check(properties)

    def check_update(self, ctx: Context, record: Record, properties: dict[str, Any]) -> None:
        self._check(properties)

    @staticmethod
    def _check(properties: dict[str, Any]) -> None:
        try:
            body = json.loads(str(properties["DashboardBody"]))
        except ValueError as error:
            raise AwsError(
                "InvalidParameterInput", "The field DashboardBody must be a valid JSON object", 400
            ) from error
        if not isinstance(body, dict) or not isinstance(body.get("widgets", []), list):
            raise AwsError("InvalidParameterInput", "The dashboard body has no list of widgets", 400)


def _all(ctx: Context) -> list[Record]:
    return [r for r in ctx.store.everywhere(DASHBOARD) if r.account == ctx.account]


@operation("cloudwatch", "ListDashboards")
def list_dashboards(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    prefix = str(params.get("DashboardNamePrefix") or "")
    rows = [
        {
            "DashboardName": r.id,
            "DashboardArn": r.arn,
            "LastModified": r.updated_at,
            "Size": len(str(r.properties["DashboardBody"])),
        }
        for r in sorted(_all(ctx), key=lambda r: r.id)
        if r.id.startswith(prefix)
    ]
    some, token = page(rows, None, params.get("NextToken"), most=1000)
    return {"DashboardEntries": some, **({"NextToken": token} if token else {})}


@operation("cloudwatch", "GetDashboard")
def get_dashboard(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    for r in _all(ctx):
        if r.id == params["DashboardName"]:
            body = str(r.properties["DashboardBody"])
            return {"DashboardArn": r.arn, "DashboardName": r.id, "DashboardBody": body}
    raise AwsError("ResourceNotFound", f"Dashboard {params['DashboardName']} does not exist", 404)
