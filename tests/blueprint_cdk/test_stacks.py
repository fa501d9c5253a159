"""The stacks as a whole, as a reader of docs/blueprint.md relies on them; each one has a module of its own."""

from __future__ import annotations

import json

import pytest

from blueprint_cdk import VERSION
from blueprint_cdk.data import load
from tests.blueprint_cdk.support import ALL_MODULES, EVERYTHING, Assembly, Synthesise

STACKS = {row["key"]: row for row in load("stacks")["environment"] if "standby" not in row.get("when", {})}
"""Those of the home region, with every module; `test_standby` compares the others."""


def test_described_stacks_are_the_synthesised_ones(synthesise: Synthesise) -> None:
    large = synthesise(size="large", tier="prod", **EVERYTHING)
    assert set(large.templates()) == {f"sy-shop-k3x9-{key}" for key in STACKS}
    for key, row in STACKS.items():
        template = large.template(key)
        found = {resource["Type"] for resource in template["Resources"].values()}
        # What only stands in for a module that is off comes with the smallest environment.
        small = synthesise().templates().get(f"sy-shop-k3x9-{key}", {"Resources": {}})
        found |= {resource["Type"] for resource in small["Resources"].values()}
        # What a stack has with a standby alone: test_standby compares all of it.
        maybe = {"AWS::IAM::Policy", "AWS::IAM::Role"} if key == "storage" else set()
        assert found == set(row["types"]) - maybe, key
        shown = [name for name in template["Outputs"] if not name.startswith("ExportsOutput")]
        assert sorted(shown) == sorted(row["outputs"]), key


def test_described_needs_are_the_manifests_dependencies(synthesise: Synthesise) -> None:
    artifacts = synthesise(modules=ALL_MODULES, tier="prod").manifest["artifacts"]
    for key, row in STACKS.items():
        needed = [
            name for name in artifacts[f"sy-shop-k3x9-{key}"]["dependencies"] if not name.endswith(".assets")
        ]
        assert sorted(needed) == sorted(f"sy-shop-k3x9-{need}" for need in row["needs"] if need in STACKS), (
            key
        )


def test_template_fits_a_request_body_and_looks_nothing_up(small: Assembly) -> None:
    for name, template in small.templates().items():
        assert len(json.dumps(template)) < 51_200, name
        assert len(template["Resources"]) < 100
        assert "Parameters" not in template
    assert not small.manifest.get("missing")


@pytest.mark.parametrize("size", ["small", "large"])
def test_no_stack_is_too_large_for_cloudformation_with_everything_on(
    synthesise: Synthesise, size: str
) -> None:
    """It takes 500 resources and a megabyte; from 300 and 800 kB on there is no room for the next part."""
    whole = synthesise(size=size, tier="prod", standby="warm", **EVERYTHING)
    assert len(whole.templates()) > 15
    for name, template in whole.templates().items():
        assert len(template["Resources"]) <= 300, name
        assert (whole.folder / f"{name}.template.json").stat().st_size <= 800_000, name


def test_what_the_environment_uses_is_deleted_after_it(small: Assembly) -> None:
    app = small.template("app")["Resources"]
    [environment] = [row for row in app.values() if row["Type"] == "AWS::ElasticBeanstalk::Environment"]
    kinds = {app[name]["Type"] for name in environment["DependsOn"]}
    assert kinds == {
        "AWS::IAM::Policy",
        "AWS::ElasticLoadBalancingV2::Listener",
        "AWS::ElasticLoadBalancingV2::ListenerRule",
    }
    data = small.template("data")["Resources"]
    [cluster] = [row for row in data.values() if row["Type"] == "AWS::RDS::DBCluster"]
    # RDS writes until it is gone: a log group that went before it would come back by itself.
    assert {data[name]["Type"] for name in cluster["DependsOn"]} == {"AWS::Logs::LogGroup"}
    assert len(cluster["DependsOn"]) == 3
    [flow] = [
        row for row in small.template("network")["Resources"].values() if row["Type"] == "AWS::EC2::FlowLog"
    ]
    assert flow["DependsOn"]


def test_every_resource_that_can_be_tagged_is(synthesise: Synthesise) -> None:
    whole = synthesise(**EVERYTHING)
    wanted = {
        "switchyard:environment": "shop-k3x9",
        "switchyard:team": "web",
        "switchyard:tier": "dev",
        "switchyard:owner": "ann@example.com",
        "switchyard:release": VERSION,
    }
    untagged = set()
    for template in whole.templates().values():
        for resource in template["Resources"].values():
            own = resource["Properties"]
            # Of a global table each replica has tags; Cognito and Budgets call them otherwise.
            [holder, *_] = own.get("Replicas", [own])
            names = ("Tags", "UserPoolTags", "IdentityPoolTags", "ResourceTags")
            tags = next((holder[name] for name in names if name in holder), None)
            if tags is None:
                untagged.add(resource["Type"])
                continue
            found = tags if isinstance(tags, dict) else {tag["Key"]: tag["Value"] for tag in tags}
            assert {key: found.get(key) for key in wanted} == wanted, resource["Type"]
    assert untagged == {
        "AWS::AppSync::DataSource",
        "AWS::AppSync::GraphQLSchema",
        "AWS::AppSync::Resolver",
        "AWS::Athena::NamedQuery",
        "AWS::Cognito::IdentityPoolPrincipalTag",
        "AWS::Cognito::IdentityPoolRoleAttachment",
        "AWS::Cognito::ManagedLoginBranding",
        "AWS::Cognito::UserPoolClient",
        "AWS::Cognito::UserPoolDomain",
        "AWS::Cognito::UserPoolGroup",
        "AWS::EC2::Route",
        "AWS::EC2::SecurityGroupEgress",
        "AWS::EC2::SecurityGroupIngress",
        "AWS::EC2::SubnetRouteTableAssociation",
        "AWS::EC2::VPCGatewayAttachment",
        "AWS::ElasticBeanstalk::Application",
        "AWS::ElasticBeanstalk::ApplicationVersion",
        "AWS::Glue::Database",
        "AWS::Glue::Table",
        "AWS::IAM::InstanceProfile",
        "AWS::IAM::Policy",
        "AWS::KMS::Alias",
        "AWS::Logs::LogStream",
        "AWS::Logs::MetricFilter",
        "AWS::Pinpoint::APNSChannel",
        "AWS::Pinpoint::APNSSandboxChannel",
        "AWS::Pinpoint::GCMChannel",
        "AWS::RDS::DBProxyTargetGroup",
        "AWS::Route53::RecordSet",
        "AWS::S3::BucketPolicy",
        "AWS::SES::ConfigurationSetEventDestination",
        "AWS::SNS::TopicPolicy",
        "AWS::SQS::QueuePolicy",
        "AWS::WAFv2::LoggingConfiguration",
        "AWS::WAFv2::WebACLAssociation",
    }
    for artifact in whole.manifest["artifacts"].values():
        if artifact["type"] == "aws:cloudformation:stack":
            assert artifact["properties"]["tags"] == wanted


def test_address_and_endpoints_are_outputs(small: Assembly) -> None:
    assert small.template("app")["Outputs"]["Address"]["Value"] == "https://shop.dev.example.com"
    assert {"DatabaseEndpoint", "DatabaseReaderEndpoint"} <= set(small.template("data")["Outputs"])
    assert {"UploadsBucket", "LogsBucket"} <= set(small.template("storage")["Outputs"])
