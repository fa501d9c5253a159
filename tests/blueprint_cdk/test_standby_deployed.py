"""A standby in the life of an environment, on the local AWS: added, made warm, used, taken away; by boto3 alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from blueprint_cdk.constructs.traffic import METRIC, NAMESPACE
from devtools.sandbox import Sandbox
from tests.blueprint_cdk.deploying import PREFIX, Deployment
from tests.blueprint_cdk.support import OTHER, Assembly, Synthesise
from tests.sandbox.services.cognito import PASSWORD, SrpClient, anonymous, anonymous_identity
from tests.sandbox.support import refused

REGIONS = {"home": "eu-west-1", "other": OTHER}
ACCOUNT = "510000000{:03d}"


def within(look: Callable[[], Any], wanted: Any, seconds: float = 15.0) -> None:
    until = time.monotonic() + seconds
    while (found := look()) != wanted:
        assert time.monotonic() < until, (found, wanted)
        time.sleep(0.1)


class House:
    """An account with its zone, and what a standby is asked for there."""

    def __init__(
        self, sandbox: Sandbox, synthesise: Synthesise, number: int, modules: Sequence[str] = ("proxy",)
    ) -> None:
        keys = sandbox.account(ACCOUNT.format(number))
        self.sandbox, self._synthesise = sandbox, synthesise
        route53 = sandbox.client("route53", keys, "us-east-1")
        self.zone_name = f"z{number}.example.com"
        zone = route53.create_hosted_zone(Name=self.zone_name, CallerReference=f"z{number}")
        self.fixed = {
            "account_id": keys.account_id,
            "zone_id": zone["HostedZone"]["Id"].rpartition("/")[2],
            "zone_name": self.zone_name,
            "permissions_boundary_arn": None,
            # With and without a standby: what is compared is the standby alone.
            "modules": list(modules),
        }
        self.deployment = Deployment(sandbox, keys, REGIONS)

    def assembly(self, **spec: Any) -> Assembly:
        return self._synthesise(**self.fixed, **spec)

    def bring(self, standby: str, **spec: Any) -> list[str]:
        return self.deployment.bring(self.assembly(standby=standby, **spec), standby, self.fixed["modules"])

    def answers(self) -> str:
        """In which place the load balancer is that the address resolves to."""
        given = self._resolve(f"shop.{self.zone_name}")
        own = {place: self._resolve(f"{place}.{PREFIX}.{self.zone_name}") for place in REGIONS}
        return next((place for place, found in own.items() if found and found == given), "nowhere")

    def _resolve(self, name: str) -> set[str]:
        found = self.sandbox.control("GET", "resolve", name=name, type="A")
        return {str(row["value"]) for row in found["answers"]}

    def withdraw(self, place: str, *, by: str, value: int = 1) -> None:
        """Take a region out of the address, or put it back, by the switch in the region `by`."""
        self.deployment.client("cloudwatch", by).put_metric_data(
            Namespace=NAMESPACE,
            MetricData=[
                {
                    "MetricName": METRIC,
                    "Dimensions": [
                        {"Name": "Environment", "Value": "shop-k3x9"},
                        {"Name": "Region", "Value": REGIONS[place]},
                    ],
                    "Value": value,
                }
            ],
        )


SERVERLESS = {("operations", "AlarmsDatabaseCapacity223A699C")}


def kept(before: dict[tuple[str, str], str], after: dict[tuple[str, str], str]) -> None:
    """Nothing that was there was made anew, nor went: but for an alarm of serverless capacity, which a global database
    has none of.
    """
    stays = {place: id for place, id in before.items() if place not in SERVERLESS}
    assert {place: after.get(place) for place in stays} == stays


HOME_KEYS = ["network", "keys", "access", "data", "storage", "runner", "app", "operations"]


@pytest.mark.timeout(300)  # twelve stacks in two regions, four times over
def test_standby_is_added_made_warm_used_and_taken_away(sandbox: Sandbox, synthesise: Synthesise) -> None:
    house = House(sandbox, synthesise, 1)
    deployment = house.deployment
    assert house.bring("none") == [f"create {key}" for key in HOME_KEYS]
    before = deployment.physical()

    added = house.bring("pilot-light")
    assert [deed for deed in added if not deed.startswith("create ")] == [
        "update keys",
        "update access",
        "update data",
        "update storage",
        "update app",
        "update operations",
        "join storage",
        "join app",
    ]
    kept(before, deployment.physical())
    rds = deployment.client("rds", "other")
    [headless] = rds.describe_db_clusters(DBClusterIdentifier=f"{PREFIX}-other")["DBClusters"]
    assert headless["DBClusterMembers"] == [] and headless["Status"] == "available"
    pilot = deployment.physical()

    # The budget is of what it costs now.
    assert set(house.bring("warm")) == {"update operations", "update other-data", "update other-app"}
    kept(pilot, deployment.physical())
    # Nothing to do, and what was joined stays so.
    assert house.bring("warm") == []
    uploads_follow(deployment)
    traffic_moves(house)

    house.bring("none")
    assert deployment.there == dict.fromkeys(HOME_KEYS, "home")
    kept(before, deployment.physical())
    deployment.delete_all()


def uploads_follow(deployment: Deployment) -> None:
    """Objects and deletions, both ways."""
    buckets = {
        "home": deployment.outputs("storage")["UploadsBucket"],
        "other": deployment.outputs("other-storage")["OtherUploadsBucket"],
    }
    for here, there in (("home", "other"), ("other", "home")):
        deployment.client("s3", here).put_object(Bucket=buckets[here], Key=f"from-{here}", Body=b"seen")

        def keys(place: str = there) -> set[str]:
            found = deployment.client("s3", place).list_objects_v2(Bucket=buckets[place])
            return {row["Key"] for row in found.get("Contents", ())}

        within(lambda keys=keys, here=here: f"from-{here}" in keys(), True)
        deployment.client("s3", here).delete_object(Bucket=buckets[here], Key=f"from-{here}")
        within(lambda keys=keys, here=here: f"from-{here}" in keys(), False)


def traffic_moves(house: House) -> None:
    """By the region that takes it, and by nothing else: home withdrawn from the other region, and back from home."""
    assert house.answers() == "home"
    house.withdraw("home", by="other")
    within(house.answers, "other")
    # The other region is dark: what withdraws home cannot be told. Both are withdrawn now, and home answers.
    house.withdraw("other", by="home")
    within(house.answers, "home")


@pytest.mark.timeout(300)  # thirteen stacks in two regions, three times over
def test_users_have_a_replica_that_lets_them_in_and_goes_with_the_standby(
    sandbox: Sandbox, synthesise: Synthesise
) -> None:
    house = House(sandbox, synthesise, 2, modules=["identity"])
    deployment = house.deployment
    house.bring("none")
    before = deployment.physical()
    pool, app = (deployment.outputs("identity")[name] for name in ("UserPoolId", "UserPoolClientId"))
    home = deployment.client("cognito-idp")
    home.admin_create_user(UserPoolId=pool, Username="ann@example.com", MessageAction="SUPPRESS")
    home.admin_set_user_password(
        UserPoolId=pool, Username="ann@example.com", Password=PASSWORD, Permanent=True
    )
    tables = {place: deployment.client("dynamodb", place) for place in REGIONS}
    item = {"owner": {"S": "ann"}, "id": {"S": "first"}}
    tables["home"].put_item(TableName=f"{PREFIX}-user-data", Item=item)

    added = house.bring("pilot-light")
    kept(before, deployment.physical())
    assert {"create identity-replica", "create other-identity", "join identity"} <= set(added)
    # Home's stack is the same text but for what waits to be joined.
    assert added.count("update identity") <= 1
    found = home.list_user_pool_replicas(UserPoolId=pool)["UserPoolReplicas"]
    assert {row["RegionName"]: (row["Role"], row["Status"]) for row in found} == {
        REGIONS["home"]: ("PRIMARY", "ACTIVE"),
        OTHER: ("SECONDARY", "ACTIVE"),
    }
    there = anonymous(sandbox, OTHER)
    assert signed_in(there, pool, app)
    sign_up = {"ClientId": app, "Username": "bob@example.com", "Password": PASSWORD}
    assert refused(there.sign_up, **sign_up)[0] == "OperationNotEnabledException"

    def read(place: str, key: dict[str, Any]) -> Any:
        return tables[place].get_item(TableName=f"{PREFIX}-user-data", Key=key).get("Item")

    within(lambda: read("other", item), item)
    second = {"owner": {"S": "ann"}, "id": {"S": "second"}}
    tables["other"].put_item(TableName=f"{PREFIX}-user-data", Item=second)
    within(lambda: read("home", second), second)

    # Nothing to do, and what was joined stays so.
    assert house.bring("pilot-light") == []
    # Home is dark: who is known still gets in.
    sandbox.fault("dark", region=REGIONS["home"], account=house.fixed["account_id"])
    login = {f"cognito-idp.{OTHER}.amazonaws.com/{pool}": signed_in(there, pool, app)}
    credentials = anonymous_identity(sandbox, OTHER)
    identity = credentials.get_id(
        IdentityPoolId=deployment.outputs("other-identity")["OtherIdentityPoolId"], Logins=login
    )["IdentityId"]
    given = credentials.get_credentials_for_identity(IdentityId=identity, Logins=login)["Credentials"]
    assert given["SessionToken"]
    sandbox.lift_faults()

    house.bring("none")
    kept(before, deployment.physical())
    assert [row["Role"] for row in home.list_user_pool_replicas(UserPoolId=pool)["UserPoolReplicas"]] == [
        "PRIMARY"
    ]
    assert f"{PREFIX}-user-data" not in tables["other"].list_tables()["TableNames"]
    assert read("home", second) == second
    deployment.delete_all()


def signed_in(cognito: Any, pool: str, app: str) -> str:
    """An ID token, by the password, as a browser proves it (SRP)."""
    side = SrpClient(pool, PASSWORD)
    given = {"USERNAME": "ann@example.com", "SRP_A": f"{side.public:x}"}
    begun = cognito.initiate_auth(ClientId=app, AuthFlow="USER_SRP_AUTH", AuthParameters=given)
    answer = side.claim(begun["ChallengeParameters"])
    done = cognito.respond_to_auth_challenge(
        ClientId=app, ChallengeName="PASSWORD_VERIFIER", ChallengeResponses=answer
    )
    return str(done["AuthenticationResult"]["IdToken"])


@pytest.mark.torture
@pytest.mark.timeout(900)
@pytest.mark.parametrize("standby", ["pilot-light", "warm"])
@pytest.mark.parametrize("size", ["small", "medium", "large"])
def test_every_size_gets_either_kind_and_loses_it(
    sandbox: Sandbox, synthesise: Synthesise, size: str, standby: str
) -> None:
    number = 10 + 2 * ["small", "medium", "large"].index(size) + (standby == "warm")
    house = House(sandbox, synthesise, number)
    house.bring("none", size=size)
    before = house.deployment.physical()
    house.bring(standby, size=size)
    kept(before, house.deployment.physical())
    house.bring("none", size=size)
    kept(before, house.deployment.physical())
    house.deployment.delete_all()
