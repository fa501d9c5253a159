"""Where CloudFormation may do what it needs for alarms, dashboards, canaries, scaling, budgets, and the runner."""

from __future__ import annotations

from blueprint_cdk.access.scopes import Scope

OPERATIONS: tuple[Scope, ...] = ()
