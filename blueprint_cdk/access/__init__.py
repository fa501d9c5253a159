"""The way into an account: the templates that a person deploys there before the portal can do anything.

The stack `switchyard-access` makes the roles SwitchyardReader and SwitchyardDeployer (assumed by the portal),
SwitchyardBootstrap (used by CloudFormation to deploy `cdk bootstrap`'s template), SwitchyardGuard (used by
CloudFormation once, to make what nobody of the portal's may change), their policies, SwitchyardBoundary, which is the
permissions boundary of every role that the portal's stacks make, and the first four policies of CloudFormation's
execution role. The stack `switchyard-access-execution` makes the others of that role, where the account is deployed to
(docs/decisions/0208-two-stacks-let-the-portal-in.md).
"""

from __future__ import annotations

from typing import Any

from blueprint_cdk.access.bootstrap import BOOTSTRAP
from blueprint_cdk.access.boundary import BOUNDARY
from blueprint_cdk.access.execution import EXECUTION, FIRST
from blueprint_cdk.access.guard import GUARD
from blueprint_cdk.access.portal import DEPLOYER, READER
from blueprint_cdk.data import load

_DESCRIPTIONS = {
    "SwitchyardBoundary": "Permissions boundary of every role that the portal's stacks make",
    "SwitchyardExecution": "CloudFormation's execution role: network, keys, secrets, logs, roles",
    "SwitchyardExecutionData": "CloudFormation's execution role: database, buckets, queues, rules",
    "SwitchyardExecutionEdge": "CloudFormation's execution role: load balancer, firewall, certificate, baseline",
    "SwitchyardExecutionApp": "CloudFormation's execution role: Beanstalk and what it makes",
    "SwitchyardExecutionIdentity": "CloudFormation's execution role: sign-in, identities, synchronised user data",
    "SwitchyardExecutionMessaging": "CloudFormation's execution role: push, e-mail, device tokens",
    "SwitchyardExecutionAnalytics": "CloudFormation's execution role: delivery, catalog, queries, dashboards of data",
    "SwitchyardExecutionOperations": "CloudFormation's execution role: alarms, dashboards, canaries, budgets, runner",
    "SwitchyardExecutionRecovery": "CloudFormation's execution role: standby, replicas, health checks, backups",
    "SwitchyardExecutionDelivery": "CloudFormation's execution role: repositories, pipelines, registries of images",
    "SwitchyardRead": "What plans, progress and the search for leftovers read",
    "SwitchyardDeploy": "Drive the portal's stacks and put their assets",
    "SwitchyardTeardown": "Empty the portal's buckets, take last copies, delete validation records",
    "SwitchyardBootstrap": "Make and change what `cdk bootstrap` makes",
    "SwitchyardGuard": "Make the trail, the locked buckets and the groups of people, once",
}
_STATEMENTS = {"SwitchyardBoundary": BOUNDARY, **EXECUTION, **READER, **DEPLOYER, **BOOTSTRAP, **GUARD}

POLICIES: dict[str, tuple[str, list[dict[str, Any]]]] = {
    name: (description, _STATEMENTS[name])
    for name, description in _DESCRIPTIONS.items()
    if name in _STATEMENTS
}
"""Description and statements of each policy, by its name. One without statements is not made."""

LATER = tuple(name for name in EXECUTION if name not in FIRST)
"""The policies of the stack `switchyard-access-execution`, in their order; empty for a blueprint that needs none."""


def bootstrap() -> dict[str, Any]:
    """How `cdk bootstrap`'s template is deployed (data/bootstrap.json), with the execution role's policies."""
    data: dict[str, Any] = load("bootstrap")
    policies = ",".join(f"arn:aws:iam::{{account_id}}:policy/{name}" for name in EXECUTION)
    return {**data, "parameters": {**data["parameters"], "CloudFormationExecutionPolicies": policies}}
