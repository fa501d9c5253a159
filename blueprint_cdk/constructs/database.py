"""Aurora MySQL, its log groups, and RDS Proxy in front of it."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_rds as rds
from constructs import Construct

from blueprint_cdk.constructs.keys import DATABASE_USER
from blueprint_cdk.constructs.network import MYSQL_PORT
from blueprint_cdk.fields import RestoreSource
from blueprint_cdk.sizes import Size

LOG_EXPORTS = ("audit", "error", "slowquery")

PARAMETERS = {
    # No connection without TLS 1.2 or newer, whoever asks.
    "require_secure_transport": "ON",
    "tls_version": "TLSv1.2,TLSv1.3",
    "server_audit_logging": "1",
    "server_audit_events": "CONNECT,QUERY_DCL,QUERY_DDL",
    "slow_query_log": "1",
    "long_query_time": "2",
    "character_set_server": "utf8mb4",
    "collation_server": "utf8mb4_0900_ai_ci",
    # Nobody waits longer for a page than the load balancer does: a SELECT that takes a minute only takes capacity from
    # the others. A report may set it for its own session. In milliseconds.
    "max_execution_time": "60000",
    # The default of 50 s holds a connection of the pool for a transaction that its client has given up.
    "innodb_lock_wait_timeout": "20",
    # Each deadlock with its statements in the error log, not only the last one in the engine's status.
    "innodb_print_all_deadlocks": "1",
    # As long as the proxy keeps a client that is silent: 8 hours by default, which keeps memory for nobody.
    "wait_timeout": "1800",
    # Nothing is loaded from a client's files.
    "local_infile": "0",
    # Backups, clones and global databases need no binary log; writing one costs every transaction.
    "binlog_format": "OFF",
}
"""Of the cluster, each with its reason. What is not here stays as Aurora has it: its defaults follow the class's memory
(max_connections, innodb_buffer_pool_size, table caches), and Performance Insights sets performance_schema by itself."""

INSIGHTS_DAYS = {"standard": 7, "advanced": 465}
"""How long Database Insights keeps its data: advanced mode wants 15 months (Aurora user guide, Considerations)."""


class Cluster(Construct):
    """An Aurora MySQL cluster: one writer and `size.db_readers` readers, or `instances` of them where that is said.

    The home region's knows no global cluster: a later standby adopts it from outside. With `global_cluster` it is a
    standby's: it joins that one when it is made, and has user, password and data from the primary. What may not be
    replaced (identifier, key, subnet group, restore source, user) depends only on what is fixed for life.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        identifier: str,
        engine_version: str,
        size: Size,
        subnet_ids: list[str],
        security_group_id: str,
        key_arn: str,
        logs_key_arn: str,
        secret_arn: str,
        backup_retention_days: int,
        log_retention_days: int,
        deletion_protection: bool,
        restore_source: RestoreSource | None = None,
        global_cluster: str | None = None,
        instances: int | None = None,
    ) -> None:
        super().__init__(scope, id)
        self.identifier = identifier
        subnets = rds.CfnDBSubnetGroup(
            self, "Subnets", db_subnet_group_description="Isolated subnets", subnet_ids=subnet_ids
        )
        parameters = rds.CfnDBClusterParameterGroup(
            self,
            "Parameters",
            description="TLS only, audit and slow query log, limits of waiting",
            family=f"aurora-mysql{'.'.join(engine_version.split('.')[:2])}",
            parameters=PARAMETERS,
        )
        serverless = size.db_min_acu is not None and size.db_max_acu is not None
        self.cluster = rds.CfnDBCluster(
            self,
            "Cluster",
            db_cluster_identifier=identifier,
            engine="aurora-mysql",
            engine_version=engine_version,
            port=MYSQL_PORT,
            db_subnet_group_name=subnets.ref,
            vpc_security_group_ids=[security_group_id],
            db_cluster_parameter_group_name=parameters.ref,
            kms_key_id=key_arn,
            enable_iam_database_authentication=True,
            enable_cloudwatch_logs_exports=list(LOG_EXPORTS),
            backup_retention_period=backup_retention_days,
            preferred_backup_window="02:00-03:00",
            preferred_maintenance_window="sun:04:00-sun:05:00",
            copy_tags_to_snapshot=True,
            # The same for cluster and instances, as Database Insights wants it.
            database_insights_mode=size.db_insights,
            performance_insights_enabled=True,
            performance_insights_kms_key_id=key_arn,
            performance_insights_retention_period=INSIGHTS_DAYS[size.db_insights],
            deletion_protection=deletion_protection,
            serverless_v2_scaling_configuration=rds.CfnDBCluster.ServerlessV2ScalingConfigurationProperty(
                min_capacity=size.db_min_acu, max_capacity=size.db_max_acu
            )
            if serverless
            else None,
        )
        if global_cluster is None:
            self._set_origin(restore_source, secret_arn)
            self.cluster.apply_removal_policy(cdk.RemovalPolicy.SNAPSHOT)
        else:
            self._join(global_cluster)
        # RDS would make these by itself, unencrypted and kept for ever; made here, they go after the cluster.
        for export in LOG_EXPORTS:
            group = logs.CfnLogGroup(
                self,
                f"{export.capitalize()}Log",
                log_group_name=f"/aws/rds/cluster/{identifier}/{export}",
                kms_key_id=logs_key_arn,
                retention_in_days=log_retention_days,
            )
            group.apply_removal_policy(cdk.RemovalPolicy.DESTROY)
            self.cluster.add_resource_dependency(group)
        self.instances = self._instances(
            size, key_arn, 1 + size.db_readers if instances is None else instances
        )

    def _join(self, global_cluster: str) -> None:
        """A secondary of that global cluster. It holds nothing that the primary has not: the last copy is made of
        that one, and AWS deletes no primary that has secondaries.
        """
        self.cluster.global_cluster_identifier = global_cluster
        self.cluster.storage_encrypted = True
        self.cluster.apply_removal_policy(cdk.RemovalPolicy.DESTROY, apply_to_update_replace_policy=False)
        self.cluster.cfn_options.update_replace_policy = cdk.CfnDeletionPolicy.SNAPSHOT

    def _set_origin(self, source: RestoreSource | None, secret_arn: str) -> None:
        """New data, or the data of a snapshot or a cluster: then user and database name are the source's.

        The password of our secret is set on a new cluster and on a restored snapshot. A copy-on-write clone ignores
        it (cfn-lint W3689) and begins with its source's: the portal's clone sets it before the application comes.
        """
        if source is not None and source.kind == "cluster":
            self.cluster.source_db_cluster_identifier = source.id
            self.cluster.restore_type = "copy-on-write"
            self.cluster.use_latest_restorable_time = True
            return
        self.cluster.storage_encrypted = True
        parts = ["{{resolve:secretsmanager:", secret_arn, ":SecretString:password}}"]
        self.cluster.master_user_password = cdk.Fn.join("", parts)
        if source is None:
            self.cluster.master_username = DATABASE_USER
            self.cluster.database_name = "app"
        else:
            self.cluster.snapshot_identifier = source.id

    def _instances(self, size: Size, key_arn: str, count: int) -> list[rds.CfnDBInstance]:
        """The writer first. Aurora makes the first instance the writer, so readers wait for it."""
        instances: list[rds.CfnDBInstance] = []
        for name in ["Writer", *(f"Reader{number}" for number in range(1, count))][:count]:
            instance = rds.CfnDBInstance(
                self,
                name,
                engine="aurora-mysql",
                db_cluster_identifier=self.cluster.ref,
                db_instance_class=size.db_instance_class,
                publicly_accessible=False,
                # A standby's region must be upgraded first: upgrades are operations of the portal.
                auto_minor_version_upgrade=False,
                enable_performance_insights=True,
                performance_insights_kms_key_id=key_arn,
                performance_insights_retention_period=INSIGHTS_DAYS[size.db_insights],
                promotion_tier=0 if name == "Writer" else 1,
            )
            instance.apply_removal_policy(cdk.RemovalPolicy.DESTROY)
            if instances:
                instance.add_resource_dependency(instances[0])
            instances.append(instance)
        return instances


