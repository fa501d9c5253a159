"""A pool in two regions: what its replica needs, does and refuses, and how far behind it is."""

import json
import time
from collections.abc import Callable
from typing import Any

import httpx
import jwt
import pytest

from devtools.sandbox import Keys, Sandbox
from tests.sandbox.services.cognito import HOME, OTHER, PASSWORD, Pool, anonymous, attributes, client_of
from tests.sandbox.support import Stacks, refused, template

ACCOUNT = "210000000063"
INVALID = "InvalidParameterException"
NOT_ENABLED = "OperationNotEnabledException"
NEW = "Better-Horse-2"
Client = Callable[..., Any]


@pytest.fixture(scope="module")
def client(sandbox: Sandbox, keys: Keys) -> Client:
    return lambda service="cognito-idp", region=OTHER: client_of(sandbox, keys, region, service)


@pytest.fixture(scope="module")
def key(client: Client) -> str:
    """A multi-Region key that both regions have."""
    arn = str(client("kms", HOME).create_key(MultiRegion=True)["KeyMetadata"]["Arn"])
    client("kms", HOME).replicate_key(KeyId=arn, ReplicaRegion=OTHER)
    return arn


def fit(key: str, **more: Any) -> dict[str, Any]:
    """Settings of a pool that can have a replica."""
    return {
        "KeyConfiguration": {"KeyType": "CUSTOMER_MANAGED_KEY", "KmsKeyArn": key},
        "IssuerConfiguration": {"Type": "UPDATED"},
        **more,
    }


def replicate(pool: Pool, **more: Any) -> None:
    pool.aws.create_user_pool_replica(UserPoolId=pool.id, RegionName=OTHER, **more)


def activate(pool: Pool, status: str = "ACTIVE") -> None:
    pool.aws.update_user_pool_replica(UserPoolId=pool.id, RegionName=OTHER, Status=status)


