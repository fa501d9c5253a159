"""What joins the two regions: the global database, the switches, the failover records."""

from __future__ import annotations

from constructs import Construct

from blueprint_cdk.constructs.database import GlobalDatabase
from blueprint_cdk.constructs.traffic import Failover, Side, Switch
from blueprint_cdk.facts import RegionFacts
from blueprint_cdk.fields import HOME, OTHER
from blueprint_cdk.spec import Spec
from blueprint_cdk.stacks import EnvironmentStack


class StandbyStack(EnvironmentStack):
    """In the home region: the global database that adopts its cluster, and the switch that withdraws the other one."""

    def __init__(self, scope: Construct, spec: Spec, facts: RegionFacts) -> None:
        super().__init__(scope, "standby", spec, facts, protected=False)
        cluster = spec.named("db-cluster")
        database = GlobalDatabase(
            self,
            "Database",
            identifier=spec.named("db-global"),
            source_arn=f"arn:{self.partition}:rds:{self.region}:{self.account}:cluster:{cluster}",
        )
        Switch(
            self,
            "Switch",
            name=spec.named("switch", OTHER),
            environment=spec.key,
            withdraws=spec.region(OTHER),
        )
        self.output("GlobalClusterId", database.cluster.ref, "The Aurora global database")


class FailoverStack(EnvironmentStack):
    """In the other region, which is there when home is dark: the switch that withdraws home, and the records.

    Route 53 belongs to no region; nothing here has to be changed to move traffic.
    """

    def __init__(self, scope: Construct, spec: Spec, facts: RegionFacts) -> None:
        super().__init__(scope, "failover", spec, facts, protected=False, place=OTHER)
        switch = Switch(
            self,
            "Switch",
            name=spec.named("switch", HOME),
            environment=spec.key,
            withdraws=spec.home_region,
        )
        failover = Failover(
            self,
            "Failover",
            name=spec.named("traffic"),
            zone_id=spec.zone_id,
            home=Side(spec.named("traffic-home"), spec.named("switch", HOME), self.region),
            other=Side(spec.named("traffic-other"), spec.named("switch", OTHER), spec.home_region),
        )
        # Route 53 takes the alarm's words when the check is made.
        failover.checks["PRIMARY"].add_resource_dependency(switch.alarm)
        self.output("HomeHealthCheckId", failover.checks["PRIMARY"].ref, "Healthy unless home was withdrawn")
        self.output(
            "HealthCheckId", failover.checks["SECONDARY"].ref, "Healthy unless this region was withdrawn"
        )
