"""Custom resources: a queue behind an SNS topic provides them, in a thread of the test."""

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from devtools.sandbox import Keys, Sandbox
from tests.sandbox.support import Stacks, parameter, template

ACCOUNT = "110000000015"
TOPIC = f"arn:aws:sns:eu-west-1:{ACCOUNT}:providers"


class Provider:
    """Answers each request as `answers` says by logical id; keeps the requests."""

    def __init__(self, sqs: Any, url: str) -> None:
        self._sqs, self._url = sqs, url
        self.requests: list[dict[str, Any]] = []
        self.answers: dict[str, dict[str, Any]] = {}
        self.over = threading.Event()

    def serve(self) -> None:
        while not self.over.is_set():
            found = self._sqs.receive_message(QueueUrl=self._url, WaitTimeSeconds=1).get("Messages", [])
            for message in found:
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
                self._answer(json.loads(json.loads(message["Body"])["Message"]))

    def _answer(self, request: dict[str, Any]) -> None:
        self.requests.append(request)
        said = self.answers.get(request["LogicalResourceId"], {})
        if said.get("silent"):
            return
        body = {
            "Status": "SUCCESS",
            "PhysicalResourceId": request.get("PhysicalResourceId") or "made-by-us",
            **{name: request[name] for name in ("StackId", "RequestId", "LogicalResourceId")},
            **(said if request["RequestType"] != "Delete" else {}),
        }
        httpx.put(request["ResponseURL"], content=json.dumps(body), headers={"content-type": ""})

    def kinds(self, logical_id: str) -> list[str]:
        return [r["RequestType"] for r in self.requests if r["LogicalResourceId"] == logical_id]


@pytest.fixture(scope="module")
def keys(sandbox: Sandbox) -> Keys:
    return sandbox.account(ACCOUNT)


@pytest.fixture(scope="module")
def stacks(sandbox: Sandbox, keys: Keys) -> Stacks:
    return Stacks(sandbox.client("cloudformation", keys))


@pytest.fixture(scope="module")
def provider(sandbox: Sandbox, keys: Keys, stacks: Stacks) -> Iterator[Provider]:
    body = template(
        Topic={"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "providers"}},
        Queue={"Type": "AWS::SQS::Queue"},
        Subscription={
            "Type": "AWS::SNS::Subscription",
            "Properties": {
                "TopicArn": {"Ref": "Topic"},
                "Protocol": "sqs",
                "Endpoint": {"Fn::GetAtt": ["Queue", "Arn"]},
            },
        },
    )
    assert stacks.create("provider", body)["StackStatus"] == "CREATE_COMPLETE"
    serving = Provider(sandbox.client("sqs", keys), stacks.physical("provider")["Queue"])
    thread = threading.Thread(target=serving.serve)
    thread.start()
    yield serving
    serving.over.set()
    thread.join()


def custom(token: str = TOPIC, **properties: Any) -> dict[str, Any]:
    return {"Type": "Custom::Thing", "Properties": {"ServiceToken": token, **properties}}


def reasons(stacks: Stacks, name: str) -> str:
    return "\n".join(reason for _, status, reason in stacks.events(name) if status.endswith("_FAILED"))


def test_resource_is_made_changed_and_deleted_by_its_provider(stacks: Stacks, provider: Provider) -> None:
    provider.answers["Thing"] = {"PhysicalResourceId": "thing-1", "Data": {"Answer": "42"}}
    outputs = {"Id": {"Value": {"Ref": "Thing"}}, "Answer": {"Value": {"Fn::GetAtt": ["Thing", "Answer"]}}}
    stack = stacks.create("custom", template(outputs, Thing=custom(Size="1")))
    assert {o["OutputKey"]: o["OutputValue"] for o in stack["Outputs"]} == {"Id": "thing-1", "Answer": "42"}
    asked = provider.requests[-1]
    assert (asked["RequestType"], asked["ResourceType"]) == ("Create", "Custom::Thing")
    assert asked["ResourceProperties"] == {"ServiceToken": TOPIC, "Size": "1"}
    provider.answers["Thing"]["Data"] = {"Answer": "43"}
    stack = stacks.update("custom", template(outputs, Thing=custom(Size="2")))
    assert {"OutputKey": "Answer", "OutputValue": "43"} in stack["Outputs"]
    asked = provider.requests[-1]
    assert (asked["PhysicalResourceId"], asked["OldResourceProperties"]["Size"]) == ("thing-1", "1")
    assert stacks.delete("custom")["StackStatus"] == "DELETE_COMPLETE"
    assert provider.kinds("Thing") == ["Create", "Update", "Delete"]


def test_failed_response_rolls_back_with_its_reason(stacks: Stacks, provider: Provider) -> None:
    provider.answers["Bad"] = {"Status": "FAILED", "Reason": "no disk"}
    assert stacks.create("bad", template(Bad=custom()))["StackStatus"] == "ROLLBACK_COMPLETE"
    said = "Received response status [FAILED] from custom resource. Message returned: no disk (RequestId: "
    assert said in reasons(stacks, "bad")
    assert provider.kinds("Bad") == ["Create", "Delete"]


def test_silent_provider_fails_after_the_service_timeout(stacks: Stacks, provider: Provider) -> None:
    provider.answers["Mute"] = {"silent": True}
    body = template(Mute={**custom(ServiceTimeout=1), "DeletionPolicy": "Retain"})
    began = time.monotonic()
    assert stacks.create("mute", body)["StackStatus"] == "ROLLBACK_COMPLETE"
    assert time.monotonic() - began >= 0.9
    assert "CloudFormation did not receive a response from your Custom Resource" in reasons(stacks, "mute")


@pytest.mark.parametrize(
    ("token", "said"),
    [
        (f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:f", "runs no Lambda functions"),
        (f"arn:aws:sns:eu-west-1:{ACCOUNT}:nowhere", "There is no SNS topic"),
    ],
    ids=["Lambda", "no topic"],
)
def test_without_a_provider_it_fails_at_once_and_says_why(stacks: Stacks, token: str, said: str) -> None:
    name = f"alone-{len(token)}"
    assert stacks.create(name, template(T=custom(token)))["StackStatus"] == "ROLLBACK_COMPLETE"
    assert said in reasons(stacks, name)


def test_change_set_tells_a_custom_resource(stacks: Stacks, provider: Provider) -> None:
    stacks.create("told", template(A=parameter("v")))
    stacks.client.create_change_set(
        StackName="told", ChangeSetName="c", TemplateBody=template(A=parameter("v"), T=custom(Size="1"))
    )
    change = stacks.client.describe_change_set(StackName="told", ChangeSetName="c")["Changes"][0]
    found = change["ResourceChange"]
    assert (found["Action"], found["ResourceType"]) == ("Add", "Custom::Thing")
