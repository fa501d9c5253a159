"""The templates that let the portal in: small enough for IAM, real actions, and no way to more."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from blueprint_cdk.access import LATER, POLICIES, bootstrap
from blueprint_cdk.access.execution import EXECUTION as EXECUTION_POLICIES
from blueprint_cdk.access.execution import FIRST
from blueprint_cdk.access.templates import ACCESS, ACCESS_EXECUTION, build_templates, role_templates
from blueprint_cdk.data import load
from tests.blueprint_cdk.linting import lint
from tests.blueprint_cdk.permissions import ACCOUNT, BOUNDARY, EXECUTION, allowed, listed, statements
from tests.blueprint_cdk.support import Synthesise


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_templates_are_valid_and_fit_a_request(form: Any) -> None:
    for name, text in role_templates(form).items():
        assert len(text.encode()) < 51_200, name
        parsed = yaml.safe_load(text) if form == "yaml" else json.loads(text)
        assert parsed == build_templates()[name]
        assert lint(text) == ()


def test_every_policy_is_in_one_stack_and_the_first_ones_stay_where_they_are() -> None:
    """Accounts have these attached under these names: a policy that moves would be away for a moment."""
    templates = build_templates()
    where = {
        resource["Properties"]["ManagedPolicyName"]: (name, logical_id)
        for name, template in templates.items()
        for logical_id, resource in template["Resources"].items()
        if resource["Type"] == "AWS::IAM::ManagedPolicy"
    }
    assert where == {
        name: (ACCESS_EXECUTION if name in LATER else ACCESS, f"{name}Policy") for name in POLICIES
    }
    assert set(FIRST) == set(EXECUTION) - set(LATER)
    assert set(templates) == {ACCESS, *([ACCESS_EXECUTION] if LATER else [])}
    # A plan-only account has the first stack alone, and nobody of the portal's may touch either.
    assert ACCESS_EXECUTION.startswith(ACCESS)


def test_the_execution_role_holds_its_policies() -> None:
    """Ten managed policies a role (IAM's quota before it is raised)."""
    assert len(EXECUTION_POLICIES) <= 10
    assert all(EXECUTION_POLICIES.values())


@pytest.mark.parametrize("name", list(POLICIES))
def test_policy_fits_iam(name: str) -> None:
    """6,144 characters without white space; ten policies a role."""
    document: dict[str, Any] = {"Version": "2012-10-17", "Statement": list(statements(name))}
    assert len(json.dumps(document, separators=(",", ":"))) <= 6_144
    sids = [row["Sid"] for row in document["Statement"]]
    assert len(set(sids)) == len(sids)


def test_no_policy_but_the_boundary_allows_everything_of_anything() -> None:
    for name in set(POLICIES) - {"SwitchyardBoundary"}:
        for row in statements(name):
            actions = listed(row["Action"])
            if row["Effect"] == "Allow" and "*" in listed(row["Resource"]):
                assert not [action for action in actions if action.endswith(":*")], (name, row["Sid"])
                broad = [action for action in actions if action.endswith("*")]
                assert all(
                    action.partition(":")[2].startswith(("Describe", "List", "Get")) for action in broad
                )


def test_portal_comes_in_with_its_external_id_only() -> None:
    resources = build_templates()[ACCESS]["Resources"]
    for role in ("SwitchyardReader", "SwitchyardDeployer"):
        assume, session = resources[role]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        assert assume["Action"] == ["sts:AssumeRole"]
        assert assume["Condition"] == {"StringEquals": {"sts:ExternalId": {"Ref": "ExternalId"}}}
        assert session["Action"] == ["sts:SetSourceIdentity", "sts:TagSession"]
        for statement in (assume, session):
            assert statement["Principal"] == {"AWS": {"Ref": "PortalPrincipalArn"}}


def test_every_role_is_within_the_boundary() -> None:
    roles = [
        row for row in build_templates()[ACCESS]["Resources"].values() if row["Type"] == "AWS::IAM::Role"
    ]
    assert len(roles) == 4
    for role in roles:
        assert role["Properties"]["PermissionsBoundary"] == {"Ref": "SwitchyardBoundaryPolicy"}


def test_whatever_a_role_may_do_the_boundary_lets_it() -> None:
    """An action outside the boundary would be denied on AWS although its policy allows it."""
    services = {
        action.partition(":")[0]
        for row in statements("SwitchyardBoundary")
        for action in listed(row["Action"])
    }
    for name in set(POLICIES) - {"SwitchyardBoundary"}:
        for row in statements(name):
            assert {action.partition(":")[0] for action in listed(row["Action"])} <= services, (
                name,
                row["Sid"],
            )


def test_blueprints_own_roles_stay_within_the_boundary(synthesise: Synthesise) -> None:
    for policy in synthesise().all("AWS::IAM::Policy"):
        for row in policy["Properties"]["PolicyDocument"]["Statement"]:
            for action in listed(row["Action"]):
                assert allowed(("SwitchyardBoundary",), action, "anything"), action


def test_execution_covers_every_service_of_the_blueprint() -> None:
    prefixes = {
        "ElasticLoadBalancingV2": "elasticloadbalancing",
        "CertificateManager": "acm",
        "WAFv2": "wafv2",
        "AccessAnalyzer": "access-analyzer",
        "ApplicationAutoScaling": "application-autoscaling",
        "Cognito": "cognito-idp",
        "KinesisFirehose": "firehose",
        "Pinpoint": "mobiletargeting",
    }
    covered = {action.partition(":")[0] for row in statements(*EXECUTION) for action in listed(row["Action"])}
    for stack in [*load("stacks")["environment"], *load("stacks")["baseline"]]:
        # The guard is made by a role of its own.
        for kind in stack["types"] if "made_by" not in stack else ():
            service = kind.split("::")[1]
            assert prefixes.get(service, service.lower()) in covered, kind


def test_bootstrap_names_what_the_template_makes() -> None:
    given = bootstrap()
    named = given["parameters"]["CloudFormationExecutionPolicies"].format(account_id=ACCOUNT).split(",")
    assert [arn.rpartition("/")[2] for arn in named] == list(EXECUTION)
    assert given["parameters"]["InputPermissionsBoundary"] == "SwitchyardBoundary"
    assert given["environment_boundary"].format(account_id=ACCOUNT) == BOUNDARY
    roles = build_templates()[ACCESS]["Resources"]
    policies = roles[given["service_role_name"]]["Properties"]["ManagedPolicyArns"]
    assert policies == [{"Ref": "SwitchyardBootstrapPolicy"}]
