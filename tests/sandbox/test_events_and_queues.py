"""SQS, EventBridge, CloudFormation's events through a rule to a queue; logs, images, tags."""

import json
import threading
import time
from typing import Any

import pytest

from devtools.sandbox import Keys, Sandbox
from tests.sandbox.support import Stacks, parameter, refused, template

ACCOUNT = "110000000006"


@pytest.fixture(scope="module")
def sqs(sandbox: Sandbox, keys: Keys) -> Any:
    return sandbox.client("sqs", keys)


@pytest.fixture(scope="module")
def events(sandbox: Sandbox, keys: Keys) -> Any:
    return sandbox.client("events", keys)


def drain(sqs: Any, url: str) -> list[dict[str, Any]]:
    """All that is in the queue, as JSON."""
    found = []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        found += [json.loads(m["Body"]) for m in messages]
        entries = [{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(messages)]
        sqs.delete_message_batch(QueueUrl=url, Entries=entries)
    return found


def open_queue(sqs: Any, name: str) -> tuple[str, str]:
    """URL and ARN of a queue that EventBridge may send to."""
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    return url, arn


def rule(events: Any, name: str, pattern: dict[str, Any], arn: str) -> None:
    events.put_rule(Name=name, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}])


# -- SQS


def test_message_is_hidden_until_its_visibility_ends(sqs: Any) -> None:
    url = sqs.create_queue(QueueName="hidden")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="m")
    first = sqs.receive_message(QueueUrl=url, VisibilityTimeout=1, AttributeNames=["All"])["Messages"][0]
    assert first["Attributes"]["ApproximateReceiveCount"] == "1"
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    again = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=3)["Messages"][0]
    assert again["MessageId"] == first["MessageId"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=again["ReceiptHandle"])
    counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert counts["ApproximateNumberOfMessages"] == counts["ApproximateNumberOfMessagesNotVisible"] == "0"


def test_waiting_receiver_gets_the_message_at_once(sqs: Any) -> None:
    url = sqs.create_queue(QueueName="waited")["QueueUrl"]
    threading.Timer(0.3, lambda: sqs.send_message(QueueUrl=url, MessageBody="late")).start()
    began = time.monotonic()
    assert sqs.receive_message(QueueUrl=url, WaitTimeSeconds=10)["Messages"][0]["Body"] == "late"
    assert 0.2 < time.monotonic() - began < 3


def test_message_received_too_often_goes_to_the_dead_letter_queue(sqs: Any) -> None:
    dead, arn = open_queue(sqs, "dead")
    redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1})
    url = sqs.create_queue(
        QueueName="lively", Attributes={"RedrivePolicy": redrive, "VisibilityTimeout": "0"}
    )["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody='"m"')
    assert sqs.receive_message(QueueUrl=url)["Messages"]
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    assert drain(sqs, dead) == ["m"]


def test_batch_limits(sqs: Any) -> None:
    url = sqs.create_queue(QueueName="limits")["QueueUrl"]
    entries = [{"Id": str(n), "MessageBody": "m"} for n in range(11)]
    assert "TooManyEntries" in refused(sqs.send_message_batch, QueueUrl=url, Entries=entries)[0]


# -- EventBridge


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [
        ({"source": ["app"]}, True),
        ({"source": [{"prefix": "ap"}], "detail": {"n": [{"numeric": [">", 4, "<=", 5]}]}}, True),
        ({"detail": {"n": [{"anything-but": [5]}]}}, False),
        ({"detail": {"missing": [{"exists": False}], "s": [{"suffix": "us"}]}}, True),
        ({"detail": {"s": [{"wildcard": "st*us"}]}, "detail-type": ["other"]}, False),
        ({"$or": [{"source": ["x"]}, {"detail": {"n": [5]}}]}, True),
    ],
)
def test_event_patterns(events: Any, pattern: dict[str, Any], fits: bool) -> None:
    head = {"id": "1", "account": "1", "time": "2026-11-22T00:00:00Z", "region": "r", "resources": []}
    event = {**head, "detail-type": "t", "source": "app", "detail": {"n": 5, "s": "status"}}
    assert (
        events.test_event_pattern(EventPattern=json.dumps(pattern), Event=json.dumps(event))["Result"] is fits
    )


