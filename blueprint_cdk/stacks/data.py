"""Data: the Aurora MySQL cluster and RDS Proxy, in either region."""

from __future__ import annotations

from typing import Any

from constructs import Construct

from blueprint_cdk.constructs.database import Cluster, Proxy
from blueprint_cdk.sizes import size_of, tier_of
from blueprint_cdk.spec import HOME, PlaceName, RegionFacts, Running, Spec
from blueprint_cdk.stacks import EnvironmentStack
from blueprint_cdk.stacks.keys import KeysStack, OtherKeysStack
from blueprint_cdk.stacks.network import NetworkStack


class DataStack(EnvironmentStack):
    """`network` and `keys` are of the same region, `running` is what runs there now."""

    def __init__(
        self,
        scope: Construct,
        spec: Spec,
        facts: RegionFacts,
        running: Running,
        *,
        network: NetworkStack,
        keys: KeysStack | OtherKeysStack,
        place: PlaceName = HOME,
    ) -> None:
        super().__init__(scope, "data", spec, facts, protected=True, place=place)
        size = size_of(spec.size, other_region=spec.other_region)
        cluster = Cluster(
            self,
            "Database",
            identifier=self.named("db-cluster"),
            engine_version=running.aurora_mysql_version or facts.aurora_mysql_version,
            size=size.running(running),
            subnet_ids=network.isolated_subnet_ids,
            security_group_id=network.firewall.database.security_group_id,
            key_arn=keys.data_key.key_arn,
            logs_key_arn=network.logs_key.key_arn,
            secret_arn=keys.secret_arn,
            backup_retention_days=tier_of(spec.tier).backup_retention_days,
            log_retention_days=spec.log_retention_days,
            deletion_protection=spec.deletion_protection,
            **self._origin(),
        )
        proxy = Proxy(
            self,
            "Proxy",
            name=self.named("db-proxy"),
            reader_name=self.named("db-proxy-reader"),
            cluster=cluster,
            subnet_ids=network.isolated_subnet_ids,
            security_group_id=network.firewall.proxy.security_group_id,
            secret_arn=keys.secret_arn,
            key_arn=keys.data_key.key_arn,
            logs_key_arn=network.logs_key.key_arn,
            log_retention_days=spec.log_retention_days,
        )
        self.proxy_host = proxy.proxy.attr_endpoint
        self.proxy_reader_host = proxy.reader.attr_endpoint
        # Exported in every size: a size that uses only one must not take the other away from the app stack.
        self.export_value(self.proxy_host)
        self.export_value(self.proxy_reader_host)
        self.output("DatabaseClusterId", cluster.cluster.ref, "The Aurora cluster")
        self.output("DatabaseEndpoint", self.proxy_host, "Proxy endpoint for reads and writes")
        self.output("DatabaseReaderEndpoint", self.proxy_reader_host, "Proxy endpoint for reads")

    def _origin(self) -> dict[str, Any]:
        """Home: new data or restored ones. The other region: what the global database brings, with one instance in a
        warm standby and none in a pilot light, which pays for storage alone.
        """
        if self.place == HOME:
            return {"restore_source": self.spec.restore_source}
        return {
            "global_cluster": self.spec.named("db-global"),
            "instances": 1 if self.spec.standby == "warm" else 0,
        }
