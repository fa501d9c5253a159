"""Sessions: MFA by a device's codes, the age and issue time of tokens, tags and source identity that go on."""

import base64
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from devtools import processes
from devtools.sandbox import Keys, Sandbox
from tests.sandbox.support import refused, with_credentials
from tests.sandbox.test_iam_decisions import allow, deny, document, trust

ACCOUNT = "110000000083"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"
WRONG = "MultiFactorAuthentication failed with invalid MFA one time pass code."
MFA = "aws:MultiFactorAuthPresent"


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox whose clock is put forward."""
    sandbox = Sandbox(home=tmp_path_factory.mktemp("sessions") / "state", port=processes.free_port())
    sandbox.start()
    yield sandbox
    sandbox.stop()


@pytest.fixture(scope="module")
def keys(own: Sandbox) -> Keys:
    keys = own.account(ACCOUNT)
    own.client("ssm", keys).put_parameter(Name="/mfa", Value="1", Type="String")
    return keys


class Person:
    """A user who may do a few things, with a device if `device` is called."""

    def __init__(self, own: Sandbox, keys: Keys, name: str, *statements: dict[str, Any]) -> None:
        self.own, self.name = own, name
        self.iam = own.client("iam", keys)
        self.iam.create_user(UserName=name)
        self.iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document(*statements))
        self.key = self.iam.create_access_key(UserName=name)["AccessKey"]
        self.sts = with_credentials(own, self.key, "sts")
        self.serial = ""
        self.seed = b""

    def device(self) -> "Person":
        made = self.iam.create_virtual_mfa_device(VirtualMFADeviceName=self.name)["VirtualMFADevice"]
        self.serial, self.seed = made["SerialNumber"], made["Base32StringSeed"]
        first, second = self.codes()
        self.iam.enable_mfa_device(
            UserName=self.name,
            SerialNumber=self.serial,
            AuthenticationCode1=first,
            AuthenticationCode2=second,
        )
        return self

    def codes(self) -> tuple[str, str]:
        """The codes of the period before and of this one, by the sandbox's clock."""
        now = int(self.own.control("GET", "clock")["now"])
        totp = TOTP(base64.b32decode(self.seed), 6, SHA1(), 30)  # noqa: S303 (RFC 6238)
        return totp.generate(now - 30).decode(), totp.generate(now).decode()

    def next_code(self) -> str:
        """A code that has not been used: of the next period."""
        self.own.control("POST", "clock", {"advance_s": 60})
        return self.codes()[1]

    def client(self, service: str, credentials: dict[str, Any] | None = None) -> Any:
        return with_credentials(self.own, credentials or self.key, service)


def test_codes_that_are_wrong_used_or_of_no_device_give_no_session(own: Sandbox, keys: Keys) -> None:
    anna = Person(own, keys, "anna", allow("ssm:*", Condition={"Bool": {MFA: "true"}})).device()
    ben = Person(own, keys, "ben", allow("ssm:*")).device()
    code = anna.next_code()
    for given, sentence in (
        ({"SerialNumber": anna.serial, "TokenCode": "000000" if code != "000000" else "111111"}, WRONG),
        ({"SerialNumber": ben.serial, "TokenCode": ben.codes()[1]}, "unable to validate MFA code."),
        ({"SerialNumber": anna.serial}, "must provide both MFA serial number and one time pass code."),
        ({"TokenCode": code}, "must provide both MFA serial number and one time pass code."),
    ):
        said = refused(anna.sts.get_session_token, **given)
        assert said[0] == "AccessDenied" and sentence in said[1]
    assert refused(anna.client("ssm").get_parameter, Name="/mfa")[0] == "AccessDeniedException"
    plain = anna.sts.get_session_token()["Credentials"]
    assert refused(anna.client("ssm", plain).get_parameter, Name="/mfa")[0] == "AccessDeniedException"
    proven = anna.sts.get_session_token(SerialNumber=anna.serial, TokenCode=code)["Credentials"]
    assert anna.client("ssm", proven).get_parameter(Name="/mfa")["Parameter"]["Value"] == "1"
    assert refused(anna.sts.get_session_token, SerialNumber=anna.serial, TokenCode=code)[1] == WRONG


