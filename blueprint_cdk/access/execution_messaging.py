"""Where CloudFormation may do what it needs for push messages, e-mail, and the tokens of devices."""

from __future__ import annotations

from blueprint_cdk.access.scopes import Scope

MESSAGING: tuple[Scope, ...] = ()
