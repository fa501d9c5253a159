"""Policies of queues, keys, secrets, buckets and repositories, in one account and over accounts; roles that are passed;
a sample of the compared cases over HTTP."""

import json
from typing import Any

import pytest

from devtools.sandbox import Keys, Sandbox
from tests.sandbox.iam.cases import OWN, SESSION, Case, layers
from tests.sandbox.iam.test_decisions_compared import ours
from tests.sandbox.support import refused, with_credentials
from tests.sandbox.test_iam_decisions import allow, deny, document, trust

HOME, OTHER = "110000000085", "110000000086"
BY_RESOURCE = "because no resource-based policy allows the"


def to(principal: Any, action: str, effect: str = "Allow") -> str:
    return document({"Effect": effect, "Principal": principal, "Action": action, "Resource": "*"})


class Place:
    """An account with a role that may do everything and one that may do nothing."""

    def __init__(self, sandbox: Sandbox, account: str) -> None:
        self.sandbox, self.account = sandbox, account
        self.keys: Keys = sandbox.account(account)
        iam = self.client("iam")
        iam.create_user(UserName="caller")
        iam.put_user_policy(UserName="caller", PolicyName="p", PolicyDocument=document(allow("sts:*")))
        key = iam.create_access_key(UserName="caller")["AccessKey"]
        self.sts = with_credentials(sandbox, key, "sts")
        self.roles: dict[str, str] = {}
        self.clients: dict[tuple[str, str], Any] = {}
        for name, statements in (("all", [allow("*")]), ("none", [])):
            trusted = trust({"AWS": f"arn:aws:iam::{account}:root"})
            self.roles[name] = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trusted)["Role"]["Arn"]
            if statements:
                iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document(*statements))

    def client(self, service: str, role: str = "") -> Any:
        """Of the account's root user, or a session of a role."""
        if not role:
            return self.sandbox.client(service, self.keys)
        if (service, role) not in self.clients:
            session = self.sts.assume_role(RoleArn=self.roles[role], RoleSessionName="op")["Credentials"]
            self.clients[service, role] = with_credentials(self.sandbox, session, service)
        return self.clients[service, role]


@pytest.fixture(scope="module")
def home(sandbox: Sandbox) -> Place:
    return Place(sandbox, HOME)


@pytest.fixture(scope="module")
def other(sandbox: Sandbox) -> Place:
    return Place(sandbox, OTHER)


def test_queue_policy_gives_and_other_accounts_need_both_sides(home: Place, other: Place) -> None:
    queue = home.client("sqs").create_queue(QueueName="shared")["QueueUrl"]

    def put(principal: Any, effect: str = "Allow") -> None:
        policy = to(principal, "sqs:SendMessage", effect)
        home.client("sqs").set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})

    def send(place: Place, role: str) -> str:
        try:
            place.client("sqs", role).send_message(QueueUrl=queue, MessageBody="x")
        except place.client("sqs").exceptions.ClientError as error:
            return str(error.response["Error"]["Message"])
        return "sent"

    assert send(home, "all") == "sent"
    assert "because no identity-based policy allows" in send(home, "none")
    assert BY_RESOURCE in send(other, "all")
    put({"AWS": home.roles["none"]})
    assert send(home, "none") == "sent"
    put({"AWS": f"arn:aws:iam::{OTHER}:root"})
    assert send(other, "all") == "sent"
    assert "because no identity-based policy allows" in send(other, "none")
    assert "because no identity-based policy allows" in send(home, "none")
    put({"AWS": other.roles["none"]})
    assert "because no identity-based policy allows" in send(other, "none")
    put("*", "Deny")
    assert send(home, "all").endswith("with an explicit deny in a resource-based policy")
    with pytest.raises(home.client("sqs").exceptions.ClientError, match="explicit deny"):
        home.client("sqs").send_message(QueueUrl=queue, MessageBody="the root user is no exception")


