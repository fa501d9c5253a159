"""Users of a pool: sign-up, recovery, sign-in by password and SRP, tokens, the second factor."""

import base64
import hashlib
import hmac
import json
from typing import Any

import httpx
import jwt
import pyotp
import pytest

from devtools.sandbox import Keys, Sandbox
from tests.sandbox.services.cognito import HOME, PASSWORD, Pool, SrpClient, attributes
from tests.sandbox.support import refused

ACCOUNT = "210000000062"
INVALID = "InvalidParameterException"
WRONG = ("NotAuthorizedException", "Incorrect username or password.")
NEW = "Better-Horse-2"


@pytest.fixture(scope="module")
def pool(sandbox: Sandbox, keys: Keys) -> Pool:
    return Pool(sandbox, keys, {"AutoVerifiedAttributes": ["email"]})


def signed_up(pool: Pool, name: str) -> None:
    told = attributes(email=f"{name}@example.com")
    pool.aws.sign_up(ClientId=pool.app, Username=name, Password=PASSWORD, UserAttributes=told)


def answer(pool: Pool, challenge: dict[str, Any], **responses: str) -> dict[str, Any]:
    """RespondToAuthChallenge's answer."""
    given: dict[str, Any] = {"ChallengeName": challenge["ChallengeName"], "ChallengeResponses": responses}
    if "Session" in challenge:
        given["Session"] = challenge["Session"]
    answered: dict[str, Any] = pool.aws.respond_to_auth_challenge(ClientId=pool.app, **given)
    return answered


# -- sign-up and recovery


def test_user_signs_up_and_confirms_with_the_code_that_was_sent(pool: Pool) -> None:
    signed_up(pool, "ann")
    assert pool.status("ann") == "UNCONFIRMED"
    assert refused(pool.start, name="ann") == ("UserNotConfirmedException", "User is not confirmed.")
    again = refused(pool.aws.sign_up, ClientId=pool.app, Username="ann", Password=PASSWORD)
    assert again == ("UsernameExistsException", "User already exists")
    sent = pool.sent("ann")
    assert (sent["kind"], sent["medium"], sent["destination"]) == ("sign-up", "EMAIL", "ann@example.com")
    wrong = "000000" if sent["text"] != "000000" else "000001"
    confirm = pool.aws.confirm_sign_up
    who = {"ClientId": pool.app, "Username": "ann"}
    mismatch = ("CodeMismatchException", "Invalid verification code provided, please try again.")
    assert refused(confirm, ConfirmationCode=wrong, **who) == mismatch
    confirm(ConfirmationCode=sent["text"], **who)
    shown = pool.aws.admin_get_user(UserPoolId=pool.id, Username="ann")
    assert shown["UserStatus"] == "CONFIRMED"
    assert {"Name": "email_verified", "Value": "true"} in shown["UserAttributes"]
    twice = ("NotAuthorizedException", "User cannot be confirmed. Current status is CONFIRMED")
    assert refused(confirm, ConfirmationCode=sent["text"], **who) == twice


def test_new_code_takes_the_old_ones_place_and_an_administrator_needs_none(pool: Pool) -> None:
    signed_up(pool, "bob")
    old = pool.sent("bob")["text"]
    pool.aws.resend_confirmation_code(ClientId=pool.app, Username="bob")
    new = pool.sent("bob")["text"]
    if new != old:
        code, _ = refused(pool.aws.confirm_sign_up, ClientId=pool.app, Username="bob", ConfirmationCode=old)
        assert code == "CodeMismatchException"
    pool.aws.admin_confirm_sign_up(UserPoolId=pool.id, Username="bob")
    assert pool.status("bob") == "CONFIRMED"


