"""Who may do what: identity policies, groups, boundaries, session policies, trust, conditions, expiry."""

import json
from typing import Any

import pytest

from devtools.sandbox import Keys, Sandbox
from tests.sandbox.support import Stacks, parameter, refused, template, with_credentials

ACCOUNT = "110000000002"
NONE = "because no identity-based policy allows"
DENIED = "with an explicit deny in an identity-based policy"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"


def allow(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {**allow(action, resource, **more), "Effect": "Deny"}


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def trust(principal: Any, *actions: str, **condition: Any) -> str:
    statement = {"Effect": "Allow", "Principal": principal, "Action": ["sts:AssumeRole", *actions]}
    return document({**statement, **({"Condition": condition} if condition else {})})


class House:
    """An account with a user who may assume roles."""

    def __init__(self, sandbox: Sandbox, keys: Keys) -> None:
        self.sandbox = sandbox
        self.iam = sandbox.client("iam", keys)
        self.keys = keys
        self.iam.create_user(UserName="deployer")
        self.iam.put_user_policy(UserName="deployer", PolicyName="p", PolicyDocument=document(allow("sts:*")))
        self.user = self.iam.create_access_key(UserName="deployer")["AccessKey"]
        self.sts = with_credentials(sandbox, self.user, "sts")

    def role(self, name: str, *statements: dict[str, Any], trusted: str | None = None, **more: Any) -> str:
        made = self.iam.create_role(
            RoleName=name,
            AssumeRolePolicyDocument=trusted
            or trust({"AWS": ROOT}, "sts:SetSourceIdentity", "sts:TagSession"),
            **more,
        )
        if statements:
            self.iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document(*statements))
        return str(made["Role"]["Arn"])

    def session(self, arn: str, service: str, region: str = "eu-west-1", **more: Any) -> Any:
        answer = self.sts.assume_role(RoleArn=arn, RoleSessionName="operation-7", **more)
        return with_credentials(self.sandbox, answer["Credentials"], service, region)


@pytest.fixture(scope="module")
def house(sandbox: Sandbox) -> House:
    keys = sandbox.account(ACCOUNT)
    for name, value in (("/app/a", "1"), ("/app/secret", "2"), ("/other", "3")):
        sandbox.client("ssm", keys).put_parameter(Name=name, Value=value, Type="String")
    return House(sandbox, keys)


def test_message_of_a_refusal_is_awss(house: House) -> None:
    arn = house.role("bare")
    code, message = refused(
        house.session(arn, "rds").create_db_cluster, DBClusterIdentifier="c", Engine="aurora-mysql"
    )
    assert code == "AccessDenied"
    assert message == (
        f"User: arn:aws:sts::{ACCOUNT}:assumed-role/bare/operation-7 is not authorized to perform: rds:CreateDBCluster "
        f"on resource: arn:aws:rds:eu-west-1:{ACCOUNT}:cluster:c because no identity-based policy allows the "
        "rds:CreateDBCluster action"
    )


@pytest.mark.parametrize(
    ("name", "statements", "parameter_name", "word"),
    [
        ("allowed", [allow("ssm:GetParameter")], "/app/a", ""),
        ("by-wildcard", [allow("ssm:Get*", f"arn:aws:ssm:*:{ACCOUNT}:parameter/app/*")], "/app/a", ""),
        ("other-resource", [allow("ssm:*", "arn:aws:ssm:*:*:parameter/app/*")], "/other", NONE),
        ("denied", [allow("*"), deny("ssm:GetParameter", "arn:aws:ssm:*:*:*/secret")], "/app/secret", DENIED),
        ("not-action", [{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}], "/app/a", ""),
        (
            "not-resource",
            [{"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:ssm:*:*:*/other"}],
            "/other",
            NONE,
        ),
        (
            "region",
            [allow("*", Condition={"StringEquals": {"aws:RequestedRegion": "us-east-1"}})],
            "/app/a",
            NONE,
        ),
        ("null", [allow("*", Condition={"Null": {"aws:SourceIdentity": "false"}})], "/app/a", NONE),
        (
            "if-exists",
            [allow("*", Condition={"StringEqualsIfExists": {"aws:SourceIdentity": "x"}})],
            "/app/a",
            "",
        ),
        ("mfa", [allow("*", Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}})], "/app/a", NONE),
        ("numeric", [allow("*", Condition={"NumericLessThan": {"aws:EpochTime": "5"}})], "/app/a", NONE),
        (
            "date",
            [allow("*", Condition={"DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}})],
            "/app/a",
            "",
        ),
        (
            "arn",
            [allow("*", Condition={"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/arn"}})],
            "/app/a",
            "",
        ),
    ],
    ids=lambda v: v if isinstance(v, str) and "/" not in v and " " not in v else "",
)
def test_policies_decide(
    house: House, name: str, statements: list[dict[str, Any]], parameter_name: str, word: str
) -> None:
    ssm = house.session(house.role(name, *statements), "ssm")
    if not word:
        assert ssm.get_parameter(Name=parameter_name)["Parameter"]["Name"] == parameter_name
        return
    code, message = refused(ssm.get_parameter, Name=parameter_name)
    assert code == "AccessDeniedException" and word in message


