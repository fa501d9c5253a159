"""The front door: protocols, accounts and regions apart, keys, faults, the control API."""

import urllib.request
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ReadTimeoutError

from devtools.sandbox import Keys, Sandbox, client_make
from tests.sandbox.support import refused, with_credentials

ACCOUNT = "110000000001"


def impatient(sandbox: Sandbox, keys: Keys, service: str, region: str = "eu-west-1") -> Any:
    """A client that tries once and waits a second."""
    config = Config(read_timeout=1, retries={"total_max_attempts": 1})
    return client_make(service, sandbox.url, region, keys.credentials, config=config)


@pytest.mark.parametrize(
    ("service", "operation", "member"),
    [
        ("sts", "get_caller_identity", "Account"),  # query
        ("ec2", "describe_vpcs", "Vpcs"),  # ec2
        ("ssm", "describe_parameters", "Parameters"),  # json 1.1
        ("sqs", "list_queues", "ResponseMetadata"),  # json 1.0, query compatible
        ("s3", "list_buckets", "Buckets"),  # rest-xml
        ("route53", "list_hosted_zones", "HostedZones"),  # rest-xml with paths
        ("resourcegroupstaggingapi", "get_resources", "ResourceTagMappingList"),  # smithy-rpc-v2-cbor
    ],
)
def test_each_protocol_is_spoken(
    sandbox: Sandbox, keys: Keys, service: str, operation: str, member: str
) -> None:
    assert member in getattr(sandbox.client(service, keys), operation)()


@pytest.mark.parametrize(
    ("service", "call", "params", "code"),
    [
        ("ssm", "get_parameter", {"Name": "/none"}, "ParameterNotFound"),
        ("iam", "get_role", {"RoleName": "none"}, "NoSuchEntity"),
        ("s3", "list_objects_v2", {"Bucket": "none-at-all"}, "NoSuchBucket"),
        ("sqs", "get_queue_url", {"QueueName": "none"}, "AWS.SimpleQueueService.NonExistentQueue"),
        ("cloudformation", "describe_stacks", {"StackName": "none"}, "ValidationError"),
    ],
)
def test_errors_have_the_services_own_codes(
    sandbox: Sandbox, keys: Keys, service: str, call: str, params: dict[str, str], code: str
) -> None:
    assert refused(getattr(sandbox.client(service, keys), call), **params)[0] == code


def test_accounts_and_regions_are_apart(sandbox: Sandbox, keys: Keys) -> None:
    other = sandbox.account("110000000009")
    sandbox.client("ssm", keys).put_parameter(Name="/apart", Value="here", Type="String")
    for client in (sandbox.client("ssm", keys, "us-east-1"), sandbox.client("ssm", other)):
        assert refused(client.get_parameter, Name="/apart")[0] == "ParameterNotFound"


def test_same_account_gets_the_same_keys(sandbox: Sandbox, keys: Keys) -> None:
    assert sandbox.account(ACCOUNT) == keys


def test_unknown_key_is_refused(sandbox: Sandbox) -> None:
    made_up = {"AccessKeyId": "AKIAAAAAAAAAAAAAAAAA", "SecretAccessKey": "x"}
    code, message = refused(with_credentials(sandbox, made_up, "sts").get_caller_identity)
    assert (code, message) == (
        "InvalidClientTokenId",
        "The security token included in the request is invalid.",
    )
    assert refused(with_credentials(sandbox, made_up, "s3").list_buckets)[0] == "InvalidAccessKeyId"
    assert (
        refused(with_credentials(sandbox, made_up, "ssm").describe_parameters)[0]
        == "UnrecognizedClientException"
    )


def test_what_is_not_there_is_refused_by_name(sandbox: Sandbox, keys: Keys) -> None:
    code, message = refused(impatient(sandbox, keys, "ec2").describe_spot_fleet_requests)
    assert (code, message) == (
        "NotImplemented",
        "ec2:DescribeSpotFleetRequests is not supported by the sandbox",
    )


def test_missing_member_is_a_validation_error(sandbox: Sandbox, keys: Keys) -> None:
    client = sandbox.client("ssm", keys)
    client.meta.events.register("before-parameter-build.ssm.GetParameter", lambda **_: None)
    request = urllib.request.Request(  # noqa: S310
        sandbox.url,
        data=b"{}",
        headers={
            "X-Amz-Target": "AmazonSSM.GetParameter",
            "Authorization": f"AWS4-HMAC-SHA256 Credential={keys.access_key_id}/20261122/eu-west-1/ssm/aws4_request",
        },
    )
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request)  # noqa: S310
    assert caught.value.code == 400
    assert b"Value null at 'name'" in caught.value.read()


def test_dark_region_refuses_and_others_answer(sandbox: Sandbox, keys: Keys) -> None:
    sandbox.fault("dark", region="eu-central-1", account=ACCOUNT)
    assert (
        refused(impatient(sandbox, keys, "ssm", "eu-central-1").describe_parameters)[0]
        == "ServiceUnavailable"
    )
    assert impatient(sandbox, keys, "ssm").describe_parameters()["Parameters"] is not None


def test_hanging_region_gives_no_answer(sandbox: Sandbox, keys: Keys) -> None:
    sandbox.fault("dark", mode="hang", region="eu-central-1", account=ACCOUNT)
    with pytest.raises(ReadTimeoutError):
        impatient(sandbox, keys, "ssm", "eu-central-1").describe_parameters()


def test_throttle_lets_its_rate_through(sandbox: Sandbox, keys: Keys) -> None:
    sandbox.fault("throttle", rate=2, service="ssm", account=ACCOUNT)
    client, answers = impatient(sandbox, keys, "ssm"), []
    for _ in range(20):
        try:
            client.describe_parameters()
            answers.append("ok")
        except ClientError as problem:
            answers.append(problem.response["Error"]["Code"])
    assert "ok" in answers and "ThrottlingException" in answers


def test_call_that_times_out_has_succeeded(sandbox: Sandbox, keys: Keys) -> None:
    sandbox.fault("timeout-after-success", service="ssm", operation="PutParameter", account=ACCOUNT, count=1)
    with pytest.raises(ReadTimeoutError):
        impatient(sandbox, keys, "ssm").put_parameter(Name="/late", Value="1", Type="String")
    assert sandbox.client("ssm", keys).get_parameter(Name="/late")["Parameter"]["Value"] == "1"


def test_planted_error_strikes_as_often_as_it_should(sandbox: Sandbox, keys: Keys) -> None:
    sandbox.fault(
        "error", code="InternalServerError", message="m", status=500, operation="DescribeParameters", count=2
    )
    client = impatient(sandbox, keys, "ssm")
    for _ in range(2):
        assert refused(client.describe_parameters) == ("InternalServerError", "m")
    assert client.describe_parameters()["Parameters"] is not None


def test_requests_are_counted(sandbox: Sandbox, keys: Keys) -> None:
    last = sandbox.control("GET", "requests/counts")["last"]
    client = sandbox.client("ssm", keys)
    client.describe_parameters()
    refused(client.get_parameter, Name="/none")
    counts = sandbox.control("GET", "requests/counts", after=last)
    assert counts["by_operation"] == {"ssm.DescribeParameters": 1, "ssm.GetParameter": 1}
    entry = sandbox.control("GET", "requests", after=last, limit=10)[1]
    assert (entry["account"], entry["region"], entry["status"], entry["error"]) == (
        ACCOUNT, "eu-west-1", 400, "ParameterNotFound")  # fmt: skip
