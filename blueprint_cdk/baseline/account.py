"""What an account has once, and a release may change: who watches costs, and the role that reads them."""

from __future__ import annotations

import json

import aws_cdk as cdk
from aws_cdk import aws_ce as ce
from aws_cdk import aws_iam as iam
from constructs import Construct

from blueprint_cdk.baseline_spec import BaselineSpec
from blueprint_cdk.stacks import synthesizer

STACK_NAME = "switchyard-account"
INSIGHT_ROLE = "sy-insight"
COST_TAG = "switchyard:environment"
READS = (
    "budgets:ViewBudget",
    "ce:GetAnomalies",
    "ce:GetAnomalyMonitors",
    "ce:GetCostAndUsage",
    "ce:GetCostForecast",
    "ce:GetTags",
    "ce:ListCostAllocationTags",
    "trustedadvisor:GetRecommendation",
    "trustedadvisor:ListChecks",
    "trustedadvisor:ListRecommendationResources",
    "trustedadvisor:ListRecommendations",
)


class AccountStack(cdk.Stack):
    """Deployed in the account's home region."""

    def __init__(self, scope: Construct, spec: BaselineSpec) -> None:
        super().__init__(
            scope,
            STACK_NAME,
            stack_name=STACK_NAME,
            description=f"Switchyard baseline of {spec.account_id}: costs and who reads them",
            env=cdk.Environment(account=spec.account_id, region=spec.region),
            synthesizer=synthesizer(spec.account_id, spec.region, spec.qualifier),
        )
        if spec.pays:
            CostMonitor(self, "Costs")
        InsightRole(self, "Insight")


class CostMonitor(Construct):
    """Cost Anomaly Detection of each environment apart, by its tag. Who is told is the portal's to decide.

    Not the monitor of all services: AWS makes that one itself in new accounts, and there can be one only. Not in an
    organization's member account either: monitors of tags are the payer's to make
    (https://docs.aws.amazon.com/cost-management/latest/userguide/getting-started-ad.html).
    """

    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(scope, id)
        ce.CfnAnomalyMonitor(
            self,
            "Monitor",
            monitor_name="switchyard-environments",
            monitor_type="DIMENSIONAL",
            monitor_dimension="TAG",
            monitor_specification=json.dumps({"Tags": {"Key": COST_TAG}}),
        )


class InsightRole(Construct):
    """Reads Trusted Advisor and costs, for nobody but the portal's reader."""

    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(scope, id)
        stack = cdk.Stack.of(self)
        arn = f"arn:{stack.partition}:iam::{stack.account}"
        self.role = iam.Role(
            self,
            "Role",
            role_name=INSIGHT_ROLE,
            description="Switchyard reads Trusted Advisor and costs",
            assumed_by=iam.SessionTagsPrincipal(iam.ArnPrincipal(f"{arn}:role/SwitchyardReader")),
            permissions_boundary=iam.ManagedPolicy.from_managed_policy_arn(
                self, "Boundary", f"{arn}:policy/SwitchyardBoundary"
            ),
            inline_policies={
                "read": iam.PolicyDocument(
                    statements=[iam.PolicyStatement(sid="Read", actions=list(READS), resources=["*"])]
                )
            },
        )
        assert self.role.assume_role_policy is not None
        self.role.assume_role_policy.add_statements(
            iam.PolicyStatement(
                actions=["sts:SetSourceIdentity"],
                principals=[iam.ArnPrincipal(f"{arn}:role/SwitchyardReader")],
            )
        )
