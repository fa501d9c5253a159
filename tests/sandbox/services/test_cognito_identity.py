"""Identity pools: who gets which role's credentials, and what those may do."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from devtools.sandbox import Keys, Sandbox
from tests.sandbox.services.cognito import HOME, Pool, anonymous_identity, client_of
from tests.sandbox.support import Stacks, refused, template, with_credentials

ACCOUNT = "210000000065"
FEDERATED = "cognito-identity.amazonaws.com"
NOT_AUTHORIZED = "NotAuthorizedException"
Client = Callable[..., Any]


@pytest.fixture(scope="module")
def client(sandbox: Sandbox, keys: Keys) -> Client:
    return lambda service="cognito-identity": client_of(sandbox, keys, HOME, service)


@pytest.fixture(scope="module")
def users(sandbox: Sandbox, keys: Keys) -> Pool:
    made = Pool(sandbox, keys)
    made.user("ann", email="ann@example.com")
    return made


def provider(users: Pool) -> str:
    return f"cognito-idp.{HOME}.amazonaws.com/{users.id}"


def role(client: Client, name: str, pool: str, kind: str, actions: tuple[str, ...] = ()) -> str:
    """A role that trusts one kind of the pool's identities; its ARN."""
    trust = {
        "Effect": "Allow",
        "Principal": {"Federated": FEDERATED},
        "Action": ["sts:AssumeRoleWithWebIdentity", *actions],
        "Condition": {
            "StringEquals": {f"{FEDERATED}:aud": pool},
            "ForAnyValue:StringLike": {f"{FEDERATED}:amr": kind},
        },
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    made = client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=document)
    return str(made["Role"]["Arn"])


@pytest.fixture(scope="module")
def pool(client: Client, users: Pool) -> str:
    """An identity pool with a role for users and one for guests; its id."""
    made = client().create_identity_pool(
        IdentityPoolName="app",
        AllowUnauthenticatedIdentities=True,
        CognitoIdentityProviders=[
            {"ProviderName": provider(users), "ClientId": users.app, "ServerSideTokenCheck": True}
        ],
        IdentityPoolTags={"team": "web"},
    )
    id = str(made["IdentityPoolId"])
    roles = {
        "authenticated": role(client, "member", id, "authenticated"),
        "unauthenticated": role(client, "guest", id, "unauthenticated"),
    }
    client().set_identity_pool_roles(IdentityPoolId=id, Roles=roles)
    return id


@pytest.fixture(scope="module")
def public(sandbox: Sandbox) -> Any:
    return anonymous_identity(sandbox)


def session(sandbox: Sandbox, credentials: dict[str, Any], service: str) -> Any:
    # This one API says SecretKey where all others say SecretAccessKey.
    given = {**credentials, "SecretAccessKey": credentials["SecretKey"]}
    return with_credentials(sandbox, given, service, HOME)


def enter(public: Any, pool: str, logins: dict[str, str]) -> tuple[str, dict[str, Any]]:
    """Identity and credentials."""
    id = public.get_id(IdentityPoolId=pool, Logins=logins)["IdentityId"]
    given = public.get_credentials_for_identity(IdentityId=id, Logins=logins)
    return str(id), dict(given["Credentials"])


def test_user_gets_credentials_that_reach_its_own_folder_only(
    client: Client, pool: str, users: Pool, public: Any, sandbox: Sandbox
) -> None:
    bucket = f"folders-{ACCOUNT}"
    where = {"CreateBucketConfiguration": {"LocationConstraint": HOME}}
    client("s3").create_bucket(Bucket=bucket, **where)
    mine = f"arn:aws:s3:::{bucket}/${{{FEDERATED}:sub}}/*"
    statement = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": mine}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    client("iam").put_role_policy(RoleName="member", PolicyName="own", PolicyDocument=document)
    logins = {provider(users): users.tokens("ann")["IdToken"]}
    id, credentials = enter(public, pool, logins)
    assert id.startswith(f"{HOME}:")
    assert enter(public, pool, logins)[0] == id
    who = session(sandbox, credentials, "sts").get_caller_identity()["Arn"]
    assert who == f"arn:aws:sts::{ACCOUNT}:assumed-role/member/CognitoIdentityCredentials"
    s3 = session(sandbox, credentials, "s3")
    s3.put_object(Bucket=bucket, Key=f"{id}/note", Body=b"1")
    with pytest.raises(ClientError) as caught:
        s3.put_object(Bucket=bucket, Key="others/note", Body=b"1")
    assert caught.value.response["Error"]["Code"] == "AccessDenied"


