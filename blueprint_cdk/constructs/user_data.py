"""Users' own data, the same on all their devices: an API that resolves conflicts, over tables that may have replicas.

Cognito Sync, which the scenario names, is closed to new customers: docs/decisions/0215.
"""

from __future__ import annotations

import importlib.resources
from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

import aws_cdk as cdk
from aws_cdk import aws_appsync as appsync
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from blueprint_cdk.constructs.global_table import TableReplica, global_table
from blueprint_cdk.constructs.service_roles import own_service

DELTA_MINUTES = 7 * 24 * 60
"""For how long a device that was away is told changes only; after that it reads all of its user's items."""

TOMBSTONE_MINUTES = 30 * 24 * 60
"""For how long a deleted item is remembered, so that a device that was away learns of it."""

TTL = "_ttl"
"""Where AppSync writes when a tombstone or a change expires."""

RESOLVERS: dict[str, str | None] = {
    "Query.item": None,
    "Query.syncItems": None,
    "Mutation.putItem": "AUTOMERGE",
    "Mutation.deleteItem": "OPTIMISTIC_CONCURRENCY",
}
"""Fields that the tables answer, and how each settles a conflict; None: it changes nothing."""


class Table(NamedTuple):
    """A table, or its replica, as one region knows it."""

    name: str
    arn: str


class UserTables(Construct):
    """The items of all users, by owner, and the changes of the last days, which devices catch up with.

    Both are global tables of one region from the start, with the stream that replicas need: a standby adds a replica
    to each, so that its own devices see changes of both regions. Table name and keys can never be changed.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        name: str,
        delta_name: str,
        key_arn: str,
        deletion_protection: bool,
        tags: Mapping[str, str],
        replica: TableReplica | None = None,
    ) -> None:
        super().__init__(scope, id)
        table = partial(
            global_table,
            self,
            ttl=TTL,
            key_arn=key_arn,
            deletion_protection=deletion_protection,
            tags=tags,
            replica=replica,
        )
        self._items = table("Items", name=name, partition="owner", sort="id")
        self._changes = table("Changes", name=delta_name, partition="ds_pk", sort="ds_sk")

    @property
    def items(self) -> Table:
        """All users' items."""
        return Table(self._items.ref, self._items.attr_arn)

    @property
    def changes(self) -> Table:
        """What changed in the last days."""
        return Table(self._changes.ref, self._changes.attr_arn)


