"""Tokens of a pool: what is in them and proves them, refreshing and rotation, revocation and signing out."""

from typing import Any

import httpx
import jwt
import pytest

from devtools.sandbox import Keys, Sandbox
from tests.sandbox.services.cognito import HOME, PASSWORD, Pool
from tests.sandbox.support import refused

ACCOUNT = "210000000094"


@pytest.fixture(scope="module")
def pool(sandbox: Sandbox, keys: Keys) -> Pool:
    return Pool(sandbox, keys, {"AutoVerifiedAttributes": ["email"]})


def test_tokens_are_verified_with_the_issuers_keys(pool: Pool, sandbox: Sandbox) -> None:
    pool.user("bearer", email="bearer@example.com")
    role = f"arn:aws:iam::{ACCOUNT}:role/staff"
    pool.aws.create_group(UserPoolId=pool.id, GroupName="staff", Precedence=1, RoleArn=role)
    pool.aws.create_group(UserPoolId=pool.id, GroupName="all")
    for group in ("all", "staff"):
        pool.aws.admin_add_user_to_group(UserPoolId=pool.id, Username="bearer", GroupName=group)
    result = pool.tokens("bearer")
    issuer = f"https://cognito-idp.{HOME}.amazonaws.com/{pool.id}"
    published = jwt.PyJWKClient(f"{sandbox.url}/{pool.id}/.well-known/jwks.json")

    def claims(token: str, **more: Any) -> dict[str, Any]:
        key = published.get_signing_key_from_jwt(token)
        found: dict[str, Any] = jwt.decode(token, key, algorithms=["RS256"], issuer=issuer, **more)
        return found

    identity, access = claims(result["IdToken"], audience=pool.app), claims(result["AccessToken"])
    assert (identity["token_use"], access["token_use"]) == ("id", "access")
    assert (identity["cognito:username"], access["username"]) == ("bearer", "bearer")
    assert (identity["email"], identity["email_verified"]) == ("bearer@example.com", True)
    assert identity["cognito:groups"] == access["cognito:groups"] == ["staff", "all"]
    assert (identity["cognito:roles"], identity["cognito:preferred_role"]) == ([role], role)
    assert (access["client_id"], access["scope"]) == (pool.app, "aws.cognito.signin.user.admin")
    assert access["exp"] - access["iat"] == result["ExpiresIn"] == 3600
    assert identity["sub"] == access["sub"] and identity["origin_jti"] == access["origin_jti"]
    with pytest.raises(jwt.InvalidSignatureError):
        claims(result["AccessToken"][:-6] + "AAAAAA")


def test_discovery_document_names_the_keys(pool: Pool, sandbox: Sandbox) -> None:
    document = httpx.get(f"{sandbox.url}/{pool.id}/.well-known/openid-configuration").json()
    assert document["issuer"] == f"https://cognito-idp.{HOME}.amazonaws.com/{pool.id}"
    assert document["jwks_uri"] == f"{document['issuer']}/.well-known/jwks.json"
    assert httpx.get(f"{sandbox.url}/{HOME}_nobodys/.well-known/jwks.json").status_code == 404


def test_refresh_token_gives_new_tokens_of_the_same_session(pool: Pool) -> None:
    pool.user("stays")
    result = pool.tokens("stays")
    renewed = pool.refresh(result["RefreshToken"])
    assert "RefreshToken" not in renewed
    old, new = (jwt.decode(r["AccessToken"], options={"verify_signature": False}) for r in (result, renewed))
    assert old["origin_jti"] == new["origin_jti"] and old["jti"] != new["jti"]
    invalid = ("NotAuthorizedException", "Invalid Refresh Token")
    assert refused(pool.refresh, token="nobodys") == invalid


def test_rotated_refresh_token_is_good_once(pool: Pool) -> None:
    pool.user("rotates")
    rotation = {"Feature": "ENABLED", "RetryGracePeriodSeconds": 0}
    app = pool.client(RefreshTokenRotation=rotation, ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH"])
    given = {"USERNAME": "rotates", "PASSWORD": PASSWORD}
    flow = {"ClientId": app, "AuthFlow": "USER_PASSWORD_AUTH"}
    first = pool.aws.initiate_auth(AuthParameters=given, **flow)["AuthenticationResult"]["RefreshToken"]
    renew = pool.aws.get_tokens_from_refresh_token
    second = renew(ClientId=app, RefreshToken=first)["AuthenticationResult"]["RefreshToken"]
    assert second != first
    assert refused(renew, ClientId=app, RefreshToken=first)[0] == "NotAuthorizedException"
    assert renew(ClientId=app, RefreshToken=second)["AuthenticationResult"]["AccessToken"]


def test_revoked_token_ends_its_session_alone(pool: Pool) -> None:
    pool.user("revokes")
    one, other = pool.tokens("revokes"), pool.tokens("revokes")
    pool.aws.revoke_token(Token=one["RefreshToken"], ClientId=pool.app)
    revoked = ("NotAuthorizedException", "Access Token has been revoked")
    assert refused(pool.aws.get_user, AccessToken=one["AccessToken"]) == revoked
    refusal = refused(pool.refresh, token=one["RefreshToken"])
    assert refusal == ("NotAuthorizedException", "Refresh Token has been revoked")
    assert pool.aws.get_user(AccessToken=other["AccessToken"])["Username"] == "revokes"
    unsupported = refused(pool.aws.revoke_token, Token=other["AccessToken"], ClientId=pool.app)
    assert unsupported[0] == "UnsupportedTokenTypeException"


@pytest.mark.parametrize("by", ["user", "administrator"])
def test_global_sign_out_ends_every_session(pool: Pool, by: str) -> None:
    name = f"leaves-{by}"
    pool.user(name)
    one, other = pool.tokens(name), pool.tokens(name)
    if by == "user":
        pool.aws.global_sign_out(AccessToken=one["AccessToken"])
    else:
        pool.aws.admin_user_global_sign_out(UserPoolId=pool.id, Username=name)
    for result in (one, other):
        refusal = refused(pool.aws.get_user, AccessToken=result["AccessToken"])
        assert refusal == ("NotAuthorizedException", "Access Token has been revoked")
        assert refused(pool.refresh, token=result["RefreshToken"])[0] == "NotAuthorizedException"
    assert pool.tokens(name)
