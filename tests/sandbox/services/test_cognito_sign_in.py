"""Signing in to a pool: by password and SRP, who is refused, and the second factor."""

import base64
import hashlib
import hmac
import json
from typing import Any

import pyotp
import pytest

from devtools.sandbox import Keys, Sandbox
from tests.sandbox.services.cognito import INVALID, NEW, PASSWORD, WRONG, Pool, SrpClient, attributes
from tests.sandbox.support import refused

ACCOUNT = "210000000093"


@pytest.fixture(scope="module")
def pool(sandbox: Sandbox, keys: Keys) -> Pool:
    return Pool(sandbox, keys, {"AutoVerifiedAttributes": ["email"]})


def answer(pool: Pool, challenge: dict[str, Any], **responses: str) -> dict[str, Any]:
    """RespondToAuthChallenge's answer."""
    given: dict[str, Any] = {"ChallengeName": challenge["ChallengeName"], "ChallengeResponses": responses}
    if "Session" in challenge:
        given["Session"] = challenge["Session"]
    answered: dict[str, Any] = pool.aws.respond_to_auth_challenge(ClientId=pool.app, **given)
    return answered


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
