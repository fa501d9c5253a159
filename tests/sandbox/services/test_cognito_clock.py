"""What time does to a pool's users, by a sandbox whose clock is put forward, and what outlives its process."""

from collections.abc import Iterator

import httpx
import pytest

from devtools.processes import free_port
from devtools.sandbox import Keys, Sandbox
from tests.sandbox.services.cognito import OTHER, PASSWORD, Pool, anonymous, attributes
from tests.sandbox.support import refused

ACCOUNT = "210000000064"
HOUR_S, DAY_S = 3600, 86400
MINUTE_S = 60


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox of its own: its clock is put forward, and it is stopped and started."""
    process = Sandbox(home=tmp_path_factory.mktemp("cognito") / "state", port=free_port())
    process.start()
    process.settings(speed=0)
    yield process
    process.stop()


@pytest.fixture(scope="module")
def keys(own: Sandbox) -> Keys:
    return own.account(ACCOUNT)


@pytest.fixture(scope="module")
def pool(own: Sandbox, keys: Keys) -> Pool:
    return Pool(own, keys, {"AutoVerifiedAttributes": ["email"]})


def later(own: Sandbox, seconds: float) -> None:
    own.control("POST", "clock", {"advance_s": seconds})


def test_tokens_expire_by_the_sandboxs_clock(own: Sandbox, pool: Pool) -> None:
    pool.user("ann")
    result = pool.tokens("ann")
    later(own, HOUR_S + 1)
    expired = refused(pool.aws.get_user, AccessToken=result["AccessToken"])
    assert expired == ("NotAuthorizedException", "Access Token has expired")
    renewed = pool.refresh(result["RefreshToken"])
    assert pool.aws.get_user(AccessToken=renewed["AccessToken"])["Username"] == "ann"
    later(own, 30 * DAY_S)
    refusal = refused(pool.refresh, token=result["RefreshToken"])
    assert refusal == ("NotAuthorizedException", "Refresh Token has expired")


def test_lock_ends_and_grows_with_each_failure(own: Sandbox, pool: Pool) -> None:
    pool.user("tries")
    wrong = ("NotAuthorizedException", "Incorrect username or password.")
    locked = ("NotAuthorizedException", "Password attempts exceeded")
    for _ in range(5):
        assert refused(pool.start, name="tries", password="Wrong-Horse-1") == wrong
    later(own, 1.1)
    assert refused(pool.start, name="tries", password="Wrong-Horse-1") == wrong
    later(own, 0.5)
    assert refused(pool.start, name="tries") == locked
    later(own, 2)
    assert pool.tokens("tries")


def test_codes_sessions_and_temporary_passwords_expire(own: Sandbox, pool: Pool) -> None:
    told = attributes(email="late@example.com")
    pool.aws.sign_up(ClientId=pool.app, Username="late", Password=PASSWORD, UserAttributes=told)
    code = pool.sent("late")["text"]
    pool.aws.admin_create_user(
        UserPoolId=pool.id, Username="guest", TemporaryPassword=PASSWORD, MessageAction="SUPPRESS"
    )
    challenge = pool.start("guest")
    later(own, 3 * MINUTE_S + 1)
    refusal = refused(
        pool.aws.respond_to_auth_challenge,
        ClientId=pool.app,
        ChallengeName="NEW_PASSWORD_REQUIRED",
        Session=challenge["Session"],
        ChallengeResponses={"USERNAME": "guest", "NEW_PASSWORD": "Better-Horse-2"},
    )
    assert refusal == ("NotAuthorizedException", "Invalid session for the user, session is expired.")
    later(own, DAY_S)
    confirm = pool.aws.confirm_sign_up
    expired = refused(confirm, ClientId=pool.app, Username="late", ConfirmationCode=code)
    assert expired == ("ExpiredCodeException", "Invalid code provided, please request a code again.")
    later(own, 7 * DAY_S)
    assert refused(pool.start, name="guest") == (
        "NotAuthorizedException",
        "Temporary password has expired and must be reset by an administrator.",
    )


def test_users_keys_and_what_was_on_its_way_outlive_a_restart(own: Sandbox, keys: Keys) -> None:
    kms = own.client("kms", keys)
    key = kms.create_key(MultiRegion=True)["KeyMetadata"]["Arn"]
    kms.replicate_key(KeyId=key, ReplicaRegion=OTHER)
    made = Pool(own, keys, {"KeyConfiguration": {"KeyType": "CUSTOMER_MANAGED_KEY", "KmsKeyArn": key}})
    replica = {"UserPoolId": made.id, "RegionName": OTHER}
    made.aws.create_user_pool_replica(**replica)
    made.aws.update_user_pool_replica(Status="ACTIVE", **replica)
    made.user("ann")
    result = made.tokens("ann")
    published = f"{own.url}/{made.id}/.well-known/jwks.json"
    before = httpx.get(published).json()
    own.settings(speed=1, durations={"Sandbox::Cognito::Replication": {"create": 60}})
    made.user("bob")
    there = anonymous(own, OTHER)
    assert refused(made.start, name="bob", aws=there)[0] == "UserNotFoundException"
    own.stop()
    own.start()
    assert httpx.get(published).json() == before
    assert made.aws.get_user(AccessToken=result["AccessToken"])["Username"] == "ann"
    assert made.tokens("bob", aws=there)
