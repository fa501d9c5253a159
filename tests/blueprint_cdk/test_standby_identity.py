"""Users in two regions: what a standby adds to the module `identity`, and that it replaces nothing by that."""

from __future__ import annotations

import json
from typing import Any

import pytest

from blueprint_cdk.data import load
from tests.blueprint_cdk.standbys import added_to, changed_in_place
from tests.blueprint_cdk.support import OTHER, Assembly, Synthesise
from tests.blueprint_cdk.test_permanence import exports, schema_of

ON: dict[str, Any] = {"modules": ["identity", "proxy"]}
ROWS = {row["key"]: row for row in load("stacks")["environment"]}
POOL = {"Ref": "UserPoolId"}
ADDED = ("identity-replica", "other-identity")


@pytest.fixture(scope="module")
def alone(synthesise: Synthesise) -> Assembly:
    return synthesise(**ON)


@pytest.fixture(scope="module")
def both(synthesise: Synthesise) -> Assembly:
    return synthesise(**ON, standby="warm")


def of_type(assembly: Assembly, key: str, kind: str) -> list[dict[str, Any]]:
    return [row["Properties"] for row in assembly.template(key)["Resources"].values() if row["Type"] == kind]


def told(assembly: Assembly, key: str) -> dict[str, Any]:
    """What the application of a stack is told."""
    [environment] = of_type(assembly, key, "AWS::ElasticBeanstalk::Environment")
    space = "aws:elasticbeanstalk:application:environment"
    return {
        row["OptionName"]: row["Value"] for row in environment["OptionSettings"] if row["Namespace"] == space
    }


@pytest.mark.parametrize("key", ADDED)
def test_described_stacks_are_the_synthesised_ones(both: Assembly, alone: Assembly, key: str) -> None:
    template, row, name = both.template(key), ROWS[key], f"sy-shop-k3x9-{key}"
    assert {resource["Type"] for resource in template["Resources"].values()} == set(row["types"])
    shown = [output for output in template.get("Outputs", {}) if not output.startswith("ExportsOutput")]
    assert sorted(shown) == sorted(row["outputs"])
    artifact = both.manifest["artifacts"][name]
    needed = {need for need in artifact["dependencies"] if not need.endswith(".assets")}
    assert needed == {f"sy-shop-k3x9-{need}" for need in row["needs"]}
    assert artifact["environment"].endswith(OTHER if row["region"] == "other" else "eu-west-1")
    assert set(template["Parameters"]) == set(row["parameters"])
    for source in row["parameters"].values():
        stack, _, output = source.partition(".")
        assert stack in row["needs"] and output in ROWS[stack]["outputs"]
    assert set(both.templates()) - set(alone.templates()) >= {name}


def test_standby_of_users_replaces_nothing_and_moves_no_export(both: Assembly, alone: Assembly) -> None:
    stack = "sy-shop-k3x9-identity"
    # A replica beside the one at home, which is the first as before.
    assert changed_in_place(alone, both, stack) == {("AWS::DynamoDB::GlobalTable", "Replicas")}
    assert added_to(alone, both, stack) == []
    assert exports(alone).items() <= exports(both).items()
    assert {name for name in exports(both) if name.startswith(f"{stack}:")} == {
        name for name in exports(alone) if name.startswith(f"{stack}:")
    }


def test_users_have_a_replica_that_is_made_at_home_and_at_work_there(both: Assembly) -> None:
    [replica] = of_type(both, "identity-replica", "AWS::Cognito::UserPoolReplica")
    assert replica == {"UserPoolId": POOL, "RegionName": OTHER}
    [settings] = of_type(both, "other-identity", "AWS::Cognito::UserPoolRegionalConfigurationAttachment")
    assert (settings["UserPoolId"], settings["Status"]) == (POOL, "ACTIVE")
    assert settings["EmailConfiguration"] == {"EmailSendingAccount": "COGNITO_DEFAULT"}
    assert settings["UserPoolTags"]["switchyard:environment"] == "shop-k3x9"
    # Cognito deletes no replica that is ACTIVE: its settings go first, in a stack that needs home's.
    assert "identity-replica" in ROWS["other-identity"]["needs"]


def test_another_release_makes_no_replica_anew(synthesise: Synthesise, both: Assembly) -> None:
    """All of its properties are create-only, its tags too, and one of the tags is the release."""
    fixed = schema_of("AWS::Cognito::UserPoolReplica")["createOnlyProperties"]
    assert "/properties/UserPoolTagsAtCreate" in fixed
    later = synthesise(**ON, standby="warm", release="99.0.0")
    assert later.template("identity-replica")["Resources"] == both.template("identity-replica")["Resources"]


