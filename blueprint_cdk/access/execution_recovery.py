"""Where CloudFormation may do what it needs for a standby: global database, replicas, health checks, backups."""

from __future__ import annotations

from blueprint_cdk.access.scopes import Scope

RECOVERY: tuple[Scope, ...] = ()
