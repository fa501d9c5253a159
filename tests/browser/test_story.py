"""The main story in a browser, with real workers and the sandbox: asked for, planned, approved, live, gone."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from environments.lifecycle.models import Environment
from environments.operations.models import Operation
from tests.workers.houses import House

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser, pytest.mark.timeout(300)]
# Long enough that bars are seen to move, short enough for a test: a 7-minute database takes 4 seconds.
SPEED = 0.01
PATIENCE_MS = 120_000
PARTS = [
    "Web ACL",
    "Load balancer",
    "Application",
    "Database proxy",
    "Aurora MySQL",
    "Network",
    "Keys and secrets",
    "Uploads and logs",
    "Users and their data",
    "Usage events",
    "Notifications",
    "Alarms and dashboard",
    "Backups",
]
"""What an environment of staging is made of, as its page shows it."""


def sentence(page: Page) -> Any:
    """The sentence on top of an operation's page."""
    return page.locator("#live .sy-sentence")


def never_reloaded(page: Page) -> None:
    """Mark the page; `reloaded` tells whether the mark is gone."""
    page.evaluate("window.notReloaded = true")


def reloaded(page: Page) -> bool:
    return page.evaluate("window.notReloaded") is not True


def test_from_request_to_active_and_back_to_nothing(
    visit: Any, account: Any, house: House, sandbox: Any
) -> None:
    sandbox.settings(speed=SPEED)
    lead, approver = visit("team-lead"), visit("approver")

    # Requested: cost and names appear while one types; a bad name is told at its field.
    lead.get_by_role("link", name="New environment").first.click()
    lead.get_by_label("Name", exact=True).fill("Shop")
    expect(lead.locator("#problem-name")).to_contain_text("lower-case letters")
    lead.get_by_label("Name", exact=True).fill("shop")
    expect(lead.locator("#problem-name")).to_be_empty()
    lead.locator("label", has_text="Staging").click()
    expect(lead.locator("#preview")).to_contain_text("sy-shop-xxxx-uploads-")
    expect(lead.locator("#preview")).to_contain_text("USD")
    lead.get_by_role("button", name="Request it").click()

    # Planned: the same page, live, without a reload.
    expect(lead).to_have_title("Build shop | Switchyard")
    never_reloaded(lead)
    expect(sentence(lead)).to_contain_text("Awaiting approval", timeout=PATIENCE_MS)
    expect(lead.locator("#plan")).to_contain_text("added")
    expect(lead.locator("#around")).to_contain_text("another person has to approve it")

    # Approved by somebody else, who sees the plan and its cost.
    approver.keyboard.press("g")
    approver.keyboard.press("a")
    approver.get_by_role("link", name="Look and decide").click()
    expect(approver.locator("#plan")).to_contain_text("Estimated cost")
    approver.get_by_label("Comment").fill("Fine with me.")
    approver.get_by_role("button", name="Approve this plan").click()
    expect(approver.locator("body")).to_contain_text("You approved this plan")

    # Watched: bars, lanes, resources and events move on the page that the lead left open.
    expect(lead.locator("#live [role=progressbar]").first).not_to_have_attribute(
        "aria-valuenow", "0", timeout=PATIENCE_MS
    )
    expect(lead.locator("#resources tbody tr").first).to_be_visible(timeout=PATIENCE_MS)
    expect(sentence(lead)).to_contain_text("Succeeded", timeout=PATIENCE_MS)
    expect(lead.locator("#around")).to_contain_text("Fine with me.")
    events = lead.locator("#events li").count()
    assert events == Operation.objects.get().event_count
    assert not reloaded(lead)

    # Active, with its address.
    lead.get_by_role("link", name="shop", exact=True).click()
    expect(lead.locator(".sy-head .sy-pill")).to_contain_text("Active")
    expect(lead.get_by_role("link", name="https://shop.").first).to_be_visible()
    shown = lead.locator(".sy-node.sy-green b")
    expect(shown).to_have_text(PARTS)

    # Protected outside development; then torn down by name, with a word on each store.
    expect(lead.locator(".sy-head")).to_contain_text("protected")
    lead.get_by_role("button", name="Turn protection off").click()
    lead.get_by_role("link", name="Tear down").click()
    button = lead.get_by_role("button", name="Tear shop down")
    lead.locator("label", has_text="Keep a last copy").first.click()
    for no in lead.locator("label", has_text="No copy").all()[1:]:
        no.click()
    lead.get_by_label("to confirm").fill("shup")
    expect(button).to_be_disabled()
    lead.get_by_label("to confirm").fill("shop")
    button.click()
    expect(sentence(lead)).to_contain_text("Awaiting approval", timeout=PATIENCE_MS)
    expect(lead.locator("#plan")).to_contain_text("What is lost")
    approver.goto("/approvals/")
    approver.get_by_role("link", name="Look and decide").click()
    approver.get_by_role("button", name="Approve this plan").click()
    expect(sentence(lead)).to_contain_text("Succeeded", timeout=PATIENCE_MS)

    # Shown to be gone.
    lead.reload()
    report = lead.locator("#report")
    expect(report).to_contain_text("Left over · 0")
    expect(report).to_contain_text("Kept on purpose")
    environment = Environment.objects.get()
    assert environment.status == "torn-down"
    lead.goto(f"/environments/{environment.pk}/")
    expect(lead.locator(".sy-head .sy-pill")).to_contain_text("Torn down")
