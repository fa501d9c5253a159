"""Where CloudFormation may do what it needs for sign-in, identities, and user data that devices share."""

from __future__ import annotations

from blueprint_cdk.access.scopes import Scope

IDENTITY: tuple[Scope, ...] = ()
