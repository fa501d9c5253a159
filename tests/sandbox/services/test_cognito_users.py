"""Users of a pool: sign-up, recovery, what a user changes of its own, lists."""

import pytest

from devtools.sandbox import Keys, Sandbox
from tests.sandbox.services.cognito import INVALID, NEW, PASSWORD, WRONG, Pool, attributes
from tests.sandbox.support import refused

ACCOUNT = "210000000062"


@pytest.fixture(scope="module")
def pool(sandbox: Sandbox, keys: Keys) -> Pool:
    return Pool(sandbox, keys, {"AutoVerifiedAttributes": ["email"]})


def signed_up(pool: Pool, name: str) -> None:
    told = attributes(email=f"{name}@example.com")
    pool.aws.sign_up(ClientId=pool.app, Username=name, Password=PASSWORD, UserAttributes=told)


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
