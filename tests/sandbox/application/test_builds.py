"""CodeBuild: builds are processes with the rights of their role, near the database, with their lines in the log."""

import json
import time
from typing import Any

import pytest

from tests.sandbox.application.building import Place, until, zipped
from tests.sandbox.support import Stacks, refused, template

RUNNER = """
import json, os, ssl, sys
import boto3, pymysql

secret = json.loads(
    boto3.client("secretsmanager").get_secret_value(SecretId=os.environ["DATABASE_SECRET_ARN"])["SecretString"]
)
with pymysql.connect(
    host=os.environ["DATABASE_HOST"], user=secret["username"], password=secret["password"], database="app",
    ssl=ssl.create_default_context(), autocommit=True,
) as connection, connection.cursor() as cursor:
    cursor.execute("CREATE TABLE IF NOT EXISTS checked (said VARCHAR(40))")
    cursor.execute("INSERT INTO checked VALUES (%s)", (sys.argv[1],))
    cursor.execute("SELECT said FROM checked")
    rows = [row[0] for row in cursor.fetchall()]
print("rows:", rows)
boto3.client("s3").put_object(Bucket=os.environ["RESULTS"], Key="result.json", Body=json.dumps(rows).encode())
"""
SPEC = {
    "version": 0.2,
    "env": {"variables": {"WORD": "from the spec", "SAID": "spec"}, "exported-variables": ["SAID"]},
    "phases": {
        "pre_build": {"commands": ["python -c 'print(1 + 1)'"]},
        "build": {"commands": ["python runner.py ${SAID}"]},
        "post_build": {"commands": ["python -c 'print(\"after\")'"]},
    },
    "artifacts": {"files": ["*.py"]},
}


@pytest.fixture(scope="module")
def codebuild(shop: Place) -> Any:
    """A project in the shop's network, with its source in S3 and the shop's rights."""
    assert shop.ask("GET", "/healthz/deep").status_code == 200
    source = zipped({"runner.py": RUNNER, "buildspec.yml": json.dumps(SPEC)})
    shop.client("s3").put_object(Bucket=shop.made["bucket"], Key="runner.zip", Body=source)
    client = shop.client("codebuild")
    group = shop.client("ec2").create_security_group(
        GroupName="runner", Description="runner", VpcId=shop.made["vpc"]
    )["GroupId"]
    client.create_project(
        name="runner",
        source={"type": "S3", "location": f"{shop.made['bucket']}/runner.zip"},
        artifacts={"type": "S3", "location": shop.made["bucket"], "path": "out", "name": "build"},
        environment={
            "type": "LINUX_CONTAINER",
            "image": "aws/codebuild/standard:7.0",
            "computeType": "BUILD_GENERAL1_SMALL",
            "environmentVariables": [
                {"name": "DATABASE_HOST", "value": shop.made["writer"]},
                {"name": "DATABASE_SECRET_ARN", "value": shop.made["secret"]},
                {"name": "RESULTS", "value": shop.made["bucket"]},
                {"name": "PASSWORD", "type": "SECRETS_MANAGER", "value": "shop/database:password"},
            ],
        },
        serviceRole=f"arn:aws:iam::{shop.keys.account_id}:role/{shop.made['profile']}",
        vpcConfig={"vpcId": shop.made["vpc"], "subnets": shop.made["subnets"], "securityGroupIds": [group]},
    )
    return client


def build(client: Any, id: str) -> dict[str, Any]:
    found: dict[str, Any] = client.batch_get_builds(ids=[id])["builds"][0]
    return found


def finished(client: Any, **params: Any) -> dict[str, Any]:
    id = client.start_build(**{"projectName": "runner", **params})["build"]["id"]
    return dict(until(lambda: build(client, id) if build(client, id)["buildComplete"] else None, 60))


def lines(place: Place, made: dict[str, Any]) -> str:
    events = place.client("logs").get_log_events(
        logGroupName=made["logs"]["groupName"], logStreamName=made["logs"]["streamName"]
    )["events"]
    return "".join(e["message"] for e in events)


def inline(*commands: str, **phases: Any) -> str:
    return json.dumps({"version": 0.2, "phases": {"build": {"commands": list(commands)}, **phases}})


def test_build_works_on_the_database_and_leaves_its_result_in_s3(shop: Place, codebuild: Any) -> None:
    made = finished(codebuild, environmentVariablesOverride=[{"name": "SAID", "value": "over"}])
    assert made["buildStatus"] == "SUCCEEDED", lines(shop, made)
    assert [p["phaseType"] for p in made["phases"]] == [
        "SUBMITTED", "QUEUED", "PROVISIONING", "DOWNLOAD_SOURCE", "INSTALL", "PRE_BUILD", "BUILD", "POST_BUILD",
        "UPLOAD_ARTIFACTS", "FINALIZING", "COMPLETED",
    ]  # fmt: skip
    s3 = shop.client("s3")
    assert "over" in json.loads(s3.get_object(Bucket=shop.made["bucket"], Key="result.json")["Body"].read())
    assert (
        s3.get_object(Bucket=shop.made["bucket"], Key="out/build/runner.py")["Body"].read().decode() == RUNNER
    )
    said = lines(shop, made)
    assert "[Container] Running command python runner.py ${SAID}\nrows:" in said
    assert "2\n" in said
    assert made["exportedEnvironmentVariables"] == [{"name": "SAID", "value": "over"}]
    assert made["vpcConfig"]["vpcId"] == shop.made["vpc"]