def test_key_policy_has_to_let_identity_policies_in(home: Place, other: Place) -> None:
    kms = home.client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    sealed = home.client("kms", "all").encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    root = {"AWS": f"arn:aws:iam::{HOME}:root"}
    keeper = {"Effect": "Allow", "Principal": root, "Action": "kms:PutKeyPolicy", "Resource": "*"}
    named = {
        "Effect": "Allow",
        "Principal": {"AWS": home.roles["none"]},
        "Action": "kms:Decrypt",
        "Resource": "*",
    }
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=document(keeper, named))
    code, message = refused(home.client("kms", "all").decrypt, CiphertextBlob=sealed)
    assert code == "AccessDeniedException" and message.endswith(f"{BY_RESOURCE} kms:Decrypt action")
    assert home.client("kms", "none").decrypt(CiphertextBlob=sealed)["Plaintext"] == b"x"
    refusal = refused(other.client("kms", "all").decrypt, CiphertextBlob=sealed)
    assert refusal[0] == "AccessDeniedException" and key in refusal[1]
    foreign = {**named, "Principal": {"AWS": f"arn:aws:iam::{OTHER}:root"}}
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=document(keeper, foreign))
    assert other.client("kms", "all").decrypt(CiphertextBlob=sealed)["Plaintext"] == b"x"
    assert refused(other.client("kms", "none").decrypt, CiphertextBlob=sealed)[0] == "AccessDeniedException"
    # The root user too has only what the key policy gives its account.
    assert refused(kms.decrypt, CiphertextBlob=sealed)[0] == "AccessDeniedException"


def test_alias_is_asked_about_as_its_key(home: Place) -> None:
    kms = home.client("kms")
    key = kms.create_key()["KeyMetadata"]
    kms.create_alias(AliasName="alias/asked", TargetKeyId=key["KeyId"])
    iam = home.client("iam")
    only = document(allow("kms:Encrypt", key["Arn"]))
    iam.put_role_policy(RoleName="none", PolicyName="key", PolicyDocument=only)
    try:
        sealed = home.client("kms", "none").encrypt(KeyId="alias/asked", Plaintext=b"x")
        assert sealed["KeyId"] == key["Arn"]
    finally:
        iam.delete_role_policy(RoleName="none", PolicyName="key")


def test_secret_policy_gives_to_another_account(home: Place, other: Place) -> None:
    secrets = home.client("secretsmanager")
    arn = secrets.create_secret(Name="shared", SecretString="x")["ARN"]
    reading = other.client("secretsmanager", "all")
    assert BY_RESOURCE in refused(reading.get_secret_value, SecretId=arn)[1]
    policy = to({"AWS": OTHER}, "secretsmanager:GetSecretValue")
    secrets.put_resource_policy(SecretId=arn, ResourcePolicy=policy)
    assert reading.get_secret_value(SecretId=arn)["SecretString"] == "x"
    assert BY_RESOURCE in refused(reading.delete_secret, SecretId=arn)[1]


def test_repository_policy_denies(home: Place) -> None:
    ecr = home.client("ecr")
    ecr.create_repository(repositoryName="kept")
    policy = document({"Effect": "Deny", "Principal": "*", "Action": "ecr:DeleteRepository"})
    ecr.set_repository_policy(repositoryName="kept", policyText=policy)
    code, message = refused(home.client("ecr", "all").delete_repository, repositoryName="kept")
    assert code == "AccessDeniedException" and message.endswith("an explicit deny in a resource-based policy")


