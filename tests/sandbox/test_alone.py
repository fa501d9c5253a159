"""The sandbox by itself, as somebody else would use it: no Django, none of our other wings, its own requirements."""

import ast
import json
import re
import signal
import subprocess
import sys
import tomllib
import urllib.request
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path
from typing import Any

import boto3
import pytest

from devtools.places import ROOT
from devtools.sandbox import clean_environment

OURS = ("portal", "environments", "workers", "blueprint_cdk", "devtools", "tests", "django", "celery")
# Started like `python -m sandbox`, where importing one of OURS is an error.
ALONE = f"""
import runpy, sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {OURS!r}:
            raise ImportError(f"{{name}} is not installed here")

sys.meta_path.insert(0, Absent())
sys.argv[0] = "sandbox"
runpy.run_module("sandbox", run_name="__main__", alter_sys=True)
"""


@pytest.fixture
def endpoint(tmp_path: Path) -> Iterator[str]:
    command = [sys.executable, "-c", ALONE, "--port", "0", "--data", str(tmp_path), "--speed", "0"]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    said = process.stdout.readline()
    found = re.search(r"http://127\.0\.0\.1:\d+", said)
    assert found, said + process.stdout.read()
    yield found.group()
    process.send_signal(signal.SIGTERM)
    # uvicorn ends by the signal itself, once it has closed.
    assert process.wait(10) in (0, -signal.SIGTERM), process.stdout.read()


def test_it_runs_without_django_and_our_other_wings(endpoint: str) -> None:
    asked = urllib.request.Request(  # noqa: S310 - our own address
        f"{endpoint}/_sandbox/accounts", json.dumps({"account_id": "111122223333"}).encode(), method="POST"
    )
    keys = json.load(urllib.request.urlopen(asked, timeout=10))  # noqa: S310
    session = boto3.Session(keys["access_key_id"], keys["secret_access_key"], region_name="eu-west-1")

    def client(service: str) -> Any:
        return session.client(service, endpoint_url=endpoint)

    assert client("sts").get_caller_identity()["Account"] == "111122223333"
    body = {"Resources": {"Table": {"Type": "AWS::SQS::Queue"}, "Key": {"Type": "AWS::KMS::Key"}}}
    client("cloudformation").create_stack(StackName="alone", TemplateBody=json.dumps(body))
    client("cloudformation").get_waiter("stack_create_complete").wait(
        StackName="alone", WaiterConfig={"Delay": 0.1, "MaxAttempts": 100}
    )
    table = {
        "TableName": "t",
        "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "k", "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
    }
    client("dynamodb").create_table(**table)
    client("dynamodb").put_item(TableName="t", Item={"k": {"S": "a"}})
    found = client("dynamodb").scan(
        TableName="t", FilterExpression="k = :k", ExpressionAttributeValues={":k": {"S": "a"}}
    )
    assert found["Count"] == 1


def test_first_client_of_the_readme_works(endpoint: str) -> None:
    text = (ROOT / "sandbox" / "README.md").read_text()
    [program] = re.findall(r"```python\n(import boto3.*?)```", text, re.DOTALL)
    program = program.replace("http://127.0.0.1:4566", endpoint)
    done = subprocess.run(
        [sys.executable, "-c", program], env=clean_environment(), capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "https://sqs.eu-west-1.amazonaws.com/111122223333/first\n", done.stderr


def named(lines: list[str]) -> set[str]:
    return {re.split(r"[\s\[<>=!~;]", line)[0].lower() for line in lines if line and not line.startswith("#")}


def extra() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return list(project["optional-dependencies"]["sandbox"])


def test_all_that_it_imports_is_in_its_extra_and_that_has_no_django() -> None:
    modules = set()
    for path in (ROOT / "sandbox").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                modules |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                modules.add(node.module.partition(".")[0])
    distributions = packages_distributions()
    needed = {distributions[m][0].lower() for m in modules - set(sys.stdlib_module_names) - {"sandbox"}}
    assert needed <= named(extra())
    reached, left = set(), list(named(extra()))
    while left:
        name = left.pop()
        if name not in reached:
            reached.add(name)
            left += named([line for line in _requires(name) if "extra ==" not in line])
    assert "botocore" in reached and not reached & {"django", "celery", "aws-cdk-lib"}


def _requires(name: str) -> list[str]:
    """What a distribution needs; nothing of one that this machine does not need."""
    try:
        return list(requires(name) or ())
    except PackageNotFoundError:
        return []


def test_requirements_for_the_sandbox_alone_are_its_extra() -> None:
    lines = (ROOT / "sandbox" / "requirements.txt").read_text().splitlines()
    assert [line for line in lines if not line.startswith("#")] == extra()