def test_boundary_narrows(house: House) -> None:
    boundary = house.iam.create_policy(PolicyName="edge", PolicyDocument=document(allow("s3:*")))["Policy"][
        "Arn"
    ]
    arn = house.role("bounded", allow("*"), PermissionsBoundary=boundary)
    _, message = refused(house.session(arn, "ssm").get_parameter, Name="/app/a")
    assert message.endswith("because no permissions boundary allows the ssm:GetParameter action")
    assert "Buckets" in house.session(arn, "s3").list_buckets()


def test_session_policy_narrows(house: House) -> None:
    arn = house.role("narrowed", allow("*"))
    ssm = house.session(arn, "ssm", Policy=document(allow("s3:*")))
    assert "because no session policy allows" in refused(ssm.get_parameter, Name="/app/a")[1]


def test_group_gives_its_members_rights(house: House) -> None:
    house.iam.create_user(UserName="anna")
    key = house.iam.create_access_key(UserName="anna")["AccessKey"]
    ssm = with_credentials(house.sandbox, key, "ssm")
    assert refused(ssm.get_parameter, Name="/app/a")[0] == "AccessDeniedException"
    house.iam.create_group(GroupName="readers")
    house.iam.attach_group_policy(
        GroupName="readers", PolicyArn="arn:aws:iam::aws:policy/AmazonSSMReadOnlyAccess"
    )
    house.iam.add_user_to_group(GroupName="readers", UserName="anna")
    assert ssm.get_parameter(Name="/app/a")["Parameter"]["Value"] == "1"