def test_age_of_mfa_and_of_tokens_is_by_the_clock(own: Sandbox, keys: Keys) -> None:
    young = {"NumericLessThan": {"aws:MultiFactorAuthAge": "600"}}
    cleo = Person(own, keys, "cleo", allow("ssm:*", Condition=young)).device()
    session = cleo.sts.get_session_token(SerialNumber=cleo.serial, TokenCode=cleo.next_code())["Credentials"]
    ssm = cleo.client("ssm", session)
    assert ssm.get_parameter(Name="/mfa")["Parameter"]["Value"] == "1"
    own.control("POST", "clock", {"advance_s": 601})
    assert refused(ssm.get_parameter, Name="/mfa")[0] == "AccessDeniedException"


def test_revoked_sessions_are_those_of_before(own: Sandbox, keys: Keys) -> None:
    dora = Person(own, keys, "dora", allow("ssm:*"))
    before = dora.client("ssm", dora.sts.get_session_token()["Credentials"])
    own.control("POST", "clock", {"advance_s": 120})
    moment = own.control("GET", "clock")["now"] - 60
    old = {"DateLessThan": {"aws:TokenIssueTime": str(int(moment))}}
    dora.iam.put_user_policy(
        UserName="dora", PolicyName="revoked", PolicyDocument=document(deny("*", Condition=old))
    )
    assert refused(before.get_parameter, Name="/mfa")[0] == "AccessDeniedException"
    after = dora.client("ssm", dora.sts.get_session_token()["Credentials"])
    assert after.get_parameter(Name="/mfa")["Parameter"]["Value"] == "1"
    # Long-term keys have no issue time.
    assert dora.client("ssm").get_parameter(Name="/mfa")["Parameter"]["Value"] == "1"


def test_role_is_assumed_with_mfa_and_its_session_has_none(own: Sandbox, keys: Keys) -> None:
    eve = Person(own, keys, "eve", allow("sts:AssumeRole")).device()
    fresh = {"Bool": {MFA: "true"}, "NumericLessThan": {"aws:MultiFactorAuthAge": "300"}}
    role = eve.iam.create_role(RoleName="guarded", AssumeRolePolicyDocument=trust({"AWS": ROOT}, **fresh))
    arn = role["Role"]["Arn"]
    known = {"Bool": {MFA: "true"}}
    eve.iam.put_role_policy(
        RoleName="guarded", PolicyName="p", PolicyDocument=document(allow("ssm:*", Condition=known))
    )
    assert refused(eve.sts.assume_role, RoleArn=arn, RoleSessionName="op-1")[0] == "AccessDenied"
    wrong = refused(
        eve.sts.assume_role, RoleArn=arn, RoleSessionName="op-1", SerialNumber=eve.serial, TokenCode="123456"
    )
    assert wrong[1] == WRONG
    session = eve.sts.assume_role(
        RoleArn=arn, RoleSessionName="op-1", SerialNumber=eve.serial, TokenCode=eve.next_code()
    )["Credentials"]
    assert refused(eve.client("ssm", session).get_parameter, Name="/mfa")[0] == "AccessDeniedException"
    eve.iam.put_role_policy(
        RoleName="guarded",
        PolicyName="p",
        PolicyDocument=document(allow("ssm:*", Condition={"Bool": {MFA: "false"}})),
    )
    assert eve.client("ssm", session).get_parameter(Name="/mfa")["Parameter"]["Value"] == "1"


def test_session_without_mfa_asks_nothing_of_iam(own: Sandbox, keys: Keys) -> None:
    fred = Person(own, keys, "fred", allow("*")).device()
    plain = fred.sts.get_session_token()["Credentials"]
    assert refused(fred.client("iam", plain).list_roles)[0] == "InvalidClientTokenId"
    assert refused(fred.client("sts", plain).get_session_token)[0] == "AccessDenied"
    proven = fred.sts.get_session_token(SerialNumber=fred.serial, TokenCode=fred.next_code())["Credentials"]
    assert "Roles" in fred.client("iam", proven).list_roles()


