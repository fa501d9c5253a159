"""Pages in a browser: news within a second, keys, narrow and dark, and what axe finds."""

import time
from types import SimpleNamespace
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from devtools.places import ROOT
from environments.lifecycle.models import SandboxOrder, SandboxView
from environments.notifications.fanout import notices_address
from environments.operations.events import Draft, events_write
from environments.operations.models import Operation
from environments.operations.notices import operation_notice
from environments.operations.pauses import pause_set
from portal.pages.environment_parts.base import all_parts
from tests import factories
from tests.browser.conftest import NARROW, WIDE
from tests.portal.test_who_sees_what import FRAGMENTS, PAGES, address_of, ids_make

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser, pytest.mark.timeout(240)]
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
TABS = [part.key for part in all_parts() if part.place == "tab"]
RULES = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
COLOURS = {"type": "rule", "values": ["color-contrast"]}

LEFT = {
    "account": "111122223333",
    "stacks": [
        {"name": "sy-old-network", "region": "eu-west-1", "status": "CREATE_COMPLETE", "resources": 55}
    ],
    "monthly_cost": "263.00",
    "reason": "Given away.",
    "by": "ada",
}


@pytest.fixture
def rows(people: Any) -> dict[str, Any]:
    """Environments and operations in every state that looks different."""
    lead = people["team-lead"]
    account = factories.account_make("sandbox-dev")
    release = factories.release_make("1.0.0", is_default=True)
    place = {"team": lead.teams.get(), "owner": lead, "account": account, "release": release}
    addresses = {"Address": "https://web.dev.example.org"}
    active = factories.environment_make("web", is_protected=True, addresses=addresses, **place)
    stack = factories.stack_make(active, "network")
    factories.resource_make(stack, "Vpc", "AWS::EC2::VPC", physical_id="vpc-0abc")
    factories.resource_make(stack, "Gateway", "AWS::EC2::InternetGateway")
    building = factories.environment_make("checkout", status="provisioning", **place)
    running = factories.operation_make(
        building,
        requested_by=lead,
        phase="execute",
        scope=f"{account.account_id}/eu-west-1",
        started_at=factories.minutes_ago(4),
        stuck_since=factories.minutes_ago(1),
        stuck={"cause": "slow", "why": "Data takes long.", "remedy": "Look at its resources."},
    )
    four, three = factories.minutes_ago(4), factories.minutes_ago(3)
    factories.step_make(running, "network", status="succeeded", started_at=four, ended_at=three)
    told = {"sentence": "The cluster is being created.", "needs": ["network"]}
    factories.step_make(running, "data", status="waiting", waits_for="aws", started_at=three, **told)
    factories.step_make(running, "app", needs=["data"])
    factories.resource_make(
        factories.stack_make(building, "data", status="CREATE_IN_PROGRESS", operation=running),
        "Cluster",
        "AWS::RDS::DBCluster",
        status="CREATE_IN_PROGRESS",
        started_at=factories.minutes_ago(3),
    )
    asked = factories.environment_make("search", status="requested", tier="prod", **place)
    waiting = factories.operation_make(
        asked, status="awaiting-approval", requested_by=lead, approvals_needed=1
    )
    factories.plan_make(waiting)
    broken = factories.environment_make("payments", status="broken", **place)
    failed = factories.operation_make(
        broken, status="failed", requested_by=lead, ended_at=factories.minutes_ago(9),
        failure={"step": "data", "resource": "Cluster", "reason": "not authorized", "remedy": "Deploy the role again."},
    )  # fmt: skip
    told = {"may_skip": "Nobody has seen that it answers.", "run": "addresses"}
    factories.step_make(failed, "addresses", status="failed", parameters=told)
    factories.operation_make(
        active, kind="update", status="queued", phase="execute", scope=running.scope, blocked_by=running
    )
    pause_set(covers=f"environment/{active.pk}", label="environment web", reason="An audit.", actor=lead)
    forgotten = factories.environment_make(
        "old", status="withdrawn", forgotten_at=factories.minutes_ago(9), left_behind=LEFT, **place
    )
    at = factories.minutes_ago(2).isoformat()
    planted = {"id": "fault-1", "script": "script-1", "left": 2, "begins_at": at, "touched": 3}
    bodies = {"active": {"kind": "dark", "mode": "hang"}, "scheduled": {"kind": "slow", "factor": 3}}
    SandboxView.objects.create(
        seen_at=factories.minutes_ago(1),
        faults=[{**planted, "state": state, "ends_at": at, "body": body} for state, body in bodies.items()],
        log=[{"n": 1, "at": at, "event": "begun", "fault": "fault-1", "kind": "dark"}],
    )
    SandboxOrder.objects.create(verb="end-all", status="refused", sentence="It gave no answer.")
    channel = factories.channel_make(lead.teams.get(), failing_since=factories.minutes_ago(3), failures=2)
    delivery = factories.delivery_make(
        channel, status="abandoned", response_code=500, response_text="No room.", sentence="It answered 500."
    )
    operation_notice(failed, "operation.errored", "The cluster has no room.")
    notices_address()
    factories.revision_make(active, requested_by=lead)
    active.spec = active.spec | {"size": "medium"}
    active.save()
    factories.revision_make(active, requested_by=lead, monthly_cost=active.monthly_cost + 120)
    world = SimpleNamespace(team=place["team"], account=account, release=release, people=people)
    return {
        "channel": channel,
        "delivery": delivery,
        "ids": ids_make(world),
        "lead": lead,
        "account": account,
        "release": release,
        "active": active,
        "broken": broken,
        "running": running,
        "waiting": waiting,
        "failed": failed,
        "forgotten": forgotten,
    }


