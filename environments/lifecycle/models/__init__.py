"""What the portal knows of accounts, blueprints and environments."""

from environments.lifecycle.models.account import Account, RegionFacts
from environments.lifecycle.models.blueprint import Blueprint, Release
from environments.lifecycle.models.environment import ApprovalRule, Environment, Plan, TeardownReport
from environments.lifecycle.models.sandbox import SandboxOrder, SandboxView

__all__ = [
    "Account",
    "ApprovalRule",
    "Blueprint",
    "Environment",
    "Plan",
    "RegionFacts",
    "Release",
    "SandboxOrder",
    "SandboxView",
    "TeardownReport",
]
