"""Users, their sign-in, their credentials, and their own data: with the module `identity`."""

from __future__ import annotations

import json
from typing import Any

import pytest

from blueprint_cdk.refusals import SpecError, parse
from blueprint_cdk.spec import Spec
from tests.blueprint_cdk.support import ALL_MODULES, SPEC, Assembly, Synthesise

ON = {"modules": ["identity"]}


@pytest.fixture(scope="module")
def identity(synthesise: Synthesise) -> Assembly:
    return synthesise(**ON)


def resources(assembly: Assembly) -> dict[str, Any]:
    found: dict[str, Any] = assembly.template("identity")["Resources"]
    return found


def of(assembly: Assembly, kind: str) -> list[dict[str, Any]]:
    return [row["Properties"] for row in resources(assembly).values() if row["Type"] == kind]


def statements(assembly: Assembly, action: str) -> list[dict[str, Any]]:
    """Statements of the stack's policies that allow the action."""
    return [
        row
        for policy in of(assembly, "AWS::IAM::Policy")
        for row in policy["PolicyDocument"]["Statement"]
        if action in (row["Action"] if isinstance(row["Action"], list) else [row["Action"]])
    ]


def test_user_pool_is_what_a_replica_needs_from_its_first_day(identity: Assembly) -> None:
    pool = identity.one("AWS::Cognito::UserPool")
    assert pool["UserPoolTier"] == "ESSENTIALS"
    assert pool["KeyConfiguration"]["KeyType"] == "CUSTOMER_MANAGED_KEY"
    assert "DataKey" in json.dumps(pool["KeyConfiguration"]["KmsKeyArn"])
    [key] = [row for row in identity.template("keys")["Resources"].values() if row["Type"] == "AWS::KMS::Key"]
    assert key["Properties"]["MultiRegion"] is True
    assert pool["IssuerConfiguration"] == {"Type": "UPDATED"}


def test_users_sign_in_by_address_with_long_passwords_passkeys_and_a_second_factor(
    identity: Assembly,
) -> None:
    pool = identity.one("AWS::Cognito::UserPool")
    assert pool["UsernameAttributes"] == pool["AutoVerifiedAttributes"] == ["email"]
    assert pool["UsernameConfiguration"] == {"CaseSensitive": False}
    assert (pool["MfaConfiguration"], pool["EnabledMfas"]) == ("OPTIONAL", ["SOFTWARE_TOKEN_MFA"])
    assert pool["Policies"]["SignInPolicy"] == {"AllowedFirstAuthFactors": ["PASSWORD", "WEB_AUTHN"]}
    assert pool["WebAuthnUserVerification"] == "required"
    password = pool["Policies"]["PasswordPolicy"]
    assert password["MinimumLength"] >= 12 and password["PasswordHistorySize"] == 5
    assert {password[f"Require{kind}"] for kind in ("Lowercase", "Uppercase", "Numbers", "Symbols")} == {True}
    [recovery] = pool["AccountRecoverySetting"]["RecoveryMechanisms"]
    assert recovery["Name"] == "verified_email"


def test_mail_to_users_is_cognitos_own_until_the_environments_domain_may_send(
    synthesise: Synthesise, identity: Assembly
) -> None:
    [pool] = of(identity, "AWS::Cognito::UserPool")
    assert pool["EmailConfiguration"] == {"EmailSendingAccount": "COGNITO_DEFAULT"}
    [pool] = of(synthesise(modules=ALL_MODULES, sign_in_mail="ses"), "AWS::Cognito::UserPool")
    assert pool["EmailConfiguration"] == {
        "EmailSendingAccount": "DEVELOPER",
        "From": "no-reply@shop.dev.example.com",
        "SourceArn": "arn:aws:ses:eu-west-1:111122223333:identity/shop.dev.example.com",
        "ConfigurationSet": "sy-shop-k3x9",
    }


@pytest.mark.parametrize("modules", [[], ["identity"]])
def test_mail_by_ses_takes_the_module_that_sends(modules: list[str]) -> None:
    with pytest.raises(SpecError, match="takes the modules identity and notifications") as refused:
        parse(Spec, {**SPEC, "modules": modules, "sign_in_mail": "ses"})
    assert refused.value.field == "sign_in_mail"


@pytest.mark.parametrize("protected", [True, False])
def test_protection_holds_users_and_tables(synthesise: Synthesise, protected: bool) -> None:
    assembly = synthesise(**ON, deletion_protection=protected)
    pool = assembly.one("AWS::Cognito::UserPool")
    assert pool["DeletionProtection"] == ("ACTIVE" if protected else "INACTIVE")
    tables = of(assembly, "AWS::DynamoDB::GlobalTable")
    assert [row["Replicas"][0]["DeletionProtectionEnabled"] for row in tables] == [protected] * 2