def test_guests_are_let_in_where_the_pool_says_so(
    client: Client, pool: str, public: Any, sandbox: Sandbox
) -> None:
    one, credentials = enter(public, pool, {})
    assert enter(public, pool, {})[0] != one
    who = session(sandbox, credentials, "sts").get_caller_identity()["Arn"]
    assert "assumed-role/guest/" in who
    closed = client().create_identity_pool(IdentityPoolName="closed", AllowUnauthenticatedIdentities=False)
    assert refused(public.get_id, IdentityPoolId=closed["IdentityPoolId"]) == (
        NOT_AUTHORIZED,
        "Unauthenticated access is not supported for this identity pool.",
    )


def test_tokens_that_prove_nothing_are_refused(pool: str, users: Pool, public: Any) -> None:
    result = users.tokens("ann")
    name = provider(users)
    id = enter(public, pool, {name: result["IdToken"]})[0]
    told = {
        result["AccessToken"]: "Invalid login token. Not a valid OpenId Connect identity token.",
        result["IdToken"][:-6] + "AAAAAA": "Invalid login token. Not a valid OpenId Connect identity token.",
    }
    for token, why in told.items():
        assert refused(public.get_id, IdentityPoolId=pool, Logins={name: token}) == (NOT_AUTHORIZED, why)
    foreign = {f"{name}x": result["IdToken"]}
    assert refused(public.get_id, IdentityPoolId=pool, Logins=foreign) == (
        NOT_AUTHORIZED,
        "Token is not from a supported provider of this identity pool.",
    )
    users.user("bob")
    other = {name: users.tokens("bob")["IdToken"]}
    assert refused(public.get_credentials_for_identity, IdentityId=id, Logins=other) == (
        NOT_AUTHORIZED,
        f"Access to Identity '{id}' is forbidden.",
    )
    users.aws.global_sign_out(AccessToken=result["AccessToken"])
    ended = refused(public.get_id, IdentityPoolId=pool, Logins={name: result["IdToken"]})
    assert ended[0] == NOT_AUTHORIZED


def test_role_is_chosen_by_group_or_rule_and_has_to_trust_the_pool(
    client: Client, users: Pool, public: Any, sandbox: Sandbox
) -> None:
    name = provider(users)
    providers = [{"ProviderName": name, "ClientId": users.app}]
    made = client().create_identity_pool(
        IdentityPoolName="mapped", AllowUnauthenticatedIdentities=False, CognitoIdentityProviders=providers
    )
    id = made["IdentityPoolId"]
    usual, staff = (role(client, f"{n}-mapped", id, "authenticated") for n in ("usual", "staff"))
    users.aws.create_group(UserPoolId=users.id, GroupName="staff", RoleArn=staff)
    users.user("cleo", email="cleo@staff.example")
    users.aws.admin_add_user_to_group(UserPoolId=users.id, Username="cleo", GroupName="staff")

    def arn_of(user: str) -> str:
        _, credentials = enter(public, id, {name: users.tokens(user)["IdToken"]})
        return str(session(sandbox, credentials, "sts").get_caller_identity()["Arn"]).split("/")[1]

    def mapped(**mapping: Any) -> None:
        told = {f"{name}:{users.app}": {"AmbiguousRoleResolution": "Deny", **mapping}}
        client().set_identity_pool_roles(IdentityPoolId=id, Roles={"authenticated": usual}, RoleMappings=told)

    client().set_identity_pool_roles(IdentityPoolId=id, Roles={"authenticated": usual})
    assert (arn_of("ann"), arn_of("cleo")) == ("usual-mapped", "usual-mapped")
    mapped(Type="Token")
    assert arn_of("cleo") == "staff-mapped"
    assert refused(arn_of, user="ann")[0] == NOT_AUTHORIZED
    rule = {"Claim": "email", "MatchType": "Contains", "Value": "@staff.", "RoleARN": staff}
    mapped(Type="Rules", AmbiguousRoleResolution="AuthenticatedRole", RulesConfiguration={"Rules": [rule]})
    assert (arn_of("ann"), arn_of("cleo")) == ("usual-mapped", "staff-mapped")
    elsewhere = role(client, "elsewhere", f"{HOME}:other", "authenticated")
    client().set_identity_pool_roles(IdentityPoolId=id, Roles={"authenticated": elsewhere})
    assert refused(arn_of, user="ann") == (
        "InvalidIdentityPoolConfigurationException",
        "Invalid identity pool configuration. Check assigned IAM roles for this pool.",
    )


