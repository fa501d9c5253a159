"""The page of the sandbox's faults in a browser: by keyboard, with what a worker does told without a reload."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from environments.lifecycle.models import SandboxOrder
from tests import factories
from workers.sandbox import sandbox_round

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser, pytest.mark.timeout(240)]


def test_fault_is_set_and_ended_by_keyboard(visit: Any, sandbox: Any, settings: Any) -> None:
    settings.SANDBOX_URL = sandbox.url
    factories.account_make("sandbox-dev", regions=["eu-west-1", "eu-central-1"])
    page: Page = visit("administrator")
    page.goto("/sandbox/faults/")
    expect(page.locator("#live")).to_contain_text("A worker is asked")
    sandbox_round()
    expect(page.locator("#live")).to_contain_text("Nothing is planted", timeout=5000)
    page.get_by_label("Kind").focus()
    page.keyboard.type("Slow")
    expect(page.get_by_label("Times as long")).to_be_visible()
    page.get_by_label("Region").select_option("eu-central-1")
    page.get_by_label("Times as long").fill("3")
    page.get_by_label("Begins in").fill("900")
    page.keyboard.press("Enter")
    expect(page.locator("#live")).to_contain_text("Setting: Slow stacks, eu-central-1")
    page.evaluate("window.notReloaded = true")
    sandbox_round()
    row = page.locator("#live li", has_text="Slow stacks").first
    expect(row).to_contain_text("Scheduled", timeout=5000)
    [fault] = sandbox.control("GET", "faults")
    assert (fault["kind"], fault["region"], fault["factor"], fault["after_s"]) == (
        "slow",
        "eu-central-1",
        3,
        900,
    )
    assert page.evaluate("window.notReloaded") is True
    cancel = page.get_by_role("button", name=f"Cancel {fault['id']}")
    cancel.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#live")).to_contain_text(f"Ending {fault['id']}")
    sandbox_round()
    expect(page.locator("#live")).to_contain_text("Nothing is planted", timeout=5000)
    expect(page.locator("#log")).to_contain_text("Cancelled")
    assert list(SandboxOrder.objects.values_list("status", flat=True)) == ["done", "done"]


def test_focus_stays_while_nothing_changes(visit: Any, sandbox: Any, settings: Any) -> None:
    settings.SANDBOX_URL = sandbox.url
    sandbox.fault("dark", region="eu-central-1", account="210000000074")
    sandbox_round()
    page: Page = visit("administrator")
    page.goto("/sandbox/faults/")
    end = page.get_by_role("button", name="End fault-")
    end.focus()
    page.wait_for_timeout(2500)
    expect(end).to_be_focused()
    sandbox.fault("deny", region="eu-central-1", account="210000000074")
    sandbox_round()
    expect(page.locator("#live")).to_contain_text("2 faults planted", timeout=5000)
    expect(end.first).to_be_focused()


@pytest.mark.parametrize(("narrow", "dark"), [(False, False), (True, True)], ids=["wide", "narrow and dark"])
def test_script_is_put_together_set_and_ended(
    visit: Any, sandbox: Any, settings: Any, narrow: bool, dark: bool
) -> None:
    settings.SANDBOX_URL = sandbox.url
    factories.account_make("sandbox-dev", regions=["eu-west-1", "eu-central-1"])
    page: Page = visit("administrator", narrow=narrow, dark=dark)
    page.goto("/sandbox/faults/")
    page.get_by_text("every service, unless some are picked").click()
    page.get_by_label("RDS", exact=True).check()
    page.get_by_label("S3", exact=True).check()
    page.get_by_label("Lasts, seconds").fill("600")
    page.get_by_role("button", name="Add to a script").click()
    page.get_by_label("Kind").select_option("slow")
    expect(page.get_by_label("Times as long")).to_be_visible()
    page.get_by_label("When").select_option("delete")
    page.get_by_label("Times as long").fill("4")
    page.get_by_label("Begins in").fill("900")
    page.get_by_role("button", name="Add to a script").click()
    script = page.locator("#script")
    expect(script).to_contain_text("Dark, every region, RDS and S3")
    expect(script).to_contain_text("after 15 min; When: deleting; Times as long: 4")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.get_by_label("Name", exact=True).fill("Evening")
    page.get_by_role("button", name="Set the script").click()
    expect(page.locator("#live")).to_contain_text("Setting the script Evening: 2 faults")
    sandbox_round()
    expect(page.locator("#live")).to_contain_text("2 faults planted", timeout=5000)
    assert [f["service"] for f in sandbox.control("GET", "faults") if f["kind"] == "dark"] == [["rds", "s3"]]
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.get_by_role("button", name="End script-").click()
    sandbox_round()
    expect(page.locator("#live")).to_contain_text("Nothing is planted", timeout=5000)
    assert sandbox.control("GET", "faults") == []