def test_devices_are_enabled_by_two_codes_in_a_row_and_go_in_order(own: Sandbox, keys: Keys) -> None:
    gina = Person(own, keys, "gina", allow("*"))
    made = gina.iam.create_virtual_mfa_device(VirtualMFADeviceName="gina")["VirtualMFADevice"]
    assert len(base64.b32decode(made["Base32StringSeed"])) == 40
    gina.serial, gina.seed = made["SerialNumber"], made["Base32StringSeed"]
    first, second = gina.codes()
    enable = {"UserName": "gina", "SerialNumber": gina.serial}
    for one, other in ((second, first), (first, first), ("000001", second)):
        code, _ = refused(
            gina.iam.enable_mfa_device, **enable, AuthenticationCode1=one, AuthenticationCode2=other
        )
        assert code == "InvalidAuthenticationCode"
    gina.iam.enable_mfa_device(**enable, AuthenticationCode1=first, AuthenticationCode2=second)
    [device] = gina.iam.list_mfa_devices(UserName="gina")["MFADevices"]
    assert (device["SerialNumber"], device["UserName"]) == (gina.serial, "gina")
    assigned = gina.iam.list_virtual_mfa_devices(AssignmentStatus="Assigned")["VirtualMFADevices"]
    assert "gina" in [d["User"]["UserName"] for d in assigned]
    taken = refused(
        gina.iam.enable_mfa_device, **enable, AuthenticationCode1=first, AuthenticationCode2=second
    )
    assert taken[0] == "EntityAlreadyExists"
    assert refused(gina.iam.delete_virtual_mfa_device, SerialNumber=gina.serial)[0] == "DeleteConflict"
    gina.iam.delete_user_policy(UserName="gina", PolicyName="p")
    gina.iam.delete_access_key(UserName="gina", AccessKeyId=gina.key["AccessKeyId"])
    assert refused(gina.iam.delete_user, UserName="gina")[1].endswith("must delete MFA device first.")
    gina.iam.deactivate_mfa_device(**enable)
    gina.iam.delete_virtual_mfa_device(SerialNumber=gina.serial)
    gina.iam.delete_user(UserName="gina")
    assert refused(gina.iam.delete_virtual_mfa_device, SerialNumber=gina.serial)[0] == "NoSuchEntity"


def test_transitive_tags_go_on_to_the_next_role_and_stay_what_they_are(own: Sandbox, keys: Keys) -> None:
    hugo = Person(own, keys, "hugo", allow("sts:*"))
    passing = trust({"AWS": ROOT}, "sts:TagSession")
    arns = [
        hugo.iam.create_role(RoleName=name, AssumeRolePolicyDocument=passing)["Role"]["Arn"]
        for name in ("chain-a", "chain-b")
    ]
    hugo.iam.put_role_policy(RoleName="chain-a", PolicyName="p", PolicyDocument=document(allow("sts:*")))
    red = {"StringEquals": {"aws:PrincipalTag/team": "red"}, "Null": {"aws:PrincipalTag/cost": "true"}}
    hugo.iam.put_role_policy(
        RoleName="chain-b", PolicyName="p", PolicyDocument=document(allow("ssm:*", Condition=red))
    )
    tags = [{"Key": "team", "Value": "red"}, {"Key": "cost", "Value": "1"}]
    first = {"RoleArn": arns[0], "RoleSessionName": "op-1", "Tags": tags}
    lacking = refused(hugo.sts.assume_role, **first, TransitiveTagKeys=["stage"])
    assert lacking[1] == "The specified transitive tag key must be included in the requested tags."
    a = hugo.client("sts", hugo.sts.assume_role(**first, TransitiveTagKeys=["team"])["Credentials"])
    second = {"RoleArn": arns[1], "RoleSessionName": "op-2"}
    b = a.assume_role(**second)["Credentials"]
    assert hugo.client("ssm", b).get_parameter(Name="/mfa")["Parameter"]["Value"] == "1"
    other = refused(a.assume_role, **second, Tags=[{"Key": "team", "Value": "blue"}])
    assert other[0] == "ValidationError" and "conflicts with a transitive tag key" in other[1]
    dropped = hugo.client("sts", hugo.sts.assume_role(**first)["Credentials"]).assume_role(**second)
    ssm = hugo.client("ssm", dropped["Credentials"])
    assert refused(ssm.get_parameter, Name="/mfa")[0] == "AccessDeniedException"


