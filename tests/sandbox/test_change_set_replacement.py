"""What a change set says of replacement: True, False, and Conditional only where AWS cannot know it either."""

from typing import Any

import pytest

from devtools.sandbox import Sandbox
from tests.sandbox.support import Stacks, parameter, template

ACCOUNT = "110000000033"


@pytest.fixture(scope="module")
def stacks(sandbox: Sandbox) -> Stacks:
    return Stacks(sandbox.client("cloudformation", sandbox.account(ACCOUNT)))


def of(name: str, **properties: Any) -> dict[str, Any]:
    return {"Type": f"AWS::{name}", "Properties": properties}


def ref(name: str) -> dict[str, str]:
    return {"Ref": name}


def vpc(tenancy: str, **more: Any) -> dict[str, Any]:
    return of("EC2::VPC", **{"CidrBlock": "10.0.0.0/16", "InstanceTenancy": tenancy, **more})


def subscription(**properties: Any) -> dict[str, Any]:
    return of("SNS::Subscription", Protocol="sqs", **properties)


def change(stacks: Stacks, name: str, before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """Changes by logical id of a change set, called `c`, that makes the stack `after` from `before`."""
    assert stacks.create(name, template(**before))["StackStatus"] == "CREATE_COMPLETE", stacks.events(name)
    stacks.client.create_change_set(StackName=name, ChangeSetName="c", TemplateBody=template(**after))
    found = stacks.client.describe_change_set(StackName=name, ChangeSetName="c")["Changes"]
    return {c["ResourceChange"]["LogicalResourceId"]: c["ResourceChange"] for c in found}


def told(change: dict[str, Any], name: str) -> tuple[str, str, str, str]:
    """Of a property's change: RequiresRecreation, Evaluation, ChangeSource, CausingEntity."""
    (detail,) = [d for d in change["Details"] if d["Target"]["Name"] == name]
    source, entity = detail["ChangeSource"], detail.get("CausingEntity", "")
    return detail["Target"]["RequiresRecreation"], detail["Evaluation"], source, entity


def topic(name: str) -> dict[str, Any]:
    return {"T": of("SNS::Topic", TopicName=name)}


ARN_OF_Q = {"Fn::GetAtt": ["Q", "Arn"]}
FOLLOWING = {"R": subscription(TopicArn=ref("T"), Endpoint="arn:q")}
WITH_ARN = {**topic("q"), "R": subscription(TopicArn=ref("T"), Endpoint=ARN_OF_Q)}


@pytest.mark.parametrize(
    ("before", "after", "property", "of_r", "replacement"),
    [
        (
            {"R": vpc("default")},
            {"R": vpc("dedicated")},
            "InstanceTenancy", ("Conditionally", "Static", "DirectModification", ""), "Conditional",
        ),
        (
            {**topic("a1"), **FOLLOWING},
            {**topic("a2"), **FOLLOWING},
            "TopicArn", ("Always", "Dynamic", "ResourceReference", "T"), "Conditional",
        ),
        (
            {"Q": of("SQS::Queue", QueueName="q1"), **WITH_ARN},
            {"Q": of("SQS::Queue", QueueName="q2"), **WITH_ARN},
            "Endpoint", ("Always", "Dynamic", "ResourceAttribute", "Q.Arn"), "Conditional",
        ),
        (
            {**topic("b1"), **FOLLOWING},
            {**topic("b2"), "R": subscription(TopicArn=ref("T"), Endpoint="arn:other")},
            "Endpoint", ("Always", "Static", "DirectModification", ""), "True",
        ),
        (
            {"R": vpc("default")},
            {"R": vpc("dedicated", CidrBlock="10.1.0.0/16")},
            "InstanceTenancy", ("Conditionally", "Static", "DirectModification", ""), "True",
        ),
        (
            {"R": vpc("default", EnableDnsHostnames=False)},
            {"R": vpc("default", EnableDnsHostnames=True)},
            "EnableDnsHostnames", ("Never", "Static", "DirectModification", ""), "False",
        ),
        (
            {**topic("c1"), "R": parameter(ref("T"))},
            {**topic("c2"), "R": parameter(ref("T"))},
            "Value", ("Never", "Dynamic", "ResourceReference", "T"), "False",
        ),
    ],
    ids=[
        "conditional-by-schema",
        "create-only-ref-of-a-replaced-one",
        "create-only-attribute-of-a-replaced-one",
        "another-create-only-one-is-known",
        "conditional-beside-create-only",
        "conditional-one-unchanged",
        "changeable-ref-of-a-replaced-one",
    ],
)  # fmt: skip
def test_replacement_is_conditional_only_where_nobody_can_know(
    stacks: Stacks,
    request: pytest.FixtureRequest,
    before: dict[str, Any],
    after: dict[str, Any],
    property: str,
    of_r: tuple[str, ...],
    replacement: str,
) -> None:
    found = change(stacks, request.node.callspec.id, before, after)["R"]
    assert (found["Replacement"], told(found, property)) == (replacement, of_r)


def test_reference_to_what_is_changed_in_place_is_no_change(stacks: Stacks) -> None:
    def body(shown: str) -> dict[str, Any]:
        topic = of("SNS::Topic", TopicName="in-place", DisplayName=shown)
        return {"T": topic, "R": subscription(TopicArn=ref("T"), Endpoint="arn:q")}

    found = change(stacks, "in-place", body("one"), body("two"))
    assert {name: c["Replacement"] for name, c in found.items()} == {"T": "False"}


def test_reference_to_what_may_be_replaced_is_dynamic_and_settled_by_the_execution(stacks: Stacks) -> None:
    def body(tenancy: str) -> dict[str, Any]:
        return {"V": vpc(tenancy), "P": parameter(ref("V"))}

    found = change(stacks, "may-be", body("default"), body("dedicated"))
    assert (found["V"]["Replacement"], found["P"]["Replacement"]) == ("Conditional", "False")
    assert told(found["P"], "Value") == ("Never", "Dynamic", "ResourceReference", "V")
    before = stacks.physical("may-be")
    stacks.client.execute_change_set(StackName="may-be", ChangeSetName="c")
    assert stacks.wait("may-be")["StackStatus"] == "UPDATE_COMPLETE"
    assert stacks.physical("may-be") == before
    touched = {n for n, status, _ in stacks.events("may-be") if status == "UPDATE_COMPLETE"}
    assert touched == {"may-be", "V"}
