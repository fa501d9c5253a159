"""Eventual consistency of IAM: with the fault `iam-lag` decisions see what was there some seconds ago."""

from collections.abc import Iterator
from typing import Any

import pytest

from devtools import processes
from devtools.sandbox import Keys, Sandbox
from tests.sandbox.support import Stacks, parameter, refused, template, with_credentials
from tests.sandbox.test_iam_decisions import allow, document, trust

ACCOUNT, OTHER = "110000000087", "110000000088"
SECONDS = 30


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox whose clock is put forward."""
    sandbox = Sandbox(home=tmp_path_factory.mktemp("lag") / "state", port=processes.free_port())
    sandbox.start()
    yield sandbox
    sandbox.stop()


@pytest.fixture
def own(process: Sandbox) -> Iterator[Sandbox]:
    yield process
    process.lift_faults()


@pytest.fixture(scope="module")
def keys(process: Sandbox) -> Keys:
    return process.account(ACCOUNT)


class House:
    """A user who may assume roles, made before any fault."""

    def __init__(self, sandbox: Sandbox, keys: Keys, name: str) -> None:
        self.sandbox = sandbox
        self.iam = sandbox.client("iam", keys)
        self.iam.create_user(UserName=name)
        self.iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document(allow("sts:*")))
        key = self.iam.create_access_key(UserName=name)["AccessKey"]
        self.sts = with_credentials(sandbox, key, "sts")
        self.trusted = trust({"AWS": f"arn:aws:iam::{keys.account_id}:root"})

    def role(self, name: str, *statements: dict[str, Any]) -> str:
        made = self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=self.trusted)["Role"]["Arn"]
        if statements:
            self.iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document(*statements))
        return str(made)

    def session(self, arn: str, service: str) -> Any:
        answer = self.sts.assume_role(RoleArn=arn, RoleSessionName="op-1")
        return with_credentials(self.sandbox, answer["Credentials"], service)


def later(own: Sandbox, seconds: float) -> None:
    own.control("POST", "clock", {"advance_s": seconds})


def test_fresh_role_is_assumed_after_a_while(own: Sandbox, keys: Keys) -> None:
    house = House(own, keys, "ann")
    id = own.fault("iam-lag", account=ACCOUNT, seconds=SECONDS)
    arn = house.role("fresh", allow("sqs:*"))
    assert refused(house.sts.assume_role, RoleArn=arn, RoleSessionName="op-1")[0] == "AccessDenied"
    assert house.iam.get_role(RoleName="fresh")["Role"]["Arn"] == arn  # IAM itself knows it
    later(own, SECONDS + 1)
    assert house.session(arn, "sqs").list_queues().get("QueueUrls", []) == []
    told = [e for e in own.control("GET", "faults/log") if e["fault"] == id and e["event"] == "touched"]
    assert ("AWS::IAM::Role", "fresh") in [(e["type"], e["resource"]) for e in told]


def test_given_and_taken_rights_are_seen_later_in_their_order(own: Sandbox, keys: Keys) -> None:
    house = House(own, keys, "bob")
    arn = house.role("changing", allow("sqs:*"))
    sqs, ssm = house.session(arn, "sqs"), house.session(arn, "ssm")
    own.fault("iam-lag", seconds=SECONDS)
    policy = {"RoleName": "changing", "PolicyName": "p"}
    house.iam.put_role_policy(**policy, PolicyDocument=document(allow("ssm:*")))
    assert sqs.list_queues() is not None
    assert refused(ssm.describe_parameters)[0] == "AccessDeniedException"
    later(own, SECONDS / 2)
    house.iam.delete_role_policy(**policy)
    later(own, SECONDS / 2 + 1)
    assert ssm.describe_parameters()["Parameters"] == []
    assert refused(sqs.list_queues)[0] in ("AccessDenied", "AccessDeniedException")
    later(own, SECONDS / 2)
    assert refused(ssm.describe_parameters)[0] == "AccessDeniedException"


def test_fresh_key_is_invalid_and_a_deleted_one_lives_on(own: Sandbox, keys: Keys) -> None:
    house = House(own, keys, "cat")
    old = house.iam.create_access_key(UserName="cat")["AccessKey"]
    own.fault("iam-lag", account=ACCOUNT, seconds=SECONDS)
    house.iam.delete_access_key(UserName="cat", AccessKeyId=old["AccessKeyId"])
    new = house.iam.create_access_key(UserName="cat")["AccessKey"]
    clients = [with_credentials(own, key, "sts") for key in (old, new)]
    assert clients[0].get_caller_identity()["Account"] == ACCOUNT
    assert refused(clients[1].get_caller_identity)[0] == "InvalidClientTokenId"
    later(own, SECONDS + 1)
    assert refused(clients[0].get_caller_identity)[0] == "InvalidClientTokenId"
    assert clients[1].get_caller_identity()["Account"] == ACCOUNT


def test_everything_is_seen_at_once_when_the_fault_ends_and_in_other_accounts(
    own: Sandbox, keys: Keys
) -> None:
    house, other = House(own, keys, "dan"), House(own, own.account(OTHER), "dan")
    id = own.fault("iam-lag", account=ACCOUNT, seconds=SECONDS)
    elsewhere, here = other.role("elsewhere"), house.role("here")
    assert other.session(elsewhere, "sts").get_caller_identity()["Account"] == OTHER
    assert refused(house.sts.assume_role, RoleArn=here, RoleSessionName="op-1")[0] == "AccessDenied"
    own.control("DELETE", f"faults/{id}")
    assert house.session(here, "sts").get_caller_identity()["Account"] == ACCOUNT


def test_role_for_cloudformation_and_profile_for_beanstalk_take_a_while(own: Sandbox, keys: Keys) -> None:
    iam, eb = own.client("iam", keys), own.client("elasticbeanstalk", keys)
    eb.create_application(ApplicationName="lagging")
    own.fault("iam-lag", account=ACCOUNT, seconds=SECONDS)
    service = trust({"Service": "cloudformation.amazonaws.com"})
    role = iam.create_role(RoleName="for-stacks", AssumeRolePolicyDocument=service)["Role"]["Arn"]
    iam.put_role_policy(RoleName="for-stacks", PolicyName="p", PolicyDocument=document(allow("ssm:*")))
    iam.create_instance_profile(InstanceProfileName="for-instances")
    stacks = Stacks(own.client("cloudformation", keys))
    body = template(P=parameter("v"))
    code, message = refused(stacks.client.create_stack, StackName="lag", TemplateBody=body, RoleARN=role)
    assert code == "ValidationError" and message == f"Role {role} is invalid or cannot be assumed"
    option = {
        "Namespace": "aws:autoscaling:launchconfiguration",
        "OptionName": "IamInstanceProfile",
        "Value": "for-instances",
    }
    checked = {"ApplicationName": "lagging", "EnvironmentName": "lagging", "OptionSettings": [option]}
    assert "does not exist" in str(eb.validate_configuration_settings(**checked)["Messages"])
    later(own, SECONDS + 1)
    assert stacks.create("lag", body, RoleARN=role)["StackStatus"] == "CREATE_COMPLETE"
    assert "does not exist" not in str(eb.validate_configuration_settings(**checked)["Messages"])


def test_lag_goes_on_after_a_restart(own: Sandbox, keys: Keys) -> None:
    house = House(own, keys, "eva")
    own.fault("iam-lag", account=ACCOUNT, seconds=SECONDS)
    early = house.role("early")
    own.stop()
    own.start()
    # What was there when the sandbox started is seen at once.
    assert house.session(early, "sts").get_caller_identity()["Account"] == ACCOUNT
    late = house.role("late")
    assert refused(house.sts.assume_role, RoleArn=late, RoleSessionName="op-1")[0] == "AccessDenied"


def test_lag_needs_its_seconds(own: Sandbox) -> None:
    kinds = {kind["kind"]: kind for kind in own.control("GET", "faults/kinds")}
    names = {field["name"]: field["required"] for field in kinds["iam-lag"]["fields"]}
    assert names == {"account": False, "seconds": True, "after_s": False, "for_s": False}
