"""Operations: the topic of alarms, alarms and the one that means healthy, dashboard, metrics made of logs, canary, in
either region; and at home the budget, which is the environment's.
"""

from __future__ import annotations

from constructs import Construct

from blueprint_cdk.alarms import alarm_rows
from blueprint_cdk.constructs.alarms import Alarms, AlarmTopic, DatabaseEvents
from blueprint_cdk.constructs.budget import Budget
from blueprint_cdk.constructs.canary import Canary
from blueprint_cdk.constructs.dashboard import Dashboard, LogMetrics
from blueprint_cdk.estimate import budget_usd
from blueprint_cdk.facts import RegionFacts
from blueprint_cdk.fields import HOME, OTHER, PlaceName
from blueprint_cdk.spec import Spec
from blueprint_cdk.stacks import EnvironmentStack
from blueprint_cdk.stacks.app import AppStack
from blueprint_cdk.stacks.data import DataStack
from blueprint_cdk.stacks.network import NetworkStack


class OperationsStack(EnvironmentStack):
    def __init__(
        self,
        scope: Construct,
        spec: Spec,
        facts: RegionFacts,
        *,
        network: NetworkStack,
        data: DataStack,
        app: AppStack,
        place: PlaceName = HOME,
    ) -> None:
        super().__init__(scope, "operations", spec, facts, protected=False, place=place)
        prefix, size = spec.named("prefix"), data.size
        # Names of alarms tell the regions apart; a secondary cluster has at most one instance.
        alarm_prefix = prefix if place == HOME else f"{prefix}-other"
        if place == OTHER:
            size = size.model_copy(update={"db_readers": 0})
        features = frozenset(spec.modules) | ({"standby"} if spec.has_standby else set())
        places = {
            "prefix": prefix,
            "region": self.region,
            "load_balancer": app.load_balancer_full_name,
            "certificate": app.certificate_arn,
            "beanstalk": self.named("beanstalk-environment"),
            "web_acl": self.named("web-acl"),
            "cluster": self.named("db-cluster"),
            "proxy": self.named("db-proxy"),
            "uploads": self.named("uploads-bucket"),
            "uploads_there": spec.named("uploads-bucket", self.opposite) if spec.has_standby else "",
            "events": self.named("events-stream"),
            "orders": self.named("orders-queue"),
            "mail": self.named("mail"),
            "canary": self.named("canary"),
        }
        topic = AlarmTopic(
            self, "Topic", prefix=prefix, key_arn=network.logs_key.key_arn, email=spec.alarm_email
        )
        alarms = Alarms(
            self,
            "Alarms",
            prefix=alarm_prefix,
            rows=[row for row in alarm_rows() if row.applies(size, features)],
            size=spec.size,
            places=places,
            topic_arn=topic.arn,
        )
        LogMetrics(self, "Logs", prefix=prefix, cluster=places["cluster"])
        DatabaseEvents(self, "Database", cluster_id=places["cluster"], topic_arn=topic.arn)
        if place == HOME:
            Budget(
                self,
                "Budget",
                environment=spec.key,
                usd=budget_usd(spec.model_dump(mode="json")),
                topic_arn=topic.arn,
            )
        Dashboard(self, "Dashboard", prefix=prefix, places=places, features=features, alarm_arns=alarms.arns)
        if spec.has("canary"):
            Canary(
                self,
                "Canary",
                name=places["canary"],
                address=f"https://{spec.domain}",
                bucket=self.named("logs-bucket"),
            )
        # Named, not referred to: its log groups and its cluster are there first, and go last.
        self.add_stack_dependency(data)
        self.topic_arn = topic.arn
        # For alarms of other stacks; exported whether there are any or not, as what another choice uses must be.
        self.export_value(topic.arn)
        self.output("AlarmTopicArn", topic.arn, "Where alarms go")
        self.output("HealthAlarm", alarms.health.alarm_name or "", "OK means that users notice nothing")
