"""Analytics: usage events from the stream to the bucket, the table and the queries, in either region, each with the
events of both; and at home the dashboard. With the module `analytics`.
"""

from __future__ import annotations

from aws_cdk import aws_s3 as s3
from constructs import Construct

from blueprint_cdk.constructs.analytics import Catalog, EventsBucket, ResultsBucket, Workbench
from blueprint_cdk.constructs.delivery import Delivery
from blueprint_cdk.constructs.quick_sight import Dashboard
from blueprint_cdk.facts import RegionFacts
from blueprint_cdk.fields import HOME, PlaceName
from blueprint_cdk.spec import Spec
from blueprint_cdk.stacks import EnvironmentStack
from blueprint_cdk.stacks.keys import KeysStack, OtherKeysStack
from blueprint_cdk.stacks.network import NetworkStack
from blueprint_cdk.stacks.storage import StorageStack


def database_name(spec: Spec) -> str:
    """The Glue database: Athena's names know no hyphens."""
    return spec.named("prefix").replace("-", "_")


class AnalyticsStack(EnvironmentStack):
    """Other stacks name what is here by rule and import nothing: so the module can be turned off again.

    `network`, `keys` and `storage` are of the same region. What Firehose writes in one region is replicated to the
    other's bucket: queries of either answer of all events.
    """

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
        super().__init__(scope, "analytics", spec, facts, protected=True, place=place)
        key = keys.data_key
        # By name: that bucket's policy names ours already, and CDK would add to it what fits no condition.
        logs = s3.Bucket.from_bucket_name(self, "Logs", storage.logs.bucket_name)
        events = EventsBucket(self, "Events", name=self.named("events-bucket"), key=key, logs=logs)
        results = ResultsBucket(self, "Results", name=self.named("results-bucket"), key=key, logs=logs)
        self.replicate(events, what="usage events", rule="events-bucket", key_arn=key.key_arn)
        catalog = Catalog(self, "Catalog", database=database_name(spec), events=events.bucket)
        Delivery(
            self,
            "Delivery",
            name=spec.named("events-stream"),
            catalog=catalog,
            events=events.bucket,
            key=key,
            log_group_name=spec.named("events-log-group"),
            logs_key=network.logs_key,
            log_retention_days=spec.log_retention_days,
        )
        workbench = Workbench(
            self,
            "Workbench",
            name=spec.named("workgroup"),
            catalog=catalog,
            results=results.bucket,
            key=key,
        )
        if spec.dashboard_owner and place == HOME:
            Dashboard(
                self,
                "Dashboard",
                name=spec.named("usage-dashboard"),
                owner=spec.dashboard_owner,
                catalog=catalog,
                workbench=workbench,
                events=events.bucket,
                results=results.bucket,
                key=key,
            )
        self.output("EventsStream", spec.named("events-stream"), "Stream that takes usage events")
        self.output("EventsBucket", events.bucket.bucket_name, "Bucket for usage events")
        self.output("ResultsBucket", results.bucket.bucket_name, "Bucket for answers of queries")
        self.output("Workgroup", workbench.group.ref, "Athena workgroup with the named queries")
