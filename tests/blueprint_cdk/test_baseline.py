"""The account's baseline: CloudFormation's events reach one queue, and nothing else does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cfnlint.api
import cfnlint.config
import pytest

from blueprint_cdk.baseline.events import told
from blueprint_cdk.data import load
from blueprint_cdk.refusals import SpecError


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    from blueprint_cdk.synthesis import synthesise

    out = tmp_path_factory.mktemp("baseline")
    spec = {"account_id": "111122223333", "region": "eu-west-1"}
    synthesise({"app": "baseline", "spec": spec, "out": str(out)})
    [path] = out.glob("*.template.json")
    assert path.name == "switchyard-baseline.template.json"
    config = cfnlint.config.ManualArgs(regions=["eu-west-1"])
    assert [str(match) for match in cfnlint.api.lint(path.read_text(), config=config)] == []
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def of_type(template: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    rows = {row["Properties"].get("QueueName", kind): row for row in template["Resources"].values()}
    return {name: row for name, row in rows.items() if row["Type"] == kind}


def test_described_types_are_the_synthesised_ones(template: dict[str, Any]) -> None:
    [row] = load("stacks")["baseline"]
    assert sorted({resource["Type"] for resource in template["Resources"].values()}) == row["types"]
    assert list(template["Outputs"]) == row["outputs"]


def test_rule_takes_status_changes_of_the_portals_own_stacks(template: dict[str, Any]) -> None:
    [rule] = of_type(template, "AWS::Events::Rule").values()
    pattern = rule["Properties"]["EventPattern"]
    assert pattern["source"] == ["aws.cloudformation"]
    assert pattern["detail-type"] == [
        "CloudFormation Stack Status Change",
        "CloudFormation Resource Status Change",
    ]
    assert pattern["detail"]["$or"] == told()
    # EventBridge takes patterns of 2,048 characters (Event pattern size, in its quotas).
    assert len(json.dumps(pattern)) < 2048
    prefixes = [row["prefix"].rpartition("stack/")[2] for row in pattern["detail"]["stack-id"]]
    assert prefixes == ["sy-", "CDKToolkit-swyard", "switchyard-"]


def test_queues_are_encrypted_and_unreadable_messages_are_kept(template: dict[str, Any]) -> None:
    queues = of_type(template, "AWS::SQS::Queue")
    assert set(queues) == {"switchyard-events", "switchyard-events-dead"}
    for queue in queues.values():
        assert queue["Properties"]["SqsManagedSseEnabled"] is True
    redrive = queues["switchyard-events"]["Properties"]["RedrivePolicy"]
    assert redrive["maxReceiveCount"] == 5


def test_only_the_rule_may_send_and_only_over_tls(template: dict[str, Any]) -> None:
    policies = [row for row in template["Resources"].values() if row["Type"] == "AWS::SQS::QueuePolicy"]
    allowed = []
    for policy in policies:
        statements = policy["Properties"]["PolicyDocument"]["Statement"]
        assert any(
            row["Effect"] == "Deny" and row["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
            for row in statements
        )
        allowed += [row for row in statements if row["Effect"] == "Allow"]
    [allow] = allowed
    assert allow["Principal"] == {"Service": "events.amazonaws.com"}
    assert list(allow["Condition"]) == ["ArnEquals"]


@pytest.mark.parametrize(
    ("change", "field"),
    [({"account_id": "12"}, "account_id"), ({"region": "mars-1"}, "region"), ({"colour": "red"}, "colour")],
)
def test_bad_baseline_is_refused_at_its_field(tmp_path: Path, change: dict[str, str], field: str) -> None:
    from blueprint_cdk.synthesis import synthesise

    spec = {"account_id": "111122223333", "region": "eu-west-1", **change}
    with pytest.raises(SpecError) as caught:
        synthesise({"app": "baseline", "spec": spec, "out": str(tmp_path / "out")})
    assert caught.value.field == field
    assert not (tmp_path / "out").exists()
