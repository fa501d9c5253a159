"""Each type of users, their credentials and their own data: made by CloudFormation, found by its service and by tag,
deleted, gone in both.

A row is a resource of one template; the test takes it and what it refers to.
"""

import copy
import json
from typing import Any

import pytest

from devtools.sandbox import Sandbox
from tests.sandbox.support import Stacks
from tests.sandbox.types.identity import ACCOUNT, RESOURCES
from tests.sandbox.types.support import (
    REGION,
    Aws,
    Find,
    OneStack,
    Resources,
    Row,
    att,
    gone,
    tagged,
    wanted_by,
)

OTHER = "eu-central-1"
NONE = {"Pool": "eu-west-1_none00000", "Credentials": "eu-west-1:00000000-0000-0000-0000-000000000000"}


def in_pool(call: str, member: str, **request: str) -> Find:
    """Asks Cognito; the request's values are names of resources, or what is given with a leading "="."""

    def find(aws: Aws, ids: dict[str, str]) -> Any:
        asked = {name: value[1:] if value.startswith("=") else ids[value] for name, value in request.items()}
        return getattr(aws("cognito-idp"), call)(UserPoolId=ids["Pool"], **asked)[member]

    return find


def in_identities(call: str, member: str, **request: str) -> Find:
    def find(aws: Aws, ids: dict[str, str]) -> Any:
        asked = {name: value.format_map(ids) for name, value in request.items()}
        return getattr(aws("cognito-identity"), call)(IdentityPoolId=ids["Credentials"], **asked)[member]

    return find


def principal_tags(aws: Aws, ids: dict[str, str]) -> Any:
    provider = f"cognito-idp.eu-west-1.amazonaws.com/{ids['Pool']}"
    return aws("cognito-identity").get_principal_tag_attribute_map(
        IdentityPoolId=ids["Credentials"], IdentityProviderName=provider
    )["PrincipalTags"]


def domain(aws: Aws, ids: dict[str, str]) -> Any:
    name = RESOURCES["Domain"]["Properties"]["Domain"]
    return aws("cognito-idp").describe_user_pool_domain(Domain=name)["DomainDescription"]


def replicas(pool: str, region: str) -> Find:
    """Asks Cognito for the pool's secondaries that are in the region, and for one here that is at work."""

    def find(aws: Aws, ids: dict[str, str]) -> Any:
        found = aws("cognito-idp").list_user_pool_replicas(UserPoolId=ids[pool])["UserPoolReplicas"]
        here = [row for row in found if (row["Role"], row["RegionName"]) == ("SECONDARY", region)]
        return [row for row in here if region != REGION or row["Status"] == "ACTIVE"]

    return find


def records(kind: str) -> Find:
    return lambda aws, _ids: aws.records(kind)


ROWS = [
    Row("Pool", in_pool("describe_user_pool", "UserPool")),
    Row("Client", in_pool("describe_user_pool_client", "UserPoolClient", ClientId="Client"), None),
    Row("Domain", domain, None),
    Row("Branding", in_pool("describe_managed_login_branding_by_client", "ManagedLoginBranding", ClientId="Client"),
        None),
    Row("Group", in_pool("get_group", "Group", GroupName="=provider"), None),
    Row("TwoRegions", lambda aws, ids: aws("cognito-idp").describe_user_pool(UserPoolId=ids["TwoRegions"])["UserPool"]),
    # Its tags are its own region's.
    Row("Replica", replicas("TwoRegions", OTHER), OTHER),
    Row("Settings", replicas("Settings", REGION)),
    Row("Credentials", in_identities("describe_identity_pool", "IdentityPoolId")),
    Row("Tags", principal_tags, None),
    Row("Roles", in_identities("get_identity_pool_roles", "Roles"), None),
    # Of a global table each replica has tags of its own, and CloudFormation puts none there.
    Row("Table", lambda aws, ids: aws("dynamodb").describe_table(TableName=ids["Table"])["Table"], None),
    Row("Api", records("AWS::AppSync::GraphQLApi")),
    Row("Schema", records("AWS::AppSync::GraphQLSchema"), None),
    Row("Source", records("AWS::AppSync::DataSource"), None),
    Row("Resolver", records("AWS::AppSync::Resolver"), None),
]  # fmt: skip


@pytest.fixture(scope="module")
def aws(sandbox: Sandbox) -> Aws:
    return Aws(sandbox, sandbox.account(ACCOUNT))


@pytest.fixture(scope="module")
def both(aws: Aws) -> dict[str, str]:
    """A key of both regions, and a pool of the other one with a replica here."""
    key = str(aws("kms").create_key(MultiRegion=True)["KeyMetadata"]["Arn"])
    aws("kms").replicate_key(KeyId=key, ReplicaRegion=OTHER)
    there = aws("cognito-idp", OTHER)
    sealed = {"KeyType": "CUSTOMER_MANAGED_KEY", "KmsKeyArn": key.replace(REGION, OTHER)}
    pool = there.create_user_pool(PoolName="far", UserPoolTier="ESSENTIALS", KeyConfiguration=sealed)[
        "UserPool"
    ]
    there.create_user_pool_replica(UserPoolId=pool["Id"], RegionName=REGION)
    return {"key": key, "pool": pool["Id"]}


def template_of(name: str, both: dict[str, str]) -> Resources:
    resources = copy.deepcopy(wanted_by(RESOURCES, name))
    if "TwoRegions" in resources:
        resources["TwoRegions"]["Properties"]["KeyConfiguration"]["KmsKeyArn"] = both["key"]
    if "Settings" in resources:
        resources["Settings"]["Properties"]["UserPoolId"] = both["pool"]
    return resources


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(RESOURCES[row.name]["Type"]))
def test_type_is_made_found_deleted_and_gone(row: Row, aws: Aws, both: dict[str, str]) -> None:
    stack = OneStack(aws, f"types-{row.name}")
    assert gone(row.find, aws, {**dict.fromkeys(RESOURCES, "types-none"), **NONE})
    ids = stack.create(template_of(row.name, both))
    assert not gone(row.find, aws, ids)
    if row.tag_region:
        # A replica's id is of two parts, the pool's and the region.
        part = ids[row.name].rsplit("/", 1)[-1].partition("|")[0]
        assert any(part in arn for arn in tagged(aws, stack.name, row.tag_region))
    stack.delete()
    assert gone(row.find, aws, ids)
    if row.tag_region:
        assert tagged(aws, stack.name, row.tag_region) == []


def test_api_is_told_by_its_addresses_and_two_of_one_name_are_two(aws: Aws) -> None:
    resources = wanted_by(RESOURCES, "Api") | {"Second": RESOURCES["Api"]}
    told = ("ApiId", "Arn", "GraphQLUrl", "RealtimeUrl")
    outputs = {f"{api}{name}": {"Value": att(api, name)} for api in ("Api", "Second") for name in told}
    stacks = Stacks(aws("cloudformation"))
    made = stacks.create("types-addresses", json.dumps({"Resources": resources, "Outputs": outputs}))
    found = {row["OutputKey"]: row["OutputValue"] for row in made["Outputs"]}
    assert found["ApiArn"] == f"arn:aws:appsync:eu-west-1:{ACCOUNT}:apis/{found['ApiApiId']}"
    assert found["ApiArn"] != found["SecondArn"]
    assert found["ApiGraphQLUrl"].endswith(".appsync-api.eu-west-1.amazonaws.com/graphql")
    assert found["ApiRealtimeUrl"].startswith("wss://")
    stacks.delete("types-addresses")