def test_failed_command_fails_the_build_and_post_build_still_runs(shop: Place, codebuild: Any) -> None:
    spec = inline(
        "python -c 'raise SystemExit(3)'", post_build={"commands": ["python -c 'print(\"cleaned\")'"]}
    )
    made = finished(codebuild, buildspecOverride=spec + "\n")
    assert made["buildStatus"] == "FAILED"
    phases = {p["phaseType"]: p for p in made["phases"]}
    assert phases["BUILD"]["contexts"][0] == {
        "statusCode": "COMMAND_EXECUTION_ERROR",
        "message": "Error while executing command: python -c 'raise SystemExit(3)'. Reason: exit status 3",
    }
    assert phases["POST_BUILD"]["phaseStatus"] == "SUCCEEDED"
    assert "UPLOAD_ARTIFACTS" not in phases
    assert "cleaned" in lines(shop, made)


@pytest.mark.parametrize(
    ("spec", "code", "part"),
    [
        ("phases: [", "YAML_FILE_ERROR", "YAML_FILE_ERROR"),
        ("version: 0.2\nphases:\n  compile: {}\n", "YAML_FILE_ERROR", "unknown phase compile"),
        ("other.yml", "YAML_FILE_ERROR", "YAML file does not exist: other.yml"),
    ],
)
def test_bad_buildspec_fails_as_the_source_is_read(codebuild: Any, spec: str, code: str, part: str) -> None:
    made = finished(codebuild, buildspecOverride=spec if spec == "other.yml" else spec + "\n")
    phase = next(p for p in made["phases"] if p["phaseType"] == "DOWNLOAD_SOURCE")
    assert made["buildStatus"] == "FAILED"
    assert phase["contexts"][0]["statusCode"] == code
    assert part in phase["contexts"][0]["message"]


def test_command_that_needs_a_shell_is_refused_and_says_so(codebuild: Any) -> None:
    made = finished(codebuild, buildspecOverride=inline("echo a && echo b") + "\n")
    phase = next(p for p in made["phases"] if p["phaseType"] == "BUILD")
    assert "without a shell" in phase["contexts"][0]["message"]


def test_build_has_the_variables_of_project_secret_and_codebuild(shop: Place, codebuild: Any) -> None:
    program = (
        "import json, os, sys; print(json.dumps([os.environ[n] for n in "
        "('PASSWORD', 'CODEBUILD_BUILD_ID', 'AWS_REGION')]))"
    )
    spec = inline(f'python -c "{program}"') + "\n"
    made = finished(codebuild, buildspecOverride=spec, artifactsOverride={"type": "NO_ARTIFACTS"})
    assert made["buildStatus"] == "SUCCEEDED", lines(shop, made)
    found = json.loads(next(x for x in lines(shop, made).splitlines() if x.startswith('["')))
    assert found == [shop.made["login"]["password"], made["id"], "eu-west-1"]


def test_build_can_be_stopped(codebuild: Any) -> None:
    started = codebuild.start_build(
        projectName="runner", buildspecOverride=inline("python -c 'import time; time.sleep(60)'") + "\n"
    )["build"]
    until(lambda: build(codebuild, started["id"])["currentPhase"] == "BUILD")
    began = time.monotonic()
    assert codebuild.stop_build(id=started["id"])["build"]["buildStatus"] == "STOPPED"
    assert time.monotonic() - began < 10
    made = build(codebuild, started["id"])
    assert (made["buildStatus"], made["buildComplete"], made["currentPhase"]) == (
        "STOPPED",
        True,
        "COMPLETED",
    )


def test_same_token_is_the_same_build(codebuild: Any) -> None:
    spec = inline("python -c 'print()'") + "\n"
    ids = {
        codebuild.start_build(projectName="runner", buildspecOverride=spec, idempotencyToken="one")["build"][
            "id"
        ]
        for _ in range(2)
    }
    assert len(ids) == 1


def test_dark_region_starts_no_build(shop: Place, codebuild: Any) -> None:
    shop.sandbox.fault("dark", region="eu-west-1", account=shop.keys.account_id)
    assert refused(codebuild.start_build, projectName="runner")[0] == "ServiceUnavailable"


def test_what_is_not_there_is_refused(codebuild: Any, shop: Place) -> None:
    arn = f"arn:aws:codebuild:eu-west-1:{shop.keys.account_id}:project/none"
    assert refused(codebuild.start_build, projectName="none") == (
        "ResourceNotFoundException",
        f"Project cannot be found: {arn}",
    )
    assert codebuild.batch_get_builds(ids=["runner:none"])["buildsNotFound"] == ["runner:none"]
    assert codebuild.batch_get_projects(names=["runner", "none"])["projectsNotFound"] == ["none"]


def test_project_by_cloudformation(shop: Place) -> None:
    stacks = Stacks(shop.client("cloudformation"))
    project = {
        "Type": "AWS::CodeBuild::Project",
        "Properties": {
            "Source": {"Type": "NO_SOURCE", "BuildSpec": inline("python -c 'print(7)'") + "\n"},
            "Artifacts": {"Type": "NO_ARTIFACTS"},
            "Environment": {
                "Type": "LINUX_CONTAINER",
                "Image": "aws/codebuild/standard:7.0",
                "ComputeType": "BUILD_GENERAL1_SMALL",
            },
            "ServiceRole": f"arn:aws:iam::{shop.keys.account_id}:role/{shop.made['profile']}",
        },
    }
    made = stacks.create("runner", template(Runner=project))
    assert made["StackStatus"] == "CREATE_COMPLETE"
    name = stacks.physical("runner")["Runner"]
    client = shop.client("codebuild")
    found = client.batch_get_projects(names=[name])["projects"][0]
    assert found["source"]["buildspec"].startswith("{")
    assert finished(client, projectName=name)["buildStatus"] == "SUCCEEDED"
    assert stacks.delete("runner")["StackStatus"] == "DELETE_COMPLETE"
    assert client.batch_get_projects(names=[name])["projects"] == []
