"""The stacks of an environment. They compose constructs and pass on what these need; no more."""

from __future__ import annotations

import aws_cdk as cdk
from constructs import Construct

from blueprint_cdk.spec import RegionFacts, Spec

QUALIFIER = "swyard"


def synthesizer(
    account: str, region: str, qualifier: str = QUALIFIER, *, execution_role: str | None = None
) -> cdk.DefaultStackSynthesizer:
    """File assets into the bootstrapped bucket; the bootstrap version is checked when an account is added.

    execution_role: ARN of the role that CloudFormation takes, where it is not the bootstrap's.
    """
    return cdk.DefaultStackSynthesizer(
        qualifier=qualifier,
        cloud_formation_execution_role=execution_role,
        file_assets_bucket_name=f"cdk-{qualifier}-assets-{account}-{region}",
        generate_bootstrap_version_rule=False,
    )


class EnvironmentStack(cdk.Stack):
    """A stack of one environment in its home region. `protected`: it holds what cannot be made again."""

    key: str

    def __init__(
        self, scope: Construct, key: str, spec: Spec, facts: RegionFacts, *, protected: bool
    ) -> None:
        name = f"{spec.named('prefix')}-{key}"
        super().__init__(
            scope,
            name,
            stack_name=name,
            description=f"Switchyard environment {spec.key}: {key}",
            env=cdk.Environment(account=spec.account_id, region=spec.home_region),
            synthesizer=synthesizer(spec.account_id, spec.home_region),
            termination_protection=protected and spec.deletion_protection,
        )
        # CDK's Vpc asks for the account's zones even when it is told which to use; this is the answer.
        place = f"account={spec.account_id}:region={spec.home_region}"
        self.node.set_context(f"availability-zones:{place}", facts.zones)
        self.key = key
        self.spec = spec
        self.facts = facts

    def output(self, id: str, value: str, description: str) -> None:
        """A value that the portal shows under `id`."""
        cdk.CfnOutput(self, id, value=value, description=description)
