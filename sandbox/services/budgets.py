"""Budgets: what CloudFormation made, told by DescribeBudgets. No cost is counted, so none ever tells of anything.

Source: AWS Budgets API reference, DescribeBudgets, Budget.
"""

from __future__ import annotations

from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import operation, resource_type
from sandbox.schema_types import SchemaType
from sandbox.services._listing import page
from sandbox.store import GLOBAL, Record

BUDGET = "AWS::Budgets::Budget"


@resource_type(BUDGET)
class Budget(SchemaType):
    """A budget of the account, whatever the region; its id is its name."""

    def region_of(self, ctx: Context) -> str:
        return GLOBAL

    def identify(self, ctx: Context, properties: dict[str, Any], hint: str) -> str:
        return str(properties["Budget"].get("BudgetName") or self.new_name(hint, "BudgetName"))

    def arn_for(self, ctx: Context, id: str, properties: dict[str, Any]) -> str:
        return f"arn:aws:budgets::{ctx.account}:budget/{id}"

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        name = properties["Budget"].get("BudgetName")
        if name and ctx.store.get(ctx.account, GLOBAL, BUDGET, name):
            raise AwsError("DuplicateRecordException", f"The budget {name} already exists", 400)
        if len(properties.get("NotificationsWithSubscribers") or ()) > 10:
            raise AwsError("CreationLimitExceededException", "A budget has at most 10 notifications", 400)


@operation("budgets", "DescribeBudgets")
def describe_budgets(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    records = ctx.store.list(params["AccountId"], GLOBAL, BUDGET)
    some, token = page(records, params.get("MaxResults"), params.get("NextToken"), most=1000)
    return {"Budgets": [_shape(r) for r in some], **({"NextToken": token} if token else {})}


def _shape(record: Record) -> dict[str, Any]:
    given = record.properties["Budget"]
    limit = given.get("BudgetLimit") or {}
    return {
        "BudgetName": record.id,
        "BudgetType": given["BudgetType"],
        "TimeUnit": given["TimeUnit"],
        "BudgetLimit": {"Amount": str(limit.get("Amount", 0)), "Unit": limit.get("Unit", "USD")},
        "CostFilters": given.get("CostFilters") or {},
        "CalculatedSpend": {"ActualSpend": {"Amount": "0.0", "Unit": "USD"}},
        "LastUpdatedTime": record.updated_at,
    }
