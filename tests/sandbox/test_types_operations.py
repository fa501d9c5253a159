"""Each type of alarms, topics, dashboards and scaling: made by CloudFormation, found by its service or in the sandbox's
records and by tag, deleted, gone in both.

A row is a resource of one template; the test takes it and what it refers to.
"""

from collections.abc import Callable
from typing import Any

import pytest

from devtools.sandbox import Keys, Sandbox
from tests.sandbox.types.operations import ACCOUNT, NAME, RESOURCES
from tests.sandbox.types.support import Aws, Find, OneStack, Row, att, gone, tagged, wanted_by


@pytest.fixture(scope="module")
def keys(sandbox: Sandbox) -> Keys:
    return sandbox.account(ACCOUNT)


@pytest.fixture(scope="module")
def aws(sandbox: Sandbox, keys: Keys) -> Aws:
    return Aws(sandbox, keys)


def recorded(name: str) -> Find:
    """By what the sandbox keeps, where it serves no operation of the service."""
    kind = str(RESOURCES[name]["Type"])
    return lambda aws, ids: [row for row in aws.records(kind) if row["id"] == ids[name]]


def composite(aws: Aws, ids: dict[str, str]) -> list[Any]:
    answer = aws("cloudwatch").describe_alarms(AlarmNames=[ids["Composite"]], AlarmTypes=["CompositeAlarm"])
    found: list[Any] = answer["CompositeAlarms"]
    return found


def policy(aws: Aws, ids: dict[str, str]) -> bool:
    attributes = aws("sns").get_topic_attributes(TopicArn=ids["Topic"])["Attributes"]
    return "cloudwatch.amazonaws.com" in attributes["Policy"]


def subscribed(protocol: str) -> Callable[[Aws, dict[str, str]], list[Any]]:
    def find(aws: Aws, ids: dict[str, str]) -> list[Any]:
        rows = aws("sns").list_subscriptions_by_topic(TopicArn=ids["Topic"])["Subscriptions"]
        return [row for row in rows if row["Protocol"] == protocol]

    return find


def event_subscription(aws: Aws, ids: dict[str, str]) -> list[Any]:
    rows = aws("rds").describe_event_subscriptions()["EventSubscriptionsList"]
    return [row for row in rows if row["CustSubscriptionId"] == ids["Events"]]


def budget(aws: Aws, ids: dict[str, str]) -> list[Any]:
    rows = aws("budgets").describe_budgets(AccountId=ACCOUNT)["Budgets"]
    return [row for row in rows if row["BudgetName"] == ids["Budget"]]


def backup_plan(aws: Aws, ids: dict[str, str]) -> list[Any]:
    rows = aws("backup").list_backup_plans()["BackupPlansList"]
    return [row for row in rows if row["BackupPlanId"] == ids["Plan"]]


ROWS = [
    Row("Topic", lambda aws, ids: aws("sns").get_topic_attributes(TopicArn=ids["Topic"])),
    Row("TopicPolicy", policy, None),
    Row("Subscription", subscribed("sqs"), None),
    Row("Composite", composite),
    Row("Dashboard", lambda aws, ids: aws("cloudwatch").get_dashboard(DashboardName=ids["Dashboard"])),
    Row("Filter", recorded("Filter"), None),
    Row("Events", event_subscription),
    Row("Budget", budget, "us-east-1"),
    Row("Target", recorded("Target")),
    Row("Scaling", recorded("Scaling"), None),
    Row("Vault", lambda aws, ids: aws("backup").describe_backup_vault(BackupVaultName=ids["Vault"])),
    Row("Plan", backup_plan),
    Row("Selection", recorded("Selection"), None),
    Row("Canary", recorded("Canary")),
    Row("Project", lambda aws, ids: aws("codebuild").batch_get_projects(names=[ids["Project"]])["projects"]),
    Row("Repository", recorded("Repository")),
    Row("Connection", recorded("Connection")),
    Row("Pipeline", recorded("Pipeline")),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_type_is_made_found_deleted_and_gone(aws: Aws, row: Row) -> None:
    resources = wanted_by(RESOURCES, row.name)
    stack = OneStack(aws, f"operations-{row.name.lower()}")
    ids = stack.create(resources)
    assert row.find(aws, ids)
    if row.tag_region:
        assert tagged(aws, stack.name, row.tag_region)
    stack.delete()
    assert gone(row.find, aws, ids)
    assert tagged(aws, stack.name, row.tag_region or "eu-west-1") == []


def test_address_in_a_topics_template_waits_for_its_owner_and_goes_with_the_next_template(aws: Aws) -> None:
    stack = OneStack(aws, "operations-address")
    ids = stack.create({"Topic": RESOURCES["Topic"]})
    [row] = aws("sns").list_subscriptions_by_topic(TopicArn=ids["Topic"])["Subscriptions"]
    assert (row["SubscriptionArn"], row["Endpoint"]) == ("PendingConfirmation", "on@example.com")
    stack.update({"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": NAME}}})
    assert aws("sns").list_subscriptions_by_topic(TopicArn=ids["Topic"])["Subscriptions"] == []
    stack.delete()


def test_repository_has_its_addresses_and_there_is_one_of_a_name(aws: Aws) -> None:
    names = ("Arn", "CloneUrlHttp", "CloneUrlSsh", "Name")
    told = {"Fn::Join": [",", [att("Repository", name) for name in names]]}
    parameter = {"Name": "/types/addresses", "Type": "StringList", "Value": told}
    stack = OneStack(aws, "operations-repository")
    stack.create(
        {
            "Repository": RESOURCES["Repository"],
            "Told": {"Type": "AWS::SSM::Parameter", "Properties": parameter},
        }
    )
    found = aws("ssm").get_parameter(Name="/types/addresses")["Parameter"]["Value"].split(",")
    address = f"git-codecommit.eu-west-1.amazonaws.com/v1/repos/{NAME}"
    assert found == [
        f"arn:aws:codecommit:eu-west-1:{ACCOUNT}:{NAME}",
        f"https://{address}",
        f"ssh://{address}",
        NAME,
    ]
    second = OneStack(aws, "operations-repository-again")
    with pytest.raises(AssertionError, match="already exists"):
        second.create({"Repository": RESOURCES["Repository"]})
    stack.delete()
