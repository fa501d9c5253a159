"""The stack `analytics`: what takes usage events, keeps them, describes them and answers about them."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from blueprint_cdk.constructs.analytics import COLUMNS, queries
from sandbox.services.athena.engine import tables_in
from tests.blueprint_cdk.support import SPEC, Assembly, Synthesise

OWNER = "arn:aws:quicksight:eu-west-1:111122223333:user/default/ann"
EVENTS = "sy-shop-k3x9-events-111122223333-eu-west-1"
RESULTS = "sy-shop-k3x9-results-111122223333-eu-west-1"


@pytest.fixture(scope="module")
def assembly(synthesise: Synthesise) -> Assembly:
    return synthesise(modules=["analytics"], dashboard_owner=OWNER)


def of_type(assembly: Assembly, kind: str) -> list[dict[str, Any]]:
    found = assembly.template("analytics")["Resources"].values()
    return [row["Properties"] for row in found if row["Type"] == kind]


def one(assembly: Assembly, kind: str) -> dict[str, Any]:
    [found] = of_type(assembly, kind)
    return found


def target(assembly: Assembly) -> dict[str, Any]:
    stream = one(assembly, "AWS::KinesisFirehose::DeliveryStream")
    found: dict[str, Any] = stream["ExtendedS3DestinationConfiguration"]
    return found


def bucket(assembly: Assembly, name: str) -> dict[str, Any]:
    [found] = [row for row in of_type(assembly, "AWS::S3::Bucket") if row["BucketName"] == name]
    return found


def test_without_the_module_there_is_no_stack(synthesise: Synthesise) -> None:
    assert "sy-shop-k3x9-analytics" not in synthesise(modules=[]).templates()


def test_stream_is_put_to_directly_and_encrypted_with_the_environments_key(assembly: Assembly) -> None:
    stream = one(assembly, "AWS::KinesisFirehose::DeliveryStream")
    assert (stream["DeliveryStreamName"], stream["DeliveryStreamType"]) == (
        "sy-shop-k3x9-events",
        "DirectPut",
    )
    encryption = stream["DeliveryStreamEncryptionConfigurationInput"]
    assert encryption["KeyType"] == "CUSTOMER_MANAGED_CMK"
    kept = target(assembly)["EncryptionConfiguration"]["KMSEncryptionConfig"]["AWSKMSKeyARN"]
    assert encryption["KeyARN"] == kept
    assert "sy-shop-k3x9-keys" in json.dumps(kept)


def test_events_are_converted_to_parquet_by_the_table_below_the_day(assembly: Assembly) -> None:
    found = target(assembly)
    assert found["Prefix"] == "events/day=!{timestamp:yyyy-MM-dd}/"
    assert found["ErrorOutputPrefix"].startswith("errors/!{firehose:error-output-type}/")
    conversion = found["DataFormatConversionConfiguration"]
    assert conversion["Enabled"] is True
    serializer = conversion["OutputFormatConfiguration"]["Serializer"]
    assert serializer == {"ParquetSerDe": {"Compression": "SNAPPY"}}
    # The least that Firehose takes with a conversion.
    assert found["BufferingHints"] == {"IntervalInSeconds": 300, "SizeInMBs": 64}
    assert "CompressionFormat" not in found


def test_what_cannot_be_delivered_is_told_in_an_encrypted_log(assembly: Assembly) -> None:
    group = one(assembly, "AWS::Logs::LogGroup")
    assert (group["LogGroupName"], group["RetentionInDays"]) == ("/switchyard/sy-shop-k3x9/events", 30)
    assert "sy-shop-k3x9-network" in json.dumps(group["KmsKeyId"])
    assert target(assembly)["CloudWatchLoggingOptions"]["Enabled"] is True
    [statement] = [
        row
        for key in assembly.template("network")["Resources"].values()
        if key["Type"] == "AWS::KMS::Key"
        for row in key["Properties"]["KeyPolicy"]["Statement"]
        if "kms:EncryptionContext:aws:logs:arn" in row.get("Condition", {}).get("ArnLike", {})
    ]
    names = statement["Condition"]["ArnLike"]["kms:EncryptionContext:aws:logs:arn"]
    assert any("/switchyard/sy-shop-k3x9/events" in json.dumps(name) for name in names)


def test_table_projects_its_partitions_and_needs_no_crawler(assembly: Assembly) -> None:
    table = one(assembly, "AWS::Glue::Table")["TableInput"]
    parameters = table["Parameters"]
    assert parameters["projection.enabled"] == "true"
    assert (parameters["projection.day.type"], parameters["projection.day.format"]) == ("date", "yyyy-MM-dd")
    assert re.fullmatch(r"\d{4}-01-01,NOW", parameters["projection.day.range"])
    assert "day=${day}" in json.dumps(parameters["storage.location.template"])
    assert table["PartitionKeys"] == [{"Name": "day", "Type": "string"}]
    columns = [(row["Name"], row["Type"]) for row in table["StorageDescriptor"]["Columns"]]
    assert columns == [(name, kind) for name, kind, _ in COLUMNS]
    assert of_type(assembly, "AWS::Glue::Crawler") == []
    database = one(assembly, "AWS::Glue::Database")["DatabaseInput"]["Name"]
    # Athena's names know no hyphens.
    assert re.fullmatch(r"[a-z0-9_]+", database)


def test_events_are_closed_and_archived_by_age(assembly: Assembly) -> None:
    events = bucket(assembly, EVENTS)
    rules = {rule["Id"]: rule for rule in events["LifecycleConfiguration"]["Rules"]}
    assert rules["archive"]["Prefix"] == "events/"
    assert [(row["StorageClass"], row["TransitionInDays"]) for row in rules["archive"]["Transitions"]] == [
        ("GLACIER", 180),
        ("DEEP_ARCHIVE", 365),
    ]
    assert rules["errors"]["ExpirationInDays"] == 90


def test_logical_ids_of_the_buckets_are_pinned(assembly: Assembly) -> None:
    """Changing one means replacing what holds data."""
    resources = assembly.template("analytics")["Resources"]
    found = {name for name, row in resources.items() if row["Type"] == "AWS::S3::Bucket"}
    assert found == {"EventsBucket147CB497", "ResultsBucket46167C27"}


def test_answers_of_queries_go_after_a_month(assembly: Assembly) -> None:
    rules = {rule["Id"]: rule for rule in bucket(assembly, RESULTS)["LifecycleConfiguration"]["Rules"]}
    assert rules["expire"]["ExpirationInDays"] == 30


@pytest.mark.parametrize("name", [EVENTS, RESULTS])
def test_buckets_are_closed_versioned_encrypted_logged_and_tidied(assembly: Assembly, name: str) -> None:
    found = bucket(assembly, name)
    assert set(found["PublicAccessBlockConfiguration"].values()) == {True}
    assert found["VersioningConfiguration"] == {"Status": "Enabled"}
    [rule] = found["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    assert found["LoggingConfiguration"]["LogFilePrefix"] in ("events/", "results/")
    [tidy] = [rule for rule in found["LifecycleConfiguration"]["Rules"] if rule["Id"] == "tidy"]
    assert tidy["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}


def test_access_logs_of_both_buckets_are_let_in_whether_the_module_is_on_or_not(
    assembly: Assembly, synthesise: Synthesise
) -> None:
    assert assembly.template("storage") == synthesise(modules=[]).template("storage")
    found = {}
    for resource in assembly.template("storage")["Resources"].values():
        for row in resource["Properties"].get("PolicyDocument", {}).get("Statement", ()):
            if row.get("Principal") == {"Service": "logging.s3.amazonaws.com"}:
                found[json.dumps(row["Condition"]["ArnLike"])] = row["Condition"]["StringEquals"]
    for name in (EVENTS, RESULTS):
        [said] = [condition for source, condition in found.items() if name in source]
        assert said == {"aws:SourceAccount": SPEC["account_id"]}


def test_workgroup_enforces_place_encryption_and_a_limit(assembly: Assembly) -> None:
    group = one(assembly, "AWS::Athena::WorkGroup")
    settings = group["WorkGroupConfiguration"]
    assert settings["EnforceWorkGroupConfiguration"] is True
    assert settings["BytesScannedCutoffPerQuery"] == 10 * 1024**3
    result = settings["ResultConfiguration"]
    assert result["EncryptionConfiguration"]["EncryptionOption"] == "SSE_KMS"
    assert result["ExpectedBucketOwner"] == SPEC["account_id"]
    # What was run is in it, and would keep it from being deleted.
    assert group["RecursiveDeleteOption"] is True


def test_named_queries_are_segments_and_usage(assembly: Assembly) -> None:
    found = {row["Name"]: row for row in of_type(assembly, "AWS::Athena::NamedQuery")}
    assert {name for name in found if name.startswith("segment-")} == {
        "segment-everyone",
        "segment-active-7-days",
        "segment-inactive-30-days",
        "segment-new-7-days",
    }
    assert {"usage-by-day", "active-users", "funnel"} <= set(found)
    assert all(row["Description"] and "\n" not in row["Description"] for row in found.values())


@pytest.mark.parametrize("query", queries(), ids=lambda query: query.name)
def test_every_query_reads_the_events_of_some_days_only(query: Any) -> None:
    assert tables_in(query.text) == [("", "events")]
    # Without a bound by day a query reads all that was ever delivered.
    assert re.search(r"\bday (>=|=) date_format\(current_date", query.text)


def test_delivery_may_write_events_and_read_the_schema_and_no_more(assembly: Assembly) -> None:
    [policy] = [
        row["PolicyDocument"]["Statement"]
        for row in of_type(assembly, "AWS::IAM::Policy")
        if any(statement.get("Sid") == "Schema" for statement in row["PolicyDocument"]["Statement"])
    ]
    actions = {action for row in policy for action in _listed(row["Action"])}
    assert not [action for action in actions if "*" in action]
    assert {"s3:PutObject", "glue:GetTableVersions", "kms:GenerateDataKey", "logs:PutLogEvents"} <= actions
    assert not [action for action in actions if action.startswith("s3:Delete")]
    [errors] = [row for row in policy if row.get("Sid") == "Errors"]
    log = "arn:aws:logs:eu-west-1:111122223333:log-group:/switchyard/sy-shop-k3x9/events"
    assert errors["Resource"] == f"{log}:log-stream:delivery"
    [key] = [row for row in policy if row.get("Sid") == "Key"]
    assert key["Condition"] == {"StringEquals": {"kms:ViaService": ["s3.eu-west-1.amazonaws.com"]}}
    roles = of_type(assembly, "AWS::IAM::Role")
    for role in roles:
        [trust] = role["AssumeRolePolicyDocument"]["Statement"]
        assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": SPEC["account_id"]}}


def test_dashboard_belongs_to_who_the_spec_names(assembly: Assembly) -> None:
    for kind in ("DataSource", "DataSet", "Dashboard"):
        [permission] = one(assembly, f"AWS::QuickSight::{kind}")["Permissions"]
        assert permission["Principal"] == OWNER
        assert f"quicksight:Describe{kind}" in permission["Actions"]
    source = one(assembly, "AWS::QuickSight::DataSource")["DataSourceParameters"]["AthenaParameters"]
    assert source["WorkGroup"] == {"Ref": _logical(assembly, "AWS::Athena::WorkGroup")}
    assert "RoleArn" in source
    visuals = one(assembly, "AWS::QuickSight::Dashboard")["Definition"]["Sheets"][0]["Visuals"]
    assert len(visuals) == 4


def test_quick_sight_may_do_what_its_connection_to_athena_asks_for(assembly: Assembly) -> None:
    """As the managed policy AWSQuicksightAthenaAccess has it, for this workgroup and this table."""
    [policy] = [
        row["PolicyDocument"]["Statement"]
        for row in of_type(assembly, "AWS::IAM::Policy")
        if any(statement.get("Sid") == "Answers" for statement in row["PolicyDocument"]["Statement"])
    ]
    by_action = {action: row["Resource"] for row in policy for action in _listed(row["Action"])}
    workgroup = json.dumps(by_action["athena:StartQueryExecution"])
    assert _logical(assembly, "AWS::Athena::WorkGroup") in workgroup
    for action in ("athena:GetQueryResultsStream", "athena:BatchGetQueryExecution"):
        assert json.dumps(by_action[action]) == workgroup
    catalog = f"arn:aws:athena:eu-west-1:{SPEC['account_id']}:datacatalog/AwsDataCatalog"
    assert by_action["athena:GetDataCatalog"] == by_action["athena:GetTableMetadata"] == catalog
    assert by_action["glue:GetTables"] == by_action["glue:GetTable"]
    assert not [action for action in by_action if "*" in action or ":Create" in action]


def test_who_asks_athena_may_write_long_answers_in_parts(assembly: Assembly) -> None:
    text = json.dumps(assembly.template("app"))
    assert "s3:ListMultipartUploadParts" in text and "s3:ListBucketMultipartUploads" in text


def test_without_an_owner_there_is_no_dashboard(synthesise: Synthesise) -> None:
    found = synthesise(modules=["analytics"])
    kinds = {row["Type"] for row in found.template("analytics")["Resources"].values()}
    assert not [kind for kind in kinds if kind.startswith("AWS::QuickSight::")]
    assert "AWS::Athena::WorkGroup" in kinds


def test_the_application_is_told_and_may_put_and_ask(assembly: Assembly) -> None:
    [environment] = [
        row["Properties"]
        for row in assembly.template("app")["Resources"].values()
        if row["Type"] == "AWS::ElasticBeanstalk::Environment"
    ]
    told = {row["OptionName"]: row["Value"] for row in environment["OptionSettings"]}
    assert (told["EVENTS_STREAM"], told["ATHENA_WORKGROUP"]) == ("sy-shop-k3x9-events", "sy-shop-k3x9")
    text = json.dumps(assembly.template("app"))
    assert "firehose:PutRecordBatch" in text and "athena:StartQueryExecution" in text
    # By name: an import would keep the module from being turned off.
    assert "sy-shop-k3x9-analytics" not in text


def _logical(assembly: Assembly, kind: str) -> str:
    found = assembly.template("analytics")["Resources"].items()
    return next(name for name, row in found if row["Type"] == kind)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
