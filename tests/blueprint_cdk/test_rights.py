"""IAM in the templates: narrow statements, and the boundary on every role."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.blueprint_cdk.support import ALL_MODULES, SPEC, Assembly, Synthesise


def statements(assembly: Assembly) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every statement of an identity policy, with its stack's name."""
    for name, template in assembly.templates().items():
        for resource in template["Resources"].values():
            properties = resource["Properties"]
            if resource["Type"] in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
                for statement in properties["PolicyDocument"]["Statement"]:
                    yield name, statement
            if resource["Type"] == "AWS::IAM::Role":
                for policy in properties.get("Policies", []):
                    for statement in policy["PolicyDocument"]["Statement"]:
                        yield name, statement


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_no_statement_allows_a_wildcard_action(synthesise: Synthesise) -> None:
    found = [
        row for size in ("small", "large") for row in statements(synthesise(size=size, modules=ALL_MODULES))
    ]
    assert found
    for name, statement in found:
        assert not [action for action in listed(statement["Action"]) if "*" in action], (name, statement)


def test_only_looking_is_allowed_everywhere(whole: Assembly) -> None:
    for name, statement in statements(whole):
        if "*" in listed(statement["Resource"]):
            # The channels of Session Manager's agent know no resources; metrics neither, but a namespace.
            canary = {"StringEquals": {"cloudwatch:namespace": "CloudWatchSynthetics"}}
            verbs = {
                action.partition(":")[2]
                for action in listed(statement["Action"])
                if statement["Sid"] != "Sessions" and statement.get("Condition") != canary
            }
            assert all(verb.startswith(("Describe", "List", "Get")) for verb in verbs), (name, verbs)


def test_nothing_is_put_behind_the_arn_of_a_log_group(whole: Assembly) -> None:
    """It ends in ":*" (Fn::GetAtt of AWS::Logs::LogGroup): `<arn>:log-stream:x` names no stream, and allows nothing."""
    templates = whole.templates()
    whole_groups = 0
    for name, statement in statements(whole):
        resources = templates[name]["Resources"]
        for resource in listed(statement["Resource"]):
            if not isinstance(resource, dict):
                continue
            parts = resource.get("Fn::Join", ["", [resource]])[1]
            of = [part.get("Fn::GetAtt", [""])[0] if isinstance(part, dict) else "" for part in parts]
            groups = [one in resources and resources[one]["Type"] == "AWS::Logs::LogGroup" for one in of]
            assert not any(groups[:-1]), (name, resource)
            whole_groups += groups[-1]
    assert whole_groups


def test_roles_trust_services_only_and_attach_no_policy_of_aws(whole: Assembly) -> None:
    """But for those that people take (test_aws_roles), and the application's own users, who sign in with Cognito."""
    everyone = whole.all("AWS::IAM::Role")
    assert all("ManagedPolicyArns" not in role["Properties"] for role in everyone)
    roles = [role for role in everyone if "RoleName" not in role["Properties"]]
    assert len(roles) >= 5 and len(everyone) - len(roles) == 4
    for role in roles:
        for statement in role["Properties"]["AssumeRolePolicyDocument"]["Statement"]:
            told = statement["Principal"]
            assert list(told) == ["Service"] or told == {"Federated": "cognito-identity.amazonaws.com"}


@pytest.mark.parametrize("size", ["small", "medium", "large"])
def test_boundary_is_on_every_role(synthesise: Synthesise, size: str) -> None:
    for role in synthesise(size=size, modules=ALL_MODULES).all("AWS::IAM::Role"):
        assert role["Properties"]["PermissionsBoundary"] == SPEC["permissions_boundary_arn"]


def test_without_a_boundary_in_the_spec_there_is_none(synthesise: Synthesise) -> None:
    for role in synthesise(permissions_boundary_arn=None, modules=ALL_MODULES).all("AWS::IAM::Role"):
        assert "PermissionsBoundary" not in role["Properties"]


def test_key_policies_name_the_account_cloudwatch_logs_and_who_tells_of_alarms_only(small: Assembly) -> None:
    principals = [
        statement["Principal"]
        for key in small.all("AWS::KMS::Key")
        for statement in key["Properties"]["KeyPolicy"]["Statement"]
    ]
    root = {"AWS": "arn:aws:iam::111122223333:root"}
    publishers = ["cloudwatch.amazonaws.com", "budgets.amazonaws.com", "events.rds.amazonaws.com"]
    assert [row for row in principals if row != root] == [
        {"Service": "logs.eu-west-1.amazonaws.com"},
        {"Service": publishers},
    ]


def allowed_to(assembly: Assembly, service: str) -> dict[str, dict[str, Any]]:
    """Statements by Sid of the only role that this service takes."""
    [(role, template)] = [
        (name, template)
        for template in assembly.templates().values()
        for name, row in template["Resources"].items()
        if row["Type"] == "AWS::IAM::Role"
        and row["Properties"]["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] == {"Service": service}
    ]
    return {
        statement["Sid"]: statement
        for row in template["Resources"].values()
        if row["Type"] == "AWS::IAM::Policy" and {"Ref": role} in row["Properties"]["Roles"]
        for statement in row["Properties"]["PolicyDocument"]["Statement"]
    }


def test_instances_use_their_environments_data_and_no_other(small: Assembly) -> None:
    found = allowed_to(small, "ec2.amazonaws.com")
    assert listed(found["DatabaseSecret"]["Action"]) == ["secretsmanager:GetSecretValue"]
    assert "sy-shop-k3x9-keys:ExportsOutputRefDatabaseSecret" in str(found["DatabaseSecret"]["Resource"])
    assert found["Uploads"]["Resource"]["Fn::Join"][1][0] == found["UploadsList"]["Resource"]
    assert set(found["DataKey"]["Condition"]["StringEquals"]["kms:ViaService"]) == {
        "s3.eu-west-1.amazonaws.com",
        "secretsmanager.eu-west-1.amazonaws.com",
    }
    assert str(found["Logs"]["Resource"]).count("/aws/elasticbeanstalk/sy-shop-k3x9/*") == 1
    assert found.pop("RegistrySignIn")["Action"] == "ecr:GetAuthorizationToken"
    agent = found.pop("Sessions")
    assert {action.partition(":")[0] for action in agent["Action"]} == {"ssm", "ssmmessages"}
    for statement in found.values():
        assert "*" not in listed(statement["Resource"]), statement


def test_beanstalk_looks_and_writes_its_health_log_and_no_more(small: Assembly) -> None:
    found = allowed_to(small, "elasticbeanstalk.amazonaws.com")
    assert set(found) == {"Look", "HealthLog"}
    assert all(action.partition(":")[2].startswith("Describe") for action in found["Look"]["Action"])
    assert "/aws/elasticbeanstalk/sy-shop-k3x9/*" in str(found["HealthLog"]["Resource"])
