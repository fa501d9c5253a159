"""Network: the VPC, its flow logs and the security groups of every unit."""

from __future__ import annotations

from constructs import Construct

from blueprint_cdk.constructs.keys import LogsKey
from blueprint_cdk.constructs.network import Firewall, FlowLogs, Network
from blueprint_cdk.facts import RegionFacts
from blueprint_cdk.fields import HOME, PlaceName
from blueprint_cdk.sizes import size_of
from blueprint_cdk.spec import Spec
from blueprint_cdk.stacks import EnvironmentStack


class NetworkStack(EnvironmentStack):
    def __init__(self, scope: Construct, spec: Spec, facts: RegionFacts, *, place: PlaceName = HOME) -> None:
        super().__init__(scope, "network", spec, facts, protected=False, place=place)
        size = size_of(spec.size)
        self.vpc = Network(
            self, "Network", cidr=spec.network(place), zones=facts.zones, nat_gateways=size.nat_gateways
        ).vpc
        self.firewall = Firewall(self, "Firewall", vpc=self.vpc)
        # All log groups of the environment by name, whichever stack makes them.
        prefix = self.named("prefix")
        self.logs_key = LogsKey(
            self,
            "LogsKey",
            alias=prefix,
            log_groups=[
                self.named("flow-log-group"),
                self.named("waf-log-group"),
                self.named("runner-log-group"),
                self.named("events-log-group"),
                f"/aws/rds/cluster/{self.named('db-cluster')}/*",
                f"/aws/rds/proxy/{self.named('db-proxy')}",
                # AppSync names the group after the API, by an id that is made with it.
                *(["/aws/appsync/apis/*"] if spec.has("identity") and place == HOME else []),
            ],
        ).key
        FlowLogs(
            self,
            "FlowLogs",
            vpc=self.vpc,
            name=self.named("flow-log-group"),
            key=self.logs_key,
            retention_days=spec.log_retention_days,
        )
        # The proxy's group is exported also while there is no proxy: CloudFormation lets no export go that the stack of
        # the database still imports when the module is turned off.
        self.export_value(self.firewall.proxy.security_group_id)
        self.public_subnet_ids = [subnet.subnet_id for subnet in self.vpc.public_subnets]
        self.private_subnet_ids = [subnet.subnet_id for subnet in self.vpc.private_subnets]
        self.isolated_subnet_ids = [subnet.subnet_id for subnet in self.vpc.isolated_subnets]
        self.output("VpcId", self.vpc.vpc_id, "The VPC")
        self.output(
            "DefaultSecurityGroupId",
            self.vpc.vpc_default_security_group,
            "Used by nothing; the portal takes its rules away",
        )
