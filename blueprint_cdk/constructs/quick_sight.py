"""What the team sees of the usage events: an Amazon Quick Sight data source, a data set and a dashboard.

Quick Sight's subscription is the account's, and is made by a person (docs/going-live.md); the dashboard belongs to a
user or group of it, whose ARN the spec names.
"""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_quicksight as quicksight
from aws_cdk import aws_s3 as s3
from constructs import Construct

from blueprint_cdk.constructs.analytics import (
    COLUMNS,
    PARTITION,
    TABLE,
    Catalog,
    Workbench,
    allow,
    catalog_arns,
    reading,
    through,
)
from blueprint_cdk.constructs.service_roles import service_role

DATA_SET = "events"
_DATA_SOURCE = (
    "DescribeDataSource",
    "DescribeDataSourcePermissions",
    "PassDataSource",
    "UpdateDataSource",
    "DeleteDataSource",
    "UpdateDataSourcePermissions",
)
_DATA_SET = (
    "DescribeDataSet",
    "DescribeDataSetPermissions",
    "PassDataSet",
    "DescribeIngestion",
    "ListIngestions",
    "UpdateDataSet",
    "DeleteDataSet",
    "CreateIngestion",
    "CancelIngestion",
    "UpdateDataSetPermissions",
)
_DASHBOARD = (
    "DescribeDashboard",
    "ListDashboardVersions",
    "UpdateDashboardPermissions",
    "QueryDashboard",
    "UpdateDashboard",
    "DeleteDashboard",
    "DescribeDashboardPermissions",
    "UpdateDashboardPublishedVersion",
)
_TYPES = {"string": "STRING", "timestamp": "DATETIME"}
"""What Quick Sight makes of the table's types; it reads no maps."""