def test_own_events_reach_the_queue(events: Any, sqs: Any) -> None:
    url, arn = open_queue(sqs, "own-events")
    rule(events, "own", {"source": ["shop"]}, arn)
    entry = {"Source": "shop", "DetailType": "order", "Detail": json.dumps({"id": 7})}
    answer = events.put_events(Entries=[entry, {**entry, "Source": "other"}, {**entry, "Source": "aws.ec2"}])
    assert answer["FailedEntryCount"] == 1
    assert [(e["detail-type"], e["detail"]) for e in drain(sqs, url)] == [("order", {"id": 7})]


def test_queue_without_permission_gets_nothing(events: Any, sqs: Any) -> None:
    url = sqs.create_queue(QueueName="closed")["QueueUrl"]
    rule(events, "closed", {"source": ["closed"]}, f"arn:aws:sqs:eu-west-1:{ACCOUNT}:closed")
    events.put_events(Entries=[{"Source": "closed", "DetailType": "x", "Detail": "{}"}])
    assert drain(sqs, url) == []


def test_rule_with_targets_is_not_deleted(events: Any, sqs: Any) -> None:
    rule(events, "aimed", {"source": ["x"]}, open_queue(sqs, "aimed")[1])
    assert "has targets" in refused(events.delete_rule, Name="aimed")[1]


def test_stack_and_resource_changes_come_as_events(events: Any, sqs: Any, stacks: Stacks) -> None:
    url, arn = open_queue(sqs, "stack-events")
    rule(events, "stacks", {"source": ["aws.cloudformation"]}, arn)
    stack = stacks.create(
        "evented", template(A=parameter("v", Name="/evented")), ClientRequestToken="token-1"
    )
    found = drain(sqs, url)
    assert {(e["source"], e["account"], e["region"], tuple(e["resources"])) for e in found} == {
        ("aws.cloudformation", ACCOUNT, "eu-west-1", (stack["StackId"],))}  # fmt: skip
    stack_changes = [e["detail"] for e in found if e["detail-type"] == "CloudFormation Stack Status Change"]
    assert [d["status-details"]["status"] for d in stack_changes] == ["CREATE_IN_PROGRESS", "CREATE_COMPLETE"]
    assert stack_changes[0]["client-request-token"] == "token-1"
    last = [e["detail"] for e in found if e["detail-type"] == "CloudFormation Resource Status Change"][-1]
    assert last == {
        "stack-id": stack["StackId"],
        "logical-resource-id": "A",
        "physical-resource-id": "/evented",
        "resource-type": "AWS::SSM::Parameter",
        "status-details": {"status": "CREATE_COMPLETE", "status-reason": ""},
        "client-request-token": "token-1",
    }


# -- logs, images, tags


def test_log_lines_are_kept(sandbox: Sandbox, keys: Keys) -> None:
    logs = sandbox.client("logs", keys)
    logs.create_log_group(logGroupName="/app")
    logs.put_retention_policy(logGroupName="/app", retentionInDays=7)
    assert (
        refused(logs.put_retention_policy, logGroupName="/app", retentionInDays=8)[0]
        == "InvalidParameterException"
    )
    logs.create_log_stream(logGroupName="/app", logStreamName="one")
    logs.put_log_events(
        logGroupName="/app", logStreamName="one", logEvents=[{"timestamp": 1, "message": "hello"}]
    )
    assert [
        e["message"] for e in logs.filter_log_events(logGroupName="/app", filterPattern="hell")["events"]
    ] == ["hello"]
    assert logs.describe_log_groups(logGroupNamePrefix="/a")["logGroups"][0]["retentionInDays"] == 7


def test_repository_with_images_is_not_deleted(sandbox: Sandbox, keys: Keys) -> None:
    ecr = sandbox.client("ecr", keys)
    ecr.create_repository(repositoryName="app", imageTagMutability="IMMUTABLE")
    ecr.put_image(repositoryName="app", imageManifest="{}", imageTag="v1")
    assert (
        refused(ecr.put_image, repositoryName="app", imageManifest="{ }", imageTag="v1")[0]
        == "ImageTagAlreadyExistsException"
    )
    assert refused(ecr.delete_repository, repositoryName="app")[0] == "RepositoryNotEmptyException"
    ids = ecr.list_images(repositoryName="app")["imageIds"]
    assert ecr.batch_delete_image(repositoryName="app", imageIds=ids)["failures"] == []
    ecr.delete_repository(repositoryName="app")
    assert refused(ecr.list_images, repositoryName="app")[0] == "RepositoryNotFoundException"


