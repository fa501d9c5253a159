"""Upgrades in a browser, with real workers: one that AWS refuses and a retry, and one that replaces what holds data."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from environments.lifecycle.models import Environment
from environments.operations.models import Operation
from tests.browser.support import uploads_of
from tests.workers.houses import House, wait_ended
from tests.workers.releases import release_edited
from tests.workers.support import REGION

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser, pytest.mark.timeout(300)]
PATIENCE_MS = 120_000
NEWER = "99.0.0"


@pytest.fixture
def environment(ask: Any, house: House) -> Environment:
    """An environment that runs, of the working copy's release."""
    assert wait_ended(ask()).status == "succeeded"
    return Environment.objects.get()


def says(page: Page, words: str) -> None:
    """The sentence on top of an operation's page comes to hold these words."""
    expect(page.locator("#live .sy-sentence").first).to_contain_text(words, timeout=PATIENCE_MS)


def upgrade(page: Page, environment: Environment) -> None:
    """Ask for the newer release from the environment's page."""
    page.goto(f"/environments/{environment.pk}/")
    page.get_by_role("link", name="Change …").click()
    page.get_by_label("Release").select_option(label=f"{NEWER} (default)")
    page.get_by_role("button", name="Plan the change").click()


def approved(*pages: Page) -> None:
    """Each of these people approves the plan that waits."""
    for page in pages:
        page.goto("/approvals/")
        page.get_by_role("link", name="Look and decide").click()
        page.get_by_role("button", name="Approve this plan").click()
        expect(page.locator("body")).to_contain_text("You approved this plan.")


def test_an_upgrade_that_aws_refuses_says_why_and_is_retried(
    visit: Any, environment: Environment, sandbox: Any, tmp_path: Path
) -> None:
    release = release_edited(tmp_path / "newer", NEWER)
    sandbox.fault(
        "failing-type", type="AWS::RDS::DBCluster", action="update", message="No capacity left.", count=1
    )
    lead, approver = visit("team-lead"), visit("approver")
    upgrade(lead, environment)
    says(lead, "Awaiting approval")
    approved(approver)

    # Why, in AWS's words; what was taken back; what is to be done. On the operation, and on the environment.
    says(lead, "Failed")
    says(lead, "No capacity left.")
    says(lead, "CloudFormation took the stack back (UPDATE_ROLLBACK_COMPLETE).")
    expect(lead.locator("#live")).to_contain_text("Correct the cause, then retry")
    expect(lead.locator("#events")).to_contain_text("UPDATE_ROLLBACK_COMPLETE")
    operation = Operation.objects.get(kind="update")
    environment.refresh_from_db()
    assert environment.release != release and environment.status == "active"
    lead.goto(f"/environments/{environment.pk}/")
    expect(lead.locator(".sy-sentence").first).to_contain_text("No capacity left.")
    expect(lead.locator("body")).to_contain_text("environment " + environment.release.version)
    lead.goto("/")
    expect(lead.locator("body")).to_contain_text("One operation failed and wants a look.")

    # The fault is over: a retry goes on at the step that failed, under the approval that was given.
    lead.get_by_role("link", name=f"Update {environment.name}").first.click()
    lead.get_by_role("button", name="Retry").click()
    says(lead, "Succeeded")
    environment.refresh_from_db()
    assert environment.release == release
    assert environment.stacks.get(key="data").status == "UPDATE_COMPLETE"
    assert operation.decisions.count() == 1
    lead.goto(f"/environments/{environment.pk}/?tab=history")
    expect(lead.locator("#r2")).to_contain_text(NEWER)


OUTPUT = '        self.output("UploadsBucket"'


def with_reports(name: str) -> dict[str, tuple[str, str]]:
    """An edit of the blueprint: one more bucket, named so, which no other stack imports.

    What is imported is replaced by nobody: CloudFormation keeps an export that is in use.
    """
    named = f'spec.named("uploads-bucket") + "-{name}"'
    bucket = f'        UploadsBucket(self, "Reports", name={named}, key=keys.data_key, logs=self.logs)\n'
    return {"stacks/storage.py": (OUTPUT, bucket + OUTPUT)}


def test_what_holds_data_is_replaced_once_it_is_named_and_two_approve(
    visit: Any, ask: Any, house: House, sandbox: Any, keys: Any, tmp_path: Path
) -> None:
    older = release_edited(tmp_path / "older", "98.0.0", with_reports("old"))
    assert wait_ended(ask(release=older)).status == "succeeded"
    environment = Environment.objects.get()
    release_edited(tmp_path / "newer", NEWER, with_reports("new"))
    stem = uploads_of(environment)
    lead, approver, administrator = visit("team-lead"), visit("approver"), visit("administrator")

    # Refused, with what would be lost, and nothing is touched.
    upgrade(lead, environment)
    says(lead, "Failed")
    says(lead, "would be replaced by a change of BucketName, which loses every object")
    expect(lead.locator("#losses")).to_contain_text("The old one stays behind, outside of any stack.")
    lead.get_by_role("link", name="Ask again, naming what may be lost …").click()

    # Not ticked, it is refused again: nothing is lost by asking twice.
    lead.get_by_role("button", name="Plan the change").click()
    says(lead, "would be replaced")
    lead.get_by_role("link", name="Ask again, naming what may be lost …").click()
    lead.locator("label.sy-choice", has_text="storage/").click()
    lead.get_by_role("button", name="Plan the change").click()

    # Named, it is a plan in red that two people approve.
    says(lead, "It waits for approval by 2 other people.")
    expect(lead.locator("#plan")).to_contain_text("1 replaced")
    expect(lead.locator("#plan")).to_contain_text("BucketName")
    approved(approver, administrator)
    says(lead, "Succeeded")
    environment.refresh_from_db()
    assert environment.release.version == NEWER
    buckets = {row["Name"] for row in sandbox.client("s3", keys, REGION).list_buckets()["Buckets"]}
    assert {f"{stem}-old", f"{stem}-new"} <= buckets
    operation = Operation.objects.filter(kind="update").latest("pk")
    (named,) = operation.parameters["replace"]
    assert named.startswith("storage/Reports")
    assert sorted(row.decided_by.username for row in operation.decisions.all()) == [
        "administrator",
        "approver",
    ]