def test_source_identity_is_not_changed_and_has_to_be_let_on(own: Sandbox, keys: Keys) -> None:
    ines = Person(own, keys, "ines", allow("sts:*"))
    named = trust({"AWS": ROOT}, "sts:SetSourceIdentity")
    first, second, third = (
        ines.iam.create_role(RoleName=name, AssumeRolePolicyDocument=trusted)["Role"]["Arn"]
        for name, trusted in (("named-a", named), ("named-b", named), ("unnamed", trust({"AWS": ROOT})))
    )
    ines.iam.put_role_policy(RoleName="named-a", PolicyName="p", PolicyDocument=document(allow("sts:*")))
    credentials = ines.sts.assume_role(RoleArn=first, RoleSessionName="op", SourceIdentity="ines")[
        "Credentials"
    ]
    a = ines.client("sts", credentials)
    assert a.assume_role(RoleArn=second, RoleSessionName="op")["SourceIdentity"] == "ines"
    other = refused(a.assume_role, RoleArn=second, RoleSessionName="op", SourceIdentity="anna")
    unlet = refused(a.assume_role, RoleArn=third, RoleSessionName="op")
    assert {other[0], unlet[0]} == {"AccessDenied"}
    assert "sts:SetSourceIdentity" in unlet[1]


def test_session_token_lasts_a_day_and_a_half_at_most(own: Sandbox, keys: Keys) -> None:
    root = own.client("sts", keys)
    code, message = refused(root.get_session_token, DurationSeconds=129601)
    assert code == "ValidationError" and message.endswith("must have value less than or equal to 129600")


def test_bad_session_policies_are_refused(own: Sandbox, keys: Keys) -> None:
    jan = Person(own, keys, "jan", allow("sts:*"))
    role = jan.iam.create_role(RoleName="narrow", AssumeRolePolicyDocument=trust({"AWS": ROOT}))["Role"][
        "Arn"
    ]
    asked = {"RoleArn": role, "RoleSessionName": "op"}
    assert refused(jan.sts.assume_role, **asked, Policy="{}")[0] == "MalformedPolicyDocument"
    long = document(*(allow(f"s3:{'x' * 60}{n}") for n in range(30)))
    assert refused(jan.sts.assume_role, **asked, Policy=long)[0] == "PackedPolicyTooLarge"
    many = [{"arn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}] * 11
    assert refused(jan.sts.assume_role, **asked, PolicyArns=many)[0] == "ValidationError"


def test_a_source_identity_is_let_on_without_the_session_name(own: Sandbox, keys: Keys) -> None:
    """What AssumeRole alone knows is no condition of SetSourceIdentity: a statement of both lets nobody in by name."""
    kim = Person(own, keys, "kim", allow("sts:*"))
    condition = {"StringEquals": {"sts:RoleSessionName": "kim"}}
    both = {"Effect": "Allow", "Principal": {"AWS": ROOT}, "Condition": condition}
    apart = [
        {**both, "Action": "sts:AssumeRole"},
        {"Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "sts:SetSourceIdentity"},
    ]
    together, split = (
        kim.iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(*rows))["Role"]["Arn"]
        for name, rows in (
            ("together", [{**both, "Action": ["sts:AssumeRole", "sts:SetSourceIdentity"]}]),
            ("split", apart),
        )
    )
    asked = {"RoleSessionName": "kim", "SourceIdentity": "kim"}
    code, why = refused(kim.sts.assume_role, RoleArn=together, **asked)
    assert code == "AccessDenied" and "sts:SetSourceIdentity" in why
    assert kim.sts.assume_role(RoleArn=split, **asked)["SourceIdentity"] == "kim"
