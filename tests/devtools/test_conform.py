"""`make conform`, with a second account of the local AWS as the live one: it is found as boto3 finds a live one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from devtools.places import ROOT
from devtools.sandbox import Keys, Sandbox

ACCOUNT = "330000000031"
ROW = "tests/sandbox/test_cloudformation.py::"


@pytest.fixture(scope="module")
def keys(sandbox: Sandbox) -> Keys:
    return sandbox.account(ACCOUNT)


def conform(sandbox: Sandbox, keys: Keys, state: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run it with credentials and endpoint in the environment, as a person has them."""
    found = {
        "AWS_ENDPOINT_URL": sandbox.url,
        "AWS_ACCESS_KEY_ID": keys.access_key_id,
        "AWS_SECRET_ACCESS_KEY": keys.secret_access_key,
        "SWITCHYARD_STATE": str(state),
    }
    return subprocess.run(
        [sys.executable, "-m", "devtools.conform", *arguments],
        env={**os.environ, **found},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_what_passes_is_in_the_report_and_nothing_stays(sandbox: Sandbox, keys: Keys, tmp_path: Path) -> None:
    done = conform(sandbox, keys, tmp_path, ACCOUNT, "1", f"{ROW}test_termination_protection",
                   f"{ROW}test_retained_resource_stays_without_its_stack",
                   f"{ROW}test_failing_type_fails_with_its_message")  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed, 1 deselected" in done.stdout
    report = (tmp_path / "conform.md").read_text()
    assert ": 2\n\n- test_termination_protection\n- test_retained_resource" in report
    client = sandbox.client("cloudformation", keys)
    stacks = client.list_stacks()["StackSummaries"]
    assert {stack["StackStatus"] for stack in stacks} == {"DELETE_COMPLETE"}
    # A retained one is told, for whether it may go is a person's decision.
    (left,) = sandbox.client("ssm", keys).describe_parameters()["Parameters"]
    assert f"LEFT OVER, delete it yourself: AWS::SSM::Parameter {left['Name']}" in done.stdout


def test_other_services_are_asked_and_nothing_of_theirs_stays(sandbox: Sandbox, tmp_path: Path) -> None:
    keys = sandbox.account("330000000033")
    services = "tests/sandbox/services/"
    rows = [
        "tests/sandbox/test_s3.py::test_versions_and_delete_markers",
        f"{services}test_kms.py::test_key_waits_for_its_deletion_and_comes_back_disabled",
        f"{services}test_secretsmanager.py::test_new_value_becomes_current_and_the_old_one_previous",
        f"{services}test_ecr.py::test_pushed_image_comes_back_by_tag_and_digest",
        f"{services}edge/test_route53.py::test_zones_by_name_begin_at_the_name",
        f"{services}dynamodb/test_tables.py::test_protected_table_is_not_deleted",
        f"{services}dynamodb/test_items.py::test_condition_decides",
        # A second region, which is not asked for.
        f"{services}test_kms.py::test_replica_opens_what_its_primary_sealed",
    ]
    done = conform(sandbox, keys, tmp_path, keys.account_id, "1", *rows)
    assert done.returncode == 0, done.stdout + (tmp_path / "conform.md").read_text()
    assert "7 passed, 1 deselected" in done.stdout and "LEFT OVER" not in done.stdout
    assert "Counted against the cap of 1 USD: 0.09 USD." in done.stdout
    found = sandbox.control("GET", "resources", account=keys.account_id)
    left = {(row["type"], row["state"]) for row in found} - {("AWS::IAM::AccessKey", "available")}
    assert left == {("AWS::KMS::Key", "PendingDeletion")}


def test_what_an_account_shares_is_not_changed(sandbox: Sandbox, keys: Keys, tmp_path: Path) -> None:
    row = "tests/sandbox/services/test_ecr.py::test_registry_does_not_copy_to_itself"
    assert conform(sandbox, keys, tmp_path, ACCOUNT, "1", row).returncode == 1
    assert (
        "PutReplicationConfiguration is not asked of a live account" in (tmp_path / "conform.md").read_text()
    )


def test_types_without_a_price_are_not_made(sandbox: Sandbox, keys: Keys, tmp_path: Path) -> None:
    done = conform(
        sandbox,
        keys,
        tmp_path,
        ACCOUNT,
        "1",
        "tests/sandbox/test_types_by_schema.py::test_other_types_are_refused_by_name",
    )
    assert done.returncode == 1
    assert "has no price in devtools/live.py, so it is not made" in (tmp_path / "conform.md").read_text()


def test_cap_is_not_passed(sandbox: Sandbox, keys: Keys, tmp_path: Path) -> None:
    row = "tests/sandbox/test_change_sets.py::test_each_kind_of_change_is_told_with_its_values"
    done = conform(sandbox, keys, tmp_path, ACCOUNT, "0.005", row)
    assert "The cap of 0.005 USD would be passed." in (tmp_path / "conform.md").read_text()
    assert done.returncode == 1
    names = {s["StackName"] for s in sandbox.client("cloudformation", keys).list_stacks()["StackSummaries"]}
    assert "told" not in names


@pytest.mark.parametrize(
    ("account", "said"),
    [
        ("", "Name the account of your credentials"),
        ("12", "Name the account of your credentials"),
        ("330000000032", f"The credentials found are those of account {ACCOUNT}, not of 330000000032."),
    ],
)
def test_wrong_account_is_told_and_nothing_is_asked(
    account: str, said: str, sandbox: Sandbox, keys: Keys, tmp_path: Path
) -> None:
    done = conform(sandbox, keys, tmp_path, account, "1")
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
