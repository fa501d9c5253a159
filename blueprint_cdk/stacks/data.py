"""Data: the Aurora MySQL cluster and RDS Proxy."""

from __future__ import annotations

from constructs import Construct

from blueprint_cdk.constructs.database import Cluster, Proxy
from blueprint_cdk.sizes import size_of, tier_of
from blueprint_cdk.spec import RegionFacts, Runtime, Spec
from blueprint_cdk.stacks import EnvironmentStack
from blueprint_cdk.stacks.keys import KeysStack
from blueprint_cdk.stacks.network import NetworkStack


class DataStack(EnvironmentStack):
    def __init__(
        self,
        scope: Construct,
        spec: Spec,
        facts: RegionFacts,
        runtime: Runtime,
        *,
        network: NetworkStack,
        keys: KeysStack,
    ) -> None:
        super().__init__(scope, "data", spec, facts, protected=True)
        cluster = Cluster(
            self,
            "Database",
            identifier=spec.named("db-cluster"),
            engine_version=runtime.aurora_mysql_version or facts.aurora_mysql_version,
            size=size_of(spec.size).running(runtime),
            subnet_ids=network.isolated_subnet_ids,
            security_group_id=network.firewall.database.security_group_id,
            key_arn=keys.data_key.key_arn,
            logs_key_arn=network.logs_key.key_arn,
            secret_arn=keys.secret_arn,
            backup_retention_days=tier_of(spec.tier).backup_retention_days,
            log_retention_days=spec.log_retention_days,
            deletion_protection=spec.deletion_protection,
            restore_source=spec.restore_source,
        )
        proxy = Proxy(
            self,
            "Proxy",
            name=spec.named("db-proxy"),
            reader_name=spec.named("db-proxy-reader"),
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