def test_claims_become_tags_that_policies_read(
    client: Client, users: Pool, public: Any, sandbox: Sandbox
) -> None:
    name = provider(users)
    providers = [{"ProviderName": name, "ClientId": users.app}]
    made = client().create_identity_pool(
        IdentityPoolName="tagged", AllowUnauthenticatedIdentities=False, CognitoIdentityProviders=providers
    )
    id = made["IdentityPoolId"]
    arn = role(client, "tagged", id, "authenticated", ("sts:TagSession",))
    client().set_identity_pool_roles(IdentityPoolId=id, Roles={"authenticated": arn})
    client().set_principal_tag_attribute_map(
        IdentityPoolId=id, IdentityProviderName=name, PrincipalTags={"mail": "email"}
    )
    statement = {
        "Effect": "Allow",
        "Action": "sqs:ListQueues",
        "Resource": "*",
        "Condition": {"StringEquals": {"aws:PrincipalTag/mail": "dora@example.com"}},
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    client("iam").put_role_policy(RoleName="tagged", PolicyName="mail", PolicyDocument=document)
    users.user("dora", email="dora@example.com")

    def queues(user: str) -> Any:
        _, credentials = enter(public, id, {name: users.tokens(user)["IdToken"]})
        return session(sandbox, credentials, "sqs").list_queues()

    assert queues("dora")["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert refused(queues, user="ann")[0] in ("AccessDenied", "AccessDeniedException")


def test_stack_makes_an_identity_pool_with_roles_and_tags(client: Client, users: Pool) -> None:
    stacks, name = Stacks(client("cloudformation")), provider(users)

    def cognito(kind: str, **properties: Any) -> dict[str, Any]:
        return {"Type": f"AWS::Cognito::{kind}", "Properties": properties}

    ref = {"Ref": "Pool"}
    arn = f"arn:aws:iam::{ACCOUNT}:role/stacked"
    resources = {
        "Pool": cognito(
            "IdentityPool",
            AllowUnauthenticatedIdentities=False,
            CognitoIdentityProviders=[{"ProviderName": name, "ClientId": users.app}],
        ),
        "Roles": cognito("IdentityPoolRoleAttachment", IdentityPoolId=ref, Roles={"authenticated": arn}),
        "Tags": cognito(
            "IdentityPoolPrincipalTag", IdentityPoolId=ref, IdentityProviderName=name, UseDefaults=True
        ),
    }
    made = stacks.create("identities", template(**resources), Tags=[{"Key": "env", "Value": "ids"}])
    assert made["StackStatus"] == "CREATE_COMPLETE", stacks.events("identities")
    id = stacks.physical("identities")["Pool"]
    assert client().get_identity_pool_roles(IdentityPoolId=id)["Roles"] == {"authenticated": arn}
    tags = client().get_principal_tag_attribute_map(IdentityPoolId=id, IdentityProviderName=name)
    assert tags["UseDefaults"] is True
    found = client("resourcegroupstaggingapi").get_resources(
        TagFilters=[{"Key": "env", "Values": ["ids"]}], ResourceTypeFilters=["cognito-identity:identitypool"]
    )
    wanted = f"arn:aws:cognito-identity:{HOME}:{ACCOUNT}:identitypool/{id}"
    assert [r["ResourceARN"] for r in found["ResourceTagMappingList"]] == [wanted]
    assert stacks.delete("identities")["StackStatus"] == "DELETE_COMPLETE"
    gone = refused(client().describe_identity_pool, IdentityPoolId=id)
    assert gone == ("ResourceNotFoundException", f"IdentityPool '{id}' not found.")
