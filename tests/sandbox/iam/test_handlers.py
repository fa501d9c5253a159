"""What CloudFormation's handlers ask IAM for: nothing is made, changed or deleted without a right to it."""

from typing import Any

import pytest

from devtools.sandbox import Sandbox
from sandbox import registry, schemas
from sandbox.iam.handlers import handler_action
from sandbox.iam.resourceless import RESOURCELESS
from sandbox.schema_types import SCHEMA_TYPES
from tests.sandbox.iam import authorization
from tests.sandbox.support import Stacks, template
from tests.sandbox.test_iam_decisions import House, allow, trust

ACCOUNT = "110000000077"
registry.load()
NAMES = sorted({name for name in registry.TYPES if schemas.exists(name)} | set(SCHEMA_TYPES))
# Whoever answers a custom resource has rights of its own.
OTHERS = {"AWS::CloudFormation::CustomResource"}


@pytest.mark.parametrize("action", ["create", "delete"])
def test_every_type_is_made_and_deleted_by_an_action(action: str) -> None:
    actions = {name: handler_action(name, action, schemas.load(name).permissions(action)) for name in NAMES}
    assert {name for name, found in actions.items() if found is None} <= OTHERS
    looks = [
        a
        for a in actions.values()
        if a and a.partition(":")[2].startswith(("Describe", "Get", "List", "Tag"))
    ]
    assert looks == [] and len(actions) > 250


def test_what_can_be_updated_is_updated_by_an_action() -> None:
    aside = ("Describe", "Get", "List", "Tag", "Untag", "CreateTags", "DeleteTags", "PassRole", "CreateGrant")
    missing = []
    for name in NAMES:
        permissions = schemas.load(name).permissions("update")
        changing = [p for p in permissions if not p.partition(":")[2].startswith(aside)]
        if changing and handler_action(name, "update", permissions) is None:
            missing.append(name)
    assert missing == []