def test_sign_up_is_refused_where_only_administrators_make_users(sandbox: Sandbox, keys: Keys) -> None:
    closed = Pool(sandbox, keys, {"AdminCreateUserConfig": {"AllowAdminCreateUserOnly": True}})
    refusal = refused(closed.aws.sign_up, ClientId=closed.app, Username="ann", Password=PASSWORD)
    assert refusal == ("NotAuthorizedException", "SignUp is not permitted for this user pool")


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("Short-1", "Password not long enough"),
        ("lower-case-1", "Password must have uppercase characters"),
        ("UPPER-CASE-1", "Password must have lowercase characters"),
        ("No-Numbers", "Password must have numeric characters"),
        ("NoSymbols1", "Password must have symbol characters"),
    ],
)
def test_password_has_to_conform(pool: Pool, password: str, why: str) -> None:
    refusal = refused(pool.aws.sign_up, ClientId=pool.app, Username="weak", Password=password)
    assert refusal == ("InvalidPasswordException", f"Password did not conform with policy: {why}")


def test_forgotten_password_is_set_anew_with_the_code(pool: Pool) -> None:
    pool.user("forgets", email="forgets@example.com")
    who = {"ClientId": pool.app, "Username": "forgets"}
    details = pool.aws.forgot_password(**who)["CodeDeliveryDetails"]
    assert details == {"Destination": "f***@e***", "DeliveryMedium": "EMAIL", "AttributeName": "email"}
    code = pool.sent("forgets")["text"]
    pool.aws.confirm_forgot_password(ConfirmationCode=code, Password=NEW, **who)
    assert refused(pool.start, name="forgets") == WRONG
    assert pool.tokens("forgets", NEW)
    used = refused(pool.aws.confirm_forgot_password, ConfirmationCode=code, Password=NEW, **who)
    assert used == ("ExpiredCodeException", "Invalid code provided, please request a code again.")
    pool.user("no-address")
    assert refused(pool.aws.forgot_password, ClientId=pool.app, Username="no-address") == (
        INVALID,
        "Cannot reset password for the user as there is no registered/verified email or phone_number",
    )


def test_administrator_resets_a_password(pool: Pool) -> None:
    pool.user("reset", email="reset@example.com")
    pool.aws.admin_reset_user_password(UserPoolId=pool.id, Username="reset")
    assert refused(pool.start, name="reset")[0] == "PasswordResetRequiredException"
    code = pool.sent("reset")["text"]
    who = {"ClientId": pool.app, "Username": "reset"}
    pool.aws.confirm_forgot_password(ConfirmationCode=code, Password=NEW, **who)
    assert pool.tokens("reset", NEW)


def test_username_is_an_email_where_the_pool_says_so(sandbox: Sandbox, keys: Keys) -> None:
    by_email = Pool(sandbox, keys, {"UsernameAttributes": ["email"], "AutoVerifiedAttributes": ["email"]})
    refusal = refused(by_email.aws.sign_up, ClientId=by_email.app, Username="ann", Password=PASSWORD)
    assert refusal == (INVALID, "Username should be an email.")
    sub = by_email.aws.sign_up(ClientId=by_email.app, Username="Ann@example.com", Password=PASSWORD)[
        "UserSub"
    ]
    by_email.aws.admin_confirm_sign_up(UserPoolId=by_email.id, Username="ann@example.com")
    shown = by_email.aws.admin_get_user(UserPoolId=by_email.id, Username="ann@example.com")
    assert shown["Username"] == sub
    result = by_email.tokens("ann@example.com")
    assert by_email.aws.get_user(AccessToken=result["AccessToken"])["Username"] == sub


def test_alias_signs_in_once_it_is_verified_and_is_one_users(sandbox: Sandbox, keys: Keys) -> None:
    aliased = Pool(sandbox, keys, {"AliasAttributes": ["email"], "AutoVerifiedAttributes": ["email"]})
    aliased.user("ann", email="ann@example.com")
    assert aliased.tokens("ann@example.com")
    signed_up(aliased, "eve")
    told = attributes(email="ann@example.com", email_verified="true")
    change = aliased.aws.admin_update_user_attributes
    refusal = refused(change, UserPoolId=aliased.id, Username="eve", UserAttributes=told)
    assert refusal == ("AliasExistsException", "An account with the email already exists.")


# -- sign-in