def test_tagging_api_sees_all_services_records(
    sandbox: Sandbox, keys: Keys, sqs: Any, stacks: Stacks
) -> None:
    tagging = sandbox.client("resourcegroupstaggingapi", keys)
    sqs.create_queue(QueueName="tagged", tags={"switchyard:environment": "shop"})
    stacks.create(
        "tagged",
        template(A=parameter("v", Name="/tagged/a")),
        Tags=[{"Key": "switchyard:environment", "Value": "shop"}],
    )
    shop = {"TagFilters": [{"Key": "switchyard:environment", "Values": ["shop"]}]}
    found = {m["ResourceARN"] for m in tagging.get_resources(**shop)["ResourceTagMappingList"]}
    queue, plain = (
        f"arn:aws:sqs:eu-west-1:{ACCOUNT}:tagged",
        f"arn:aws:ssm:eu-west-1:{ACCOUNT}:parameter/tagged/a",
    )
    assert {queue, plain} < found and len(found) == 3
    only = tagging.get_resources(**shop, ResourceTypeFilters=["sqs"])["ResourceTagMappingList"]
    assert [m["ResourceARN"] for m in only] == [queue]
    tagging.untag_resources(ResourceARNList=[queue], TagKeys=["switchyard:environment"])
    assert (
        sqs.list_queue_tags(QueueUrl=f"https://sqs.eu-west-1.amazonaws.com/{ACCOUNT}/tagged").get("Tags", {})
        == {}
    )


# -- EventBridge to an encrypted topic


def told_topic(sandbox: Sandbox, keys: Keys, name: str, **condition: Any) -> tuple[str, str]:
    """An encrypted topic that EventBridge may publish to, under a condition if one is given; and a queue that gets its
    messages.
    """
    queue = f"arn:aws:sqs:eu-west-1:{keys.account_id}:{name}"
    root = f"arn:aws:iam::{keys.account_id}:root"
    own = {"Effect": "Allow", "Principal": {"AWS": root}, "Action": "kms:*", "Resource": "*"}
    events = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Resource": "*",
        **condition,
    }

    def resource(kind: str, **properties: Any) -> dict[str, Any]:
        return {"Type": kind, "Properties": properties}

    def policy(*statements: dict[str, Any]) -> dict[str, Any]:
        return {"Version": "2012-10-17", "Statement": list(statements)}

    sends = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage"}
    Stacks(sandbox.client("cloudformation", keys)).create(
        name,
        template(
            Key=resource(
                "AWS::KMS::Key",
                PendingWindowInDays=7,
                KeyPolicy=policy(own, {**events, "Action": ["kms:GenerateDataKey*", "kms:Decrypt"]}),
            ),
            Topic=resource("AWS::SNS::Topic", TopicName=name, KmsMasterKeyId={"Ref": "Key"}),
            Policy=resource(
                "AWS::SNS::TopicPolicy",
                Topics=[{"Ref": "Topic"}],
                PolicyDocument=policy({**events, "Action": "sns:Publish", "Resource": {"Ref": "Topic"}}),
            ),
            Queue=resource("AWS::SQS::Queue", QueueName=name),
            QueuePolicy=resource(
                "AWS::SQS::QueuePolicy",
                Queues=[{"Ref": "Queue"}],
                PolicyDocument=policy({**sends, "Resource": queue}),
            ),
            Subscription={
                **resource(
                    "AWS::SNS::Subscription", TopicArn={"Ref": "Topic"}, Protocol="sqs", Endpoint=queue
                ),
                "DependsOn": "QueuePolicy",
            },
        ),
    )
    topic = f"arn:aws:sns:eu-west-1:{keys.account_id}:{name}"
    return topic, sandbox.client("sqs", keys).get_queue_url(QueueName=name)["QueueUrl"]


def test_event_reaches_an_encrypted_topic_whose_policies_ask_for_no_source(
    sandbox: Sandbox, keys: Keys, events: Any, sqs: Any
) -> None:
    """EventBridge names neither account nor rule to topic and key: a policy that asks for them keeps its events out."""
    here = {"Condition": {"StringEquals": {"aws:SourceAccount": keys.account_id}}}
    open_to, arrived = told_topic(sandbox, keys, "open-to-events")
    closed_to, kept_out = told_topic(sandbox, keys, "closed-to-events", **here)
    for topic in (open_to, closed_to):
        rule(events, topic.rpartition(":")[2], {"source": ["found"]}, topic)
    events.put_events(Entries=[{"Source": "found", "DetailType": "Finding", "Detail": '{"what": "leak"}'}])
    [message] = drain(sqs, arrived)
    assert json.loads(message["Message"])["detail"] == {"what": "leak"}
    assert drain(sqs, kept_out) == []
