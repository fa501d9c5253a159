"""What the portal knows of accounts, blueprints and environments."""

from environments.lifecycle.models.account import Account, QuotaSnapshot, RegionFacts
from environments.lifecycle.models.application import Application, Version
from environments.lifecycle.models.blueprint import Blueprint, Release
from environments.lifecycle.models.drift import DriftCheck, DriftFinding
from environments.lifecycle.models.environment import Environment, Plan, PlanVersion, TeardownReport
from environments.lifecycle.models.history import Comparison, Revision
from environments.lifecycle.models.limits import ExpiryRule, TeamLimit
from environments.lifecycle.models.rule import GRAVE, ApprovalRule, Risk
from environments.lifecycle.models.sandbox import SandboxOrder, SandboxView
from environments.lifecycle.models.secret import SecretState

__all__ = [
    "GRAVE",
    "Account",
    "Application",
    "ApprovalRule",
    "Blueprint",
    "Comparison",
    "DriftCheck",
    "DriftFinding",
    "Environment",
    "ExpiryRule",
    "Plan",
    "PlanVersion",
    "QuotaSnapshot",
    "RegionFacts",
    "Release",
    "Revision",
    "Risk",
    "SandboxOrder",
    "SandboxView",
    "SecretState",
    "TeamLimit",
    "TeardownReport",
    "Version",
]