def test_invited_user_sets_a_password_of_its_own(pool: Pool) -> None:
    told = attributes(email="guest@example.com", email_verified="true")
    media = ["EMAIL"]
    pool.aws.admin_create_user(
        UserPoolId=pool.id, Username="guest", UserAttributes=told, DesiredDeliveryMediums=media
    )
    assert pool.status("guest") == "FORCE_CHANGE_PASSWORD"
    temporary = pool.sent("guest")["text"]
    challenge = pool.start("guest", temporary)
    assert challenge["ChallengeName"] == "NEW_PASSWORD_REQUIRED"
    shown = json.loads(challenge["ChallengeParameters"]["userAttributes"])
    assert shown["email"] == "guest@example.com"
    weak = refused(answer, pool=pool, challenge=challenge, USERNAME="guest", NEW_PASSWORD="weak")
    assert weak[0] == "InvalidPasswordException"
    result = answer(pool, challenge, USERNAME="guest", NEW_PASSWORD=NEW)["AuthenticationResult"]
    assert result["TokenType"] == "Bearer" and pool.status("guest") == "CONFIRMED"
    again = refused(answer, pool=pool, challenge=challenge, USERNAME="guest", NEW_PASSWORD=NEW)
    assert again == ("NotAuthorizedException", "Invalid session for the user.")


def test_wrong_passwords_unknown_and_disabled_users_are_refused(pool: Pool) -> None:
    pool.user("careful")
    assert refused(pool.start, name="careful", password="Wrong-Horse-1") == WRONG
    assert refused(pool.start, name="nobody") == ("UserNotFoundException", "User does not exist.")
    hiding = pool.client(PreventUserExistenceErrors="ENABLED")
    given = {"USERNAME": "nobody", "PASSWORD": PASSWORD}
    flow = {"AuthFlow": "USER_PASSWORD_AUTH", "AuthParameters": given}
    assert refused(pool.aws.initiate_auth, ClientId=hiding, **flow) == WRONG
    pool.aws.admin_disable_user(UserPoolId=pool.id, Username="careful")
    assert refused(pool.start, name="careful") == ("NotAuthorizedException", "User is disabled.")


def test_five_failures_lock_the_user_for_a_moment(pool: Pool) -> None:
    pool.user("locked")
    for _ in range(5):
        assert refused(pool.start, name="locked", password="Wrong-Horse-1") == WRONG
    assert refused(pool.start, name="locked") == ("NotAuthorizedException", "Password attempts exceeded")


def test_flow_that_the_client_does_not_allow_is_refused(pool: Pool) -> None:
    only_srp = pool.client(ExplicitAuthFlows=["ALLOW_USER_SRP_AUTH"])
    given = {"AuthParameters": {"USERNAME": "ann", "PASSWORD": PASSWORD}}
    start = pool.aws.initiate_auth
    assert refused(start, ClientId=only_srp, AuthFlow="USER_PASSWORD_AUTH", **given) == (
        INVALID,
        "USER_PASSWORD_AUTH flow not enabled for this client",
    )
    admin = {"UserPoolId": pool.id, "ClientId": only_srp, "AuthFlow": "ADMIN_USER_PASSWORD_AUTH"}
    assert refused(pool.aws.admin_initiate_auth, **admin, **given) == (
        INVALID,
        "Auth flow not enabled for this client",
    )
    assert refused(start, ClientId=pool.app, AuthFlow="ADMIN_USER_PASSWORD_AUTH", **given)[0] == INVALID


def test_client_with_a_secret_asks_for_its_hash(pool: Pool) -> None:
    pool.user("hashed")
    app = pool.client(GenerateSecret=True)
    shown = pool.aws.describe_user_pool_client(UserPoolId=pool.id, ClientId=app)["UserPoolClient"]
    digest = hmac.new(shown["ClientSecret"].encode(), f"hashed{app}".encode(), hashlib.sha256).digest()
    given = {"USERNAME": "hashed", "PASSWORD": PASSWORD}
    flow = {"UserPoolId": pool.id, "ClientId": app, "AuthFlow": "ADMIN_USER_PASSWORD_AUTH"}
    start = pool.aws.admin_initiate_auth
    assert refused(start, AuthParameters=given, **flow) == (
        "NotAuthorizedException",
        f"Client {app} is configured with secret but SECRET_HASH was not received",
    )
    wrong = {**given, "SECRET_HASH": base64.b64encode(bytes(32)).decode()}
    assert refused(start, AuthParameters=wrong, **flow) == (
        "NotAuthorizedException",
        f"Unable to verify secret hash for client {app}",
    )
    right = {**given, "SECRET_HASH": base64.b64encode(digest).decode()}
    assert start(AuthParameters=right, **flow)["AuthenticationResult"]