def test_tables_have_a_replica_once_its_key_is_there(both: Assembly) -> None:
    tables = of_type(both, "identity", "AWS::DynamoDB::GlobalTable")
    assert len(tables) == 2
    for table in tables:
        home, there = table["Replicas"]
        condition, replica, otherwise = there["Fn::If"]
        assert (condition, otherwise) == ("IsJoined", {"Ref": "AWS::NoValue"})
        assert (home["Region"], replica["Region"]) == ("eu-west-1", OTHER)
        assert replica["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
        assert replica["Tags"] == home["Tags"]
        key = replica["SSESpecification"]["KMSMasterKeyId"]["Fn::Join"][1]
        assert key[0] == f"arn:aws:kms:{OTHER}:111122223333:key/"
    assert both.template("identity")["Parameters"]["Joined"]["Default"] == "false"
    assert ROWS["identity"]["joins"]["after"] == ["other-keys"]


@pytest.mark.parametrize("protected", [True, False])
def test_protection_holds_what_is_at_home_and_lets_the_standby_go(
    synthesise: Synthesise, protected: bool
) -> None:
    assembly = synthesise(**ON, standby="pilot-light", deletion_protection=protected)
    for table in of_type(assembly, "identity", "AWS::DynamoDB::GlobalTable"):
        home, there = table["Replicas"]
        assert home["DeletionProtectionEnabled"] is protected
        assert there["Fn::If"][1]["DeletionProtectionEnabled"] is False


def test_credentials_and_data_there_are_of_that_region_alone(both: Assembly) -> None:
    [pool] = of_type(both, "other-identity", "AWS::Cognito::IdentityPool")
    [provider] = pool["CognitoIdentityProviders"]
    assert provider["ProviderName"]["Fn::Join"][1] == [f"cognito-idp.{OTHER}.amazonaws.com/", POOL]
    assert provider["ClientId"] == {"Ref": "UserPoolClientId"}
    [tags] = of_type(both, "other-identity", "AWS::Cognito::IdentityPoolPrincipalTag")
    assert tags["IdentityProviderName"] == provider["ProviderName"] and tags["PrincipalTags"] == {
        "user": "sub"
    }
    [api] = of_type(both, "other-identity", "AWS::AppSync::GraphQLApi")
    assert (api["UserPoolConfig"]["AwsRegion"], api["UserPoolConfig"]["UserPoolId"]) == (OTHER, POOL)
    [source] = [
        row for row in of_type(both, "other-identity", "AWS::AppSync::DataSource") if row["Type"] != "NONE"
    ]
    names = [table["TableName"] for table in of_type(both, "identity", "AWS::DynamoDB::GlobalTable")]
    config = source["DynamoDBConfig"]
    assert config["AwsRegion"] == OTHER
    assert {config["TableName"], config["DeltaSyncConfig"]["DeltaSyncTableName"]} == set(names)
    # Nothing that a role there may do is in the home region, and home's may nothing there.
    text = json.dumps(of_type(both, "other-identity", "AWS::IAM::Policy"))
    assert f"arn:aws:dynamodb:{OTHER}:111122223333:table/sy-shop-k3x9-user-data" in text
    assert "eu-west-1" not in text and "sy-shop-k3x9-other-storage:" in text
    assert OTHER not in json.dumps(of_type(both, "identity", "AWS::IAM::Policy"))


def test_api_there_settles_conflicts_as_home_does(both: Assembly) -> None:
    def settled(key: str) -> list[Any]:
        rows = of_type(both, key, "AWS::AppSync::Resolver")
        return sorted(
            (row["TypeName"], row["FieldName"], row["Code"], json.dumps(row.get("SyncConfig")))
            for row in rows
        )

    assert settled("other-identity") == settled("identity") and len(settled("identity")) == 5
    kind = "AWS::AppSync::GraphQLSchema"
    [here], [there] = of_type(both, "identity", kind), of_type(both, "other-identity", kind)
    assert here["Definition"] == there["Definition"]


def test_application_there_signs_in_against_its_own_region(both: Assembly) -> None:
    here, there = told(both, "app"), told(both, "other-app")
    names = {name for name in here if name.startswith(("USER_", "SIGN_IN_", "IDENTITY_"))}
    assert len(names) == 6 and names <= set(there)
    assert here["SIGN_IN_URL"] == "https://sy-shop-k3x9-111122223333.auth.eu-west-1.amazoncognito.com"
    assert there["SIGN_IN_URL"] == f"https://sy-shop-k3x9-111122223333.auth.{OTHER}.amazoncognito.com"
    [domain] = of_type(both, "other-identity", "AWS::Cognito::UserPoolDomain")
    assert (domain["Domain"], domain["UserPoolId"]) == ("sy-shop-k3x9-111122223333", POOL)
    # One issuer for both: tokens of either region are good in the other one.
    assert (
        there["USER_POOL_ISSUER"]["Fn::Join"][1][0] == "https://issuer-cognito-idp.eu-west-1.amazonaws.com/"
    )
    for name in ("IDENTITY_POOL_ID", "USER_DATA_URL"):
        assert "sy-shop-k3x9-other-identity:" in json.dumps(there[name])
        assert "sy-shop-k3x9-other-identity:" not in json.dumps(here[name])


def test_firewall_there_stands_before_users_and_their_data_too(both: Assembly) -> None:
    arns = [row["ResourceArn"] for row in of_type(both, "other-app", "AWS::WAFv2::WebACLAssociation")]
    assert len(arns) == 3
    assert f"arn:aws:cognito-idp:{OTHER}:111122223333:userpool/" in json.dumps(arns)


def test_without_the_module_a_standby_has_no_users(synthesise: Synthesise) -> None:
    assembly = synthesise(standby="warm")
    assert not {f"sy-shop-k3x9-{key}" for key in ADDED} & set(assembly.templates())
    assert "USER_POOL_ID" not in told(assembly, "other-app")


def test_module_is_turned_on_and_off_beside_a_standby(synthesise: Synthesise, both: Assembly) -> None:
    """What goes is imported by nothing that stays."""
    off = synthesise(standby="warm")
    assert set(both.templates()) - set(off.templates()) == {
        f"sy-shop-k3x9-{key}" for key in ("identity", *ADDED)
    }
    gone = set(exports(both)) - set(exports(off))
    # An export of a stack that stays would be in use until the last step of the update.
    assert {name.partition(":")[0] for name in gone} == {
        "sy-shop-k3x9-identity",
        "sy-shop-k3x9-other-identity",
    }
    text = json.dumps(off.templates())
    assert not [name for name in gone if name in text]
