"""What users and roles asked to do is listed, once each, also while nothing is enforced."""

import json
from typing import Any

import pytest

from devtools.sandbox import OFTEN, Sandbox
from sandbox.iam.decisions import kind_of
from tests.sandbox.support import refused, with_credentials

ACCOUNT = "110000000077"
BY_CLOUDFORMATION = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "cloudformation.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}


@pytest.fixture
def user(sandbox: Sandbox) -> Any:
    """A function that answers clients of a user who may list queues and make stacks."""
    iam = sandbox.client("iam", sandbox.account(ACCOUNT))
    iam.create_user(UserName="watched")
    statement = {
        "Effect": "Allow",
        "Action": ["sqs:ListQueues", "cloudformation:*", "sqs:GetQueueUrl"],
        "Resource": "*",
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName="watched", PolicyName="p", PolicyDocument=document)
    key = iam.create_access_key(UserName="watched")["AccessKey"]
    yield lambda service: with_credentials(sandbox, key, service)
    iam.delete_access_key(UserName="watched", AccessKeyId=key["AccessKeyId"])
    iam.delete_user_policy(UserName="watched", PolicyName="p")
    iam.delete_user(UserName="watched")


def noted(sandbox: Sandbox) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = sandbox.control(
        "GET", "decisions", account=ACCOUNT, principal="user/watched"
    )
    return rows


def test_each_distinct_decision_is_told_once_with_its_answer(sandbox: Sandbox, user: Any) -> None:
    sqs = user("sqs")
    sqs.list_queues()
    sqs.list_queues()
    refused(sqs.create_queue, QueueName="one")
    refused(sqs.create_queue, QueueName="two")
    told = [(row["action"], row["kind"], row["allowed"]) for row in noted(sandbox)]
    assert told == [("sqs:ListQueues", "*", True), ("sqs:CreateQueue", "queue", False)]
    last = noted(sandbox)[-1]["n"]
    assert sandbox.control("GET", "decisions", account=ACCOUNT, after=last) == []


def test_what_cloudformation_does_for_somebody_says_so_and_what_it_passes(
    sandbox: Sandbox, user: Any
) -> None:
    sandbox.settings(enforce_iam=False)
    before = max((row["n"] for row in sandbox.control("GET", "decisions")), default=0)
    cloudformation = user("cloudformation")
    queue = {"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}}
    cloudformation.create_stack(StackName="watched", TemplateBody=json.dumps(queue))
    cloudformation.get_waiter("stack_create_complete").wait(StackName="watched", WaiterConfig=OFTEN)
    role = sandbox.client("iam", sandbox.account(ACCOUNT)).create_role(
        RoleName="maker", AssumeRolePolicyDocument=json.dumps(BY_CLOUDFORMATION)
    )["Role"]
    cloudformation.create_change_set(
        StackName="watched",
        ChangeSetName="c",
        TemplateBody=json.dumps(queue),
        RoleARN=role["Arn"],
    )
    rows = [row for row in noted(sandbox) if row["n"] > before]
    by_action = {row["action"]: row for row in rows}
    # Not enforced, so carried out; and told that it would have been refused.
    made = by_action["sqs:CreateQueue"]
    assert (made["via"], made["allowed"]) == ("cloudformation.amazonaws.com", False)
    passed = by_action["iam:PassRole"]
    assert (passed["kind"], passed["passed_to"]) == ("role", "cloudformation.amazonaws.com")
    assert by_action["cloudformation:CreateStack"]["via"] == ""


@pytest.mark.parametrize(
    ("resource", "kind"),
    [
        ("*", "*"),
        ("arn:aws:s3:::bucket", "bucket"),
        ("arn:aws:s3:::bucket/key", "object"),
        ("arn:aws:sqs:eu-west-1:1:name", "queue"),
        ("arn:aws:rds:eu-west-1:1:cluster:name", "cluster"),
        ("arn:aws:cloudformation:eu-west-1:1:stack/name/id", "stack"),
        ("arn:aws:iam::1:role/path/name", "role"),
    ],
)
def test_kind_of_a_resource(resource: str, kind: str) -> None:
    assert kind_of(resource) == kind
