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
        self.then: dict[str, dict[str, Any]] = {}  # what follows the next answer
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
        if request["LogicalResourceId"] in self.then:
            self.answers[request["LogicalResourceId"]] = self.then.pop(request["LogicalResourceId"])
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


def deleted(stacks: Stacks, provider: Provider, name: str, logical_id: str) -> list[tuple[str, str]]:
    """Physical id and Size of each Delete that the provider was sent, once the stack is still."""
    stacks.wait(name)
    return [
        (r["PhysicalResourceId"], r["ResourceProperties"]["Size"])
        for r in provider.requests
        if (r["LogicalResourceId"], r["RequestType"]) == (logical_id, "Delete")
    ]


def test_other_physical_id_is_a_replacement_and_the_old_one_goes_in_the_cleanup(
    stacks: Stacks, provider: Provider
) -> None:
    provider.answers["Swap"] = {"PhysicalResourceId": "swap-1"}
    stacks.create("swap", template(Swap=custom(Size="1")))
    provider.answers["Swap"] = {"PhysicalResourceId": "swap-2"}
    stack = stacks.update("swap", template({"Id": {"Value": {"Ref": "Swap"}}}, Swap=custom(Size="2")))
    assert (stack["StackStatus"], stack["Outputs"][0]["OutputValue"]) == ("UPDATE_COMPLETE", "swap-2")
    assert deleted(stacks, provider, "swap", "Swap") == [("swap-1", "1")]
    events = stacks.events("swap")
    said = "Requested update required the provider to create a new physical resource"
    assert ("Swap", "UPDATE_IN_PROGRESS", said) in events
    cleanup = events[[s for _, s, _ in events].index("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS") :]
    assert [s for n, s, _ in cleanup if n == "Swap"] == ["DELETE_IN_PROGRESS", "DELETE_COMPLETE"]
    stacks.delete("swap")
    assert provider.requests[-1]["PhysicalResourceId"] == "swap-2"


def test_replaced_custom_resource_is_kept_where_its_policy_says_so(
    stacks: Stacks, provider: Provider
) -> None:
    kept = {"UpdateReplacePolicy": "Retain"}
    provider.answers["Held"] = {"PhysicalResourceId": "held-1"}
    stacks.create("held", template(Held={**custom(Size="1"), **kept}))
    provider.answers["Held"] = {"PhysicalResourceId": "held-2"}
    stacks.update("held", template(Held={**custom(Size="2"), **kept}))
    assert deleted(stacks, provider, "held", "Held") == []


@pytest.mark.parametrize("own", [False, True], ids=["another resource fails", "the Update itself fails"])
def test_rollback_of_a_replacement_deletes_the_new_one(stacks: Stacks, provider: Provider, own: bool) -> None:
    name = "Own" if own else "Other"
    outputs = {"Id": {"Value": {"Ref": name}}}
    provider.answers[name] = {"PhysicalResourceId": "first"}
    stacks.create(name, template(outputs, **{name: custom(Size="1")}))
    provider.answers[name] = {"PhysicalResourceId": "second", **({"Status": "FAILED"} if own else {})}
    broken = {} if own else {"Bad": {**parameter("v", Bogus=1), "DependsOn": name}}
    stack = stacks.update(name, template(outputs, **{name: custom(Size="2")}, **broken))
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert stacks.physical(name)[name] == "first"
    assert deleted(stacks, provider, name, name) == [("second", "2")]
    assert provider.kinds(name) == [
        "Create",
        "Update",
        "Delete",
    ]  # no Update back: the old one is still there
    stacks.delete(name)
    assert provider.requests[-1]["PhysicalResourceId"] == "first"


def test_update_back_that_answers_another_id_leaves_nothing(stacks: Stacks, provider: Provider) -> None:
    provider.answers["Back"] = {"PhysicalResourceId": "one"}
    stacks.create("back", template(Back=custom(Size="1")))
    provider.then["Back"] = {"PhysicalResourceId": "two"}  # the Update keeps the id, the way back does not
    bad = {**parameter("v", Bogus=1), "DependsOn": "Back"}
    stack = stacks.update("back", template(Back=custom(Size="2"), Bad=bad))
    assert (stack["StackStatus"], stacks.physical("back")["Back"]) == ("UPDATE_ROLLBACK_COMPLETE", "two")
    assert deleted(stacks, provider, "back", "Back") == [("one", "2")]


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