def test_tags_of_resource_request_and_principal_decide(house: House) -> None:
    sqs = house.sandbox.client("sqs", house.keys)
    urls = {t: sqs.create_queue(QueueName=f"of-{t}", tags={"team": t})["QueueUrl"] for t in ("red", "blue")}
    own = {"StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}}
    asked = {
        "StringEquals": {"aws:RequestTag/team": "red"},
        "ForAllValues:StringEquals": {"aws:TagKeys": ["team"]},
    }
    arn = house.role(
        "tagged", allow("sqs:SendMessage", Condition=own), allow("ssm:PutParameter", Condition=asked)
    )
    red = [{"Key": "team", "Value": "red"}]
    client = house.session(arn, "sqs", Tags=red)
    assert client.send_message(QueueUrl=urls["red"], MessageBody="x")["MessageId"]
    assert refused(client.send_message, QueueUrl=urls["blue"], MessageBody="x")[0] == "AccessDeniedException"
    ssm = house.session(arn, "ssm")
    assert ssm.put_parameter(Name="/red", Value="x", Type="String", Tags=red)["Version"] == 1
    more = [*red, {"Key": "cost", "Value": "1"}]
    assert (
        refused(ssm.put_parameter, Name="/r2", Value="x", Type="String", Tags=more)[0]
        == "AccessDeniedException"
    )


def test_changes_of_records_are_told_by_name_type_and_action(house: House) -> None:
    route53 = house.sandbox.client("route53", house.keys)
    zone = route53.create_hosted_zone(Name="decided.example.com", CallerReference="x")["HostedZone"]["Id"]
    told = "route53:ChangeResourceRecordSets"
    condition = {
        "ForAllValues:StringEquals": {
            f"{told}RecordTypes": ["CNAME"],
            f"{told}Actions": ["DELETE", "UPSERT"],
        },
        "ForAllValues:StringLike": {f"{told}NormalizedRecordNames": ["_*.decided.example.com"]},
        "Null": {f"{told}Actions": "false"},
    }
    client = house.session(house.role("records", allow(told, Condition=condition)), "route53")

    def verdict(*changes: tuple[str, str, str]) -> str:
        rows = [
            {
                "Action": action,
                "ResourceRecordSet": {
                    "Name": f"{name}.decided.example.com.",
                    "Type": kind,
                    "TTL": 60,
                    "ResourceRecords": [{"Value": "192.0.2.1" if kind == "A" else "elsewhere.example.org"}],
                },
            }
            for action, name, kind in changes
        ]
        try:
            client.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": rows})
        except client.exceptions.ClientError as error:
            return str(error.response["Error"]["Code"])
        return "done"

    assert verdict(("UPSERT", "_Proof", "CNAME")) == "done"
    assert verdict(("CREATE", "_other", "CNAME")) == "AccessDenied"
    assert verdict(("UPSERT", "_other", "A")) == "AccessDenied"
    assert verdict(("UPSERT", "www", "CNAME")) == "AccessDenied"
    assert verdict(("UPSERT", "_other", "CNAME"), ("UPSERT", "*", "CNAME")) == "AccessDenied"
    assert verdict(("DELETE", "_proof", "CNAME")) == "done"


def test_trust_policy_asks_for_its_external_id(house: House) -> None:
    arn = house.role("external", trusted=trust({"AWS": ROOT}, StringEquals={"sts:ExternalId": "portal-1"}))
    code, message = refused(house.sts.assume_role, RoleArn=arn, RoleSessionName="op-1")
    assert code == "AccessDenied"
    assert message == (
        f"User: arn:aws:iam::{ACCOUNT}:user/deployer is not authorized to perform: sts:AssumeRole on resource: {arn}"
    )
    answer = house.sts.assume_role(RoleArn=arn, RoleSessionName="op-1", ExternalId="portal-1")
    assert answer["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/external/op-1"


def test_source_identity_stays_through_chained_roles(house: House) -> None:
    last = house.role(
        "chained-b", allow("ssm:GetParameter", Condition={"StringEquals": {"aws:SourceIdentity": "anna"}})
    )
    first = house.role("chained-a", allow("sts:*"))
    sts = house.session(first, "sts", SourceIdentity="anna")
    answer = sts.assume_role(RoleArn=last, RoleSessionName="op-2")
    ssm = with_credentials(house.sandbox, answer["Credentials"], "ssm")
    assert ssm.get_parameter(Name="/app/a")["Parameter"]["Value"] == "1"


def test_session_lasts_no_longer_than_the_role_allows(house: House) -> None:
    arn = house.role("short")
    code, message = refused(house.sts.assume_role, RoleArn=arn, RoleSessionName="op", DurationSeconds=7200)
    assert code == "ValidationError"
    assert message == "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."


def test_root_assumes_no_role(house: House) -> None:
    arn = house.role("for-root")
    sts = house.sandbox.client("sts", house.keys)
    assert (
        refused(sts.assume_role, RoleArn=arn, RoleSessionName="op")[1]
        == "Roles may not be assumed by root accounts."
    )


def test_session_of_a_deleted_role_is_no_longer_valid(house: House) -> None:
    arn = house.role("brief", allow("ssm:*"))
    ssm = house.session(arn, "ssm")
    house.iam.delete_role_policy(RoleName="brief", PolicyName="p")
    house.iam.delete_role(RoleName="brief")
    assert refused(ssm.get_parameter, Name="/app/a")[0] == "UnrecognizedClientException"


def test_entities_in_use_are_not_deleted(house: House) -> None:
    arn = house.role("used", allow("s3:*"))
    assert refused(house.iam.delete_role, RoleName="used")[0] == "DeleteConflict"
    policy = house.iam.create_policy(PolicyName="used", PolicyDocument=document(allow("*")))["Policy"]["Arn"]
    house.iam.attach_role_policy(RoleName="used", PolicyArn=policy)
    assert refused(house.iam.delete_policy, PolicyArn=policy)[0] == "DeleteConflict"
    assert arn.endswith(":role/used")


def test_role_of_cloudformation_needs_the_handlers_rights(house: House) -> None:
    service = trust({"Service": "cloudformation.amazonaws.com"})
    role = house.role("execution", allow("sqs:*"), trusted=service)
    stacks = Stacks(house.sandbox.client("cloudformation", house.keys))
    stack = stacks.create("needs-rights", template(P=parameter("v")), RoleARN=role)
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    reason = next(r for n, s, r in stacks.events("needs-rights") if (n, s) == ("P", "CREATE_FAILED"))
    assert (
        "assumed-role/execution/AWSCloudFormation is not authorized to perform: ssm:PutParameter "
        f"on resource: arn:aws:ssm:eu-west-1:{ACCOUNT}:parameter/" in reason
    )
    assert "HandlerErrorCode: AccessDenied" in reason


def test_passing_a_role_needs_pass_role(house: House) -> None:
    role = house.role("passed", allow("*"), trusted=trust({"Service": "cloudformation.amazonaws.com"}))
    client = house.session(house.role("caller", allow("cloudformation:*")), "cloudformation")
    code, message = refused(
        client.create_stack, StackName="x", TemplateBody=template(P=parameter("v")), RoleARN=role
    )
    assert code == "AccessDenied" and f"iam:PassRole on resource: {role}" in message


def test_bucket_policy_denies(house: House) -> None:
    s3 = house.sandbox.client("s3", house.keys)
    s3.create_bucket(Bucket="decided-bucket", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    arn = house.role("s3-user", allow("s3:*"))
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:PutObject",
        "Resource": "arn:aws:s3:::decided-bucket/*",
    }
    s3.put_bucket_policy(Bucket="decided-bucket", Policy=document(statement))
    _, message = refused(house.session(arn, "s3").put_object, Bucket="decided-bucket", Key="k", Body=b"x")
    assert message.endswith("with an explicit deny in a resource-based policy")


def test_simulator_answers_as_the_door_decides(house: House) -> None:
    arn = house.role("simulated", allow("ssm:*"), deny("ssm:GetParameter", "arn:aws:ssm:*:*:*/secret"))
    answer = house.iam.simulate_principal_policy(
        PolicySourceArn=arn,
        ActionNames=["ssm:GetParameter", "s3:GetObject"],
        ResourceArns=["arn:aws:ssm:eu-west-1:1:parameter/a", "arn:aws:ssm:eu-west-1:1:parameter/secret"],
    )
    assert [r["EvalDecision"] for r in answer["EvaluationResults"]] == ["explicitDeny", "implicitDeny"]
    each = [
        [one["EvalResourceDecision"] for one in r["ResourceSpecificResults"]]
        for r in answer["EvaluationResults"]
    ]
    assert each == [["allowed", "explicitDeny"], ["implicitDeny", "implicitDeny"]]
    apart = {
        "PolicySourceArn": arn,
        "ActionNames": ["ssm:GetParameter", "ssm:AddTagsToResource", "iam:TagRole"],
    }
    code, message = refused(
        house.iam.simulate_principal_policy, **apart, ResourceArns=["arn:aws:iam::1:role/r"]
    )
    assert code == "InvalidInput" and message == (
        "Invalid Input Actions: [ssm:GetParameter,ssm:AddTagsToResource] and [iam:TagRole] require different "
        "authorization information."
    )
    pages = house.iam.get_paginator("simulate_principal_policy").paginate(
        **apart, PaginationConfig={"PageSize": 2}
    )
    assert [len(page["EvaluationResults"]) for page in pages] == [2, 1]
    boundary = house.iam.create_policy(
        PolicyName="simulated-bound",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allow("s3:*")]}),
    )["Policy"]["Arn"]
    house.iam.put_role_permissions_boundary(RoleName="simulated", PermissionsBoundary=boundary)
    answer = house.iam.simulate_principal_policy(PolicySourceArn=arn, ActionNames=["ssm:PutParameter"])
    [bounded] = answer["EvaluationResults"]
    assert bounded["EvalDecision"] == "implicitDeny"
    assert bounded["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": False}
