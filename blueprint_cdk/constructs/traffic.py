"""Which region answers under an environment's address: switches, health checks and failover records.

The address leads to a name with two failover records, PRIMARY the home region and SECONDARY the other one. Each has a
health check that tells nothing of health: it says whether its region was withdrawn, by a metric in the *other* one. So
whoever moves the traffic calls CloudWatch in the region that it goes to, and nothing else: no Route 53 control plane
(us-east-1), no region that may be dark. Why not otherwise: docs/decisions/0212-switches-where-traffic-goes.md.
"""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_route53 as route53
from constructs import Construct

NAMESPACE, METRIC = "Switchyard/Traffic", "Withdrawn"


class Switch(Construct):
    """The alarm that withdraws a region: in alarm after a 1 of the metric, until there is a 0.

    Route 53 reads the metric's values by the alarm's words, not its state (SetAlarmState moves no traffic), and knows
    plain alarms alone: no metric math, no M out of N, no high resolution (Route 53 developer guide, "Monitoring a
    CloudWatch alarm").
    """

    def __init__(self, scope: Construct, id: str, *, name: str, environment: str, withdraws: str) -> None:
        super().__init__(scope, id)
        self.alarm = cloudwatch.CfnAlarm(
            self,
            "Alarm",
            alarm_name=name,
            alarm_description=f"{withdraws} of {environment} is taken out of its address while this is in alarm",
            namespace=NAMESPACE,
            metric_name=METRIC,
            dimensions=[
                cloudwatch.CfnAlarm.DimensionProperty(name="Environment", value=environment),
                cloudwatch.CfnAlarm.DimensionProperty(name="Region", value=withdraws),
            ],
            statistic="Maximum",
            period=60,
            evaluation_periods=1,
            threshold=1,
            comparison_operator="GreaterThanOrEqualToThreshold",
            # Between two values nothing changes.
            treat_missing_data="ignore",
        )


@dataclass(frozen=True)
class Side:
    """One region of a failover: the name of its load balancer, and the alarm that withdraws it with where that is."""

    name: str
    switch: str
    switch_region: str


class Failover(Construct):
    """The two failover records of a name, each with the health check that its region's switch drives.

    Neither evaluates its target's health: an answer from a region whose database takes no writes would be none. When
    both are withdrawn Route 53 answers the primary one: so home takes the traffic back from a dark other region, whose
    switch, by which home was withdrawn, cannot be told.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        name: str,
        zone_id: str,
        home: Side,
        other: Side,
    ) -> None:
        super().__init__(scope, id)
        self.checks: dict[str, route53.CfnHealthCheck] = {}
        for role, side in (("PRIMARY", home), ("SECONDARY", other)):
            word = role.capitalize()
            check = route53.CfnHealthCheck(
                self,
                f"{word}Check",
                health_check_config=route53.CfnHealthCheck.HealthCheckConfigProperty(
                    type="CLOUDWATCH_METRIC",
                    alarm_identifier=route53.CfnHealthCheck.AlarmIdentifierProperty(
                        name=side.switch, region=side.switch_region
                    ),
                    # What was said last holds, for as long as nothing else is.
                    insufficient_data_health_status="LastKnownStatus",
                ),
                health_check_tags=[
                    route53.CfnHealthCheck.HealthCheckTagProperty(key="Name", value=f"{name} {role.lower()}")
                ],
            )
            route53.CfnRecordSet(
                self,
                word,
                hosted_zone_id=zone_id,
                name=f"{name}.",
                type="A",
                set_identifier=role.lower(),
                failover=role,
                health_check_id=check.attr_health_check_id,
                alias_target=route53.CfnRecordSet.AliasTargetProperty(
                    dns_name=side.name, hosted_zone_id=zone_id, evaluate_target_health=False
                ),
            )
            self.checks[role] = check
