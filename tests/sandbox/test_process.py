"""The process: its state over SIGKILL, work that goes on, refusals to start, reset, its size."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from devtools import processes
from devtools.sandbox import Sandbox
from tests.sandbox.support import Stacks, parameter, refused, template

ACCOUNT = "110000000007"


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Sandbox]:
    """A sandbox of this test's own, which it may kill."""
    sandbox = Sandbox(home=tmp_path / "state", port=processes.free_port())
    sandbox.start()
    yield sandbox
    sandbox.stop()


def listener(sandbox: Sandbox) -> int:
    """The process that listens on the sandbox's port."""
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if "sandbox" in words and str(sandbox.port) in words:
            return int(process.pid)
    raise AssertionError("no process listens")


def kill_and_restart(sandbox: Sandbox) -> None:
    pid = listener(sandbox)
    os.kill(pid, signal.SIGKILL)
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    sandbox.stop()
    sandbox.start()


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sandbox", *words], capture_output=True, text=True, timeout=30
    )


def test_state_survives_sigkill(own: Sandbox) -> None:
    keys = own.account(ACCOUNT)
    own.client("ssm", keys).put_parameter(Name="/kept", Value="v", Type="String")
    s3 = own.client("s3", keys)
    s3.create_bucket(Bucket="kept-over-kill", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(Bucket="kept-over-kill", Key="k", Body=b"body")
    sqs = own.client("sqs", keys)
    url = sqs.create_queue(QueueName="kept")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="m")
    kill_and_restart(own)  # how long that takes: test_figures
    assert own.account(ACCOUNT) == keys
    assert own.client("ssm", keys).get_parameter(Name="/kept")["Parameter"]["Value"] == "v"
    assert s3.get_object(Bucket="kept-over-kill", Key="k")["Body"].read() == b"body"
    assert sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"] == "m"


@pytest.mark.parametrize("broken", [False, True], ids=["to the end", "and rolls back"])
def test_stack_goes_on_after_sigkill(own: Sandbox, broken: bool) -> None:
    keys = own.account(ACCOUNT)
    own.settings(speed=1, durations={"AWS::SSM::Parameter": {"create": 1.5, "update": 1, "delete": 0.1}})
    stacks = Stacks(own.client("cloudformation", keys))
    last = parameter("3", Bogus=1) if broken else parameter("3")
    body = template(A=parameter("1"), B={**parameter("2"), "DependsOn": "A"}, C={**last, "DependsOn": "B"})
    stacks.client.create_stack(StackName="on", TemplateBody=body)
    time.sleep(2)
    own.speed = 1
    kill_and_restart(own)
    assert stacks.wait("on")["StackStatus"] == ("ROLLBACK_COMPLETE" if broken else "CREATE_COMPLETE")
    names = [e for e in stacks.events("on") if e[1] == "CREATE_COMPLETE" and e[0] in "AB"]
    assert len(names) == 2
    assert len(own.client("ssm", keys).describe_parameters()["Parameters"]) == (0 if broken else 3)


def test_nested_stack_goes_on_after_sigkill(own: Sandbox) -> None:
    keys = own.account(ACCOUNT)
    own.settings(speed=1, durations={"AWS::SSM::Parameter": {"create": 1.5, "delete": 0.1}})
    s3 = own.client("s3", keys)
    s3.create_bucket(Bucket="nested-on", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(Bucket="nested-on", Key="t", Body=template(A=parameter("1", Name="/on/a")))
    nested = {
        "Type": "AWS::CloudFormation::Stack",
        "Properties": {"TemplateURL": f"{own.url}/nested-on/t"},
    }
    stacks = Stacks(own.client("cloudformation", keys))
    last = {**parameter("2", Name="/on/b"), "DependsOn": "Inner"}
    stacks.client.create_stack(StackName="outer", TemplateBody=template(Inner=nested, B=last))
    time.sleep(0.5)
    own.speed = 1
    kill_and_restart(own)
    assert stacks.wait("outer")["StackStatus"] == "CREATE_COMPLETE"
    assert len(own.client("ssm", keys).describe_parameters()["Parameters"]) == 2
    assert stacks.delete("outer")["StackStatus"] == "DELETE_COMPLETE"
    assert own.client("ssm", keys).describe_parameters()["Parameters"] == []


def test_durations_and_speed(own: Sandbox) -> None:
    keys = own.account(ACCOUNT)
    own.settings(speed=0.01, durations={"AWS::SQS::Queue": {"create": 50}})
    stacks = Stacks(own.client("cloudformation", keys))
    began = time.monotonic()
    stacks.create("timed", template(Q={"Type": "AWS::SQS::Queue"}))
    assert 0.5 <= time.monotonic() - began < 10  # at AWS's speed it would be 50


def test_reset_drops_everything(own: Sandbox) -> None:
    keys = own.account(ACCOUNT)
    own.client("ssm", keys).put_parameter(Name="/gone", Value="v", Type="String")
    own.control("POST", "reset")
    assert own.control("GET", "resources") == []
    assert refused(own.client("sts", keys).get_caller_identity)[0] == "InvalidClientTokenId"
    kill_and_restart(own)
    assert own.control("GET", "resources") == []


def test_resources_are_listed_by_the_control_api(own: Sandbox) -> None:
    keys = own.account(ACCOUNT)
    own.client("ssm", keys).put_parameter(
        Name="/r", Value="v", Type="String", Tags=[{"Key": "a", "Value": "b"}]
    )
    found = own.control("GET", "resources", account=ACCOUNT, type="AWS::SSM::Parameter")
    assert [(r["id"], r["state"], r["tags"], r["stack"]) for r in found] == [
        ("/r", "available", {"a": "b"}, None)
    ]


def test_taken_port_is_one_sentence(own: Sandbox, tmp_path: Path) -> None:
    answer = run("--port", str(own.port), "--data", str(tmp_path / "other"))
    assert answer.returncode == 2
    assert answer.stderr.startswith(f"Port {own.port} cannot be used:") and answer.stderr.count("\n") == 1


def test_unreadable_state_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "sandbox.sqlite3").write_bytes(b"this is no database" * 100)
    answer = run("--port", "0", "--data", str(tmp_path))
    assert answer.returncode == 2
    assert "cannot be read" in answer.stderr and answer.stderr.count("\n") == 1


