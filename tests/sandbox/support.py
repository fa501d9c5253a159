"""Helpers of the sandbox's tests: stacks awaited, refusals caught, clients of a role."""

import json
import time
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from devtools.sandbox import Keys, Sandbox, client_make

# How long a stack may take, and the pause between two looks at it, in seconds: here and in a live account.
LOCAL = (20.0, 0.02)
LIVE = (900.0, 3.0)


def refused(call: Any, **params: Any) -> tuple[str, str]:
    """Code and message with which a call is refused."""
    with pytest.raises(ClientError) as caught:
        call(**params)
    error = caught.value.response["Error"]
    return str(error["Code"]), str(error["Message"])


def parameter(value: Any, **more: Any) -> dict[str, Any]:
    """A template's SSM parameter: the simplest resource."""
    return {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": value, **more}}


def template(outputs: dict[str, Any] | None = None, **resources: Any) -> str:
    return json.dumps({"Resources": resources, "Outputs": outputs or {}})


def service_role(iam: Any, name: str, service: str, *statements: dict[str, Any], **condition: Any) -> str:
    """The ARN of a role that a service takes (`s3.amazonaws.com`), and that may do what the statements say."""
    trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    trust |= {"Condition": condition} if condition else {}
    trusted, rights = (
        json.dumps({"Version": "2012-10-17", "Statement": rows}) for rows in ([trust], list(statements))
    )
    arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trusted)["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="rights", PolicyDocument=rights)
    return arn


class Stacks:
    """CloudFormation of one account, with waiting."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.quiet_s, self.pause_s = LOCAL if "//127.0.0.1" in client.meta.endpoint_url else LIVE

    def wait(self, name: str) -> dict[str, Any]:
        """The stack once nothing is in progress."""
        until = time.monotonic() + self.quiet_s
        while time.monotonic() < until:
            stack: dict[str, Any] = self.client.describe_stacks(StackName=name)["Stacks"][0]
            if not stack["StackStatus"].endswith("_IN_PROGRESS"):
                return stack
            time.sleep(self.pause_s)
        raise AssertionError(f"{name} is still {stack['StackStatus']}")

    def create(self, name: str, body: str, **more: Any) -> dict[str, Any]:
        more.setdefault("Capabilities", ["CAPABILITY_NAMED_IAM"])
        return self.wait(self.client.create_stack(StackName=name, TemplateBody=body, **more)["StackId"])

    def update(self, name: str, body: str, **more: Any) -> dict[str, Any]:
        self.client.update_stack(StackName=name, TemplateBody=body, **more)
        return self.wait(name)

    def delete(self, name: str, **more: Any) -> dict[str, Any]:
        id = self.client.describe_stacks(StackName=name)["Stacks"][0]["StackId"]
        self.client.delete_stack(StackName=name, **more)
        return self.wait(id)

    def events(self, name: str) -> list[tuple[str, str, str]]:
        """(logical id, status, reason), oldest first."""
        found = self.client.describe_stack_events(StackName=name)["StackEvents"]
        return [
            (e["LogicalResourceId"], e["ResourceStatus"], e.get("ResourceStatusReason", "")) for e in found
        ][::-1]

    def physical(self, name: str) -> dict[str, str]:
        found = self.client.describe_stack_resources(StackName=name)["StackResources"]
        return {r["LogicalResourceId"]: r["PhysicalResourceId"] for r in found}


def once(sandbox: Sandbox, keys: Keys, service: str, region: str = "eu-west-1") -> Any:
    """A client that asks once: what is refused is not tried again."""
    config = Config(read_timeout=2, retries={"total_max_attempts": 1})
    return client_make(service, sandbox.url, region, keys.credentials, config=config)


def with_credentials(
    sandbox: Sandbox, credentials: dict[str, Any], service: str, region: str = "eu-west-1"
) -> Any:
    """A client with the credentials that STS or CreateAccessKey answered."""
    return client_make(service, sandbox.url, region, credentials)