class Executed:
    """Stacks of an execution role with some rights."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.house = House(sandbox, sandbox.account(ACCOUNT))
        self.stacks = Stacks(sandbox.client("cloudformation", self.house.keys))
        self.count = 0

    def role(self, *statements: dict[str, Any]) -> str:
        self.count += 1
        service = trust({"Service": "cloudformation.amazonaws.com"})
        return self.house.role(f"execution-{self.count}", *statements, trusted=service)

    def create(self, role: str, **resources: dict[str, Any]) -> tuple[str, str]:
        """(status, reason of the first failure)."""
        name = f"asked-{self.count}"
        stack = self.stacks.create(
            name, template(**resources), RoleARN=role, Capabilities=["CAPABILITY_NAMED_IAM"]
        )
        failures = [why for _, status, why in self.stacks.events(name) if status == "CREATE_FAILED"]
        return stack["StackStatus"], failures[0] if failures else ""


@pytest.fixture(scope="module")
def executed(sandbox: Sandbox) -> Executed:
    return Executed(sandbox)


def role_resource(**properties: Any) -> dict[str, Any]:
    document = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
    return {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": document, **properties}}


ALARM = {
    "Type": "AWS::CloudWatch::Alarm",
    "Properties": {
        "ComparisonOperator": "GreaterThanThreshold",
        "EvaluationPeriods": 1,
        "MetricName": "m",
        "Namespace": "n",
        "Period": 60,
        "Statistic": "Sum",
        "Threshold": 1,
    },
}
POLICY = {
    "PolicyName": "p",
    "PolicyDocument": {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
    },
}
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"


@pytest.mark.parametrize(
    ("rights", "resource", "missing"),
    [
        (["iam:*"], ALARM, "cloudwatch:PutMetricAlarm"),
        (["iam:CreateRole"], role_resource(ManagedPolicyArns=[ADMINISTRATOR]), "iam:AttachRolePolicy"),
        (["iam:CreateRole"], role_resource(Policies=[POLICY]), "iam:PutRolePolicy"),
        (
            ["s3:CreateBucket"],
            {
                "Type": "AWS::S3::Bucket",
                "Properties": {"VersioningConfiguration": {"Status": "Enabled"}},
            },
            "s3:PutBucketVersioning",
        ),
        (
            ["logs:CreateLogGroup"],
            {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": 7}},
            "logs:PutRetentionPolicy",
        ),
    ],
)
def test_creation_asks_for_the_type_and_for_what_its_properties_take(
    executed: Executed, rights: list[str], resource: dict[str, Any], missing: str
) -> None:
    status, reason = executed.create(executed.role(allow(rights)), X=resource)
    assert status.startswith("ROLLBACK") and f"not authorized to perform: {missing}" in reason
    service = missing.split(":")[0]
    status, reason = executed.create(executed.role(allow([*rights, f"{service}:*"])), X=resource)
    assert (status, reason) == ("CREATE_COMPLETE", "")


def test_which_policy_is_attached_decides(executed: Executed) -> None:
    only = {"ArnEquals": {"iam:PolicyARN": "arn:aws:iam::aws:policy/ReadOnlyAccess"}}
    rights = [allow(["iam:CreateRole", "iam:DeleteRole", "iam:DetachRolePolicy"])]
    role = executed.role(*rights, allow("iam:AttachRolePolicy", Condition=only))
    both = role_resource(ManagedPolicyArns=["arn:aws:iam::aws:policy/ReadOnlyAccess", ADMINISTRATOR])
    status, reason = executed.create(role, X=both)
    assert status.startswith("ROLLBACK") and "iam:AttachRolePolicy" in reason


def test_an_update_asks_for_what_changes(executed: Executed) -> None:
    def group(**properties: Any) -> str:
        return template(
            X={"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "asked", **properties}}
        )

    role = executed.role(allow(["logs:CreateLogGroup", "logs:PutRetentionPolicy", "logs:TagResource"]))
    stacks = executed.stacks
    assert (
        stacks.create("asked-update", group(RetentionInDays=7), RoleARN=role)["StackStatus"]
        == "CREATE_COMPLETE"
    )
    less = executed.role(allow(["logs:AssociateKmsKey", "logs:TagResource"]))
    stacks.client.update_stack(StackName="asked-update", TemplateBody=group(RetentionInDays=30), RoleARN=less)
    assert stacks.wait("asked-update")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    reasons = [why for _, status, why in stacks.events("asked-update") if status == "UPDATE_FAILED"]
    assert any("logs:PutRetentionPolicy" in why for why in reasons)


def test_what_knows_no_resource_is_that_of_the_service_authorization_reference() -> None:
    asked = {
        handler_action(name, action, schemas.load(name).permissions(action))
        for name in NAMES
        for action in ("create", "update", "delete")
    }
    known = {name: row for name in asked if name and (row := authorization.action(name)) is not None}
    assert {name for name, row in known.items() if not row["resourceTypes"]} == RESOURCELESS


def test_what_knows_no_resource_is_allowed_on_everything_or_not_at_all(executed: Executed) -> None:
    """A pool has an ARN, and making one is asked of `*`: a policy that names pools allows nothing."""
    pool = {
        "Type": "AWS::Cognito::IdentityPool",
        "Properties": {"IdentityPoolName": "words", "AllowUnauthenticatedIdentities": False},
    }
    named = executed.role(
        allow("cognito-identity:CreateIdentityPool", f"arn:aws:cognito-identity:*:{ACCOUNT}:*")
    )
    status, why = executed.create(named, Pool=pool)
    assert status == "ROLLBACK_COMPLETE" and "cognito-identity:CreateIdentityPool" in why
    anywhere = executed.role(allow(["cognito-identity:*"], "*"))
    assert executed.create(anywhere, Pool=pool)[0] == "CREATE_COMPLETE"
