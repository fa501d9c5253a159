"""`make calls`: what becomes of the decisions that the sandbox told, and whether the file is of what is installed."""

import json

import pytest

from devtools import calls, references
from devtools.trouble import Trouble

RENEW = "the packages that document them have moved: run `make calls`"


def decision(role: str, action: str, kind: str) -> calls.Decision:
    return {"principal": f"role/{role}", "action": action, "kind": kind}


def test_the_file_is_made_from_the_packages_that_are_installed() -> None:
    known = json.loads(calls.CALLS.read_text())
    assert known["sources"] == references.sources(), RENEW
    made = calls.document([])
    assert known["handlers"] == made["handlers"], RENEW
    assert known["unknown"] == made["unknown"], RENEW


def test_the_file_is_written_as_make_calls_writes_it() -> None:
    text = calls.CALLS.read_text()
    assert calls.written(json.loads(text)) == text


def test_decisions_are_folded_by_role_with_their_dependent_actions() -> None:
    made = calls.document(
        [
            decision("SwitchyardDeployer", "rds:CreateDBClusterSnapshot", "cluster"),
            decision("cdk-swyard-cfn-exec-role-111122223333-eu-west-1", "ec2:CreateVpc", "vpc"),
            decision("cdk-swyard-cfn-exec-role-111122223333-us-east-1", "ec2:CreateVpc", "*"),
            decision("sy-shop-k3x9-app-Role", "s3:GetObject", "object"),
        ]
    )
    assert made["roles"]["deployer"] == {
        "rds:CreateDBClusterSnapshot": {"kinds": ["cluster"], "needs": ["rds:AddTagsToResource"]}
    }
    assert made["roles"]["execution"]["ec2:CreateVpc"] == {"kinds": ["*", "vpc"], "needs": ["ec2:CreateTags"]}
    assert made["roles"]["reader"] == {} and made["levels"]["rds:AddTagsToResource"] == "Tagging"


def test_an_action_that_aws_does_not_document_is_refused() -> None:
    with pytest.raises(Trouble, match="rds:InventCluster was asked for"):
        calls.document([decision("SwitchyardReader", "rds:InventCluster", "*")])


@pytest.mark.parametrize(
    ("asked", "name"), [("wafv2:listWebACLs", "wafv2:ListWebACLs"), ("s3:getbucketcors", "s3:GetBucketCORS")]
)
def test_actions_are_found_in_any_case(asked: str, name: str) -> None:
    found = references.action(asked)
    assert found is not None and found.name == name
