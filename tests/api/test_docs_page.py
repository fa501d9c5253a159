"""The page that shows the API, in a real browser under our content security policy."""

import pytest
import yaml
from allauth.mfa.models import Authenticator
from playwright.sync_api import expect

from devtools.places import ROOT

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def tags() -> set[str]:
    """The groups of the API's operations, by its document."""
    document = yaml.load((ROOT / "docs" / "openapi.yaml").read_text(), yaml.CSafeLoader)
    found = (operation for path in document["paths"].values() for operation in path.values())
    return {operation["tags"][0] for operation in found}


def test_the_page_draws_every_operation_and_breaks_no_rule_of_ours(live_server, browser, house, client):
    Authenticator.objects.create(user=house.people["auditor"], type="totp", data={"secret": "encrypted"})
    client.force_login(house.people["auditor"])
    complaints: list[str] = []
    context = browser.new_context()
    context.add_cookies(
        [{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}]
    )
    page = context.new_page()
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{live_server.url}/api/v1/docs/")
    groups = page.locator("h3.opblock-tag")
    expect(groups.first).to_be_visible()
    assert groups.evaluate_all("all => all.map(one => one.dataset.tag)") == sorted(tags())
    page.get_by_role("link", name="environments", exact=True).click()
    expect(page.get_by_text("/api/v1/environments/{environment}/teardown/")).to_be_visible()
    expect(page.locator(".opblock").first).to_be_visible()
    page.get_by_text("/api/v1/environments/{environment}/teardown/").click()
    expect(page.get_by_text("Idempotency-Key").first).to_be_visible()
    context.close()
    assert complaints == []
