"""IAM's limits in its codes and sentences, and what it refuses as a policy document."""

import json
from typing import Any

import pytest

from devtools.sandbox import Keys, Sandbox
from tests.sandbox.support import Stacks, refused, template
from tests.sandbox.test_iam_decisions import allow, document, trust

ACCOUNT = "110000000089"
TRUSTED = trust({"AWS": f"arn:aws:iam::{ACCOUNT}:root"})
KINDS = ("Role", "User", "Group")


class House:
    """IAM of an account, with a fresh role, user or group for whoever asks."""

    def __init__(self, sandbox: Sandbox, keys: Keys) -> None:
        self.iam: Any = sandbox.client("iam", keys)
        self.count = 0

    def make(self, kind: str) -> dict[str, str]:
        """The parameter that names the new entity."""
        self.count += 1
        name = {f"{kind}Name": f"limited-{self.count}"}
        more = {"AssumeRolePolicyDocument": TRUSTED} if kind == "Role" else {}
        getattr(self.iam, f"create_{kind.lower()}")(**name, **more)
        return name

    def policy(self, text: str = "") -> str:
        self.count += 1
        body = text or document(allow("sqs:*"))
        return str(self.iam.create_policy(PolicyName=f"p-{self.count}", PolicyDocument=body)["Policy"]["Arn"])


@pytest.fixture(scope="module")
def house(sandbox: Sandbox, keys: Keys) -> House:
    return House(sandbox, keys)


@pytest.fixture(scope="module")
def eleven(house: House) -> list[str]:
    return [house.policy() for _ in range(11)]


def long(size: int) -> str:
    """A policy document of `size` characters without white space."""
    frame = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": ""}]}
    empty = len(json.dumps(frame, separators=(",", ":")))
    arn = "arn:aws:s3:::"
    return document(allow("s3:*", arn + "x" * (size - empty - len(arn))))


@pytest.mark.parametrize("kind", KINDS)
def test_ten_managed_policies_are_attached(house: House, eleven: list[str], kind: str) -> None:
    name = house.make(kind)
    attach = getattr(house.iam, f"attach_{kind.lower()}_policy")
    for arn in [*eleven[:10], eleven[0]]:
        attach(**name, PolicyArn=arn)
    said = ("LimitExceeded", f"Cannot exceed quota for PoliciesPer{kind}: 10")
    assert refused(attach, **name, PolicyArn=eleven[10]) == said


def test_more_are_attached_once_the_quota_is_raised(sandbox: Sandbox, eleven: list[str]) -> None:
    account = "110000000090"
    sandbox.control("POST", "accounts", {"account_id": account, "quotas": {"iam/L-0DA4ABF3": 11}})
    iam = sandbox.client("iam", sandbox.account(account))
    iam.create_role(RoleName="wide", AssumeRolePolicyDocument=TRUSTED)
    for n in range(12):
        arn = iam.create_policy(PolicyName=f"p-{n}", PolicyDocument=document(allow("sqs:*")))["Policy"]["Arn"]
        if n < 11:
            iam.attach_role_policy(RoleName="wide", PolicyArn=arn)
    said = refused(iam.attach_role_policy, RoleName="wide", PolicyArn=arn)
    assert said == ("LimitExceeded", "Cannot exceed quota for PoliciesPerRole: 11")


