"""Part three's story in a browser, with real workers: changed, seen in its history, drifted, put back, taken back."""

import time
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from environments.lifecycle.models import Environment
from tests.browser.support import uploads_of
from tests.workers.houses import House, wait_ended
from tests.workers.support import REGION

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser, pytest.mark.timeout(300)]
PATIENCE_MS = 120_000


def decided(page: Page, approver: Page) -> None:
    """The plan on `page` is approved by somebody else, and carried out while both look on."""
    expect(page.locator("#live .sy-sentence").first).to_contain_text("Awaiting approval", timeout=PATIENCE_MS)
    approver.goto("/approvals/")
    approver.get_by_role("link", name="Look and decide").click()
    approver.get_by_role("button", name="Approve this plan").click()
    expect(page.locator("#live .sy-sentence").first).to_contain_text("Succeeded", timeout=PATIENCE_MS)


def test_changed_drifted_put_back_and_taken_back(
    visit: Any, ask: Any, house: House, sandbox: Any, keys: Any
) -> None:
    assert wait_ended(ask()).status == "succeeded"
    environment = Environment.objects.get()
    home = f"/environments/{environment.pk}/"
    lead, approver = visit("team-lead"), visit("approver")

    # Changed: the plan tells properties and cost, before and after; one's own plan is for others to approve.
    lead.goto(home)
    lead.get_by_role("link", name="Change …").click()
    lead.get_by_label("Size").select_option("medium")
    lead.get_by_role("button", name="Plan the change").click()
    expect(lead.locator("#plan")).to_contain_text("DBInstanceClass", timeout=PATIENCE_MS)
    expect(lead.locator("#plan")).to_contain_text("USD")
    expect(lead.locator("#around")).to_contain_text("another person has to approve it")
    decided(lead, approver)

    # Told: by the portal's own inbox, to who asked, a moment after the end.
    deadline = time.monotonic() + PATIENCE_MS / 1000
    lead.goto("/notifications/")
    while "succeeded" not in lead.locator("body").inner_text():
        assert time.monotonic() < deadline, "Nobody is told of the end."
        lead.reload()

    # Drifted by hand: found on demand, by property, and put back by a plan.
    bucket = uploads_of(environment)
    s3 = sandbox.client("s3", keys, REGION)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    lead.goto(f"{home}?tab=drift")
    lead.get_by_role("button", name="Check now").click()
    expect(lead.get_by_role("heading", name="Stack storage")).to_be_visible(timeout=PATIENCE_MS)
    expect(lead.locator("body")).to_contain_text("Suspended")
    lead.get_by_role("button", name="Plan to put storage back").click()
    decided(lead, approver)
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    lead.goto(f"{home}?tab=drift")
    expect(lead.locator("body")).to_contain_text("put back by")

    # Its history: two revisions, compared, and the way back to the first.
    lead.goto(f"{home}?tab=history")
    expect(lead.locator("#r2")).to_contain_text("medium")
    lead.locator("#r2").get_by_role("link", name="What changed").click()
    expect(lead.locator("body")).to_contain_text("DBInstanceClass", timeout=PATIENCE_MS)
    lead.goto(f"{home}?tab=history")
    lead.locator("#r1").get_by_role("link", name="Roll back").click()
    lead.get_by_role("button", name="Plan the way back").click()
    decided(lead, approver)
    environment.refresh_from_db()
    assert environment.size == "small"

    # Held back and let go again; then kept for longer, within what its tier allows.
    lead.goto(f"{home}?tab=control")
    lead.get_by_label("Reason, which everybody sees").fill("Hands off during the fair.")
    lead.get_by_role("button", name=f"Pause {environment.name}").click()
    expect(lead.locator("body")).to_contain_text("Hands off during the fair.")
    lead.get_by_role("button", name="Lift").click()
    expect(lead.locator("body")).not_to_contain_text("Hands off during the fair.")
    lead.get_by_role("link", name="Extend").click()
    lead.locator("label.sy-choice").first.click()
    lead.get_by_role("button", name=f"Extend {environment.name}").click()
    before = environment.expires_at
    environment.refresh_from_db()
    assert environment.expires_at > before
    expect(lead.get_by_role("button", name="Undo")).to_be_visible()