def addresses(rows: dict[str, Any]) -> list[str]:
    """Every page that the table of pages has, every tab, and those that look different in another state."""
    pages = [address_of(name, rows["ids"]) for _, name, _, _ in PAGES if name not in FRAGMENTS]
    return [
        *pages,
        "/lifecycle/environment/?view=failed",
        f"/environments/bulk/protect/?ids={rows['active'].pk},{rows['broken'].pk}",
        *(f"/environments/{rows['active'].pk}/?tab={tab}" for tab in TABS),
        f"/environments/{rows['broken'].pk}/",
        f"/environments/{rows['active'].pk}/compare/?from=1&to=2",
        f"/environments/{rows['active'].pk}/rollback/1/",
        f"/environments/{rows['broken'].pk}/teardown/",
        f"/environments/{rows['forgotten'].pk}/",
        f"/environments/{rows['broken'].pk}/extend/",
        *(f"/operations/{rows[name].pk}/" for name in ("running", "waiting", "failed")),
        "/channels/new/?kind=webhook",
        "/channels/new/?kind=chat",
        f"/channels/{rows['channel'].pk}/",
        f"/deliveries/{rows['delivery'].pk}/",
    ]


def test_what_a_worker_writes_is_on_the_page_within_a_second(visit: Any, rows: dict[str, Any]) -> None:
    page: Page = visit("engineer")
    running: Operation = rows["running"]
    page.goto(f"/operations/{running.pk}/")
    page.evaluate("window.notReloaded = true")
    took = []
    for number in range(5):
        line = f"Resource number {number} was created."
        time.sleep(0.13)  # not in step with the polls
        events_write(running.pk, [Draft("resource.created", line)])
        began = time.monotonic()
        page.locator("#events li", has_text=line).wait_for(state="attached", timeout=5000)
        took.append(time.monotonic() - began)
    assert sorted(took)[2] < 1.0, took
    Operation.objects.filter(pk=running.pk).update(
        status="failed", sentence="The database could not be made."
    )
    expect(page.locator("#live .sy-sentence").first).to_contain_text("could not be made", timeout=3000)
    expect(page.locator("#live")).not_to_have_attribute("hx-trigger", "every 700ms")
    assert page.evaluate("window.notReloaded") is True


def test_page_is_no_longer_than_what_it_shows(visit: Any, rows: dict[str, Any]) -> None:
    running = rows["running"]
    lines = [Draft("b", f"AWS throttles, {number}.", level="warning", step_key="app") for number in range(80)]
    events_write(running.pk, lines)
    page: Page = visit("engineer")
    page.goto(f"/operations/{running.pk}/")
    expect(page.locator("#events li", has_text="AWS throttles")).to_have_count(80)
    below = page.evaluate(
        "document.documentElement.scrollHeight - scrollY"
        " - document.querySelector('.sy-api').getBoundingClientRect().bottom"
    )
    assert below < 200


def test_comment_being_typed_survives_the_polls(visit: Any, rows: dict[str, Any]) -> None:
    page: Page = visit("approver")
    page.goto(f"/operations/{rows['waiting'].pk}/")
    page.get_by_label("Comment").fill("I am still thinking")
    events_write(rows["waiting"].pk, [Draft("a", "Something happened meanwhile.")])
    expect(page.locator("#events")).to_contain_text("Something happened meanwhile.", timeout=5000)
    expect(page.get_by_label("Comment")).to_have_value("I am still thinking")


