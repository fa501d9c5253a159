"""Whether the portal's roles may do in AWS what the release's policies say.

IAM's own simulator answers. It knows what no template shows: the organization's service control policies, boundaries,
and what somebody attached or took away by hand. What a policy allows under a condition is not asked: whether that
holds only the call itself can tell.

Source: IAM API reference, SimulatePrincipalPolicy.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from environments.lifecycle.models import Account, Release
from environments.lifecycle.role_stacks import role_stacks
from workers.account_stacks import execution_policies
from workers.aws import iam
from workers.aws.session import Session
from workers.names import execution_role_arn
from workers.simulation.documents import managed_documents, subjects_of
from workers.simulation.resolving import Place

WORKING = {"read": ("SwitchyardReader",), "deploy": ("SwitchyardReader", "SwitchyardDeployer")}
Policies = list[dict[str, Any]]


@dataclass(frozen=True)
class Said:
    """What the simulator says of one role: how many actions it was asked of, and those that are refused, each as
    (action, resource, by whose word).
    """

    role: str
    asked: int
    refused: list[tuple[str, str, str]]


def permissions_look(session: Session, account: Account, release: Release) -> Iterator[Said]:
    """Ask for each role that works in this account, its home region's execution role among them."""
    for arn, policies in _roles(account, release).items():
        refused, asked = [], 0
        for resources, actions in _allowed(policies).items():
            for row in iam.simulated(session, arn, sorted(actions), resources):
                asked += 1
                if row.by:
                    refused.append((row.action, row.resource, row.by))
        yield Said(arn.rpartition("/")[2], asked, refused)


def _roles(account: Account, release: Release) -> dict[str, Policies]:
    """Policies by the ARN of the role that has them, as the release's templates say."""
    stacks = role_stacks(account, release)
    templates = {stack.stack_name: yaml.safe_load(stack.template) for stack in stacks}
    for stack in stacks:
        for name, value in stack.parameters.items():
            templates[stack.stack_name]["Parameters"][name]["Default"] = value
    place = Place(account.account_id, account.home_region, {name: name for name in templates}, templates)
    stem = f"arn:aws:iam::{account.account_id}:role/"
    asked = {stem + name for name in WORKING[account.access]}
    found = {
        row.arns[0]: row.policies
        for row in subjects_of(place).values()
        if row.kind == "identity" and row.arns[0] in asked
    }
    if account.access == "deploy":
        documents = managed_documents(place)
        found[execution_role_arn(account, account.home_region)] = [
            documents[f"arn:aws:iam::{account.account_id}:policy/{name}"]
            for name in execution_policies(release)
        ]
    return found


def _allowed(policies: Policies) -> dict[tuple[str, ...], set[str]]:
    """Actions by the resources on which they are allowed without a condition. A pattern is no action to ask of."""
    found: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for policy in policies:
        for row in policy["Statement"]:
            if row["Effect"] == "Allow" and "Condition" not in row and "Resource" in row:
                actions = {action for action in _listed(row["Action"]) if "*" not in action}
                found[tuple(_listed(row["Resource"]))] |= actions
    return {resources: actions for resources, actions in found.items() if actions}


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