def test_srp_proves_the_password_without_telling_it(pool: Pool) -> None:
    pool.user("proves")

    def begin(password: str, name: str = "proves", app: str = "") -> tuple[SrpClient, dict[str, Any]]:
        side = SrpClient(pool.id, password)
        given = {"USERNAME": name, "SRP_A": f"{side.public:x}"}
        return side, pool.aws.initiate_auth(
            ClientId=app or pool.app, AuthFlow="USER_SRP_AUTH", AuthParameters=given
        )

    side, challenge = begin(PASSWORD)
    assert challenge["ChallengeName"] == "PASSWORD_VERIFIER"
    result = answer(pool, challenge, **side.claim(challenge["ChallengeParameters"]))["AuthenticationResult"]
    assert pool.aws.get_user(AccessToken=result["AccessToken"])["Username"] == "proves"
    claim = side.claim(challenge["ChallengeParameters"])
    assert refused(answer, pool=pool, challenge=challenge, **claim)[0] == "NotAuthorizedException"
    side, challenge = begin("Wrong-Horse-1")
    claim = side.claim(challenge["ChallengeParameters"])
    assert refused(answer, pool=pool, challenge=challenge, **claim) == WRONG
    zero = {"USERNAME": "proves", "SRP_A": "0"}
    flow = {"ClientId": pool.app, "AuthFlow": "USER_SRP_AUTH"}
    assert refused(pool.aws.initiate_auth, AuthParameters=zero, **flow)[0] == INVALID


def test_srp_does_not_tell_who_there_is(pool: Pool) -> None:
    hiding = pool.client(PreventUserExistenceErrors="ENABLED")
    side = SrpClient(pool.id, PASSWORD)
    given = {"USERNAME": "nobody", "SRP_A": f"{side.public:x}"}
    flow = {"ClientId": hiding, "AuthFlow": "USER_SRP_AUTH"}
    challenge = pool.aws.initiate_auth(AuthParameters=given, **flow)
    assert challenge["ChallengeName"] == "PASSWORD_VERIFIER"
    refusal = refused(
        pool.aws.respond_to_auth_challenge,
        ClientId=hiding,
        ChallengeName="PASSWORD_VERIFIER",
        ChallengeResponses=side.claim(challenge["ChallengeParameters"]),
    )
    assert refusal == WRONG


# -- tokens


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


def test_user_changes_its_own_account(pool: Pool) -> None:
    pool.user("own", email="own@example.com")
    token = {"AccessToken": pool.tokens("own")["AccessToken"]}
    told = attributes(email="new@example.com")
    [details] = pool.aws.update_user_attributes(UserAttributes=told, **token)["CodeDeliveryDetailsList"]
    assert details["AttributeName"] == "email"
    code = pool.sent("own")["text"]
    pool.aws.verify_user_attribute(AttributeName="email", Code=code, **token)
    shown = {a["Name"]: a["Value"] for a in pool.aws.get_user(**token)["UserAttributes"]}
    assert (shown["email"], shown["email_verified"]) == ("new@example.com", "true")
    verified = attributes(email_verified="true")
    refusal = refused(pool.aws.update_user_attributes, UserAttributes=verified, **token)
    assert refusal[0] == "NotAuthorizedException"
    change = pool.aws.change_password
    wrong = refused(change, PreviousPassword="Wrong-Horse-1", ProposedPassword=NEW, **token)
    assert wrong == WRONG
    change(PreviousPassword=PASSWORD, ProposedPassword=NEW, **token)
    assert pool.tokens("own", NEW)
    pool.aws.delete_user(**token)
    assert refused(pool.status, name="own")[0] == "UserNotFoundException"


