"""Where CloudFormation may do what it needs for repositories, pipelines and registries of images."""

from __future__ import annotations

from blueprint_cdk.access.scopes import Scope

DELIVERY: tuple[Scope, ...] = ()