class UserDataApi(Construct):
    """The GraphQL API of users' own data: for signed-in users of one client, each for what is theirs. Each region has
    one, on its own replicas of the tables.

    Who owns an item follows from the token in every resolver (data/user_data/*.js). Other devices are told as it
    happens, by subscriptions.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        name: str,
        user_pool_id: str,
        client_id: str,
        items: Table,
        changes: Table,
        key_arn: str,
        logs_key_arn: str,
        log_retention_days: int,
    ) -> None:
        super().__init__(scope, id)
        stack = cdk.Stack.of(self)
        self.logs_role = iam.Role(
            self,
            "LogsRole",
            assumed_by=own_service(self, "appsync.amazonaws.com"),
            description="Writes the log of the users' data API",
        )
        self.api = appsync.CfnGraphQLApi(
            self,
            "Api",
            name=name,
            authentication_type="AMAZON_COGNITO_USER_POOLS",
            user_pool_config=appsync.CfnGraphQLApi.UserPoolConfigProperty(
                user_pool_id=user_pool_id,
                aws_region=stack.region,
                default_action="ALLOW",
                app_id_client_regex=client_id,
            ),
            # Whoever writes a client has the schema; others need not be shown it.
            introspection_config="DISABLED",
            query_depth_limit=4,
            resolver_count_limit=20,
            xray_enabled=False,
            log_config=appsync.CfnGraphQLApi.LogConfigProperty(
                cloud_watch_logs_role_arn=self.logs_role.role_arn,
                field_log_level="ERROR",
                exclude_verbose_content=True,
            ),
        )
        # AppSync names it, and would make it unencrypted and for ever: it is there before the first request.
        group = logs.CfnLogGroup(
            self,
            "Log",
            log_group_name=cdk.Fn.join("", ["/aws/appsync/apis/", self.api.attr_api_id]),
            kms_key_id=logs_key_arn,
            retention_in_days=log_retention_days,
        )
        group.apply_removal_policy(cdk.RemovalPolicy.DESTROY)
        iam.Policy(
            self,
            "LogsPolicy",
            roles=[self.logs_role],
            statements=[
                iam.PolicyStatement(
                    actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[group.attr_arn]
                )
            ],
        )
        schema = appsync.CfnGraphQLSchema(
            self, "Schema", api_id=self.api.attr_api_id, definition=_text("schema.graphql")
        )
        source = self._items(items, changes, key_arn)
        nothing = appsync.CfnDataSource(
            self, "Nothing", api_id=self.api.attr_api_id, name="nothing", type="NONE"
        )
        for field, settles in RESOLVERS.items():
            self._resolver(field, source, schema, settles)
        self._resolver("Subscription.onItem", nothing, schema, None)

    def _items(self, items: Table, changes: Table, key_arn: str) -> appsync.CfnDataSource:
        """The versioned source: AppSync numbers each item's versions, and writes each change to the second table."""
        region = cdk.Stack.of(self).region
        self.role = iam.Role(
            self,
            "Role",
            assumed_by=own_service(self, "appsync.amazonaws.com"),
            description="Reads and writes users' own data",
        )
        policy = iam.Policy(
            self,
            "Policy",
            roles=[self.role],
            statements=[
                iam.PolicyStatement(
                    actions=[
                        "dynamodb:DeleteItem",
                        "dynamodb:GetItem",
                        "dynamodb:PutItem",
                        "dynamodb:Query",
                        "dynamodb:UpdateItem",
                    ],
                    resources=[items.arn, changes.arn],
                ),
                iam.PolicyStatement(
                    actions=["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"],
                    resources=[key_arn],
                    conditions={"StringEquals": {"kms:ViaService": f"dynamodb.{region}.amazonaws.com"}},
                ),
            ],
        )
        source = appsync.CfnDataSource(
            self,
            "Items",
            api_id=self.api.attr_api_id,
            name="items",
            type="AMAZON_DYNAMODB",
            service_role_arn=self.role.role_arn,
            dynamo_db_config=appsync.CfnDataSource.DynamoDBConfigProperty(
                aws_region=region,
                table_name=items.name,
                versioned=True,
                delta_sync_config=appsync.CfnDataSource.DeltaSyncConfigProperty(
                    base_table_ttl=str(TOMBSTONE_MINUTES),
                    delta_sync_table_name=changes.name,
                    delta_sync_table_ttl=str(DELTA_MINUTES),
                ),
            ),
        )
        source.node.add_dependency(policy)
        return source

    def _resolver(
        self,
        field: str,
        source: appsync.CfnDataSource,
        schema: appsync.CfnGraphQLSchema,
        settles: str | None,
    ) -> None:
        kind, _, name = field.partition(".")
        resolver = appsync.CfnResolver(
            self,
            field.replace(".", ""),
            api_id=self.api.attr_api_id,
            type_name=kind,
            field_name=name,
            kind="UNIT",
            data_source_name=source.attr_name,
            runtime=appsync.CfnResolver.AppSyncRuntimeProperty(name="APPSYNC_JS", runtime_version="1.0.0"),
            code=_text(f"{field}.js"),
            sync_config=appsync.CfnResolver.SyncConfigProperty(
                conflict_detection="VERSION", conflict_handler=settles
            )
            if settles
            else None,
        )
        resolver.add_resource_dependency(schema)


def _text(name: str) -> str:
    """A file of data/user_data."""
    folder = importlib.resources.files("blueprint_cdk.data").joinpath("user_data")
    return folder.joinpath(name).read_text(encoding="utf-8")
