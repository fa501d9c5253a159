"""The stacks of an environment. They compose constructs and pass on what these need; no more."""

from __future__ import annotations

import aws_cdk as cdk
from constructs import Construct

from blueprint_cdk.constructs.global_table import TableReplica
from blueprint_cdk.constructs.replication import Backfill, Replication
from blueprint_cdk.constructs.storage import DataBucket
from blueprint_cdk.facts import RegionFacts
from blueprint_cdk.fields import HOME, OTHER, PlaceName
from blueprint_cdk.spec import Spec

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
    """A stack of one environment, in its home region or the other one, whose stacks are called other-….

    `facts` are those of the stack's own region. `protected`: it holds what cannot be made again.
    """

    key: str

    def __init__(
        self,
        scope: Construct,
        key: str,
        spec: Spec,
        facts: RegionFacts,
        *,
        protected: bool,
        place: PlaceName = HOME,
    ) -> None:
        key = key if place == HOME else f"other-{key}"
        name = f"{spec.named('prefix')}-{key}"
        region = spec.region(place)
        super().__init__(
            scope,
            name,
            stack_name=name,
            description=f"Switchyard environment {spec.key}: {key}",
            env=cdk.Environment(account=spec.account_id, region=region),
            synthesizer=synthesizer(spec.account_id, region),
            termination_protection=protected and spec.deletion_protection,
        )
        # CDK's Vpc asks for the account's zones even when it is told which to use; this is the answer.
        self.node.set_context(f"availability-zones:account={spec.account_id}:region={region}", facts.zones)
        self.key = key
        self.spec = spec
        self.facts = facts
        self.place = place

    @property
    def opposite(self) -> PlaceName:
        """The other of the two places."""
        return OTHER if self.place == HOME else HOME

    def named(self, rule: str) -> str:
        """The physical name that a naming rule gives in the stack's region."""
        return self.spec.named(rule, self.place)

    def output(self, id: str, value: str, description: str) -> None:
        """A value that the portal shows under `id`, under Other<id> for the other region's."""
        cdk.CfnOutput(self, self.output_id(id), value=value, description=description)

    def output_id(self, id: str) -> str:
        """What the output `id` is called in this stack's region."""
        return id if self.place == HOME else f"Other{id}"

    def given(self, id: str, description: str) -> str:
        """A value that only AWS knows, of a stack in the other of the two regions: a parameter, which the row of
        data/stacks.json fills from that stack's output. No template asks the other region for anything.
        """
        return cdk.CfnParameter(self, id, type="String", description=description).value_as_string

    def joined(self) -> cdk.CfnCondition:
        """The condition on what needs both regions: false when a stack is made, true once all stacks are there.

        Each of two buckets wants the other one to exist before it replicates there, so one stack is deployed twice.
        What it is stands with the stack itself, as its parameter's value, which an update keeps.
        """
        parameter = cdk.CfnParameter(
            self,
            "Joined",
            type="String",
            default="false",
            allowed_values=["true", "false"],
            description="Whether what needs both regions is set up",
        )
        return cdk.CfnCondition(
            self, "IsJoined", expression=cdk.Fn.condition_equals(parameter.value_as_string, "true")
        )

    def table_replica(self, key_arn: str) -> TableReplica | None:
        """Where a global table of this stack has its replica: beside the other region's key, for which it waits. None
        without a standby.
        """
        if not self.spec.has_standby:
            return None
        return TableReplica(self.spec.region(OTHER), self._key_there(key_arn), self.joined())

    def replicate(self, bucket: DataBucket, *, what: str, rule: str, key_arn: str) -> None:
        """With a standby: `bucket`, named by `rule`, to the bucket of the other place. The other region's is made after
        home's and finds it there; home's rule waits until the other bucket is there too. What was there before is at
        home: a job copies it, with the role of an output that is called after the rule (UploadsBackfillRole).
        """
        if not self.spec.has_standby:
            return
        there = self.opposite
        Replication(
            self,
            "Replication",
            what=what,
            source=bucket,
            source_name=self.named(rule),
            source_key_arn=key_arn,
            to_region=self.spec.region(there),
            to_bucket=self.spec.named(rule, there),
            to_key_arn=self._key_there(key_arn),
            condition=self.joined() if self.place == HOME else None,
        )
        if self.place == HOME:
            stem = rule.removesuffix("-bucket")
            backfill = Backfill(
                self,
                "Backfill",
                what=what,
                name=f"{self.spec.named('prefix')}-{stem}-backfill",
                source_name=self.named(rule),
            )
            self.output(
                f"{stem.capitalize()}BackfillRole",
                backfill.role.role_arn,
                f"Role with which S3 copies {what} of before the standby",
            )

    def _key_there(self, key_arn: str) -> str:
        """ARN of the data key in the other of the two regions."""
        region = self.spec.region(self.opposite)
        # Keys of one multi-Region key have one id.
        key_id = cdk.Fn.select(1, cdk.Fn.split("/", key_arn))
        return f"arn:{self.partition}:kms:{region}:{self.account}:key/{key_id}"