def test_sign_in_is_by_code_from_a_client_without_a_secret(identity: Assembly) -> None:
    client = identity.one("AWS::Cognito::UserPoolClient")
    assert client["GenerateSecret"] is False
    assert client["AllowedOAuthFlows"] == ["code"]
    assert client["CallbackURLs"] == ["https://shop.dev.example.com/signed-in"]
    assert client["PreventUserExistenceErrors"] == "ENABLED"
    assert client["RefreshTokenRotation"]["Feature"] == "ENABLED"
    # Cognito refuses it beside rotation; a password in clear is never sent.
    assert not {"ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_USER_PASSWORD_AUTH"} & set(client["ExplicitAuthFlows"])
    domain = identity.one("AWS::Cognito::UserPoolDomain")
    assert (domain["Domain"], domain["ManagedLoginVersion"]) == ("sy-shop-k3x9-111122223333", 2)
    # Passkeys are bound to the host that asks for them.
    host = f"{domain['Domain']}.auth.eu-west-1.amazoncognito.com"
    assert identity.one("AWS::Cognito::UserPool")["WebAuthnRelyingPartyID"] == host
    assert identity.one("AWS::Cognito::ManagedLoginBranding")["UseCognitoProvidedValues"] is True


def test_users_are_providers_and_consumers(identity: Assembly) -> None:
    groups = sorted(of(identity, "AWS::Cognito::UserPoolGroup"), key=lambda row: row["Precedence"])
    assert [row["GroupName"] for row in groups] == ["provider", "consumer"]
    assert not any("RoleArn" in row for row in groups)


