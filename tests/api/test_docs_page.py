"""The page that shows the API, in a real browser under our content security policy."""

import pytest
from allauth.mfa.models import Authenticator
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


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
    expect(page.get_by_text("/api/v1/environments/{environment}/teardown/")).to_be_visible()
    expect(page.locator(".opblock").first).to_be_visible()
    page.get_by_text("/api/v1/environments/{environment}/teardown/").click()
    expect(page.get_by_text("Idempotency-Key").first).to_be_visible()
    context.close()
    assert complaints == []
