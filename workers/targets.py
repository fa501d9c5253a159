"""What a step deploys: one stack, as it is to be, and its row."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from environments.lifecycle.models import Account
from environments.operations.models import Stack
from workers.assembly import template_hash, template_parse
from workers.aws.cloudformation import Deployment
from workers.context import StepContext
from workers.looks import stack_row


@dataclass(frozen=True)
class Target:
    """One stack to deploy. `planned` are the changes that the approved plan has for it, `touched` what refers to them.

    `named` are logical ids that hold data and may be lost all the same.
    `last_operation` is what CloudFormation had done last to it when it was planned.
    `reverts`: what has drifted is put back as well.
    `may_replace`: what stands in its place and came to nothing is deleted first. Never where a live stack was.
    """

    account: Account
    region: str
    key: str
    deployment: Deployment
    template: str
    planned: Sequence[dict[str, Any]] = ()
    touched: Sequence[dict[str, Any]] = ()
    named: frozenset[str] = frozenset()
    last_operation: str | None = None
    may_replace: bool = True
    reverts: bool = False

    @property
    def name(self) -> str:
        return self.deployment.name

    @property
    def hash(self) -> str:
        return template_hash(self.template)

    @property
    def total(self) -> int:
        """How many resources it has."""
        return len(template_parse(self.template)["Resources"])


def row_of(ctx: StepContext, target: Target) -> Stack:
    """The stack's row, made when it is new, with this operation as the last one on it."""
    return stack_row(ctx, target.account, target.region, target.key, target.name)