def test_credentials_are_for_signed_in_users_and_their_own_uploads(identity: Assembly) -> None:
    pool = identity.one("AWS::Cognito::IdentityPool")
    assert pool["AllowUnauthenticatedIdentities"] is pool["AllowClassicFlow"] is False
    assert pool["CognitoIdentityProviders"][0]["ServerSideTokenCheck"] is True
    assert identity.one("AWS::Cognito::IdentityPoolPrincipalTag")["PrincipalTags"] == {"user": "sub"}
    assert list(identity.one("AWS::Cognito::IdentityPoolRoleAttachment")["Roles"]) == ["authenticated"]
    [role] = [
        row
        for row in of(identity, "AWS::IAM::Role")
        if "Federated" in row["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]
    ]
    [trust] = role["AssumeRolePolicyDocument"]["Statement"]
    assert set(trust["Action"]) == {"sts:AssumeRoleWithWebIdentity", "sts:TagSession"}
    assert trust["Condition"]["ForAnyValue:StringLike"] == {
        "cognito-identity.amazonaws.com:amr": "authenticated"
    }
    assert "cognito-identity.amazonaws.com:aud" in trust["Condition"]["StringEquals"]
    [uploads] = statements(identity, "s3:PutObject")
    assert uploads["Resource"]["Fn::Join"][1][1] == "/users/${aws:PrincipalTag/user}/*"
    assert not statements(identity, "s3:ListBucket")


def test_tables_are_global_from_the_start_encrypted_and_restorable(identity: Assembly) -> None:
    tables = {row["TableName"]: row for row in of(identity, "AWS::DynamoDB::GlobalTable")}
    assert set(tables) == {"sy-shop-k3x9-user-data", "sy-shop-k3x9-user-changes"}
    for table in tables.values():
        # What a replica in another region needs, and can be given to no table that has items.
        assert table["StreamSpecification"] == {"StreamViewType": "NEW_AND_OLD_IMAGES"}
        assert table["SSESpecification"] == {"SSEEnabled": True, "SSEType": "KMS"}
        assert table["TimeToLiveSpecification"] == {"Enabled": True, "AttributeName": "_ttl"}
        [replica] = table["Replicas"]
        assert replica["Region"] == "eu-west-1"
        assert replica["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
        assert "DataKey" in json.dumps(replica["SSESpecification"])
    keys = {name: [key["AttributeName"] for key in table["KeySchema"]] for name, table in tables.items()}
    assert keys["sy-shop-k3x9-user-data"] == ["owner", "id"]


def test_conflicts_are_found_and_settled(identity: Assembly) -> None:
    [source] = [row for row in of(identity, "AWS::AppSync::DataSource") if row["Type"] == "AMAZON_DYNAMODB"]
    assert source["DynamoDBConfig"]["Versioned"] is True
    assert source["DynamoDBConfig"]["DeltaSyncConfig"]["DeltaSyncTableTTL"] == str(7 * 24 * 60)
    settled = {
        row["FieldName"]: row["SyncConfig"]
        for row in of(identity, "AWS::AppSync::Resolver")
        if "SyncConfig" in row
    }
    assert settled == {
        "putItem": {"ConflictDetection": "VERSION", "ConflictHandler": "AUTOMERGE"},
        "deleteItem": {"ConflictDetection": "VERSION", "ConflictHandler": "OPTIMISTIC_CONCURRENCY"},
    }


def test_no_argument_names_an_owner_and_every_resolver_takes_it_from_the_token(identity: Assembly) -> None:
    schema = identity.one("AWS::AppSync::GraphQLSchema")["Definition"]
    for kind in ("Query", "Mutation", "Subscription"):
        fields = schema.partition(f"type {kind} {{")[2].partition("}")[0]
        assert fields.strip() and "owner" not in fields
    resolvers = of(identity, "AWS::AppSync::Resolver")
    assert len(resolvers) == 5
    for row in resolvers:
        assert "ctx.identity.sub" in row["Code"], row["FieldName"]
        assert "args.owner" not in row["Code"]
        assert row["Runtime"] == {"Name": "APPSYNC_JS", "RuntimeVersion": "1.0.0"}
        assert len(row["Code"]) < 32_000


def test_api_is_for_the_users_of_one_client_logged_without_their_data(identity: Assembly) -> None:
    api = identity.one("AWS::AppSync::GraphQLApi")
    assert api["AuthenticationType"] == "AMAZON_COGNITO_USER_POOLS"
    assert not api.get("AdditionalAuthenticationProviders")
    assert api["UserPoolConfig"]["DefaultAction"] == "ALLOW"
    assert "SignInClient" in json.dumps(api["UserPoolConfig"]["AppIdClientRegex"])
    assert api["IntrospectionConfig"] == "DISABLED"
    assert api["LogConfig"]["ExcludeVerboseContent"] is True
    [group] = of(identity, "AWS::Logs::LogGroup")
    assert group["RetentionInDays"] == 30 and "LogsKey" in json.dumps(group["KmsKeyId"])
    [key] = [
        row["Properties"]["KeyPolicy"]
        for row in identity.template("network")["Resources"].values()
        if row["Type"] == "AWS::KMS::Key"
    ]
    assert "log-group:/aws/appsync/apis/*" in json.dumps(key)


def test_each_function_has_a_role_of_its_own(identity: Assembly) -> None:
    assert len(of(identity, "AWS::IAM::Role")) == len(of(identity, "AWS::IAM::Policy")) == 3
    [tables] = statements(identity, "dynamodb:PutItem")
    assert len(tables["Resource"]) == 2 and "dynamodb:Scan" not in tables["Action"]
    for row in of(identity, "AWS::IAM::Role"):
        [trust] = row["AssumeRolePolicyDocument"]["Statement"]
        if trust["Principal"].get("Service") == "appsync.amazonaws.com":
            assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": "111122223333"}}


def test_application_is_told_and_the_firewall_stands_before_users_and_their_data(
    synthesise: Synthesise, identity: Assembly
) -> None:
    def told(assembly: Assembly) -> set[str]:
        options = assembly.one("AWS::ElasticBeanstalk::Environment")["OptionSettings"]
        space = "aws:elasticbeanstalk:application:environment"
        return {row["OptionName"] for row in options if row["Namespace"] == space}

    assert told(identity) - told(synthesise()) == {
        "USER_POOL_ID",
        "USER_POOL_CLIENT_ID",
        "USER_POOL_ISSUER",
        "SIGN_IN_URL",
        "IDENTITY_POOL_ID",
        "USER_DATA_URL",
    }
    associated = identity.all("AWS::WAFv2::WebACLAssociation")
    assert len(associated) == 3
    assert len(synthesise().all("AWS::WAFv2::WebACLAssociation")) == 1


def test_issuer_is_the_one_that_every_region_shares(identity: Assembly) -> None:
    told = identity.template("identity")["Outputs"]["UserPoolIssuer"]["Value"]
    assert told["Fn::Join"][1][0] == "https://issuer-cognito-idp.eu-west-1.amazonaws.com/"


@pytest.mark.parametrize("name", ["aws-shop", "my-cognito", "amazonia"])
def test_name_that_cognito_refuses_is_refused_with_identity_alone(name: str) -> None:
    assert parse(Spec, {**SPEC, "name": name}).name == name
    with pytest.raises(SpecError) as caught:
        parse(Spec, {**SPEC, **ON, "name": name})
    assert caught.value.field == "name"
    assert "takes no name with aws, amazon or cognito in it" in caught.value.sentence
