"""The standby: what an environment has in its other region, and what joins the two.

All of it is added to an environment that runs, and taken away again, without anything of the home region being
replaced (docs/decisions/0211-second-region.md). Stacks of the other region take from the home region names that follow
from the spec, and as parameters the values that only AWS knows; none of them is looked up, so that each of them
can be changed while the home region is dark.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import aws_cdk as cdk

from blueprint_cdk.facts import RegionFacts, Running, Runtime
from blueprint_cdk.fields import OTHER
from blueprint_cdk.spec import Spec
from blueprint_cdk.stacks.analytics import AnalyticsStack
from blueprint_cdk.stacks.app import AppStack
from blueprint_cdk.stacks.backup import BackupStack, VaultStack
from blueprint_cdk.stacks.data import DataStack
from blueprint_cdk.stacks.identity import IdentityReplicaStack, IdentityStack, OtherIdentityStack
from blueprint_cdk.stacks.keys import KeysStack, OtherKeysStack
from blueprint_cdk.stacks.messaging import MessagingStack, OtherMessagingStack
from blueprint_cdk.stacks.network import NetworkStack
from blueprint_cdk.stacks.operations import OperationsStack
from blueprint_cdk.stacks.runner import RunnerStack
from blueprint_cdk.stacks.storage import StorageStack
from blueprint_cdk.stacks.traffic import FailoverStack, StandbyStack


@dataclass(frozen=True)
class Home:
    """The stacks of the home region that something of the standby comes after."""

    keys: KeysStack
    data: DataStack
    storage: StorageStack
    app: AppStack
    identity: IdentityStack | None
    analytics: AnalyticsStack | None
    messaging: MessagingStack | None
    backup: BackupStack | None


def compose(
    app: cdk.App,
    spec: Spec,
    facts: RegionFacts,
    runtime: Runtime,
    *,
    home: Home,
    bundle: Path,
    bundle_hash: str,
) -> None:
    """Adds the standby's stacks to `app`; `facts` are the other region's."""
    there = runtime.other or Running()
    network = NetworkStack(app, spec, facts, place=OTHER)
    keys = OtherKeysStack(app, spec, facts)
    keys.add_stack_dependency(home.keys)
    joint = StandbyStack(app, spec, home.data.facts)
    joint.add_stack_dependency(home.data)
    data = DataStack(app, spec, facts, there, network=network, keys=keys, place=OTHER)
    data.add_stack_dependency(joint)
    storage = StorageStack(app, spec, facts, keys=keys, place=OTHER)
    storage.add_stack_dependency(home.storage)
    RunnerStack(app, spec, facts, network=network, keys=keys, storage=storage, place=OTHER)
    identity = None
    if home.identity:
        replica = IdentityReplicaStack(app, spec, home.identity.facts)
        replica.add_stack_dependency(home.identity)
        # Cognito seals the copy with the key of its own region.
        replica.add_stack_dependency(keys)
        identity = OtherIdentityStack(app, spec, facts, network=network, keys=keys, storage=storage)
        identity.add_stack_dependency(home.identity)
        identity.add_stack_dependency(replica)
    analytics = messaging = None
    if home.analytics:
        analytics = AnalyticsStack(app, spec, facts, network=network, keys=keys, storage=storage, place=OTHER)
        analytics.add_stack_dependency(home.analytics)
    if home.messaging:
        messaging = OtherMessagingStack(app, spec, facts, keys=keys)
        # Whose credentials it reads the replicas of.
        messaging.add_stack_dependency(home.messaging)
    application = AppStack(
        app,
        spec,
        facts,
        there,
        network=network,
        keys=keys,
        data=data,
        storage=storage,
        identity=identity,
        analytics=analytics,
        messaging=messaging,
        bundle=bundle,
        bundle_hash=bundle_hash,
        place=OTHER,
    )
    OperationsStack(app, spec, facts, network=network, data=data, app=application, place=OTHER)
    if home.backup:
        # The plan at home copies there, so it comes after.
        home.backup.add_stack_dependency(VaultStack(app, spec, facts, keys=keys, place=OTHER))
    failover = FailoverStack(app, spec, facts)
    for stack in (joint, home.app, application):
        failover.add_stack_dependency(stack)
