"""The runner: what works inside the VPC on the portal's behalf."""

from __future__ import annotations

import json

from tests.blueprint_cdk.support import Assembly


def test_runner_is_a_project_without_a_source_in_the_private_subnets(small: Assembly) -> None:
    project = small.one("AWS::CodeBuild::Project")
    assert project["Name"] == "sy-shop-k3x9-runner"
    assert project["Source"]["Type"] == "NO_SOURCE" and project["Artifacts"] == {"Type": "NO_ARTIFACTS"}
    assert "exit 1" in project["Source"]["BuildSpec"]
    assert project["Environment"].get("PrivilegedMode") in (None, False)
    network = project["VpcConfig"]
    assert len(network["Subnets"]) == 3 and "private" in json.dumps(network["Subnets"])
    assert "FirewallRunner" in json.dumps(network["SecurityGroupIds"])
    logs = project["LogsConfig"]["CloudWatchLogs"]
    assert logs == {"GroupName": "/switchyard/sy-shop-k3x9/runner", "Status": "ENABLED"}
    variables = {row["Name"]: row["Value"] for row in project["Environment"]["EnvironmentVariables"]}
    assert set(variables) == {"DATABASE_SECRET_ARN", "RESULTS"}
    assert "resolve:" not in json.dumps(variables)


def test_runner_reaches_database_and_proxy_and_writes_below_its_prefix_only(small: Assembly) -> None:
    [policy] = [
        row["Properties"]["PolicyDocument"]["Statement"]
        for row in small.template("runner")["Resources"].values()
        if row["Type"] == "AWS::IAM::Policy"
    ]
    found = {statement["Sid"]: statement for statement in policy}
    assert json.dumps(found["Results"]["Resource"]).endswith('/runner/*"]]}')
    for sid in ("InterfaceDelete", "InterfaceUse"):
        assert len(found[sid]["Condition"]["ArnEquals"]["ec2:Subnet"]) == 3
    assert found["InterfaceUse"]["Condition"]["StringEquals"] == {
        "ec2:AuthorizedService": "codebuild.amazonaws.com"
    }
    rules = [
        row["Properties"]
        for row in small.template("network")["Resources"].values()
        if row["Type"] == "AWS::EC2::SecurityGroupIngress"
        and row["Properties"]["Description"] == "From the runner"
    ]
    assert {rule["FromPort"] for rule in rules} == {3306}
    ends = {json.dumps(rule["GroupId"]) for rule in rules}
    assert len(ends) == 2 and any("Proxy" in end for end in ends) and any("Database" in end for end in ends)


def test_runner_is_there_as_soon_as_the_database_may_be(small: Assembly) -> None:
    """Masking comes before the application: the stack waits for neither database nor application."""
    needs = small.manifest["artifacts"]["sy-shop-k3x9-runner"]["dependencies"]
    stacks = {need.removeprefix("sy-shop-k3x9-") for need in needs if not need.endswith(".assets")}
    assert stacks == {"network", "keys", "storage"}