def eventually(check: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not check():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture(scope="module")
def pool(sandbox: Sandbox, keys: Keys, key: str) -> Pool:
    """A pool with an active replica."""
    made = Pool(sandbox, keys, fit(key, AutoVerifiedAttributes=["email"]))
    made.user("ann", email="ann@example.com")
    replicate(made)
    activate(made)
    return made


@pytest.fixture(scope="module")
def there(sandbox: Sandbox) -> Any:
    """The other region's public side."""
    return anonymous(sandbox, OTHER)


def test_replica_needs_its_plan_and_a_key_of_both_regions(
    sandbox: Sandbox, keys: Keys, key: str, client: Client
) -> None:
    lite = Pool(sandbox, keys, fit(key, UserPoolTier="LITE"))
    assert refused(replicate, pool=lite)[0] == "FeatureUnavailableInTierException"
    plain = Pool(sandbox, keys)
    assert refused(replicate, pool=plain)[0] == INVALID
    alone = client("kms", HOME).create_key(MultiRegion=True)["KeyMetadata"]["Arn"]
    bad = Pool(sandbox, keys, fit(alone))
    assert refused(replicate, pool=bad)[0] == INVALID
    good = Pool(sandbox, keys, fit(key))
    replicate(good)
    third = {"UserPoolId": good.id, "RegionName": "eu-west-2"}
    assert refused(good.aws.create_user_pool_replica, **third)[0] == "LimitExceededException"
    settings = {"UserPoolId": good.id, **fit(key, UserPoolTier="LITE")}
    assert refused(good.aws.update_user_pool, **settings)[0] == "FeatureUnavailableInTierException"


def test_replica_is_creating_then_inactive_then_active(
    sandbox: Sandbox, keys: Keys, key: str, client: Client, there: Any
) -> None:
    made = Pool(sandbox, keys, fit(key))
    made.user("ann")
    sandbox.settings(speed=1, durations={"AWS::Cognito::UserPoolReplica": {"create": 1.0}})

    def roles() -> dict[str, tuple[str, str]]:
        found = made.aws.list_user_pool_replicas(UserPoolId=made.id)["UserPoolReplicas"]
        return {r["RegionName"]: (r["Role"], r["Status"]) for r in found}

    replicate(made, UserPoolTags={"side": "second"})
    assert roles() == {HOME: ("PRIMARY", "ACTIVE"), OTHER: ("SECONDARY", "CREATING")}
    gone = refused(client().describe_user_pool, UserPoolId=made.id)
    assert gone == ("ResourceNotFoundException", f"User pool {made.id} does not exist.")
    eventually(lambda: roles()[OTHER] == ("SECONDARY", "INACTIVE"))
    shown = client().describe_user_pool(UserPoolId=made.id)["UserPool"]
    assert shown["Arn"] == f"arn:aws:cognito-idp:{OTHER}:{ACCOUNT}:userpool/{made.id}"
    assert shown["UserPoolTags"] == {"side": "second"}
    assert client().admin_get_user(UserPoolId=made.id, Username="ann")["UserStatus"] == "CONFIRMED"
    assert refused(made.start, name="ann", aws=there)[0] == NOT_ENABLED
    client().update_user_pool_replica(UserPoolId=made.id, RegionName=OTHER, Status="ACTIVE")
    assert roles()[OTHER] == ("SECONDARY", "ACTIVE")
    assert made.tokens("ann", aws=there)["TokenType"] == "Bearer"


def test_replica_signs_in_with_the_same_issuer_and_keys(pool: Pool, there: Any, sandbox: Sandbox) -> None:
    home = pool.tokens("ann")
    away = pool.tokens("ann", aws=there)
    published = jwt.PyJWKClient(f"{sandbox.url}/{pool.id}/.well-known/jwks.json")
    issuer = f"https://issuer-cognito-idp.{HOME}.amazonaws.com/{pool.id}"
    for result in (home, away):
        found = published.get_signing_key_from_jwt(result["IdToken"])
        jwt.decode(result["IdToken"], found, algorithms=["RS256"], audience=pool.app, issuer=issuer)
    assert there.get_user(AccessToken=home["AccessToken"])["Username"] == "ann"
    assert pool.refresh(home["RefreshToken"], aws=there)["AccessToken"]


def test_original_issuer_is_each_regions_own(sandbox: Sandbox, keys: Keys, key: str, there: Any) -> None:
    made = Pool(sandbox, keys, fit(key, IssuerConfiguration={"Type": "ORIGINAL"}))
    made.user("ann")
    replicate(made)
    activate(made)
    told = jwt.decode(made.tokens("ann", aws=there)["AccessToken"], options={"verify_signature": False})
    assert told["iss"] == f"https://cognito-idp.{OTHER}.amazonaws.com/{made.id}"


@pytest.mark.parametrize(
    ("call", "params"),
    [
        ("admin_create_user", {"Username": "new"}),
        ("admin_set_user_password", {"Username": "ann", "Password": NEW}),
        ("admin_update_user_attributes", {"Username": "ann", "UserAttributes": attributes(name="x")}),
        ("admin_delete_user", {"Username": "ann"}),
        ("create_user_pool_client", {"ClientName": "new"}),
        ("create_group", {"GroupName": "new"}),
        ("delete_user_pool", {}),
        ("delete_user_pool_replica", {"RegionName": OTHER}),
    ],
)
def test_secondary_does_not_write_the_directory(
    pool: Pool, client: Client, call: str, params: dict[str, Any]
) -> None:
    assert refused(getattr(client(), call), UserPoolId=pool.id, **params)[0] == NOT_ENABLED


def test_users_cannot_sign_up_or_change_themselves_at_the_secondary(pool: Pool, there: Any) -> None:
    sign_up = {"ClientId": pool.app, "Username": "new", "Password": PASSWORD}
    assert refused(there.sign_up, **sign_up)[0] == NOT_ENABLED
    assert refused(there.forgot_password, ClientId=pool.app, Username="ann")[0] == NOT_ENABLED
    token = pool.tokens("ann", aws=there)["AccessToken"]
    change = {"AccessToken": token, "UserAttributes": attributes(name="x")}
    assert refused(there.update_user_attributes, **change)[0] == NOT_ENABLED


def test_user_with_a_time_based_code_signs_in_at_the_primary_only(
    sandbox: Sandbox, keys: Keys, key: str, there: Any
) -> None:
    made = Pool(sandbox, keys, fit(key))
    made.aws.set_user_pool_mfa_config(
        UserPoolId=made.id, MfaConfiguration="ON", SoftwareTokenMfaConfiguration={"Enabled": True}
    )
    made.user("ann")
    replicate(made)
    activate(made)
    assert made.start("ann")["ChallengeName"] == "MFA_SETUP"
    assert refused(made.start, name="ann", aws=there)[0] == NOT_ENABLED


def test_regional_settings_are_the_replicas_own(pool: Pool, client: Client, key: str) -> None:
    shared = fit(key, AutoVerifiedAttributes=["email"])
    mail = {"EmailSendingAccount": "COGNITO_DEFAULT", "ReplyToEmailAddress": "help@example.com"}
    client().update_user_pool(UserPoolId=pool.id, EmailConfiguration=mail, **shared)
    other = refused(client().update_user_pool, UserPoolId=pool.id, DeletionProtection="ACTIVE", **shared)
    assert other[0] == INVALID
    shown = [
        aws.describe_user_pool(UserPoolId=pool.id)["UserPool"]["EmailConfiguration"]
        for aws in (client(), pool.aws)
    ]
    assert shown == [mail, {"EmailSendingAccount": "COGNITO_DEFAULT"}]


def test_change_arrives_after_a_while(pool: Pool, there: Any, sandbox: Sandbox) -> None:
    pool.user("slow")
    sandbox.settings(speed=1, durations={"Sandbox::Cognito::Replication": {"create": 1.5}})
    pool.aws.admin_set_user_password(UserPoolId=pool.id, Username="slow", Password=NEW, Permanent=True)
    assert pool.tokens("slow", NEW)
    assert pool.tokens("slow", PASSWORD, aws=there)
    assert refused(pool.start, name="slow", password=NEW, aws=there)[0] == "NotAuthorizedException"

    def arrived() -> bool:
        try:
            return bool(pool.tokens("slow", NEW, aws=there))
        except there.exceptions.NotAuthorizedException:
            return False

    eventually(arrived)


def test_dark_primary_leaves_sign_in_to_its_replica(pool: Pool, there: Any, sandbox: Sandbox) -> None:
    pool.user("stranded")
    held = pool.tokens("stranded")
    path = f"/{pool.id}/.well-known/jwks.json"

    def keys_at(host: str) -> int:
        return httpx.get(f"{sandbox.url}{path}", headers={"host": f"{host}.amazonaws.com"}).status_code

    sandbox.fault("dark", region=HOME, account=ACCOUNT)
    unreachable = refused(pool.aws.get_user, AccessToken=held["AccessToken"])
    assert unreachable[0] == "ServiceUnavailable"
    assert pool.tokens("stranded", aws=there)
    assert pool.refresh(held["RefreshToken"], aws=there)["AccessToken"]
    found = {name: keys_at(f"{name}.{HOME}") for name in ("issuer-cognito-idp", "cognito-idp")}
    assert found == {"issuer-cognito-idp": 200, "cognito-idp": 503}
    assert keys_at(f"cognito-idp.{OTHER}") == 200


def test_dark_replica_is_told_later(pool: Pool, client: Client, sandbox: Sandbox) -> None:
    sandbox.fault("dark", region=OTHER, account=ACCOUNT)
    pool.user("late")
    sandbox.lift_faults()

    def arrived() -> bool:
        found = client().list_users(UserPoolId=pool.id, Filter='username = "late"')["Users"]
        return [u["UserStatus"] for u in found] == ["CONFIRMED"]

    assert not arrived()
    eventually(arrived)


def test_sign_out_at_the_replica_is_its_own_and_lasts(pool: Pool, client: Client, there: Any) -> None:
    pool.user("leaves")
    held = pool.tokens("leaves")
    client().admin_user_global_sign_out(UserPoolId=pool.id, Username="leaves")
    revoked = ("NotAuthorizedException", "Access Token has been revoked")
    assert refused(there.get_user, AccessToken=held["AccessToken"]) == revoked
    assert pool.aws.get_user(AccessToken=held["AccessToken"])["Username"] == "leaves"
    told = attributes(name="Leah")
    pool.aws.admin_update_user_attributes(UserPoolId=pool.id, Username="leaves", UserAttributes=told)
    assert refused(there.get_user, AccessToken=held["AccessToken"]) == revoked


def test_replica_is_deleted_only_when_inactive_and_takes_its_copies_along(
    sandbox: Sandbox, keys: Keys, key: str, client: Client
) -> None:
    made = Pool(sandbox, keys, fit(key))
    replicate(made)
    activate(made)
    where = {"UserPoolId": made.id, "RegionName": OTHER}
    assert refused(made.aws.delete_user_pool, UserPoolId=made.id)[0] == INVALID
    assert refused(made.aws.delete_user_pool_replica, **where)[0] == INVALID
    activate(made, "INACTIVE")
    made.aws.delete_user_pool_replica(**where)
    assert refused(client().describe_user_pool, UserPoolId=made.id)[0] == "ResourceNotFoundException"
    assert made.app not in str(sandbox.control("GET", "resources", account=ACCOUNT, region=OTHER))
    made.aws.delete_user_pool(UserPoolId=made.id)


def test_domain_fails_over_to_a_replica_by_a_health_check(pool: Pool, client: Client) -> None:
    config = {"Type": "HTTPS", "FullyQualifiedDomainName": "auth.example.com"}
    check = client("route53").create_health_check(CallerReference="mrr", HealthCheckConfig=config)[
        "HealthCheck"
    ]
    routing = {"Failover": {"SecondaryRegion": OTHER, "PrimaryRoute53HealthCheckId": check["Id"]}}
    domain = {"UserPoolId": pool.id, "Domain": "fails-over"}
    nowhere = {"Failover": {**routing["Failover"], "SecondaryRegion": "eu-west-2"}}
    pool.aws.create_user_pool_domain(**domain)
    assert refused(pool.aws.update_user_pool_domain, Routing=nowhere, **domain)[0] == INVALID
    pool.aws.update_user_pool_domain(Routing=routing, **domain)
    shown = pool.aws.describe_user_pool_domain(Domain="fails-over")["DomainDescription"]
    assert shown["Routing"] == routing


def cognito(kind: str, **properties: Any) -> dict[str, Any]:
    return {"Type": f"AWS::Cognito::{kind}", "Properties": properties}


def test_stacks_of_both_regions_make_a_replica_and_its_settings(client: Client, key: str) -> None:
    home, away = Stacks(client("cloudformation", HOME)), Stacks(client("cloudformation"))
    ref = {"Ref": "Pool"}
    resources = {
        "Pool": cognito("UserPool", **fit(key)),
        "Second": cognito(
            "UserPoolReplica", UserPoolId=ref, RegionName=OTHER, UserPoolTagsAtCreate={"a": "1"}
        ),
    }
    made = home.create("mrr", template(**resources))
    assert made["StackStatus"] == "CREATE_COMPLETE", home.events("mrr")
    id = home.physical("mrr")["Pool"]
    mail = {"EmailSendingAccount": "COGNITO_DEFAULT", "ReplyToEmailAddress": "help@example.com"}
    settings = cognito(
        "UserPoolRegionalConfigurationAttachment",
        UserPoolId=id,
        Status="ACTIVE",
        EmailConfiguration=mail,
        UserPoolTags={"b": "2"},
    )
    made = away.create("mrr", template(Settings=settings))
    assert made["StackStatus"] == "CREATE_COMPLETE", away.events("mrr")
    shown = client().describe_user_pool(UserPoolId=id)["UserPool"]
    assert shown["EmailConfiguration"] == mail
    assert {k: shown["UserPoolTags"][k] for k in "ab"} == {"a": "1", "b": "2"}

    def status() -> str:
        found = client().list_user_pool_replicas(UserPoolId=id)["UserPoolReplicas"]
        return str(next(r["Status"] for r in found if r["Role"] == "SECONDARY"))

    assert status() == "ACTIVE"
    failed = home.delete("mrr")
    assert failed["StackStatus"] == "DELETE_FAILED", json.dumps(home.events("mrr"))
    assert away.delete("mrr")["StackStatus"] == "DELETE_COMPLETE"
    assert status() == "INACTIVE"
    assert home.delete("mrr")["StackStatus"] == "DELETE_COMPLETE"
    assert refused(client().describe_user_pool, UserPoolId=id)[0] == "ResourceNotFoundException"
