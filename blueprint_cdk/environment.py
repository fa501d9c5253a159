"""The app "environment": the stacks of one environment and how they need each other."""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_iam as iam

from blueprint_cdk import standby
from blueprint_cdk.facts import RegionFacts, Runtime
from blueprint_cdk.sizes import tier_of
from blueprint_cdk.spec import Spec
from blueprint_cdk.stacks.access import AccessStack
from blueprint_cdk.stacks.analytics import AnalyticsStack
from blueprint_cdk.stacks.app import AppStack
from blueprint_cdk.stacks.backup import BackupStack
from blueprint_cdk.stacks.data import DataStack
from blueprint_cdk.stacks.identity import IdentityStack
from blueprint_cdk.stacks.keys import KeysStack
from blueprint_cdk.stacks.messaging import MessagingStack
from blueprint_cdk.stacks.network import NetworkStack
from blueprint_cdk.stacks.operations import OperationsStack
from blueprint_cdk.stacks.runner import RunnerStack
from blueprint_cdk.stacks.storage import StorageStack

UNTAGGABLE = [
    # CDK writes tags here, CloudFormation's own check (F3002) refuses them.
    "AWS::RDS::DBProxyTargetGroup",
    # Its tags are create-only: with another release it would be made anew.
    "AWS::Cognito::UserPoolReplica",
]


def compose(
    app: cdk.App,
    spec: Spec,
    home: RegionFacts,
    runtime: Runtime,
    *,
    release: str,
    bundle: Path,
    bundle_hash: str,
    other: RegionFacts | None = None,
) -> None:
    """Adds the stacks of `spec` to `app`; `home` and `other` are the facts of its regions (`other` with a standby
    alone), `runtime` is what runs there now.
    """
    tags = {
        "switchyard:environment": spec.key,
        "switchyard:team": spec.team,
        "switchyard:tier": spec.tier,
        "switchyard:owner": spec.owner,
        "switchyard:release": release,
    }
    network = NetworkStack(app, spec, home)
    keys = KeysStack(app, spec, home)
    data = DataStack(app, spec, home, runtime, network=network, keys=keys)
    storage = StorageStack(app, spec, home, keys=keys)
    RunnerStack(app, spec, home, network=network, keys=keys, storage=storage)
    identity = (
        IdentityStack(app, spec, home, network=network, keys=keys, storage=storage, tags=tags)
        if spec.has("identity")
        else None
    )
    analytics = messaging = None
    if spec.has("analytics"):
        analytics = AnalyticsStack(app, spec, home, network=network, keys=keys, storage=storage)
    if spec.has("notifications"):
        messaging = MessagingStack(app, spec, home, keys=keys, tags=tags)
    application = AppStack(
        app,
        spec,
        home,
        runtime,
        network=network,
        keys=keys,
        data=data,
        storage=storage,
        identity=identity,
        analytics=analytics,
        messaging=messaging,
        bundle=bundle,
        bundle_hash=bundle_hash,
    )
    AccessStack(app, spec, home)
    operations = OperationsStack(app, spec, home, network=network, data=data, app=application)
    backups = None
    if tier_of(spec.tier).backups:
        backups = BackupStack(app, spec, home, keys=keys, operations=operations)
        for store in filter(None, (data, storage, identity)):
            backups.add_stack_dependency(store)
    if spec.has_standby and other:
        standby.compose(
            app,
            spec,
            other,
            runtime,
            home=standby.Home(keys, data, storage, application, identity, analytics, messaging, backups),
            bundle=bundle,
            bundle_hash=bundle_hash,
        )
    for key, value in tags.items():
        cdk.Tags.of(app).add(key, value, exclude_resource_types=UNTAGGABLE)
    if spec.permissions_boundary_arn:
        boundary = iam.ManagedPolicy.from_managed_policy_arn(
            network, "Boundary", spec.permissions_boundary_arn
        )
        iam.PermissionsBoundary.of(app).apply(boundary)
