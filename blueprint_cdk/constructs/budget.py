"""The budget of an environment."""

from __future__ import annotations

from aws_cdk import aws_budgets as budgets
from constructs import Construct

ALERTS = (("ACTUAL", 80), ("ACTUAL", 100), ("FORECASTED", 100))
"""Told when so many percent of the month's budget are spent, or are going to be."""


class Budget(Construct):
    """A monthly budget over what carries the environment's tag, which tells of it through the topic of alarms.

    Without a name of its own: who is told is fixed at creation, so another topic means another budget beside the old
    one. The tag counts once the account has activated it as a cost-allocation tag (adding the account does).
    """

    def __init__(self, scope: Construct, id: str, *, environment: str, usd: int, topic_arn: str) -> None:
        super().__init__(scope, id)
        budgets.CfnBudget(
            self,
            "Budget",
            budget=budgets.CfnBudget.BudgetDataProperty(
                budget_type="COST",
                time_unit="MONTHLY",
                budget_limit=budgets.CfnBudget.SpendProperty(amount=usd, unit="USD"),
                cost_filters={"TagKeyValue": [f"user:switchyard:environment${environment}"]},
            ),
            notifications_with_subscribers=[
                budgets.CfnBudget.NotificationWithSubscribersProperty(
                    notification=budgets.CfnBudget.NotificationProperty(
                        notification_type=kind,
                        comparison_operator="GREATER_THAN",
                        threshold=percent,
                        threshold_type="PERCENTAGE",
                    ),
                    subscribers=[
                        budgets.CfnBudget.SubscriberProperty(subscription_type="SNS", address=topic_arn)
                    ],
                )
                for kind, percent in ALERTS
            ],
        )
