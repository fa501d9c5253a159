"""The ways out of the portal: the export in the hands of the real CDK CLI, resync after a fix by hand, forget."""

import io
import json
import subprocess
import zipfile

import pytest
from django.conf import settings

from devtools.node import with_our_tools
from devtools.places import ROOT
from devtools.sandbox import OFTEN
from environments.errors import Conflict
from environments.lifecycle.export import CDK_CLI, environment_export
from environments.lifecycle.forget import environment_forget
from environments.lifecycle.models import Environment
from environments.lifecycle.resync import environment_resync
from environments.lifecycle.update import environment_update
from environments.operations.control import operation_retry
from environments.operations.models import AuditEntry, Stack
from tests.workers.support import ACCOUNT_ID, REGION, approve, drive, fresh

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(240)]


def stacks_of(sandbox, keys):
    """Status by name of the environment's stacks in AWS."""
    stem = f"sy-{Environment.objects.get().full_name}-"
    rows = sandbox.client("cloudformation", keys, REGION).describe_stacks()["Stacks"]
    return {row["StackName"]: row["StackStatus"] for row in rows if row["StackName"].startswith(stem)}


@pytest.fixture
def resync(people):
    """Have the one environment read anew, to the end."""

    def ask():
        asked = environment_resync(environment=Environment.objects.get(), actor=people["engineer"])
        # What the observer would tell meanwhile is left to the resync to find.
        operation = drive(asked, observing=False)
        assert operation.status == "succeeded", operation.sentence
        return operation

    return ask


def test_the_version_of_the_cli_is_the_one_that_is_pinned():
    assert json.loads((ROOT / "package.json").read_text())["devDependencies"]["aws-cdk"] == CDK_CLI


def test_the_plain_cdk_cli_goes_on_where_the_portal_stops(active, people, sandbox, keys, tmp_path):
    made = environment_export(environment=active, actor=people["engineer"])
    zipfile.ZipFile(io.BytesIO(made.content)).extractall(tmp_path)
    folder = tmp_path / active.full_name
    told = json.loads((folder / "environment.json").read_text())
    before = stacks_of(sandbox, keys)
    assert {row["name"]: row["status"] for row in told["stacks"]} == before
    assert told["addresses"] == active.addresses
    assert [row["key"] for row in told["stacks"] if "Address" in row["outputs"]] == ["app"]
    readme = (folder / "README.md").read_text()
    order = [readme.index(f"deploy --app assembly --exclusively {row['name']} ") for row in told["stacks"]]
    assert order == sorted(order)

    def cdk(*words):
        environment = {
            **with_our_tools({"HOME": str(tmp_path)}),
            "AWS_ENDPOINT_URL": settings.SANDBOX_URL,
            "AWS_ACCESS_KEY_ID": keys.access_key_id,
            "AWS_SECRET_ACCESS_KEY": keys.secret_access_key,
            "AWS_REGION": REGION,
        }
        command = [str(ROOT / "node_modules/.bin/cdk"), *words, "--app", "assembly", "--no-notices", "--ci"]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    said = cdk("deploy", "--all", "--require-approval", "never")
    assert said.count("(no changes)") == len(before), said
    assert stacks_of(sandbox, keys) == before
    cloudformation = sandbox.client("cloudformation", keys, REGION)
    for row in told["stacks"]:
        protection = f"--no-enable-termination-protection --stack-name {row['name']}\n"
        assert (protection in readme) == row["is_protected"]
        if row["is_protected"]:
            cloudformation.update_termination_protection(
                StackName=row["name"], EnableTerminationProtection=False
            )
    s3 = sandbox.client("s3", keys, REGION)
    for bucket in told["buckets"]:
        for version in s3.list_object_versions(Bucket=bucket).get("Versions", []):
            s3.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
    for row in reversed(told["stacks"]):
        cdk("destroy", "--exclusively", row["name"], "--force")
    assert stacks_of(sandbox, keys) == {}


def test_an_export_holds_no_secret_and_is_audited(active, people, sandbox, keys):
    made = environment_export(environment=active, actor=people["engineer"])
    text = b"".join(
        zipfile.ZipFile(io.BytesIO(made.content)).read(name)
        for name in zipfile.ZipFile(io.BytesIO(made.content)).namelist()
        if not name.endswith(".zip")
    ).decode()
    secrets = sandbox.client("secretsmanager", keys, REGION)
    values = [
        secrets.get_secret_value(SecretId=row["ARN"])["SecretString"]
        for row in secrets.list_secrets()["SecretList"]
        if active.full_name in row["Name"]
    ]
    assert values
    assert not [value for value in values if json.loads(value).get("password", value) in text]
    assert settings.PORTAL_AWS_SECRET_ACCESS_KEY not in text
    assert active.account.external_id not in text
    assert AuditEntry.objects.filter(action="environment.exported").count() == 1


def test_what_was_never_deployed_cannot_be_exported(ask, people):
    environment = Environment.objects.get(pk=ask().subject_id)
    with pytest.raises(Conflict, match="ever deployed"):
        environment_export(environment=environment, actor=people["administrator"])


