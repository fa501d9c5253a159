"""User pools, clients, groups, domains and the rest: by their API, by CloudFormation, by tag."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from devtools.sandbox import Keys, Sandbox
from tests.sandbox.services.cognito import HOME, Pool, anonymous, attributes, client_of
from tests.sandbox.support import Stacks, refused, template, with_credentials

ACCOUNT = "210000000061"
INVALID = "InvalidParameterException"
Client = Callable[..., Any]


@pytest.fixture(scope="module")
def client(sandbox: Sandbox, keys: Keys) -> Client:
    return lambda service="cognito-idp", region=HOME: client_of(sandbox, keys, region, service)


@pytest.fixture(scope="module")
def pool(sandbox: Sandbox, keys: Keys) -> Pool:
    return Pool(sandbox, keys, {"UserPoolTags": {"team": "web"}})


def test_mail_by_ses_takes_a_verified_identity(client: Client) -> None:
    arn = f"arn:aws:ses:{HOME}:{ACCOUNT}:identity/nobody.example.com"
    mail = {"EmailSendingAccount": "DEVELOPER", "SourceArn": arn}
    assert refused(client().create_user_pool, PoolName="by-ses", EmailConfiguration=mail) == (
        INVALID,
        f"Email address is not verified. {arn}",
    )


def test_pool_has_cognitos_defaults(pool: Pool) -> None:
    shown = pool.aws.describe_user_pool(UserPoolId=pool.id)["UserPool"]
    assert shown["Arn"] == f"arn:aws:cognito-idp:{HOME}:{ACCOUNT}:userpool/{pool.id}"
    assert shown["Policies"]["PasswordPolicy"] == {
        "MinimumLength": 8,
        "RequireUppercase": True,
        "RequireLowercase": True,
        "RequireNumbers": True,
        "RequireSymbols": True,
        "TemporaryPasswordValidityDays": 7,
    }
    assert (shown["MfaConfiguration"], shown["UserPoolTier"], shown["DeletionProtection"]) == (
        "OFF",
        "ESSENTIALS",
        "INACTIVE",
    )
    names = {a["Name"]: a for a in shown["SchemaAttributes"]}
    assert len(names) == 20
    assert (names["sub"]["Required"], names["sub"]["Mutable"], names["email"]["Required"]) == (
        True,
        False,
        False,
    )


def test_key_of_a_pool_is_named_by_its_arn_and_can_be_used(client: Client) -> None:
    kms = client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    kms.create_alias(AliasName="alias/users", TargetKeyId=key)
    disabled = kms.create_key()["KeyMetadata"]["Arn"]
    kms.disable_key(KeyId=disabled)
    alias = f"arn:aws:kms:{HOME}:{ACCOUNT}:alias/users"
    for arn, fits in ((key, True), (alias, False), (disabled, False)):
        told = {
            "PoolName": "sealed",
            "KeyConfiguration": {"KeyType": "CUSTOMER_MANAGED_KEY", "KmsKeyArn": arn},
        }
        if fits:
            shown = client().create_user_pool(**told)["UserPool"]
            assert shown["KeyConfiguration"]["KmsKeyArn"] == arn
        else:
            assert refused(client().create_user_pool, **told)[0] == INVALID


def test_pool_is_listed_tagged_and_not_found_after_its_deletion(
    client: Client, sandbox: Sandbox, keys: Keys
) -> None:
    made = Pool(sandbox, keys, {"UserPoolTags": {"stage": "test"}})
    assert made.id in [p["Id"] for p in made.aws.list_user_pools(MaxResults=60)["UserPools"]]
    made.aws.tag_resource(ResourceArn=made.arn, Tags={"owner": "ann"})
    made.aws.untag_resource(ResourceArn=made.arn, TagKeys=["stage"])
    assert made.aws.list_tags_for_resource(ResourceArn=made.arn)["Tags"] == {"owner": "ann"}
    found = client("resourcegroupstaggingapi").get_resources(
        TagFilters=[{"Key": "owner", "Values": ["ann"]}], ResourceTypeFilters=["cognito-idp:userpool"]
    )
    assert [r["ResourceARN"] for r in found["ResourceTagMappingList"]] == [made.arn]
    made.aws.delete_user_pool(UserPoolId=made.id)
    gone = ("ResourceNotFoundException", f"User pool {made.id} does not exist.")
    assert refused(made.aws.describe_user_pool, UserPoolId=made.id) == gone
    assert refused(made.start, name="ann")[0] == "ResourceNotFoundException"


def test_pool_that_is_protected_or_has_a_domain_is_not_deleted(sandbox: Sandbox, keys: Keys) -> None:
    made = Pool(sandbox, keys, {"DeletionProtection": "ACTIVE"})
    assert refused(made.aws.delete_user_pool, UserPoolId=made.id) == (
        INVALID,
        "The user pool cannot be deleted because deletion protection is activated. "
        "Deletion protection must be inactivated first.",
    )
    made.aws.update_user_pool(UserPoolId=made.id, DeletionProtection="INACTIVE")
    made.aws.create_user_pool_domain(UserPoolId=made.id, Domain="guards-its-pool")
    shown = made.aws.describe_user_pool_domain(Domain="guards-its-pool")["DomainDescription"]
    assert (shown["UserPoolId"], shown["Status"]) == (made.id, "ACTIVE")
    assert made.aws.describe_user_pool(UserPoolId=made.id)["UserPool"]["Domain"] == "guards-its-pool"
    assert refused(made.aws.delete_user_pool, UserPoolId=made.id) == (
        INVALID,
        "User pool cannot be deleted. It has a domain configured that should be deleted first.",
    )
    made.aws.delete_user_pool_domain(UserPoolId=made.id, Domain="guards-its-pool")
    assert made.aws.describe_user_pool_domain(Domain="guards-its-pool")["DomainDescription"] == {}
    made.aws.delete_user_pool(UserPoolId=made.id)


def test_domain_is_one_pools(pool: Pool, sandbox: Sandbox, keys: Keys) -> None:
    other = Pool(sandbox, keys)
    pool.aws.create_user_pool_domain(UserPoolId=pool.id, Domain="taken-once")
    taken = refused(pool.aws.create_user_pool_domain, UserPoolId=other.id, Domain="taken-once")
    assert taken == (INVALID, "Domain already exists.")
    bad = refused(pool.aws.create_user_pool_domain, UserPoolId=other.id, Domain="my-cognito-login")
    assert bad == (INVALID, "Domain cannot contain reserved word: cognito")


def test_update_puts_what_is_not_given_back_to_its_default(sandbox: Sandbox, keys: Keys) -> None:
    weak = {"PasswordPolicy": {"MinimumLength": 6, "RequireSymbols": False}}
    made = Pool(sandbox, keys, {"Policies": weak, "UsernameAttributes": ["email"]})
    made.aws.update_user_pool(UserPoolId=made.id, AutoVerifiedAttributes=["email"])
    shown = made.aws.describe_user_pool(UserPoolId=made.id)["UserPool"]
    assert shown["Policies"]["PasswordPolicy"]["MinimumLength"] == 8
    assert (shown["UsernameAttributes"], shown["AutoVerifiedAttributes"]) == (["email"], ["email"])


def test_custom_attributes_are_added_and_never_changed(sandbox: Sandbox, keys: Keys) -> None:
    badge = {"Name": "badge", "AttributeDataType": "Number", "Mutable": False}
    made = Pool(sandbox, keys, {"Schema": [badge]})
    text = {"StringAttributeConstraints": {"MaxLength": "3"}}
    made.aws.add_custom_attributes(
        UserPoolId=made.id, CustomAttributes=[{"Name": "team", "AttributeDataType": "String", **text}]
    )
    create = made.aws.admin_create_user
    known = attributes(custom__team="web", custom__badge="7")
    create(UserPoolId=made.id, Username="ann", MessageAction="SUPPRESS", UserAttributes=known)
    for name, value in (("custom__team", "long"), ("custom__badge", "x"), ("custom__other", "x")):
        told = attributes(**{name: value})
        code, message = refused(create, UserPoolId=made.id, Username="bob", UserAttributes=told)
        assert code == INVALID and message.startswith("Attributes did not conform to the schema"), message
    change = made.aws.admin_update_user_attributes
    told = attributes(custom__badge="8")
    refusal = refused(change, UserPoolId=made.id, Username="ann", UserAttributes=told)
    assert refusal == (INVALID, "user.custom:badge: Attribute cannot be updated.")


@pytest.mark.parametrize(
    "settings",
    [
        {"Schema": [{"AttributeDataType": "String"}]},
        {"Schema": [{"Name": "badge", "StringAttributeConstraints": {"MinLength": "few"}}]},
        {"Schema": [{"Name": "badge", "AttributeDataType": "String", "Required": True}]},
        {"Schema": [{"Name": "email", "AttributeDataType": "Number"}]},
        {"UsernameAttributes": ["email"], "AliasAttributes": ["email"]},
        {"MfaConfiguration": "ON"},
    ],
)
def test_settings_that_contradict_are_refused(client: Client, settings: dict[str, Any]) -> None:
    assert refused(client().create_user_pool, PoolName="refused", **settings)[0] == INVALID


def test_mfa_configuration_is_set_and_read(sandbox: Sandbox, keys: Keys) -> None:
    made = Pool(sandbox, keys)
    code, _ = refused(made.aws.set_user_pool_mfa_config, UserPoolId=made.id, MfaConfiguration="ON")
    assert code == INVALID
    token = {"SoftwareTokenMfaConfiguration": {"Enabled": True}}
    made.aws.set_user_pool_mfa_config(UserPoolId=made.id, MfaConfiguration="OPTIONAL", **token)
    read = made.aws.get_user_pool_mfa_config(UserPoolId=made.id)
    assert {k: read[k] for k in (*token, "MfaConfiguration")} == {**token, "MfaConfiguration": "OPTIONAL"}


def test_client_is_made_changed_and_deleted(pool: Pool) -> None:
    id = pool.client(GenerateSecret=True, RefreshTokenValidity=1)
    shown = pool.aws.describe_user_pool_client(UserPoolId=pool.id, ClientId=id)["UserPoolClient"]
    assert len(shown["ClientSecret"]) > 40 and shown["RefreshTokenValidity"] == 1
    pool.aws.update_user_pool_client(UserPoolId=pool.id, ClientId=id, AccessTokenValidity=2)
    after = pool.aws.describe_user_pool_client(UserPoolId=pool.id, ClientId=id)["UserPoolClient"]
    assert (after["AccessTokenValidity"], after["RefreshTokenValidity"]) == (2, 30)
    assert after["ClientSecret"] == shown["ClientSecret"]
    code, _ = refused(
        pool.aws.update_user_pool_client, UserPoolId=pool.id, ClientId=id, AccessTokenValidity=25
    )
    assert code == INVALID
    pool.aws.delete_user_pool_client(UserPoolId=pool.id, ClientId=id)
    gone = refused(pool.aws.describe_user_pool_client, UserPoolId=pool.id, ClientId=id)
    assert gone == ("ResourceNotFoundException", f"User pool client {id} does not exist.")


def test_group_has_members_until_it_is_deleted(pool: Pool) -> None:
    pool.user("grouped")
    where = {"UserPoolId": pool.id, "GroupName": "editors"}
    pool.aws.create_group(**where, Precedence=1)
    again = refused(pool.aws.create_group, **where)
    assert again == ("GroupExistsException", "A group with the name already exists.")
    pool.aws.admin_add_user_to_group(**where, Username="grouped")
    assert [u["Username"] for u in pool.aws.list_users_in_group(**where)["Users"]] == ["grouped"]
    pool.aws.update_group(**where, Description="Who edits")
    assert pool.aws.get_group(**where)["Group"]["Description"] == "Who edits"
    pool.aws.delete_group(**where)
    assert refused(pool.aws.get_group, **where) == ("ResourceNotFoundException", "Group not found.")
    left = pool.aws.admin_list_groups_for_user(UserPoolId=pool.id, Username="grouped")["Groups"]
    assert left == []


def test_resource_servers_and_risk_configurations_are_kept(pool: Pool) -> None:
    scopes = [{"ScopeName": "read", "ScopeDescription": "Read"}]
    pool.aws.create_resource_server(UserPoolId=pool.id, Identifier="shop", Name="Shop", Scopes=scopes)
    [shown] = pool.aws.list_resource_servers(UserPoolId=pool.id, MaxResults=10)["ResourceServers"]
    assert (shown["Identifier"], shown["Scopes"]) == ("shop", scopes)
    pool.aws.delete_resource_server(UserPoolId=pool.id, Identifier="shop")
    code, _ = refused(pool.aws.describe_resource_server, UserPoolId=pool.id, Identifier="shop")
    assert code == "ResourceNotFoundException"
    block = {"Actions": {"EventAction": "BLOCK"}}
    pool.aws.set_risk_configuration(UserPoolId=pool.id, CompromisedCredentialsRiskConfiguration=block)
    read = pool.aws.describe_risk_configuration(UserPoolId=pool.id)["RiskConfiguration"]
    assert read["CompromisedCredentialsRiskConfiguration"] == block


def test_providers_branding_and_log_delivery_are_kept(pool: Pool) -> None:
    name = {"UserPoolId": pool.id, "ProviderName": "corporate"}
    details = {"client_id": "a", "client_secret": "b", "oidc_issuer": "https://id.example.com"}
    oidc = {"ProviderType": "OIDC", "ProviderDetails": details}
    pool.aws.create_identity_provider(**name, **oidc)
    assert refused(pool.aws.create_identity_provider, **name, **oidc)[0] == "DuplicateProviderException"
    pool.aws.update_identity_provider(**name, AttributeMapping={"email": "mail"})
    shown = pool.aws.describe_identity_provider(**name)["IdentityProvider"]
    assert (shown["ProviderDetails"], shown["AttributeMapping"]) == (details, {"email": "mail"})
    pool.aws.delete_identity_provider(**name)
    assert pool.aws.list_identity_providers(UserPoolId=pool.id)["Providers"] == []
    icon = {"Category": "FAVICON_ICO", "ColorMode": "LIGHT", "Extension": "ICO", "Bytes": b"\x00\xff"}
    made = pool.aws.create_managed_login_branding(UserPoolId=pool.id, ClientId=pool.app, Assets=[icon])
    by_client = pool.aws.describe_managed_login_branding_by_client(UserPoolId=pool.id, ClientId=pool.app)
    assert by_client["ManagedLoginBranding"]["Assets"] == [icon]
    id = made["ManagedLoginBranding"]["ManagedLoginBrandingId"]
    pool.aws.delete_managed_login_branding(UserPoolId=pool.id, ManagedLoginBrandingId=id)
    group = f"arn:aws:logs:{HOME}:{ACCOUNT}:log-group:users"
    wanted = [
        {
            "LogLevel": "ERROR",
            "EventSource": "userNotification",
            "CloudWatchLogsConfiguration": {"LogGroupArn": group},
        }
    ]
    pool.aws.set_log_delivery_configuration(UserPoolId=pool.id, LogConfigurations=wanted)
    read = pool.aws.get_log_delivery_configuration(UserPoolId=pool.id)["LogDeliveryConfiguration"]
    assert read["LogConfigurations"] == wanted


def cognito(kind: str, **properties: Any) -> dict[str, Any]:
    return {"Type": f"AWS::Cognito::{kind}", "Properties": properties}


POOL = {"Ref": "Pool"}
OUTPUTS = {
    name: {"Value": {"Fn::GetAtt": path}}
    for name, path in (
        ("Url", ["Pool", "ProviderURL"]),
        ("Arn", ["Pool", "Arn"]),
        ("Secret", ["App", "ClientSecret"]),
    )
}


def parts(**changed: Any) -> dict[str, Any]:
    weak = {"PasswordPolicy": {"MinimumLength": 10}}
    return {
        "Pool": cognito(
            "UserPool", UserPoolName="stacked", Policies=weak, UserPoolTags={"own": "1"}, **changed
        ),
        "App": cognito("UserPoolClient", UserPoolId=POOL, GenerateSecret=True),
        "Admins": cognito("UserPoolGroup", UserPoolId=POOL, GroupName="admins", Precedence=0),
        "Login": cognito("UserPoolDomain", UserPoolId=POOL, Domain="stacked-login"),
        "Api": cognito("UserPoolResourceServer", UserPoolId=POOL, Identifier="api", Name="Api"),
        "Idp": cognito(
            "UserPoolIdentityProvider",
            UserPoolId=POOL,
            ProviderName="corporate",
            ProviderType="OIDC",
            ProviderDetails={"client_id": "a", "oidc_issuer": "https://id.example.com"},
        ),
        "Style": cognito(
            "ManagedLoginBranding", UserPoolId=POOL, ClientId={"Ref": "App"}, UseCognitoProvidedValues=True
        ),
        "Logs": cognito("LogDeliveryConfiguration", UserPoolId=POOL, LogConfigurations=[]),
        "Risk": cognito("UserPoolRiskConfigurationAttachment", UserPoolId=POOL, ClientId={"Ref": "App"}),
    }


def test_stack_makes_what_both_apis_show_and_takes_it_away(client: Client) -> None:
    stacks, aws = Stacks(client("cloudformation")), client()
    made = stacks.create("identity", template(OUTPUTS, **parts()), Tags=[{"Key": "env", "Value": "shop"}])
    assert made["StackStatus"] == "CREATE_COMPLETE", stacks.events("identity")
    ids = stacks.physical("identity")
    outputs = {o["OutputKey"]: o["OutputValue"] for o in made["Outputs"]}
    pool = aws.describe_user_pool(UserPoolId=ids["Pool"])["UserPool"]
    assert (pool["Arn"], outputs["Url"]) == (
        outputs["Arn"],
        f"https://cognito-idp.{HOME}.amazonaws.com/{ids['Pool']}",
    )
    assert (pool["UserPoolTags"]["env"], pool["UserPoolTags"]["own"]) == ("shop", "1")
    app = aws.describe_user_pool_client(UserPoolId=ids["Pool"], ClientId=ids["App"])["UserPoolClient"]
    assert app["ClientSecret"] == outputs["Secret"] and app["ClientName"].startswith("App-")
    assert aws.get_group(UserPoolId=ids["Pool"], GroupName=ids["Admins"])["Group"]["Precedence"] == 0
    assert (
        aws.describe_user_pool_domain(Domain=ids["Login"])["DomainDescription"]["UserPoolId"] == ids["Pool"]
    )
    api = aws.describe_resource_server(UserPoolId=ids["Pool"], Identifier=ids["Api"])["ResourceServer"]
    assert api["Name"] == "Api"
    idp = aws.describe_identity_provider(UserPoolId=ids["Pool"], ProviderName=ids["Idp"])["IdentityProvider"]
    assert idp["ProviderType"] == "OIDC"
    style = aws.describe_managed_login_branding_by_client(UserPoolId=ids["Pool"], ClientId=ids["App"])
    assert style["ManagedLoginBranding"]["UseCognitoProvidedValues"] is True
    tagged = client("resourcegroupstaggingapi").get_resources(
        TagFilters=[{"Key": "env", "Values": ["shop"]}], ResourceTypeFilters=["cognito-idp"]
    )
    assert [r["ResourceARN"] for r in tagged["ResourceTagMappingList"]] == [pool["Arn"]]
    assert stacks.delete("identity")["StackStatus"] == "DELETE_COMPLETE"
    assert refused(aws.describe_user_pool, UserPoolId=ids["Pool"])[0] == "ResourceNotFoundException"


def test_stack_is_updated_in_place_and_its_drift_is_seen(client: Client) -> None:
    stacks, aws = Stacks(client("cloudformation")), client()
    stacks.create("drifts", template(Pool=parts()["Pool"], App=parts()["App"]))
    ids = stacks.physical("drifts")
    badge = [{"Name": "badge", "AttributeDataType": "String"}]
    stacks.update("drifts", template(Pool=parts(Schema=badge)["Pool"], App=parts()["App"]))
    assert stacks.physical("drifts") == ids
    pool = aws.describe_user_pool(UserPoolId=ids["Pool"])["UserPool"]
    assert "custom:badge" in [a["Name"] for a in pool["SchemaAttributes"]]
    failed = stacks.update("drifts", template(Pool=parts()["Pool"], App=parts()["App"]))
    assert failed["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    reasons = [r for n, s, r in stacks.events("drifts") if s == "UPDATE_FAILED" and n == "Pool"]
    assert any("Existing schema attributes cannot be modified or deleted." in r for r in reasons), reasons
    aws.update_user_pool(UserPoolId=ids["Pool"], MfaConfiguration="OFF")
    client("cloudformation").detect_stack_drift(StackName="drifts")
    drifts = client("cloudformation").describe_stack_resource_drifts(StackName="drifts")
    found = {d["LogicalResourceId"]: d for d in drifts["StackResourceDrifts"]}
    assert found["App"]["StackResourceDriftStatus"] == "IN_SYNC"
    paths = [p["PropertyPath"] for p in found["Pool"]["PropertyDifferences"]]
    assert "/Policies" in paths or "/Policies/PasswordPolicy/MinimumLength" in paths, paths
    assert stacks.delete("drifts")["StackStatus"] == "DELETE_COMPLETE"


def test_iam_decides_on_admin_operations_and_not_on_users_own(
    pool: Pool, client: Client, sandbox: Sandbox
) -> None:
    iam = client("iam")
    iam.create_user(UserName="reader")
    statement = {"Effect": "Allow", "Action": "cognito-idp:AdminGetUser", "Resource": pool.arn}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName="reader", PolicyName="read", PolicyDocument=document)
    key = iam.create_access_key(UserName="reader")["AccessKey"]
    aws = with_credentials(sandbox, key, "cognito-idp")
    pool.user("looked-at")
    assert aws.admin_get_user(UserPoolId=pool.id, Username="looked-at")["Enabled"]
    code, message = refused(aws.admin_delete_user, UserPoolId=pool.id, Username="looked-at")
    assert code == "AccessDeniedException"
    assert message == (
        f"User: arn:aws:iam::{ACCOUNT}:user/reader is not authorized to perform: cognito-idp:AdminDeleteUser "
        f"on resource: {pool.arn} because no identity-based policy allows the cognito-idp:AdminDeleteUser action"
    )
    assert pool.tokens("looked-at", aws=aws)["TokenType"] == "Bearer"
    nobody = anonymous(sandbox, HOME)
    assert pool.tokens("looked-at", aws=nobody)["TokenType"] == "Bearer"
    unsigned = refused(nobody.admin_get_user, UserPoolId=pool.id, Username="looked-at")
    assert unsigned == ("MissingAuthenticationTokenException", "Missing Authentication Token")
