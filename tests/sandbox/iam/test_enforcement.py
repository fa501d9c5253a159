"""Enforcement means every operation, account and region: asked over HTTP, one by one."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from devtools.sandbox import Keys, Sandbox, client_make
from sandbox.context import Context, Principal
from sandbox.iam.actions import actions_of
from sandbox.iam.authorize import ALWAYS
from sandbox.iam.resources import resources_of
from sandbox.world import World
from tests.sandbox.iam import authorization
from tests.sandbox.iam.test_actions import OPERATIONS
from tests.sandbox.support import with_credentials
from tests.sandbox.test_iam_decisions import allow, document, trust

ACCOUNT, OTHER = "110000000081", "110000000082"
DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403"}


class Caller:
    """A session of a role, asking by operation name, with parameters that botocore does not look at."""

    def __init__(self, sandbox: Sandbox, credentials: dict[str, Any], region: str = "eu-west-1") -> None:
        self.sandbox, self.region, self.credentials = sandbox, region, credentials
        self.clients: dict[str, Any] = {}

    def ask(self, service: str, operation: str, params: dict[str, Any]) -> str:
        """The code of the refusal, or "done"."""
        if service not in self.clients:
            config = Config(parameter_validation=False, retries={"total_max_attempts": 1}, read_timeout=10)
            self.clients[service] = client_make(
                service, self.sandbox.url, self.region, self.credentials, config=config
            )
        try:
            self.clients[service]._make_api_call(operation, params)
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return "done"


def caller(sandbox: Sandbox, keys: Keys, name: str, *statements: dict[str, Any]) -> Caller:
    """A session of a new role, assumed by a user of its account."""
    iam = sandbox.client("iam", keys)
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document(allow("sts:*")))
    trusted = trust({"AWS": f"arn:aws:iam::{keys.account_id}:root"})
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trusted)["Role"]["Arn"]
    if statements:
        iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document(*statements))
    sts = with_credentials(sandbox, key, "sts")
    return Caller(sandbox, sts.assume_role(RoleArn=arn, RoleSessionName="every-operation")["Credentials"])


@pytest.fixture(scope="module")
def keys(sandbox: Sandbox) -> Iterator[Keys]:
    yield sandbox.account(ACCOUNT)


def _request(service: str, name: str, account: str) -> dict[str, Any]:
    action = actions_of(service, name, {})[:1]
    forms = authorization.kinds(action[0]) if action else []
    arn = authorization.example(forms[0], account) if forms else f"arn:aws:iam::{account}:role/words"
    params = authorization.request(service, name, account, arn)
    if name == "TransactGetItems":
        params = {"TransactItems": [{"Get": {"TableName": "words", "Key": {}}}]}
    if name == "TransactWriteItems":
        params = {"TransactItems": [{"Put": {"TableName": "words", "Item": {}}}]}
    return params


def test_role_without_rights_is_refused_every_operation(sandbox: Sandbox, keys: Keys) -> None:
    nobody = caller(sandbox, keys, "without-rights")
    asked = [pair for pair in OPERATIONS if pair not in ALWAYS]
    answers = {(s, name): nobody.ask(s, name, _request(s, name, ACCOUNT)) for s, name in asked}
    assert {pair: code for pair, code in answers.items() if code not in DENIED} == {}
    assert len(answers) > 700


def test_what_is_always_allowed_is_little(sandbox: Sandbox, keys: Keys) -> None:
    nobody = caller(sandbox, keys, "identity-only")
    assert nobody.ask("sts", "GetCallerIdentity", {}) == "done"
    assert {("sts", "GetCallerIdentity"), ("sts", "AssumeRole"), ("sts", "GetSessionToken")} == ALWAYS
    assert nobody.ask("sts", "GetSessionToken", {}) == "AccessDenied"
    role = f"arn:aws:iam::{ACCOUNT}:role/without-rights"
    assert nobody.ask("sts", "AssumeRole", {"RoleArn": role, "RoleSessionName": "x-1"}) == "AccessDenied"


def test_every_right_in_one_account_is_none_in_another(sandbox: Sandbox, keys: Keys, tmp_path: Path) -> None:
    """Every operation that can name another account's resource by its ARN or URL."""
    sandbox.account(OTHER)
    context = Context(World(tmp_path), ACCOUNT, "eu-west-1", Principal(ACCOUNT, "anybody", "anybody"))
    everything = caller(sandbox, keys, "with-every-right", allow("*"))
    answers: dict[tuple[str, str], str] = {}
    for service, name in OPERATIONS:
        if (service, name) in ALWAYS:
            continue
        params = _request(service, name, OTHER)
        actions = actions_of(service, name, params)
        named = [arn for action in actions for arn in resources_of(context, service, name, params, action)]
        if any(OTHER in arn for arn in named):
            answers[service, name] = everything.ask(service, name, params)
    assert {pair: code for pair, code in answers.items() if code not in DENIED} == {}
    assert len(answers) > 60
    assert {"sqs", "kms", "secretsmanager", "elbv2", "iam", "rds", "acm"} <= {
        service for service, _ in answers
    }


def test_rights_in_one_region_are_none_in_another(sandbox: Sandbox, keys: Keys) -> None:
    one = caller(sandbox, keys, "of-one-region", allow("*", "arn:aws:*:eu-west-1:*:*"))
    params = {"Name": "/of-one-region", "Value": "x", "Type": "String"}
    assert one.ask("ssm", "PutParameter", params) == "done"
    assert one.ask("sqs", "CreateQueue", {"QueueName": "of-one-region"}) == "done"
    one.clients, one.region = {}, "eu-central-1"
    assert one.ask("ssm", "PutParameter", params) == "AccessDeniedException"
    assert one.ask("sqs", "CreateQueue", {"QueueName": "of-one-region"}) in DENIED