def test_log_filters_and_links_to_a_line(visit: Any, rows: dict[str, Any]) -> None:
    running = rows["running"]
    calm = Draft("a", "All is well.", step_key="data")
    events_write(running.pk, [calm, Draft("b", "AWS throttles.", level="warning", step_key="app")])
    page: Page = visit("engineer")
    page.goto(f"/operations/{running.pk}/#e3")
    expect(page.locator("#e3")).to_be_in_viewport()
    page.locator("#log-level").select_option("warning")
    expect(page.locator("#e2")).to_be_hidden()
    expect(page.locator("#e3")).to_be_visible()
    page.locator("#log-level").select_option("")
    page.locator("#log-step").select_option("data")
    expect(page.locator("#e2")).to_be_visible()
    expect(page.locator("#e3")).to_be_hidden()


def test_keys_lead_everywhere(visit: Any, rows: dict[str, Any]) -> None:
    page: Page = visit("team-lead")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_hidden()
    for keys, title in (
        ("ge", "environment"),
        ("ga", "Approvals"),
        ("gs", "Start"),
        ("go", "operation"),
        ("gn", "New environment"),
    ):
        page.locator("body").press(keys[0])
        page.keyboard.press(keys[1])
        page.wait_for_function("want => document.title.toLowerCase().includes(want)", arg=title.lower())
    # A page without a search leads to that of the environments.
    page.goto("/approvals/")
    page.keyboard.press("/")
    page.wait_for_url("**/lifecycle/environment/**")
    expect(page.locator("#searchbar")).to_be_focused()
    page.goto("/lifecycle/environment/")
    page.keyboard.press("/")
    page.keyboard.type("checkout")
    # What one types is typed, whatever the keys mean elsewhere.
    page.keyboard.type("?ge")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_hidden()
    for _ in range(3):
        page.keyboard.press("Backspace")
    page.keyboard.press("Enter")
    expect(page.locator("#result_list")).to_contain_text("checkout")
    expect(page.locator("#result_list")).not_to_contain_text("payments")


def test_resources_are_searched_as_one_types(visit: Any, rows: dict[str, Any]) -> None:
    page: Page = visit("engineer")
    page.goto(f"/environments/{rows['active'].pk}/?tab=resources")
    page.get_by_label("Search resources").fill("vpc-0abc")
    expect(page.locator("#resources tbody tr:visible")).to_have_count(1)


def test_many_are_protected_from_the_list_after_a_look(visit: Any, rows: dict[str, Any]) -> None:
    page: Page = visit("team-lead")
    page.goto("/lifecycle/environment/?view=team")
    for name in ("payments", "web"):
        page.locator("#result_list tr", has_text=name).locator("input.action-select").check()
    page.locator("select[name=action]").select_option(label="Protect against teardown …")
    page.get_by_role("button", name="Run").click()
    expect(page.locator(".sy-sentence")).to_contain_text("1 of 2 would be changed")
    expect(page.locator("tr", has_text="web")).to_contain_text("It is protected already.")
    page.get_by_role("button", name="Protect against teardown: 1 environment").click()
    expect(page.locator(".sy-sentence")).to_contain_text("1 of 2 were changed")
    rows["broken"].refresh_from_db()
    assert rows["broken"].is_protected


def test_every_page_fits_a_phone_and_axe_finds_nothing_light_or_dark(
    visit: Any, rows: dict[str, Any], people: Any
) -> None:
    """Each page is loaded once, on a phone, and then widened: colours alone are what is different in the dark."""
    pause_set(covers="111122223333/eu-west-1", reason="A look.", actor=people["administrator"])
    page: Page = visit("administrator")
    source = AXE.read_text()
    wide, found = {}, []
    for address in addresses(rows):
        page.emulate_media(reduced_motion="reduce", color_scheme="light")
        page.set_viewport_size(NARROW)
        page.goto(address)
        over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if over > 0:
            wide[address] = over
        page.set_viewport_size(WIDE)
        page.evaluate(source)
        found += axe(page, address, RULES)
        page.emulate_media(color_scheme="dark")
        page.evaluate("document.documentElement.classList.add('dark')")
        found += axe(page, f"{address} (dark)", COLOURS)
    assert wide == {}
    assert not found, "\n".join(found)


def axe(page: Page, where: str, only: dict[str, Any]) -> list[str]:
    """What axe finds in the main part of a page: a line for each element, three of a kind at most."""
    violations = page.evaluate(
        """async only => (await axe.run({include: [["#main"]]}, {runOnly: only})).violations
             .map(v => [v.id, v.nodes.slice(0, 3).map(n => n.html.slice(0, 160))])""",
        only,
    )
    return [f"{where} {rule} {node}" for rule, nodes in violations for node in nodes]


def test_who_likes_the_dark_gets_it(visit: Any, rows: dict[str, Any]) -> None:
    page: Page = visit("engineer", dark=True)
    assert page.evaluate("document.documentElement.classList.contains('dark')")