def test_help_says_what_it_is_and_how_to_begin() -> None:
    answer = run("--help")
    assert answer.returncode == 0 and "--speed" in answer.stdout
    for needed in ("AWS_ENDPOINT_URL=", "/_sandbox/accounts -d", "sandbox/README.md", "docs/sandbox.md"):
        assert needed in answer.stdout


def test_sigterm_ends_it_cleanly(own: Sandbox) -> None:
    pid = listener(own)
    os.kill(pid, signal.SIGTERM)
    until = time.monotonic() + 5
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < until
        time.sleep(0.02)
    assert "Traceback" not in own.log.read_text()


CDK_APP = """
import aws_cdk as cdk
from aws_cdk import aws_iam as iam, aws_s3_assets as assets, aws_sqs as sqs, aws_ssm as ssm
app = cdk.App()
one, two = (cdk.Stack(app, n, synthesizer=cdk.DefaultStackSynthesizer(qualifier="swyard")) for n in ("One", "Two"))
queue = sqs.Queue(one, "Queue")
ssm.StringParameter(two, "Arn", parameter_name="/cdk/arn", string_value=queue.queue_arn)
ssm.StringParameter(two, "Value", parameter_name="/cdk/value", string_value="1")
ssm.StringParameter(two, "Asset", string_value=assets.Asset(one, "File", path=__file__).s3_object_url)
iam.Role(two, "Role", assumed_by=iam.ServicePrincipal("ec2.amazonaws.com"))
app.synth()
"""


def test_cdk_bootstraps_deploys_finds_and_reverts_drift_rolls_back_and_destroys(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    from devtools.places import ROOT

    keys = sandbox.account("110000000008")
    (tmp_path / "app.py").write_text(CDK_APP)
    environment = {
        **os.environ,
        "AWS_ENDPOINT_URL": sandbox.url,
        "AWS_ACCESS_KEY_ID": keys.access_key_id,
        "AWS_SECRET_ACCESS_KEY": keys.secret_access_key,
        "AWS_REGION": "eu-west-1",
        "CDK_DISABLE_CLI_TELEMETRY": "1",
        "CDK_DISABLE_VERSION_CHECK": "1",
        "CI": "1",
    }

    def cdk(*words: str, app: str = f"{sys.executable} app.py", code: int = 0) -> str:
        command = [str(ROOT / "node_modules" / ".bin" / "cdk"), "--no-notices", "--app", app, *words]
        answer = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=100
        )
        assert answer.returncode == code, answer.stdout + answer.stderr
        return answer.stdout + answer.stderr

    cdk(
        "bootstrap",
        "aws://110000000008/eu-west-1",
        "--qualifier",
        "swyard",
        "--toolkit-stack-name",
        "Toolkit",
    )
    cdk(
        "deploy",
        "--all",
        "--require-approval",
        "never",
        "--toolkit-stack-name",
        "Toolkit",
        "--concurrency",
        "2",
    )
    stacks = Stacks(sandbox.client("cloudformation", keys))
    ssm: Any = sandbox.client("ssm", keys)
    assert ssm.get_parameter(Name="/cdk/arn")["Parameter"]["Value"].startswith(
        "arn:aws:sqs:eu-west-1:110000000008:One-Queue"
    )
    assert json.loads(json.dumps(stacks.physical("Two"))).keys()
    written = str(tmp_path / "cdk.out")  # what the deployment synthesized: saves the next commands the time
    toolkit = ("--require-approval", "never", "--toolkit-stack-name", "Toolkit")
    assert "There were no differences" in cdk("diff", app=written)
    made = tmp_path / "cdk.out" / "Two.template.json"
    was = made.read_text()
    made.write_text(was.replace('"Value": "1"', '"Value": "2"'))
    said = cdk("diff", "Two", "--fail", app=written, code=1)
    assert "Number of stacks with differences: 1" in said and "[~] AWS::SSM::Parameter Value" in said
    assert "[-] 1" in said and "[+] 2" in said and "AWS::IAM::Role" not in said
    made.write_text(was)
    ssm.put_parameter(Name="/cdk/value", Value="by hand", Overwrite=True)
    assert "by hand" in cdk("drift", "Two", "--fail", app=written, code=1)
    sandbox.fault("failing-type", type="AWS::SSM::Parameter", action="update", message="stuck", count=1)
    cdk("deploy", "Two", "--revert-drift", "--no-rollback", *toolkit, app=written, code=1)
    assert stacks.wait("Two")["StackStatus"] == "UPDATE_FAILED"
    sandbox.lift_faults()
    cdk("rollback", "Two", "--toolkit-stack-name", "Toolkit", app=written)
    assert stacks.wait("Two")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    cdk("deploy", "Two", "--revert-drift", *toolkit, app=written)
    assert ssm.get_parameter(Name="/cdk/value")["Parameter"]["Value"] == "1"
    cdk("destroy", "--all", "--force", app=written)
    assert refused(stacks.client.describe_stacks, StackName="One")[0] == "ValidationError"
