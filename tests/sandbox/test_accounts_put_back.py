"""Snapshots: accounts are as they were, what is no account's stays, and the process goes on."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from devtools import processes
from devtools.sandbox import Sandbox
from tests.sandbox.support import Stacks, once, parameter, refused, template, with_credentials

ACCOUNT, OTHER = "110000000208", "110000000209"


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Sandbox]:
    """A sandbox of this test's own: a snapshot is of all accounts."""
    sandbox = Sandbox(home=tmp_path / "state", port=processes.free_port())
    sandbox.start()
    yield sandbox
    sandbox.stop()


def resources(sandbox: Sandbox) -> list[Any]:
    """All that there is, in one order."""
    return sorted(
        sandbox.control("GET", "resources"), key=lambda row: (row["region"], row["type"], row["id"])
    )


def test_an_account_is_put_back_to_what_it_was_with_stacks_events_and_objects(own: Sandbox) -> None:
    keys = own.account(ACCOUNT)
    ssm, s3 = own.client("ssm", keys), own.client("s3", keys)
    stacks = Stacks(own.client("cloudformation", keys))
    stacks.create("kept", template(P=parameter("1", Name="/stack")))
    s3.create_bucket(Bucket="kept-bucket", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(Bucket="kept-bucket", Key="file", Body=b"first")
    before = resources(own)
    events = stacks.client.describe_stack_events(StackName="kept")["StackEvents"]
    own.keep("then")
    for _ in range(2):
        stacks.client.update_stack(StackName="kept", TemplateBody=template(P=parameter("2", Name="/stack")))
        stacks.wait("kept")
        stacks.create("new", template(P=parameter("1", Name="/new")))
        s3.delete_object(Bucket="kept-bucket", Key="file")
        own.put_back("then")
        assert resources(own) == before
        assert stacks.client.describe_stack_events(StackName="kept")["StackEvents"] == events
        assert ssm.get_parameter(Name="/stack")["Parameter"]["Value"] == "1"
        assert refused(ssm.get_parameter, Name="/new")[0] == "ParameterNotFound"
        assert s3.get_object(Bucket="kept-bucket", Key="file")["Body"].read() == b"first"
    # What is put back is as good as what was made: it can be changed, and deleted.
    assert stacks.delete("kept")["StackStatus"] == "DELETE_COMPLETE"


def test_what_is_no_account_of_the_snapshot_stays(own: Sandbox) -> None:
    keys = own.account(ACCOUNT)
    own.keep("then")
    later = own.account(OTHER)
    own.client("ssm", later).put_parameter(Name="/later", Value="v", Type="String")
    session = own.client("sts", keys).get_session_token()["Credentials"]
    fault = own.fault("throttle", service="sqs", rate=0)
    own.settings(speed=0.5)
    calls = own.control("GET", "requests/counts")["last"]
    own.put_back("then")
    assert own.client("ssm", later).get_parameter(Name="/later")["Parameter"]["Value"] == "v"
    again = with_credentials(own, session, "sts")
    assert again.get_caller_identity()["Account"] == ACCOUNT
    assert [row["id"] for row in own.control("GET", "faults")] == [fault]
    assert refused(once(own, keys, "sqs").list_queues)[0] == "ThrottlingException"
    assert own.settings()["speed"] == 0.5
    assert own.control("GET", "requests/counts")["last"] > calls
    own.lift_faults()
    assert not own.client("sqs", keys).list_queues()["QueueUrls"]


def test_what_was_under_way_goes_on_and_what_is_under_way_ends(own: Sandbox) -> None:
    own.settings(speed=1, durations={"AWS::SSM::Parameter": {"create": 2}})
    keys = own.account(ACCOUNT)
    stacks = Stacks(own.client("cloudformation", keys))
    stacks.client.create_stack(StackName="first", TemplateBody=template(P=parameter("1", Name="/first")))
    own.keep("then")
    stacks.client.create_stack(StackName="second", TemplateBody=template(P=parameter("1", Name="/second")))
    own.put_back("then")
    assert stacks.wait("first")["StackStatus"] == "CREATE_COMPLETE"
    time.sleep(2.5)
    assert [row["StackName"] for row in stacks.client.describe_stacks()["Stacks"]] == ["first"]
    found = own.client("ssm", keys).describe_parameters()["Parameters"]
    assert [row["Name"] for row in found] == ["/first"]


def test_snapshots_survive_the_process_and_go_with_a_reset(own: Sandbox) -> None:
    keys = own.account(ACCOUNT)
    own.keep("then")
    own.client("ssm", keys).put_parameter(Name="/p", Value="v", Type="String")
    own.stop()
    own.start()
    assert own.control("GET", "snapshots") == {"then": [ACCOUNT]}
    own.put_back("then")
    assert refused(own.client("ssm", keys).get_parameter, Name="/p")[0] == "ParameterNotFound"
    own.control("POST", "reset")
    assert own.control("GET", "snapshots") == {}
    with pytest.raises(httpx.HTTPStatusError, match="404"):
        own.put_back("then")