def test_bucket_policy_gives_and_its_owner_gets_back_in(home: Place, other: Place) -> None:
    s3, bucket = home.client("s3"), "policies-of-buckets"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    reading = {name: other.client("s3", name) for name in ("all", "none")}
    assert refused(reading["all"].get_object, Bucket=bucket, Key="k")[0] == "AccessDenied"
    given = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{OTHER}:root"},
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{bucket}/*",
    }
    s3.put_bucket_policy(Bucket=bucket, Policy=document(given))
    assert reading["all"].get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    assert refused(reading["none"].get_object, Bucket=bucket, Key="k")[0] == "AccessDenied"
    assert refused(reading["all"].put_object, Bucket=bucket, Key="k", Body=b"y")[0] == "AccessDenied"
    locked = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
    }
    s3.put_bucket_policy(Bucket=bucket, Policy=document(locked))
    assert refused(s3.get_object, Bucket=bucket, Key="k")[0] == "AccessDenied"
    assert refused(home.client("s3", "all").delete_bucket_policy, Bucket=bucket)[0] == "AccessDenied"
    s3.delete_bucket_policy(Bucket=bucket)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"


_TO_EC2 = {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ([allow("*")], ""),
        ([allow("iam:AddRoleToInstanceProfile")], "iam:PassRole"),
        ([allow("*"), deny("iam:PassRole", Condition=_TO_EC2)], "iam:PassRole"),
    ],
    ids=["allowed", "not-allowed", "not-to-ec2"],
)
def test_role_in_an_instance_profile_is_passed(
    home: Place, request: pytest.FixtureRequest, given: list[dict[str, Any]], word: str
) -> None:
    iam = home.client("iam")
    name = f"passing-{request.node.callspec.id}"
    iam.create_instance_profile(InstanceProfileName=name)
    iam.put_role_policy(RoleName="none", PolicyName="p", PolicyDocument=document(*given))
    client = home.client("iam", "none")
    try:
        if not word:
            client.add_role_to_instance_profile(InstanceProfileName=name, RoleName="all")
            return
        code, message = refused(client.add_role_to_instance_profile, InstanceProfileName=name, RoleName="all")
        assert code == "AccessDenied" and f"{word} on resource: {home.roles['all']}" in message
    finally:
        iam.delete_role_policy(RoleName="none", PolicyName="p")


# -- the compared cases once more, as requests


def _sample() -> list[Case]:
    """Every 37th case about a queue of the account itself, without those that ask for condition keys."""
    cases = [
        c
        for c in layers()
        if c.action == "sqs:SendMessage" and c.owner == OWN and "a condition" not in c.name
    ]
    return [c for c in cases if "a service" not in c.name][::37]


def test_sample_of_the_compared_cases_is_decided_so_at_the_door(sandbox: Sandbox) -> None:
    keys = sandbox.account(OWN)
    iam, sqs, sts = (sandbox.client(service, keys) for service in ("iam", "sqs", "sts"))
    for name in ("anna", "ben"):
        iam.create_user(UserName=name)
    iam.put_user_policy(UserName="ben", PolicyName="p", PolicyDocument=document(allow("sts:AssumeRole")))
    ben = iam.create_access_key(UserName="ben")["AccessKey"]
    anna = with_credentials(sandbox, iam.create_access_key(UserName="anna")["AccessKey"], "sqs")
    assuming = with_credentials(sandbox, ben, "sts")
    role = iam.create_role(RoleName="deployer", AssumeRolePolicyDocument=trust({"AWS": OWN}))["Role"]["Arn"]
    queue = sqs.create_queue(QueueName="jobs")["QueueUrl"]
    boundaries = {}
    assert sts.get_caller_identity()["Account"] == OWN

    def decided(case: Case) -> str:
        is_session = case.principal == SESSION
        holder, kind = ("deployer", "role") if is_session else ("anna", "user")
        who = {f"{kind.capitalize()}Name": holder}
        policy = json.dumps(case.identity[0])
        getattr(iam, f"put_{kind}_policy")(**who, PolicyName="p", PolicyDocument=policy)
        if case.boundary is None:
            getattr(iam, f"delete_{kind}_permissions_boundary")(**who)
        else:
            text = json.dumps(case.boundary)
            if text not in boundaries:
                made = iam.create_policy(PolicyName=f"edge-{len(boundaries)}", PolicyDocument=text)
                boundaries[text] = made["Policy"]["Arn"]
            getattr(iam, f"put_{kind}_permissions_boundary")(**who, PermissionsBoundary=boundaries[text])
        policy = json.dumps(case.resource_policy) if case.resource_policy else ""
        sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": ""})
        client = anna
        if is_session:
            more = {"Policy": json.dumps(case.session)} if case.session else {}
            answer = assuming.assume_role(RoleArn=role, RoleSessionName="operation-7", **more)
            client = with_credentials(sandbox, answer["Credentials"], "sqs")
        sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
        try:
            client.send_message(QueueUrl=queue, MessageBody="x")
        except client.exceptions.ClientError as error:
            denied = "with an explicit deny" in error.response["Error"]["Message"]
            return "deny" if denied else "none"
        finally:
            # The root user of the account is among those whom some of the policies deny.
            sandbox.settings(enforce_iam=False)
            sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": ""})
            sandbox.settings(enforce_iam=True)
        return "allow"

    answers = {case.name: (decided(case), ours(case)) for case in _sample()}
    assert len(answers) > 20
    assert {told for told, _ in answers.values()} == {"allow", "none", "deny"}
    assert {name: pair for name, pair in answers.items() if pair[0] != pair[1]} == {}