def test_a_resync_of_what_nobody_touched_finds_nothing(active, resync, sandbox):
    before = sandbox.control("GET", "requests/counts")["last"]
    operation = resync()
    assert operation.sentence.endswith("and healthy. Nothing differed.")
    rows = sandbox.control("GET", "requests", after=before, limit=100_000)
    reads = ("Describe", "Get", "List", "Assume", "Receive", "Delete")
    changing = [row["operation"] for row in rows if not row["operation"].startswith(reads)]
    assert changing == []
    assert operation.plan.document["differences"] == []


def test_a_resync_takes_up_what_was_changed_made_and_deleted_by_hand(active, people, resync, sandbox, keys):
    cloudformation = sandbox.client("cloudformation", keys, REGION)
    rows = {row.key: row for row in active.stacks.all()}
    Stack.objects.filter(pk=rows["keys"].pk).update(outputs={"Old": "1"}, status="UPDATE_IN_PROGRESS")
    rows["network"].resources.first().delete()
    rows["storage"].delete()
    # The alarms import what the application exports: they go first.
    for key in ("operations", "app"):
        cloudformation.delete_stack(StackName=rows[key].name)
        cloudformation.get_waiter("stack_delete_complete").wait(StackName=rows[key].name, WaiterConfig=OFTEN)
    operation = resync()
    told = operation.state["resynced"]
    assert f"{rows['keys'].name} is CREATE_COMPLETE, and was UPDATE_IN_PROGRESS." in told["differences"]
    assert f"{rows['keys'].name} has other outputs." in told["differences"]
    assert f"{rows['storage'].name} is there (CREATE_COMPLETE), and was not known." in told["differences"]
    assert f"{rows['app'].name} is gone; it was CREATE_COMPLETE." in told["differences"]
    assert any(line.startswith(f"{rows['network'].name} holds besides ") for line in told["differences"])
    assert not told["healthy"] and f"{rows['app'].name} is not there." in operation.sentence
    assert Environment.objects.get().status == "active"
    statuses = dict(active.stacks.values_list("key", "status"))
    assert {statuses.pop(key) for key in ("operations", "app")} == {"DELETE_COMPLETE"}
    assert set(statuses.values()) == {"CREATE_COMPLETE"}
    assert active.stacks.get(key="storage").resources.count() > 0
    assert resync().state["resynced"]["differences"] == []
    # What is missing comes back by an update that changes nothing else.
    rebuilt = drive(environment_update(environment=active, changes={}, actor=people["engineer"]))
    planned = {stack["key"]: stack["action"] for stack in rebuilt.plan.document["stacks"]}
    assert {key for key, action in planned.items() if action != "none"} == {"operations", "app"}
    assert planned["app"] == "create"
    if rebuilt.status == "awaiting-approval":
        rebuilt = drive(approve(rebuilt, people))
    assert rebuilt.status == "succeeded", rebuilt.sentence
    assert set(stacks_of(sandbox, keys).values()) == {"CREATE_COMPLETE"}
    with pytest.raises(Conflict, match="like that already"):
        environment_update(environment=active, changes={}, actor=people["engineer"])


def test_a_broken_environment_that_was_put_right_by_hand_is_active(ask, people, monkeypatch, resync):
    operation = ask()
    with monkeypatch.context() as unwell:
        unwell.setattr("workers.addresses.HEALTHY", frozenset())
        drive(operation, until=lambda row: row.steps.filter(key="addresses", looks__gt=1).exists())
        operation.steps.filter(key="addresses").update(time_limit_s=0)
        assert drive(operation).status == "failed"
    assert Environment.objects.get().status == "broken"
    told = resync()
    environment = Environment.objects.get()
    assert (environment.status, told.state["resynced"]["healthy"]) == ("active", True)
    assert environment.addresses["Address"] == told.state["resynced"]["addresses"]["Address"]
    with pytest.raises(Conflict, match="is active: nothing is left to provision"):
        operation_retry(operation_id=operation.pk, actor=people["team-lead"])


def test_a_forgotten_environment_stays_in_aws_and_in_the_audit(active, people, sandbox, keys, ask):
    before = stacks_of(sandbox, keys)
    last = sandbox.control("GET", "requests/counts")["last"]
    forgotten = environment_forget(
        environment=active, confirm=active.name, reason="Given away.", actor=people["administrator"]
    )
    assert sandbox.control("GET", "requests", after=last, limit=100) == []
    assert stacks_of(sandbox, keys) == before
    assert (forgotten.status, forgotten.left_behind["reason"]) == ("withdrawn", "Given away.")
    assert {row["name"] for row in forgotten.left_behind["stacks"]} == set(before)
    assert all(row["resources"] for row in forgotten.left_behind["stacks"])
    assert AuditEntry.objects.get(action="environment.forgotten").after["left_behind"]["monthly_cost"] != "0"
    environment_export(environment=forgotten, actor=people["administrator"])
    again = fresh(ask(name=active.name, domain=f"other.{active.account.zone_name}"))
    assert again.parameters["spec"]["cidr"] != active.cidr
    assert forgotten.left_behind["account"] == ACCOUNT_ID