class Proxy(Construct):
    """RDS Proxy before a cluster: an endpoint for writes and one for reads, TLS only, password from the secret.

    The reader endpoint exists in every size, so that going from one size to another never takes an address away
    that the application stack uses; without a reader the application is given the writer's. A cluster without
    instances has no targets yet: CloudFormation would wait for one to answer, and give up. They come with the first
    instance; the endpoints are there before.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        name: str,
        reader_name: str,
        cluster: Cluster,
        subnet_ids: list[str],
        security_group_id: str,
        secret_arn: str,
        key_arn: str,
        logs_key_arn: str,
        log_retention_days: int,
    ) -> None:
        super().__init__(scope, id)
        stack = cdk.Stack.of(self)
        role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("rds.amazonaws.com"),
            description="Lets the database proxy read the database's secret",
        )
        policy = iam.Policy(
            self,
            "Policy",
            roles=[role],
            statements=[
                iam.PolicyStatement(actions=["secretsmanager:GetSecretValue"], resources=[secret_arn]),
                iam.PolicyStatement(
                    actions=["kms:Decrypt"],
                    resources=[key_arn],
                    conditions={
                        "StringEquals": {"kms:ViaService": f"secretsmanager.{stack.region}.amazonaws.com"}
                    },
                ),
            ],
        )
        group = logs.CfnLogGroup(
            self,
            "Log",
            log_group_name=f"/aws/rds/proxy/{name}",
            kms_key_id=logs_key_arn,
            retention_in_days=log_retention_days,
        )
        group.apply_removal_policy(cdk.RemovalPolicy.DESTROY)
        self.proxy = rds.CfnDBProxy(
            self,
            "Proxy",
            db_proxy_name=name,
            engine_family="MYSQL",
            require_tls=True,
            idle_client_timeout=1800,
            role_arn=role.role_arn,
            vpc_subnet_ids=subnet_ids,
            vpc_security_group_ids=[security_group_id],
            auth=[
                rds.CfnDBProxy.AuthFormatProperty(
                    auth_scheme="SECRETS",
                    secret_arn=secret_arn,
                    iam_auth="DISABLED",
                    client_password_auth_type="MYSQL_CACHING_SHA2_PASSWORD",  # noqa: S106 - a method
                )
            ],
        )
        self.proxy.node.add_dependency(policy)
        self.proxy.add_resource_dependency(group)
        if cluster.instances:
            self._target(cluster)
        self.reader = rds.CfnDBProxyEndpoint(
            self,
            "Reader",
            db_proxy_name=self.proxy.ref,
            db_proxy_endpoint_name=reader_name,
            target_role="READ_ONLY",
            vpc_subnet_ids=subnet_ids,
            vpc_security_group_ids=[security_group_id],
        )

    def _target(self, cluster: Cluster) -> None:
        targets = rds.CfnDBProxyTargetGroup(
            self,
            "Targets",
            db_proxy_name=self.proxy.ref,
            target_group_name="default",
            db_cluster_identifiers=[cluster.cluster.ref],
            connection_pool_configuration_info=rds.CfnDBProxyTargetGroup.ConnectionPoolConfigurationInfoFormatProperty(
                max_connections_percent=90, max_idle_connections_percent=50, connection_borrow_timeout=30
            ),
        )
        # A target group that is registered before its cluster has instances stays unavailable for minutes.
        for instance in cluster.instances:
            targets.add_resource_dependency(instance)


class GlobalDatabase(Construct):
    """The Aurora global database over both regions: it adopts the home region's cluster, which knows nothing of it.

    It holds no data and is not protected itself: its members are. Deleted, it lets its source go as it was.
    """

    def __init__(self, scope: Construct, id: str, *, identifier: str, source_arn: str) -> None:
        super().__init__(scope, id)
        self.cluster = rds.CfnGlobalCluster(
            self,
            "Global",
            global_cluster_identifier=identifier,
            source_db_cluster_identifier=source_arn,
            deletion_protection=False,
        )
        self.cluster.apply_removal_policy(cdk.RemovalPolicy.DESTROY)