class Dashboard(Construct):
    """Users and events by day, what is used most, and on which platforms; asked of Athena each time it is looked at.

    The data source takes a role of its own, which may read this environment's events and nothing else: the account's
    Quick Sight role needs no right to any of it.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        name: str,
        owner: str,
        catalog: Catalog,
        workbench: Workbench,
        events: s3.IBucket,
        results: s3.IBucket,
        key: kms.IKey,
    ) -> None:
        super().__init__(scope, id)
        stack = cdk.Stack.of(self)
        role, policy = _reader(self, catalog, workbench, events, results, key)
        source = quicksight.CfnDataSource(
            self,
            "Source",
            aws_account_id=stack.account,
            data_source_id=name,
            name=f"Usage events of {name}",
            type="ATHENA",
            data_source_parameters=quicksight.CfnDataSource.DataSourceParametersProperty(
                athena_parameters=quicksight.CfnDataSource.AthenaParametersProperty(
                    work_group=workbench.group.ref, role_arn=role.role_arn
                )
            ),
            ssl_properties=quicksight.CfnDataSource.SslPropertiesProperty(disable_ssl=False),
            permissions=[
                quicksight.CfnDataSource.ResourcePermissionProperty(
                    principal=owner, actions=_actions(_DATA_SOURCE)
                )
            ],
        )
        # Quick Sight tries the connection when it is made.
        source.node.add_dependency(policy, catalog.table)
        data_set = quicksight.CfnDataSet(
            self,
            "DataSet",
            aws_account_id=stack.account,
            data_set_id=name,
            name=f"Usage events of {name}",
            import_mode="DIRECT_QUERY",
            physical_table_map={
                DATA_SET: quicksight.CfnDataSet.PhysicalTableProperty(
                    relational_table=quicksight.CfnDataSet.RelationalTableProperty(
                        data_source_arn=source.attr_arn,
                        catalog="AwsDataCatalog",
                        schema=catalog.database.ref,
                        name=TABLE,
                        input_columns=[
                            quicksight.CfnDataSet.InputColumnProperty(name=column, type=_TYPES[kind])
                            for column, kind, _ in (*COLUMNS, (PARTITION, "string", ""))
                            if kind in _TYPES
                        ],
                    )
                )
            },
            permissions=[
                quicksight.CfnDataSet.ResourcePermissionProperty(principal=owner, actions=_actions(_DATA_SET))
            ],
        )
        quicksight.CfnDashboard(
            self,
            "Dashboard",
            aws_account_id=stack.account,
            dashboard_id=name,
            name=f"Usage of {name}",
            definition=_definition(data_set.attr_arn),
            permissions=[
                quicksight.CfnDashboard.ResourcePermissionProperty(
                    principal=owner, actions=_actions(_DASHBOARD)
                )
            ],
        )


def _actions(names: tuple[str, ...]) -> list[str]:
    return [f"quicksight:{name}" for name in names]


def _reader(
    scope: Construct,
    catalog: Catalog,
    workbench: Workbench,
    events: s3.IBucket,
    results: s3.IBucket,
    key: kms.IKey,
) -> tuple[iam.Role, iam.Policy]:
    """Who asks: Quick Sight takes answers as a stream and looks at the catalog besides, as AWS's managed policy for it
    (AWSQuicksightAthenaAccess) has it, here for one workgroup and one table.
    """
    stack = cdk.Stack.of(scope)
    athena = f"arn:{stack.partition}:athena:{stack.region}:{stack.account}"
    workgroup = f"{athena}:workgroup/{workbench.group.ref}"
    database = catalog.database.ref
    role, policy = service_role(
        scope,
        "quicksight.amazonaws.com",
        "Quick Sight reads usage events",
        for_own_account=True,
        statements=[
            *reading(stack, workgroup, database, events.bucket_arn, results.bucket_arn),
            allow("Answers", ["athena:BatchGetQueryExecution", "athena:GetQueryResultsStream"], [workgroup]),
            allow(
                "Look",
                [
                    "athena:GetDataCatalog",
                    "athena:GetDatabase",
                    "athena:GetTableMetadata",
                    "athena:ListDatabases",
                    "athena:ListTableMetadata",
                ],
                [f"{athena}:datacatalog/AwsDataCatalog"],
            ),
            allow(
                "LookAtTable",
                ["glue:BatchGetPartition", "glue:GetDatabases", "glue:GetPartition", "glue:GetTables"],
                catalog_arns(stack, database),
            ),
            through(key, ["s3"], ["kms:Decrypt", "kms:GenerateDataKey"]),
        ],
    )
    return role, policy


def _definition(data_set_arn: str) -> quicksight.CfnDashboard.DashboardVersionDefinitionProperty:
    """One sheet; its visuals have no layout of their own: Quick Sight lays them out beside each other."""
    board = quicksight.CfnDashboard
    return board.DashboardVersionDefinitionProperty(
        data_set_identifier_declarations=[
            board.DataSetIdentifierDeclarationProperty(identifier=DATA_SET, data_set_arn=data_set_arn)
        ],
        sheets=[
            board.SheetDefinitionProperty(
                sheet_id="usage",
                name="Usage",
                visuals=[
                    _lines("users", "Users by day", "user_sub"),
                    _lines("events", "Events by day", "event_id"),
                    _bars("names", "What is used most", "name"),
                    _bars("platforms", "Users by platform", "platform"),
                ],
            )
        ],
    )


def _lines(id: str, title: str, counted: str) -> quicksight.CfnDashboard.VisualProperty:
    board = quicksight.CfnDashboard
    return board.VisualProperty(
        line_chart_visual=board.LineChartVisualProperty(
            visual_id=id,
            title=_title(title),
            chart_configuration=board.LineChartConfigurationProperty(
                type="LINE",
                field_wells=board.LineChartFieldWellsProperty(
                    line_chart_aggregated_field_wells=board.LineChartAggregatedFieldWellsProperty(
                        category=[_dimension(id, PARTITION)], values=[_distinct(id, counted)]
                    )
                ),
            ),
        )
    )


def _bars(id: str, title: str, by: str) -> quicksight.CfnDashboard.VisualProperty:
    board = quicksight.CfnDashboard
    return board.VisualProperty(
        bar_chart_visual=board.BarChartVisualProperty(
            visual_id=id,
            title=_title(title),
            chart_configuration=board.BarChartConfigurationProperty(
                orientation="HORIZONTAL",
                field_wells=board.BarChartFieldWellsProperty(
                    bar_chart_aggregated_field_wells=board.BarChartAggregatedFieldWellsProperty(
                        category=[_dimension(id, by)], values=[_distinct(id, "user_sub")]
                    )
                ),
            ),
        )
    )


def _title(text: str) -> quicksight.CfnDashboard.VisualTitleLabelOptionsProperty:
    board = quicksight.CfnDashboard
    return board.VisualTitleLabelOptionsProperty(
        visibility="VISIBLE", format_text=board.ShortFormatTextProperty(plain_text=text)
    )


def _dimension(visual: str, column: str) -> quicksight.CfnDashboard.DimensionFieldProperty:
    board = quicksight.CfnDashboard
    return board.DimensionFieldProperty(
        categorical_dimension_field=board.CategoricalDimensionFieldProperty(
            field_id=f"{visual}-{column}", column=_column(column)
        )
    )


def _distinct(visual: str, column: str) -> quicksight.CfnDashboard.MeasureFieldProperty:
    board = quicksight.CfnDashboard
    return board.MeasureFieldProperty(
        categorical_measure_field=board.CategoricalMeasureFieldProperty(
            field_id=f"{visual}-count", column=_column(column), aggregation_function="DISTINCT_COUNT"
        )
    )


def _column(name: str) -> quicksight.CfnDashboard.ColumnIdentifierProperty:
    return quicksight.CfnDashboard.ColumnIdentifierProperty(data_set_identifier=DATA_SET, column_name=name)
