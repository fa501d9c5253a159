"""Data: the Aurora MySQL cluster, and RDS Proxy where its module is on, in either region."""

from __future__ import annotations

from typing import Any

from constructs import Construct

from blueprint_cdk.constructs.database import Cluster, Proxy
from blueprint_cdk.constructs.reader_scaling import ReaderScaling
from blueprint_cdk.facts import RegionFacts, Running
from blueprint_cdk.fields import HOME, PlaceName
from blueprint_cdk.sizes import size_of, tier_of
from blueprint_cdk.spec import Spec
from blueprint_cdk.stacks import EnvironmentStack
from blueprint_cdk.stacks.keys import KeysStack, OtherKeysStack
from blueprint_cdk.stacks.network import NetworkStack


class DataStack(EnvironmentStack):
    """`network` and `keys` are of the same region, `running` is what runs there now. `size` is what the database is."""

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
        size = size_of(spec.size, other_region=spec.other_region, in_global=running.global_database)
        self.size = size = size.running(running)
        cluster = Cluster(
            self,
            "Database",
            identifier=self.named("db-cluster"),
            engine_version=running.aurora_mysql_version or facts.aurora_mysql_version,
            size=size,
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
        self.cluster = cluster.cluster
        if place == HOME and size.db_max_readers > size.db_readers > 0:
            ReaderScaling(self, "Readers", cluster=cluster, size=size)
        self.proxy = self._proxy(spec, cluster, network, keys) if spec.has("proxy") else None
        # Exported in every size and with every module: what another choice uses must be there before it is made.
        for endpoint in (self.cluster.attr_endpoint_address, self.cluster.attr_read_endpoint_address):
            self.export_value(endpoint)
        self.output("DatabaseClusterId", self.cluster.ref, "The Aurora cluster")
        self.output("DatabaseEndpoint", self.host, "Endpoint for reads and writes")
        self.output("DatabaseReaderEndpoint", self.reader_host, "Endpoint for reads")

    @property
    def host(self) -> str:
        """Where the application reads and writes: the proxy, or the cluster where there is none."""
        return self.proxy.proxy.attr_endpoint if self.proxy else self.cluster.attr_endpoint_address

    @property
    def reader_host(self) -> str:
        """Where the application may read: the same by way of a reader, when there is one."""
        return self.proxy.reader.attr_endpoint if self.proxy else self.cluster.attr_read_endpoint_address

    def _proxy(
        self, spec: Spec, cluster: Cluster, network: NetworkStack, keys: KeysStack | OtherKeysStack
    ) -> Proxy:
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
        # Before 1.11 the application imported these two, and CloudFormation keeps an export that is imported from
        # going. Now it reads them weakly (see the application's stack), so that the module can be turned off.
        self.export_value(proxy.proxy.attr_endpoint)
        self.export_value(proxy.reader.attr_endpoint)
        return proxy

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
