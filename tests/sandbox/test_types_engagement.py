"""Each type of usage events and of messages to people: made by CloudFormation, found, deleted, gone."""

from collections.abc import Callable
from typing import Any

import pytest

from devtools.sandbox import Keys, Sandbox
from tests.sandbox.types.engagement import ACCOUNT, DOMAIN, RESOURCES, STREAM, WORKGROUP
from tests.sandbox.types.support import Aws, Find, OneStack, Row, gone, tagged, wanted_by


def kept(name: str) -> Find:
    """What the sandbox keeps of a type whose service shows it in no other way."""
    return lambda aws, ids: aws.records(str(RESOURCES[name]["Type"]))


def streams(aws: Aws, ids: dict[str, str]) -> list[Any]:
    found = aws("logs").describe_log_groups(logGroupNamePrefix="/types/events")["logGroups"]
    return [
        stream
        for group in found
        for stream in aws("logs").describe_log_streams(logGroupName=group["logGroupName"])["logStreams"]
    ]


def queries(aws: Aws, ids: dict[str, str]) -> list[Any]:
    answer = aws("athena").batch_get_named_query(NamedQueryIds=[ids["Query"]])
    return list(answer["NamedQueries"])


ROWS = [
    Row("LogStream", streams, None),
    Row("Database", kept("Database"), None),
    Row("Table", kept("Table"), None),
    Row("Stream", lambda aws, ids: aws("firehose").describe_delivery_stream(DeliveryStreamName=STREAM)),
    Row("Workgroup", kept("Workgroup")),
    Row("Query", queries, None),
    Row("Devices", lambda aws, ids: aws("dynamodb").describe_table(TableName=ids["Devices"]), None),
    Row("Push", lambda aws, ids: aws("pinpoint").get_app(ApplicationId=ids["Push"]), None),
    Row("Google", kept("Google"), None),
    Row("Apple", kept("Apple"), None),
    Row("AppleSandbox", kept("AppleSandbox"), None),
    Row("Mails", kept("Mails")),
    Row("Counts", kept("Counts"), None),
    Row("Identity", lambda aws, ids: aws("sesv2").get_email_identity(EmailIdentity=DOMAIN)),
    Row("Source", kept("Source")),
    Row("DataSet", kept("DataSet")),
    Row("Dashboard", kept("Dashboard")),
]


@pytest.fixture(scope="module")
def aws(sandbox: Sandbox) -> Aws:
    return Aws(sandbox, sandbox.account(ACCOUNT))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(RESOURCES[row.name]["Type"]))
def test_type_is_made_found_deleted_and_gone(row: Row, aws: Aws) -> None:
    stack = OneStack(aws, f"types-{row.name}")
    assert gone(row.find, aws, dict.fromkeys(RESOURCES, "types-none"))
    ids = stack.create(wanted_by(RESOURCES, row.name))
    assert not gone(row.find, aws, ids)
    if row.tag_region:
        part = ids[row.name].rpartition("|")[2]
        assert any(part in arn for arn in tagged(aws, stack.name, row.tag_region))
    stack.delete()
    assert gone(row.find, aws, ids)
    if row.tag_region:
        assert tagged(aws, stack.name, row.tag_region) == []


def test_ref_answers_the_name_of_a_table_and_of_a_stream(sandbox: Sandbox, keys: Keys, aws: Aws) -> None:
    stack = OneStack(aws, "types-refs")
    resources = wanted_by(RESOURCES, "Stream")
    stack.create(resources)
    [stream] = aws.records("AWS::KinesisFirehose::DeliveryStream")
    target = stream["properties"]["ExtendedS3DestinationConfiguration"]
    schema = target["DataFormatConversionConfiguration"]["SchemaConfiguration"]
    assert (schema["DatabaseName"], schema["TableName"]) == ("types_events", "events")
    assert target["CloudWatchLoggingOptions"]["LogStreamName"] == "delivery"
    stack.delete()


def test_a_workgroup_with_queries_goes_only_if_that_was_said(aws: Aws) -> None:
    resources = wanted_by(RESOURCES, "Workgroup")
    properties = {**resources["Workgroup"]["Properties"], "RecursiveDeleteOption": False}
    stack = OneStack(aws, "types-careful")
    stack.create({**resources, "Workgroup": {**resources["Workgroup"], "Properties": properties}})
    aws("athena").start_query_execution(QueryString="SELECT 1 AS one", WorkGroup=WORKGROUP)
    ask: Callable[..., Any] = aws("cloudformation").delete_stack
    ask(StackName="types-careful")
    with pytest.raises(AssertionError, match="is not empty"):
        stack._settled("DELETE_COMPLETE")
