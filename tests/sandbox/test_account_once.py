"""What an account has once: trails, analyzers, monitors of costs, the password policy, disks encrypted by default."""

import json
from pathlib import Path
from typing import Any

import pytest

from devtools import processes
from devtools.sandbox import Keys, Sandbox
from tests.sandbox.support import Stacks, refused, template

ACCOUNT = "210000000077"


@pytest.fixture(scope="module")
def keys(sandbox: Sandbox) -> Keys:
    return sandbox.account(ACCOUNT)


@pytest.fixture(scope="module")
def stacks(sandbox: Sandbox, keys: Keys) -> Stacks:
    return Stacks(sandbox.client("cloudformation", keys))


def bucket_policy(name: str) -> str:
    service = {"Service": "cloudtrail.amazonaws.com"}
    rows = [
        {"Effect": "Allow", "Principal": service, "Action": action, "Resource": resource}
        for action, resource in (
            ("s3:GetBucketAcl", f"arn:aws:s3:::{name}"),
            ("s3:PutObject", f"arn:aws:s3:::{name}/AWSLogs/*"),
        )
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": rows})


def trail(name: str, bucket: str) -> str:
    properties = {"TrailName": name, "S3BucketName": bucket, "IsLogging": True, "IsMultiRegionTrail": True}
    return template(T={"Type": "AWS::CloudTrail::Trail", "Properties": properties})


def test_trail_needs_a_bucket_that_lets_it_write_and_a_name_of_its_own(
    sandbox: Sandbox, keys: Keys, stacks: Stacks
) -> None:
    s3 = sandbox.client("s3", keys)
    assert stacks.create("t-0", trail("trail-0", "nobodys-bucket"))["StackStatus"] == "ROLLBACK_COMPLETE"
    assert any("does not exist" in reason for _, _, reason in stacks.events("t-0"))
    s3.create_bucket(
        Bucket="trails-210000000077", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    assert stacks.create("t-1", trail("trail-1", "trails-210000000077"))["StackStatus"] == "ROLLBACK_COMPLETE"
    assert any("Incorrect S3 bucket policy" in reason for _, _, reason in stacks.events("t-1"))
    s3.put_bucket_policy(Bucket="trails-210000000077", Policy=bucket_policy("trails-210000000077"))
    assert stacks.create("t-2", trail("trail-2", "trails-210000000077"))["StackStatus"] == "CREATE_COMPLETE"
    assert stacks.create("t-3", trail("trail-2", "trails-210000000077"))["StackStatus"] == "ROLLBACK_COMPLETE"
    assert any("already exists" in reason for _, _, reason in stacks.events("t-3"))
    elsewhere = sandbox.client("cloudtrail", keys, "us-east-1")
    [found] = elsewhere.describe_trails()["trailList"]
    assert (found["Name"], found["HomeRegion"]) == ("trail-2", "eu-west-1")
    elsewhere.stop_logging(Name=found["TrailARN"])
    assert elsewhere.get_trail_status(Name=found["TrailARN"])["IsLogging"] is False
    for number in range(4):
        assert stacks.create(f"t-m{number}", trail(f"more-{number}", "trails-210000000077"))[
            "StackStatus"
        ] == ("CREATE_COMPLETE")
    assert stacks.create("t-m9", trail("more-9", "trails-210000000077"))["StackStatus"] == "ROLLBACK_COMPLETE"
    assert any("already has 5 trails" in reason for _, _, reason in stacks.events("t-m9"))


def analyzer(name: str, kind: str = "ACCOUNT") -> str:
    properties = {"AnalyzerName": name, "Type": kind}
    return template(A={"Type": "AWS::AccessAnalyzer::Analyzer", "Properties": properties})


def test_one_analyzer_of_the_account_in_a_region(stacks: Stacks) -> None:
    assert stacks.create("a-1", analyzer("one"))["StackStatus"] == "CREATE_COMPLETE"
    assert stacks.create("a-2", analyzer("two"))["StackStatus"] == "ROLLBACK_COMPLETE"
    assert any("maximum number of analyzers" in reason for _, _, reason in stacks.events("a-2"))
    assert (
        stacks.create("a-3", analyzer("unused", "ACCOUNT_UNUSED_ACCESS"))["StackStatus"] == "CREATE_COMPLETE"
    )


def monitor(dimension: str, **more: Any) -> str:
    properties = {
        "MonitorName": dimension,
        "MonitorType": "DIMENSIONAL",
        "MonitorDimension": dimension,
        **more,
    }
    return template(M={"Type": "AWS::CE::AnomalyMonitor", "Properties": properties})


def test_one_monitor_of_all_services_and_those_by_tag_say_which(stacks: Stacks) -> None:
    assert stacks.create("m-1", monitor("SERVICE"))["StackStatus"] == "CREATE_COMPLETE"
    assert stacks.create("m-2", monitor("SERVICE"))["StackStatus"] == "ROLLBACK_COMPLETE"
    assert any("Limit exceeded on dimensional" in reason for _, _, reason in stacks.events("m-2"))
    assert stacks.create("m-3", monitor("TAG"))["StackStatus"] == "ROLLBACK_COMPLETE"
    told = json.dumps({"Tags": {"Key": "switchyard:environment"}})
    assert stacks.create("m-4", monitor("TAG", MonitorSpecification=told))["StackStatus"] == "CREATE_COMPLETE"


def test_password_policy_is_set_whole_and_refuses_weak_passwords(sandbox: Sandbox, keys: Keys) -> None:
    iam = sandbox.client("iam", keys)
    assert refused(iam.get_account_password_policy)[0] == "NoSuchEntity"
    iam.create_user(UserName="one")
    weak = {"UserName": "one", "Password": "onlysmall"}
    assert refused(iam.create_login_profile, **weak)[0] == "PasswordPolicyViolation"
    iam.update_account_password_policy(MinimumPasswordLength=14, RequireSymbols=True)
    iam.update_account_password_policy(MinimumPasswordLength=12, MaxPasswordAge=90)
    policy = iam.get_account_password_policy()["PasswordPolicy"]
    assert (policy["MinimumPasswordLength"], policy["RequireSymbols"]) == (12, False)
    assert policy["ExpirePasswords"] is True
    weak["Password"] = "eleven-char"
    assert refused(iam.create_login_profile, **weak)[0] == "PasswordPolicyViolation"
    iam.create_login_profile(UserName="one", Password="twelve-chars")
    iam.delete_account_password_policy()
    assert refused(iam.get_account_password_policy)[0] == "NoSuchEntity"


def test_new_disks_are_encrypted_by_default_where_it_is_switched_on(sandbox: Sandbox, keys: Keys) -> None:
    ec2 = sandbox.client("ec2", keys)
    zone = {"AvailabilityZone": "eu-west-1a", "Size": 1}
    assert ec2.get_ebs_encryption_by_default()["EbsEncryptionByDefault"] is False
    assert ec2.create_volume(**zone)["Encrypted"] is False
    ec2.enable_ebs_encryption_by_default()
    assert ec2.create_volume(**zone)["Encrypted"] is True
    elsewhere = sandbox.client("ec2", keys, "us-east-1")
    assert elsewhere.get_ebs_encryption_by_default()["EbsEncryptionByDefault"] is False
    ec2.disable_ebs_encryption_by_default()
    assert ec2.get_ebs_encryption_by_default()["EbsEncryptionByDefault"] is False


def test_billing_sees_a_tag_after_a_day(tmp_path: Path) -> None:
    """A sandbox of this test's own, whose clock may be put forward."""
    sandbox = Sandbox(home=tmp_path / "state", port=processes.free_port())
    sandbox.start()
    try:
        keys = sandbox.account(ACCOUNT)
        costs = sandbox.client("ce", keys, "us-east-1")
        sandbox.client("sqs", keys).create_queue(QueueName="a", tags={"team": "shop"})
        activate = [{"TagKey": "team", "Status": "Active"}]
        asked = {"CostAllocationTagsStatus": activate}
        assert costs.update_cost_allocation_tags_status(**asked)["Errors"][0]["TagKey"] == "team"
        sandbox.control("POST", "clock", {"advance_s": 90_000})
        [row] = costs.list_cost_allocation_tags(TagKeys=["team"])["CostAllocationTags"]
        assert row["Status"] == "Inactive"
        assert costs.update_cost_allocation_tags_status(**asked)["Errors"] == []
        [row] = costs.list_cost_allocation_tags(TagKeys=["team"])["CostAllocationTags"]
        assert row["Status"] == "Active"
    finally:
        sandbox.stop()


def test_what_an_account_has_by_subscription(sandbox: Sandbox, keys: Keys) -> None:
    advisor = sandbox.client("trustedadvisor", keys, "us-east-1")
    checks = advisor.list_checks(maxResults=2)["checkSummaries"]
    assert len(checks) == 2 and checks[0]["arn"].startswith("arn:aws:trustedadvisor:::check/")
    mail = sandbox.client("sesv2", keys).get_account()
    assert mail["ProductionAccessEnabled"] and mail["SendingEnabled"]
    quick = sandbox.client("quicksight", keys)
    with pytest.raises(quick.exceptions.ResourceNotFoundException):
        quick.describe_account_subscription(AwsAccountId=ACCOUNT)
