"""Where CloudFormation may do what it needs for usage data: stream into S3, catalog, queries, dashboards."""

from __future__ import annotations

from blueprint_cdk.access.scopes import Scope

ANALYTICS: tuple[Scope, ...] = ()
