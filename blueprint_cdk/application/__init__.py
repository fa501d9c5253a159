"""The app "application": what delivers one Application, from a commit to a version that the portal deploys.

One stack, in the account's first region: the repository (or the connection to GitHub), the registry of images, the
checks, the pipeline, and who is told of findings. It belongs to no environment, and outlives them all.
"""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam

from blueprint_cdk.application.stack import DeliveryStack
from blueprint_cdk.application_spec import ApplicationSpec


def compose(app: cdk.App, spec: ApplicationSpec, *, release: str) -> None:
    """Adds the stack of `spec` to `app`."""
    stack = DeliveryStack(app, spec)
    tags = {
        "switchyard:application": f"{spec.name}-{spec.suffix}",
        "switchyard:team": spec.team,
        "switchyard:owner": spec.owner,
        "switchyard:release": release,
    }
    for key, value in tags.items():
        cdk.Tags.of(app).add(key, value)
    if spec.permissions_boundary_arn:
        boundary = iam.ManagedPolicy.from_managed_policy_arn(stack, "Boundary", spec.permissions_boundary_arn)
        iam.PermissionsBoundary.of(app).apply(boundary)
