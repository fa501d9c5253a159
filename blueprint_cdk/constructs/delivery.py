"""The stream that takes usage events and writes them into their bucket."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kinesisfirehose as firehose
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from constructs import Construct

from blueprint_cdk.constructs.analytics import PARTITION, TABLE, Catalog, allow, catalog_arns, through
from blueprint_cdk.constructs.keys import log_group_arn
from blueprint_cdk.constructs.service_roles import service_role

_BUFFER_MB = 64
"""The least that Firehose accepts where it converts to Parquet."""
_BUFFER_S = 300
_LOG_STREAM = "delivery"


class Delivery(Construct):
    """The stream: takes events by PutRecordBatch, writes them by the day as Parquet, and logs what it could not."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        name: str,
        catalog: Catalog,
        events: s3.IBucket,
        key: kms.IKey,
        log_group_name: str,
        logs_key: kms.IKey,
        log_retention_days: int,
    ) -> None:
        super().__init__(scope, id)
        stack = cdk.Stack.of(self)
        group = logs.CfnLogGroup(
            self,
            "Group",
            log_group_name=log_group_name,
            kms_key_id=logs_key.key_arn,
            retention_in_days=log_retention_days,
        )
        group.apply_removal_policy(cdk.RemovalPolicy.DESTROY)
        stream = logs.CfnLogStream(self, "Errors", log_group_name=group.ref, log_stream_name=_LOG_STREAM)
        stream.apply_removal_policy(cdk.RemovalPolicy.DESTROY)
        role, policy = service_role(
            self,
            "firehose.amazonaws.com",
            "Firehose writes usage events",
            for_own_account=True,
            statements=[
                allow(
                    "Bucket",
                    ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"],
                    [events.bucket_arn],
                ),
                allow(
                    "Objects",
                    ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"],
                    [
                        events.arn_for_objects(f"{TABLE}/*"),
                        events.arn_for_objects("errors/*"),
                    ],
                ),
                allow(
                    "Schema",
                    ["glue:GetTable", "glue:GetTableVersion", "glue:GetTableVersions"],
                    [*catalog_arns(stack, catalog.database.ref)],
                ),
                # A group's own ARN ends in ":*": what is put behind that names no stream.
                allow(
                    "Errors",
                    ["logs:PutLogEvents"],
                    [f"{log_group_arn(self, log_group_name)}:log-stream:{_LOG_STREAM}"],
                ),
                through(key, ["s3"], ["kms:Decrypt", "kms:GenerateDataKey"]),
            ],
        )
        self.stream = firehose.CfnDeliveryStream(
            self,
            "Stream",
            delivery_stream_name=name,
            delivery_stream_type="DirectPut",
            delivery_stream_encryption_configuration_input=(
                firehose.CfnDeliveryStream.DeliveryStreamEncryptionConfigurationInputProperty(
                    key_type="CUSTOMER_MANAGED_CMK", key_arn=key.key_arn
                )
            ),
            extended_s3_destination_configuration=(
                firehose.CfnDeliveryStream.ExtendedS3DestinationConfigurationProperty(
                    bucket_arn=events.bucket_arn,
                    role_arn=role.role_arn,
                    prefix=f"{TABLE}/{PARTITION}=!{{timestamp:yyyy-MM-dd}}/",
                    error_output_prefix="errors/!{firehose:error-output-type}/!{timestamp:yyyy-MM-dd}/",
                    buffering_hints=firehose.CfnDeliveryStream.BufferingHintsProperty(
                        interval_in_seconds=_BUFFER_S, size_in_m_bs=_BUFFER_MB
                    ),
                    cloud_watch_logging_options=firehose.CfnDeliveryStream.CloudWatchLoggingOptionsProperty(
                        enabled=True, log_group_name=group.ref, log_stream_name=stream.ref
                    ),
                    encryption_configuration=firehose.CfnDeliveryStream.EncryptionConfigurationProperty(
                        kms_encryption_config=firehose.CfnDeliveryStream.KMSEncryptionConfigProperty(
                            awskms_key_arn=key.key_arn
                        )
                    ),
                    data_format_conversion_configuration=_to_parquet(stack, role, catalog),
                )
            ),
        )
        # A stream without its permissions is not made, and one that is being deleted still writes.
        self.stream.node.add_dependency(policy)


def _to_parquet(
    stack: cdk.Stack, role: iam.IRole, catalog: Catalog
) -> firehose.CfnDeliveryStream.DataFormatConversionConfigurationProperty:
    return firehose.CfnDeliveryStream.DataFormatConversionConfigurationProperty(
        enabled=True,
        input_format_configuration=firehose.CfnDeliveryStream.InputFormatConfigurationProperty(
            deserializer=firehose.CfnDeliveryStream.DeserializerProperty(
                open_x_json_ser_de=firehose.CfnDeliveryStream.OpenXJsonSerDeProperty(case_insensitive=True)
            )
        ),
        output_format_configuration=firehose.CfnDeliveryStream.OutputFormatConfigurationProperty(
            serializer=firehose.CfnDeliveryStream.SerializerProperty(
                parquet_ser_de=firehose.CfnDeliveryStream.ParquetSerDeProperty(compression="SNAPPY")
            )
        ),
        schema_configuration=firehose.CfnDeliveryStream.SchemaConfigurationProperty(
            catalog_id=stack.account,
            database_name=catalog.database.ref,
            table_name=catalog.table.ref,
            region=stack.region,
            role_arn=role.role_arn,
            version_id="LATEST",
        ),
    )
