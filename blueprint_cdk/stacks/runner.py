"""Runner: what works inside the VPC on the portal's behalf, in either region; beside the database, not after it."""

from __future__ import annotations

from constructs import Construct

from blueprint_cdk.constructs.runner import Runner
from blueprint_cdk.facts import RegionFacts
from blueprint_cdk.fields import HOME, PlaceName
from blueprint_cdk.spec import Spec
from blueprint_cdk.stacks import EnvironmentStack
from blueprint_cdk.stacks.keys import KeysStack, OtherKeysStack
from blueprint_cdk.stacks.network import NetworkStack
from blueprint_cdk.stacks.storage import StorageStack


class RunnerStack(EnvironmentStack):
    def __init__(
        self,
        scope: Construct,
        spec: Spec,
        facts: RegionFacts,
        *,
        network: NetworkStack,
        keys: KeysStack | OtherKeysStack,
        storage: StorageStack,
        place: PlaceName = HOME,
    ) -> None:
        super().__init__(scope, "runner", spec, facts, protected=False, place=place)
        runner = Runner(
            self,
            "Runner",
            name=self.named("runner"),
            log_group_name=self.named("runner-log-group"),
            vpc_id=network.vpc.vpc_id,
            subnet_ids=network.private_subnet_ids,
            security_group_id=network.firewall.runner.security_group_id,
            bucket=storage.logs.bucket_name,
            key_arn=keys.data_key.key_arn,
            secret_arn=keys.secret_arn,
            logs_key_arn=network.logs_key.key_arn,
            log_retention_days=spec.log_retention_days,
        )
        self.output("RunnerProject", runner.project.ref, "The build project that works inside the VPC")
