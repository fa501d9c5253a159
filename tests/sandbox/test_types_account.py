"""Each type of buckets, identities, queues and rules, and of what `cdk bootstrap` makes: made by CloudFormation,
found by its service and by tag, deleted, gone in both.

A row is a resource of one template; the test takes it and what it refers to.
"""

from typing import Any

import pytest

from devtools.sandbox import Sandbox
from tests.sandbox.types.account import ACCOUNT, RESOURCES
from tests.sandbox.types.support import Aws, OneStack, Row, gone, tagged, wanted_by


def rule_with_targets(aws: Aws, ids: dict[str, str]) -> dict[str, Any]:
    """A rule that has lost its target is no rule that anybody wanted."""
    rule: dict[str, Any] = aws("events").describe_rule(Name=RESOURCES["Rule"]["Properties"]["Name"])
    assert aws("events").list_targets_by_rule(Rule=rule["Name"])["Targets"]
    return rule


def queue_policy(aws: Aws, ids: dict[str, str]) -> str | None:
    answer = aws("sqs").get_queue_attributes(QueueUrl=ids["Queue"], AttributeNames=["Policy"])
    policy: str | None = answer.get("Attributes", {}).get("Policy")
    return policy


def profile_with_role(aws: Aws, ids: dict[str, str]) -> list[Any]:
    profile = aws("iam").get_instance_profile(InstanceProfileName=ids["Profile"])["InstanceProfile"]
    return list(profile["Roles"])


def managed_policies(aws: Aws, ids: dict[str, str]) -> list[Any]:
    pages = aws("iam").get_paginator("list_policies").paginate(Scope="Local")
    return [p for page in pages for p in page["Policies"] if p["Arn"] == ids["ManagedPolicy"]]


def named(rows: list[Any], member: str, value: str) -> list[Any]:
    return [row for row in rows if row[member] == value]


# What is global is listed in us-east-1. CloudFormation tags no policies, and no instance profile that names no tags.
ROWS = [
    Row("Bucket", lambda aws, ids: aws("s3").head_bucket(Bucket=ids["Bucket"])),
    Row("BucketPolicy", lambda aws, ids: aws("s3").get_bucket_policy(Bucket=ids["Bucket"])["Policy"], None),
    Row("Role", lambda aws, ids: aws("iam").get_role(RoleName=ids["Role"]), "us-east-1"),
    Row(
        "Policy",
        lambda aws, ids: aws("iam").get_role_policy(RoleName=ids["Role"], PolicyName="reads"),
        None,
    ),
    Row("ManagedPolicy", managed_policies, None),
    Row("Profile", profile_with_role, None),
    Row(
        "Queue",
        lambda aws, ids: aws("sqs").get_queue_attributes(QueueUrl=ids["Queue"], AttributeNames=["All"]),
    ),
    Row("QueuePolicy", queue_policy, None),
    Row("Rule", rule_with_targets),
    Row(
        "Logs",
        lambda aws, ids: named(
            aws("logs").describe_log_groups(logGroupNamePrefix=ids["Logs"])["logGroups"],
            "logGroupName",
            ids["Logs"],
        ),
    ),
    Row(
        "Repository",
        lambda aws, ids: aws("ecr").describe_repositories(repositoryNames=[ids["Repository"]])[
            "repositories"
        ],
    ),
    Row("Parameter", lambda aws, ids: aws("ssm").get_parameter(Name=ids["Parameter"])["Parameter"]),
    Row("Trail", lambda aws, ids: aws("cloudtrail").get_trail_status(Name=ids["Trail"])),
    Row("Analyzer", lambda aws, ids: aws.records("AWS::AccessAnalyzer::Analyzer"), None),
    Row("Monitor", lambda aws, ids: aws.records("AWS::CE::AnomalyMonitor"), None),
    Row(
        "Scanning",
        lambda aws, ids: aws("ecr").get_registry_scanning_configuration()["scanningConfiguration"]["rules"],
        None,
    ),
    Row("Group", lambda aws, ids: aws("iam").get_group(GroupName=ids["Group"])["Group"], None),
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
        # A queue is named by its address, which ends as its ARN does.
        part = ids[row.name].rsplit("/", 1)[-1]
        assert any(part in arn for arn in tagged(aws, stack.name, row.tag_region))
    stack.delete()
    assert gone(row.find, aws, ids)
    if row.tag_region:
        assert tagged(aws, stack.name, row.tag_region) == []
