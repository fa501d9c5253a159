"""Every type that the portal deploys has its round trip: made by CloudFormation, found, deleted, gone."""

import pytest

from tests.blueprint_types import account_types, application_types, environment_types
from tests.sandbox import (
    test_types_account,
    test_types_data,
    test_types_engagement,
    test_types_identity,
    test_types_network,
    test_types_operations,
)

MODULES = (
    test_types_account,
    test_types_data,
    test_types_engagement,
    test_types_identity,
    test_types_network,
    test_types_operations,
)


@pytest.fixture(scope="module")
def tried() -> dict[str, str]:
    """Type to the module whose rows have it."""
    return {
        str(module.RESOURCES[row.name]["Type"]): module.__name__ for module in MODULES for row in module.ROWS
    }


def test_every_type_of_the_blueprint_has_a_round_trip(tried: dict[str, str]) -> None:
    types = environment_types()
    assert {"AWS::EC2::VPC", "AWS::RDS::DBCluster", "AWS::ElasticBeanstalk::Environment"} <= types
    assert types - set(tried) == set()


def test_every_type_of_baseline_bootstrap_and_the_way_in_has_a_round_trip(tried: dict[str, str]) -> None:
    types = account_types()
    assert {"AWS::Events::Rule", "AWS::IAM::ManagedPolicy", "AWS::ECR::Repository"} <= types
    assert types - set(tried) == set()


def test_every_type_of_an_application_has_a_round_trip(tried: dict[str, str]) -> None:
    types = application_types()
    assert {"AWS::CodePipeline::Pipeline", "AWS::CodeCommit::Repository"} <= types
    assert types - set(tried) == set()