def test_users_are_listed_by_filter(pool: Pool) -> None:
    pool.user("list-one", email="one@list.example")
    pool.user("list-two", email="two@list.example")

    def names(text: str) -> list[str]:
        found = pool.aws.list_users(UserPoolId=pool.id, Filter=text)["Users"]
        return sorted(u["Username"] for u in found)

    assert names('username ^= "list-"') == ["list-one", "list-two"]
    assert names('email = "two@list.example"') == ["list-two"]
    assert refused(names, text="email like x")[0] == INVALID


# -- the second factor


@pytest.fixture(scope="module")
def strict(sandbox: Sandbox, keys: Keys) -> Pool:
    """A pool that asks for time-based codes."""
    made = Pool(sandbox, keys)
    made.aws.set_user_pool_mfa_config(
        UserPoolId=made.id, MfaConfiguration="ON", SoftwareTokenMfaConfiguration={"Enabled": True}
    )
    return made


def code_of(sandbox: Sandbox, secret: str) -> str:
    """The code at the sandbox's time."""
    return pyotp.TOTP(secret).at(int(sandbox.control("GET", "clock")["now"]))


def test_second_factor_is_set_up_during_the_first_sign_in(strict: Pool, sandbox: Sandbox) -> None:
    strict.user("sets-up")
    challenge = strict.start("sets-up")
    assert challenge["ChallengeName"] == "MFA_SETUP"
    early = refused(answer, pool=strict, challenge=challenge, USERNAME="sets-up")
    assert early[0] == INVALID
    secret = strict.aws.associate_software_token(Session=challenge["Session"])["SecretCode"]
    verify = strict.aws.verify_software_token
    code = code_of(sandbox, secret)
    wrong = f"{(int(code) + 500_000) % 1_000_000:06d}"
    mismatch = refused(verify, Session=challenge["Session"], UserCode=wrong)
    assert mismatch == ("EnableSoftwareTokenMFAException", "Code mismatch")
    assert verify(Session=challenge["Session"], UserCode=code)["Status"] == "SUCCESS"
    assert answer(strict, challenge, USERNAME="sets-up")["AuthenticationResult"]
    challenge = strict.start("sets-up")
    assert challenge["ChallengeName"] == "SOFTWARE_TOKEN_MFA"
    code = code_of(sandbox, secret)
    wrong = f"{(int(code) + 500_000) % 1_000_000:06d}"
    named = {"USERNAME": "sets-up"}
    mismatch = refused(answer, pool=strict, challenge=challenge, SOFTWARE_TOKEN_MFA_CODE=wrong, **named)
    assert mismatch == ("CodeMismatchException", "Invalid code received for user")
    assert answer(strict, challenge, SOFTWARE_TOKEN_MFA_CODE=code, **named)["AuthenticationResult"]


def test_optional_second_factor_is_asked_of_those_who_chose_it(sandbox: Sandbox, keys: Keys) -> None:
    made = Pool(sandbox, keys)
    made.aws.set_user_pool_mfa_config(
        UserPoolId=made.id, MfaConfiguration="OPTIONAL", SoftwareTokenMfaConfiguration={"Enabled": True}
    )
    made.user("chooses")
    token = {"AccessToken": made.tokens("chooses")["AccessToken"]}
    prefer = {"Enabled": True, "PreferredMfa": True}
    early = refused(made.aws.set_user_mfa_preference, SoftwareTokenMfaSettings=prefer, **token)
    assert early == (INVALID, "User has not verified software token mfa")
    secret = made.aws.associate_software_token(**token)["SecretCode"]
    made.aws.verify_software_token(UserCode=code_of(sandbox, secret), **token)
    assert made.tokens("chooses")
    made.aws.set_user_mfa_preference(SoftwareTokenMfaSettings=prefer, **token)
    assert made.start("chooses")["ChallengeName"] == "SOFTWARE_TOKEN_MFA"
    shown = made.aws.get_user(**token)
    assert shown["PreferredMfaSetting"] == "SOFTWARE_TOKEN_MFA"