@pytest.mark.parametrize(("kind", "most"), [("Role", 10240), ("User", 2048), ("Group", 5120)])
def test_inline_policies_together_have_a_size(house: House, kind: str, most: int) -> None:
    name = house.make(kind)
    put = getattr(house.iam, f"put_{kind.lower()}_policy")
    put(**name, PolicyName="a", PolicyDocument=long(most // 2))
    put(**name, PolicyName="b", PolicyDocument=json.dumps(json.loads(long(most // 2)), indent=4))
    code, message = refused(put, **name, PolicyName="c", PolicyDocument=document(allow("*")))
    word = kind.lower()
    assert code == "LimitExceeded"
    assert message == f"Maximum policy size of {most} bytes exceeded for {word} {name[f'{kind}Name']}"
    put(**name, PolicyName="b", PolicyDocument=document(allow("*")))


def test_managed_policy_has_a_size_and_five_versions(house: House) -> None:
    too_long = refused(house.policy, text=long(6145))
    assert too_long == ("LimitExceeded", "Cannot exceed quota for PolicySize: 6144")
    arn = house.policy(long(6144))
    version = {"PolicyArn": arn, "PolicyDocument": document(allow("*"))}
    for _ in range(4):
        house.iam.create_policy_version(**version)
    assert refused(house.iam.create_policy_version, **version)[0] == "LimitExceeded"
    house.iam.delete_policy_version(PolicyArn=arn, VersionId="v2")
    again = refused(house.iam.create_policy_version, PolicyArn=arn, PolicyDocument=long(6145))
    assert again == ("LimitExceeded", "Cannot exceed quota for PolicySize: 6144")


def test_trust_policy_has_a_size(house: House) -> None:
    long_trust = trust({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, StringEquals={"sts:ExternalId": "x" * 2048})
    said = ("LimitExceeded", "Cannot exceed quota for ACLSizePerRole: 2048")
    create = {"RoleName": "trusting-much", "AssumeRolePolicyDocument": long_trust}
    assert refused(house.iam.create_role, **create) == said
    name = house.make("Role")
    assert refused(house.iam.update_assume_role_policy, **name, PolicyDocument=long_trust) == said


@pytest.mark.parametrize(
    ("code", "name", "make"),
    [
        ("L-FE177D64", "RolesPerAccount", "role"),
        ("L-F55AF5E4", "UsersPerAccount", "user"),
        ("L-F4A5425F", "GroupsPerAccount", "group"),
        ("L-6E65F664", "InstanceProfilesPerAccount", "instance_profile"),
        ("L-E95E4862", "PoliciesPerAccount", "policy"),
    ],
)
def test_account_has_so_many_of_each(sandbox: Sandbox, code: str, name: str, make: str) -> None:
    account = "110000000091"
    sandbox.control("POST", "accounts", {"account_id": account, "quotas": {f"iam/{code}": 2}})
    iam = sandbox.client("iam", sandbox.account(account))
    member = "".join(part.capitalize() for part in make.split("_")) + "Name"
    more = {"role": {"AssumeRolePolicyDocument": TRUSTED}, "policy": {"PolicyDocument": document(allow("*"))}}
    create = getattr(iam, f"create_{make}")
    for n in range(2):
        create(**{member: f"{make}-{n}"}, **more.get(make, {}))
    said = refused(create, **{member: f"{make}-2"}, **more.get(make, {}))
    assert said == ("LimitExceeded", f"Cannot exceed quota for {name}: 2")


def test_quotas_of_iam_are_those_of_aws(sandbox: Sandbox, keys: Keys) -> None:
    quotas = sandbox.client("service-quotas", keys, region="us-east-1")
    found = quotas.list_aws_default_service_quotas(ServiceCode="iam")["Quotas"]
    assert {quota["QuotaName"]: quota["Value"] for quota in found} == {
        "Roles per account": 1000,
        "Users per account": 5000,
        "Groups per account": 300,
        "Instance profiles per account": 1000,
        "Customer managed policies per account": 1500,
        "Managed policies per role": 10,
        "Managed policies per user": 10,
        "Managed policies per group": 10,
        "Role trust policy length": 2048,
    }


def test_groups_keys_devices_and_tags_of_a_user(house: House) -> None:
    user = house.make("User")
    for _ in range(10):
        house.iam.add_user_to_group(**user, **house.make("Group"))
    more = refused(house.iam.add_user_to_group, **user, **house.make("Group"))
    assert more == ("LimitExceeded", "Cannot exceed quota for GroupsPerUser: 10")
    for _ in range(2):
        house.iam.create_access_key(**user)
    more = refused(house.iam.create_access_key, **user)
    assert more == ("LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2")
    tags = [{"Key": f"k{n}", "Value": "v"} for n in range(50)]
    house.iam.tag_user(**user, Tags=tags)
    house.iam.tag_user(**user, Tags=tags[:1])
    more = refused(house.iam.tag_user, **user, Tags=[{"Key": "one-more", "Value": "v"}])
    assert more == ("LimitExceeded", "Cannot exceed quota for TagsPerUser: 50")


@pytest.mark.parametrize(
    ("call", "params", "member"),
    [
        ("create_role", {"RoleName": "x" * 64 + "y", "AssumeRolePolicyDocument": TRUSTED}, "roleName"),
        ("create_role", {"RoleName": "with space", "AssumeRolePolicyDocument": TRUSTED}, "roleName"),
        ("create_user", {"UserName": "a/b"}, "userName"),
        ("create_group", {"GroupName": "x" * 129}, "groupName"),
        ("create_user", {"UserName": "pathless", "Path": "team"}, "path"),
        ("create_policy", {"PolicyName": "a:b", "PolicyDocument": document(allow("*"))}, "policyName"),
        ("create_instance_profile", {"InstanceProfileName": "é"}, "instanceProfileName"),
        (
            "create_role",
            {"RoleName": "brief", "AssumeRolePolicyDocument": TRUSTED, "MaxSessionDuration": 43201},
            "maxSessionDuration",
        ),
    ],
)
def test_names_and_bounds(house: House, call: str, params: dict[str, Any], member: str) -> None:
    code, message = refused(getattr(house.iam, call), **params)
    assert code == "ValidationError" and f"at '{member}' failed to satisfy constraint: Member must" in message


def test_names_that_differ_in_case_are_the_same(house: House) -> None:
    house.iam.create_role(RoleName="Same", AssumeRolePolicyDocument=TRUSTED)
    code, _ = refused(house.iam.create_role, RoleName="same", AssumeRolePolicyDocument=TRUSTED)
    assert code == "EntityAlreadyExists"


def test_stack_meets_the_limits_too(sandbox: Sandbox, keys: Keys) -> None:
    stacks = Stacks(sandbox.client("cloudformation", keys))
    inline = [{"PolicyName": "p", "PolicyDocument": json.loads(long(10241))}]
    properties = {"AssumeRolePolicyDocument": json.loads(TRUSTED), "Policies": inline}
    body = template(R={"Type": "AWS::IAM::Role", "Properties": properties})
    assert stacks.create("limited", body)["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "Maximum policy size of 10240 bytes exceeded for role" in str(stacks.events("limited"))


SYNTAX = "Syntax errors in policy."


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", SYNTAX),
        ("[]", SYNTAX),
        ('{"Version": "2012-10-17"}', SYNTAX),
        ('{"Version": "2020-01-01", "Statement": []}', SYNTAX),
        (document({**allow("*"), "Effect": "allow"}), SYNTAX),
        (document({"Action": "*", "Resource": "*"}), SYNTAX),
        (document({**allow("*"), "Actions": "*"}), SYNTAX),
        (document({**allow("*"), "NotAction": "*"}), SYNTAX),
        (document(allow("*", Condition={"StringEqual": {"aws:username": "x"}})), SYNTAX),
        (document(allow("*", Condition={"NullIfExists": {"aws:username": "true"}})), SYNTAX),
        (document({"Effect": "Allow", "Resource": "*"}), "Policy statement must contain actions."),
        (document(allow([])), "Policy statement must contain actions."),
        (document({"Effect": "Allow", "Action": "*"}), "Policy statement must contain resources."),
        (document(allow("*", Principal="*")), "Policy document should not specify a principal."),
        (document({**allow("*"), "Sid": "a"}, {**allow("*"), "Sid": "a"}),
         "Statement IDs (SID) in a single policy must be unique."),
        (document(allow("GetObject")),
         "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."),
        (document(allow("s3:Get:Object")), "Actions/Condition can contain only one colon."),
        (document(allow("s3*:GetObject")), "Vendor s3* is not valid"),
        (document(allow("s3:*", "bucket")), 'Resource bucket must be in ARN format or "*".'),
        (document(allow("s3:*", "arn:azure:s3:::b")),
         'Partition "azure" is not valid for resource "arn:azure:s3:::b".'),
        (document(allow("s3:*", "arn:aws:s3:eu-west-1::b")),
         "Resource arn:aws:s3:eu-west-1::b can not contain region information."),
        (document(allow("iam:*", "arn:aws:iam:eu-west-1:1:role/x")),
         "IAM resource arn:aws:iam:eu-west-1:1:role/x cannot contain region information."),
        (document(allow("iam:*", "arn:aws:iam::111122223333:roles/x")),
         'IAM resource path must either be "*" or start with user/, federated-user/, role/'),
        (document(allow("s3:*", "arn:aws")), "Resource vendor must be fully qualified and cannot contain regexes."),
    ],
)  # fmt: skip
def test_documents_that_are_no_policies(house: House, text: str, sentence: str) -> None:
    code, message = refused(house.iam.create_policy, PolicyName="malformed", PolicyDocument=text)
    assert code == "MalformedPolicyDocument" and message.startswith(sentence)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (document(allow("sts:AssumeRole", Principal="*")), "Has prohibited field Resource."),
        (document({"Effect": "Allow", "Action": "s3:*", "Principal": "*"}), "Trust Policy statement actions can"),
        (document({"Effect": "Allow", "Action": "sts:AssumeRole"}), "Missing required field Principal."),
    ],
)  # fmt: skip
def test_documents_that_are_no_trust_policies(house: House, text: str, sentence: str) -> None:
    call = house.iam.create_role
    code, message = refused(call, RoleName="malformed", AssumeRolePolicyDocument=text)
    assert code == "MalformedPolicyDocument" and message.startswith(sentence)


def test_policies_that_aws_takes_are_taken(house: House) -> None:
    for resource in ("arn:aws:s3:::b/*", "arn:aws:iam::*:*/x", "arn:aws:iam::*", "arn:*:sqs:*:*:*", ["*"]):
        house.policy(document(allow("*", resource)))
    for text in (
        document(allow(["*", "sts:*"])),
        '{"Statement": {"Effect": "Deny", "NotAction": "s3:*", "NotResource": "*"}}',
    ):
        house.policy(text)
