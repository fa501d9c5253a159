"""The main story by script, over HTTP, with real workers and the sandbox: asked for, approved, active, gone."""

import os
import time

import httpx
import pytest

from environments.people.models import TokenScope
from environments.people.services import token_create
from tests.workers.conftest import account, keys, people, release  # noqa: F401 - fixtures
from tests.workers.houses import House

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(240)]
ENDED = {"succeeded", "failed", "errored", "cancelled", "rejected", "expired"}


@pytest.fixture
def house(portal_env, portal_principal, tmp_path):
    """A worker with a beat, on the test's own database, queue and sandbox."""
    names = ("PORTAL_AWS_ACCESS_KEY_ID", "PORTAL_AWS_SECRET_ACCESS_KEY")
    house = House(tmp_path, {**portal_env, **{name: os.environ[name] for name in names}}).start()
    yield house
    house.stop()


@pytest.fixture
def script(live_server, people):  # noqa: F811
    """`script("team-lead")`: an HTTP client with a token of that person, as a script would have."""
    clients = []

    def of(role):
        _, token = token_create(
            user=people[role], name="story", scopes=TokenScope.values, days=1, actor=people[role]
        )
        client = httpx.Client(
            base_url=f"{live_server.url}/api/v1/",
            headers={"Authorization": f"Bearer {token}"},
            timeout=60,
            trust_env=False,
        )
        clients.append(client)
        return client

    yield of
    for client in clients:
        client.close()


def until(client, operation, wanted):
    """Wait, as a script does, until the operation is as wanted; answers it."""
    deadline = time.monotonic() + 90
    while operation["status"] not in wanted:
        assert operation["status"] not in ENDED, operation["sentence"]
        assert time.monotonic() < deadline, operation["sentence"]
        operation = client.get(f"operations/{operation['id']}/", params={"wait": 5}).json()
    return operation


def approve(client, operation):
    """Approve what was seen."""
    answer = client.post(
        f"operations/{operation['id']}/approve/", json={"hash": operation["plan"]["hash"], "comment": "Fine."}
    )
    assert answer.status_code == 200, answer.text


def test_from_request_to_active_and_back_to_nothing(script, account, house):  # noqa: F811
    lead, approver = script("team-lead"), script("approver")
    wanted = {
        "name": "shop",
        "team": "shop",
        "tier": "staging",
        "size": "small",
        "account": account.name,
        "home_region": "eu-west-1",
    }
    asked = lead.post("environments/", json=wanted, headers={"Idempotency-Key": "story-1"})
    assert asked.status_code == 202, asked.text
    again = lead.post("environments/", json=wanted, headers={"Idempotency-Key": "story-1"})
    assert again.json()["id"] == asked.json()["id"]

    operation = until(lead, asked.json(), {"awaiting-approval"})
    own = lead.post(f"operations/{operation['id']}/approve/", json={"hash": operation["plan"]["hash"]})
    assert own.status_code == 403 and "another person" in own.json()["detail"]
    stale = approver.post(f"operations/{operation['id']}/approve/", json={"hash": "0" * 64})
    assert stale.status_code == 409
    approve(approver, operation)
    until(lead, operation, {"succeeded"})
    shop = lead.get("environments/shop/").json()
    assert (shop["status"], shop["is_protected"]) == ("active", True)
    assert shop["addresses"]["Address"].startswith("https://shop.")
    events = lead.get(f"operations/{operation['id']}/events/", params={"after": 0}).json()["results"]
    assert [event["number"] for event in events] == list(range(1, len(events) + 1))

    stores = {store["key"]: store["can_keep"] for store in shop["stores"]}
    assert {"database", "uploads", "logs"} < set(stores) and not all(stores.values())
    goodbye = {"confirm": "shop", "copies": dict.fromkeys(stores, False) | {"database": True}}
    refused = lead.post("environments/shop/teardown/", json=goodbye)
    assert refused.status_code == 409 and "protected" in refused.json()["detail"]
    assert lead.post("environments/shop/protect/", json={"is_protected": False}).status_code == 200
    operation = until(
        lead, lead.post("environments/shop/teardown/", json=goodbye).json(), {"awaiting-approval"}
    )
    approve(approver, operation)
    until(lead, operation, {"succeeded"})
    gone = lead.get(f"environments/{shop['id']}/").json()
    assert gone["status"] == "torn-down"
    report = gone["teardown_report"]
    assert report["left_over"] == [] and report["deleting"]
    assert any(row["type"] == "AWS::RDS::DBClusterSnapshot" for row in report["kept"])
    assert lead.get("environments/shop/").status_code == 404
