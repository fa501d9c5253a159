"""Who asks, for which account and region, within which request."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.store import Record, Store
    from sandbox.world import World


@dataclass(frozen=True)
class Principal:
    """Who signs. kind: root, user or role (an assumed-role session).

    arn is what AWS's messages and GetCallerIdentity show; entity is the IAM user's or role's record.
    session_policies: documents that narrow an assumed role. tags: principal tags, session tags over role tags.
    """

    account: str
    arn: str
    user_id: str
    kind: str = "root"
    entity: Record | None = None
    session_policies: tuple[dict[str, Any], ...] = ()
    tags: dict[str, str] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    """Further condition keys of the session (aws:MultiFactorAuthPresent, aws:SourceIdentity …)."""
    access_key: str = ""
    issued_at: float = 0.0
    """When the temporary credentials were issued (epoch seconds); 0: long-term ones."""
    mfa_at: float = 0.0
    """When a code of an MFA device was given for them; 0: none was."""
    transitive: tuple[str, ...] = ()
    """Keys of the session tags that go on to the next role."""


@dataclass
class Context:
    """What every handler gets first. `stack` is set while CloudFormation calls a type's handler."""

    world: World
    account: str
    region: str
    principal: Principal
    service: str = ""
    operation: str = ""
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    base_url: str = ""
    stack: str | None = None

    @property
    def store(self) -> Store:
        return self.world.store

    @property
    def now(self) -> float:
        """Epoch seconds."""
        return self.world.scheduler.now()

    def arn(
        self, service: str, resource: str, *, region: str | None = None, account: str | None = None
    ) -> str:
        """`ctx.arn("rds", "cluster:x")`; pass region="" or account="" for ARNs that have none."""
        region = self.region if region is None else region
        account = self.account if account is None else account
        return f"arn:aws:{service}:{region}:{account}:{resource}"
